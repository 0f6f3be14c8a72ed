//! The form of a rule file as data: which keys a table has, what type each holds, what becomes of it.

use super::keys;
use super::tree::Table;
use crate::diagnostic::{Diagnostic, MISSING_KEY};

/// What a value must be.
#[derive(Debug)]
pub(super) enum Form {
    /// Text, perhaps empty.
    Text,
    /// Text with something in it.
    Filled,
    /// A date or time, bare or as text.
    Moment,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number within both bounds.
    Integer(i128, i128),
    /// True or false.
    Boolean,
    /// A list of one form.
    List(&'static Form),
    /// A table of these keys.
    Table(&'static TableForm),
    /// A table whose keys are names that the writer chooses.
    Named(&'static Form),
    /// A table of anything.
    AnyTable,
    /// Either of two forms.
    Either(&'static Form, &'static Form),
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Optional,
    /// Every table of this form has it.
    Required,
    /// Every rule that can run has it.
    ByRunnable,
}

/// What becomes of a key that the rule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Obeyed or kept, and carried into the alert where the alert has a place for it.
    Carried,
    /// Carried as well, but what it asks for is not done; the words say what happens instead.
    NotApplied(&'static str),
    /// The rule is refused unless the value is empty; the words say why.
    Refused(&'static str),
    /// It belongs to rules of another type.
    OfType(&'static str),
}

/// One known key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) need: Need,
    pub(super) fate: Fate,
    /// A line that sets it, for the one who forgot it; may be empty.
    pub(super) example: &'static str,
}

/// The known keys of a table.
#[derive(Debug)]
pub(super) struct TableForm {
    pub(super) keys: &'static [Key],
}

/// An optional key that is carried.
pub(super) const fn key(name: &'static str, form: Form) -> Key {
    Key { name, form, need: Need::Optional, fate: Fate::Carried, example: "" }
}

impl Key {
    pub(super) const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    pub(super) const fn by_runnable(self) -> Self {
        Self { need: Need::ByRunnable, ..self }
    }

    pub(super) const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    pub(super) const fn not_applied(self, instead: &'static str) -> Self {
        Self { fate: Fate::NotApplied(instead), ..self }
    }

    pub(super) const fn refused(self, reason: &'static str) -> Self {
        Self { fate: Fate::Refused(reason), ..self }
    }

    pub(super) const fn of_type(self, rule_type: &'static str) -> Self {
        Self { fate: Fate::OfType(rule_type), ..self }
    }
}

impl TableForm {
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Compares a whole file with the known keys; what differs goes to `problems`.
pub(super) fn check(root: &Table, problems: &mut Vec<Diagnostic>) {
    if let Some(problem) = without_header(root) {
        problems.push(problem);
        return;
    }
    let rule_type = root.table("rule").and_then(|rule| rule.text("type"));
    let runnable = rule_type.is_none_or(|rule_type| rule_type.node == keys::SUPPORTED_TYPE);
    super::check_form::Checker { runnable, problems }.table(root, &keys::FILE, "");
}

/// Compares a file that only declares what is expected with the known keys.
pub(super) fn check_expected(root: &Table, problems: &mut Vec<Diagnostic>) {
    let form = &super::stakeout_keys::EXPECTED_FILE;
    super::check_form::Checker { runnable: true, problems }.table(root, form, "");
}

/// One problem instead of one a key where `[rule]` was forgotten above its keys.
fn without_header(root: &Table) -> Option<Diagnostic> {
    if root.get("rule").is_some() {
        return None;
    }
    let stray = root.entries.iter().find(|entry| keys::home_of(&entry.key.node) == Some("rule"))?;
    let message = format!("the header `[rule]` is missing above `{}`", stray.key.node);
    let problem = Diagnostic::error(MISSING_KEY, stray.key.span, message);
    Some(problem.hint("put `[rule]` on a line of its own above it"))
}

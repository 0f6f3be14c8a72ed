//! Compares the tables of a file with the known keys: unknown, missing, wrongly typed and refused ones.

use std::collections::BTreeSet;

use super::form::{Fate, Form, Key, Need, TableForm};
use super::nearest;
use super::tree::{Entry, Table, TomlValue};
use crate::diagnostic::{
    Diagnostic, EMPTY_VALUE, FEATURE_NOT_APPLIED, KEY_OF_ANOTHER_TYPE, MISSING_KEY, Node, OUT_OF_RANGE, Span,
    UNKNOWN_KEY, UNSUPPORTED_RULE_FEATURE, VALUE_NOT_ALLOWED, WRONG_TYPE,
};

/// One comparison of a file.
pub(super) struct Checker<'a> {
    /// Whether the rule is of a type that can run; of others only the type is complained about.
    pub(super) runnable: bool,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Compares one table; `path` is its dotted name, empty for the file itself.
    pub(super) fn table(&mut self, table: &Table, form: &TableForm, path: &str) {
        // A key that is meant by a mistyped one is not missing as well.
        let mut meant = BTreeSet::new();
        for entry in &table.entries {
            let name = entry.key.node.as_str();
            if let Some(key) = form.key(name) {
                self.known(entry, key, path);
                continue;
            }
            let near = nearest::of(name, form.keys.iter().map(|key| key.name));
            meant.extend(near);
            self.problems.push(unknown(entry, near, form, path));
        }
        for key in form.keys.iter().filter(|key| table.get(key.name).is_none() && !meant.contains(key.name)) {
            if key.need == Need::Required || (key.need == Need::ByRunnable && self.runnable) {
                self.problems.push(missing(key, table.span, path));
            }
        }
    }

    fn known(&mut self, entry: &Entry, key: &Key, path: &str) {
        let before = self.problems.len();
        let name = join(path, key.name);
        self.value(&entry.value, &key.form, &name);
        // A value of the wrong type says nothing about what it asks for.
        if self.runnable && self.problems.len() == before {
            self.problems.extend(fate_of(entry, key));
        }
    }

    fn value(&mut self, value: &Node<TomlValue>, form: &Form, name: &str) {
        match (form, &value.node) {
            (_, TomlValue::Invalid)
            | (Form::Text, TomlValue::Text(_))
            | (Form::Boolean, TomlValue::Boolean(_))
            | (Form::Moment, TomlValue::Datetime(_))
            | (Form::AnyTable, TomlValue::Table(_)) => {}
            (Form::Filled | Form::Moment, TomlValue::Text(text)) => self.filled(text, value.span, name),
            (Form::OneOf(allowed), TomlValue::Text(text)) => self.one_of(text, allowed, value.span, name),
            (Form::Integer(low, high), TomlValue::Integer(number)) => {
                self.within(*number, *low, *high, value.span, name);
            }
            (Form::List(form), TomlValue::Array(items)) => {
                for item in items {
                    self.value(item, form, name);
                }
            }
            (Form::Table(form), TomlValue::Table(table)) => self.table(table, form, name),
            (Form::Named(form), TomlValue::Table(table)) => {
                for entry in &table.entries {
                    self.value(&entry.value, form, &join(name, &entry.key.node));
                }
            }
            (Form::Either(one, _), found) if accepts(one, found) => self.value(value, one, name),
            (Form::Either(_, other), found) if accepts(other, found) => self.value(value, other, name),
            _ => self.problems.push(wrong_type(value, form, name)),
        }
    }

    fn filled(&mut self, text: &str, span: Span, name: &str) {
        if text.trim().is_empty() {
            self.problems.push(Diagnostic::error(EMPTY_VALUE, span, format!("`{name}` is empty")));
        }
    }

    fn one_of(&mut self, text: &str, allowed: &[&str], span: Span, name: &str) {
        if allowed.contains(&text) {
            return;
        }
        let message = format!("expected {} for `{name}`, found `{text}`", listed(allowed));
        let problem = Diagnostic::error(VALUE_NOT_ALLOWED, span, message);
        self.problems.push(match nearest::of(text, allowed.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        });
    }

    fn within(&mut self, number: i128, low: i128, high: i128, span: Span, name: &str) {
        if (low..=high).contains(&number) {
            return;
        }
        let range =
            if high >= i128::from(u32::MAX) { format!("at least {low}") } else { format!("{low} to {high}") };
        let message = format!("expected {range} for `{name}`, found `{number}`");
        self.problems.push(Diagnostic::error(OUT_OF_RANGE, span, message));
    }
}

fn accepts(form: &Form, value: &TomlValue) -> bool {
    matches!(
        (form, value),
        (Form::Text | Form::Filled | Form::OneOf(_), TomlValue::Text(_))
            | (Form::List(_), TomlValue::Array(_))
            | (Form::Integer(..), TomlValue::Integer(_))
    )
}

fn fate_of(entry: &Entry, key: &Key) -> Option<Diagnostic> {
    let place = entry.key.span;
    if entry.value.node.is_empty() {
        return None;
    }
    let name = key.name;
    match key.fate {
        Fate::Carried => None,
        Fate::NotApplied(instead) => Some(Diagnostic::warning(
            FEATURE_NOT_APPLIED,
            place,
            format!("`{name}` is not applied: {instead}"),
        )),
        Fate::Refused(reason) => Some(
            Diagnostic::error(UNSUPPORTED_RULE_FEATURE, place, format!("`{name}` is not supported yet"))
                .hint(reason),
        ),
        Fate::OfType(rule_type) => {
            let message =
                format!("`{name}` belongs to rules of type `{rule_type}`, and this is an `eql` rule");
            Some(Diagnostic::error(KEY_OF_ANOTHER_TYPE, place, message).hint(format!("remove `{name}`")))
        }
    }
}

fn unknown(entry: &Entry, near: Option<&str>, form: &TableForm, path: &str) -> Diagnostic {
    let name = &entry.key.node;
    let is_table = matches!(&entry.value.node, TomlValue::Table(_));
    let message = match (path.is_empty(), is_table) {
        (true, true) => format!("unknown table `[{name}]`"),
        (true, false) => format!("unknown key `{name}` outside of any table"),
        (false, _) => format!("unknown key `{name}` in `{}`", header(path)),
    };
    let problem = Diagnostic::error(UNKNOWN_KEY, entry.key.span, message);
    if let Some(near) = near {
        let near = if path.is_empty() { format!("[{near}]") } else { near.to_owned() };
        return problem.hint(format!("did you mean `{near}`?"));
    }
    if let Some(home) = super::keys::home_of(name).filter(|home| *home != path) {
        return problem.hint(format!("`{name}` belongs into `[{home}]`"));
    }
    let known: Vec<_> = form.keys.iter().map(|key| key.name).collect();
    problem.hint(format!("known here: {}", known.join(", ")))
}

fn missing(key: &Key, place: Span, path: &str) -> Diagnostic {
    let message = if path.is_empty() {
        format!("the table `[{}]` is missing", key.name)
    } else {
        format!("`{}` is missing from `{}`", key.name, header(path))
    };
    let problem = Diagnostic::error(MISSING_KEY, place, message);
    if key.example.is_empty() { problem } else { problem.hint(format!("add `{}`", key.example)) }
}

fn wrong_type(value: &Node<TomlValue>, form: &Form, name: &str) -> Diagnostic {
    let expected = described(form);
    let message = format!("expected {expected} for `{name}`, found {}", value.node.kind());
    let problem = Diagnostic::error(WRONG_TYPE, value.span, message);
    match (form, &value.node) {
        (Form::Integer(..), TomlValue::Text(text)) if text.parse::<i64>().is_ok() => {
            problem.hint(format!("write it without quotes: `{text}`"))
        }
        (Form::Boolean, TomlValue::Text(text)) if text == "true" || text == "false" => {
            problem.hint(format!("write it without quotes: `{text}`"))
        }
        (Form::Text | Form::Filled | Form::OneOf(_), TomlValue::Integer(number)) => {
            problem.hint(format!("put it in quotes: `\"{number}\"`"))
        }
        (Form::List(Form::Text | Form::Filled), TomlValue::Text(_)) => {
            problem.hint("put it in brackets, even if it is one: `[\"…\"]`")
        }
        (Form::List(Form::Table(_)), TomlValue::Table(_)) => {
            problem.hint(format!("there may be several of it: write the header as `[[{name}]]`"))
        }
        (Form::Table(_), TomlValue::Array(_)) => {
            problem.hint(format!("there is only one of it: write the header as `[{name}]`"))
        }
        _ => problem,
    }
}

/// A form in words, for messages.
fn described(form: &Form) -> String {
    match form {
        Form::Text | Form::Filled => "a string".to_owned(),
        Form::Moment => "a date or time".to_owned(),
        Form::OneOf(allowed) => listed(allowed),
        Form::Integer(..) => "an integer".to_owned(),
        Form::Boolean => "a boolean".to_owned(),
        Form::List(Form::Text | Form::Filled) => "an array of strings".to_owned(),
        Form::List(Form::Table(_) | Form::AnyTable) => "an array of tables".to_owned(),
        Form::List(_) => "an array".to_owned(),
        Form::Table(_) | Form::Named(_) | Form::AnyTable => "a table".to_owned(),
        Form::Either(one, other) => format!("{} or {}", described(one), described(other)),
    }
}

/// "`a`", "`a` or `b`", "`a`, `b` or `c`".
fn listed(allowed: &[&str]) -> String {
    let quoted: Vec<_> = allowed.iter().map(|one| format!("`{one}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

fn header(path: &str) -> String {
    if super::keys::is_repeated(path) { format!("[[{path}]]") } else { format!("[{path}]") }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

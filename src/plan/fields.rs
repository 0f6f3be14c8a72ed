//! The ways in which the indices map a field, and what each of them answers.

use super::Input;
use super::ask::{Answer, Target, ask};
use crate::diagnostic::{Diagnostic, UNANSWERABLE_FIELD};
use crate::dsl::Query;
use crate::eql::Leaf;
use crate::eval::{self, Kind};
use crate::schema::{FieldForm, FieldType};

/// What the indices of one form answer to a leaf.
pub(super) struct FormAnswer {
    /// The indices; empty for all.
    pub indices: Vec<String>,
    /// The field asked, for messages.
    pub name: String,
    /// What they answer, or why they cannot.
    pub answer: Result<Answer, Refusal>,
}

/// Why a form cannot answer.
pub(super) struct Refusal {
    /// In words.
    pub reason: String,
    /// What to report where no index answers.
    pub problem: Option<Box<Diagnostic>>,
}

/// What every form of the leaf's field answers; one answer by assumption where the field's type is not known.
pub(super) fn answers(leaf: &Leaf, field: &str, input: &Input<'_>) -> Vec<FormAnswer> {
    let forms = input.schema.forms(field);
    if !input.schema.knows(field) || (forms.is_empty() && input.schema.indices.is_empty()) {
        let answer = answer(leaf, field, Kind::Loose, FieldType::Keyword, input);
        return vec![FormAnswer { indices: Vec::new(), name: field.to_owned(), answer }];
    }
    forms.iter().map(|form| of_form(leaf, field, form, input)).collect()
}

fn of_form(leaf: &Leaf, field: &str, form: &FieldForm, input: &Input<'_>) -> FormAnswer {
    let asks_presence = matches!(leaf, Leaf::IsNull { .. });
    // Presence is that of the field itself; everything else is asked of the form that is not analysed.
    let exact = form.exact.as_deref().filter(|_| form.field_type == FieldType::Text && !asks_presence);
    let name = exact.unwrap_or(field);
    let answer = match refusal(form, exact.is_some() || asks_presence) {
        Some(reason) => Err(Refusal { problem: None, reason: reason.to_owned() }),
        None => match Kind::of(form.field_type) {
            Some(kind) => answer(leaf, name, kind, form.field_type, input),
            None => Err(Refusal { problem: None, reason: "its type cannot be queried by EQL".to_owned() }),
        },
    };
    FormAnswer { indices: form.indices.clone(), name: name.to_owned(), answer }
}

/// Why a form answers nothing at all, if so.
fn refusal(form: &FieldForm, has_exact: bool) -> Option<&'static str> {
    match form.field_type {
        _ if !form.searchable => Some("it is not searchable there (`index: false`)"),
        FieldType::Text if !has_exact => Some("it is `text` there without a `keyword` sub-field"),
        FieldType::Object => Some("it is an object there"),
        FieldType::Nested => Some("it is `nested` there, which EQL cannot query"),
        _ => None,
    }
}

fn answer(
    leaf: &Leaf,
    name: &str,
    kind: Kind,
    field_type: FieldType,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    if let Err(problem) = eval::check_leaf(leaf, kind) {
        return Err(Refusal { reason: problem.message.clone(), problem: Some(problem) });
    }
    Ok(ask(leaf, &Target { name, kind, field_type, allow_expensive: input.allow_expensive }))
}

/// Whether the form of a script's field can be read: the reason why not.
pub(super) fn unreadable(form: &FieldForm) -> Option<&'static str> {
    refusal(form, form.exact.is_some())
        .or_else(|| Kind::of(form.field_type).is_none().then_some("its type cannot be queried by EQL"))
}

/// What to report of a field that no index answers.
pub(super) fn unanswerable(leaf: &Leaf, refusal: &Refusal) -> Option<Diagnostic> {
    refusal.problem.as_deref().cloned().or_else(|| {
        let field = leaf.field()?;
        let message = format!("`{}` cannot be answered by any index: {}", field.node, refusal.reason);
        Some(Diagnostic::error(UNANSWERABLE_FIELD, field.span, message))
    })
}

/// Restricts a query to some indices.
pub(super) fn restricted(indices: &[String], query: Query) -> Query {
    Query::all_of(vec![Query::terms("_index", indices.iter().map(String::as_str)), query])
}

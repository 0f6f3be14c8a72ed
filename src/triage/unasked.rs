//! Answers to questions that cannot be asked, each with the reason.

use super::answer::{Answer, Status};
use super::case::Case;
use crate::diagnostic::Diagnostic;
use crate::eql::Query;

/// There is no index to ask.
pub(super) fn no_index() -> Answer {
    Answer::without(Status::NotInData, "not in this data: no index to ask".to_owned())
}

/// Whether the alert has every value that a condition needs, none of them of more than `longest` characters.
pub(super) fn values_fit(query: &Query, case: &Case<'_>, longest: usize) -> Result<(), Answer> {
    for name in query.placeholders() {
        let value = case.values.get(&name.node).ok_or_else(|| not_asked(&name.node))?;
        too_long(&name.node, &value, longest)?;
    }
    Ok(())
}

/// Refuses a value of an alert of more than `longest` characters, which no index holds.
pub(super) fn too_long(name: &str, value: &str, longest: usize) -> Result<(), Answer> {
    if value.chars().nth(longest).is_none() {
        return Ok(());
    }
    let text = format!("not in this data: the {} is longer than what is indexed", words(name));
    Err(Answer::without(Status::NotInData, text))
}

/// The alert lacks a value.
pub(super) fn not_asked(name: &str) -> Answer {
    Answer::without(Status::NotAsked, format!("not asked: no {}", words(name)))
}

/// No index has the field.
pub(super) fn not_in_data(field: &str) -> Answer {
    Answer::without(Status::NotInData, format!("not in this data: no field {field}"))
}

/// The condition does not fit the fields of the indices.
pub(super) fn failed(problems: &[Diagnostic]) -> Answer {
    let reason = problems.first().map_or("the condition fits no index", |problem| problem.message.as_str());
    Answer::without(Status::Failed, format!("failed: {reason}"))
}

/// The name of a value in words.
fn words(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { name.replace('_', " ") }
}

//! The commands that answer an alert: the rule's with the alert's values, or why one cannot be offered.

use serde::Serialize;

use crate::diagnostic::sanitize;
use crate::rule::Rule;
use crate::rule::triage::{ResponseCommand, Values, Withheld};

/// One command, as the alert carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FilledCommand {
    pub(super) label: String,
    pub(super) effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) undo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// Why there is no command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) withheld: Option<String>,
}

/// The commands of `rule` with these values.
pub(super) fn commands(rule: &Rule, values: &Values<'_>) -> Vec<FilledCommand> {
    rule.triage.commands.iter().map(|command| filled(command, rule, values)).collect()
}

fn filled(command: &ResponseCommand, rule: &Rule, values: &Values<'_>) -> FilledCommand {
    let text = command.command.filled(values);
    let undo = command.undo.as_ref().map(|undo| undo.filled(values)).transpose();
    let note =
        command.note.as_ref().map(|note| note.filled(|name| values.get(name).map(|value| sanitize(&value))));
    let mut filled = FilledCommand {
        label: command.label.clone(),
        effect: command.effect.as_str(),
        command: None,
        undo: None,
        note,
        withheld: None,
    };
    // What cannot be taken back as announced is not offered either.
    match text.and_then(|text| undo.map(|undo| (text, undo))) {
        Ok((text, undo)) => (filled.command, filled.undo) = (Some(text), undo),
        Err(reason) => filled.withheld = Some(in_words(&reason, rule)),
    }
    filled
}

fn in_words(reason: &Withheld, rule: &Rule) -> String {
    let source = |name: &str| rule.triage.values.iter().find(|form| form.name == name);
    match reason {
        Withheld::Absent(name) => match source(name) {
            Some(form) => {
                let pattern =
                    form.pattern.as_ref().map(|pattern| format!(" that matches `{}`", pattern.as_str()));
                let pattern = pattern.unwrap_or_default();
                format!("this alert has no `{name}`: no value of `{}`{pattern}", form.from)
            }
            None => format!("this alert has no `{name}`"),
        },
        Withheld::Unfit(name) => format!("`{name}` has characters that are not safe in a command"),
    }
}

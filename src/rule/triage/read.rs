//! `[stakeout]`'s tables on triage, read: every value typed, every problem with its place.

use std::collections::HashMap;

use chrono::TimeDelta;
use regex::Regex;

use super::check::{Names, condition, sentence};
use super::command::commands;
use super::expected::expected;
use super::pivot::pivots;
use super::question::{Evidence, Indices, QuestionKind, TriageQuestion};
use super::value::ValueForm;
use super::words::{ANSWER_WORDS, Measure, When, Words};
use super::{Grade, Grades, Triage};
use crate::diagnostic::{
    DUPLICATE_VALUE, Diagnostic, EMPTY_VALUE, INVALID_INDEX_PATTERN, INVALID_NAME, INVALID_PATTERN,
    INVALID_TIME_SPAN, INVALID_WHEN, Node, UNASKABLE_QUESTION, UNKNOWN_PLACEHOLDER, VALUE_NOT_ALLOWED,
};
use crate::rule::report::Report;
use crate::rule::tree::{Table, TomlValue};
use crate::rule::{check_values, names, time_span};

/// The most questions of one rule: each takes seven fields of the alerts' mapping.
const MOST_QUESTIONS: usize = 64;

/// The word by which a question is asked among the alerts.
const ALERTS: &str = "alerts";

/// Reads the triage of a rule's `[stakeout]`; what cannot be used goes to the report.
pub(in crate::rule) fn read(stakeout: &Table, report: &mut Report) -> Triage {
    let values = values(stakeout, report);
    let names = Names::new(stakeout.table("values"));
    let scope = stakeout.text("triage_scope").and_then(|text| condition(&text, report));
    let questions = questions(stakeout, &names, report);
    let grades = grades(stakeout, report);
    let expected = expected(stakeout, report);
    let pivots = pivots(stakeout, &names, report);
    let commands = commands(stakeout, &values, report);
    Triage { values, scope, questions, grades, expected, pivots, commands }
}

fn values(stakeout: &Table, report: &mut Report) -> Vec<ValueForm> {
    let Some(table) = stakeout.table("values") else { return Vec::new() };
    let mut forms = Vec::new();
    for entry in &table.entries {
        let name = &entry.key;
        name_fits(&Node::new(name.span, name.node.as_str()), "the name of a value", report);
        if ANSWER_WORDS.contains(&name.node.as_str()) {
            let message =
                format!("`{{{}}}` says something of an answer; a value needs another name", name.node);
            report.problems.push(Diagnostic::error(INVALID_NAME, name.span, message));
        }
        let TomlValue::Table(value) = &entry.value.node else { continue };
        let Some(from) = value.text("from") else { continue };
        check_values::field_name(&from, &mut report.problems);
        let pattern = match value.text("match").map(|text| (text.span, Regex::new(text.node))) {
            None => None,
            Some((_, Ok(pattern))) => Some(pattern),
            Some((span, Err(error))) => {
                let message = format!("the pattern cannot be used: {}", last_line(&error.to_string()));
                report.problems.push(Diagnostic::error(INVALID_PATTERN, span, message));
                continue;
            }
        };
        forms.push(ValueForm { name: name.node.clone(), from: from.node.to_owned(), pattern });
    }
    forms
}

/// The reason in a message of several lines, which draw the pattern again.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn questions(stakeout: &Table, names: &Names, report: &mut Report) -> Vec<TriageQuestion> {
    let mut seen = HashMap::new();
    let mut questions = Vec::new();
    for table in stakeout.tables("triage") {
        if let Some(id) = table.text("id") {
            name_fits(&id, "the id of a question", report);
            if seen.insert(id.node, id.span).is_some() {
                let message = format!("a question with the id `{}` stands here twice", id.node);
                report.problems.push(Diagnostic::error(DUPLICATE_VALUE, id.span, message));
            }
        }
        questions.extend(question(table, names, report));
    }
    if questions.len() > MOST_QUESTIONS
        && let Some(list) = stakeout.get("triage")
    {
        let message = format!("expected at most {MOST_QUESTIONS} questions, found {}", questions.len());
        report.problems.push(Diagnostic::error(UNASKABLE_QUESTION, list.span, message));
    }
    questions
}

fn question(table: &Table, names: &Names, report: &mut Report) -> Option<TriageQuestion> {
    let kind = QuestionKind::named(table.text("kind")?.node)?;
    let condition = names.question(table, kind, report);
    let evidence =
        table.tables("evidence").filter_map(|one| evidence(one, table, kind, names, report)).collect();
    let (before, after) = window(table, kind, report);
    let indices = indices(table, report);
    let say = sentence(table, "say", names, report).unwrap_or_else(|| Words::new(default_say(kind)));
    let say_none = sentence(table, "say_none", names, report);
    report.problems.extend(["say", "say_none"].iter().filter_map(|key| unknown_words(table, key, kind)));
    Some(TriageQuestion {
        id: table.text("id")?.node.to_owned(),
        question: table.text("question")?.node.to_owned(),
        guide_step: table.text("guide_step").map(|step| step.node.to_owned()),
        kind,
        condition,
        field: table.text("field").map(|field| field.node.to_owned()),
        before,
        after,
        indices,
        with_itself: table.boolean("with_itself").is_some_and(|with_itself| with_itself.node),
        say,
        say_none: say_none.unwrap_or_else(|| Words::new(default_say_none(kind))),
        evidence,
    })
}

/// What a sentence says that a question of this kind does not find out.
fn unknown_words(table: &Table, key: &str, kind: QuestionKind) -> Option<Diagnostic> {
    let written = table.text(key)?;
    let words = Words::new(written.node);
    let unknown = words.names().find(|name| kind.unknown_words().contains(name))?;
    let message = format!("a question of kind `{}` does not find out `{{{unknown}}}`", kind.name());
    let problem = Diagnostic::error(UNKNOWN_PLACEHOLDER, written.span, message);
    Some(problem.hint(match unknown {
        "first" => "kind `first_last` does",
        _ => "kind `count` counts the events, and takes longer where there are many",
    }))
}

fn default_say(kind: QuestionKind) -> &'static str {
    match kind {
        QuestionKind::Count => "{count} events",
        QuestionKind::Terms => "{top}",
        QuestionKind::FirstLast => "first {first}, last {last}",
        QuestionKind::Exists | QuestionKind::Event => "yes",
        QuestionKind::Compare => "{count} of {total} events, on {days} days",
    }
}

fn default_say_none(kind: QuestionKind) -> &'static str {
    match kind {
        QuestionKind::Event => "no",
        QuestionKind::Compare => "never in {total} events since {from}",
        _ => "none until {until}",
    }
}

fn evidence(
    table: &Table,
    question: &Table,
    kind: QuestionKind,
    names: &Names,
    report: &mut Report,
) -> Option<Evidence> {
    let say = sentence(table, "say", names, report);
    report.problems.extend(unknown_words(table, "say", kind));
    let written = table.text("when")?;
    let when = match When::parse(written.node) {
        Ok(when) => when,
        Err(message) => {
            report.problems.push(Diagnostic::error(INVALID_WHEN, written.span, message));
            return None;
        }
    };
    for measure in when.measures() {
        let (fits, name, needed) = match measure {
            Measure::Distinct => (kind == QuestionKind::Terms, "distinct", "terms"),
            Measure::Total => (kind == QuestionKind::Compare, "total", "compare"),
            Measure::Count | Measure::Days => continue,
        };
        if !fits {
            let message = format!("only a question of kind `{needed}` has a `{name}`");
            report.problems.push(Diagnostic::error(INVALID_WHEN, written.span, message));
        }
    }
    if kind.tells_presence_alone() && !when.asks_for_presence_alone() {
        let message =
            format!("a question of kind `{}` tells whether there is any event, not how many", kind.name());
        let problem = Diagnostic::error(INVALID_WHEN, written.span, message);
        report.problems.push(problem.hint("compare `count == 0` or `count >= 1`, or ask by kind `count`"));
    }
    Some(Evidence {
        when,
        weight: i32::try_from(table.integer("weight")?).ok()?,
        group: table.text("group")?.node.to_owned(),
        is_final: table.boolean("final").is_some_and(|is_final| is_final.node),
        say: say.unwrap_or_else(|| Words::new(question.text("question").map_or("", |text| text.node))),
    })
}

/// How far before and after its event a question looks.
pub(super) fn window(table: &Table, kind: QuestionKind, report: &mut Report) -> (TimeDelta, TimeDelta) {
    let mut offset = |key: &str| {
        let Some(written) = table.text(key) else { return Some(TimeDelta::zero()) };
        if kind == QuestionKind::Event {
            let message =
                format!("`{key}` means nothing for a question of kind `event`, which searches nothing");
            report.problems.push(Diagnostic::error(UNASKABLE_QUESTION, written.span, message));
        }
        match time_span::parse_offset(written.node) {
            Ok(offset) => Some(offset),
            Err(message) => {
                report.problems.push(Diagnostic::error(INVALID_TIME_SPAN, written.span, message));
                None
            }
        }
    };
    let (Some(before), Some(after)) = (offset("before"), offset("after")) else {
        return (TimeDelta::zero(), TimeDelta::zero());
    };
    if kind != QuestionKind::Event && before + after <= TimeDelta::zero() {
        let place = table.get("before").or_else(|| table.get("after")).map_or(table.span, |value| value.span);
        let problem = Diagnostic::error(UNASKABLE_QUESTION, place, "the question covers no time");
        let hint = "say how far it looks: `before = \"24h\"`, `after = \"12h\"`, or both";
        report.problems.push(problem.hint(hint));
    }
    (before, after)
}

pub(super) fn indices(table: &Table, report: &mut Report) -> Indices {
    if let Some(word) = table.text("indices") {
        if word.node != ALERTS {
            let message = format!("expected `{ALERTS}` or a list of patterns, found `{}`", word.node);
            report.problems.push(Diagnostic::error(VALUE_NOT_ALLOWED, word.span, message));
        }
        return Indices::Alerts;
    }
    let patterns: Vec<Node<&str>> = table.texts("indices").collect();
    if patterns.iter().map(|pattern| pattern.node).eq([ALERTS]) {
        return Indices::Alerts;
    }
    for pattern in &patterns {
        if let Some(fault) = names::index_pattern_fault(pattern.node) {
            let message = format!("`{}` is no index pattern: {fault}", pattern.node);
            report.problems.push(Diagnostic::error(INVALID_INDEX_PATTERN, pattern.span, message));
        }
    }
    if patterns.is_empty() {
        return Indices::Rule;
    }
    Indices::Patterns(patterns.into_iter().map(|pattern| pattern.node.to_owned()).collect())
}

fn grades(stakeout: &Table, report: &mut Report) -> Grades {
    let Some(list) = stakeout.get("grades") else { return Grades::default() };
    let grade = |table: &Table| {
        let least = table.integer("at_least").map(i32::try_from);
        Some(Grade {
            name: table.text("name")?.node.to_owned(),
            at_least: least.transpose().ok()?,
            say: table.text("say")?.node.to_owned(),
        })
    };
    for name in stakeout.tables("grades").filter_map(|table| table.text("name")) {
        name_fits(&name, "the name of a grade", report);
    }
    let all: Option<Vec<Grade>> = stakeout.tables("grades").map(grade).collect();
    let Some(all) = all else { return Grades::default() };
    Grades::new(all).unwrap_or_else(|| {
        let message =
            "expected grades with different `at_least`, and exactly one without it for all lower scores";
        report.problems.push(Diagnostic::error(EMPTY_VALUE, list.span, message));
        Grades::default()
    })
}

/// Names become parts of fields and of placeholders.
fn name_fits(name: &Node<&str>, what: &str, report: &mut Report) {
    let fits = name.node.starts_with(|first: char| first.is_ascii_lowercase())
        && name.node.len() <= 64
        && name.node.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !fits && !name.node.trim().is_empty() {
        let message = format!(
            "expected {what} of lower case letters, digits and `_`, a letter first, found `{}`",
            name.node
        );
        report.problems.push(Diagnostic::error(INVALID_NAME, name.span, message));
    }
}

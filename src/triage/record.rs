//! A triage as it stands in an alert: a part of the document that leaves every other field as it is.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::case::Case;
use super::prepare::Prepared;
use super::section::{HEADING, section};
use super::verdict::Verdict;
use crate::event::Event;

/// When the questions were asked last.
pub const ASKED_AT: &str = "stakeout.verdict.asked_at";

/// When they are asked again.
pub const DUE: &str = "stakeout.verdict.due";

/// The guide of an alert, in Markdown.
const NOTE: &str = "kibana.alert.rule.note";

/// What earlier triages left in an alert.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredTriage {
    /// When the questions were asked last.
    pub asked_at: Option<DateTime<Utc>>,
    /// The answers by the questions' ids.
    pub answers: BTreeMap<String, Answer>,
}

impl StoredTriage {
    /// Reads what stands in an alert's document.
    #[must_use]
    pub fn of(alert: &Event) -> Self {
        let answers = match alert.source.get("stakeout.triage") {
            Some(Value::Object(answers)) => answers
                .iter()
                .filter_map(|(id, answer)| Some((id.clone(), Answer::from_json(answer)?)))
                .collect(),
            _ => BTreeMap::new(),
        };
        let asked_at = alert.text(ASKED_AT).and_then(|time| time.parse().ok());
        Self { asked_at, answers }
    }
}

/// What a triage writes into its alert.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The questions.
    pub prepared: &'a Prepared<'a>,
    /// Their answers, in the same order.
    pub answers: &'a [Answer],
    /// What they come to.
    pub verdict: &'a Verdict,
    /// When they were asked.
    pub now: DateTime<Utc>,
    /// When they are asked again; none where nothing is open.
    pub due: Option<DateTime<Utc>>,
    /// The rule's own guide, for an alert that has none.
    pub guide: Option<&'a str>,
}

impl Record<'_> {
    /// The fields of the alert of `case`; those with dots in their names are as alerts have them.
    #[must_use]
    pub fn fields(&self, case: &Case<'_>) -> Map<String, Value> {
        let questions = self.prepared.questions().zip(self.answers);
        let answers: Map<String, Value> =
            questions.map(|(question, answer)| (question.id.clone(), answer.to_json())).collect();
        let facts: Map<String, Value> =
            case.values.named().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let mut fields = Map::new();
        fields.insert("stakeout.facts".into(), facts.into());
        fields.insert("stakeout.triage".into(), answers.into());
        let times = [("asked_at", Some(stamp(self.now))), ("due", self.due.map(stamp))];
        let mut verdict = self.verdict.to_json();
        for (name, time) in times {
            verdict[name] = json!(time);
        }
        fields.insert("stakeout.verdict".into(), verdict);
        let section = section(self.prepared, self.answers, self.verdict, self.now, self.due);
        let guide = case.values.event().text(NOTE);
        fields.insert(NOTE.into(), note(guide.as_deref().or(self.guide), &section).into());
        fields
    }
}

/// A guide with a section under it, in place of an earlier one.
fn note(guide: Option<&str>, section: &str) -> String {
    // A heading stands on a line of its own; the words may also occur in a value.
    let heading = |guide: &str| {
        let from = guide.rfind(&format!("\n{HEADING}\n"));
        from.or_else(|| guide.starts_with(&format!("{HEADING}\n")).then_some(0))
    };
    let own = guide.map(|guide| heading(guide).map_or(guide, |at| &guide[..at]));
    match own.map(str::trim_end).filter(|guide| !guide.is_empty()) {
        Some(guide) => format!("{guide}\n\n{section}"),
        None => section.to_owned(),
    }
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

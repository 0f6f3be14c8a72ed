//! The answer to one question: what was found, how far it can be relied on, and in words.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::outcome::Found;
use crate::rule::triage::Measure;

/// How far an answer can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In full.
    Answered,
    /// There may be more: a part of the data did not answer.
    Partial,
    /// It was not asked: a value that it needs is absent, or its time has not come.
    NotAsked,
    /// The data holds nothing that could answer it.
    NotInData,
    /// It could not be asked, or came back without an answer.
    Failed,
}

impl Status {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Answered, "answered"),
        (Self::Partial, "partial"),
        (Self::NotAsked, "not_asked"),
        (Self::NotInData, "not_in_data"),
        (Self::Failed, "failed"),
    ];

    /// Its name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("failed", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(status, _)| *status)
    }

    /// Whether numbers belong to it.
    #[must_use]
    pub fn has_numbers(self) -> bool {
        matches!(self, Self::Answered | Self::Partial)
    }
}

/// What stands between an earlier answer's words and why asking again failed.
const AGAIN: &str = " (asked again in vain: ";

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How far it can be relied on.
    pub status: Status,
    /// How many events.
    pub count: u64,
    /// On how many days, in UTC.
    pub days: u64,
    /// How many different values of the question's field, about.
    pub distinct: u64,
    /// How many events the `count` ones are among.
    pub total: u64,
    /// When the first happened.
    pub first: Option<DateTime<Utc>>,
    /// When the last happened.
    pub last: Option<DateTime<Utc>>,
    /// The values of the question's field, the most frequent first.
    pub top: Vec<String>,
    /// In words.
    pub text: String,
}

impl Answer {
    /// An answer without numbers.
    pub(super) fn without(status: Status, text: String) -> Self {
        let (count, days, distinct, total, first, last, top) = (0, 0, 0, 0, None, None, Vec::new());
        Self { status, count, days, distinct, total, first, last, top, text }
    }

    /// The answer of a search, without words yet.
    pub(super) fn of(found: Found) -> Self {
        let time = |time: Option<i64>| time.and_then(DateTime::from_timestamp_millis);
        Self {
            status: if found.partial.is_some() { Status::Partial } else { Status::Answered },
            count: found.count,
            days: found.days,
            distinct: found.distinct,
            total: found.total,
            first: time(found.first),
            last: time(found.last),
            top: found.top,
            text: String::new(),
        }
    }

    /// An earlier answer where asking again failed: what was found stays found, and there may be more.
    pub(super) fn kept(self, reason: &str) -> Self {
        let text = self.text.split(AGAIN).next().unwrap_or_default();
        Self { status: Status::Partial, text: format!("{text}{AGAIN}{reason})"), ..self }
    }

    /// One of its numbers.
    pub(super) fn measure(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Count => self.count,
            Measure::Days => self.days,
            Measure::Distinct => self.distinct,
            Measure::Total => self.total,
        }
    }

    /// As it stands in the alert; numbers that mean nothing are null, so that they replace older ones.
    pub(super) fn to_json(&self) -> Value {
        let time =
            |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let number = |number: u64| self.status.has_numbers().then_some(number);
        json!({
            "status": self.status.as_str(), "text": self.text, "top": self.top,
            "count": number(self.count), "days": number(self.days), "distinct": number(self.distinct),
            "total": number(self.total), "first": time(self.first), "last": time(self.last),
        })
    }

    /// Reads what [`Self::to_json`] wrote; none where it is something else.
    pub(super) fn from_json(stored: &Value) -> Option<Self> {
        let number = |name: &str| stored[name].as_u64().unwrap_or_default();
        let time = |name: &str| stored[name].as_str().and_then(|time| time.parse().ok());
        let top = stored["top"].as_array().map_or(&[][..], Vec::as_slice);
        Some(Self {
            status: Status::named(stored["status"].as_str()?)?,
            count: number("count"),
            days: number("days"),
            distinct: number("distinct"),
            total: number("total"),
            first: time("first"),
            last: time("last"),
            top: top.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
            text: stored["text"].as_str()?.to_owned(),
        })
    }
}

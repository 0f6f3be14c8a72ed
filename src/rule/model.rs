//! A rule as the program needs it: every value typed, every default filled in.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::threat::Threat;
use super::triage::Triage;
use crate::eql::Query;

/// The field of the time at which an event happened.
pub const TIMESTAMP: &str = "@timestamp";
/// The field that the first word of a query is compared with, unless the rule names another.
pub const EVENT_CATEGORY: &str = "event.category";

/// One rule, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Where it was read, such as a path.
    pub origin: String,
    /// A UUID; what alerts and checkpoints belong to.
    pub rule_id: String,
    /// A short title.
    pub name: String,
    /// What it finds, and why that matters.
    pub description: String,
    /// How bad a match is.
    pub severity: RuleSeverity,
    /// How bad a match is, 0 to 100.
    pub risk_score: u8,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Pages to read on.
    pub references: Vec<String>,
    /// Legitimate causes of a match.
    pub false_positives: Vec<String>,
    /// The investigation guide in Markdown, with the buttons of `[transform]` put in.
    pub note: Option<String>,
    /// What has to be set up for it, in Markdown.
    pub setup: Option<String>,
    /// Who wrote it.
    pub author: Vec<String>,
    /// What it may be used under.
    pub license: Option<String>,
    /// Its version, where the file says.
    pub version: Option<u64>,
    /// The index patterns it searches; at least one.
    pub index: Vec<String>,
    /// The query.
    pub query: Query,
    /// The field that the query's event category is compared with.
    pub category_field: String,
    /// By which times events fall into a window.
    pub time: TimeFields,
    /// When it runs, and how far back it looks.
    pub schedule: Schedule,
    /// How many alerts of one run are asked for; kept and shown, and no match is dropped for it.
    pub max_signals: u64,
    /// What it says about the adversary.
    pub threat: Vec<Threat>,
    /// `default` for a rule whose alerts are only parts of other rules' alerts.
    pub building_block_type: Option<String>,
    /// The fields whose values make two documents the same finding; empty for index and `_id`.
    pub identity: Vec<String>,
    /// Its own test cases.
    pub examples: Vec<Example>,
    /// Every key of `[rule]` as written, except `note`, which is the one above.
    pub parameters: Map<String, Value>,
    /// `[metadata]` as written.
    pub metadata: Map<String, Value>,
    /// What is asked about each of its alerts.
    pub triage: Triage,
}

/// How bad a match of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSeverity {
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `critical`
    Critical,
}

impl RuleSeverity {
    /// The severity of this name, in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High, Self::Critical].into_iter().find(|one| one.as_str() == name)
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for RuleSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By which times events fall into a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFields {
    /// `timestamp_override`, or else `@timestamp`.
    pub primary: String,
    /// The field for documents that lack the primary one.
    pub fallback: Option<String>,
}

/// When a rule runs, and how far back it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The start of each window, before the time of the run.
    pub look_back: Duration,
    /// The time between two runs; at most `look_back`.
    pub interval: Duration,
}

impl Schedule {
    /// How much of a window the one before has seen already.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        self.look_back.saturating_sub(self.interval)
    }
}

/// One test case of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What happens in it.
    pub name: String,
    /// Whether the rule has to match.
    pub matches: bool,
    /// The event's document; dates and times are strings in RFC 3339 form.
    pub event: Map<String, Value>,
}

//! What a run of one rule did: the line that `run --once` and `--backfill` print.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::pass::WindowReport;
use crate::checkpoint::Window;
use crate::rule::Rule;

/// One rule's run, in the order and names of the JSON line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleReport {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub name: String,
    /// Start of the oldest window that was read; none where nothing was.
    pub from: Option<DateTime<Utc>>,
    /// End of the newest window that was read.
    pub to: Option<DateTime<Utc>>,
    /// Windows read, whole or in part.
    pub windows: u64,
    /// Documents that match the rule.
    pub matches: u64,
    /// Alerts written for the first time.
    pub alerts_created: u64,
    /// Matches whose alert was already there.
    pub alerts_existing: u64,
    /// Alerts that were refused even in their reduced form.
    pub alerts_rejected: u64,
    /// Alerts created by a late sweep: events that became searchable after their window had closed.
    pub late: u64,
    /// Stretches of time that could not be read whole and will be tried again.
    pub owed: u64,
    /// The rule's index patterns that match no index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices_missing: Vec<String>,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the cluster was out of reach, so that other rules need not try.
    #[serde(skip)]
    pub unreachable: bool,
    /// Whether it was told to stop before its end.
    #[serde(skip)]
    pub interrupted: bool,
}

impl RuleReport {
    /// A run of `rule` that has done nothing yet.
    #[must_use]
    pub fn new(rule: &Rule) -> Self {
        Self {
            rule_id: rule.rule_id.clone(),
            name: rule.name.clone(),
            from: None,
            to: None,
            windows: 0,
            matches: 0,
            alerts_created: 0,
            alerts_existing: 0,
            alerts_rejected: 0,
            late: 0,
            owed: 0,
            indices_missing: Vec::new(),
            took_ms: 0,
            error: None,
            unreachable: false,
            interrupted: false,
        }
    }

    /// A run that was not even tried, and why.
    #[must_use]
    pub fn not_tried(rule: &Rule, reason: &str) -> Self {
        Self { error: Some(reason.to_owned()), unreachable: true, ..Self::new(rule) }
    }

    /// A run that was told to stop before it began.
    #[must_use]
    pub fn interrupted(rule: &Rule) -> Self {
        Self { interrupted: true, ..Self::new(rule) }
    }

    /// Whether all of it was done and nothing is left to be tried again.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.error.is_none() && self.owed == 0 && !self.interrupted
    }

    /// Counts in a window.
    pub(super) fn add(&mut self, window: Window, report: &WindowReport) {
        self.from = Some(self.from.map_or(window.from, |from| from.min(window.from)));
        self.to = Some(self.to.map_or(window.to, |to| to.max(window.to)));
        self.windows += 1;
        self.matches += report.matches;
        self.alerts_created += report.created;
        self.alerts_existing += report.existing;
        self.alerts_rejected += report.rejected;
        if let Some(reason) = &report.incomplete {
            self.fail(format!("window {} to {} is owed: {reason}", window.from, window.to));
        }
    }

    /// Notes what went wrong; the first reason is kept, later ones are counted in its words.
    pub(super) fn fail(&mut self, reason: String) {
        match &mut self.error {
            None => self.error = Some(reason),
            Some(first) if first.contains(&reason) => {}
            Some(first) if first.len() < 2_000 => {
                first.push_str("; ");
                first.push_str(&reason);
            }
            Some(_) => {}
        }
    }
}

//! What a run of one rule did: the line that `run --once` and `--backfill` print.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::pass::WindowReport;
use super::seen::{Seen, is_zero};
use crate::checkpoint::Window;
use crate::diagnostic::sanitize;
use crate::elastic::ElasticError;
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
    /// Those of them that were read whole, with every alert acknowledged.
    #[serde(skip)]
    pub windows_whole: u64,
    /// Documents that match the rule.
    pub matches: u64,
    /// Alerts written for the first time.
    pub alerts_created: u64,
    /// Matches whose alert was already there.
    pub alerts_existing: u64,
    /// Those of them whose alert this run had written itself: more documents of one finding.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// Alerts that were refused even in their reduced form.
    pub alerts_rejected: u64,
    /// Alerts created by a late sweep: events that became searchable after their window had closed.
    pub late: u64,
    /// Stretches of time that could not be read whole and will be tried again.
    pub owed: u64,
    /// Attempts at a window, or at the rule itself, that failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed_attempts: u64,
    /// Requests, and alerts of bulk requests, that were sent again because the first answer was none.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// What the files held, and what of it could not be used; none where a cluster is read.
    #[serde(flatten)]
    pub seen: Option<Seen>,
    /// The rule's index patterns that match no index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices_missing: Vec<String>,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What ended the run before its end. Owed windows do not, and say so themselves.
    #[serde(skip)]
    pub hindrance: Option<Hindrance>,
    /// How long the cluster, or what stands before it, asked to be left alone.
    #[serde(skip)]
    pub rest: Option<Duration>,
    /// Whether the cluster was out of reach, so that other rules need not try.
    #[serde(skip)]
    pub unreachable: bool,
    /// Whether it was told to stop before its end.
    #[serde(skip)]
    pub interrupted: bool,
}

/// What ended a run before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// The window under way; none before the first.
    pub window: Option<Window>,
    /// Why it could not go on, without control characters but for line feeds.
    pub reason: String,
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
            windows_whole: 0,
            matches: 0,
            alerts_created: 0,
            alerts_existing: 0,
            repeated: 0,
            alerts_rejected: 0,
            late: 0,
            owed: 0,
            failed_attempts: 0,
            retries: 0,
            seen: None,
            indices_missing: Vec::new(),
            took_ms: 0,
            error: None,
            hindrance: None,
            rest: None,
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

    /// Whether that is so, and there was nothing that no further try can read either.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.succeeded() && self.seen.and_then(Seen::lack).is_none()
    }

    /// Counts in a window that was read, whole or in part.
    pub(super) fn add(&mut self, window: Window, report: &WindowReport) {
        self.from = Some(self.from.map_or(window.from, |from| from.min(window.from)));
        self.to = Some(self.to.map_or(window.to, |to| to.max(window.to)));
        self.windows += 1;
        self.windows_whole += u64::from(report.incomplete.is_none());
        self.count(report);
        if let Some(reason) = &report.incomplete {
            self.failed_attempts += 1;
            self.fail(format!("window {} to {} is owed: {reason}", window.from, window.to));
        }
    }

    /// Counts what was found and written, in a window that may not count itself.
    pub(super) fn count(&mut self, report: &WindowReport) {
        self.matches += report.matches;
        self.alerts_created += report.created;
        self.alerts_existing += report.existing;
        self.repeated += report.repeated;
        self.alerts_rejected += report.rejected;
        Seen::take(&mut self.seen, report.seen);
    }

    /// Notes what ended the run, and at which window; `request` is the failed request behind it.
    pub(super) fn hinder(&mut self, window: Option<Window>, reason: &str, request: Option<&ElasticError>) {
        self.failed_attempts += 1;
        self.unreachable = request.is_some_and(ElasticError::is_retryable);
        self.rest(request);
        let lines: Vec<String> = reason.lines().map(sanitize).collect();
        self.hindrance = Some(Hindrance { window, reason: lines.join("\n") });
        self.fail(reason.to_owned());
    }

    /// Notes how long a failed request's answer asked to wait.
    pub(super) fn rest(&mut self, request: Option<&ElasticError>) {
        self.rest = self.rest.max(request.and_then(ElasticError::retry_after));
    }

    /// Notes what went wrong; the first reason is kept, later ones are counted in its words.
    fn fail(&mut self, reason: String) {
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

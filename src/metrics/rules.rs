//! The figures of each rule: counted when a run of it ends, and how far it has read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry, Result};

use super::registered;
use crate::detect::RuleReport;
use crate::diagnostic::sanitize;
use crate::rule::Rule;

/// What tells rules apart.
const LABELS: [&str; 2] = ["rule_id", "rule"];

/// What is counted of a run.
type Counted = fn(&RuleReport) -> u64;

const COUNTERS: [(&str, &str, Counted); 7] = [
    (
        "stakeout_rule_windows_done_total",
        "Windows of time that were read whole, with every alert acknowledged.",
        |report| report.windows_whole,
    ),
    (
        "stakeout_rule_windows_failed_total",
        "Attempts at a window of time, or at the rule itself, that failed; each is made again.",
        |report| report.failed_attempts,
    ),
    (
        "stakeout_rule_matches_total",
        "Documents that matched; one that is read twice counts twice.",
        |report| report.matches,
    ),
    ("stakeout_rule_alerts_created_total", "Alerts that were written for the first time.", |report| {
        report.alerts_created
    }),
    ("stakeout_rule_alerts_existing_total", "Matches whose alert was there already.", |report| {
        report.alerts_existing
    }),
    (
        "stakeout_rule_alerts_rejected_total",
        "Alerts that were refused even in their reduced form; their window is owed.",
        |report| report.alerts_rejected,
    ),
    (
        "stakeout_rule_alerts_late_total",
        "Alerts of events that became searchable only after their window had closed, found by the late sweep.",
        |report| report.late,
    ),
];

#[derive(Debug)]
pub(super) struct Rules {
    counters: Vec<IntCounterVec>,
    owed: GaugeVec,
    missing: GaugeVec,
    took: GaugeVec,
    lag: GaugeVec,
    success: GaugeVec,
    interval: GaugeVec,
    /// Until when each rule has read, by its labels.
    read_until: Mutex<HashMap<[String; 2], DateTime<Utc>>>,
}

impl Rules {
    /// Every rule with its counts at 0, so that the first increase can be seen.
    pub(super) fn of(rules: &[Arc<Rule>], started: DateTime<Utc>, registry: &Registry) -> Result<Self> {
        let gauge = |name, help| registered(registry, GaugeVec::new(Opts::new(name, help), &LABELS)?);
        let counter = |(name, help, _): &(&str, &str, Counted)| {
            registered(registry, IntCounterVec::new(Opts::new(*name, *help), &LABELS)?)
        };
        let figures = Self {
            counters: COUNTERS.iter().map(counter).collect::<Result<_>>()?,
            owed: gauge(
                "stakeout_rule_windows_owed",
                "Stretches of time that could not be read whole and will be tried again; absent before the rule's first run, which reads it.",
            )?,
            missing: gauge(
                "stakeout_rule_index_patterns_missing",
                "Index patterns of the rule that matched no index in its last run.",
            )?,
            took: gauge("stakeout_rule_last_run_duration_seconds", "Time that the rule's last run took.")?,
            lag: gauge(
                "stakeout_rule_lag_seconds",
                "Time since the end of the newest window that was read whole or is owed; before the rule's first run, since the start.",
            )?,
            success: gauge(
                "stakeout_rule_last_success_timestamp_seconds",
                "When a run last ended with everything read and nothing owed; absent before the first.",
            )?,
            interval: gauge("stakeout_rule_interval_seconds", "Time from one run of the rule to the next.")?,
            read_until: Mutex::default(),
        };
        figures.renew(rules, started);
        Ok(figures)
    }

    /// Counts for `rules` and no others from now on. One that is new has its counts at 0, so that the first increase can be
    /// seen, and has read until `now`; one that has another name than before, until when it has.
    pub(super) fn renew(&self, rules: &[Arc<Rule>], now: DateTime<Utc>) {
        let mut read = self.read_until();
        let before = std::mem::take(&mut *read);
        let by_id: HashMap<&str, DateTime<Utc>> =
            before.iter().map(|([id, _], until)| (id.as_str(), *until)).collect();
        for rule in rules {
            let labels = labels(&rule.rule_id, &rule.name);
            self.interval.with_label_values(&labels).set(rule.schedule.interval.as_secs_f64());
            for counter in &self.counters {
                counter.with_label_values(&labels);
            }
            let until = by_id.get(labels[0].as_str()).copied().unwrap_or(now);
            read.insert(labels, until);
        }
        for gone in before.keys().filter(|labels| !read.contains_key(*labels)) {
            for counter in &self.counters {
                // One that was never set is not there to be removed.
                let _ = counter.remove_label_values(gone);
            }
            for gauge in [&self.owed, &self.missing, &self.took, &self.lag, &self.success, &self.interval] {
                let _ = gauge.remove_label_values(gone);
            }
        }
    }

    /// Counts a run; one of a rule that has ended meanwhile is of no interest.
    pub(super) fn ran(&self, report: &RuleReport, now: DateTime<Utc>) {
        let labels = labels(&report.rule_id, &report.name);
        let mut read = self.read_until();
        let Some(newest) = read.get_mut(&labels) else { return };
        if let Some(until) = read_until(report) {
            // A clock that was ahead counts no longer than it is.
            *newest = until.max(*newest).min(now);
        }
        for (counter, (.., count)) in self.counters.iter().zip(COUNTERS) {
            counter.with_label_values(&labels).inc_by(count(report));
        }
        self.took.with_label_values(&labels).set(seconds(i64::try_from(report.took_ms).unwrap_or(i64::MAX)));
        if report.windows > 0 {
            self.owed.with_label_values(&labels).set(count(report.owed));
            self.missing.with_label_values(&labels).set(count(report.indices_missing.len() as u64));
        }
        if report.succeeded() {
            self.success.with_label_values(&labels).set(seconds(now.timestamp_millis()));
        }
    }

    /// Brings up to date what changes by itself as time goes on.
    pub(super) fn stand(&self, now: DateTime<Utc>) {
        for (labels, until) in self.read_until().iter() {
            let lag = (now - *until).max(TimeDelta::zero());
            self.lag.with_label_values(labels).set(seconds(lag.num_milliseconds()));
        }
    }

    /// What lies behind this lock is whole after every call. Held while figures of rules are set, so that none comes back
    /// that was removed.
    fn read_until(&self) -> MutexGuard<'_, HashMap<[String; 2], DateTime<Utc>>> {
        self.read_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until when a run has read: a window at which it came to its end was not recorded.
fn read_until(report: &RuleReport) -> Option<DateTime<Utc>> {
    let unrecorded = report.hindrance.as_ref().and_then(|hindrance| hindrance.window);
    report.to.map(|to| unrecorded.map_or(to, |window| to.min(window.from)))
}

fn labels(rule_id: &str, name: &str) -> [String; 2] {
    [rule_id, name].map(sanitize)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 ms, which is 285,000 years")]
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

//! What an audit found: one record a match without an alert, and a rule's totals.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::seen::Seen;
use super::why::Why;
use crate::checkpoint::Window;
use crate::rule::Rule;

/// A match whose alert is not there, in the order and names of the JSON line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Missing {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub rule: String,
    /// The alert's `_id`.
    pub alert_id: String,
    /// The event's index; for a file, its path.
    pub index: String,
    /// The event's `_id`; for a file, its line.
    pub id: String,
    /// The event's time by the rule's time field, where it can be read.
    pub time: Option<DateTime<Utc>>,
    /// What happened, in a sentence free of control characters.
    pub reason: String,
    /// Why there is no alert.
    pub why: Why,
    /// Whether its alert is there now; none where nothing was to be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<bool>,
    /// Why it could not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A stretch of time that could not be compared whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The stretch.
    #[serde(flatten)]
    pub window: Window,
    /// Why not.
    pub reason: String,
}

/// One rule's audit, in the order and names of the JSON line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditReport {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub rule: String,
    /// Start of the stretch that was asked for.
    pub from: DateTime<Utc>,
    /// End of the stretch that was asked for.
    pub to: DateTime<Utc>,
    /// Windows read, whole or in part.
    pub windows: u64,
    /// Documents that match the rule.
    pub matches: u64,
    /// Matches whose alert is there.
    pub alerts_existing: u64,
    /// Alerts that should be there and are not.
    pub missing: u64,
    /// Alerts not there whose time is owed.
    pub owed: u64,
    /// Alerts not there whose time the next run reads.
    pub not_read_yet: u64,
    /// Alerts not there whose time lies before the rule's first window.
    pub before_first_window: u64,
    /// How many of those are there now; none where nothing was to be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<u64>,
    /// Stretches of time that could not be compared whole: what is said of the rest holds, of these nothing does.
    pub incomplete: Vec<Unread>,
    /// What the files held, and what of it could not be used; none where a cluster is read.
    #[serde(flatten)]
    pub seen: Option<Seen>,
    /// Until when the rule had read when the audit began; none where no checkpoint tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_until: Option<DateTime<Utc>>,
    /// Whether the rule's next run should have come already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// The rule's index patterns that match no index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices_missing: Vec<String>,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// Whether the cluster was out of reach, so that other rules need not try.
    #[serde(skip)]
    pub unreachable: bool,
    /// Whether it was told to stop before its end.
    #[serde(skip)]
    pub interrupted: bool,
}

impl AuditReport {
    /// An audit of `rule` over `asked` that has compared nothing yet; `repair` tells whether it writes.
    #[must_use]
    pub fn new(rule: &Rule, asked: Window, repair: bool) -> Self {
        Self {
            rule_id: rule.rule_id.clone(),
            rule: rule.name.clone(),
            from: asked.from,
            to: asked.to,
            windows: 0,
            matches: 0,
            alerts_existing: 0,
            missing: 0,
            owed: 0,
            not_read_yet: 0,
            before_first_window: 0,
            repaired: repair.then_some(0),
            incomplete: Vec::new(),
            seen: None,
            read_until: None,
            overdue: false,
            indices_missing: Vec::new(),
            took_ms: 0,
            unreachable: false,
            interrupted: false,
        }
    }

    /// An audit that was not even tried, and why.
    #[must_use]
    pub fn not_tried(rule: &Rule, asked: Window, repair: bool, reason: &str) -> Self {
        let mut report = Self { unreachable: true, ..Self::new(rule, asked, repair) };
        report.unread(asked, reason);
        report
    }

    /// Alerts that were not there.
    #[must_use]
    pub fn absent(&self) -> u64 {
        self.missing + self.owed + self.not_read_yet + self.before_first_window
    }

    /// Whether everything could be compared and no alert is wanting: all were there or are there now, or come by
    /// themselves with a next run that is not late.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let wanting = match self.repaired {
            Some(repaired) => self.absent() - repaired,
            None if self.overdue => self.absent(),
            None => self.absent() - self.not_read_yet,
        };
        wanting == 0 && self.incomplete.is_empty() && !self.interrupted
    }

    pub(super) fn count(&mut self, why: Why, repaired: Option<bool>) {
        *match why {
            Why::Missing => &mut self.missing,
            Why::Owed => &mut self.owed,
            Why::NotReadYet => &mut self.not_read_yet,
            Why::BeforeFirstWindow => &mut self.before_first_window,
        } += 1;
        if let (Some(sum), Some(true)) = (&mut self.repaired, repaired) {
            *sum += 1;
        }
    }

    /// Notes what could not be compared; neighbours with the same reason are one stretch.
    pub(super) fn unread(&mut self, window: Window, reason: &str) {
        match self.incomplete.last_mut() {
            Some(last) if last.reason == reason && last.window.overlap(&window).is_some() => {
                last.window = Window::new(last.window.from.min(window.from), last.window.to.max(window.to));
            }
            _ => self.incomplete.push(Unread { window, reason: reason.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditReport, Why};
    use crate::checkpoint::Window;
    use crate::rule::embedded;
    use chrono::DateTime;

    fn window(from: i64, to: i64) -> Window {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        Window::new(at(from), at(to))
    }

    fn report(repair: bool) -> AuditReport {
        AuditReport::new(&embedded().unwrap().rules[0], window(0, 100), repair)
    }

    #[test]
    fn only_what_comes_by_itself_and_in_time_may_be_absent() {
        assert!(report(false).succeeded());
        for why in [Why::Missing, Why::Owed, Why::BeforeFirstWindow] {
            let mut report = report(false);
            report.count(why, None);
            assert!(!report.succeeded(), "{why:?}");
        }
        let mut report = report(false);
        report.count(Why::NotReadYet, None);
        assert!(report.succeeded());
        report.overdue = true;
        assert!(!report.succeeded());
    }

    #[test]
    fn a_repair_must_have_written_all() {
        for why in [Why::Missing, Why::NotReadYet] {
            let mut report = report(true);
            report.count(why, Some(true));
            assert!(report.succeeded());
            report.count(why, Some(false));
            assert_eq!((report.repaired, report.succeeded()), (Some(1), false), "{why:?}");
        }
    }

    #[test]
    fn neighbours_that_could_not_be_read_for_one_reason_are_one_stretch() {
        let mut report = report(false);
        for (from, to, reason) in [(0, 10, "red"), (10, 20, "red"), (20, 30, "closed"), (40, 50, "closed")] {
            report.unread(window(from, to), reason);
        }
        let windows: Vec<Window> = report.incomplete.iter().map(|unread| unread.window).collect();
        assert_eq!(windows, [window(0, 20), window(20, 30), window(40, 50)]);
        assert!(!report.succeeded());
    }
}

//! Compares what matches with the alerts that exist, through the same windows, pages and ids as a pass, and names
//! every alert that is not there; what could not be compared is said, never passed over.

mod report;
mod why;

use std::collections::HashSet;
use std::time::Instant;

use chrono::{DateTime, Utc};

pub use report::{AuditReport, Missing, Unread};
pub use why::Why;

use super::backfill::BackfillRange;
use super::pass::{AT_ONCE, Pass, PassError, TakePages, WindowReport};
use super::progress::{Met, Watch};
use super::question::Question;
use super::runner::{Next, Runner, look_back, overlap};
use super::seen::Seen;
use super::sink::Outcome;
use super::source::{Page, times};
use crate::alert::{AlertBuilder, AlertId, reason};
use crate::checkpoint::Window;
use crate::diagnostic::sanitize;
use crate::elastic::ElasticError;
use crate::event::Event;
use crate::rule::Rule;
use why::WasRead;

/// How an audit goes about it.
pub struct Audit<'a> {
    /// The stretch of time to compare.
    pub range: &'a BackfillRange,
    /// Whether alerts that are not there are written; otherwise nothing at all is.
    pub repair: bool,
    /// Told of each match without an alert, as it is found.
    pub tell: &'a (dyn Fn(&Missing) + Send + Sync),
}

/// One rule's audit under way.
struct Comparison<'a> {
    report: AuditReport,
    was_read: WasRead,
    /// The alerts named so far, by half of their ids: that is all that grows, by some 20 bytes for each.
    named: HashSet<u128>,
    /// What the window under way has come to.
    round: WindowReport,
    tell: &'a (dyn Fn(&Missing) + Send + Sync),
}

impl Audit<'_> {
    fn window(&self) -> Window {
        Window::new(self.range.from, self.range.to)
    }

    /// The audit of a rule that is not even tried, and why.
    #[must_use]
    pub fn not_tried(&self, rule: &Rule, reason: &str) -> AuditReport {
        AuditReport::not_tried(rule, self.window(), self.repair, reason)
    }
}

impl Runner {
    /// Compares the alerts of `rule` with what matches. What cannot be read is in the report; nothing of it is an error
    /// of the caller.
    pub async fn audit_rule(&self, rule: &Rule, audit: &Audit<'_>, watch: &Watch) -> AuditReport {
        let started = Instant::now();
        let mut report = AuditReport::new(rule, audit.window(), audit.repair);
        let prepared = tokio::select! {
            biased;
            () = watch.stop.cancelled() => None,
            prepared = self.source.prepare(rule) => Some(prepared),
        };
        match prepared {
            None => {
                report.interrupted = true;
                report.unread(audit.window(), "stopped before its end");
            }
            Some(Err(error)) => {
                report.unreachable = error.is_passing();
                report.unread(audit.window(), &error.to_string());
            }
            Some(Ok(question)) => {
                report.indices_missing.clone_from(&question.indices_missing);
                report = self.compare(rule, &question, report, audit, watch).await;
            }
        }
        report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        report
    }

    async fn compare(
        &self,
        rule: &Rule,
        question: &Question,
        mut report: AuditReport,
        audit: &Audit<'_>,
        watch: &Watch,
    ) -> AuditReport {
        // Before any event: what is read meanwhile must not look like missing.
        let was_read = self.was_read(rule).await;
        report.read_until = was_read.until();
        report.overdue = was_read.until().is_some_and(|until| self.now() - until > look_back(rule));
        let alerts = AlertBuilder::new(rule, &self.run);
        let pass = self.pass(rule, question, &alerts, watch);
        let round = WindowReport::default();
        let mut comparison = Comparison { report, was_read, named: HashSet::new(), round, tell: audit.tell };
        for window in self.source.windows(audit.window(), self.settings.longest_window) {
            let result = pass.read(window, &mut comparison).await;
            if comparison.settle(window, result) == Next::Stop {
                break;
            }
            watch.progress.reached(window.to);
        }
        comparison.report
    }

    /// A checkpoint only explains: without it, whatever is not there counts as missing.
    async fn was_read(&self, rule: &Rule) -> WasRead {
        let cursor = match self.store.load(&rule.rule_id, &rule.name).await {
            Ok(tracked) => tracked.cursor,
            Err(error) => {
                tracing::warn!(rule = %rule.name, "what the rule has read is not known: {error}");
                None
            }
        };
        WasRead::new(cursor, overlap(rule))
    }
}

impl TakePages for Comparison<'_> {
    fn begin(&mut self) {
        self.round = WindowReport::default();
    }

    async fn take(&mut self, pass: &Pass<'_>, page: Page, window: Window) -> Result<(), PassError> {
        let read = page.read;
        let found = pass.matches(page, &mut self.round);
        let absent = self.absent(pass, found).await?;
        pass.watch.progress.add(read, 0);
        for some in absent.chunks(AT_ONCE) {
            self.settle_absent(pass, some, window).await?;
            pass.watch.progress.add(0, some.len() as u64);
        }
        Ok(())
    }
}

impl Comparison<'_> {
    /// Leaves out the matches whose alert is there or was named before, and the second document of one finding.
    async fn absent(
        &mut self,
        pass: &Pass<'_>,
        mut found: Vec<(AlertId, Event)>,
    ) -> Result<Vec<(AlertId, Event)>, PassError> {
        if found.is_empty() {
            return Ok(found);
        }
        let known = pass.sink.known(&ids(&found)).await?;
        self.leave_out(&mut found, &known);
        let mut seen = HashSet::new();
        found.retain(|(id, _)| !self.named.contains(&id.half()) && seen.insert(id.half()));
        if !found.is_empty() {
            // Never called missing by a search alone, which shows nothing of the last moment or of a closed index.
            let present = pass.sink.present(&ids(&found)).await?;
            self.leave_out(&mut found, &present);
        }
        Ok(found)
    }

    fn leave_out(&mut self, found: &mut Vec<(AlertId, Event)>, there: &HashSet<String>) {
        let before = found.len();
        found.retain(|(id, _)| !there.contains(id.as_str()));
        self.round.existing += (before - found.len()) as u64;
    }

    /// Names alerts that are not there, and writes them before, where that is wished for.
    async fn settle_absent(
        &mut self,
        pass: &Pass<'_>,
        absent: &[(AlertId, Event)],
        window: Window,
    ) -> Result<(), PassError> {
        if self.report.repaired.is_none() {
            for (id, event) in absent {
                self.name(pass, id, event, window, None);
            }
            return Ok(());
        }
        let written = pass.write(absent, window).await;
        for (place, (id, event)) in absent.iter().enumerate() {
            let written = match &written {
                Ok(outcomes) => is_there(outcomes.get(place)),
                Err(error) => Err(error.to_string()),
            };
            self.name(pass, id, event, window, Some(written));
        }
        written.map(|_| ())
    }

    fn name(
        &mut self,
        pass: &Pass<'_>,
        id: &AlertId,
        event: &Event,
        window: Window,
        written: Option<Result<(), String>>,
    ) {
        self.named.insert(id.half());
        // What was written was told of as it was written.
        if !matches!(written, Some(Ok(()))) {
            pass.show(id, event, window, Met::Absent);
        }
        let rule = pass.rule;
        let time = time_inside(rule, event, window);
        let why = self.was_read.why(time.unwrap_or(window.from));
        let repaired = written.as_ref().map(Result::is_ok);
        self.report.count(why, repaired);
        (self.tell)(&Missing {
            rule_id: rule.rule_id.clone(),
            rule: rule.name.clone(),
            alert_id: id.as_str().to_owned(),
            index: event.index.clone(),
            id: event.id.clone(),
            time,
            reason: sanitize(&reason(event, rule.severity.as_str(), &rule.name)),
            why,
            repaired,
            error: written.and_then(Result::err),
        });
    }

    /// Counts a window in, and notes what of it could not be compared; with the way to it lost, also what comes after.
    fn settle(&mut self, window: Window, result: Result<(), PassError>) -> Next {
        self.report.windows += 1;
        self.report.matches += self.round.matches;
        self.report.alerts_existing += self.round.existing;
        Seen::take(&mut self.report.seen, self.round.seen);
        let lack = self.round.seen.and_then(Seen::lack);
        for reason in self.round.incomplete.take().into_iter().chain(lack) {
            self.report.unread(window, &reason);
        }
        let rest = Window::new(window.from, self.report.to);
        match result {
            Ok(()) => return Next::Whole,
            Err(PassError::Read(error)) => {
                self.report.unread(window, &error.to_string());
                return Next::Owed;
            }
            Err(PassError::Interrupted) => {
                self.report.interrupted = true;
                self.report.unread(rest, "stopped before its end");
            }
            Err(error) => {
                self.report.unreachable = error.elastic().is_some_and(ElasticError::is_retryable);
                self.report.unread(rest, &error.to_string());
            }
        }
        Next::Stop
    }
}

/// Whether an alert that was to be written is there now, or why not.
fn is_there(outcome: Option<&Outcome>) -> Result<(), String> {
    match outcome {
        Some(Outcome::Created | Outcome::Existing) => Ok(()),
        Some(Outcome::Refused(reason) | Outcome::Unwritten(reason)) => Err(reason.clone()),
        None => Err("nothing is known of it".to_owned()),
    }
}

/// The time that put the event into the window, by the rule's time field or its fallback, where it can be read.
fn time_inside(rule: &Rule, event: &Event, window: Window) -> Option<DateTime<Utc>> {
    let fields = [Some(&rule.time.primary), rule.time.fallback.as_ref()];
    let mut found = fields.into_iter().flatten().flat_map(|field| times(event, field, None));
    found.find(|time| (window.from..=window.to).contains(time))
}

fn ids(found: &[(AlertId, Event)]) -> Vec<&str> {
    found.iter().map(|(id, _)| id.as_str()).collect()
}

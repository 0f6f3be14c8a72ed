//! One rule's run: its windows from the checkpoint to now, what it owes, and the late sweep.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tracing::Instrument;

use super::begun::Begun;
use super::copies::Copies;
use super::pass::{Pass, PassError};
use super::phase::phase;
use super::progress::Watch;
use super::question::Question;
use super::report::RuleReport;
use super::sink::{Sink, SinkError};
use super::source::Source;
use super::written::Written;
use crate::alert::{AlertBuilder, Run};
use crate::checkpoint::{CheckpointError, Cursor, Owed, Store, Tracked, Window};
use crate::diagnostic::sanitize;
use crate::elastic::{ElasticError, Resent, counted};
use crate::rule::Rule;

mod progressing;
#[cfg(test)]
pub(super) mod tests;

pub(super) use progressing::{Next, Progressing};

/// How time is cut and when it is gone over again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Longest window that is read in one go.
    pub longest_window: TimeDelta,
    /// Time between two late sweeps of a rule.
    pub sweep_every: TimeDelta,
    /// How far back a late sweep goes.
    pub sweep_over: TimeDelta,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            longest_window: TimeDelta::hours(1),
            sweep_every: TimeDelta::hours(1),
            sweep_over: TimeDelta::hours(24),
        }
    }
}

/// Everything a run needs beside the rule.
#[derive(Debug)]
pub struct Runner {
    /// Where events are read.
    pub source: Source,
    /// Where alerts go.
    pub sink: Sink,
    /// Where a copy of each alert goes besides.
    pub copies: Vec<Copies>,
    /// Where checkpoints are kept.
    pub store: Store,
    /// How time is cut.
    pub settings: Settings,
    /// Who runs, for the alerts.
    pub run: Run,
    /// The local time.
    pub clock: fn() -> DateTime<Utc>,
    /// When rules were taken up, by the local time: one without a checkpoint begins from there.
    pub begun: Arc<Begun>,
}

/// No rule can be run now.
#[derive(Debug, Error)]
pub enum ReadyError {
    /// Nothing can be read.
    #[error(transparent)]
    Source(#[from] ElasticError),
    /// Nothing can be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl ReadyError {
    /// The failed request behind it; none where a file is written.
    #[must_use]
    pub fn elastic(&self) -> Option<&ElasticError> {
        match self {
            Self::Source(error) => Some(error),
            Self::Sink(error) => error.elastic(),
        }
    }
}

impl Runner {
    /// The present on the source's own clock, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.on_the_sources_clock((self.clock)())
    }

    fn on_the_sources_clock(&self, local: DateTime<Utc>) -> DateTime<Utc> {
        let time = local + self.source.clock_offset();
        DateTime::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
    }

    /// Whether there is something to read and a place to write to; makes the place where it is missing. Returns what
    /// the user should know about the clocks, if anything.
    ///
    /// # Errors
    /// The cluster is out of reach or refuses.
    pub async fn ready(&self) -> Result<Option<String>, ReadyError> {
        let note = self.source.ready().await?;
        self.sink.ready().await?;
        Ok(note)
    }

    /// Runs `rule` from its checkpoint to now. Failures are in the report; nothing of it is an error of the caller.
    pub async fn run_rule(&self, rule: &Rule, watch: &Watch) -> RuleReport {
        // Before anything is asked: an index that appears while the question is made is the next run's.
        let now = self.now();
        self.timed(rule, watch, |question, alerts| self.catch_up(rule, question, alerts, now, watch)).await
    }

    /// Prepares the rule's question; measures the time of what is done with it, and counts the requests sent again.
    pub(super) async fn timed<'a, F>(
        &'a self,
        rule: &'a Rule,
        watch: &'a Watch,
        body: impl FnOnce(Question, AlertBuilder) -> F,
    ) -> RuleReport
    where
        F: Future<Output = RuleReport>,
    {
        Box::pin(measured(rule, self.prepared(rule, watch, body))).await
    }

    /// Runs `rule` from a checkpoint that was just read to `now`, when its question was not made yet.
    pub(super) async fn go_on(
        &self,
        rule: &Rule,
        question: Question,
        tracked: Tracked,
        now: DateTime<Utc>,
        watch: &Watch,
    ) -> RuleReport {
        let missing = question.indices_missing.clone();
        let alerts = AlertBuilder::new(rule, &self.run);
        let run = self.catch_up_from(rule, question, alerts, tracked, now, watch);
        let report = measured(rule, run).await;
        RuleReport { indices_missing: missing, ..report }
    }

    async fn prepared<'a, F>(
        &'a self,
        rule: &'a Rule,
        watch: &'a Watch,
        body: impl FnOnce(Question, AlertBuilder) -> F,
    ) -> RuleReport
    where
        F: Future<Output = RuleReport>,
    {
        let alerts = AlertBuilder::new(rule, &self.run);
        let prepared = tokio::select! {
            biased;
            () = watch.stop.cancelled() => None,
            prepared = self.source.prepare(rule) => Some(prepared),
        };
        match prepared {
            Some(Ok(question)) => {
                let missing = question.indices_missing.clone();
                let mut report = body(question, alerts).await;
                report.indices_missing = missing;
                report
            }
            Some(Err(error)) => {
                let mut report = RuleReport::new(rule);
                report.hinder(None, &error.to_string(), error.elastic());
                report
            }
            None => RuleReport::interrupted(rule),
        }
    }

    async fn catch_up(
        &self,
        rule: &Rule,
        question: Question,
        alerts: AlertBuilder,
        now: DateTime<Utc>,
        watch: &Watch,
    ) -> RuleReport {
        let tracked = match self.store.load(&rule.rule_id, &rule.name).await {
            Ok(tracked) => tracked,
            Err(error) => return failed(rule, &error),
        };
        self.catch_up_from(rule, question, alerts, tracked, now, watch).await
    }

    async fn catch_up_from(
        &self,
        rule: &Rule,
        question: Question,
        alerts: AlertBuilder,
        tracked: Tracked,
        now: DateTime<Utc>,
        watch: &Watch,
    ) -> RuleReport {
        let begin = self.beginning(rule, now);
        let pass = self.pass(rule, &question, &alerts, watch);
        let (started, report) = (Instant::now(), RuleReport::new(rule));
        let mut progressing = Progressing { pass, tracked, begin, now, started, report };
        if self.is_in_the_past(rule, &mut progressing).await {
            self.all_windows(rule, &mut progressing).await;
        }
        let cursor = progressing.cursor();
        progressing.report.owed = cursor.owed.len() as u64;
        progressing.report
    }

    /// Whether the checkpoint tells of what was: where a clock was ahead when it was written, that is taken back first.
    async fn is_in_the_past(&self, rule: &Rule, progressing: &mut Progressing<'_>) -> bool {
        let (now, overlap, look_back) = (progressing.now, overlap(rule), look_back(rule));
        let cursor = progressing.cursor();
        if !cursor.is_ahead(now, overlap) {
            return true;
        }
        tracing::warn!(
            rule = %sanitize(&rule.name), done_until = %cursor.done_until, %now,
            "the checkpoint is ahead of the clock, which is wrong or was: the last day is read again, and what may have \
             been missed before is a backfill's business"
        );
        let Progressing { tracked, begin, report, .. } = progressing;
        let taken_back =
            self.store.change(tracked, begin, now, |cursor| cursor.take_back(now, look_back)).await;
        if let Err(error) = &taken_back {
            report.hinder(None, &error.to_string(), error.elastic());
        }
        taken_back.is_ok()
    }

    /// Where a rule begins that has no checkpoint yet.
    pub(super) fn beginning(&self, rule: &Rule, now: DateTime<Utc>) -> Cursor {
        let begun = self.on_the_sources_clock(self.begun.of(&rule.rule_id)).min(now);
        Cursor::starting_at(begun - look_back(rule))
    }

    /// The late sweep of `rule`, if one is due: rules take turns within its pace.
    pub(super) fn due_sweep(&self, rule: &Rule, cursor: &Cursor, now: DateTime<Utc>) -> Option<Window> {
        let Settings { sweep_every, sweep_over, .. } = self.settings;
        cursor.sweep(now, sweep_every, phase(&rule.rule_id, sweep_every), sweep_over)
    }

    pub(super) fn pass<'a>(
        &'a self,
        rule: &'a Rule,
        question: &'a Question,
        alerts: &'a AlertBuilder,
        watch: &'a Watch,
    ) -> Pass<'a> {
        let (source, sink) = (&self.source, &self.sink);
        let (copies, written) = (self.copies.as_slice(), Written::default());
        Pass { rule, question, source, sink, copies, alerts, clock: self.clock, watch, written }
    }

    /// New time first, then what is owed, then what may have come late.
    async fn all_windows(&self, rule: &Rule, progressing: &mut Progressing<'_>) {
        let newest = progressing.cursor().next_window(progressing.now, look_back(rule), overlap(rule));
        let before = progressing.owed_in(newest);
        let next = self.new_time(progressing, newest).await;
        progressing.say_owed(newest, &before);
        if next == Next::Stop {
            return;
        }
        let whole = (next == Next::Whole).then_some(newest);
        for owed in progressing.cursor().due(progressing.now, whole) {
            let before = progressing.owed_in(owed.window);
            let next = self.owed_time(progressing, &owed).await;
            progressing.say_owed(owed.window, &before);
            match next {
                Next::Stop => return,
                _ if progressing.is_out_of_time() => break,
                Next::Whole | Next::Owed => {}
            }
        }
        if let Some(sweep) = self.due_sweep(rule, progressing.cursor(), progressing.now) {
            self.sweep(progressing, sweep).await;
        }
    }

    /// Reads a stretch of new time window by window, oldest first; each is recorded before the next is begun. Where they
    /// fail and take long, those before the last are left owed: what happens now is not kept waiting.
    async fn new_time(&self, progressing: &mut Progressing<'_>, stretch: Window) -> Next {
        let windows = self.source.windows(stretch, self.settings.longest_window);
        let Some((last, older)) = windows.split_last() else { return Next::Whole };
        let mut all = Next::Whole;
        for window in older {
            match self.window(progressing, *window).await {
                Next::Whole => {}
                Next::Stop => return Next::Stop,
                Next::Owed => {
                    all = Next::Owed;
                    if progressing.is_out_of_time() {
                        break;
                    }
                }
            }
        }
        match self.window(progressing, *last).await {
            Next::Whole => all,
            next => next,
        }
    }

    /// Reads a stretch of owed time again, window by window, until it takes long. Each round begins at another window, so
    /// that one which always takes long does not stand before the others for good.
    async fn owed_time(&self, progressing: &mut Progressing<'_>, owed: &Owed) -> Next {
        let mut windows = self.source.windows(owed.window, self.settings.longest_window);
        let first = owed.attempts as usize % windows.len();
        windows.rotate_left(first);
        let mut all = Next::Whole;
        for window in windows {
            match self.window(progressing, window).await {
                Next::Whole => {}
                Next::Stop => return Next::Stop,
                Next::Owed => all = Next::Owed,
            }
            if progressing.is_out_of_time() {
                break;
            }
        }
        all
    }

    /// Reads one window and records it.
    pub(super) async fn window(&self, progressing: &mut Progressing<'_>, window: Window) -> Next {
        let span = tracing::debug_span!("window", from = ?window.from, to = ?window.to);
        let result = progressing.pass.over(window).instrument(span).await;
        let owed = match progressing.take(window, result) {
            Ok(owed) => owed,
            Err(next) => return next,
        };
        let now = progressing.now;
        let recorded = self
            .store
            .change(&mut progressing.tracked, &progressing.begin, now, |cursor| match &owed {
                None => cursor.finish(window),
                Some(reason) => cursor.owe(window, reason, now),
            })
            .await;
        if let Err(error) = recorded {
            progressing.report.hinder(Some(window), &error.to_string(), error.elastic());
            return Next::Stop;
        }
        progressing.pass.watch.progress.reached(window.to);
        if owed.is_some() { Next::Owed } else { Next::Whole }
    }

    /// Reads again what was read before; only what is found anew counts, and what is out of reach becomes owed.
    async fn sweep(&self, progressing: &mut Progressing<'_>, sweep: Window) {
        let before = progressing.owed_in(sweep);
        let span = tracing::debug_span!("sweep", from = ?sweep.from, to = ?sweep.to);
        let result = progressing.pass.over(sweep).instrument(span).await;
        let Ok(owed) = progressing.take_late(sweep, result) else { return };
        let now = progressing.now;
        let recorded = self
            .store
            .change(&mut progressing.tracked, &progressing.begin, now, |cursor| {
                cursor.swept_until = Some(now);
                if let Some(reason) = &owed {
                    cursor.owe(sweep, reason, now);
                }
            })
            .await;
        if let Err(error) = recorded {
            progressing.report.hinder(Some(sweep), &error.to_string(), error.elastic());
        }
        progressing.say_owed(sweep, &before);
    }
}

/// Measures the time of a run, and counts the requests sent again for it.
async fn measured(rule: &Rule, run: impl Future<Output = RuleReport>) -> RuleReport {
    let started = Instant::now();
    let span = tracing::debug_span!("rule", name = %sanitize(&rule.name), rule_id = rule.rule_id);
    // Boxed, as the whole run lies in it.
    let (mut report, resent) = counted(Box::pin(run.instrument(span.clone()))).await;
    report.retries = resent.total();
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| say_resent(&report, &resent));
    report
}

/// Says in one line what was sent again for a run.
fn say_resent(report: &RuleReport, resent: &Resent) {
    if resent.total() > 0 {
        let rule = sanitize(&report.name);
        let (from, to) = (report.from.map(tracing::field::debug), report.to.map(tracing::field::debug));
        tracing::info!(rule, from, to, requests = resent.total(), "sent again: {resent}");
    }
}

/// How far before its own time a run begins to read.
#[must_use]
pub fn look_back(rule: &Rule) -> TimeDelta {
    TimeDelta::from_std(rule.schedule.look_back).unwrap_or(TimeDelta::MAX)
}

/// How much of the window before a run reads again.
#[must_use]
pub fn overlap(rule: &Rule) -> TimeDelta {
    TimeDelta::from_std(rule.schedule.overlap()).unwrap_or(TimeDelta::MAX)
}

pub(super) fn failed(rule: &Rule, error: &CheckpointError) -> RuleReport {
    let mut report = RuleReport::new(rule);
    report.hinder(None, &error.to_string(), error.elastic());
    report
}

impl PassError {
    /// The failed request behind it, if it was one.
    #[must_use]
    pub fn elastic(&self) -> Option<&ElasticError> {
        match self {
            Self::Open(error) | Self::Read(error) => Some(error.elastic()),
            Self::Write(error) => error.elastic(),
            Self::Interrupted => None,
        }
    }
}

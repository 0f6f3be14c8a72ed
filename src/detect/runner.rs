//! One rule's run: its windows from the checkpoint to now, what it owes, and the late sweep.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tracing::Instrument;

use super::begun::Begun;
use super::copies::Copies;
use super::pass::{Pass, PassError, WindowReport};
use super::phase::phase;
use super::progress::Watch;
use super::question::Question;
use super::report::RuleReport;
use super::sink::{Sink, SinkError};
use super::source::Source;
use crate::alert::{AlertBuilder, Run};
use crate::checkpoint::{CheckpointError, Cursor, Owed, Store, Tracked, Window};
use crate::diagnostic::sanitize;
use crate::elastic::{ElasticError, Resent, counted};
use crate::rule::Rule;

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

/// What a run carries from one window to the next.
pub(super) struct Progressing<'a> {
    pub pass: Pass<'a>,
    pub tracked: Tracked,
    pub begin: Cursor,
    pub now: DateTime<Utc>,
    pub report: RuleReport,
}

/// Whether the run goes on with the next window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The window was read whole.
    Whole,
    /// The window is owed, and another may do better.
    Owed,
    /// Nothing more can be done now.
    Stop,
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
        self.timed(rule, watch, |question, alerts| self.catch_up(rule, question, alerts, watch)).await
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

    /// Runs `rule` from a checkpoint that was just read, with a question that was just prepared.
    pub(super) async fn go_on(
        &self,
        rule: &Rule,
        question: Question,
        tracked: Tracked,
        watch: &Watch,
    ) -> RuleReport {
        let missing = question.indices_missing.clone();
        let alerts = AlertBuilder::new(rule, &self.run);
        let run = self.catch_up_from(rule, question, alerts, tracked, watch);
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
        watch: &Watch,
    ) -> RuleReport {
        let tracked = match self.store.load(&rule.rule_id, &rule.name).await {
            Ok(tracked) => tracked,
            Err(error) => return failed(rule, &error),
        };
        self.catch_up_from(rule, question, alerts, tracked, watch).await
    }

    async fn catch_up_from(
        &self,
        rule: &Rule,
        question: Question,
        alerts: AlertBuilder,
        tracked: Tracked,
        watch: &Watch,
    ) -> RuleReport {
        let now = self.now();
        let begin = self.beginning(rule, now);
        let pass = self.pass(rule, &question, &alerts, watch);
        let mut progressing = Progressing { pass, tracked, begin, now, report: RuleReport::new(rule) };
        self.all_windows(rule, &mut progressing).await;
        let cursor = progressing.cursor();
        progressing.report.owed = cursor.owed.len() as u64;
        progressing.report
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
        let copies = self.copies.as_slice();
        Pass { rule, question, source, sink, copies, alerts, clock: self.clock, watch }
    }

    /// New time first, then what is owed, then what may have come late.
    async fn all_windows(&self, rule: &Rule, progressing: &mut Progressing<'_>) {
        let newest = progressing.cursor().next_window(progressing.now, look_back(rule), overlap(rule));
        let next = self.attempt(progressing, newest).await;
        if next == Next::Stop {
            return;
        }
        let whole = (next == Next::Whole).then_some(newest);
        for owed in progressing.cursor().due(progressing.now, whole) {
            if self.attempt(progressing, owed).await == Next::Stop {
                return;
            }
        }
        if let Some(sweep) = self.due_sweep(rule, progressing.cursor(), progressing.now) {
            self.sweep(progressing, sweep).await;
        }
    }

    /// Reads a stretch of time and says what of it is owed now, or no more.
    async fn attempt(&self, progressing: &mut Progressing<'_>, stretch: Window) -> Next {
        let before: Vec<Owed> = progressing.cursor().owed_in(stretch).cloned().collect();
        let next = self.stretch(progressing, stretch).await;
        progressing.say_owed(stretch, &before);
        next
    }

    /// Reads a stretch of time window by window, oldest first; each is recorded before the next is begun.
    async fn stretch(&self, progressing: &mut Progressing<'_>, stretch: Window) -> Next {
        let mut whole = Next::Whole;
        for window in self.source.windows(stretch, self.settings.longest_window) {
            match self.window(progressing, window).await {
                Next::Stop => return Next::Stop,
                Next::Owed => whole = Next::Owed,
                Next::Whole => {}
            }
        }
        whole
    }

    /// Reads one window and records it.
    pub(super) async fn window(&self, progressing: &mut Progressing<'_>, window: Window) -> Next {
        let span = tracing::debug_span!("window", from = %window.from, to = %window.to);
        let result = progressing.pass.over(window).instrument(span).await;
        let owed = match progressing.take(window, &result) {
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
        let before: Vec<Owed> = progressing.cursor().owed_in(sweep).cloned().collect();
        let span = tracing::debug_span!("sweep", from = %sweep.from, to = %sweep.to);
        let owed = match progressing.pass.over(sweep).instrument(span).await {
            Ok(found) => progressing.take_late(&found),
            failed => match progressing.take(sweep, &failed) {
                Ok(owed) => owed,
                Err(_) => return,
            },
        };
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

impl Progressing<'_> {
    pub(super) fn cursor(&self) -> &Cursor {
        self.tracked.cursor.as_ref().unwrap_or(&self.begin)
    }

    /// Counts a window's result: the reason why it is owed, if it is, or that nothing can be recorded.
    fn take(
        &mut self,
        window: Window,
        result: &Result<WindowReport, PassError>,
    ) -> Result<Option<String>, Next> {
        match result {
            Ok(report) => {
                self.report.add(window, report);
                Ok(report.incomplete.as_deref().map(sanitize))
            }
            Err(PassError::Interrupted) => {
                self.report.interrupted = true;
                Err(Next::Stop)
            }
            // Another window may be readable; if the cluster is gone, recording this one fails and ends the run.
            Err(PassError::Read(error)) => {
                let reason = error.to_string();
                self.report.rest(Some(error.elastic()));
                self.report.add(
                    window,
                    &WindowReport { incomplete: Some(reason.clone()), ..WindowReport::default() },
                );
                Ok(Some(reason))
            }
            Err(error) => {
                self.report.hinder(Some(window), &error.to_string(), error.elastic());
                Err(Next::Stop)
            }
        }
    }

    /// Counts what a sweep found anew: the reason why its stretch is owed, if it is.
    fn take_late(&mut self, found: &WindowReport) -> Option<String> {
        self.report.late += found.created;
        self.report.alerts_created += found.created;
        self.report.matches += found.created;
        self.report.alerts_rejected += found.rejected;
        self.report.failed_attempts += u64::from(found.incomplete.is_some());
        found.incomplete.as_deref().map(sanitize)
    }

    /// Says what of `stretch` was read at last, and each attempt at it that failed, but not where an owed stretch only
    /// grew by a newer window: that would be a line a run as long as an index is red.
    fn say_owed(&self, stretch: Window, before: &[Owed]) {
        let rule = sanitize(&self.pass.rule.name);
        let cursor = self.cursor();
        for owed in before.iter().filter(|owed| cursor.owed_in(owed.window).next().is_none()) {
            let Owed { window: Window { from, to }, attempts, since, .. } = owed;
            let seconds = (self.now - *since).num_seconds();
            tracing::info!(rule, %from, %to, failed_attempts = attempts + 1, seconds, "owed no more: read whole at last");
        }
        for owed in cursor.owed_in(stretch).filter(|owed| !before.contains(owed)) {
            let Owed { window: Window { from, to }, attempts, retry_at, reason, .. } = owed;
            let attempt = attempts + 1;
            let grew = before
                .iter()
                .any(|before| before.attempts == *attempts && before.window.overlap(&owed.window).is_some());
            if grew {
                tracing::debug!(rule, %from, %to, attempt, %reason, %retry_at, "still owed");
            } else {
                tracing::warn!(rule, %from, %to, attempt, %reason, %retry_at, "owed: it is tried again");
            }
        }
    }
}

/// Measures the time of a run, and counts the requests sent again for it.
async fn measured(rule: &Rule, run: impl Future<Output = RuleReport>) -> RuleReport {
    let started = Instant::now();
    let span = tracing::debug_span!("rule", name = %sanitize(&rule.name), rule_id = rule.rule_id);
    // Boxed, as the whole run lies in it.
    let (mut report, resent) = counted(Box::pin(run.instrument(span))).await;
    report.retries = resent.total();
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    say_resent(&report, &resent);
    report
}

/// Says in one line what was sent again for a run.
fn say_resent(report: &RuleReport, resent: &Resent) {
    if resent.total() > 0 {
        let rule = sanitize(&report.name);
        let (from, to) = (report.from.map(tracing::field::display), report.to.map(tracing::field::display));
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

//! How a rule's run stands between two of its windows: what was read, what is owed, and what is to be told.

use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::checkpoint::{Cursor, Owed, Tracked, Window};
use crate::detect::pass::{Pass, PassError, WindowReport};
use crate::detect::report::RuleReport;
use crate::detect::seen::Seen;
use crate::diagnostic::sanitize;

/// What a run carries from one window to the next.
pub struct Progressing<'a> {
    pub pass: Pass<'a>,
    pub tracked: Tracked,
    pub begin: Cursor,
    pub now: DateTime<Utc>,
    /// When the run began.
    pub started: Instant,
    pub report: RuleReport,
}

/// Whether the run goes on with the next window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The window was read whole.
    Whole,
    /// The window is owed, and another may do better.
    Owed,
    /// Nothing more can be done now.
    Stop,
}

impl Progressing<'_> {
    pub fn cursor(&self) -> &Cursor {
        self.tracked.cursor.as_ref().unwrap_or(&self.begin)
    }

    /// What is owed around `stretch` at this moment.
    pub fn owed_in(&self, stretch: Window) -> Vec<Owed> {
        self.cursor().owed_in(stretch).cloned().collect()
    }

    /// Whether the run has taken so long that the next one is to go on.
    pub fn is_out_of_time(&self) -> bool {
        self.pass.watch.patience.is_some_and(|patience| self.started.elapsed() >= patience)
    }

    /// Counts a window's result: the reason why it is owed, if it is, or that nothing can be recorded.
    pub fn take(
        &mut self,
        window: Window,
        (mut report, ended): (WindowReport, Result<(), PassError>),
    ) -> Result<Option<String>, Next> {
        match ended {
            Ok(()) => {}
            // Another window may be readable; if the cluster is gone, recording this one fails and ends the run.
            Err(PassError::Read(error)) => {
                self.report.rest(Some(error.elastic()));
                report.incomplete = Some(error.to_string());
            }
            Err(error) => {
                self.report.count(&report);
                return Err(self.ends(window, &error));
            }
        }
        self.report.add(window, &report);
        Ok(report.incomplete.as_deref().map(sanitize))
    }

    /// Notes what ended the run at `window`.
    fn ends(&mut self, window: Window, error: &PassError) -> Next {
        if matches!(error, PassError::Interrupted) {
            self.report.interrupted = true;
        } else {
            self.report.hinder(Some(window), &error.to_string(), error.elastic());
        }
        Next::Stop
    }

    /// Counts what a sweep found anew: the reason why its stretch is owed, if it is, or that nothing can be recorded.
    pub fn take_late(
        &mut self,
        sweep: Window,
        (found, ended): (WindowReport, Result<(), PassError>),
    ) -> Result<Option<String>, Next> {
        self.report.late += found.created;
        self.report.alerts_created += found.created;
        self.report.matches += found.created;
        self.report.alerts_rejected += found.rejected;
        Seen::take(&mut self.report.seen, found.seen);
        if ended.is_err() {
            return self.take(sweep, (WindowReport::default(), ended));
        }
        self.report.failed_attempts += u64::from(found.incomplete.is_some());
        Ok(found.incomplete.as_deref().map(sanitize))
    }

    /// Says what of `stretch` was read at last, and each attempt at it that failed, but not where an owed stretch only
    /// grew by a newer window: that would be a line a run as long as an index is red.
    pub fn say_owed(&self, stretch: Window, before: &[Owed]) {
        let rule = sanitize(&self.pass.rule.name);
        let cursor = self.cursor();
        for owed in before.iter().filter(|owed| cursor.owed_in(owed.window).next().is_none()) {
            let Owed { window: Window { from, to }, attempts, since, .. } = owed;
            let seconds = (self.now - *since).num_seconds();
            tracing::info!(
                rule,
                ?from,
                ?to,
                failed_attempts = attempts + 1,
                seconds,
                "owed no more: read whole at last"
            );
        }
        for owed in cursor.owed_in(stretch).filter(|owed| !before.contains(owed)) {
            let Owed { window: Window { from, to }, attempts, retry_at, reason, .. } = owed;
            let attempt = attempts + 1;
            let grew = before
                .iter()
                .any(|before| before.attempts == *attempts && before.window.overlap(&owed.window).is_some());
            if grew {
                tracing::debug!(rule, ?from, ?to, attempt, %reason, ?retry_at, "still owed");
            } else {
                tracing::warn!(rule, ?from, ?to, attempt, %reason, ?retry_at, "owed: it is tried again");
            }
        }
    }
}

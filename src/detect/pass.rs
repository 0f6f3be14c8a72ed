//! One window of one rule: every page is read, every match becomes an alert that was acknowledged, or the window
//! says why it is incomplete.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::progress::{Met, Watch};
use super::question::Question;
use super::sink::{Outcome, Sink, SinkError};
use super::source::{Page, ReadError, Reader, Source};
use crate::alert::{AlertBuilder, AlertDocument, AlertId, Found, alert_id};
use crate::checkpoint::Window;
use crate::event::Event;
use crate::rule::Rule;

/// How often a window is begun anew because its point in time was lost.
const LONGEST_ROUND: usize = 3;

/// Alerts that are built and written together: each holds its rule and guide, so a page of them would weigh much.
const AT_ONCE: usize = 100;

/// What a pass over one window did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowReport {
    /// Documents that match the rule.
    pub matches: u64,
    /// Alerts written for the first time.
    pub created: u64,
    /// Matches whose alert was already there.
    pub existing: u64,
    /// Alerts that were refused even in their reduced form.
    pub rejected: u64,
    /// Why the window was not read whole or not every alert was acknowledged; none where all was done.
    pub incomplete: Option<String>,
}

/// A window could not be gone through; what was found before is written.
#[derive(Debug, Error)]
pub enum PassError {
    /// It could not be opened: no window of this rule can be read now.
    #[error(transparent)]
    Open(ReadError),
    /// A page of it could not be read: another window may be readable.
    #[error(transparent)]
    Read(ReadError),
    /// Alerts could not be written: no window of any rule can be finished now.
    #[error(transparent)]
    Write(#[from] SinkError),
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
}

/// The rule, its question to the source and its alerts: what all windows of one run share.
pub(super) struct Pass<'a> {
    pub rule: &'a Rule,
    pub question: &'a Question,
    pub source: &'a Source,
    pub sink: &'a Sink,
    pub alerts: &'a AlertBuilder,
    pub clock: fn() -> DateTime<Utc>,
    pub watch: &'a Watch,
}

impl Pass<'_> {
    /// Goes through `window`.
    pub async fn over(&self, window: Window) -> Result<WindowReport, PassError> {
        let mut rounds = 1;
        loop {
            match self.once_over(window).await {
                Err(PassError::Read(error)) if error.is_expired() && rounds < LONGEST_ROUND => rounds += 1,
                other => return other,
            }
        }
    }

    async fn once_over(&self, window: Window) -> Result<WindowReport, PassError> {
        let mut report = WindowReport::default();
        let mut reader = self.source.open(self.question, window).await.map_err(PassError::Open)?;
        let result = self.all_pages(&mut reader, window, &mut report).await;
        reader.close().await;
        result.map(|()| report)
    }

    async fn all_pages(
        &self,
        reader: &mut Reader,
        window: Window,
        report: &mut WindowReport,
    ) -> Result<(), PassError> {
        loop {
            let page = tokio::select! {
                biased;
                () = self.watch.stop.cancelled() => return Err(PassError::Interrupted),
                page = reader.next_page() => page.map_err(PassError::Read)?,
            };
            let more = page.more;
            self.one_page(page, window, report).await?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn one_page(&self, page: Page, window: Window, report: &mut WindowReport) -> Result<(), PassError> {
        report.incomplete = report.incomplete.take().or(page.incomplete);
        let found: Vec<(AlertId, Event)> = page
            .events
            .into_iter()
            .filter(|event| self.question.leaves(event))
            .map(|event| (alert_id(&self.rule.rule_id, &self.rule.identity, &event), event))
            .collect();
        report.matches += found.len() as u64;
        let fresh = self.only_unknown(found, window, report).await?;
        self.watch.progress.add(page.read, 0);
        for some in fresh.chunks(AT_ONCE) {
            let created = self.write(some, window, report).await?;
            self.watch.progress.add(0, created);
        }
        Ok(())
    }

    /// Leaves out what is alerted on already, and the second document of one finding.
    async fn only_unknown(
        &self,
        found: Vec<(AlertId, Event)>,
        window: Window,
        report: &mut WindowReport,
    ) -> Result<Vec<(AlertId, Event)>, PassError> {
        if found.is_empty() {
            return Ok(found);
        }
        let before = found.len();
        let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        let mut seen: HashSet<String> = self.sink.known(&ids).await?;
        self.tell_of_existing(&found, &seen, window);
        let fresh: Vec<_> = found.into_iter().filter(|(id, _)| seen.insert(id.as_str().to_owned())).collect();
        report.existing += (before - fresh.len()) as u64;
        Ok(fresh)
    }

    fn tell_of_existing(&self, found: &[(AlertId, Event)], known: &HashSet<String>, window: Window) {
        if self.watch.audience.wants(Met::Existing) {
            let at = self.found(window);
            for (id, event) in found.iter().filter(|(id, _)| known.contains(id.as_str())) {
                self.watch.audience.tell(&self.alerts.build(event, id, at), Met::Existing);
            }
        }
    }

    fn found(&self, window: Window) -> Found {
        Found { from: window.from, to: window.to, at: (self.clock)() }
    }

    /// Writes the alerts; what is refused is written again in a reduced form. Returns how many were created.
    async fn write(
        &self,
        fresh: &[(AlertId, Event)],
        window: Window,
        report: &mut WindowReport,
    ) -> Result<u64, PassError> {
        let at = self.found(window);
        let alerts: Vec<AlertDocument> =
            fresh.iter().map(|(id, event)| self.alerts.build(event, id, at)).collect();
        let outcomes = self.sink.write(&alerts).await?;
        self.tell(&alerts, &outcomes);
        let mut reduced = Vec::new();
        let mut created = 0;
        for ((id, event), outcome) in fresh.iter().zip(outcomes) {
            match outcome {
                Outcome::Refused(reason) => reduced.push(self.alerts.build_reduced(event, id, at, &reason)),
                other => created += count(other, report),
            }
        }
        Ok(created + self.write_reduced(&reduced, report).await?)
    }

    fn tell(&self, alerts: &[AlertDocument], outcomes: &[Outcome]) {
        for (alert, outcome) in alerts.iter().zip(outcomes) {
            match outcome {
                Outcome::Created => self.watch.audience.tell(alert, Met::Created),
                Outcome::Existing => self.watch.audience.tell(alert, Met::Existing),
                Outcome::Refused(_) | Outcome::Unwritten(_) => {}
            }
        }
    }

    async fn write_reduced(
        &self,
        reduced: &[AlertDocument],
        report: &mut WindowReport,
    ) -> Result<u64, PassError> {
        if reduced.is_empty() {
            return Ok(0);
        }
        tracing::warn!(rule = %self.rule.name, alerts = reduced.len(), "alerts were refused and are written in a reduced form");
        let outcomes = self.sink.write(reduced).await?;
        self.tell(reduced, &outcomes);
        Ok(outcomes.into_iter().map(|outcome| count(outcome, report)).sum())
    }
}

/// Counts an outcome that is final, and returns how many alerts it created.
fn count(outcome: Outcome, report: &mut WindowReport) -> u64 {
    match outcome {
        Outcome::Created => {
            report.created += 1;
            return 1;
        }
        Outcome::Existing => report.existing += 1,
        Outcome::Refused(reason) => {
            report.rejected += 1;
            report.incomplete.get_or_insert(format!("an alert was refused: {reason}"));
        }
        Outcome::Unwritten(reason) => {
            report.incomplete.get_or_insert(format!("an alert was not written: {reason}"));
        }
    }
    0
}

//! One window of one rule: every page is read, every match becomes an alert that was acknowledged, or the window
//! says why it is incomplete.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use thiserror::Error;

use super::alerted::{Alerted, Silent};
use super::copies::Copies;
use super::progress::{Met, Watch};
use super::question::Question;
use super::seen::Seen;
use super::sink::{Outcome, Sink, SinkError};
use super::source::{Page, ReadError, Reader, Source, times};
use super::written::Written;
use crate::alert::{AlertBuilder, AlertDocument, AlertId, Found, alert_id};
use crate::checkpoint::Window;
use crate::event::Event;
use crate::rule::{Rule, TIMESTAMP, TimeFields};

#[cfg(test)]
mod tests;

/// How often a window is begun anew because its point in time was lost.
const LONGEST_ROUND: usize = 3;

/// Alerts that are built and written together: each holds its rule and guide, so a page of them would weigh much.
pub(super) const AT_ONCE: usize = 100;

/// How many requests with alerts are under way at a time, so that the cluster has another when it is done with one; each is
/// held in memory whole.
const IN_FLIGHT: usize = 3;

/// A match and the id of its alert.
pub(super) type Match = (AlertId, Event);

/// What a pass over one window did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowReport {
    /// Documents that match the rule.
    pub matches: u64,
    /// Alerts written for the first time.
    pub created: u64,
    /// Matches whose alert was already there.
    pub existing: u64,
    /// Those of them whose alert this run had written itself: more documents of one finding.
    pub repeated: u64,
    /// Alerts that were refused even in their reduced form.
    pub rejected: u64,
    /// Places that took no copies at the moment: what is left of theirs waits for the next time that the window is read.
    pub stuck: BTreeSet<String>,
    /// What the files held, and what of it could not be used; none where a cluster is read.
    pub seen: Option<Seen>,
    /// Why the window was not read whole or not every alert and copy was acknowledged; none where all was done.
    pub incomplete: Option<String>,
    /// Alerts that an earlier round over the window has created, and that the round under way has not met again.
    unmet: u64,
}

/// A window could not be gone through; what was found before is written and counted.
#[derive(Debug, Error)]
pub enum PassError {
    /// It could not be opened: no window of this rule can be read now.
    #[error(transparent)]
    Open(ReadError),
    /// A page of it could not be read, or it took too long to be opened: another window may be readable.
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
    pub copies: &'a [Copies],
    pub alerts: &'a AlertBuilder,
    pub clock: fn() -> DateTime<Utc>,
    pub watch: &'a Watch,
    pub written: Written,
}

/// What is done with the pages of a window.
pub(super) trait TakePages {
    /// The window is begun, for the first time or anew.
    fn begin(&mut self);
    /// Another page of it was read.
    async fn take(&mut self, pass: &Pass<'_>, page: Page, window: Window) -> Result<(), PassError>;
}

/// What hands out the pages of a window.
trait ReadPages {
    /// The next page; after one with `more` false there is none.
    async fn next_page(&mut self) -> Result<Page, ReadError>;
}

impl ReadPages for Reader {
    async fn next_page(&mut self) -> Result<Page, ReadError> {
        Self::next_page(self).await
    }
}

/// A pass alerts on every match and counts what it did. What an earlier round has created stays created, and is met again by
/// the next.
impl TakePages for WindowReport {
    fn begin(&mut self) {
        *self = Self { created: self.created, unmet: self.created, ..Self::default() };
    }

    async fn take(&mut self, pass: &Pass<'_>, page: Page, window: Window) -> Result<(), PassError> {
        pass.one_page(page, window, self).await
    }
}

impl Pass<'_> {
    /// Goes through `window`: what was done in it, whether or not it came to its end.
    pub async fn over(&self, window: Window) -> (WindowReport, Result<(), PassError>) {
        let mut report = WindowReport::default();
        let ended = self.read(window, &mut report).await;
        (report, ended)
    }

    /// Reads `window` to its end, page by page, and hands each page to `taker`.
    pub async fn read(&self, window: Window, taker: &mut impl TakePages) -> Result<(), PassError> {
        let mut rounds = 1;
        loop {
            match self.once_over(window, taker).await {
                Err(PassError::Read(error)) if error.is_expired() && rounds < LONGEST_ROUND => rounds += 1,
                other => return other,
            }
        }
    }

    async fn once_over(&self, window: Window, taker: &mut impl TakePages) -> Result<(), PassError> {
        taker.begin();
        let mut reader = self.source.open(self.question, window).await.map_err(unopened)?;
        let result = self.all_pages(&mut reader, window, taker).await;
        reader.close().await;
        result
    }

    /// While a page is taken the next is asked for. A page that was read is taken whatever becomes of the next; what
    /// cannot be taken ends the window at once, and the page under way is left.
    async fn all_pages(
        &self,
        reader: &mut impl ReadPages,
        window: Window,
        taker: &mut impl TakePages,
    ) -> Result<(), PassError> {
        let mut page = self.next_page(reader).await?;
        while page.more {
            let next = async { Ok(self.next_page(reader).await) };
            let ((), next) = tokio::try_join!(taker.take(self, page, window), next)?;
            page = next?;
        }
        taker.take(self, page, window).await
    }

    async fn next_page(&self, reader: &mut impl ReadPages) -> Result<Page, PassError> {
        tokio::select! {
            biased;
            () = self.watch.stop.cancelled() => Err(PassError::Interrupted),
            page = reader.next_page() => page.map_err(PassError::Read),
        }
    }

    async fn one_page(&self, page: Page, window: Window, report: &mut WindowReport) -> Result<(), PassError> {
        let read = page.read;
        let found = self.matches(page, report);
        let (existing, fresh) = self.told_apart(found, window, report).await?;
        self.watch.progress.add(read, 0);
        let written = self.alert_on(&fresh, window, report).await?;
        self.copy(&written, window, report).await;
        self.copy_what_has_none(&existing, window, report).await;
        Ok(())
    }

    /// Writes the alerts some at a time; while some are written the next are built and sent. Returns those that are there
    /// now.
    async fn alert_on<'m>(
        &self,
        fresh: &'m [Match],
        window: Window,
        report: &mut WindowReport,
    ) -> Result<Vec<&'m Match>, PassError> {
        let mut written = Vec::new();
        let mut rest = fresh.chunks(AT_ONCE);
        let mut under_way = FuturesOrdered::new();
        loop {
            let room = IN_FLIGHT - under_way.len();
            under_way.extend(rest.by_ref().take(room).map(|some| self.build_and_write(some, window)));
            let Some(done) = under_way.next().await else { return Ok(written) };
            let (some, outcomes) = done?;
            let there = some.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_there());
            written.extend(there.map(|(alert, _)| alert));
            let created = some.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Created);
            created.for_each(|((id, _), _)| self.written.note(id));
            let created: u64 = outcomes.into_iter().map(|outcome| count(outcome, report)).sum();
            self.watch.progress.add(0, created);
        }
    }

    async fn build_and_write<'m>(
        &self,
        fresh: &'m [Match],
        window: Window,
    ) -> Result<(&'m [Match], Vec<Outcome>), PassError> {
        let outcomes = self.write(fresh, window).await?;
        Ok((fresh, outcomes))
    }

    /// The matches of a page under the ids of their alerts.
    pub fn matches(&self, page: Page, report: &mut WindowReport) -> Vec<Match> {
        report.incomplete = report.incomplete.take().or(page.incomplete);
        Seen::take(&mut report.seen, page.seen);
        let found: Vec<Match> = page
            .events
            .into_iter()
            .filter(|event| self.question.leaves(event))
            .map(|event| (alert_id(&self.rule.rule_id, &self.rule.identity, &event), event))
            .collect();
        report.matches += found.len() as u64;
        found
    }

    /// Tells what is alerted on already from what is not, and leaves out the second document of a new finding, and what may
    /// have an alert where nobody can look.
    async fn told_apart(
        &self,
        found: Vec<Match>,
        window: Window,
        report: &mut WindowReport,
    ) -> Result<(Vec<Match>, Vec<Match>), PassError> {
        if found.is_empty() {
            return Ok((Vec::new(), found));
        }
        let before = found.len();
        let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        let Alerted { there: mut seen, silent } = self.sink.alerted(&ids).await?;
        let (existing, mut fresh): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(id, _)| seen.contains(id.as_str()));
        for (id, event) in &existing {
            self.show(id, event, window, Met::Existing);
        }
        fresh.retain(|(id, _)| seen.insert(id.as_str().to_owned()));
        let (there, met) = (existing.len(), before - fresh.len());
        let written = existing.iter().filter(|(id, _)| self.written.has(id)).count() + met - there;
        report.met(met as u64, written as u64);
        fresh.retain(|(_, event)| {
            let may_lie = silent.iter().find(|silent| silent.may_hold(self.first_time(event)));
            may_lie.inspect(|silent| report.leave_unwritten(silent)).is_none()
        });
        Ok((existing, fresh))
    }

    /// The earliest time that the event tells of itself: its alert was not written before.
    fn first_time(&self, event: &Event) -> Option<DateTime<Utc>> {
        let TimeFields { primary, fallback } = &self.rule.time;
        let fields = [Some(primary.as_str()), fallback.as_deref(), Some(TIMESTAMP)];
        fields.into_iter().flatten().flat_map(|field| times(event, field, None)).min()
    }

    /// Builds an alert for the audience alone, where it wants to hear of such.
    pub fn show(&self, id: &AlertId, event: &Event, window: Window, met: Met) {
        if self.watch.audience.wants(met) {
            self.watch.audience.tell(&self.alerts.build(event, id, self.found(window)), met);
        }
    }

    /// Where and when the alerts of `window` are made that are made now.
    pub fn found(&self, window: Window) -> Found {
        Found { from: window.from, to: window.to, at: (self.clock)() }
    }

    /// Writes the alerts; what is refused is written again in a reduced form. What became of each at last, in their
    /// order.
    pub async fn write(&self, fresh: &[Match], window: Window) -> Result<Vec<Outcome>, PassError> {
        let at = self.found(window);
        let alerts: Vec<AlertDocument> =
            fresh.iter().map(|(id, event)| self.alerts.build(event, id, at)).collect();
        let mut outcomes = self.write_as_built(&alerts).await?;
        let mut refused: Vec<&mut Outcome> = Vec::new();
        let mut reduced = Vec::new();
        for ((id, event), outcome) in fresh.iter().zip(&mut outcomes) {
            if let Outcome::Refused(reason) = outcome {
                reduced.push(self.alerts.build_reduced(event, id, at, reason));
                refused.push(outcome);
            }
        }
        for (outcome, last) in refused.into_iter().zip(self.write_reduced(reduced).await?) {
            *outcome = last;
        }
        Ok(outcomes)
    }

    async fn write_as_built(&self, alerts: &[AlertDocument]) -> Result<Vec<Outcome>, PassError> {
        let outcomes = self.sink.write(alerts).await?;
        self.tell(alerts, &outcomes);
        Ok(outcomes)
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

    async fn write_reduced(&self, reduced: Vec<AlertDocument>) -> Result<Vec<Outcome>, PassError> {
        if reduced.is_empty() {
            return Ok(Vec::new());
        }
        tracing::warn!(rule = %self.rule.name, alerts = reduced.len(), "alerts were refused and are written in a reduced form");
        self.write_as_built(&reduced).await
    }
}

impl WindowReport {
    /// Counts matches whose alert is there already, `written` of them by this run, but not those that an earlier round has
    /// created.
    fn met(&mut self, matches: u64, written: u64) {
        let own = written.min(self.unmet);
        self.unmet -= own;
        self.existing += matches - own;
        self.repeated += written - own;
    }

    /// Notes that an alert was not written, as it may be there already.
    fn leave_unwritten(&mut self, silent: &Silent) {
        let words = &silent.words;
        self.incomplete.get_or_insert_with(|| {
            format!("an alert was not written, as it may lie where nobody can look: {words}")
        });
    }
}

fn unopened(error: ReadError) -> PassError {
    if error.elastic().is_timed_out() { PassError::Read(error) } else { PassError::Open(error) }
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

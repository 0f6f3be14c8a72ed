//! One shot over the past, with a checkpoint of its own, so that it can be taken up again and leaves the daemon's as it is.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::progress::Watch;
use super::question::Question;
use super::report::RuleReport;
use super::runner::{Next, Progressing, Runner, failed, look_back};
use crate::alert::AlertBuilder;
use crate::checkpoint::{CheckpointError, Cursor, Window};
use crate::rule::Rule;

#[cfg(test)]
mod tests;

/// A window that took less time is followed by a longer one.
const QUICK: Duration = Duration::from_secs(2);

/// A window that took more is followed by a shorter one.
const SLOW: Duration = Duration::from_secs(10);

/// How many times longer or shorter the next one is.
const GROWTH: i32 = 4;

/// No window grows beyond this: what cannot be read of it is owed as a whole.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// The stretch of time of a backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRange {
    /// As it was asked for: the same words take up an interrupted backfill again.
    pub text: String,
    /// Start, inclusive.
    pub from: DateTime<Utc>,
    /// End, inclusive.
    pub to: DateTime<Utc>,
    /// Whether it ends at the present.
    pub until_now: bool,
}

impl BackfillRange {
    fn window(&self) -> Window {
        Window::new(self.from, self.to)
    }
}

impl Runner {
    /// Runs `rule` over `range`, from where an interrupted backfill of the same words got to.
    pub async fn backfill_rule(&self, rule: &Rule, range: &BackfillRange, watch: &Watch) -> RuleReport {
        self.timed(rule, watch, |question, alerts| self.go_over(rule, range, question, alerts, watch)).await
    }

    async fn go_over(
        &self,
        rule: &Rule,
        range: &BackfillRange,
        question: Question,
        alerts: AlertBuilder,
        watch: &Watch,
    ) -> RuleReport {
        if let Err(error) = self.hand_on(rule, range).await {
            return failed(rule, &error);
        }
        let mut tracked = match self.store.load(&key(rule, range), &rule.name).await {
            Ok(tracked) => tracked,
            Err(error) => return failed(rule, &error),
        };
        let stretches = if let Some(left) = tracked.cursor.as_ref().and_then(|cursor| left(cursor, range)) {
            let at = left.first().map_or(range.to, |first| first.from);
            tracing::info!(rule = %rule.name, ?at, "taking up an interrupted backfill");
            left
        } else {
            tracked.cursor = None;
            vec![range.window()]
        };
        let pass = self.pass(rule, &question, &alerts, watch);
        let begin = Cursor::starting_at(range.from);
        let (started, report) = (Instant::now(), RuleReport::new(rule));
        let mut progressing = Progressing { pass, tracked, begin, now: self.now(), started, report };
        match self.all_stretches(&mut progressing, stretches).await {
            Next::Whole => self.close(&mut progressing, range).await,
            Next::Owed | Next::Stop => {
                let owed = progressing.cursor().owed_in(range.window()).count();
                progressing.report.owed = owed as u64;
            }
        }
        progressing.report
    }

    /// Lets a rule that nobody has watched yet be watched from the end of this range on, so that no time between the two
    /// stays unread, whenever `run` is started.
    async fn hand_on(&self, rule: &Rule, range: &BackfillRange) -> Result<(), CheckpointError> {
        if !range.until_now {
            return Ok(());
        }
        let mut watched = self.store.load(&rule.rule_id, &rule.name).await?;
        if watched.cursor.is_some() {
            return Ok(());
        }
        let now = self.now();
        let begin = Cursor::starting_at(range.to.min(now) - look_back(rule));
        self.store.change(&mut watched, &begin, now, |_| {}).await
    }

    async fn all_stretches(&self, progressing: &mut Progressing<'_>, stretches: Vec<Window>) -> Next {
        let mut all = Next::Whole;
        for stretch in stretches {
            match self.growing_stretch(progressing, stretch).await {
                Next::Whole => {}
                Next::Owed => all = Next::Owed,
                Next::Stop => return Next::Stop,
            }
        }
        all
    }

    /// Reads a stretch of time, oldest first, in windows that grow as long as each is read in no time: an interrupted
    /// backfill loses seconds, however much or little there is in an hour.
    async fn growing_stretch(&self, progressing: &mut Progressing<'_>, stretch: Window) -> Next {
        let first = self.settings.longest_window;
        let (mut rest, mut length, mut whole) = (Some(stretch), first, Next::Whole);
        while let Some(left) = rest {
            let window = self.source.windows(left, length)[0];
            let started = Instant::now();
            match self.window(progressing, window).await {
                Next::Stop => return Next::Stop,
                Next::Owed => (whole, length) = (Next::Owed, first),
                Next::Whole => length = next_length(length, first, started.elapsed()),
            }
            rest = (window.to < left.to).then(|| Window::new(window.to, left.to));
        }
        whole
    }

    /// Leaves a checkpoint that helps nothing: the same words begin anew. (Deleting it would need one more privilege.)
    async fn close(&self, progressing: &mut Progressing<'_>, range: &BackfillRange) {
        let Progressing { tracked, begin, now, report, .. } = progressing;
        let closed =
            self.store.change(tracked, begin, *now, |cursor| *cursor = Cursor::starting_at(range.to)).await;
        if let Err(error) = closed {
            report.hinder(None, &error.to_string(), error.elastic());
        }
    }
}

/// How long the next window is, after one of `length` that took so long; never shorter than `first`.
fn next_length(length: TimeDelta, first: TimeDelta, took: Duration) -> TimeDelta {
    match took {
        _ if took < QUICK => (length * GROWTH).min(LONGEST.max(first)),
        _ if took > SLOW => (length / GROWTH).max(first),
        _ => length,
    }
}

/// The key of the checkpoint: what was read for another question is not read for this one.
fn key(rule: &Rule, range: &BackfillRange) -> String {
    let time = (&rule.time.primary, &rule.time.fallback);
    let question = json!([rule.query.text, rule.category_field, rule.index, time, rule.identity]);
    let digest = Sha256::digest(question.to_string());
    let short = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("backfill/{}/{short:016x}/{}", rule.rule_id, range.text)
}

/// What an earlier backfill of the same words left to do: what it owes, and what it never reached; none where it helps
/// nothing.
fn left(earlier: &Cursor, range: &BackfillRange) -> Option<Vec<Window>> {
    if earlier.origin > range.from || earlier.done_until <= range.from {
        return None;
    }
    let owed = earlier.owed.iter().filter_map(|owed| owed.window.overlap(&range.window()));
    let rest = (earlier.done_until < range.to).then(|| Window::new(earlier.done_until, range.to));
    Some(owed.chain(rest).collect())
}

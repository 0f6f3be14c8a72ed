//! One shot over the past, with a checkpoint of its own, so that it can be taken up again and leaves the daemon's alone.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::progress::Watch;
use super::question::Question;
use super::report::RuleReport;
use super::runner::{Next, Progressing, Runner, failed};
use crate::alert::AlertBuilder;
use crate::checkpoint::{Cursor, Window};
use crate::rule::Rule;

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
        let key = format!("backfill/{}/{}", rule.rule_id, range.text);
        let mut tracked = match self.store.load(&key, &rule.name).await {
            Ok(tracked) => tracked,
            Err(error) => return failed(rule, &error),
        };
        let stretches = remaining(tracked.cursor.as_ref(), range);
        if stretches.first().is_some_and(|first| first.from > range.from) {
            tracing::info!(rule = %rule.name, at = %stretches[0].from, "taking up an interrupted backfill");
        } else {
            tracked.cursor = None;
        }
        let pass = self.pass(rule, &question, &alerts, watch);
        let begin = Cursor::starting_at(range.from);
        let (started, report) = (Instant::now(), RuleReport::new(rule));
        let mut progressing = Progressing { pass, tracked, begin, now: self.now(), started, report };
        let mut stopped = false;
        for stretch in stretches {
            stopped = stopped || self.growing_stretch(&mut progressing, stretch).await == Next::Stop;
        }
        progressing.report.owed = progressing.cursor().owed.len() as u64;
        if !stopped && progressing.report.owed == 0 {
            self.close(&mut progressing, range).await;
        }
        progressing.report
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

/// What an earlier backfill of the same words left to do: what it owes, and what it never reached.
fn remaining(earlier: Option<&Cursor>, range: &BackfillRange) -> Vec<Window> {
    let whole = Window::new(range.from, range.to);
    match earlier {
        Some(cursor) if cursor.origin <= range.from && cursor.done_until > range.from => {
            let owed = cursor.owed.iter().filter_map(|owed| owed.window.overlap(&whole));
            let rest = (cursor.done_until < range.to).then(|| Window::new(cursor.done_until, range.to));
            owed.chain(rest).collect()
        }
        _ => vec![whole],
    }
}

#[cfg(test)]
mod tests {
    use super::{BackfillRange, next_length, remaining};
    use crate::checkpoint::{Cursor, Window};
    use chrono::{DateTime, TimeDelta, Utc};
    use std::time::Duration;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn range(from: i64, to: i64) -> BackfillRange {
        BackfillRange { text: "24h".into(), from: at(from), to: at(to) }
    }

    #[test]
    fn a_first_backfill_reads_all() {
        assert_eq!(remaining(None, &range(0, 100)), [Window::new(at(0), at(100))]);
    }

    #[test]
    fn an_interrupted_one_is_taken_up_where_it_was() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.finish(Window::new(at(0), at(20)));
        cursor.owe(Window::new(at(20), at(30)), "x", at(30));
        cursor.finish(Window::new(at(30), at(50)));
        assert_eq!(
            remaining(Some(&cursor), &range(0, 100)),
            [Window::new(at(20), at(30)), Window::new(at(50), at(100))]
        );
        assert_eq!(
            remaining(Some(&cursor), &range(25, 125)),
            [Window::new(at(25), at(30)), Window::new(at(50), at(125))]
        );
    }

    #[test]
    fn one_that_began_later_or_ended_earlier_helps_nothing() {
        let mut cursor = Cursor::starting_at(at(10));
        cursor.finish(Window::new(at(10), at(50)));
        assert_eq!(remaining(Some(&cursor), &range(0, 100)), [Window::new(at(0), at(100))]);
        assert_eq!(remaining(Some(&cursor), &range(50, 100)), [Window::new(at(50), at(100))]);
    }

    #[test]
    fn windows_grow_while_they_are_quick_and_shrink_back_where_they_are_slow() {
        let hours = TimeDelta::hours;
        let next = |length, took| next_length(hours(length), hours(1), Duration::from_millis(took));
        assert_eq!((next(1, 50), next(4, 1_999)), (hours(4), hours(16)));
        assert_eq!((next(16, 3_000), next(1, 10_000)), (hours(16), hours(1)));
        assert_eq!((next(16, 11_000), next(2, 60_000)), (hours(4), hours(1)));
        assert_eq!((next(64, 0), next(168, 0)), (hours(168), hours(168)));
        assert_eq!(next_length(hours(200), hours(200), Duration::ZERO), hours(200));
    }
}

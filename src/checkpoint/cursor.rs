//! How far a rule has read. Law: every moment from `origin` to `done_until` was read whole or is owed.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::window::Window;

/// First wait before an owed window is tried again.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(30);

/// Longest wait before an owed window is tried again.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// By less than this two replicas that fire together differ in how far they read.
const SAME_TIME: TimeDelta = TimeDelta::seconds(10);

/// How far one rule has read, as it is kept between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Start of the first window ever; what lies before is a backfill's business.
    pub origin: DateTime<Utc>,
    /// End of the newest window; all before it was read whole or is owed.
    pub done_until: DateTime<Utc>,
    /// What could not be read whole, oldest first, neighbours joined.
    #[serde(default)]
    pub owed: Vec<Owed>,
    /// End of the last late sweep.
    #[serde(default)]
    pub swept_until: Option<DateTime<Utc>>,
}

/// A stretch of time that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The stretch.
    #[serde(flatten)]
    pub window: Window,
    /// When it was first found incomplete.
    pub since: DateTime<Utc>,
    /// How many rounds it was tried again in vain.
    pub attempts: u32,
    /// When it was last tried.
    pub tried_at: DateTime<Utc>,
    /// When it is tried again.
    pub retry_at: DateTime<Utc>,
    /// Why it could not be read whole, the last time.
    pub reason: String,
}

impl Cursor {
    /// A rule that has read nothing yet and begins at `origin`.
    #[must_use]
    pub fn starting_at(origin: DateTime<Utc>) -> Self {
        Self { origin, done_until: origin, owed: Vec::new(), swept_until: None }
    }

    /// Whether any window was read or is owed.
    #[must_use]
    pub fn has_read(&self) -> bool {
        self.done_until > self.origin
    }

    /// The window to read at `now`: from the rule's look-back, or from before the last end where that is older.
    #[must_use]
    pub fn next_window(&self, now: DateTime<Utc>, look_back: TimeDelta, overlap: TimeDelta) -> Window {
        let from = (now - look_back).min(self.done_until - overlap).max(self.origin.min(now - look_back));
        Window::new(from, now.max(from))
    }

    /// Whether `newer` says no more than that a few seconds more were read: to forget those costs nothing, as the next
    /// window begins where this one ends.
    #[must_use]
    pub fn is_near(&self, newer: &Self) -> bool {
        let ahead = newer.done_until - self.done_until;
        ahead < SAME_TIME && Self { done_until: newer.done_until, ..self.clone() } == *newer
    }

    /// Whether it tells of a time that has not come: a clock was ahead, and an outage from now on would be lost. As much as
    /// windows overlap does no harm.
    #[must_use]
    pub fn is_ahead(&self, now: DateTime<Utc>, overlap: TimeDelta) -> bool {
        let latest = self.swept_until.map_or(self.done_until, |swept| swept.max(self.done_until));
        latest - now > overlap.max(SAME_TIME)
    }

    /// Takes back what a clock that was ahead has recorded: nothing after `now` was read, and how far before is not known.
    /// The next window begins at the rule's look-back, and a late sweep is due.
    pub fn take_back(&mut self, now: DateTime<Utc>, look_back: TimeDelta) {
        self.done_until = self.done_until.min(now - look_back);
        self.origin = self.origin.min(self.done_until);
        self.swept_until = self.swept_until.filter(|swept| *swept <= now);
        self.owed.retain(|owed| owed.window.from < now);
        for owed in &mut self.owed {
            owed.window.to = owed.window.to.min(now);
            for time in [&mut owed.since, &mut owed.tried_at, &mut owed.retry_at] {
                *time = now.min(*time);
            }
        }
    }

    /// Records that every event of `window` was read and every alert of it acknowledged.
    pub fn finish(&mut self, window: Window) {
        self.owed = self.owed.iter().flat_map(|owed| without(owed, window)).collect();
        self.advance(window, "was never read");
    }

    /// Records that `window` could not be read whole.
    ///
    /// A stretch that grows by a newer window keeps the time at which it is tried again; one that was tried again in
    /// vain waits twice as long each round, so that a cause that lasts (a red index) is not asked for again and again.
    pub fn owe(&mut self, window: Window, reason: &str, now: DateTime<Utc>) {
        self.add(window, reason, now);
        self.advance(window, reason);
    }

    /// The owed stretches whose time to be tried again has come, oldest first. `whole` is the newest window where it was
    /// read whole: what failed until just before it may well succeed now.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>, whole: Option<Window>) -> Vec<Owed> {
        let has_healed = |owed: &Owed| whole.is_some_and(|whole| owed.window.to == whole.from);
        let is_due = |owed: &&Owed| owed.retry_at <= now || has_healed(owed);
        self.owed.iter().filter(is_due).cloned().collect()
    }

    /// The owed stretches that touch `window`.
    pub fn owed_in(&self, window: Window) -> impl Iterator<Item = &Owed> {
        self.owed.iter().filter(move |owed| owed.window.overlap(&window).is_some())
    }

    /// The stretch of a late sweep at `now`, if one is due: never before the rule's first window.
    ///
    /// One is due each time that the clock passes a multiple of `every` and `phase` more, unless the last was less than
    /// half of `every` before: no two are more than `every` apart, and rules of different phases do not fall due together.
    #[must_use]
    pub fn sweep(
        &self,
        now: DateTime<Utc>,
        every: TimeDelta,
        phase: TimeDelta,
        over: TimeDelta,
    ) -> Option<Window> {
        let last = self.swept_until.unwrap_or(self.origin);
        let turn = |time: DateTime<Utc>| {
            (time - phase).timestamp_millis().div_euclid(every.num_milliseconds().max(1))
        };
        let is_due = turn(now) > turn(last) && now - last >= every / 2;
        is_due.then(|| Window::new((now - over).max(self.origin), now))
    }

    /// Moves the newest end; a stretch that was jumped over is owed, never forgotten, and for the reason of what is owed
    /// before it, as that is why it was jumped over.
    fn advance(&mut self, window: Window, reason: &str) {
        if window.from > self.done_until {
            let before = self.owed.iter().find(|owed| owed.window.to == self.done_until);
            let reason = before.map_or(reason, |owed| &owed.reason).to_owned();
            self.add(Window::new(self.done_until, window.from), &reason, window.to);
        }
        self.done_until = self.done_until.max(window.to);
    }

    /// Adds an owed stretch, joined with those it touches, so that the list stays as short as the outages are few.
    fn add(&mut self, window: Window, reason: &str, now: DateTime<Utc>) {
        let again = window.to <= self.done_until;
        let (touching, apart): (Vec<_>, Vec<_>) =
            self.owed.drain(..).partition(|owed| owed.window.overlap(&window).is_some());
        let joined = touching.iter().fold(window, |joined, owed| {
            Window::new(joined.from.min(owed.window.from), joined.to.max(owed.window.to))
        });
        let rounds =
            touching.iter().map(|owed| owed.attempts + u32::from(again && owed.tried_at < now)).max();
        let (since, attempts) =
            (touching.iter().map(|owed| owed.since).fold(now, Ord::min), rounds.unwrap_or(0));
        // A stretch that only grows is as it was when it was last tried.
        let last = touching.iter().filter(|_| !again).map(|owed| (owed.tried_at, owed.retry_at)).max();
        let (tried_at, retry_at) = last.unwrap_or((now, now + wait_after(attempts, joined.length())));
        self.owed = apart;
        let reason = reason.to_owned();
        self.owed.push(Owed { window: joined, since, attempts, tried_at, retry_at, reason });
        self.owed.sort_by_key(|owed| owed.window.from);
    }
}

/// What is left of an owed stretch once `done` was read: nothing, one piece or two.
fn without(owed: &Owed, done: Window) -> Vec<Owed> {
    if owed.window.overlap(&done).is_none() {
        return vec![owed.clone()];
    }
    let before = (owed.window.from < done.from).then(|| Window::new(owed.window.from, done.from));
    let after = (owed.window.to > done.to).then(|| Window::new(done.to, owed.window.to));
    before.into_iter().chain(after).map(|window| Owed { window, ..owed.clone() }).collect()
}

/// Up to an hour; a stretch of several days waits longer, so that no more than a day of it is read again an hour.
fn wait_after(attempts: u32, length: TimeDelta) -> TimeDelta {
    let doubled = FIRST_WAIT * 2_i32.pow(attempts.min(20));
    doubled.min(LONGEST_WAIT.max(length / 24))
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Window};
    use chrono::{DateTime, TimeDelta, Utc};
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn window(from: i64, to: i64) -> Window {
        Window::new(at(from), at(to))
    }

    fn due(cursor: &Cursor, now: DateTime<Utc>, whole: Option<Window>) -> Vec<Window> {
        cursor.due(now, whole).into_iter().map(|owed| owed.window).collect()
    }

    const LOOK_BACK: TimeDelta = TimeDelta::seconds(360);
    const OVERLAP: TimeDelta = TimeDelta::seconds(60);

    #[test]
    fn the_next_window_reaches_back_over_an_outage() {
        let mut cursor = Cursor::starting_at(at(640));
        assert_eq!(cursor.next_window(at(1000), LOOK_BACK, OVERLAP), window(640, 1000));
        cursor.finish(window(640, 1000));
        assert_eq!(cursor.next_window(at(1300), LOOK_BACK, OVERLAP), window(940, 1300));
        assert_eq!(cursor.next_window(at(90_000), LOOK_BACK, OVERLAP), window(940, 90_000));
    }

    #[test]
    fn a_clock_set_back_reads_again_and_forgets_nothing() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.finish(window(0, 5000));
        assert_eq!(cursor.next_window(at(3000), LOOK_BACK, OVERLAP), window(2640, 3000));
        cursor.finish(window(2640, 3000));
        assert_eq!(cursor.done_until, at(5000));
    }

    #[test]
    fn what_a_clock_that_was_ahead_has_recorded_is_taken_back() {
        let (now, day) = (at(100_000), 86_400);
        let mut cursor = Cursor::starting_at(at(0));
        cursor.finish(window(0, 90_000));
        cursor.owe(window(80_000, 85_000), "x", at(90_000));
        cursor.owe(window(90_000, 100_000 + day), "x", at(100_000 + day));
        cursor.finish(window(99_000 + day, 100_000 + day));
        cursor.swept_until = Some(at(100_000 + day));
        assert!(cursor.is_ahead(now, OVERLAP));
        cursor.take_back(now, LOOK_BACK);
        assert!(!cursor.is_ahead(now, OVERLAP));
        assert_eq!((cursor.done_until, cursor.swept_until), (at(99_640), None));
        assert_eq!(due(&cursor, now, None), [window(80_000, 85_000), window(90_000, 100_000)]);
        // What is read now moves no end beyond the present, and an outage is read in full.
        cursor.finish(cursor.next_window(now, LOOK_BACK, OVERLAP));
        cursor.finish(window(90_000, 99_640));
        assert_eq!((cursor.done_until, cursor.owed.len()), (now, 1));
        assert_eq!(cursor.next_window(at(110_000), LOOK_BACK, OVERLAP), window(99_940, 110_000));
    }

    #[test]
    fn a_rule_that_began_by_a_clock_that_was_ahead_begins_again() {
        let mut cursor = Cursor::starting_at(at(90_000));
        cursor.take_back(at(3600), LOOK_BACK);
        assert_eq!(cursor, Cursor::starting_at(at(3240)));
    }

    #[test]
    fn ahead_by_no_more_than_the_overlap_is_not_ahead() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.finish(window(0, 1000));
        let is_ahead = |now: i64, overlap: i64| cursor.is_ahead(at(now), TimeDelta::seconds(overlap));
        assert_eq!([is_ahead(940, 60), is_ahead(939, 60)], [false, true]);
        assert_eq!([is_ahead(990, 0), is_ahead(989, 0)], [false, true]);
    }

    #[test]
    fn an_outage_of_hours_is_one_owed_stretch() {
        let mut cursor = Cursor::starting_at(at(0));
        for n in 0..100 {
            cursor.owe(window(n * 300 - 60, n * 300 + 300), "index `a` is red", at(n * 300 + 300));
        }
        assert_eq!(cursor.owed.len(), 1);
        assert_eq!(cursor.owed[0].window, window(-60, 30_000));
        assert_eq!(cursor.owed[0].since, at(300));
        assert_eq!(cursor.owed[0].retry_at, at(330), "growing is no attempt at it");
        assert_eq!(due(&cursor, at(30_000), None), [window(-60, 30_000)]);
    }

    #[test]
    fn what_was_jumped_over_is_owed_for_the_reason_of_what_failed_before_it() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.owe(window(0, 10), "timed out", at(100));
        cursor.finish(window(90, 100));
        assert_eq!(due(&cursor, at(200), None), [window(0, 90)]);
        assert_eq!((cursor.owed[0].reason.as_str(), cursor.done_until), ("timed out", at(100)));
        cursor.finish(window(110, 120));
        assert_eq!(cursor.owed[1].reason, "was never read");
    }

    #[test]
    fn a_stretch_tried_again_in_vain_waits_twice_as_long_each_round() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.owe(window(0, 10), "x", at(10));
        let mut waits = Vec::new();
        for round in 1..=8 {
            let now = at(10 + round);
            cursor.owe(window(0, 5), "x", now);
            cursor.owe(window(5, 10), "x", now);
            assert_eq!(cursor.owed.len(), 1);
            assert!(cursor.due(now, Some(window(20, 30))).is_empty());
            waits.push((cursor.owed[0].retry_at - now).num_minutes());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn what_failed_until_just_now_is_tried_at_once_when_the_newest_window_is_whole() {
        let mut cursor = Cursor::starting_at(at(0));
        for round in 1..9 {
            cursor.owe(window(0, 10), "x", at(10 + round));
        }
        cursor.owe(window(8, 20), "x", at(20));
        assert!(cursor.due(at(60), None).is_empty());
        cursor.finish(window(18, 60));
        assert_eq!(due(&cursor, at(60), Some(window(18, 60))), [window(0, 18)]);
        cursor.finish(window(58, 90));
        assert!(cursor.due(at(90), Some(window(58, 90))).is_empty());
    }

    #[test]
    fn no_more_than_a_day_of_a_long_stretch_is_read_again_an_hour() {
        let mut cursor = Cursor::starting_at(at(0));
        let days = window(0, 10 * 86_400);
        for round in 0..30 {
            cursor.owe(days, "x", at(10 * 86_400 + round));
        }
        assert_eq!((cursor.owed[0].retry_at - cursor.owed[0].tried_at).num_hours(), 10);
    }

    #[test]
    fn replicas_that_fire_together_are_near_and_any_news_is_not() {
        let kept = Cursor::starting_at(at(0));
        let (mut newer, mut later, mut owing) = (kept.clone(), kept.clone(), kept.clone());
        newer.finish(window(0, 9));
        assert!(kept.is_near(&newer) && newer.is_near(&kept));
        later.finish(window(0, 10));
        owing.owe(window(0, 9), "x", at(9));
        assert!(!kept.is_near(&later) && !kept.is_near(&owing) && !owing.is_near(&newer));
    }

    #[test]
    fn what_is_read_at_last_is_owed_no_more() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.owe(window(0, 30), "x", at(30));
        cursor.finish(window(10, 20));
        assert_eq!(due(&cursor, at(90), None), [window(0, 10), window(20, 30)]);
        cursor.finish(window(0, 10));
        cursor.finish(window(20, 30));
        assert!(cursor.owed.is_empty());
    }

    const HOUR: TimeDelta = TimeDelta::hours(1);

    fn swept(until: i64) -> Cursor {
        Cursor { swept_until: Some(at(until)), ..Cursor::starting_at(at(0)) }
    }

    #[test]
    fn sweeps_come_at_their_pace_and_stay_behind_the_origin() {
        let (phase, over) = (TimeDelta::minutes(10), TimeDelta::hours(24));
        let cursor = Cursor::starting_at(at(600));
        assert_eq!(cursor.sweep(at(4199), HOUR, phase, over), None);
        assert_eq!(cursor.sweep(at(4200), HOUR, phase, over), Some(window(600, 4200)));
        assert_eq!(swept(4200).sweep(at(7799), HOUR, phase, over), None);
        assert_eq!(swept(4200).sweep(at(100_000), HOUR, phase, over), Some(window(13_600, 100_000)));
        // One that came out of turn, as after an outage, is soon followed by one in its turn, but not at once.
        assert_eq!(swept(3000).sweep(at(4799), HOUR, phase, over), None);
        assert_eq!(swept(3000).sweep(at(4800), HOUR, phase, over), Some(window(0, 4800)));
    }

    #[test]
    fn is_kept_as_json() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.owe(window(0, 10), "x", at(10));
        let text = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), cursor);
    }

    proptest! {
        #[test]
        fn no_two_sweeps_are_more_than_their_pace_apart(last in 0i64..20_000, phase in 0i64..3600) {
            let phase = TimeDelta::seconds(phase);
            prop_assert!(swept(last).sweep(at(last + 3600), HOUR, phase, HOUR).is_some());
            prop_assert!(swept(last).sweep(at(last + 1799), HOUR, phase, HOUR).is_none());
        }

        #[test]
        fn every_moment_is_read_or_owed(steps in prop::collection::vec((0i64..200, 0i64..60, any::<bool>()), 1..40)) {
            let mut cursor = Cursor::starting_at(at(0));
            let mut read = [false; 400];
            for (from, length, whole) in steps {
                let window = window(from, from + length);
                if whole {
                    cursor.finish(window);
                    // A moment stands for the open second after it; borders belong to both sides.
                    (from..from + length).for_each(|second| read[usize::try_from(second).unwrap()] = true);
                } else {
                    cursor.owe(window, "x", window.to);
                    (from..from + length).for_each(|second| read[usize::try_from(second).unwrap()] = false);
                }
            }
            for second in 0..cursor.done_until.timestamp() {
                let moment = window(second, second + 1);
                let owed = cursor.owed.iter().any(|owed| owed.window.from <= moment.from && moment.to <= owed.window.to);
                prop_assert!(read[usize::try_from(second).unwrap()] || owed, "second {second} is lost");
            }
            prop_assert!(cursor.owed.windows(2).all(|pair| pair[0].window.to < pair[1].window.from
                || pair[0].window.to <= pair[1].window.from));
        }
    }
}

//! Whether the timetable runs: all of it is there, and a run under way gets on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::group::LONGEST_REST;
use crate::detect::Progress;

/// Added to what a run may well wait for, before it counts as stuck.
const ROOM: Duration = Duration::from_mins(1);

/// Signs of life of a timetable, shared by its parts and by those who ask after them.
#[derive(Debug)]
pub struct Pulse {
    /// Grows as documents are read.
    progress: Arc<Progress>,
    /// How long a run under way may go without a sign.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Timetables that were begun, and those of them that have not ended.
    begun: usize,
    alive: usize,
    /// Runs under way.
    cycles: usize,
    /// Grows with each sign of life.
    signs: u64,
    /// How many signs there were when somebody last asked and found more than before, and when that was.
    seen: (u64, Instant),
}

/// A part of the timetable for as long as it is held.
pub(super) struct Held {
    pulse: Arc<Pulse>,
    part: fn(&mut State) -> &mut usize,
}

impl Held {
    /// Ends a timetable as it should: it is not missed from now on.
    pub(super) fn finish(self) {
        self.pulse.state().begun -= 1;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *(self.part)(&mut self.pulse.state()) -= 1;
    }
}

impl Pulse {
    /// Of a timetable whose requests take `timeout` at most and whose passes count what they read in `progress`.
    #[must_use]
    pub fn new(progress: Arc<Progress>, timeout: Duration) -> Self {
        // A rest that an answer asked for, and a request that times out twice over.
        let patience = LONGEST_REST + timeout * 2 + ROOM;
        let state = State { begun: 0, alive: 0, cycles: 0, signs: 0, seen: (0, Instant::now()) };
        Self { progress, patience, state: Mutex::new(state) }
    }

    /// Notes a sign of life, such as the end of a request.
    pub fn stir(&self) {
        self.state().signs += 1;
    }

    /// Asks after the timetable.
    ///
    /// # Errors
    /// Part of it has ended, or a run is stuck: which, in words.
    pub fn beat(&self) -> Result<(), String> {
        self.beat_at(Instant::now())
    }

    fn beat_at(&self, now: Instant) -> Result<(), String> {
        let mut state = self.state();
        let signs = state.signs + self.progress.events();
        if state.cycles == 0 || state.seen.0 != signs {
            state.seen = (signs, now);
        }
        let silent = now - state.seen.1;
        if state.begun == 0 {
            return Err("the timetable has not begun".to_owned());
        }
        if state.alive < state.begun {
            return Err(format!("{} of {} timetables have ended", state.begun - state.alive, state.begun));
        }
        if silent > self.patience {
            return Err(format!("a run is under way, and nothing has moved for {} s", silent.as_secs()));
        }
        Ok(())
    }

    /// A timetable is alive until the returned value is dropped, which is a fault unless it is finished.
    pub(super) fn timetable(self: &Arc<Self>) -> Held {
        let mut state = self.state();
        state.begun += 1;
        state.alive += 1;
        Held { pulse: self.clone(), part: |state| &mut state.alive }
    }

    /// A run is under way until the returned value is dropped.
    pub(super) fn cycle(self: &Arc<Self>) -> Held {
        let mut state = self.state();
        state.cycles += 1;
        state.signs += 1;
        Held { pulse: self.clone(), part: |state| &mut state.cycles }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::Pulse;

    fn pulse() -> Arc<Pulse> {
        Arc::new(Pulse::new(Arc::default(), Duration::from_secs(30)))
    }

    #[test]
    fn a_timetable_that_ended_is_told() {
        let pulse = pulse();
        assert_eq!(pulse.beat(), Err("the timetable has not begun".to_owned()));
        let _kept = pulse.timetable();
        let ended = pulse.timetable();
        assert_eq!(pulse.beat(), Ok(()));
        drop(ended);
        assert_eq!(pulse.beat(), Err("1 of 2 timetables have ended".to_owned()));
    }

    #[test]
    fn a_timetable_that_was_replaced_is_not_missed() {
        let pulse = pulse();
        let old = pulse.timetable();
        let _new = pulse.timetable();
        old.finish();
        assert_eq!(pulse.beat(), Ok(()));
    }

    #[test]
    fn only_a_run_in_which_nothing_moves_is_stuck() {
        let pulse = pulse();
        let _kept = pulse.timetable();
        let begin = Instant::now();
        let after = |seconds: u64| pulse.beat_at(begin + Duration::from_secs(seconds));
        assert_eq!(after(0), Ok(()));
        // Between two runs there is nothing to move, however long that is.
        let cycle = pulse.cycle();
        assert_eq!(after(10_000), Ok(()));
        assert_eq!(after(10_420), Ok(()));
        assert_eq!(after(10_421), Err("a run is under way, and nothing has moved for 421 s".to_owned()));
        pulse.stir();
        assert_eq!(after(10_422), Ok(()));
        assert!(after(11_000).is_err());
        drop(cycle);
        assert_eq!(after(20_000), Ok(()));
    }
}

//! Whether the timetable runs: all of it is there, and each run under way gets on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::group::LONGEST_REST;
use crate::detect::Progress;

/// Added to what a run may well wait for, before it counts as stuck.
const ROOM: Duration = Duration::from_mins(1);

tokio::task_local! {
    /// The run that the task at hand belongs to.
    static TRACE: Arc<Trace>;
}

/// Notes a sign of life, such as the end of a request, of the run that it belongs to. What belongs to none, such as triage or a
/// question whether the cluster is there, does not tell that a run gets on.
pub fn stir() {
    let _ = TRACE.try_with(|trace| trace.stirs.fetch_add(1, Ordering::Relaxed));
}

/// Signs of life of a timetable, shared by its parts and by those who ask after them.
#[derive(Debug)]
pub struct Pulse {
    /// How long a run under way may go without a sign.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Timetables that were begun, and those of them that have not ended.
    begun: usize,
    alive: usize,
    runs: Vec<Seen>,
}

/// A run under way, and how many signs of it there were when somebody asked and found more than before, and when that was.
#[derive(Debug)]
struct Seen {
    trace: Arc<Trace>,
    last: Option<(u64, Instant)>,
}

/// The signs of life of one run.
#[derive(Debug, Default)]
struct Trace {
    stirs: AtomicU64,
    /// Grows as documents are read.
    progress: Arc<Progress>,
}

/// A timetable for as long as it is held.
pub(super) struct Held(Arc<Pulse>);

/// A run under way for as long as it is held.
pub(super) struct Moving {
    pulse: Arc<Pulse>,
    trace: Arc<Trace>,
}

impl Held {
    /// Ends a timetable as it should: it is not missed from now on.
    pub(super) fn finish(self) {
        self.0.state().begun -= 1;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().alive -= 1;
    }
}

impl Moving {
    /// Does a part of the run, whose signs of life are those of the run.
    pub(super) fn part<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        TRACE.scope(self.trace.clone(), work)
    }

    /// What passes of the run count in.
    pub(super) fn progress(&self) -> Arc<Progress> {
        self.trace.progress.clone()
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.pulse.state().runs.retain(|run| !Arc::ptr_eq(&run.trace, &self.trace));
    }
}

impl Seen {
    /// For how long nothing has moved at `now`.
    fn silent(&mut self, now: Instant) -> Duration {
        let signs = self.trace.stirs.load(Ordering::Relaxed) + self.trace.progress.events();
        let since = self.last.filter(|(seen, _)| *seen == signs).map_or(now, |(_, since)| since);
        self.last = Some((signs, since));
        now - since
    }
}

impl Pulse {
    /// Of a timetable whose requests take `timeout` at most.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        // A rest that an answer asked for, and a request that times out twice over.
        let patience = LONGEST_REST + timeout * 2 + ROOM;
        Self { patience, state: Mutex::default() }
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
        let silent = state.runs.iter_mut().map(|run| run.silent(now)).max().unwrap_or_default();
        if state.begun == 0 {
            return Err("the timetable has not begun".to_owned());
        }
        if state.alive < state.begun {
            return Err(format!("{} of {} timetables have ended", state.begun - state.alive, state.begun));
        }
        if silent > self.patience {
            return Err(format!(
                "a run is under way, and nothing in it has moved for {} s",
                silent.as_secs()
            ));
        }
        Ok(())
    }

    /// A timetable is alive until the returned value is dropped, which is a fault unless it is finished.
    pub(super) fn timetable(self: &Arc<Self>) -> Held {
        let mut state = self.state();
        state.begun += 1;
        state.alive += 1;
        Held(self.clone())
    }

    /// A run is under way until the returned value is dropped.
    pub(super) fn run(self: &Arc<Self>) -> Moving {
        let trace = Arc::<Trace>::default();
        self.state().runs.push(Seen { trace: trace.clone(), last: None });
        Moving { pulse: self.clone(), trace }
    }

    /// How many signs of life the runs under way have given, what they have read aside.
    #[cfg(test)]
    pub(super) fn stirs(&self) -> u64 {
        self.state().runs.iter().map(|run| run.trace.stirs.load(Ordering::Relaxed)).sum()
    }

    /// What lies behind this lock is whole after every call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Pulse, stir};

    fn pulse() -> Arc<Pulse> {
        Arc::new(Pulse::new(Duration::from_secs(30)))
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

    #[tokio::test]
    async fn only_a_run_in_which_nothing_moves_is_stuck() {
        let pulse = pulse();
        let _kept = pulse.timetable();
        let begin = Instant::now();
        let after = |seconds: u64| pulse.beat_at(begin + Duration::from_secs(seconds));
        assert_eq!(after(0), Ok(()));
        // Between two runs there is nothing to move, however long that is.
        let run = pulse.run();
        assert_eq!(after(10_000), Ok(()));
        assert_eq!(after(10_420), Ok(()));
        let stuck = |seconds| Err(format!("a run is under way, and nothing in it has moved for {seconds} s"));
        assert_eq!(after(10_421), stuck(421));
        run.part(async { stir() }).await;
        assert_eq!(after(10_422), Ok(()));
        assert_eq!(after(11_000), stuck(578));
        drop(run);
        assert_eq!(after(20_000), Ok(()));
    }

    #[tokio::test]
    async fn what_moves_elsewhere_does_not_hide_a_run_that_is_stuck() {
        let pulse = pulse();
        let _kept = pulse.timetable();
        let (hung, lively) = (pulse.run(), pulse.run());
        let begin = Instant::now();
        let mut told = Vec::new();
        for minutes in 0..9 {
            // Triage and readiness, which belong to no run, and another run.
            stir();
            lively.part(async { tokio::join!(async { stir() }, async { stir() }) }).await;
            told.push(pulse.beat_at(begin + Duration::from_mins(minutes)).is_ok());
        }
        assert_eq!(told, [true, true, true, true, true, true, true, true, false]);
        drop(hung);
        assert_eq!(pulse.beat_at(begin + Duration::from_mins(10)), Ok(()));
    }
}

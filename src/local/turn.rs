//! Long documents are read one at a time, and by the worker whose finds are taken next: little is held whatever comes.
//!
//! Nobody waits in a ring: a worker waits for the work before its own, which was begun earlier, and for who takes the
//! finds to come back for more.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes from which on a document is long.
pub(super) const LONG: usize = 256 * 1024;

/// Whose turn it is, shared by the workers and who takes what they find.
#[derive(Debug, Default)]
pub(super) struct Turn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The piece of work whose finds are taken.
    work: u64,
    /// Long finds that were handed on and are not done with.
    lent: usize,
    is_over: bool,
}

impl Turn {
    /// The finds of this piece of work are taken from now on.
    pub fn give_to(&self, work: u64) {
        self.change(|state| state.work = work);
    }

    /// A long find is done with.
    pub fn release(&self) {
        self.change(|state| state.lent = state.lent.saturating_sub(1));
    }

    /// Nothing is taken any more, and nobody need wait.
    pub fn end(&self) {
        self.change(|state| state.is_over = true);
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.state());
        self.changed.notify_all();
    }

    /// What lies behind the lock is whole after every call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work's place in the order in which finds are taken.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    turn: Arc<Turn>,
    work: u64,
}

impl Ticket {
    /// The ticket of the piece of work of that number.
    pub fn new(turn: &Arc<Turn>, work: u64) -> Self {
        Self { turn: Arc::clone(turn), work }
    }

    /// Waits until it is this work's turn and no long find is still in use.
    pub fn wait(&self) {
        let waits = |state: &mut State| !state.is_over && (state.work < self.work || state.lent > 0);
        let waited = self.turn.changed.wait_while(self.turn.state(), waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// So many long finds are about to be handed on.
    pub fn lend(&self, count: usize) {
        self.turn.state().lent += count;
    }

    /// So many long finds were not taken after all.
    pub fn take_back(&self, count: usize) {
        (0..count).for_each(|_| self.turn.release());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::{Ticket, Turn};

    #[test]
    fn work_waits_for_the_work_before_it_and_for_what_was_lent() {
        let turn = Arc::new(Turn::default());
        let (first, second) = (Ticket::new(&turn, 1), Ticket::new(&turn, 2));
        turn.give_to(1);
        first.wait();
        first.lend(1);
        let (done, order) = mpsc::channel();
        let waiting = thread::spawn(move || {
            second.wait();
            done.send("second").unwrap();
        });
        assert!(order.try_recv().is_err());
        turn.release();
        first.wait();
        assert!(order.try_recv().is_err());
        turn.give_to(2);
        assert_eq!(order.recv(), Ok("second"));
        waiting.join().unwrap();
    }

    #[test]
    fn nobody_waits_at_the_end() {
        let turn = Arc::new(Turn::default());
        let late = Ticket::new(&turn, 9);
        late.lend(3);
        late.take_back(2);
        assert_eq!(turn.state().lent, 1);
        turn.end();
        late.wait();
    }
}

//! When something new is looked for: on SIGHUP, and every few seconds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Time between two looks. Two in a row that agree tell that a change is whole.
const EVERY: Duration = Duration::from_secs(5);

/// Whoever looks for something new and takes it up.
pub trait Reload: Send + 'static {
    /// Looks once; `asked` where somebody sent a signal, and wants it to be taken up at once. It may read files, and is
    /// called where that holds up nothing else.
    fn look(&mut self, asked: bool);

    /// A fault of the program ended a look: what was in force stays, and the next look is as any other.
    fn failed(&mut self);
}

/// From now on SIGHUP asks for something new, and no longer ends the process.
///
/// # Errors
/// The system refuses to install a signal handler.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Lets `reload` look until `stop` is cancelled.
pub async fn reload(mut reload: impl Reload, mut hangups: Signal, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        let asked = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = hangups.recv() => true,
            _ = ticks.tick() => false,
        };
        let was_failing = failing;
        let looked = tokio::task::spawn_blocking(move || {
            let failing = look(&mut reload, asked, was_failing);
            (reload, failing)
        });
        // Only a runtime that ends takes no more work.
        let Ok(looked) = looked.await else { return };
        (reload, failing) = looked;
    }
}

/// Looks once; whether that ended in a fault of the program, which is said once as long as it lasts.
fn look(reload: &mut impl Reload, asked: bool, was_failing: bool) -> bool {
    // What a look takes up, it takes up as one value at its end.
    let looked = catch_unwind(AssertUnwindSafe(|| reload.look(asked)));
    if looked.is_err() && !was_failing {
        tracing::error!("a fault of the program: nothing new is taken up, and what was in force stays");
        reload.failed();
    }
    looked.is_err()
}

#[cfg(test)]
mod tests {
    use super::{Reload, look};

    /// Looks that end as listed, and how often it was told of a fault.
    struct Looks(std::vec::IntoIter<bool>, u32);

    impl Reload for Looks {
        fn look(&mut self, _: bool) {
            assert!(self.0.next().expect("another look"), "a fault of the program");
        }

        fn failed(&mut self) {
            self.1 += 1;
        }
    }

    #[test]
    fn a_look_that_fails_is_told_once_and_others_follow() {
        let mut looks = Looks(vec![true, false, false, true, false].into_iter(), 0);
        let mut failing = false;
        let mut told = Vec::new();
        for _ in 0..5 {
            failing = look(&mut looks, true, failing);
            told.push((failing, looks.1));
        }
        assert_eq!(told, [(false, 0), (true, 1), (true, 1), (false, 1), (true, 2)]);
    }
}

//! When something new is looked for: on SIGHUP, and every few seconds.

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
    loop {
        let asked = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = hangups.recv() => true,
            _ = ticks.tick() => false,
        };
        let looked = tokio::task::spawn_blocking(move || {
            reload.look(asked);
            reload
        });
        reload = match looked.await {
            Ok(reload) => reload,
            Err(error) => {
                tracing::error!(%error, "a fault of the program: nothing new is taken up until the next start");
                return;
            }
        };
    }
}

//! Ctrl-C and SIGTERM ask for a clean end; a second one takes it at once.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a window under way may take to come to its end after the wish to stop.
pub const GRACE: Duration = Duration::from_secs(8);

/// Status of a process that was interrupted twice, as shells count it (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// Cancels the returned token on the first SIGINT or SIGTERM, and ends the process on the second.
///
/// # Errors
/// The system refuses to install a signal handler.
#[expect(
    clippy::disallowed_methods,
    reason = "who asks twice does not want to wait for what is still to be written"
)]
pub fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stopping.is_cancelled() {
                std::process::exit(INTERRUPTED);
            }
            tracing::info!("stopping; the window under way is finished or left for the next start");
            stopping.cancel();
        }
    });
    Ok(stop)
}

//! What systemd is told, where it has started the process: that it is ready, that it lives, that it ends.

use std::sync::Arc;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::pulse::Pulse;

/// Tells systemd that the timetable of `rules` rules has begun, and that it runs as often as systemd asks for, until `stop`
/// is cancelled. A timetable that is stuck is not told to live, so that systemd restarts it.
///
/// Ready means begun, not that the cluster answers: one that is down for long must not count as a failed start.
pub async fn tell_systemd(rules: usize, pulse: Arc<Pulse>, stop: CancellationToken) {
    tell_ready(rules);
    let mut stuck = false;
    match sd_notify::watchdog_enabled() {
        None => stop.cancelled().await,
        // Twice as often, so that one that comes late costs nothing.
        Some(limit) => loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(limit / 2) => stuck = tell_alive(&pulse, stuck),
            }
        },
    }
    say(&[NotifyState::Stopping]);
}

/// Tells systemd that what is new is read.
pub fn tell_reloading() {
    // From version 253 on it must know since when.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "systemd was not told"),
    }
}

/// Tells systemd that `rules` rules are watched with.
pub fn tell_ready(rules: usize) {
    say(&[NotifyState::Ready, NotifyState::Status(&format!("watching with {rules} rules"))]);
}

/// Says that the timetable runs, if it does; whether it does not.
fn tell_alive(pulse: &Pulse, stuck: bool) -> bool {
    match pulse.beat() {
        Ok(()) => {
            say(&[NotifyState::Watchdog]);
            false
        }
        Err(reason) => {
            if !stuck {
                tracing::error!(%reason, "stuck: systemd's watchdog is told nothing any more");
            }
            true
        }
    }
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}

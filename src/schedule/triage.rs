//! Triage beside the rules' runs: what is due is worked on soon, and a cluster that is down holds nothing up.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::work::Work;
use crate::detect::{Runner, Triager};

/// Time between two looks for alerts that are due.
const EVERY: Duration = Duration::from_secs(30);

/// Works on alerts that are due until `stop` is cancelled, as the work of the time asks for; every failure is said once as
/// long as it lasts.
pub async fn triage(work: watch::Receiver<Work>, stop: CancellationToken) {
    let mut failing = false;
    while !stop.is_cancelled() {
        let Work { runner, triager, .. } = work.borrow().clone();
        if let Some(triager) = triager {
            failing = once(&runner, &triager, &stop, failing).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One go; whether it failed.
async fn once(runner: &Runner, triager: &Triager, stop: &CancellationToken, failing: bool) -> bool {
    let ended = tokio::select! {
        () = stop.cancelled() => return failing,
        ended = triager.run(runner.now(), stop) => ended,
    };
    match ended {
        Ok(report) if report.alerts > 0 => {
            tracing::info!(alerts = report.alerts, searches = report.searches, "triaged");
            false
        }
        Ok(_) => false,
        Err(error) => {
            if failing {
                tracing::debug!("triage still waits: {error}");
            } else {
                tracing::warn!("triage waits, alerts are written all the same: {error}");
            }
            true
        }
    }
}

//! Triage beside the rules' runs: what is due is worked on soon, and a cluster that is down holds nothing up.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::rounds::{EVERY, rounds};
use super::work::Work;
use crate::detect::{Runner, Triager};
use crate::metrics::{Beside, Metrics};

/// Works on alerts that are due until `stop` is cancelled, as the work of the time asks for; every failure is said once as
/// long as it lasts.
pub async fn triage(work: watch::Receiver<Work>, metrics: Metrics, stop: CancellationToken) {
    let round = |failing: bool| {
        let (Work { runner, triager, .. }, metrics, stop) =
            (work.borrow().clone(), metrics.clone(), stop.clone());
        async move {
            metrics.goes_on(Beside::Triage, triager.is_some(), runner.now());
            match triager {
                Some(triager) => once(&runner, triager, &metrics, &stop, failing).await,
                None => false,
            }
        }
    };
    rounds("triage", EVERY, &stop, round).await;
}

/// One go; whether it failed.
async fn once(
    runner: &Runner,
    triager: Arc<Triager>,
    metrics: &Metrics,
    stop: &CancellationToken,
    failing: bool,
) -> bool {
    let ended = tokio::select! {
        () = stop.cancelled() => return failing,
        ended = triager.run(runner.now(), stop) => ended,
    };
    match ended {
        Ok(report) => {
            if report.unwritten == 0 {
                metrics.went_well(Beside::Triage, runner.now());
            }
            if report.alerts > 0 {
                tracing::info!(alerts = report.alerts, searches = report.searches, "triaged");
            }
            false
        }
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

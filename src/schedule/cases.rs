//! Cases beside the rules' runs and the triage: what is to be opened is opened soon, and a Kibana that is down holds
//! nothing up.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::rounds::{EVERY, rounds};
use super::work::Work;
use crate::detect::{CaseOpener, CasesReport, Runner};
use crate::metrics::{Beside, Metrics};

/// Opens cases until `stop` is cancelled, as the work of the time asks for; a problem is said once as long as it stays the
/// same.
pub async fn open_cases(work: watch::Receiver<Work>, metrics: Metrics, stop: CancellationToken) {
    let round = |problem: Option<String>| {
        let (Work { runner, cases, .. }, metrics, stop) =
            (work.borrow().clone(), metrics.clone(), stop.clone());
        async move {
            metrics.goes_on(Beside::Cases, cases.is_some(), runner.now());
            let opener = cases?;
            let now = once(&runner, &opener, &stop).await;
            if now.is_none() {
                metrics.went_well(Beside::Cases, runner.now());
            }
            say(problem.as_deref(), now.as_deref());
            now
        }
    };
    rounds("opening cases", EVERY, &stop, round).await;
}

/// One go; what is not done. Told to stop it ends after the group at hand, so that what was begun is finished.
async fn once(runner: &Runner, opener: &CaseOpener, stop: &CancellationToken) -> Option<String> {
    match opener.run(|| runner.now(), stop).await {
        Ok(report) => note(&report),
        Err(error) => Some(error.to_string()),
    }
}

/// Says what was done; what was not.
fn note(report: &CasesReport) -> Option<String> {
    let CasesReport { opened, alerts, failed, problem, .. } = report;
    if *alerts > 0 {
        tracing::info!(opened, alerts, failed, "cases");
    }
    problem.clone()
}

fn say(before: Option<&str>, now: Option<&str>) {
    match now {
        None if before.is_some() => tracing::info!("every alert has its case now"),
        None => {}
        Some(problem) if before == now => tracing::debug!("cases still wait: {problem}"),
        Some(problem) => {
            tracing::warn!("some alerts have no case yet, and it is tried again each {EVERY:?}: {problem}");
        }
    }
}

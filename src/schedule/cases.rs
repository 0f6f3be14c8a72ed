//! Cases beside the rules' runs and the triage: what is to be opened is opened soon, and a Kibana that is down holds
//! nothing up.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::work::Work;
use crate::detect::CasesReport;

/// Time between two looks for alerts without a case.
const EVERY: Duration = Duration::from_secs(30);

/// Opens cases until `stop` is cancelled, as the work of the time asks for; a problem is said once as long as it stays the
/// same.
pub async fn open_cases(work: watch::Receiver<Work>, stop: CancellationToken) {
    let mut problem = None;
    while !stop.is_cancelled() {
        let Work { runner, cases, .. } = work.borrow().clone();
        if let Some(opener) = cases {
            // Told to stop it ends after the group at hand, so that what was begun is finished.
            let now = match opener.run(|| runner.now(), &stop).await {
                Ok(report) => note(&report),
                Err(error) => Some(error.to_string()),
            };
            say(problem.as_deref(), now.as_deref());
            problem = now;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
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

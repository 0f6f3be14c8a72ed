//! The triage of the alerts that a command has written, and what the operator declares beforehand.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::listen::Listener;
use super::output;
use crate::detect::{Runner, Sink, Triager};
use crate::elastic::ElasticError;
use crate::rule::Rule;
use crate::rule::triage::{Expected, load_expected};

/// How many alerts are read again together.
const AT_ONCE: usize = 100;

/// What is declared, by the files that declare it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Declared(Vec<(PathBuf, Vec<Expected>)>);

impl Declared {
    /// What is declared in the files.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(paths: &[PathBuf], color: bool) -> anyhow::Result<Self> {
        let (declared, problems) = Self::default().renewed(paths, color);
        if problems.is_empty() { Ok(declared) } else { Err(anyhow!(problems.join("\n\n"))) }
    }

    /// What is declared in the files now, and the problems of those that are broken, each of which counts as it was.
    pub fn renewed(&self, paths: &[PathBuf], color: bool) -> (Self, Vec<String>) {
        let (mut declared, mut problems) = (Self::default(), Vec::new());
        for path in paths {
            let found = load_expected(path).unwrap_or_else(|errors| {
                problems.push(errors.render(color));
                let before = self.0.iter().find(|(known, _)| known == path);
                before.map(|(_, found)| found.clone()).unwrap_or_default()
            });
            declared.0.push((path.clone(), found));
        }
        (declared, problems)
    }

    /// All that is declared.
    pub fn all(&self) -> Vec<Expected> {
        self.0.iter().flat_map(|(_, found)| found).cloned().collect()
    }
}

/// Who asks about the alerts in `sink`, the real place of them; none where they go to no cluster, and where the arguments
/// want nothing to be asked or written.
pub fn triager(
    args: &RunArgs,
    sink: &Sink,
    rules: &[Arc<Rule>],
    expected: Vec<Expected>,
) -> Option<Arc<Triager>> {
    if args.dry_run || args.no_triage {
        return None;
    }
    let Sink::Cluster { cluster, index } = sink else { return None };
    Some(Arc::new(Triager::new(cluster.clone(), index.clone(), rules, expected)))
}

/// Works on the alerts that are due now; what cannot be asked stays due, and is said. Then `listener` hears again of its
/// alerts, as they are now.
pub async fn once(
    runner: Arc<Runner>,
    triager: Arc<Triager>,
    stop: CancellationToken,
    listener: Arc<Listener>,
) {
    triager.look_again().await;
    match triager.run(runner.now(), &stop).await {
        Ok(report) => tracing::info!(
            alerts = report.alerts,
            unwritten = report.unwritten,
            searches = report.searches,
            requests = report.requests,
            "triaged"
        ),
        Err(error) => {
            output::say(&format!("warning: the triage waits for the next run: {error}"));
            return;
        }
    }
    let untold = match told_again(&triager, &listener).await {
        Ok(0) => return,
        Ok(untold) => format!("{untold} alerts could not be found again"),
        Err(error) => error.to_string(),
    };
    output::say(&format!("warning: what is shown lacks the triage of some alerts: {untold}"));
}

/// Lets `listener` hear again of its alerts, as they are now; how many of them could not be found.
async fn told_again(triager: &Triager, listener: &Listener) -> Result<usize, ElasticError> {
    triager.look_again().await;
    let (mut from, mut untold) = (0, 0);
    loop {
        let ids = listener.ids(from, AT_ONCE);
        if ids.is_empty() {
            return Ok(untold);
        }
        from += ids.len();
        let alerts = triager.as_stored(&ids).await?;
        untold += ids.len().saturating_sub(alerts.len());
        for alert in &alerts {
            listener.hear_again(alert);
        }
    }
}

//! Cases in Kibana for groups of alerts: asked for by a flag, and opened after the triage.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::kibana::{self, Target};
use super::output;
use crate::detect::{CaseOpener, KibanaClient, Runner, Sink};
use crate::diagnostic::sanitize;
use crate::rule::Rule;

/// The waits between the tries of a run that ends.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(6)];

/// Who opens cases for the alerts in `sink`; none where none are asked for. `owner` is a name that no other process has.
///
/// # Errors
/// There is no Kibana, or no rule has a triage, after which cases are opened.
pub fn opener(
    args: &RunArgs,
    rules: &[Arc<Rule>],
    sink: &Sink,
    owner: &str,
) -> anyhow::Result<Option<Arc<CaseOpener>>> {
    let Some(client) = client(args)? else { return Ok(None) };
    let (asking, others): (Vec<_>, Vec<_>) =
        rules.iter().cloned().partition(|rule| !rule.triage.questions.is_empty());
    if asking.is_empty() {
        bail!(
            "`--open-cases` opens cases for groups that a triage has made: no rule has a `[[stakeout.triage]]`"
        );
    }
    for rule in others {
        let name = sanitize(&rule.name);
        output::say(&format!(
            "warning: rule `{name}` asks nothing about its alerts, so they are in no group and get no case"
        ));
    }
    Ok(opened_by(client, &asking, sink, owner).map(Arc::new))
}

/// The Kibana in which cases are opened; none where none are asked for.
///
/// # Errors
/// There is no Kibana, or it cannot be used.
pub fn client(args: &RunArgs) -> anyhow::Result<Option<KibanaClient>> {
    if !args.further.open_cases {
        return Ok(None);
    }
    let (url, space) = (args.places.kibana_url.as_deref(), args.places.kibana_space.as_deref());
    let Some(target) = Target::named(url, space)? else {
        bail!("`--open-cases` needs Kibana's address: give `--kibana-url` (or KIBANA_URL)")
    };
    kibana::connect(&target, &args.places.connection).map(Some)
}

/// Who opens cases in the place of `before`; none where no rule has a triage.
pub fn taken_over(
    before: Option<&CaseOpener>,
    client: KibanaClient,
    rules: &[Arc<Rule>],
    runner: &Runner,
) -> Option<Arc<CaseOpener>> {
    let asking: Vec<_> = rules.iter().filter(|rule| !rule.triage.questions.is_empty()).cloned().collect();
    let opener = opened_by(client, &asking, &runner.sink, &runner.run.id).filter(|_| !asking.is_empty())?;
    Some(Arc::new(match before {
        Some(before) => opener.after(before),
        None => opener,
    }))
}

fn opened_by(client: KibanaClient, asking: &[Arc<Rule>], sink: &Sink, owner: &str) -> Option<CaseOpener> {
    // With files the flag is refused.
    let Sink::Cluster { cluster, index } = sink else { return None };
    Some(CaseOpener::new(cluster.clone(), index.clone(), client, asking, owner.to_owned()))
}

/// Opens what is to be opened now; what cannot be is left to the next run, and is said.
pub async fn once(runner: Arc<Runner>, opener: Arc<CaseOpener>, stop: CancellationToken) {
    let mut waits = WAITS.into_iter();
    loop {
        opener.look_again().await;
        let problem = match opener.run(|| runner.now(), &stop).await {
            Ok(report) => {
                tracing::info!(opened = report.opened, alerts = report.alerts, "cases");
                match report.problem {
                    Some(problem) => problem,
                    None if report.elsewhere > 0 => "another process is at work on their cases".to_owned(),
                    None => return,
                }
            }
            Err(error) => error.to_string(),
        };
        let Some(wait) = waits.next().filter(|_| !stop.is_cancelled()) else {
            output::say(&format!("warning: some alerts have no case until the next run: {problem}"));
            return;
        };
        tracing::debug!("cases are tried again: {problem}");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

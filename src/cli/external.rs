//! Copies of the alerts for Elastic's rule *External Alerts*: asked for by a flag, and refused where a rule would read them.

use std::sync::Arc;

use anyhow::{anyhow, bail};

use super::args::RunArgs;
use super::connect::given;
use crate::alert::DataStream;
use crate::detect::{Copies, Sink};
use crate::rule::Rule;

/// Refuses copies where there is no cluster to write them to, before a file is made for the alerts.
///
/// # Errors
/// They are asked for, and events come from files.
pub fn check_places(args: &RunArgs) -> anyhow::Result<()> {
    if given(args.further.external_alerts.as_deref()).is_some() && !args.places.events.is_empty() {
        bail!(
            "`--external-alerts` (or STAKEOUT_EXTERNAL_ALERTS) needs a cluster: expected no `--events` with it"
        );
    }
    Ok(())
}

/// Where copies of the alerts of `rules` go beside `sink`; none where none are asked for.
///
/// # Errors
/// The data stream's name is none, or a rule would alert on the copies.
pub fn copies(args: &RunArgs, rules: &[Arc<Rule>], sink: &Sink) -> anyhow::Result<Option<Copies>> {
    let Some(name) = given(args.further.external_alerts.as_deref()) else { return Ok(None) };
    // With files it was refused before they were opened.
    let Sink::Cluster { cluster, index } = sink else { return Ok(None) };
    let stream: DataStream = name.parse().map_err(|error: String| {
        anyhow!(error).context("`--external-alerts` (or STAKEOUT_EXTERNAL_ALERTS)")
    })?;
    if stream.name() == index.alias() {
        bail!("`{name}` is the alerts index: copies of the alerts need a data stream of their own");
    }
    if let Some(problem) = rules.iter().find_map(|rule| read_by(rule, &stream)) {
        bail!(problem);
    }
    Ok(Some(Copies::new(cluster.clone(), stream)))
}

/// Why `rule` cannot run beside copies of alerts; none where it can, or none are asked for.
pub fn hinders(args: &RunArgs, rule: &Rule) -> Option<String> {
    let stream = given(args.further.external_alerts.as_deref())?.parse().ok()?;
    read_by(rule, &stream)
}

fn read_by(rule: &Rule, stream: &DataStream) -> Option<String> {
    let (name, pattern) = (stream.name(), stream.read_by(rule)?);
    Some(format!(
        "the index pattern `{pattern}` of rule `{}` reads `{name}`, so the rule would find copies of alerts: name \
         another data stream with `--external-alerts`, or narrow the pattern (`-{name}` after it leaves it out)",
        rule.name
    ))
}

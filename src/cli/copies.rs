//! Copies of the alerts in other places: asked for by flags, and refused where a rule would read them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use super::args::RunArgs;
use super::connect::given;
use super::kibana;
use crate::alert::{CopyPlace, SecurityAlerts};
use crate::detect::{Copies, Sink};
use crate::rule::Rule;

/// How copies for Elastic's rule are asked for.
const EXTERNAL: &str = "`--external-alerts` (or STAKEOUT_EXTERNAL_ALERTS)";

/// How copies among Kibana's own alerts are asked for.
const SECURITY: &str = "`--security-alerts` (or STAKEOUT_SECURITY_ALERTS)";

/// Longest time of looking for the places: a cluster that does not answer is waited for by the run, not before it.
const LONGEST_CHECK: Duration = Duration::from_secs(10);

/// Refuses copies where there is no cluster to write them to, before a file is made for the alerts.
///
/// # Errors
/// They are asked for, and events come from files.
pub fn check_places(args: &RunArgs) -> anyhow::Result<()> {
    let asked = [
        (EXTERNAL, given(args.further.external_alerts.as_deref()).is_some()),
        (SECURITY, args.further.security_alerts),
    ];
    match asked.into_iter().find(|(_, is_asked)| *is_asked && !args.places.events.is_empty()) {
        Some((flag, _)) => bail!("{flag} needs a cluster: expected no `--events` with it"),
        None => Ok(()),
    }
}

/// Where copies of the alerts of `rules` go beside `sink`; a dry run makes none.
///
/// # Errors
/// A place's name is none, or a rule would alert on the copies.
pub fn copies(args: &RunArgs, rules: &[Arc<Rule>], sink: &Sink) -> anyhow::Result<Vec<Copies>> {
    // With files they were refused before those were opened.
    let Sink::Cluster { cluster, index } = sink else { return Ok(Vec::new()) };
    let places = places(args)?;
    if let Some(place) = places.iter().find(|place| place.name() == index.alias()) {
        bail!("`{}` is the alerts index: copies of the alerts need a data stream of their own", place.name());
    }
    if let Some(problem) = rules.iter().find_map(|rule| read_by(rule, &places)) {
        bail!(problem);
    }
    let wished = places.into_iter().filter(|_| !args.dry_run);
    Ok(wished.map(|place| Copies::new(cluster.clone(), place)).collect())
}

/// Looks whether each place is there that others must have made, before anything runs. What the cluster does not tell in
/// time is left to the run.
///
/// # Errors
/// No copy could be written.
pub async fn check_there(copies: &[Copies]) -> anyhow::Result<()> {
    for copies in copies {
        let asked = tokio::time::timeout(LONGEST_CHECK, copies.hindrance()).await;
        if let Some(problem) = asked.ok().flatten() {
            return Err(anyhow!(problem).context(flag(copies.place())));
        }
    }
    Ok(())
}

/// How the copies of `place` are asked for.
fn flag(place: &CopyPlace) -> &'static str {
    match place {
        CopyPlace::External(_) => EXTERNAL,
        CopyPlace::Security(_) => SECURITY,
    }
}

/// Why `rule` cannot run beside copies of alerts; none where it can, or none are asked for.
pub fn hinders(args: &RunArgs, rule: &Rule) -> Option<String> {
    read_by(rule, &places(args).ok()?)
}

/// The places that are asked for.
fn places(args: &RunArgs) -> anyhow::Result<Vec<CopyPlace>> {
    let mut places = Vec::new();
    if let Some(name) = given(args.further.external_alerts.as_deref()) {
        let stream = name.parse().map_err(|error: String| anyhow!(error).context(EXTERNAL))?;
        places.push(CopyPlace::External(stream));
    }
    if args.further.security_alerts {
        let (url, space) = (args.places.kibana_url.as_deref(), args.places.kibana_space.as_deref());
        let space = kibana::space(url, space).context(SECURITY)?;
        places.push(CopyPlace::Security(SecurityAlerts::of(space)));
    }
    Ok(places)
}

fn read_by(rule: &Rule, places: &[CopyPlace]) -> Option<String> {
    let (place, pattern) = places.iter().find_map(|place| Some((place, place.read_by(rule)?)))?;
    let name = place.name();
    let remedy = match place {
        CopyPlace::External(_) => format!(
            "name another data stream with `--external-alerts`, or narrow the pattern (`-{name}` after it leaves it out)"
        ),
        CopyPlace::Security(_) => "narrow the pattern".to_owned(),
    };
    Some(format!(
        "the index pattern `{pattern}` of rule `{}` reads `{name}`, so the rule would find copies of alerts: {remedy}",
        rule.name
    ))
}

//! From arguments to where events come from, alerts go to and checkpoints are kept.

use std::path::Path;

use anyhow::anyhow;

use super::args::{PlaceArgs, RunArgs};
use super::connect;
use super::output;
use crate::alert::Places;
use crate::checkpoint::Store;
use crate::detect::{Sink, Source};
use crate::elastic::Observer;
use crate::local::{AlertFile, AlertIds, EventFiles, StateFile};

/// The places of a run; a dry one writes nothing.
///
/// # Errors
/// As [`to_write`] and [`to_read`].
pub fn of_run(args: &RunArgs, observer: Observer) -> anyhow::Result<(Source, Sink, Store)> {
    if args.dry_run { to_read(&args.places, observer) } else { to_write(&args.places, observer) }
}

/// The places of a command that writes alerts; an alert file is made, locked and mended. `observer` is told what becomes of
/// requests to a cluster.
///
/// # Errors
/// The settings of the cluster cannot be used, or the alert file cannot be opened.
pub fn to_write(args: &PlaceArgs, observer: Observer) -> anyhow::Result<(Source, Sink, Store)> {
    if args.events.is_empty() {
        return on_cluster(args, observer);
    }
    let alerts = AlertFile::open(&args.alerts)?;
    say_found(&alerts);
    Ok((events(args), Sink::file(alerts), checkpoints(args)))
}

/// The places of a command that writes nothing; an alert file may be in use by another process, or not there. `observer` is
/// told what becomes of requests to a cluster.
///
/// # Errors
/// The settings of the cluster cannot be used, or the alert file cannot be read.
pub fn to_read(args: &PlaceArgs, observer: Observer) -> anyhow::Result<(Source, Sink, Store)> {
    if args.events.is_empty() {
        let (source, sink, store) = on_cluster(args, observer)?;
        return Ok((source, sink, Store::Discard(Box::new(store))));
    }
    let alerts = AlertIds::read(&args.alerts)?;
    Ok((events(args), Sink::only_read(alerts), Store::Discard(Box::new(checkpoints(args)))))
}

/// Whether a report may be put at `path`, where `events` are read.
///
/// # Errors
/// It would take the place of the alerts, or be read as events the next time.
pub fn check_report(path: Option<&Path>, events: &EventFiles) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let shown = path.display();
    if events.is_own(path) {
        return Err(anyhow!("`{shown}` cannot hold the report: it is the alert file, or belongs to it"));
    }
    if events.would_hold(path) {
        return Err(anyhow!(
            "`{shown}` cannot hold the report: it lies among the events and would be read with them; choose another folder"
        ));
    }
    Ok(())
}

/// The files in which events are read, without those that stakeout itself writes among them; none where a cluster is read.
pub fn event_files(args: &PlaceArgs) -> EventFiles {
    if args.events.is_empty() {
        return EventFiles::default();
    }
    let state = StateFile::beside(&args.alerts);
    let own = AlertFile::own_files(&args.alerts).into_iter().chain(state.own_files());
    EventFiles::new(args.events.clone()).without(own)
}

/// Where the alerts can be looked at.
///
/// # Errors
/// The address or the space of Kibana is none.
pub fn looked_at(args: &PlaceArgs) -> anyhow::Result<Places> {
    let kibana = connect::kibana(args.kibana_url.as_deref(), args.kibana_space.as_deref())?;
    let alerts = args.events.is_empty().then(|| args.alerts_index.alias().to_owned());
    Ok(Places { kibana, alerts })
}

fn on_cluster(args: &PlaceArgs, observer: Observer) -> anyhow::Result<(Source, Sink, Store)> {
    let cluster = connect::observed(&args.connection, observer)?;
    let index = args.alerts_index.clone();
    let store = Store::Cluster { cluster: cluster.clone(), index: index.state_index() };
    Ok((Source::Cluster(cluster.clone()), Sink::Cluster { cluster, index }, store))
}

fn events(args: &PlaceArgs) -> Source {
    Source::Files(event_files(args))
}

fn checkpoints(args: &PlaceArgs) -> Store {
    Store::file(StateFile::beside(&args.alerts))
}

fn say_found(alerts: &AlertFile) {
    let found = alerts.found();
    if found.cut_off_bytes > 0 {
        let path = alerts.path().display();
        output::say(&format!(
            "warning: `{path}` ended in half an alert ({} bytes), moved aside",
            found.cut_off_bytes
        ));
    }
    if let Some(line) = found.first_unknown_line {
        let path = alerts.path().display();
        output::say(&format!(
            "warning: `{path}` holds {} lines that are no alerts, first line {line}",
            found.unknown_lines
        ));
    }
}

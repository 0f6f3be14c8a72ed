//! What a window costs, request by request: what reading needs, and what safety adds.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;

use super::fault::{Fault, Kind};
use super::world::{LIMIT, World};
use crate::support::program::stakeout;
use crate::support::story::seconds_ago;
use crate::support::until;

/// What a run of all rules asks once.
const RUN: [Kind; 5] =
    [Kind::Greeting, Kind::Clock, Kind::ExpensiveQueries, Kind::AlertsIndex, Kind::StateIndex];

/// What the windows of all rules take for which nothing happened: those of the same indices, up to a hundred.
const QUIET: [Kind; 5] =
    [Kind::LoadCheckpoint, Kind::Resolve, Kind::FieldTypes, Kind::Probe, Kind::SaveCheckpoint];

/// What is asked for all rules before anything is read for one.
const ASKED: [Kind; 4] = [Kind::LoadCheckpoint, Kind::Resolve, Kind::FieldTypes, Kind::Probe];

/// What reading one window of one rule takes besides.
const WINDOW: [Kind; 4] = [Kind::OpenPit, Kind::Page, Kind::ClosePit, Kind::SaveCheckpoint];

/// What a sweep adds where something matches, once an hour.
const SWEEP: [Kind; 4] = [Kind::OpenPit, Kind::Page, Kind::ClosePit, Kind::SaveCheckpoint];

/// What a replica adds where it was faster: its checkpoint is read, and as good.
const LOST_RACE: [Kind; 1] = [Kind::LoadCheckpoint];

/// What a backfill takes besides its windows: first it asks whether the rule is watched, last it leaves nothing to take up.
const BACKFILL: [Kind; 5] =
    [Kind::Resolve, Kind::FieldTypes, Kind::LoadCheckpoint, Kind::LoadCheckpoint, Kind::SaveCheckpoint];

/// What each window of a backfill takes.
const BACKFILL_WINDOW: [Kind; 4] = [Kind::OpenPit, Kind::Page, Kind::ClosePit, Kind::SaveCheckpoint];

/// Holds exactly one run of the daemon to the requests that it makes; `before` happens before its first, `at_save` before
/// its checkpoint is written.
fn one_run(
    world: &mut World,
    before: impl FnOnce(&mut World),
    at_save: Option<fn(&World)>,
    (expected, what): (&[&[Kind]], &str),
) {
    world.proxy.order(Kind::Greeting, Fault::HeldBefore, 1);
    world.proxy.held();
    before(world);
    let counted = world.proxy.seen_by_kind();
    if let Some(at_save) = at_save {
        world.proxy.order(Kind::SaveCheckpoint, Fault::HeldBefore, 1);
        world.proxy.release();
        world.proxy.held();
        at_save(world);
    }
    world.proxy.order(Kind::Greeting, Fault::HeldBefore, 1);
    world.proxy.release();
    world.proxy.held();
    let made = || {
        let mut made = world.proxy.seen_by_kind();
        for (kind, times) in &counted {
            *made.entry(*kind).or_default() -= times;
        }
        made.retain(|_, times| *times > 0);
        made
    };
    // A rule for which something matches may take longer than until the next run begins.
    let expected = sum(expected);
    let enough: usize = expected.values().sum();
    until(LIMIT, what, || made().values().sum::<usize>() >= enough);
    assert_eq!(made(), expected, "{what}");
    world.proxy.release();
}

fn sum(parts: &[&[Kind]]) -> BTreeMap<Kind, usize> {
    let mut sum = BTreeMap::new();
    for kind in parts.iter().copied().flatten() {
        *sum.entry(*kind).or_default() += 1;
    }
    sum
}

/// Lets the last hour's sweep be long ago.
fn sweep_is_due(world: &mut World) {
    let long_ago = json!((seconds_ago(0) - TimeDelta::hours(2)).to_rfc3339());
    world.change_checkpoint(|cursor| cursor["swept_until"] = long_ago.clone());
}

/// Writes the checkpoint as a replica does that was faster.
fn replica_was_faster(world: &World) {
    world.change_checkpoint(|_| {});
}

#[test]
fn a_window_asks_no_more_than_it_must() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let quiet: &[&[Kind]] = &[&RUN, &QUIET];
    one_run(&mut world, |_| {}, None, (quiet, "nothing happens"));
    let matches: &[&[Kind]] = &[&RUN, &ASKED, &WINDOW, &[Kind::KnownAlerts, Kind::AlertsIndex, Kind::Bulk]];
    one_run(&mut world, |world| world.happen(3), None, (matches, "matches"));
    world.settles();
    world.overlap_passes();
    world.windows_pass(1);
    one_run(&mut world, |_| {}, None, (quiet, "nothing happens again"));
    let raced: &[&[Kind]] = &[&RUN, &QUIET, &LOST_RACE];
    one_run(&mut world, |_| {}, Some(replica_was_faster), (raced, "a replica was faster"));
    // The alerts of the last 24 hours are looked for, and not written again.
    let swept: &[&[Kind]] = &[&RUN, &ASKED, &WINDOW, &SWEEP, &[Kind::KnownAlerts]];
    one_run(&mut world, sweep_is_due, None, (swept, "a sweep over matches"));
    world.settles();
}

#[test]
fn a_hundred_quiet_rules_cost_as_much_as_one() {
    let Some(world) = World::shared() else { return };
    let mut world = world.more_rules(99).watched();
    let quiet: &[&[Kind]] = &[&RUN, &QUIET];
    one_run(&mut world, |_| {}, None, (quiet, "nothing happens"));
    one_run(&mut world, sweep_is_due, None, (quiet, "one of them reads the last day again"));
    let found: &[&[Kind]] =
        &[&RUN, &QUIET, &[Kind::Probe], &WINDOW, &[Kind::KnownAlerts, Kind::AlertsIndex, Kind::Bulk]];
    one_run(&mut world, |world| world.happen(3), None, (found, "something happens for one of them"));
    world.settles();
}

#[test]
fn a_backfill_asks_no_more_than_it_must() {
    let Some(mut world) = World::shared() else { return };
    let backfill = |world: &World| {
        let arguments = world.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = stakeout(&[&arguments[..], &["--backfill", "30h"]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        usize::try_from(ended.line()["windows"].as_u64().expect("a count")).expect("a few")
    };
    // The indices are made by the first.
    backfill(&world);
    world.happened_before(120, 1_800);
    for found in [&[Kind::KnownAlerts, Kind::AlertsIndex, Kind::Bulk, Kind::Bulk][..], &[Kind::KnownAlerts]] {
        let before = world.proxy.seen_by_kind();
        let windows = backfill(&world);
        assert!(windows <= 30, "no window is shorter than an hour but the last: {windows}");
        let mut seen = world.proxy.seen_by_kind();
        for (kind, times) in before {
            *seen.entry(kind).or_default() -= times;
        }
        seen.retain(|_, times| *times > 0);
        let windows = BACKFILL_WINDOW.repeat(windows);
        assert_eq!(seen, sum(&[&RUN, &BACKFILL, &windows, found]));
        // This refreshes the alerts too: what no search shows yet would be sent again in vain.
        world.is_true();
    }
}

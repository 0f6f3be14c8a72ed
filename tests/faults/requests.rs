//! Requests that fail on their way, or whose answers lie.

use super::fault::{ANYWHERE, Fault, KINDS, Kind};
use super::world::{LIMIT, World};
use crate::support::until;

#[test]
fn each_fault_once_on_every_kind_of_request() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    for fault in ANYWHERE {
        for kind in KINDS {
            world.proxy.order(kind, fault, 1);
        }
        while !world.proxy.ahead().is_empty() {
            // Alerts are looked for and written only where something is found.
            world.happen(2);
            world.something_passes();
        }
    }
    world.settles();
    assert_eq!(world.proxy.struck().values().sum::<usize>(), ANYWHERE.len() * KINDS.len());
}

/// Longer than a request is sent again.
const OUTLASTING: usize = 6;

#[test]
fn faults_that_outlast_the_retries() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    for (kind, fault) in [
        (Kind::LoadCheckpoint, Fault::Status(503)),
        (Kind::FieldTypes, Fault::LostAnswer),
        (Kind::Probe, Fault::Status(503)),
        (Kind::Probe, Fault::Truncated),
        (Kind::Probe, Fault::ResetInBody),
        (Kind::Probe, Fault::Html),
        (Kind::OpenPit, Fault::Status(503)),
        (Kind::Page, Fault::Truncated),
        (Kind::Page, Fault::Html),
        (Kind::KnownAlerts, Fault::Busy(None)),
        (Kind::Bulk, Fault::LostAnswer),
        (Kind::Bulk, Fault::Html),
        (Kind::SaveCheckpoint, Fault::LostAnswer),
        (Kind::SaveCheckpoint, Fault::ResetInBody),
    ] {
        world.proxy.order(kind, fault, OUTLASTING);
        while !world.proxy.ahead().is_empty() {
            world.happen(2);
            world.something_passes();
        }
    }
    world.settles();
}

#[test]
fn searches_that_lie_leave_their_time_owed() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    for (kind, lie) in [
        (Kind::Page, Fault::TimedOut),
        (Kind::Page, Fault::FailedShards),
        (Kind::KnownAlerts, Fault::FailedShards),
    ] {
        world.happen(1);
        world.settles();
        world.proxy.order(kind, lie, usize::MAX);
        world.happen(4);
        // Until the lie is about a time that no later window reads.
        world.overlap_passes();
        world.something_passes();
        world.proxy.calm();
        world.settles();
    }
    assert!(world.said().contains("owed: it is tried again"), "{}", world.said());
}

#[test]
fn a_search_for_all_rules_that_lies_is_believed_by_none() {
    let Some(world) = World::shared() else { return };
    let mut world = world.more_rules(2).watched();
    for lie in [Fault::TimedOut, Fault::FailedShards] {
        world.proxy.order(Kind::Probe, lie, usize::MAX);
        world.happen(4);
        // Each rule finds out by itself, and owes nothing for it.
        world.settles();
        assert!(!world.proxy.ahead().is_empty());
        world.proxy.calm();
    }
    assert!(!world.said().contains("failed to create query"), "{}", world.said());
}

#[test]
fn a_bulk_request_of_which_only_a_part_is_taken() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    for _ in 0..3 {
        world.proxy.order(Kind::Bulk, Fault::MixedItems, 3);
        while !world.proxy.ahead().is_empty() {
            world.happen(40);
            world.something_passes();
        }
    }
    world.settles();
    let reduced = world.alerts(&serde_json::json!(["stakeout.reduced.reason"]));
    assert!(reduced.iter().any(|alert| alert["stakeout.reduced.reason"].is_string()));
}

#[test]
fn nobody_listens_for_a_while() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.happen(4);
    world.proxy.refuse(true);
    until(LIMIT, "the daemon to notice", || world.said().contains("waiting for the cluster"));
    world.happen(4);
    world.overlap_passes();
    world.proxy.refuse(false);
    world.happen(4);
    world.settles();
    assert_eq!(world.said().matches("the cluster answers again").count(), 1, "{}", world.said());
}

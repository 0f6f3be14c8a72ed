//! Backfills beside the daemon, beside each other, and cut short.

use std::process::{Child, Stdio};

use super::fault::{Fault, Kind};
use super::world::{LIMIT, World};
use crate::support::{stakeout, until};

const WORDS: &str = "1h";

/// Nothing here hangs for long, and a backfill that meets a slow node has failed.
const PATIENCE: &str = "30";

fn backfill(world: &World) -> Child {
    let output = || {
        let path = world.folder.path().join("backfill");
        std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a file for what it says")
    };
    stakeout()
        .args(world.arguments_within(PATIENCE))
        .args(["--backfill", WORDS])
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .expect("the program starts")
}

fn said(world: &World) -> String {
    std::fs::read_to_string(world.folder.path().join("backfill")).expect("what it said")
}

/// Waits for the end of a backfill that succeeds.
fn succeeds(mut backfill: Child, world: &World) {
    let status = backfill.wait().expect("own child");
    assert_eq!(status.code(), Some(0), "{}", said(world));
}

#[test]
fn two_at_once_beside_the_daemon() {
    let Some(mut world) = World::shared() else { return };
    // Before the daemon's first window: a backfill's business alone.
    world.happened_before(40, 1_800);
    let mut world = world.watched();
    world.happen(10);
    world.proxy.order(Kind::Bulk, Fault::LostAnswer, 2);
    let (first, second) = (backfill(&world), backfill(&world));
    while !world.proxy.ahead().is_empty() {
        world.happen(3);
        world.windows_pass(1);
    }
    succeeds(first, &world);
    succeeds(second, &world);
    world.settles();
}

#[test]
fn one_that_is_killed_is_taken_up() {
    let Some(mut world) = World::shared() else { return };
    world.happened_before(40, 1_800);
    let mut killed = 0;
    for (kind, fault) in [
        (Kind::Page, Fault::HeldBefore),
        (Kind::Bulk, Fault::HeldAfter),
        (Kind::SaveCheckpoint, Fault::HeldBefore),
        (Kind::SaveCheckpoint, Fault::HeldAfter),
    ] {
        world.proxy.order(kind, fault, 1);
        let mut running = backfill(&world);
        world.proxy.held();
        running.kill().expect("a running process");
        running.wait().expect("own child");
        world.proxy.abandon();
        killed += 1;
        if kind == Kind::Bulk {
            // What an earlier one wrote is there.
            assert!(!world.alerted().is_empty());
        }
    }
    assert_eq!(killed, 4);
    succeeds(backfill(&world), &world);
    world.is_true();
}

#[test]
fn nothing_is_recorded_before_its_alerts_are_written_though_the_next_page_is_read() {
    let Some(mut world) = World::shared() else { return };
    // More than the first page holds.
    world.happened_before(300, 1_800);
    world.proxy.order(Kind::Bulk, Fault::HeldBefore, usize::MAX);
    let mut running = backfill(&world);
    world.proxy.held();
    until(LIMIT, "the next page to be asked for", || world.proxy.seen(Kind::Page) > 1);
    // Only from where the rule is to be watched.
    assert_eq!(world.proxy.seen(Kind::SaveCheckpoint), 1);
    running.kill().expect("a running process");
    running.wait().expect("own child");
    world.proxy.abandon();
    world.proxy.calm();
    succeeds(backfill(&world), &world);
    world.is_true();
}

#[test]
fn the_daemon_goes_on_from_its_own_checkpoint_after_one() {
    let Some(mut world) = World::shared() else { return };
    world.happened_before(10, 1_800);
    let mut world = world.watched();
    world.happen(3);
    world.windows_pass(3);
    world.kill(0);
    let before = world.checkpoint();
    world.happen(3);
    succeeds(backfill(&world), &world);
    assert_eq!(world.checkpoint(), before);
    world.overlap_passes();
    world.start();
    world.happen(3);
    world.settles();
}

#[test]
fn the_daemon_goes_on_from_one_where_it_has_never_run() {
    let Some(mut world) = World::shared() else { return };
    world.happened_before(10, 1_800);
    succeeds(backfill(&world), &world);
    world.happen(3);
    world.overlap_passes();
    world.start();
    world.happen(3);
    world.settles();
}

//! The daemon dies without a word: at chosen points of a window, and at random.

use super::dice::Dice;
use super::fault::{Fault, Kind};
use super::world::World;
use crate::support::setting;

/// Kills the daemon, with the events of now out of reach of the overlap, and starts another one.
fn dies_and_comes_back(world: &mut World, daemon: &mut usize) {
    world.kill(*daemon);
    world.proxy.abandon();
    world.overlap_passes();
    *daemon = world.start();
    world.windows_pass(1);
}

#[test]
fn at_each_point_of_a_window() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let mut daemon = 0;
    for (kind, fault) in [
        (Kind::OpenPit, Fault::HeldAfter),
        (Kind::Page, Fault::HeldBefore),
        (Kind::KnownAlerts, Fault::HeldAfter),
        (Kind::Bulk, Fault::HeldBefore),
        (Kind::Bulk, Fault::HeldAfter),
    ] {
        // The events happen before the window that dies looks at them.
        world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
        world.proxy.held();
        world.happen(5);
        world.proxy.order(kind, fault, 1);
        world.proxy.release();
        world.proxy.held();
        dies_and_comes_back(&mut world, &mut daemon);
        world.settles();
    }
}

#[test]
fn between_the_alerts_and_the_checkpoint() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let mut daemon = 0;
    for fault in [Fault::HeldBefore, Fault::HeldAfter] {
        world.proxy.order(Kind::Bulk, Fault::HeldBefore, 1);
        world.happen(5);
        world.proxy.held();
        world.proxy.order(Kind::SaveCheckpoint, fault, 1);
        world.proxy.release();
        world.proxy.held();
        dies_and_comes_back(&mut world, &mut daemon);
        world.settles();
    }
}

#[test]
fn between_two_pages() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
    world.proxy.held();
    // More than the first page holds.
    world.happen(400);
    let pages = world.proxy.seen(Kind::Page);
    world.proxy.order(Kind::Page, Fault::HeldBefore, 1);
    world.proxy.release();
    world.proxy.held();
    world.proxy.order(Kind::Page, Fault::HeldBefore, 1);
    world.proxy.release();
    world.proxy.held();
    assert_eq!(world.proxy.seen(Kind::Page), pages + 2);
    dies_and_comes_back(&mut world, &mut 0);
    world.settles();
}

#[test]
fn fifty_times_at_random() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let seed = setting("STAKEOUT_TEST_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(50);
    let mut dice = Dice::new(seed);
    let mut daemon = 0;
    for _ in 0..50 {
        world.happen(3);
        let (before, requests) = (world.proxy.seen_all(), dice.below(25));
        world.requests_pass(before + requests);
        world.kill(daemon);
        daemon = world.start();
    }
    world.settles();
}

//! The daemon dies without a word: at chosen points of a window, and at random.

use super::dice::Dice;
use super::fault::{Fault, Kind};
use super::world::World;
use crate::support::setting;

/// So many matches happen while no daemon runs, long enough ago that no later window than the next one reads them.
fn happen_unseen(world: &mut World, daemon: usize, matches: usize) {
    world.kill(daemon);
    world.happen(matches);
    world.overlap_passes();
}

/// Kills the daemon in whose name a request is held, and starts another one.
fn dies_and_comes_back(world: &mut World, daemon: &mut usize) {
    world.kill(*daemon);
    world.proxy.abandon();
    *daemon = world.start();
    world.settles();
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
        (Kind::SaveCheckpoint, Fault::HeldBefore),
        (Kind::SaveCheckpoint, Fault::HeldAfter),
    ] {
        happen_unseen(&mut world, daemon, 5);
        world.proxy.order(kind, fault, 1);
        daemon = world.start();
        world.proxy.held();
        dies_and_comes_back(&mut world, &mut daemon);
    }
}

#[test]
fn between_two_pages() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    // More than the first page holds.
    happen_unseen(&mut world, 0, 400);
    let pages = world.proxy.seen(Kind::Page);
    world.proxy.order(Kind::Page, Fault::HeldBefore, 1);
    let mut daemon = world.start();
    world.proxy.held();
    world.proxy.order(Kind::Page, Fault::HeldBefore, 1);
    world.proxy.release();
    world.proxy.held();
    assert_eq!(world.proxy.seen(Kind::Page), pages + 2);
    dies_and_comes_back(&mut world, &mut daemon);
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

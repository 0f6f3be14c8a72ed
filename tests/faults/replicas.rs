//! Several daemons on one cluster, without a lock: no repeats, and the work goes on when one dies.

use super::dice::Dice;
use super::fault::Kind;
use super::world::World;

#[test]
fn three_replicas_killed_and_started_at_random() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let mut running = [0, world.start(), world.start()];
    let mut dice = Dice::new(3);
    for _ in 0..15 {
        world.happen(3);
        let (before, requests) = (world.proxy.seen_all(), dice.below(60));
        world.requests_pass(before + requests);
        let at = dice.below(running.len());
        world.kill(running[at]);
        running[at] = world.start();
    }
    world.settles();
    // One is enough.
    world.kill(running[1]);
    world.kill(running[2]);
    world.happen(3);
    world.settles();
}

#[test]
fn a_replica_searches_each_window_at_most_once_more() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.start();
    let windows = |world: &World| world.checkpoint().map_or(0, |(version, _)| version);
    let (before, searches) = (windows(&world), world.proxy.seen(Kind::Probe));
    world.windows_pass(20);
    let (windows, searches) = (windows(&world) - before, world.proxy.seen(Kind::Probe) - searches);
    // Each checkpoint is one window of one daemon, and the other may have searched for it too when it came too late; one
    // search of each may be under way.
    assert!(searches as u64 <= 2 * windows + 4, "{searches} searches for {windows} checkpoints");
}

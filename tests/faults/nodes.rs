//! The node itself dies or stands still.

use super::fault::{Fault, Kind};
use super::world::{LIMIT, World};
use crate::support::{OwnNode, until};

fn node(world: &mut World) -> &mut OwnNode {
    world.own.as_mut().expect("a node of its own")
}

#[test]
fn it_crashes_in_mid_page_and_in_mid_bulk_and_recovers() {
    let Some(world) = World::own() else { return };
    let mut world = world.watched();
    for kind in [Kind::Page, Kind::Bulk] {
        world.proxy.order(kind, Fault::HeldBefore, 1);
        world.happen(10);
        world.proxy.held();
        node(&mut world).kill9();
        world.proxy.release();
        until(LIMIT, "the daemon to notice", || world.said().contains("waiting for the cluster"));
        node(&mut world).restart();
        world.happen(10);
        world.settles();
    }
    // Executed and acknowledged, but nobody heard it.
    world.proxy.order(Kind::Bulk, Fault::HeldAfter, 1);
    world.happen(10);
    world.proxy.held();
    node(&mut world).kill9();
    world.proxy.abandon();
    node(&mut world).restart();
    world.settles();
}

#[test]
fn it_stands_still_longer_than_a_request_may_take() {
    let Some(world) = World::own() else { return };
    let mut world = world.watched();
    for kind in [Kind::Page, Kind::Bulk, Kind::SaveCheckpoint] {
        world.proxy.order(kind, Fault::HeldBefore, 1);
        world.happen(10);
        world.proxy.held();
        node(&mut world).pause();
        world.proxy.release();
        let notices = world.said().matches("timed out").count();
        until(LIMIT, "the daemon to notice", || world.said().matches("timed out").count() > notices);
        node(&mut world).resume();
        world.happen(10);
        world.settles();
    }
}

#[test]
fn it_is_down_when_the_daemon_starts_again() {
    let Some(world) = World::own() else { return };
    let mut world = world.watched();
    world.happen(5);
    world.settles();
    world.kill(0);
    world.happen(5);
    world.overlap_passes();
    node(&mut world).kill9();
    world.start();
    until(LIMIT, "the daemon to notice", || world.said().contains("waiting for the cluster"));
    node(&mut world).restart();
    world.happen(5);
    world.settles();
}

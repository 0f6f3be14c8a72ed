//! Events that become searchable long after their time, and clocks that are wrong.

use chrono::TimeDelta;

use super::world::World;
use crate::support::story::{Shape, SignIn, seconds_ago};

#[test]
fn events_that_become_searchable_late_are_found_by_the_sweep() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.happen(4);
    world.settles();
    let logs = world.logs();
    for (name, seconds) in [("30-seconds", 30), ("5-minutes", 300), ("2-hours", 7_200)] {
        let stamped = SignIn::new(name, seconds_ago(seconds));
        let unstamped = SignIn { ingested: None, ..SignIn::new(format!("{name}-unstamped"), stamped.time) };
        for event in [stamped, unstamped] {
            world.happens(&logs, &event.id.clone(), event.document(Shape::Integration));
        }
    }
    world.windows_pass(2);
    world.sweeps_back(3);
    world.settles();
    assert!(world.said().contains("late=6"), "{}", world.said());
}

#[test]
fn a_clock_that_is_five_minutes_off() {
    for (minutes, side) in [(5, "behind"), (-5, "ahead of")] {
        let Some(mut world) = World::shared() else { return };
        world.shift = TimeDelta::minutes(minutes);
        world.proxy.shift_clock(world.shift);
        let mut world = world.watched();
        for _ in 0..3 {
            world.happen(5);
            world.windows_pass(1);
        }
        world.settles();
        let words = format!("this machine's clock is 300 s {side} the cluster's");
        let said = world.said();
        assert_eq!(said.matches("this machine's clock is ").count(), 1, "said once: {said}");
        assert!(said.contains(&words) || said.contains(&words.replace("300", "299")), "{said}");
    }
}

#[test]
fn a_clock_that_is_set_while_the_daemon_runs() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    for minutes in [3, -3, 0] {
        world.happen(3);
        world.settles();
        world.shift = TimeDelta::minutes(minutes);
        world.proxy.shift_clock(world.shift);
        // Its next runs know.
        world.windows_pass(2);
        world.happen(3);
        world.settles_by_count();
    }
}

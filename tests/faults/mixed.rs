//! Everything at once, at random from a seed that is printed: requests that fail, daemons that die, replicas.
//!
//! | variable | meaning |
//! |---|---|
//! | `STAKEOUT_TEST_FAULT_RUNS` | how many runs, each with the next seed (default: a few, for CI) |
//! | `STAKEOUT_TEST_SEED` | the first seed |

use std::io::Write;
use std::time::Instant;

use super::dice::Dice;
use super::world::{LIMIT, World};
use crate::support::{setting, until};

/// Runs where nobody asks for more.
const RUNS: u64 = 4;

/// Runs side by side: they wait most of the time.
const AT_ONCE: u64 = 4;

/// Steps of one run.
const STEPS: usize = 12;

/// Of a thousand requests so many meet a fault.
const FAULTS: usize = 80;

/// A number that the environment asks for.
pub fn number(name: &str, default: u64) -> u64 {
    setting(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: expected a number")))
}

#[test]
fn everything_at_random() {
    let (first, runs) = (number("STAKEOUT_TEST_SEED", 1), number("STAKEOUT_TEST_FAULT_RUNS", RUNS));
    let seeds: Vec<u64> = (first..first + runs).collect();
    for some in seeds.chunks(usize::try_from(AT_ONCE).expect("a small number")) {
        std::thread::scope(|scope| {
            for seed in some {
                scope.spawn(|| one_run(*seed));
            }
        });
    }
}

fn one_run(seed: u64) {
    let Some(world) = World::shared() else { return };
    let started = Instant::now();
    let mut world = world.watched();
    let mut dice = Dice::new(seed);
    let mut running = vec![0];
    world.proxy.storm(dice.clone(), FAULTS);
    for _ in 0..STEPS {
        world.happen(1 + dice.below(30));
        step(&mut world, &mut dice, &mut running);
    }
    world.proxy.calm();
    if running.is_empty() {
        world.start();
    }
    world.settles();
    let faults: usize = world.proxy.struck().values().sum();
    let alerts = world.alerted().len();
    // Not by `println!`, which the test harness keeps to itself.
    let line = format!("seed {seed}: {alerts} alerts, {faults} faults, {:.0?}\n", started.elapsed());
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// One thing that happens to the daemons or the network.
fn step(world: &mut World, dice: &mut Dice, running: &mut Vec<usize>) {
    let requests = world.proxy.seen_all() + dice.below(40);
    match dice.below(5) {
        0 if running.len() < 3 => running.push(world.start()),
        1 if !running.is_empty() => {
            let died = running.remove(dice.below(running.len()));
            world.kill(died);
        }
        2 => {
            world.proxy.refuse(true);
            world.overlap_passes();
            world.proxy.refuse(false);
        }
        3 => world.overlap_passes(),
        _ if running.is_empty() => running.push(world.start()),
        _ => until(LIMIT, "requests", || world.proxy.seen_all() >= requests),
    }
}

//! Everything at once, at random from a seed that is printed: requests that fail, daemons that die, replicas.
//!
//! | variable | meaning |
//! |---|---|
//! | `STAKEOUT_TEST_FAULT_RUNS` | how many runs, each with the next seed (default: a few, for CI) |
//! | `STAKEOUT_TEST_SEED` | the first seed |
//! | `STAKEOUT_TEST_AT_ONCE` | runs side by side (default 4): they wait most of the time |

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::fault::Fault;
use super::world::{LIMIT, World};
use crate::support::{setting, until};

/// Runs where nobody asks for more.
const RUNS: u64 = 4;

/// Runs side by side where nobody asks for another number.
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
    let at_once = usize::try_from(number("STAKEOUT_TEST_AT_ONCE", AT_ONCE)).expect("a small number").max(1);
    let seeds: Vec<u64> = (first..first + runs).collect();
    let (started, mut all) = (Instant::now(), Figures::default());
    for some in seeds.chunks(at_once) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some.iter().map(|seed| scope.spawn(|| one_run(*seed))).collect();
            for run in running {
                all.add(run.join().expect("a run without a miss"));
            }
        });
    }
    all.took = started.elapsed();
    say(&format!("Figures: {all}"));
}

/// Not by `println!`, which the test harness keeps to itself.
fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// What happened in one run, or in all.
#[derive(Default)]
struct Figures {
    runs: usize,
    faults: BTreeMap<Fault, usize>,
    /// Attempts at windows that failed, by the daemons' own lines.
    failed_attempts: usize,
    /// Owed stretches that were read at last, by the daemons' own lines.
    healed: usize,
    alerts: usize,
    missed: usize,
    repeated: usize,
    took: Duration,
}

impl Figures {
    fn add(&mut self, run: Self) {
        self.runs += run.runs;
        for (fault, times) in run.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.failed_attempts += run.failed_attempts;
        self.healed += run.healed;
        self.alerts += run.alerts;
        self.missed += run.missed;
        self.repeated += run.repeated;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: usize = self.faults.values().sum();
        write!(
            out,
            "{} runs, {} alerts, missed {}, repeated {}, {} failed attempts at windows, {} owed stretches read at last, \
             {faults} faults in {:.0?}:",
            self.runs, self.alerts, self.missed, self.repeated, self.failed_attempts, self.healed, self.took
        )?;
        self.faults.iter().try_for_each(|(fault, times)| write!(out, " {fault:?} {times}"))
    }
}

fn one_run(seed: u64) -> Figures {
    let Some(world) = World::shared() else { return Figures::default() };
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
    let (verdict, said) = (world.settles(), world.said());
    let lines = |words: &str| said.lines().filter(|line| line.contains(words)).count();
    let figures = Figures {
        runs: 1,
        faults: world.proxy.struck(),
        failed_attempts: lines(" attempt="),
        healed: lines("owed no more: "),
        alerts: verdict.matches,
        missed: verdict.missed.len(),
        repeated: verdict.repeats(),
        took: started.elapsed(),
    };
    say(&format!("seed {seed}: {figures}"));
    figures
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

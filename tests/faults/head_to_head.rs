//! The same events and the same faults for stakeout and for ElastAlert 2 in its place: what each missed and repeated.
//!
//! `tests/run --test faults_node -- --ignored head_to_head` installs ElastAlert 2 (see `tests/faults/elastalert2`), runs
//! each seed once with faults on the network, once with shards that fail and once with kills, and prints a table. `STAKEOUT_TEST_SEED` and
//! `STAKEOUT_TEST_FAULT_RUNS` choose the seeds.
//!
//! The events are such as ElastAlert 2 can take: each has the time field that it is told (it knows one, without a
//! fallback) and an `_id` of its own (it takes the same `_id` in two indices for one event). It runs twice: with the
//! overlap of our rule, and with fifteen times its pace as `buffer_time`, as in its sample configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::elastalert::{ElastAlert, install};
use super::fault::{Fault, Kind};
use super::mixed::number;
use super::truth::Verdict;
use super::world::{Events, LIMIT, World};
use crate::support::program::Running;
use crate::support::story::{Shape, SignIn, seconds_ago};
use crate::support::{eventually, until};

/// Of a thousand requests so many meet a fault, as in the mixed runs.
const FAULTS: usize = 80;

/// Steps of a run with faults on the network.
const STEPS: usize = 20;

/// Kills of a run with kills, and how often something happens before each.
const KILLS: (usize, usize) = (6, 2);

/// How often a shard fails in a run with failing shards, and for how many seconds: longer than anybody looks back.
const FAILURES: (usize, i64) = (3, 20);

/// How long a tool may take to read everything once the faults are over.
const PATIENCE: Duration = Duration::from_mins(2);

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tool {
    Stakeout,
    /// With so many seconds as `buffer_time`.
    ElastAlert2(u64),
}

const TOOLS: [Tool; 3] = [Tool::Stakeout, Tool::ElastAlert2(4), Tool::ElastAlert2(15)];

/// What strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trial {
    Network,
    Shards,
    Kills,
}

impl Trial {
    const ALL: [Self; 3] = [Self::Network, Self::Shards, Self::Kills];
}

/// One tool in one world.
struct Side {
    running: Option<Running>,
    world: World,
    /// None where stakeout plays.
    other: Option<ElastAlert>,
    starts: usize,
    outages: usize,
}

/// How one run ended.
///
/// Where events were late, the machine was too busy to make them searchable in time: the run says little about overlaps.
struct Row {
    seed: u64,
    trial: Trial,
    tool: Tool,
    verdict: Verdict,
    faults: BTreeMap<Fault, usize>,
    outages: usize,
    starts: usize,
    caught_up: bool,
    late: bool,
    took: Duration,
}

impl Side {
    fn begin(tool: Tool, programs: &Path) -> Option<Self> {
        let mut world = World::shared()?;
        world.events = Events::Plain;
        // So that the types of both indices are known when the query is made.
        let miss = SignIn::new("before", seconds_ago(3_600)).near_miss(0).document(Shape::Filebeat);
        world.cluster.bulk(&world.filebeat(), [miss]);
        world.cluster.refresh(&world.filebeat());
        let other = match tool {
            Tool::Stakeout => None,
            Tool::ElastAlert2(buffer) => Some(ElastAlert::new(programs, &world, buffer)),
        };
        let mut side = Self { running: None, world, other, starts: 0, outages: 0 };
        side.start();
        eventually(LIMIT, "the first window", || side.read_until());
        Some(side)
    }

    fn start(&mut self) {
        let folder = self.world.folder.path().join(format!("start-{}", self.starts));
        std::fs::create_dir(&folder).expect("a folder for what it says");
        let running = if let Some(other) = &self.other {
            other.start(&folder)
        } else {
            let arguments = self.world.arguments();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            Running::start(&folder, &arguments)
        };
        self.running = Some(running);
        self.starts += 1;
    }

    fn kill(&mut self) {
        self.running.take().expect("a tool that runs").kill9();
    }

    /// Starts it again where it has ended by itself, as any supervisor does.
    fn supervise(&mut self) {
        if !self.running.as_mut().is_some_and(Running::runs) {
            self.start();
        }
    }

    /// The time before which it says that it has read everything.
    fn read_until(&self) -> Option<DateTime<Utc>> {
        if let Some(other) = &self.other {
            return other.read_until(&self.world.cluster);
        }
        self.world.checkpoint()?.1["done_until"].as_str()?.parse().ok()
    }

    fn requests_pass(&mut self, more: usize) {
        let number = self.world.proxy.seen_all() + more;
        until(LIMIT, "requests", || {
            self.supervise();
            self.world.proxy.seen_all() >= number
        });
    }

    /// The network fails, step by step.
    fn storm(&mut self, mut dice: Dice) {
        self.world.proxy.storm(dice.clone(), FAULTS);
        for _ in 0..STEPS {
            self.world.happen(1 + dice.below(30));
            match dice.below(3) {
                0 => {
                    self.world.proxy.refuse(true);
                    self.world.overlap_passes();
                    self.world.proxy.refuse(false);
                    self.outages += 1;
                }
                1 => self.world.overlap_passes(),
                _ => self.requests_pass(dice.below(40)),
            }
        }
        self.world.proxy.calm();
    }

    /// Every search finds nothing, with status 200 and a failed shard, for a while.
    fn failures(&mut self, mut dice: Dice) {
        for _ in 0..FAILURES.0 {
            self.world.happen(1 + dice.below(30));
            self.requests_pass(dice.below(40));
            for kind in [Kind::Page, Kind::Probe, Kind::Scroll] {
                self.world.proxy.order(kind, Fault::FailedShards, usize::MAX);
            }
            self.world.happen(1 + dice.below(60));
            let end = self.world.last() + TimeDelta::seconds(FAILURES.1);
            until(LIMIT, "the failure to last", || seconds_ago(0) > end);
            self.world.proxy.calm();
        }
    }

    /// It is killed again and again while things happen.
    fn deaths(&mut self, mut dice: Dice) {
        for _ in 0..KILLS.0 {
            for _ in 0..KILLS.1 {
                self.world.happen(1 + dice.below(40));
                self.requests_pass(dice.below(40));
            }
            self.kill();
            self.start();
        }
    }

    /// Waits until it has had every chance to read what happened; whether it says so.
    fn catches_up(&mut self, tool: Tool) -> bool {
        let Tool::ElastAlert2(buffer) = tool else {
            self.world.reads_all();
            return true;
        };
        // Until no later window can read any of it again.
        let buffer = i64::try_from(buffer).expect("seconds");
        let end = self.world.last() + TimeDelta::seconds(buffer + 5);
        let (started, mut caught_up) = (Instant::now(), false);
        until(PATIENCE * 2, "it to catch up", || {
            self.supervise();
            caught_up = self.read_until().is_some_and(|read| read > end);
            caught_up || started.elapsed() > PATIENCE
        });
        caught_up
    }

    fn alerted(&self) -> BTreeMap<String, usize> {
        self.other.as_ref().map_or_else(|| self.world.alerted(), ElastAlert::delivered)
    }
}

fn run(seed: u64, trial: Trial, tool: Tool, programs: &Path) -> Option<Row> {
    let started = Instant::now();
    let mut side = Side::begin(tool, programs)?;
    match trial {
        Trial::Network => side.storm(Dice::new(seed)),
        Trial::Shards => side.failures(Dice::new(seed)),
        Trial::Kills => side.deaths(Dice::new(seed)),
    }
    let caught_up = side.catches_up(tool);
    let verdict = side.world.judge(&side.alerted());
    let row = Row {
        seed,
        trial,
        tool,
        verdict,
        faults: side.world.proxy.struck(),
        outages: side.outages,
        starts: side.starts,
        caught_up,
        late: side.world.is_late(),
        took: started.elapsed(),
    };
    say(&row);
    Some(row)
}

#[test]
#[ignore = "installs another tool and takes minutes: a comparison by command"]
fn head_to_head() {
    if World::shared().is_none() {
        return;
    }
    let programs = install();
    let (first, runs) = (number("STAKEOUT_TEST_SEED", 1), number("STAKEOUT_TEST_FAULT_RUNS", 3));
    let mut rows = Vec::new();
    for seed in first..first + runs {
        let games = Trial::ALL.map(|trial| TOOLS.map(|tool| (trial, tool)));
        rows.extend(std::thread::scope(|scope| {
            let games: Vec<_> = games
                .as_flattened()
                .iter()
                .map(|(trial, tool)| scope.spawn(|| run(seed, *trial, *tool, &programs)))
                .collect();
            games.into_iter().filter_map(|game| game.join().ok().flatten()).collect::<Vec<Row>>()
        }));
    }
    sum_up(&rows);
    let games = runs * Trial::ALL.len() as u64 * TOOLS.len() as u64;
    assert_eq!(rows.len() as u64, games, "a run came to no end");
    for row in rows.iter().filter(|row| row.tool == Tool::Stakeout) {
        assert!(row.verdict.is_perfect(), "{row}: {:?}", row.verdict);
    }
}

/// The table of the chapter on the promise.
fn sum_up(rows: &[Row]) {
    let mut sums: BTreeMap<(Trial, Tool), [usize; 5]> = BTreeMap::new();
    for row in rows {
        let numbers = [
            row.verdict.matches,
            row.verdict.missed.len(),
            row.verdict.repeats(),
            row.faults.values().sum::<usize>() + row.outages,
            row.starts - 1,
        ];
        let sum = sums.entry((row.trial, row.tool)).or_default();
        *sum = std::array::from_fn(|at| sum[at] + numbers[at]);
    }
    say(&"| trial | tool | matches | missed | repeated | faults | restarts |");
    for ((trial, tool), [matches, missed, repeated, faults, restarts]) in sums {
        say(&format!("| {trial:?} | {tool} | {matches} | {missed} | {repeated} | {faults} | {restarts} |"));
    }
}

/// Not by `println!`, which the test harness keeps to itself.
fn say(what: &dyn fmt::Display) {
    let _ = std::io::stderr().write_all(format!("{what}\n").as_bytes());
}

impl fmt::Display for Tool {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stakeout => text.write_str("stakeout"),
            Self::ElastAlert2(buffer) => write!(text, "ElastAlert 2, buffer {buffer} s"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, trial, tool, verdict, faults, outages, starts, caught_up, late, took } = self;
        write!(
            text,
            "seed {seed}, {trial:?}, {tool}: {} matches, {} missed, {} repeated, {} invented, {} restarts, {outages} \
             outages, faults {faults:?}, caught up: {caught_up}, late events: {late}, {took:.0?}",
            verdict.matches,
            verdict.missed.len(),
            verdict.repeats(),
            verdict.invented.len(),
            starts - 1,
        )
    }
}

//! The timetable: rules of one interval run together, first at once, then each time the interval has passed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::task::TaskTracker;

use super::pulse::Pulse;
use super::shutdown::GRACE;
use crate::detect::{Cycle, Gone, Hindrance, RuleReport, Runner, Watch};
use crate::diagnostic::sanitize;
use crate::elastic::ElasticError;
use crate::metrics::Metrics;
use crate::rule::Rule;

/// Rules of one timetable that are asked at the same time.
const AT_ONCE: usize = 4;

/// First and longest wait between two tries to reach a cluster that is down.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Longest time for which a rule or the cluster is left alone because an answer asked for it.
pub(super) const LONGEST_REST: Duration = Duration::from_mins(5);

/// What a timetable shows of itself while it runs.
#[derive(Debug, Clone)]
pub struct Signs {
    /// What its runs did.
    pub metrics: Metrics,
    /// Whether it runs.
    pub pulse: Arc<Pulse>,
}

/// Runs every rule on its interval until `watch.stop` is cancelled, then waits for what is under way.
///
/// Nothing that happens to a rule or the cluster ends it.
pub async fn run(runner: Arc<Runner>, rules: Vec<Arc<Rule>>, watch: Watch, signs: Signs) {
    let tasks = TaskTracker::new();
    let reach = Arc::new(Reach {
        runner: runner.clone(),
        down: AtomicBool::new(false),
        odd_clocks: AtomicBool::new(false),
        asking: Mutex::new(()),
        metrics: signs.metrics.clone(),
    });
    for (interval, rules) in by_interval(rules) {
        let group = Arc::new(Group {
            runner: runner.clone(),
            reach: reach.clone(),
            interval,
            rules,
            cycle: Cycle::new(runner.clone()),
            watch: watch.clone(),
            signs: signs.clone(),
            resting: Mutex::default(),
        });
        tasks.spawn(group.keep_time());
    }
    watch.stop.cancelled().await;
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("the windows under way were left as they are; the next start reads them again");
    }
}

fn by_interval(rules: Vec<Arc<Rule>>) -> BTreeMap<Duration, Vec<Arc<Rule>>> {
    let mut groups: BTreeMap<Duration, Vec<Arc<Rule>>> = BTreeMap::new();
    for rule in rules {
        groups.entry(rule.schedule.interval).or_default().push(rule);
    }
    groups
}

/// Rules that share an interval.
struct Group {
    runner: Arc<Runner>,
    reach: Arc<Reach>,
    interval: Duration,
    rules: Vec<Arc<Rule>>,
    cycle: Cycle,
    watch: Watch,
    signs: Signs,
    /// Until when rules rest, by their ids.
    resting: Mutex<HashMap<String, Instant>>,
}

impl Group {
    /// A run at once and then each time the interval has passed; what falls due meanwhile is left to the next run, which
    /// reads the time between.
    ///
    /// By the clock that never steps, so that neither a corrected wall clock nor a machine that slept can hold it up.
    async fn keep_time(self: Arc<Self>) {
        let _alive = self.signs.pulse.timetable();
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = self.watch.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = tokio::spawn(self.clone().cycle()).await {
                tracing::error!(%error, "a run ended in a fault of the program; the next one reads the time again");
            }
        }
    }

    /// One run of every rule.
    ///
    /// What failed for a passing reason is tried again soon, but not so long that the other rules' next run is late.
    async fn cycle(self: Arc<Self>) {
        let _under_way = self.signs.pulse.cycle();
        let mut resting = self.resting.lock().await;
        resting.retain(|_, until| *until > Instant::now());
        let mut rules = self.rules.clone();
        rules.retain(|rule| !resting.contains_key(&rule.rule_id));
        let (mut attempt, mut pause, mut left) = (1, WAITS.0, self.interval / 2);
        while !rules.is_empty() && self.reach.wait(&self.watch).await {
            let failed = self.run(rules, &mut resting).await;
            if failed.is_empty() {
                return;
            }
            let rests = failed.iter().filter_map(|(_, report)| report.rest);
            let wait = rests.map(|rest| rest.min(LONGEST_REST)).fold(pause, Ord::max);
            let again = (wait <= left).then_some(wait);
            for (_, report) in &failed {
                say_hindered(report, attempt, again);
            }
            let Some(wait) = again else { return };
            tokio::select! {
                () = self.watch.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            left -= wait;
            pause = (pause * 2).min(WAITS.1);
            attempt += 1;
            rules = failed.into_iter().map(|(rule, _)| rule).collect();
        }
    }

    /// The same run, once it stands in the figures.
    fn counted(&self, run: (Arc<Rule>, RuleReport)) -> (Arc<Rule>, RuleReport) {
        self.signs.metrics.ran(&run.1, self.runner.now());
        run
    }

    /// Runs `rules`: those for which nothing happened together, the others side by side. Returns those that may do better
    /// soon, and why they failed; rules for which an answer asked to be left alone are noted in `resting`.
    async fn run(
        &self,
        rules: Vec<Arc<Rule>>,
        resting: &mut HashMap<String, Instant>,
    ) -> Vec<(Arc<Rule>, RuleReport)> {
        let Gone { done, open } = self.cycle.go(&rules, &self.watch).await;
        let mut failed: Vec<_> =
            done.into_iter().filter_map(|run| settled(self.counted(run), resting)).collect();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for open in open {
            let (runner, watch, places) = (self.runner.clone(), self.watch.clone(), places.clone());
            running.spawn(async move {
                let _place = places.acquire_owned().await;
                let rule = open.rule.clone();
                let report = runner.run_open(open, &watch).await;
                (rule, report)
            });
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(run) => failed.extend(settled(self.counted(run), resting)),
                Err(error) => {
                    tracing::error!(%error, "a run ended in a fault of the program; its window is read again");
                }
            }
        }
        failed
    }
}

/// Says what a run did, and notes the rule in `resting` where an answer asked to be left alone; the run, if the rule may do
/// better soon.
fn settled(
    (rule, report): (Arc<Rule>, RuleReport),
    resting: &mut HashMap<String, Instant>,
) -> Option<(Arc<Rule>, RuleReport)> {
    note(&report);
    if let Some(rest) = report.rest {
        let rest = rest.min(LONGEST_REST);
        tracing::info!(rule = %sanitize(&rule.name), ?rest, "rests, as an answer asked for it");
        resting.insert(rule.rule_id.clone(), Instant::now() + rest);
    }
    report.unreachable.then_some((rule, report))
}

/// Says that a run came to an early end, and after which wait it is tried again; none where the next run must do.
fn say_hindered(report: &RuleReport, attempt: u32, wait: Option<Duration>) {
    let Some(Hindrance { window, reason }) = &report.hindrance else { return };
    let rule = sanitize(&report.name);
    let from = window.map(|window| tracing::field::display(window.from));
    let to = window.map(|window| tracing::field::display(window.to));
    match wait {
        Some(wait) => {
            tracing::warn!(rule, from, to, attempt, %reason, ?wait, "failed: it is tried again soon");
        }
        None => {
            tracing::warn!(rule, from, to, attempt, %reason, "failed: the next run reads the time between");
        }
    }
}

/// Says what a run did, where it is worth a line.
fn note(report: &RuleReport) {
    let RuleReport { name, matches, alerts_created, alerts_existing, late, took_ms, .. } = report;
    if !report.unreachable {
        // Others are tried again soon, and are said with the wait.
        say_hindered(report, 1, None);
    }
    for pattern in &report.indices_missing {
        tracing::warn!(rule = %name, "no index matches `{pattern}`");
    }
    if *alerts_created > 0 {
        tracing::info!(rule = %name, matches, alerts_created, alerts_existing, late, took_ms, "alerts");
    } else {
        tracing::debug!(rule = %name, matches, alerts_existing, took_ms, "nothing new");
    }
}

/// Whether the cluster is reachable: one voice for all rules, heard when it changes.
struct Reach {
    runner: Arc<Runner>,
    down: AtomicBool,
    odd_clocks: AtomicBool,
    asking: Mutex<()>,
    metrics: Metrics,
}

impl Reach {
    /// Waits until the cluster answers and the alerts index is there; false when it is time to stop.
    async fn wait(&self, watch: &Watch) -> bool {
        let _asking = self.asking.lock().await;
        let mut since: Option<DateTime<Utc>> = None;
        let mut pause = WAITS.0;
        loop {
            let ready = tokio::select! {
                biased;
                () = watch.stop.cancelled() => return false,
                ready = self.runner.ready() => ready,
            };
            self.metrics.reaches(ready.is_ok());
            match ready {
                Ok(note) => {
                    self.clocks(note.as_deref());
                    self.is_back(since.map(|since| (self.runner.clock)() - since));
                    return true;
                }
                Err(error) => {
                    since.get_or_insert_with(|| (self.runner.clock)());
                    self.is_down(&error.to_string());
                    let asked = error.elastic().and_then(ElasticError::retry_after);
                    let rest = asked.map(|asked| asked.min(LONGEST_REST)).filter(|rest| *rest > pause);
                    if let Some(rest) = rest {
                        tracing::info!(?rest, "the cluster is left alone, as its answer asked for it");
                        pause = rest;
                    }
                }
            }
            tokio::select! {
                () = watch.stop.cancelled() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(WAITS.1),
            }
        }
    }

    /// Says what is odd about the clocks, once as long as it lasts.
    fn clocks(&self, note: Option<&str>) {
        let was_odd = self.odd_clocks.swap(note.is_some(), Ordering::Relaxed);
        if let Some(note) = note.filter(|_| !was_odd) {
            tracing::warn!("{note}");
        }
    }

    fn is_down(&self, reason: &str) {
        if self.down.swap(true, Ordering::Relaxed) {
            tracing::debug!("still waiting: {reason}");
        } else {
            tracing::warn!("waiting for the cluster, nothing will be missed: {reason}");
        }
    }

    fn is_back(&self, after: Option<TimeDelta>) {
        if self.down.swap(false, Ordering::Relaxed) {
            let seconds = after.unwrap_or_default().num_seconds();
            tracing::info!("the cluster answers again after {seconds} s; the time between is read now");
        }
    }
}

//! The timetable: rules of one interval run together, first at once, then each time the interval has passed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::task::TaskTracker;

use super::shutdown::GRACE;
use crate::detect::{RuleReport, Runner, Watch};
use crate::rule::Rule;

/// Rules of one timetable that are asked at the same time.
const AT_ONCE: usize = 4;

/// First and longest wait between two tries to reach a cluster that is down.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The timetable could not be made.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// The scheduler refused.
    #[error("the timetable could not be made: {0}")]
    Scheduler(#[from] JobSchedulerError),
}

/// Runs every rule on its interval until `watch.stop` is cancelled, then waits for what is under way.
///
/// # Errors
/// The timetable cannot be made; nothing that happens to a rule or the cluster later is an error.
pub async fn run(runner: Arc<Runner>, rules: Vec<Arc<Rule>>, watch: Watch) -> Result<(), ScheduleError> {
    let mut scheduler = JobScheduler::new().await?;
    let tasks = TaskTracker::new();
    let reach = Arc::new(Reach {
        runner: runner.clone(),
        down: AtomicBool::new(false),
        odd_clocks: AtomicBool::new(false),
        asking: Mutex::new(()),
    });
    for (interval, rules) in by_interval(rules) {
        let group = Arc::new(Group {
            runner: runner.clone(),
            reach: reach.clone(),
            interval,
            rules,
            watch: watch.clone(),
            busy: Mutex::new(()),
        });
        tasks.spawn(group.clone().cycle());
        let tasks = tasks.clone();
        scheduler
            .add(Job::new_repeated(interval, move |_, _| {
                tasks.spawn(group.clone().cycle());
            })?)
            .await?;
    }
    scheduler.start().await?;
    watch.stop.cancelled().await;
    scheduler.shutdown().await?;
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("the windows under way were left as they are; the next start reads them again");
    }
    Ok(())
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
    watch: Watch,
    busy: Mutex<()>,
}

impl Group {
    /// One run of every rule. Where the last one still goes on nothing is done: its next run reads the time between.
    ///
    /// What failed for a passing reason is tried again soon, but not so long that the other rules' next run is late.
    async fn cycle(self: Arc<Self>) {
        let Ok(_busy) = self.busy.try_lock() else {
            tracing::debug!("the last run has not ended; the next one reads the time between");
            return;
        };
        let (mut rules, mut pause, mut left) = (self.rules.clone(), WAITS.0, self.interval / 2);
        while self.reach.wait(&self.watch).await {
            let failed = self.run(rules).await;
            if failed.is_empty() {
                return;
            }
            if pause > left {
                return give_up(&failed);
            }
            tokio::select! {
                () = self.watch.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            left -= pause;
            pause = (pause * 2).min(WAITS.1);
            rules = failed.into_iter().map(|(rule, _)| rule).collect();
        }
    }

    /// Runs `rules` side by side; returns those that may do better soon, and why they failed.
    async fn run(&self, rules: Vec<Arc<Rule>>) -> Vec<(Arc<Rule>, RuleReport)> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for rule in rules {
            let (runner, watch, places) = (self.runner.clone(), self.watch.clone(), places.clone());
            running.spawn(async move {
                let _place = places.acquire_owned().await;
                let report = runner.run_rule(&rule, &watch).await;
                (rule, report)
            });
        }
        let mut failed = Vec::new();
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok((rule, report)) => {
                    note(&report);
                    failed.extend(report.unreachable.then_some((rule, report)));
                }
                Err(error) => {
                    tracing::error!(%error, "a run ended in a fault of the program; its window is read again");
                }
            }
        }
        failed
    }
}

/// Says which rules must wait for their next run, which reads the time between.
fn give_up(failed: &[(Arc<Rule>, RuleReport)]) {
    for (rule, report) in failed {
        let reason = report.error.as_deref().unwrap_or_default();
        tracing::warn!(rule = %rule.name, "left for the next run, which reads the time between: {reason}");
    }
}

/// Says what a run did, where it is worth a line.
fn note(report: &RuleReport) {
    let RuleReport { name, matches, alerts_created, alerts_existing, late, owed, took_ms, .. } = report;
    match &report.error {
        Some(error) if report.unreachable => tracing::debug!(rule = %name, "tried again soon: {error}"),
        Some(error) => tracing::warn!(rule = %name, owed, alerts_created, "{error}"),
        None => {}
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
            match ready {
                Ok(note) => {
                    self.clocks(note.as_deref());
                    self.is_back(since.map(|since| (self.runner.clock)() - since));
                    return true;
                }
                Err(error) => {
                    since.get_or_insert_with(|| (self.runner.clock)());
                    self.is_down(&error.to_string());
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

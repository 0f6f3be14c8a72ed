//! Rules of one interval: run together, first at once, then each time the interval has passed.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::pulse::Held;
use super::reach::Reach;
use super::timetable::Signs;
use crate::detect::{Cycle, Gone, Hindrance, RuleReport, Runner, Watch};
use crate::diagnostic::sanitize;
use crate::rule::Rule;

/// Rules of one timetable that are asked at the same time.
const AT_ONCE: usize = 4;

/// First and longest wait between two tries to reach a cluster that is down.
pub(super) const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Longest time for which a rule or the cluster is left alone because an answer asked for it.
pub(super) const LONGEST_REST: Duration = Duration::from_mins(5);

/// Until when rules rest, by their ids.
pub(super) type Resting = Arc<std::sync::Mutex<HashMap<String, Instant>>>;

/// Rules that share an interval.
pub(super) struct Group {
    pub runner: Arc<Runner>,
    pub reach: Arc<Reach>,
    pub interval: Duration,
    pub rules: Vec<Arc<Rule>>,
    pub cycle: Cycle,
    pub watch: Watch,
    pub signs: Signs,
    pub resting: Resting,
    /// Cancelled when no further run is to begin; one under way comes to its end.
    pub end: CancellationToken,
}

impl Group {
    /// A run at once and then each time the interval has passed; what falls due meanwhile is left to the next run, which
    /// reads the time between. The first waits for `before`: no rule is run by two groups at once.
    ///
    /// By the clock that never steps, so that neither a corrected wall clock nor a machine that slept can hold it up.
    pub(super) async fn keep_time(self: Arc<Self>, alive: Held, before: Vec<CancellationToken>) {
        for other in before {
            tokio::select! {
                biased;
                () = self.end.cancelled() => {}
                () = other.cancelled() => {}
            }
        }
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => break,
                _ = ticks.tick() => {}
            }
            if let Err(error) = tokio::spawn(self.clone().cycle()).await {
                tracing::error!(%error, "a run ended in a fault of the program; the next one reads the time again");
            }
        }
        alive.finish();
    }

    /// One run of every rule.
    ///
    /// What failed for a passing reason is tried again soon, but not so long that the other rules' next run is late.
    async fn cycle(self: Arc<Self>) {
        let _under_way = self.signs.pulse.cycle();
        let mut rules = self.rules.clone();
        {
            let mut resting = self.resting();
            resting.retain(|_, until| *until > Instant::now());
            rules.retain(|rule| !resting.contains_key(&rule.rule_id));
        }
        let (mut attempt, mut pause, mut left) = (1, WAITS.0, self.interval / 2);
        while !rules.is_empty() && self.reach.wait(&self.runner, &self.end).await {
            let failed = self.run(rules).await;
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
                () = self.end.cancelled() => return,
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
    /// soon, and why they failed; rules for which an answer asked to be left alone are noted as resting.
    async fn run(&self, rules: Vec<Arc<Rule>>) -> Vec<(Arc<Rule>, RuleReport)> {
        let Gone { done, open } = self.cycle.go(&rules, &self.watch).await;
        let mut failed: Vec<_> = done.into_iter().filter_map(|run| self.settled(self.counted(run))).collect();
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
                Ok(run) => failed.extend(self.settled(self.counted(run))),
                Err(error) => {
                    tracing::error!(%error, "a run ended in a fault of the program; its window is read again");
                }
            }
        }
        failed
    }

    /// Says what a run did, and notes that the rule rests where an answer asked to be left alone; the run, if the rule may
    /// do better soon.
    fn settled(&self, (rule, report): (Arc<Rule>, RuleReport)) -> Option<(Arc<Rule>, RuleReport)> {
        note(&report);
        if let Some(rest) = report.rest {
            let rest = rest.min(LONGEST_REST);
            tracing::info!(rule = %sanitize(&rule.name), ?rest, "rests, as an answer asked for it");
            self.resting().insert(rule.rule_id.clone(), Instant::now() + rest);
        }
        report.unreachable.then_some((rule, report))
    }

    /// What lies behind this lock is whole after every call.
    fn resting(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

//! Rules of one interval: run together, first at once, then each time the interval has passed. None waits for another: a
//! rule whose run takes longer than the interval is left out until it is done, and the others go on.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::field::debug;
use tracing::span::EnteredSpan;

use super::pulse::{Held, Moving};
use super::reach::Reach;
use super::timetable::Signs;
use super::under_way::{Taken, UnderWay};
use crate::detect::{Cycle, Gone, Hindrance, Open, RuleReport, Runner, Watch};
use crate::diagnostic::sanitize;
use crate::rule::Rule;

#[cfg(test)]
mod tests;

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
    pub under_way: UnderWay,
    /// Cancelled when no further run is to begin; one under way comes to its end.
    pub end: CancellationToken,
}

impl Group {
    /// A run at once and then each time the interval has passed; what a rule misses while its last run is under way is left
    /// to its next one, which reads the time between. The first waits for `before`: they may run rules of this group.
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
        let mut cycles = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => break,
                Some(ended) = cycles.join_next() => say_fault(ended),
                _ = ticks.tick() => drop(cycles.spawn(self.clone().cycle())),
            }
        }
        while let Some(ended) = cycles.join_next().await {
            say_fault(ended);
        }
        alive.finish();
    }

    /// One run of every rule whose turn it is.
    ///
    /// What failed for a passing reason is tried again soon, but not so long that its next run is late.
    async fn cycle(self: Arc<Self>) {
        let taken = self.take();
        if !taken.is_empty() {
            let moving = self.signs.pulse.run();
            moving.part(self.attempts(taken, &moving)).await;
        }
    }

    async fn attempts(self: &Arc<Self>, mut taken: Vec<Taken>, moving: &Moving) {
        let (mut attempt, mut pause, mut left) = (1, WAITS.0, self.interval / 2);
        while !taken.is_empty() && self.reach.wait(&self.runner, &self.end).await {
            let failed = self.run(taken, moving).await;
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
            // Those that the next cycle has taken meanwhile are its business.
            taken = failed.iter().filter_map(|(rule, _)| self.under_way.take(rule)).collect();
        }
    }

    /// Takes the rules whose turn it is: none that rests, and none whose last run is under way.
    fn take(&self) -> Vec<Taken> {
        let mut resting = self.resting();
        resting.retain(|_, until| *until > Instant::now());
        let (mut taken, mut late) = (Vec::new(), Vec::new());
        for rule in self.rules.iter().filter(|rule| !resting.contains_key(&rule.rule_id)) {
            match self.under_way.take(rule) {
                Some(rule) => taken.push(rule),
                None => late.push(rule),
            }
        }
        // Where the cluster is waited for, that is said.
        if let Some(first) = late.first().filter(|_| !self.reach.is_waiting()) {
            let _about = about(&first.rule_id, &first.name);
            let (rule, others) = (sanitize(&first.name), late.len() - 1);
            tracing::warn!(rule, others, "still under way: what falls due now is read by the next run");
        }
        taken
    }

    /// Runs the rules: those for which nothing happened together, the others side by side; each is free again once its own
    /// run is done. Returns those that may do better soon, and why they failed; rules for which an answer asked to be left
    /// alone are noted as resting.
    async fn run(self: &Arc<Self>, taken: Vec<Taken>, moving: &Moving) -> Vec<(Arc<Rule>, RuleReport)> {
        let watch = Watch { progress: moving.progress(), ..self.watch.clone() };
        let rules: Vec<Arc<Rule>> = taken.iter().map(|taken| taken.rule.clone()).collect();
        let Gone { done, open } = self.cycle.go(&rules, &watch).await;
        let mut failed: Vec<_> = done.into_iter().filter_map(|run| self.settled(run)).collect();
        let open = kept(taken, open);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for (open, taken) in open {
            let place = places.clone().acquire_owned().await;
            let (group, watch) = (self.clone(), watch.clone());
            running.spawn(moving.part(async move {
                let _until_done = (place, taken);
                let rule = open.rule.clone();
                let report = group.runner.run_open(open, &watch).await;
                group.settled((rule, report))
            }));
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(run) => failed.extend(run),
                Err(error) => say_fault(Err(error)),
            }
        }
        failed
    }

    /// Counts a run and says what it did, and notes that the rule rests where an answer asked to be left alone; the run, if
    /// the rule may do better soon.
    fn settled(&self, (rule, report): (Arc<Rule>, RuleReport)) -> Option<(Arc<Rule>, RuleReport)> {
        self.signs.metrics.ran(&report, self.runner.now());
        let _about = about(&rule.rule_id, &rule.name);
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

/// The rules that are still to be run; the others are let go.
fn kept(taken: Vec<Taken>, open: Vec<Open>) -> Vec<(Open, Option<Taken>)> {
    let mut taken: HashMap<String, Taken> =
        taken.into_iter().map(|taken| (taken.rule.rule_id.clone(), taken)).collect();
    let with = |open: Open| {
        let taken = taken.remove(&open.rule.rule_id);
        (open, taken)
    };
    open.into_iter().map(with).collect()
}

fn say_fault(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a run ended in a fault of the program; its window is read again");
    }
}

/// Lines are about this rule until the returned value is dropped: those for machines have its id.
fn about(rule_id: &str, name: &str) -> EnteredSpan {
    tracing::debug_span!("rule", name = %sanitize(name), rule_id).entered()
}

/// Says that a run came to an early end, and after which wait it is tried again; none where the next run must do.
fn say_hindered(report: &RuleReport, attempt: u32, wait: Option<Duration>) {
    let Some(Hindrance { window, reason }) = &report.hindrance else { return };
    let _about = about(&report.rule_id, &report.name);
    let rule = sanitize(&report.name);
    let from = window.map(|window| debug(window.from));
    let to = window.map(|window| debug(window.to));
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
    let RuleReport { matches, alerts_created, alerts_existing, late, took_ms, .. } = report;
    let (rule, from, to) = (sanitize(&report.name), report.from.map(debug), report.to.map(debug));
    if !report.unreachable {
        // Others are tried again soon, and are said with the wait.
        say_hindered(report, 1, None);
    }
    for pattern in &report.indices_missing {
        tracing::warn!(rule, "no index matches `{pattern}`");
    }
    if *alerts_created > 0 {
        tracing::info!(rule, from, to, matches, alerts_created, alerts_existing, late, took_ms, "alerts");
    } else {
        tracing::debug!(rule, from, to, matches, alerts_existing, took_ms, "nothing new");
    }
}

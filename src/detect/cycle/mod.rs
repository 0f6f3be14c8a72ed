//! A run of many rules at once: whether anything happened is asked for all of them together, and only a rule for which
//! something did, or for which anything is out of the ordinary, is run by itself.
//!
//! Law: a window is recorded here only where every shard behind the rule's patterns answered in full that nothing in it
//! matches. Everything else is left to the rule's own run, which finds out the same anew.

mod ask;
mod plan;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::pass::WindowReport;
use super::progress::Watch;
use super::question::Question;
use super::report::RuleReport;
use super::runner::{Runner, look_back, overlap};
use super::source::Source;
use crate::checkpoint::{Advance, Tracked, Window};
use crate::elastic::{Cluster, counted};
use crate::rule::Rule;

/// Runs many rules at once, again and again.
pub struct Cycle {
    runner: Arc<Runner>,
    /// Rules for which something happened when they were asked last, by their ids: they are asked alone.
    loud: Mutex<BTreeSet<String>>,
}

/// What became of the rules of a cycle.
#[derive(Debug, Default)]
pub struct Gone {
    /// Those whose run is done, and what it did.
    pub done: Vec<(Arc<Rule>, RuleReport)>,
    /// Those that are to be run by themselves now.
    pub open: Vec<Open>,
}

/// A rule that is to be run by itself.
#[derive(Debug)]
pub struct Open {
    /// The rule.
    pub rule: Arc<Rule>,
    /// What the cycle found out about it; none where that is to be asked anew.
    begun: Option<Box<Begun>>,
}

/// What a cycle found out about a rule, and until when it is read: from then on the indices may be others.
#[derive(Debug)]
struct Begun {
    question: Question,
    tracked: Tracked,
    now: DateTime<Utc>,
}

/// A rule that sees all of its data, and its question.
type Planned = (Arc<Rule>, Question);

/// A rule whose run is the ordinary one: one new window, and nothing owed.
#[derive(Debug)]
struct Asked {
    rule: Arc<Rule>,
    question: Question,
    tracked: Tracked,
    newest: Window,
    /// Whether a late sweep is due with it.
    sweeps: bool,
    /// The time in which nothing must have happened: the newest window, and what the sweep reads again.
    stretch: Window,
}

impl Cycle {
    /// Nothing is known yet of the rules.
    #[must_use]
    pub fn new(runner: Arc<Runner>) -> Self {
        Self { runner, loud: Mutex::default() }
    }

    /// Runs the rules for which nothing happened, from their checkpoints to now, and tells which are left.
    pub async fn go(&self, rules: &[Arc<Rule>], watch: &Watch) -> Gone {
        let Source::Cluster(cluster) = &self.runner.source else {
            return Gone { open: rules.iter().map(Open::anew).collect(), ..Gone::default() };
        };
        let started = Instant::now();
        // Boxed, as the whole cycle lies in it.
        let cycle = Box::pin(self.all(cluster, rules, watch));
        let cycle = async {
            tokio::select! {
                biased;
                () = watch.stop.cancelled() => {
                    let stopped = |rule: &Arc<Rule>| (rule.clone(), RuleReport::interrupted(rule));
                    Gone { done: rules.iter().map(stopped).collect(), ..Gone::default() }
                }
                gone = cycle => gone,
            }
        };
        let (mut gone, resent) = counted(cycle).await;
        if resent.total() > 0 {
            tracing::info!(
                rules = rules.len(),
                requests = resent.total(),
                "sent again for rules together: {resent}"
            );
        }
        for (_, report) in &mut gone.done {
            report.retries = resent.total();
            report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        gone
    }

    async fn all(&self, cluster: &Cluster, rules: &[Arc<Rule>], watch: &Watch) -> Gone {
        let mut gone = Gone::default();
        // Before anything is asked: what happens from now on is the next run's.
        let now = self.runner.now();
        let planned = plan::planned(cluster, rules, &mut gone).await;
        // Late, as replicas are at work on the same checkpoints.
        let asked = self.ordinary(cluster, planned, now, &mut gone).await;
        let quiet = self.quiet(cluster, asked, &mut gone).await;
        self.record(cluster, quiet, now, watch, &mut gone).await;
        // First those that answered just now: none of them is to wait for one that may hang.
        gone.open.sort_by_key(|open| open.begun.is_none());
        gone
    }

    /// Reads the checkpoints, and picks the rules whose run is the ordinary one.
    async fn ordinary(
        &self,
        cluster: &Cluster,
        planned: Vec<Planned>,
        now: DateTime<Utc>,
        gone: &mut Gone,
    ) -> Vec<Asked> {
        let keys: Vec<(&str, &str)> =
            planned.iter().map(|(rule, _)| (rule.rule_id.as_str(), rule.name.as_str())).collect();
        let loaded = match self.runner.store.load_all(&keys).await {
            Ok(loaded) => loaded,
            Err(error) => {
                let rules = planned.into_iter().map(|(rule, _)| rule);
                gone.stop_at(cluster, rules, &error.to_string(), error.elastic()).await;
                return Vec::new();
            }
        };
        let mut picked = Vec::new();
        for ((rule, question), tracked) in planned.into_iter().zip(loaded) {
            let open = Open::anew(&rule);
            match tracked.and_then(|tracked| self.runner.ordinary(rule, question, tracked, now)) {
                Some(ordinary) => picked.push(ordinary),
                None => gone.open.push(open),
            }
        }
        picked
    }

    /// Asks whether anything happened for the rules; those for which nothing did.
    async fn quiet(&self, cluster: &Cluster, asked: Vec<Asked>, gone: &mut Gone) -> Vec<Asked> {
        let loud = self.loud().clone();
        let answers = match ask::answers(cluster, &asked, &loud).await {
            Ok(answers) => answers,
            Err(error) => {
                let rules = asked.into_iter().map(|asked| asked.rule);
                gone.stop_at(cluster, rules, &error.to_string(), Some(&error)).await;
                return Vec::new();
            }
        };
        let mut quiet = Vec::new();
        for (asked, answer) in asked.into_iter().zip(answers) {
            let id = &asked.rule.rule_id;
            match answer {
                ask::Answer::Quiet => {
                    self.loud().remove(id);
                    quiet.push(asked);
                }
                ask::Answer::Loud => {
                    self.loud().insert(id.clone());
                    gone.open.push(Open::begun(asked));
                }
                ask::Answer::Unknown => gone.open.push(Open::anew(&asked.rule)),
            }
        }
        quiet
    }

    /// Moves the checkpoints of rules for which nothing happened.
    async fn record(
        &self,
        cluster: &Cluster,
        quiet: Vec<Asked>,
        now: DateTime<Utc>,
        watch: &Watch,
        gone: &mut Gone,
    ) {
        let mut advances: Vec<Advance> = quiet
            .iter()
            .map(|asked| Advance {
                tracked: asked.tracked.clone(),
                begin: self.runner.beginning(&asked.rule, now),
                whole: asked.newest,
                swept: asked.sweeps,
            })
            .collect();
        let kept = match self.runner.store.advance_all(&mut advances, now).await {
            Ok(kept) => kept,
            Err(error) => {
                let rules = quiet.into_iter().map(|asked| asked.rule);
                gone.stop_at(cluster, rules, &error.to_string(), error.elastic()).await;
                return;
            }
        };
        for (asked, is_kept) in quiet.into_iter().zip(kept) {
            if is_kept {
                watch.progress.reached(asked.newest.to);
                gone.done.push(asked.done());
            } else {
                gone.open.push(Open::anew(&asked.rule));
            }
        }
    }

    /// What lies behind this lock is whole after every call.
    fn loud(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.loud.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner {
    /// Runs a rule that a cycle has left.
    pub async fn run_open(&self, open: Open, watch: &Watch) -> RuleReport {
        match open.begun {
            Some(begun) => {
                let Begun { question, tracked, now } = *begun;
                self.go_on(&open.rule, question, tracked, now, watch).await
            }
            None => self.run_rule(&open.rule, watch).await,
        }
    }

    /// The run of `rule` at `now`, if it is the ordinary one.
    fn ordinary(
        &self,
        rule: Arc<Rule>,
        question: Question,
        tracked: Tracked,
        now: DateTime<Utc>,
    ) -> Option<Asked> {
        let beginning = self.beginning(&rule, now);
        let cursor = tracked.cursor.as_ref().unwrap_or(&beginning);
        let newest = cursor.next_window(now, look_back(&rule), overlap(&rule));
        let is_odd = !cursor.owed.is_empty() || cursor.is_ahead(now, overlap(&rule));
        if is_odd || newest.length() > self.settings.longest_window {
            return None;
        }
        let sweep = self.due_sweep(&rule, cursor, now);
        let stretch =
            sweep.map_or(newest, |sweep| Window::new(sweep.from.min(newest.from), sweep.to.max(newest.to)));
        Some(Asked { rule, question, tracked, newest, sweeps: sweep.is_some(), stretch })
    }
}

impl Open {
    fn anew(rule: &Arc<Rule>) -> Self {
        Self { rule: rule.clone(), begun: None }
    }

    fn begun(asked: Asked) -> Self {
        let Asked { rule, question, tracked, newest, .. } = asked;
        Self { rule, begun: Some(Box::new(Begun { question, tracked, now: newest.to })) }
    }
}

impl Asked {
    /// Its report, once its window is recorded.
    fn done(self) -> (Arc<Rule>, RuleReport) {
        let mut report = RuleReport::new(&self.rule);
        report.add(self.newest, &WindowReport::default());
        report.indices_missing = self.question.indices_missing;
        (self.rule, report)
    }
}

impl fmt::Debug for Cycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cycle").field("loud", &self.loud().len()).finish_non_exhaustive()
    }
}

//! Whether anything happened for each of many rules, in few searches: first for many rules as one, then one by one where
//! that found something or was not answered in full.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Asked;
use crate::checkpoint::Window;
use crate::elastic::{Cluster, ElasticError, Existence, Presence};
use crate::plan::{Plan, any_of};

/// Searches of one request.
const SEARCHES: usize = 100;

/// Rules of one search.
const RULES: usize = 100;

/// Whether anything happened for one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing: every shard said so.
    Quiet,
    /// Something.
    Loud,
    /// Nobody knows.
    Unknown,
}

/// Some rules, by their numbers, that read the same indices over the same time by the same fields.
type Together = Vec<usize>;

/// What rules must have in common to be asked as one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Common<'a> {
    patterns: &'a [String],
    time: (&'a str, Option<&'a str>),
    stretch: (i64, i64),
}

/// The answers for the rules, in their order; those of `loud` are asked alone at once.
///
/// # Errors
/// The cluster does not answer, or asks to be left alone.
pub(super) async fn answers(
    cluster: &Cluster,
    rules: &[Asked],
    loud: &BTreeSet<String>,
) -> Result<Vec<Answer>, ElasticError> {
    let mut answers = vec![Answer::Quiet; rules.len()];
    let mut again = Vec::new();
    for (some, answer) in put(cluster, rules, arranged(rules, loud)).await? {
        match answer {
            Some(Answer::Quiet) => {}
            Some(answer) if some.len() == 1 => answers[some[0]] = answer,
            _ => again.extend(some.into_iter().map(|at| vec![at])),
        }
    }
    for (some, answer) in put(cluster, rules, again).await? {
        answers[some[0]] = answer.unwrap_or(Answer::Unknown);
    }
    Ok(answers)
}

/// The rules as they are asked; one that asks nobody, as it has no index, is in none of them.
fn arranged(rules: &[Asked], loud: &BTreeSet<String>) -> Vec<Together> {
    let (mut alone, mut together) = (Vec::new(), BTreeMap::<Common<'_>, Together>::new());
    for (at, asked) in rules.iter().enumerate() {
        let Some(plan) = asked.question.plan() else { continue };
        let rule = &asked.rule;
        if loud.contains(&rule.rule_id) {
            alone.push(vec![at]);
            continue;
        }
        let Window { from, to } = asked.stretch;
        let common = Common {
            patterns: &rule.index,
            time: (plan.time_field(), plan.fallback_time_field()),
            stretch: (from.timestamp_millis(), to.timestamp_millis()),
        };
        together.entry(common).or_default().push(at);
    }
    for some in together.into_values() {
        alone.extend(some.chunks(RULES).map(<[_]>::to_vec));
    }
    alone
}

/// Asks all of the questions, in as few requests as may be; those that were too much for one request have no answer.
async fn put(
    cluster: &Cluster,
    rules: &[Asked],
    questions: Vec<Together>,
) -> Result<Vec<(Together, Option<Answer>)>, ElasticError> {
    let mut answered = Vec::with_capacity(questions.len());
    for some in questions.chunks(SEARCHES) {
        let asked: Vec<Existence> = some.iter().filter_map(|together| existence(rules, together)).collect();
        let answers = match cluster.any_matches(&asked).await {
            Ok(found) if found.len() == some.len() => {
                found.into_iter().map(|one| Some(answer(one))).collect()
            }
            Ok(_) => vec![None; some.len()],
            Err(error) if error.retry_after().is_none() && (error.is_too_much() || !error.is_retryable()) => {
                tracing::debug!(%error, "the questions are asked in smaller parts");
                vec![None; some.len()]
            }
            Err(error) => return Err(error),
        };
        answered.extend(some.iter().cloned().zip(answers));
    }
    Ok(answered)
}

fn existence(rules: &[Asked], together: &[usize]) -> Option<Existence> {
    let plans: Vec<&Plan> = together.iter().filter_map(|at| rules[*at].question.plan()).collect();
    let first = &rules[*together.first()?];
    let query = any_of(&plans, first.stretch.from, first.stretch.to);
    let query: Value = serde_json::to_value(query).ok()?;
    Some(Existence { indices: first.rule.index.clone(), query })
}

fn answer(presence: Presence) -> Answer {
    match presence {
        Presence::Nothing => Answer::Quiet,
        Presence::Something => Answer::Loud,
        Presence::Unknown(reason) => {
            tracing::debug!(reason, "not answered in full");
            Answer::Unknown
        }
    }
}

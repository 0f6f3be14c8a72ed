//! Rules that read the same indices are planned from one answer about them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::{Asked, Gone, Open, Ordinary};
use crate::detect::question::{Indices, Question, wanted_fields};
use crate::elastic::{Cluster, ElasticError};

/// Sets of patterns that are asked for at the same time.
const AT_ONCE: usize = 4;

/// Plans each rule; those are left in which anything is out of the ordinary.
pub(super) async fn asked(cluster: &Cluster, rules: Vec<Ordinary>, gone: &mut Gone) -> Vec<Asked> {
    let mut by_patterns: BTreeMap<Vec<String>, Vec<Ordinary>> = BTreeMap::new();
    for ordinary in rules {
        by_patterns.entry(ordinary.rule.index.clone()).or_default().push(ordinary);
    }
    let mut all = Vec::new();
    let mut groups = by_patterns.into_iter();
    loop {
        let some: Vec<_> = groups.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return all;
        }
        let answers = join_all(some.iter().map(|(patterns, rules)| indices(cluster, patterns, rules))).await;
        for ((_, rules), answer) in some.into_iter().zip(answers) {
            match answer {
                Ok(indices) => all.extend(rules.into_iter().filter_map(|rule| planned(rule, &indices, gone))),
                Err(error) => {
                    let rules = rules.into_iter().map(|ordinary| ordinary.rule);
                    gone.stop_at(cluster, rules, &error.to_string(), Some(&error)).await;
                }
            }
        }
    }
}

async fn indices(
    cluster: &Cluster,
    patterns: &[String],
    rules: &[Ordinary],
) -> Result<Indices, ElasticError> {
    let fields: BTreeSet<String> = rules.iter().flat_map(|ordinary| wanted_fields(&ordinary.rule)).collect();
    let fields: Vec<String> = fields.into_iter().collect();
    Indices::ask(cluster, patterns, &fields).await
}

/// A rule that sees all of its data.
fn planned(ordinary: Ordinary, indices: &Indices, gone: &mut Gone) -> Option<Asked> {
    match Question::about(&ordinary.rule, indices) {
        Ok(question) if question.blind().is_none() => Some(Asked { ordinary, question }),
        Ok(_) | Err(_) => {
            gone.open.push(Open::anew(&ordinary.rule));
            None
        }
    }
}

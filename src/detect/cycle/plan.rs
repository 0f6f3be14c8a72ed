//! Rules that read the same indices are planned from one answer about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;

use super::{Gone, Open, Planned};
use crate::detect::question::{Indices, Question, wanted_fields};
use crate::elastic::{Cluster, ElasticError};
use crate::rule::Rule;

/// Sets of patterns that are asked for at the same time.
const AT_ONCE: usize = 4;

/// Plans each rule; those are left in which anything is out of the ordinary.
pub(super) async fn planned(cluster: &Cluster, rules: &[Arc<Rule>], gone: &mut Gone) -> Vec<Planned> {
    let mut by_patterns: BTreeMap<&[String], Vec<&Arc<Rule>>> = BTreeMap::new();
    for rule in rules {
        by_patterns.entry(&rule.index).or_default().push(rule);
    }
    let groups: Vec<_> = by_patterns.into_iter().collect();
    let (mut all, mut lost) = (Vec::new(), None);
    for some in groups.chunks(AT_ONCE) {
        if let Some(error) = &lost {
            let rules = some.iter().flat_map(|(_, rules)| rules.iter().map(|rule| Arc::clone(rule)));
            gone.hinder(rules, &ElasticError::to_string(error), Some(error));
            continue;
        }
        let answers = join_all(some.iter().map(|(patterns, rules)| indices(cluster, patterns, rules))).await;
        for ((_, rules), answer) in some.iter().zip(answers) {
            match answer {
                Ok(indices) => all.extend(rules.iter().filter_map(|rule| one(rule, &indices, gone))),
                Err(error) => {
                    let rules = rules.iter().map(|rule| Arc::clone(rule));
                    if gone.stop_at(cluster, rules, &error.to_string(), Some(&error)).await {
                        lost = Some(error);
                    }
                }
            }
        }
    }
    all
}

async fn indices(
    cluster: &Cluster,
    patterns: &[String],
    rules: &[&Arc<Rule>],
) -> Result<Indices, ElasticError> {
    let fields: BTreeSet<String> = rules.iter().flat_map(|rule| wanted_fields(rule)).collect();
    let fields: Vec<String> = fields.into_iter().collect();
    Indices::ask(cluster, patterns, &fields).await
}

fn one(rule: &Arc<Rule>, indices: &Indices, gone: &mut Gone) -> Option<Planned> {
    match Question::about(rule, indices) {
        Ok(question) if question.unreachable().is_none() => Some((rule.clone(), question)),
        Ok(_) | Err(_) => {
            gone.open.push(Open::anew(rule));
            None
        }
    }
}

//! When rules run, as the settings say it over their files.

use std::sync::Arc;

use anyhow::bail;

use crate::diagnostic::sanitize;
use crate::rule::{Found, Rule, Timing};

/// The rules as they run.
///
/// # Errors
/// A rule is named that is none, or none is left that runs.
pub fn applied(timings: &[Timing], rules: Vec<Arc<Rule>>) -> anyhow::Result<Vec<Arc<Rule>>> {
    let unknown = unknown(timings, rules.iter().map(AsRef::as_ref));
    if !unknown.is_empty() {
        bail!(unknown.join("\n"));
    }
    let timed = rules.into_iter().filter_map(|rule| Timing::applied(timings, Arc::unwrap_or_clone(rule)));
    let timed: Vec<Arc<Rule>> = timed.map(Arc::new).collect();
    if timed.is_empty() {
        bail!(NONE_LEFT);
    }
    Ok(timed)
}

/// The same for what was found anew, in which the rules that are known run as before; and what is wrong with it.
pub fn applied_to_found(timings: &[Timing], found: &mut Found, in_force: &[Arc<Rule>]) -> Vec<String> {
    // What is refused leaves its rule in force.
    let held = if found.refused.is_empty() { &[] } else { in_force };
    let all = found.loaded.rules.iter().chain(found.known.iter().chain(held).map(AsRef::as_ref));
    let mut problems = unknown(timings, all);
    let had_rules = !found.loaded.rules.is_empty() || !found.known.is_empty();
    let read = std::mem::take(&mut found.loaded.rules);
    found.loaded.rules = read.into_iter().filter_map(|rule| Timing::applied(timings, rule)).collect();
    if had_rules && found.loaded.rules.is_empty() && found.known.is_empty() {
        problems.push(NONE_LEFT.to_owned());
    }
    problems
}

const NONE_LEFT: &str = "`schedule` switches every rule off: expected one at least that runs";

/// What is named and is no rule.
fn unknown<'r>(timings: &[Timing], rules: impl Iterator<Item = &'r Rule>) -> Vec<String> {
    let rules: Vec<&Rule> = rules.collect();
    let is_known = |timing: &Timing| timing.is_of_every_rule() || rules.iter().any(|rule| timing.names(rule));
    let unknown = timings.iter().filter(|timing| !is_known(timing));
    let said = |timing: &Timing| {
        format!(
            "`schedule` names `{}`, which is no rule's id or name; `*` is every rule",
            sanitize(timing.named())
        )
    };
    unknown.map(said).collect()
}

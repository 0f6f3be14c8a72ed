//! `stakeout test`: each rule's own examples.

use serde_json::json;

use super::Ending;
use super::args::{Format, TestArgs};
use super::{output, rules};
use crate::diagnostic::{counted, sanitize};
use crate::eval::{Decision, Matcher};
use crate::event::Event;
use crate::rule::{Example, Rule};
use crate::schema::Schema;

/// Runs the examples of the rules and says which clause decided where one fails.
pub fn test(args: &TestArgs, color: bool) -> Ending {
    let rules = match rules::chosen(&args.rules, color) {
        Ok(rules) => rules,
        Err(error) => return Ending::Wrong(error),
    };
    let format = Format::or_fitting(args.format);
    let mut failed = 0;
    let mut total = 0;
    for rule in &rules {
        let results = examples(rule);
        if results.is_empty() {
            output::say(&format!("warning: rule `{}` has no examples to be tried", sanitize(&rule.name)));
        }
        total += results.len();
        failed += results.iter().filter(|result| result.failure.is_some()).count();
        if !tell(rule, &results, format) {
            return Ending::Done;
        }
    }
    let (rules, total) = (counted(rules.len() as u64, "rule"), counted(total as u64, "example"));
    output::say(&format!("{rules}, {total}, {failed} failed"));
    if failed == 0 { Ending::Done } else { Ending::Failed }
}

/// One example's result: none where it came out as it says.
struct Outcome<'a> {
    example: &'a Example,
    failure: Option<String>,
}

fn examples(rule: &Rule) -> Vec<Outcome<'_>> {
    let matcher = Matcher::compile(&rule.query, &Schema::ecs(), &rule.category_field);
    rule.examples
        .iter()
        .map(|example| {
            let event = Event { source: example.event.clone(), ..Event::default() };
            let failure = match &matcher {
                Ok(matcher) if matcher.matches(&event) == example.matches => None,
                Ok(matcher) => Some(because(&matcher.decide(&event))),
                Err(problems) => Some(
                    problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; "),
                ),
            };
            Outcome { example, failure }
        })
        .collect()
}

/// The clause that decided, and what the event holds of its fields.
fn because(decision: &Decision) -> String {
    let values: Vec<String> = decision
        .values
        .iter()
        .map(|(field, values)| match values.as_slice() {
            [] => format!("`{field}` is missing"),
            values => format!("`{field}` is {}", serde_json::Value::from(values.to_vec())),
        })
        .collect();
    let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
    sanitize(&format!("{} because of `{}`{values}", verdict(decision.matches), decision.clause))
}

fn verdict(matches: bool) -> &'static str {
    if matches { "it matches" } else { "it does not match" }
}

/// False where nobody reads any more.
fn tell(rule: &Rule, results: &[Outcome<'_>], format: Format) -> bool {
    if format == Format::Json {
        return results.iter().all(|Outcome { example, failure }| {
            output::json(&json!({"rule_id": rule.rule_id, "rule": rule.name, "example": example.name,
                "matches": example.matches, "passed": failure.is_none(), "reason": failure}))
        });
    }
    let passed = results.iter().filter(|result| result.failure.is_none()).count();
    let mut lines = vec![format!("{}: {passed} of {} examples pass", sanitize(&rule.name), results.len())];
    for Outcome { example, failure } in results {
        if let Some(failure) = failure {
            let expected = verdict(example.matches);
            lines.push(format!(
                "  FAILED `{}`: expected that {expected}, but {failure}",
                sanitize(&example.name)
            ));
        }
    }
    output::result(&lines.join("\n"))
}

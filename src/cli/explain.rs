//! `stakeout explain`: the query as it will be sent, what is left to evaluate here, and why.

use std::time::Duration;

use serde_json::{Value, json};

use super::Ending;
use super::args::{ExplainArgs, Format};
use super::{connect, output, rules, task};
use crate::detect::{Question, Source, look_back, overlap};
use crate::diagnostic::sanitize;
use crate::plan::{Fidelity, Plan};
use crate::rule::Rule;
use crate::schedule;

/// Explains one rule.
pub fn explain(args: &ExplainArgs, color: bool) -> Ending {
    let rule = match rules::find(&args.rule, color) {
        Ok(rule) => rule,
        Err(error) => return Ending::Wrong(error),
    };
    let question =
        if args.offline { Question::offline(&rule).map_err(anyhow::Error::from) } else { ask(args, &rule) };
    match question {
        Ok(question) => tell(&rule, &question, Format::or_fitting(args.format)),
        Err(error) => {
            output::fail(&error);
            Ending::Failed
        }
    }
}

fn ask(args: &ExplainArgs, rule: &Rule) -> anyhow::Result<Question> {
    let source = Source::Cluster(connect::cluster(&args.connection)?);
    Ok(task::runtime()?.block_on(source.prepare(rule))?)
}

fn tell(rule: &Rule, question: &Question, format: Format) -> Ending {
    for pattern in &question.indices_missing {
        output::say(&format!("warning: no index matches `{pattern}`"));
    }
    let Some(plan) = question.plan() else {
        output::say(
            "warning: no index matches, so nothing would be sent; shown is the query for the types of ECS",
        );
        return match Question::offline(rule) {
            Ok(offline) => tell(rule, &offline, format),
            Err(error) => Ending::Wrong(error.into()),
        };
    };
    let now = schedule::utc_now();
    let query = serde_json::to_value(plan.window(now - look_back(rule), now)).unwrap_or_default();
    let shown = match format {
        Format::Json => output::json(&line(rule, plan, &query)),
        Format::Human => output::result(&words(rule, plan, &query)),
    };
    let _ = shown;
    Ending::Done
}

fn line(rule: &Rule, plan: &Plan, query: &Value) -> Value {
    json!({
        "rule_id": rule.rule_id,
        "indices": rule.index,
        "query": query,
        "residual": residual(plan),
        "fidelity": fidelity(plan),
        "time_field": rule.time.primary,
        "fallback_time_field": rule.time.fallback,
        "overlap_s": overlap(rule).num_seconds(),
        "identity": rule.identity,
    })
}

fn fidelity(plan: &Plan) -> &'static str {
    match plan.pushed().fidelity {
        Fidelity::Exact => "exact",
        Fidelity::Superset => "superset",
    }
}

/// The clauses that Elasticsearch is not asked exactly.
fn residual(plan: &Plan) -> Option<Vec<String>> {
    plan.residual().map(|_| {
        plan.leaves()
            .iter()
            .filter(|leaf| leaf.fidelity == Fidelity::Superset)
            .map(|leaf| leaf.text.clone())
            .collect()
    })
}

fn words(rule: &Rule, plan: &Plan, query: &Value) -> String {
    let body = serde_json::to_string_pretty(&json!({"query": query})).unwrap_or_default();
    let mut lines = vec![
        format!("# {} ({})", sanitize(&rule.name), rule.rule_id),
        format!(
            "# every {}, each time over the last {}",
            length(rule.schedule.interval),
            length(rule.schedule.look_back)
        ),
        format!("# time: {}{}", rule.time.primary, fallback(rule)),
        format!("# one alert for each {}", identity(rule)),
    ];
    for leaf in plan.leaves() {
        let place = match leaf.fidelity {
            Fidelity::Exact => "asked",
            Fidelity::Superset => "asked loosely, then evaluated here",
        };
        lines.push(format!("# {place}: {} ({})", one_line(&leaf.text), leaf.reason));
    }
    lines.push(format!("POST {}/_search", rule.index.join(",")));
    lines.push(body);
    lines.join("\n")
}

/// A clause as written, but on one line, as a comment of Kibana's Dev Tools ends with its line.
fn one_line(clause: &str) -> String {
    let lines: Vec<&str> = clause.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    sanitize(&lines.join(" "))
}

fn fallback(rule: &Rule) -> String {
    rule.time
        .fallback
        .as_deref()
        .map_or(String::new(), |field| format!(", where a document lacks it {field}"))
}

fn identity(rule: &Rule) -> String {
    if rule.identity.is_empty() { "document (index and _id)".to_owned() } else { rule.identity.join(" + ") }
}

fn length(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_clause_of_several_lines_stays_in_its_comment() {
        assert_eq!(one_line("a : (\r\n  \"x\",\n\n  \"y\"\n)"), "a : ( \"x\", \"y\" )");
    }
}

//! `stakeout scan`: rules, or one query, over files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::args::{Format, ScanArgs};
use super::pipes::Pipes;
use super::{Ending, output, rules};
use crate::diagnostic::{Diagnostic, render, sanitize};
use crate::eql::Query;
use crate::eval::Matcher;
use crate::local::{EventFiles, Located, ReadProblem};
use crate::schema::Schema;

/// Unreadable lines that are shown one by one.
const SHOWN_PROBLEMS: u64 = 20;

/// One rule or query, ready to be tried on events.
struct Search {
    rule_id: Option<String>,
    name: String,
    matcher: Matcher,
}

/// What a scan came to.
#[derive(Default)]
struct Totals {
    events: u64,
    matches: u64,
    problems: u64,
}

/// Prints every event of the files that a rule or the query matches.
pub fn scan(args: &ScanArgs, color: bool) -> Ending {
    match searches(args, color) {
        Ok((searches, pipes)) => go(args, &searches, pipes),
        Err(error) => Ending::Wrong(error),
    }
}

fn searches(args: &ScanArgs, color: bool) -> anyhow::Result<(Vec<Search>, Option<Pipes>)> {
    let schema = schema(args.mapping.as_deref())?;
    let Some(text) = &args.eql else {
        let rules = rules::load(&args.rules.rules, color)?;
        let search = |rule: &Arc<crate::rule::Rule>| {
            let matcher = Matcher::compile(&rule.query, &schema, &rule.category_field);
            let matcher =
                matcher.map_err(|problems| refused(&rule.origin, &rule.query.text, &problems, color))?;
            Ok(Search { rule_id: Some(rule.rule_id.clone()), name: rule.name.clone(), matcher })
        };
        return Ok((rules.iter().map(search).collect::<anyhow::Result<_>>()?, None));
    };
    let query = Query::parse(text).map_err(|problems| refused("--eql", text, &problems, color))?;
    let matcher = Matcher::compile(&query, &schema, &args.event_category_field);
    let matcher = matcher.map_err(|problems| refused("--eql", text, &problems, color))?;
    let pipes = Pipes::new(&query.pipes, &args.timestamp_field);
    Ok((vec![Search { rule_id: None, name: text.clone(), matcher }], pipes))
}

fn schema(mapping: Option<&Path>) -> anyhow::Result<Schema> {
    let Some(path) = mapping else { return Ok(Schema::ecs()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("the mapping `{shown}`"))?;
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("the mapping `{shown}` is not JSON"))?;
    Schema::from_mapping(&value).map_err(|reason| anyhow!("the mapping `{shown}`: {reason}"))
}

fn refused(origin: &str, text: &str, problems: &[Diagnostic], color: bool) -> anyhow::Error {
    let shown: Vec<String> = problems.iter().map(|problem| render(problem, origin, text, color)).collect();
    anyhow!("the query cannot be used\n{}", shown.join("\n\n"))
}

fn go(args: &ScanArgs, searches: &[Search], mut pipes: Option<Pipes>) -> Ending {
    let format = Format::or_fitting(args.format);
    let mut totals = Totals::default();
    for found in EventFiles::new(args.paths.clone()).read() {
        let located = match found {
            Ok(located) => located,
            Err(problem) => {
                totals.note(&problem);
                continue;
            }
        };
        totals.events += 1;
        for search in searches.iter().filter(|search| search.matcher.matches(&located.event)) {
            totals.matches += 1;
            if let Some(pipes) = &mut pipes {
                pipes.take(&located, line(search, &located, format));
            } else if !output::result(&line(search, &located, format)) {
                return Ending::Done;
            }
        }
    }
    if let Some(pipes) = pipes {
        let lines = pipes.lines();
        totals.matches = lines.len() as u64;
        if !lines.iter().all(|line| output::result(line)) {
            return Ending::Done;
        }
    }
    totals.tell()
}

fn line(search: &Search, located: &Located, format: Format) -> String {
    let path = located.path.display().to_string();
    match format {
        Format::Json => {
            json!({"rule_id": search.rule_id, "rule": search.name, "path": path, "line": located.line,
            "event": located.event.source})
            .to_string()
        }
        Format::Human => {
            let event = Value::Object(located.event.source.clone());
            sanitize(&format!("{path}:{}: {}: {event}", located.line, search.name))
        }
    }
}

impl Totals {
    fn note(&mut self, problem: &ReadProblem) {
        self.problems += 1;
        if self.problems <= SHOWN_PROBLEMS {
            output::say(&format!("warning: {problem}"));
        }
    }

    fn tell(&self) -> Ending {
        let Self { events, matches, problems } = self;
        if *problems > SHOWN_PROBLEMS {
            output::say(&format!("warning: … and {} more that could not be read", problems - SHOWN_PROBLEMS));
        }
        output::say(&format!("{events} events, {matches} matches, {problems} not read"));
        if *problems == 0 { Ending::Done } else { Ending::Failed }
    }
}

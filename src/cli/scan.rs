//! `stakeout scan`: rules, or one query, over files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde_json::Value;

use super::args::ScanArgs;
use super::hit::{Finder, Hit, Hits};
use super::look::Look;
use super::pipes::Pipes;
use super::{Ending, output, rules};
use crate::diagnostic::{Diagnostic, render};
use crate::eql::Query;
use crate::eval::Matcher;
use crate::local::{EventFiles, ReadProblem};
use crate::schedule;
use crate::schema::Schema;

/// Unreadable lines that are shown one by one.
const SHOWN_PROBLEMS: u64 = 20;

/// One rule or query, ready to be tried on events.
struct Search {
    finder: Finder,
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
pub fn scan(args: &ScanArgs, color: bool, look: Look) -> Ending {
    let hits = || Hits::new(args, look, schedule::utc_now());
    match searches(args, color).and_then(|(searches, pipes)| Ok((searches, pipes, hits()?))) {
        Ok((searches, pipes, hits)) => go(args, &searches, pipes, hits),
        Err(error) => Ending::Wrong(error),
    }
}

fn searches(args: &ScanArgs, color: bool) -> anyhow::Result<(Vec<Search>, Option<Pipes<Hit>>)> {
    let schema = schema(args.mapping.as_deref())?;
    let Some(text) = &args.eql else {
        let rules = rules::load(&args.rules.rules, color)?;
        let search = |rule: &Arc<crate::rule::Rule>| {
            let matcher = Matcher::compile(&rule.query, &schema, &rule.category_field);
            let matcher =
                matcher.map_err(|problems| refused(&rule.origin, &rule.query.text, &problems, color))?;
            Ok(Search { finder: Finder::rule(rule), matcher })
        };
        return Ok((rules.iter().map(search).collect::<anyhow::Result<_>>()?, None));
    };
    let query = Query::parse(text).map_err(|problems| refused("--eql", text, &problems, color))?;
    let matcher = Matcher::compile(&query, &schema, &args.event_category_field);
    let matcher = matcher.map_err(|problems| refused("--eql", text, &problems, color))?;
    let pipes = Pipes::new(&query.pipes, &args.timestamp_field);
    Ok((vec![Search { finder: Finder::Query(text.clone()), matcher }], pipes))
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

fn go(args: &ScanArgs, searches: &[Search], mut pipes: Option<Pipes<Hit>>, mut hits: Hits) -> Ending {
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
            let hit = hits.hit(&search.finder, &located);
            if let Some(pipes) = &mut pipes {
                pipes.take(&located, hit);
            } else if !hits.show(hit) {
                return Ending::Done;
            }
        }
    }
    if let Some(pipes) = pipes {
        let through = pipes.through();
        totals.matches = through.len() as u64;
        if !through.into_iter().all(|hit| hits.show(hit)) {
            return Ending::Done;
        }
    }
    if args.shown.guide && !hits.show_guides(searches.iter().filter_map(Search::rule)) {
        return Ending::Done;
    }
    let is_written = hits.finish(totals.not_read());
    let ending = totals.tell();
    if is_written { ending } else { Ending::Failed }
}

impl Search {
    fn rule(&self) -> Option<Arc<crate::rule::Rule>> {
        match &self.finder {
            Finder::Rule(rule, _) => Some(rule.clone()),
            Finder::Query(_) => None,
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

    /// Why matches may lack.
    fn not_read(&self) -> Vec<String> {
        let shown = format!("{} lines or files could not be read; each was named on stderr", self.problems);
        (self.problems > 0).then_some(shown).into_iter().collect()
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

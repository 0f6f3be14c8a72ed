//! `stakeout scan`: rules, or one query, over files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::Value;

use super::args::ScanArgs;
use super::hit::{Finder, Hit, Hits};
use super::look::Look;
use super::pipes::Pipes;
use super::progress::ScanBar;
use super::{Ending, output, rules};
use crate::bounded;
use crate::detect::{search_all_for, search_for};
use crate::diagnostic::{Diagnostic, render};
use crate::eql::Query;
use crate::eval::{Matcher, MatcherSet};
use crate::local::{self, EventFiles, Next, ReadProblem, Searching, Tally};
use crate::schedule;
use crate::schema::Schema;

/// Unreadable lines that are shown one by one.
const SHOWN_PROBLEMS: u64 = 20;

/// The largest mapping; one of ten thousand fields has a megabyte.
const MAX_MAPPING: u64 = 16 << 20;

/// How long nothing is found before the progress is shown anew.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is looked for: what finds, and a matcher for each of them.
struct Wanted {
    finders: Vec<Finder>,
    set: Arc<MatcherSet>,
    pipes: Option<Pipes<Hit>>,
}

/// What a scan came to.
#[derive(Default)]
struct Totals {
    matches: u64,
    problems: u64,
}

/// Prints every event of the files that a rule or the query matches.
pub fn scan(args: &ScanArgs, color: bool, look: Look) -> Ending {
    let hits = || Hits::new(args, look, schedule::utc_now());
    match wanted(args, color).and_then(|wanted| Ok((wanted, hits()?))) {
        Ok((wanted, hits)) => go(args, wanted, hits),
        Err(error) => Ending::Wrong(error),
    }
}

fn wanted(args: &ScanArgs, color: bool) -> anyhow::Result<Wanted> {
    let schema = schema(args.mapping.as_deref())?;
    let Some(text) = &args.eql else {
        let rules = rules::load(&args.rules.rules, color)?;
        let matcher = |rule: &Arc<crate::rule::Rule>| {
            let matcher = Matcher::compile(&rule.query, &schema, &rule.category_field);
            matcher.map_err(|problems| refused(&rule.origin, &rule.query.text, &problems, color))
        };
        let matchers = rules.iter().map(matcher).collect::<anyhow::Result<_>>()?;
        let finders = rules.iter().map(Finder::rule).collect();
        return Ok(Wanted { finders, set: Arc::new(MatcherSet::new(matchers)), pipes: None });
    };
    let query = Query::parse(text).map_err(|problems| refused("--eql", text, &problems, color))?;
    let matcher = Matcher::compile(&query, &schema, &args.event_category_field);
    let matcher = matcher.map_err(|problems| refused("--eql", text, &problems, color))?;
    let pipes = Pipes::new(&query.pipes, &args.timestamp_field);
    let finders = vec![Finder::Query(text.clone())];
    Ok(Wanted { finders, set: Arc::new(MatcherSet::new(vec![matcher])), pipes })
}

fn schema(mapping: Option<&Path>) -> anyhow::Result<Schema> {
    let Some(path) = mapping else { return Ok(Schema::ecs()) };
    let shown = path.display();
    let text = bounded::read_text(path, MAX_MAPPING).with_context(|| format!("the mapping `{shown}`"))?;
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("the mapping `{shown}` is not JSON"))?;
    Schema::from_mapping(&value).map_err(|reason| anyhow!("the mapping `{shown}`: {reason}"))
}

fn refused(origin: &str, text: &str, problems: &[Diagnostic], color: bool) -> anyhow::Error {
    let shown: Vec<String> = problems.iter().map(|problem| render(problem, origin, text, color)).collect();
    anyhow!("the query cannot be used\n{}", shown.join("\n\n"))
}

fn go(args: &ScanArgs, wanted: Wanted, mut hits: Hits) -> Ending {
    let Wanted { finders, set, mut pipes } = wanted;
    let mut totals = Totals::default();
    let search = if args.every_line { search_all_for(&set) } else { search_for(&set) };
    let mut searching = EventFiles::new(args.paths.clone()).search(&Arc::new(search));
    let bar = ScanBar::new();
    while let Some(found) = next(&mut searching, &bar, &totals) {
        let local::Hit { located, rules } = match found {
            Ok(hit) => hit,
            Err(problem) => {
                bar.suspend(|| totals.note(&problem));
                continue;
            }
        };
        if let Some(remark) = located.remark() {
            bar.suspend(|| output::say(&format!("warning: {remark}")));
        }
        for finder in rules.iter().filter_map(|rule| finders.get(*rule)) {
            totals.matches += 1;
            let hit = hits.hit(finder, &located);
            if let Some(pipes) = &mut pipes {
                pipes.take(&located, hit);
            } else if !bar.suspend(|| hits.show(hit)) {
                return Ending::Done;
            }
        }
    }
    bar.finish();
    if let Some(pipes) = pipes {
        let through = pipes.through();
        totals.matches = through.len() as u64;
        if !through.into_iter().all(|hit| hits.show(hit)) {
            return Ending::Done;
        }
    }
    if args.shown.guide && !hits.show_guides(finders.iter().filter_map(rule)) {
        return Ending::Done;
    }
    let is_written = hits.finish(totals.not_read());
    let ending = totals.tell(searching.tally());
    if is_written { ending } else { Ending::Failed }
}

/// The next find, however long it takes; the progress is shown in the meantime.
fn next(
    searching: &mut Searching,
    bar: &ScanBar,
    totals: &Totals,
) -> Option<Result<local::Hit, ReadProblem>> {
    loop {
        match searching.next_within(PATIENCE) {
            Next::Found(found) => return Some(*found),
            Next::End => return None,
            Next::Waiting => bar.show(searching.bytes(), searching.tally(), totals.matches),
        }
    }
}

fn rule(finder: &Finder) -> Option<Arc<crate::rule::Rule>> {
    match finder {
        Finder::Rule(rule, _) => Some(rule.clone()),
        Finder::Query(_) => None,
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

    fn tell(&self, tally: Tally) -> Ending {
        let Self { matches, problems } = self;
        let Tally { events, passed_over } = tally;
        if *problems > SHOWN_PROBLEMS {
            output::say(&format!("warning: … and {} more that could not be read", problems - SHOWN_PROBLEMS));
        }
        let rest = match passed_over {
            0 => String::new(),
            number => {
                format!("; {number} of the events passed over, since they hold nothing that is looked for")
            }
        };
        output::say(&format!(
            "{} events, {matches} matches, {problems} not read{rest}",
            events + passed_over
        ));
        if *problems == 0 { Ending::Done } else { Ending::Failed }
    }
}

//! `stakeout scan`: rules, or one query, over files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::args::{Format, ScanArgs};
use super::pipes::Pipes;
use super::progress::ScanBar;
use super::{Ending, output, rules};
use crate::detect::{search_all_for, search_for};
use crate::diagnostic::{Diagnostic, render, sanitize};
use crate::eql::Query;
use crate::eval::{Matcher, MatcherSet};
use crate::local::{EventFiles, Hit, Located, Next, ReadProblem, Searching, Tally};
use crate::schema::Schema;

/// Unreadable lines that are shown one by one.
const SHOWN_PROBLEMS: u64 = 20;

/// How long nothing is found before the progress is shown anew.
const PATIENCE: Duration = Duration::from_millis(200);

/// One rule or query, as finds name it.
struct Sought {
    rule_id: Option<String>,
    name: String,
}

/// What a scan came to.
#[derive(Default)]
struct Totals {
    matches: u64,
    problems: u64,
}

/// Prints every event of the files that a rule or the query matches.
pub fn scan(args: &ScanArgs, color: bool) -> Ending {
    match wanted(args, color) {
        Ok(wanted) => go(args, wanted),
        Err(error) => Ending::Wrong(error),
    }
}

/// What is looked for: names, and a matcher for each of them.
struct Wanted {
    sought: Vec<Sought>,
    set: Arc<MatcherSet>,
    pipes: Option<Pipes>,
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
        let name = |rule: &Arc<crate::rule::Rule>| Sought {
            rule_id: Some(rule.rule_id.clone()),
            name: rule.name.clone(),
        };
        let set = Arc::new(MatcherSet::new(matchers));
        return Ok(Wanted { sought: rules.iter().map(name).collect(), set, pipes: None });
    };
    let query = Query::parse(text).map_err(|problems| refused("--eql", text, &problems, color))?;
    let matcher = Matcher::compile(&query, &schema, &args.event_category_field);
    let matcher = matcher.map_err(|problems| refused("--eql", text, &problems, color))?;
    let pipes = Pipes::new(&query.pipes, &args.timestamp_field);
    let sought = vec![Sought { rule_id: None, name: text.clone() }];
    Ok(Wanted { sought, set: Arc::new(MatcherSet::new(vec![matcher])), pipes })
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

fn go(args: &ScanArgs, wanted: Wanted) -> Ending {
    let Wanted { sought, set, mut pipes } = wanted;
    let format = Format::or_fitting(args.format);
    let mut totals = Totals::default();
    let search = if args.every_line { search_all_for(&set) } else { search_for(&set) };
    let mut searching = EventFiles::new(args.paths.clone()).search(&Arc::new(search));
    let bar = ScanBar::new();
    while let Some(found) = next(&mut searching, &bar, &totals) {
        let Hit { located, rules } = match found {
            Ok(hit) => hit,
            Err(problem) => {
                bar.suspend(|| totals.note(&problem));
                continue;
            }
        };
        for sought in rules.iter().filter_map(|rule| sought.get(*rule)) {
            totals.matches += 1;
            let line = line(sought, &located, format);
            match &mut pipes {
                Some(pipes) => pipes.take(&located, line),
                None if bar.suspend(|| output::result(&line)) => {}
                None => return Ending::Done,
            }
        }
    }
    bar.finish();
    if let Some(pipes) = pipes {
        let lines = pipes.lines();
        totals.matches = lines.len() as u64;
        if !lines.iter().all(|line| output::result(line)) {
            return Ending::Done;
        }
    }
    totals.tell(searching.tally())
}

/// The next find, however long it takes; the progress is shown in the meantime.
fn next(searching: &mut Searching, bar: &ScanBar, totals: &Totals) -> Option<Result<Hit, ReadProblem>> {
    loop {
        match searching.next_within(PATIENCE) {
            Next::Found(found) => return Some(*found),
            Next::End => return None,
            Next::Waiting => bar.show(searching.bytes(), searching.tally(), totals.matches),
        }
    }
}

fn line(sought: &Sought, located: &Located, format: Format) -> String {
    let path = located.path.display().to_string();
    match format {
        Format::Json => {
            json!({"rule_id": sought.rule_id, "rule": sought.name, "path": path, "line": located.line,
            "event": located.event.source})
            .to_string()
        }
        Format::Human => {
            let event = Value::Object(located.event.source.clone());
            sanitize(&format!("{path}:{}: {}: {event}", located.line, sought.name))
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

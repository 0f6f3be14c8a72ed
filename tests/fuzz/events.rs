//! Any file of events is read, whatever stands in it, and searching it finds what reading it finds.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use stakeout::detect::search_for;
use stakeout::eql::Query;
use stakeout::eval::{Matcher, MatcherSet};
use stakeout::local::{EventFiles, Located};
use stakeout::rule::{EVENT_CATEGORY, Rule, embedded};
use stakeout::schema::Schema;

use super::mutate::mutated_structure;
use super::run::fuzz;
use super::said::assert_is_a_line;

/// Few events of every form: lines of the integration and of Filebeat, `CloudTrail`'s own files and single records.
fn texts() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events/instance-sign-in");
    let file = |name: &str| fs::read_to_string(folder.join(name)).expect("samples");
    let some =
        |text: &str, from: usize| text.lines().skip(from).take(2).collect::<Vec<_>>().join("\n") + "\n";
    let (integration, filebeat) = (file("integration.ndjson"), file("filebeat.ndjson"));
    let cloudtrail = file("cloudtrail.json");
    let whole: serde_json::Value = serde_json::from_str(&cloudtrail).expect("JSON");
    let records = whole["Records"].as_array().expect("records");
    let lines = (0..10).step_by(2).flat_map(|from| [some(&integration, from), some(&filebeat, from)]);
    let single = records.iter().map(|record| format!("{record}\n"));
    lines.chain(single).chain([cloudtrail]).filter(|text| !text.trim().is_empty()).collect()
}

/// The built-in rules, and a query that many of the events match.
pub fn matchers() -> Vec<Matcher> {
    let rules: Vec<Rule> = embedded().expect("the rules").rules;
    let any = Query::parse("any where event.action : \"*Login*\"").expect("a query");
    let compiled =
        |query: &Query, category: &str| Matcher::compile(query, &Schema::ecs(), category).expect("a matcher");
    let of_rules = rules.iter().map(|rule| compiled(&rule.query, &rule.category_field));
    of_rules.chain([compiled(&any, EVENT_CATEGORY)]).collect()
}

/// What is found by trying every event; what could not be read is told in a line each.
pub fn plainly(files: &EventFiles, matchers: &[Matcher]) -> Vec<Located> {
    let mut found = Vec::new();
    for next in files.read() {
        match next {
            Ok(located) if matchers.iter().any(|matcher| matcher.matches(&located.event)) => {
                found.push(located);
            }
            Ok(_) => {}
            Err(problem) => assert_is_a_line(&problem.to_string()),
        }
    }
    found
}

/// What a search finds.
pub fn searched(files: &EventFiles, set: &Arc<MatcherSet>) -> Vec<Located> {
    files.search(&Arc::new(search_for(set))).filter_map(|next| next.ok().map(|hit| hit.located)).collect()
}

#[test]
fn any_file_of_events_is_read_and_searched_alike() {
    let (texts, matchers) = (texts(), matchers());
    let set = Arc::new(MatcherSet::new(matchers.clone()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events");
    let hits = Cell::new(0);
    let tried = fuzz(
        250,
        |random| mutated_structure(&texts, random),
        |text| {
            fs::write(&path, text).expect("a file");
            let files = EventFiles::new([path.clone()]);
            let found = plainly(&files, &matchers);
            hits.set(hits.get() + usize::from(!found.is_empty()));
            assert_eq!(found, searched(&files, &set));
        },
    );
    assert!(hits.get() * 20 > tried, "only {} of {tried} files held a match", hits.get());
}

//! A real node as the judge of EQL: the table's cases, and random expressions over random documents.

#[path = "eql/cases.rs"]
mod cases;
#[path = "eql/generate/mod.rs"]
mod generate;
mod support;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use stakeout::eql::{Query, Regex};
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::plan::{Input, Plan};
use stakeout::schema::Schema;
use support::{Cluster, OwnNode};

/// How many searches go out in one request.
const BATCH: usize = 100;

/// How many random queries one set of documents is asked.
const ROUND: usize = 1000;

/// How many random queries are asked unless `STAKEOUT_TEST_TRIALS` says otherwise.
const TRIALS: usize = 2000;

/// Makes an index of these types and puts the events into it that name it.
fn fill(node: &Cluster, index: &str, properties: &Json, events: &[Event]) {
    let body = json!({
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {"dynamic": false, "properties": properties}
    });
    node.put(&format!("/{index}"), &body);
    let here = events.iter().filter(|event| event.index == index);
    node.bulk(index, here.map(|event| (event.id.clone(), Json::Object(event.source.clone()))));
    node.refresh(index);
}

/// What each plan's query returns, with the fields that its residual reads.
fn search(node: &Cluster, index: &str, plans: &[Plan]) -> Vec<Vec<Event>> {
    let body = |plan: &Plan| {
        json!({
            "size": 1000, "_source": false, "query": plan.pushed().query, "fields": plan.fields()
        })
    };
    let answers = node.multi_search(index, &plans.iter().map(body).collect::<Vec<_>>());
    answers.iter().zip(plans).map(|(answer, plan)| hits(answer, plan)).collect()
}

fn hits(response: &Json, plan: &Plan) -> Vec<Event> {
    let query = serde_json::to_string(&plan.pushed().query).expect("JSON");
    let hits = response["hits"]["hits"].as_array().unwrap_or_else(|| panic!("{query}: {response}"));
    assert_eq!(response["_shards"]["failed"], json!(0), "{query}: {response}");
    let event = |hit: &Json| Event {
        index: hit["_index"].as_str().expect("a name").to_owned(),
        id: hit["_id"].as_str().expect("an id").to_owned(),
        fields: hit["fields"].as_object().cloned().unwrap_or_default(),
        ..Event::default()
    };
    hits.iter().map(event).collect()
}

fn plan(query: &Query, schema: &Schema, allow_expensive: bool) -> Plan {
    let patterns = ["*".to_owned()];
    let input = Input {
        query,
        schema,
        patterns: &patterns,
        category_field: "event.category",
        time_field: "@timestamp",
        fallback_time_field: None,
        allow_expensive,
    };
    Plan::new(&input).unwrap_or_else(|problems| panic!("{}: {problems:?}", query.text))
}

/// The ids of what is found and of what the residual leaves of it.
fn kept(found: &[Event], plan: &Plan) -> BTreeSet<String> {
    let keeps = |event: &&Event| plan.residual().is_none_or(|residual| residual.matches(event));
    found.iter().filter(keeps).map(|event| event.id.clone()).collect()
}

/// The ids of the events that the evaluator finds.
fn evaluated(query: &Query, schema: &Schema, events: &[Event]) -> BTreeSet<String> {
    let matcher = Matcher::compile(query, schema, "event.category").expect("a matcher");
    events.iter().filter(|event| matcher.matches(event)).map(|event| event.id.clone()).collect()
}

#[test]
fn a_node_and_the_evaluator_select_what_the_table_says() {
    let Some(node) = Cluster::connect() else { return };
    let mut wrong = Vec::new();
    for (number, group) in cases::groups().into_iter().enumerate() {
        let index = node.name(&format!("table{number}"));
        let mut properties: Map<String, Json> = group
            .fields
            .iter()
            .map(|(name, kind)| (name.clone(), property(kind.as_str().expect("a type"))))
            .collect();
        properties.insert("@timestamp".into(), property("date"));
        fill(&node, &index, &Json::Object(properties), &group.events(&index));
        let schema = group.schema(&index);
        let events = group.events(&index);
        for chunk in group.cases.chunks(BATCH) {
            let queries: Vec<Query> =
                chunk.iter().map(|(case, _)| Query::parse(&cases::query(case)).expect("a query")).collect();
            let plans: Vec<Plan> = queries.iter().map(|query| plan(query, &schema, true)).collect();
            let answers = search(&node, &index, &plans);
            for ((((case, expected), query), plan), found) in
                chunk.iter().zip(&queries).zip(&plans).zip(answers)
            {
                let expected: BTreeSet<_> = expected.split_whitespace().map(str::to_owned).collect();
                for (who, found) in
                    [("node", kept(&found, plan)), ("evaluator", evaluated(query, &schema, &events))]
                {
                    if found != expected {
                        wrong.push(format!("{}: {case}: expected {expected:?}, {who} {found:?}", group.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn property(kind: &str) -> Json {
    match kind {
        "text" => json!({"type": "text", "fields": {"keyword": {"type": "keyword"}}}),
        kind => json!({"type": kind}),
    }
}

#[test]
fn a_node_and_the_evaluator_agree_on_random_queries() {
    let Some(node) = Cluster::connect() else { return };
    let (trials, seed, mut runner) = randomness();
    let wrong: Vec<String> =
        (0..trials.div_ceil(ROUND)).flat_map(|_| round(&node, &mut runner, true)).collect();
    report("queries", trials, seed, &wrong);
}

#[test]
fn a_node_that_answers_no_expensive_queries_is_asked_none() {
    let Some(node) = OwnNode::start() else { return };
    let node = Cluster::at(node.client().clone());
    let setting = json!({"persistent": {"search": {"allow_expensive_queries": false}}});
    node.put("/_cluster/settings", &setting);
    let (_, seed, mut runner) = randomness();
    let wrong = round(&node, &mut runner, false);
    report("queries", ROUND, seed, &wrong);
}

/// Asks many random queries of one random set of documents, and says where node and evaluator differ.
fn round(node: &Cluster, runner: &mut TestRunner, allow_expensive: bool) -> Vec<String> {
    let (one, two) = (node.name("one"), node.name("two"));
    let events = random_events(runner, &one, &two);
    let schema = generate::schema(&one, &two);
    for (index, only_here) in [(&one, true), (&two, false)] {
        fill(node, index, &properties(only_here), &events);
    }
    let by_id: HashMap<&str, &Event> = events.iter().map(|event| (event.id.as_str(), event)).collect();
    let mut wrong = Vec::new();
    for _ in 0..ROUND / BATCH {
        let queries: Vec<Query> = (0..BATCH)
            .map(|_| generate::query().new_tree(runner).expect("a query").current())
            .map(|text| Query::parse(&text).expect("a query"))
            .collect();
        let plans: Vec<Plan> = queries.iter().map(|query| plan(query, &schema, allow_expensive)).collect();
        let answers = search(node, &format!("{one},{two}"), &plans);
        for ((query, plan), found) in queries.iter().zip(&plans).zip(&answers) {
            let kept = kept(found, plan);
            if let Some(id) = evaluated(query, &schema, &events).symmetric_difference(&kept).next() {
                let pushed = serde_json::to_string(&plan.pushed().query).expect("JSON");
                wrong.push(format!("{}\n  {pushed}\n  {:?}", query.text, by_id[id.as_str()]));
            }
        }
    }
    node.delete(&format!("/{one},{two}"));
    wrong
}

/// How many trials, by which seed, and the source of randomness.
fn randomness() -> (usize, usize, TestRunner) {
    let number = |name: &str| support::setting(name).map(|text| text.parse().expect("a number"));
    let trials = number("STAKEOUT_TEST_TRIALS").unwrap_or(TRIALS);
    let seed: usize = number("STAKEOUT_TEST_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    (trials, seed, TestRunner::new_with_rng(Config::default(), rng))
}

/// Says how many trials went well; panics with the first few that did not.
fn report(what: &str, trials: usize, seed: usize, wrong: &[String]) {
    let first = wrong[..wrong.len().min(5)].join("\n");
    assert!(wrong.is_empty(), "seed {seed}: {} of {trials} {what} differ:\n{first}", wrong.len());
    // Not by `println!`, which the test harness swallows for a test that passes.
    writeln!(std::io::stderr(), "{trials} random {what}, seed {seed}: none differs").expect("stderr");
}

fn random_events(runner: &mut TestRunner, one: &str, two: &str) -> Vec<Event> {
    let event = |number: usize| {
        let mut event = generate::event().new_tree(runner).expect("an event").current();
        event.id = number.to_string();
        event.index = if event.index == "one" { one.to_owned() } else { two.to_owned() };
        event
    };
    (0..120).map(event).collect()
}

/// The mapping that the generated schema describes.
fn properties(only_here: bool) -> Json {
    let mut properties = json!({
        "k": {"type": "keyword"}, "w": {"type": "keyword"}, "n": {"type": "long"},
        "m": {"type": "integer"}, "o": {"properties": {"k": {"type": "keyword"}}}, "f": {"type": "double"},
        "b": {"type": "boolean"}, "d": {"type": "date"}, "i": {"type": "ip"}, "@timestamp": {"type": "date"},
        "event": {"properties": {"category": {"type": "keyword"}}}
    });
    properties["t"] = if only_here { json!({"type": "keyword"}) } else { property("text") };
    if only_here {
        properties["only"] = json!({"type": "keyword"});
    }
    properties
}

/// Values and patterns of these pieces; of letters outside ASCII only such as have no other case, which Elasticsearch 9
/// ignores and 8 does not.
const PIECES: [&str; 44] = [
    "a", "b", "A", "B", "0", "1", "9", "日", "-", ".", ".", ".*", "?", "*", "+", "{1}", "{0,2}", "{2,}", "{",
    "|", "|", "(", "(", ")", ")", "[", "[^", "]", "]", "~", "&", "@", "#", "\"", "<1-10>", "<01-10>", "<",
    "\\d", "\\W", "\\.", "\\", "$", "(a|b)", "[a-b1]",
];

fn random_text(runner: &mut TestRunner, pieces: &[&'static str], most: usize) -> String {
    let pieces = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..most);
    pieces.new_tree(runner).expect("pieces").current().concat()
}

#[test]
fn a_node_and_the_evaluator_agree_on_random_regular_expressions() {
    let Some(node) = Cluster::connect() else { return };
    let (trials, seed, mut runner) = randomness();
    let values: BTreeSet<String> = (0..150)
        .map(|_| {
            random_text(
                &mut runner,
                &["a", "b", "A", "1", "0", "10", "日", "-", ".", "&", "\"", "\n", "|"],
                6,
            )
        })
        .collect();
    let index = node.name("regex");
    node.put(&format!("/{index}"), &json!({"mappings": {"properties": {"k": property("keyword")}}}));
    node.bulk(&index, values.iter().map(|value| json!({"k": value})));
    node.refresh(&index);
    let (mut wrong, mut used) = (Vec::new(), 0);
    for _ in 0..trials.div_ceil(BATCH) {
        let patterns: Vec<(String, bool)> = (0..BATCH)
            .map(|number| (random_text(&mut runner, &PIECES, 10), number % 2 == 0))
            // Whether an escape begins a range, as in `[\.-z]`, differs between Elasticsearch 8 and 9.
            .filter(|(pattern, _)| !pattern.contains("\\.-") && !pattern.contains("\\-"))
            .collect();
        let bodies: Vec<Json> = patterns
            .iter()
            .map(|(pattern, folds)| {
                json!({"size": 1000, "fields": ["k"], "_source": false,
                "query": {"regexp": {"k": {"value": pattern, "flags": "ALL", "case_insensitive": folds}}}})
            })
            .collect();
        for ((pattern, folds), answer) in patterns.iter().zip(node.multi_search(&index, &bodies)) {
            let found = answer["hits"]["hits"].as_array().map(|hits| {
                let value = |hit: &Json| hit["fields"]["k"][0].as_str().expect("a value").to_owned();
                hits.iter().map(value).collect::<BTreeSet<_>>()
            });
            let regex = Regex::new(pattern, *folds).ok();
            let expected = regex.map(|regex| {
                values.iter().filter(|value| regex.matches(value)).cloned().collect::<BTreeSet<_>>()
            });
            used += usize::from(found.is_some());
            if found != expected {
                wrong.push(format!("{pattern:?} {folds}: node {found:?}, here {expected:?}"));
            }
        }
    }
    assert!(used * 4 > trials, "only {used} of {trials} patterns are right");
    report("regular expressions", trials, seed, &wrong);
}

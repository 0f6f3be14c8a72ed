//! A real node as the judge of EQL: the table's cases, and random expressions over random documents.

#[path = "eql/cases.rs"]
mod cases;
#[path = "eql/generate.rs"]
mod generate;
mod support;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::time::Instant;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::plan::{Input, Plan};
use stakeout::schema::Schema;
use support::Cluster;

/// How many searches go out in one request.
const BATCH: usize = 100;

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
        source: Map::new(),
        fields: hit["fields"].as_object().cloned().unwrap_or_default(),
    };
    hits.iter().map(event).collect()
}

fn plan(query: &Query, schema: &Schema) -> Plan {
    let patterns = ["*".to_owned()];
    let input = Input {
        query,
        schema,
        patterns: &patterns,
        category_field: "event.category",
        time_field: "@timestamp",
        fallback_time_field: None,
        allow_expensive: true,
    };
    Plan::new(&input).unwrap_or_else(|problems| panic!("{}: {problems:?}", query.text))
}

/// The ids of what is found and of what the residual leaves of it.
fn kept(found: &[Event], plan: &Plan) -> BTreeSet<String> {
    let keeps = |event: &&Event| plan.residual().is_none_or(|residual| residual.matches(event));
    found.iter().filter(keeps).map(|event| event.id.clone()).collect()
}

#[test]
fn a_node_selects_what_the_table_says() {
    let Some(node) = Cluster::connect() else { return };
    let mut wrong = Vec::new();
    for (number, group) in cases::table().group.into_iter().enumerate() {
        let index = node.name(&format!("table{number}"));
        let mut properties: Map<String, Json> = group
            .fields
            .iter()
            .map(|(name, kind)| (name.clone(), property(kind.as_str().expect("a type"))))
            .collect();
        properties.insert("@timestamp".into(), property("date"));
        fill(&node, &index, &Json::Object(properties), &group.events(&index));
        let schema = group.schema(&index);
        for chunk in group.cases.chunks(BATCH) {
            let queries = chunk.iter().map(|(condition, _)| format!("any where {condition}"));
            let plans: Vec<_> =
                queries.map(|text| plan(&Query::parse(&text).expect("a query"), &schema)).collect();
            for (((condition, expected), plan), found) in
                chunk.iter().zip(&plans).zip(search(&node, &index, &plans))
            {
                let expected: BTreeSet<_> = expected.split_whitespace().map(str::to_owned).collect();
                let kept = kept(&found, plan);
                if kept != expected {
                    wrong.push(format!("{}: {condition}: expected {expected:?}, found {kept:?}", group.name));
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
    let number = |name: &str| support::setting(name).map(|text| text.parse().expect("a number"));
    let trials = number("STAKEOUT_TEST_TRIALS").unwrap_or(TRIALS);
    let seed = number("STAKEOUT_TEST_SEED").unwrap_or(1);
    let start = Instant::now();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let (one, two) = (node.name("one"), node.name("two"));
    let events = random_events(&mut runner, &one, &two);
    let schema = generate::schema(&one, &two);
    for (index, only_here) in [(&one, true), (&two, false)] {
        fill(&node, index, &properties(only_here), &events);
    }
    let by_id: HashMap<&str, &Event> = events.iter().map(|event| (event.id.as_str(), event)).collect();
    let mut wrong = Vec::new();
    for _ in 0..trials.div_ceil(BATCH) {
        let queries: Vec<Query> = (0..BATCH)
            .map(|_| generate::query().new_tree(&mut runner).expect("a query").current())
            .map(|text| Query::parse(&text).expect("a query"))
            .collect();
        let plans: Vec<Plan> = queries.iter().map(|query| plan(query, &schema)).collect();
        let answers = search(&node, &format!("{one},{two}"), &plans);
        for ((query, plan), found) in queries.iter().zip(&plans).zip(&answers) {
            let matcher = Matcher::compile(query, &schema, "event.category").expect("a matcher");
            let truth: BTreeSet<String> =
                events.iter().filter(|event| matcher.matches(event)).map(|event| event.id.clone()).collect();
            let kept = kept(found, plan);
            if let Some(id) = truth.symmetric_difference(&kept).next() {
                let pushed = serde_json::to_string(&plan.pushed().query).expect("JSON");
                wrong.push(format!("{}\n  {pushed}\n  {:?}", query.text, by_id[id.as_str()]));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {trials} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
    let took = start.elapsed();
    // Not by `println!`, which the test harness swallows for a test that passes.
    writeln!(std::io::stderr(), "{trials} random queries, seed {seed}: none differs, in {took:?}")
        .expect("stderr");
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
        "k": {"type": "keyword"}, "w": {"type": "keyword"}, "n": {"type": "long"}, "f": {"type": "double"},
        "b": {"type": "boolean"}, "d": {"type": "date"}, "i": {"type": "ip"}, "@timestamp": {"type": "date"},
        "event": {"properties": {"category": {"type": "keyword"}}}
    });
    properties["t"] = if only_here { json!({"type": "keyword"}) } else { property("text") };
    if only_here {
        properties["only"] = json!({"type": "keyword"});
    }
    properties
}

//! A real node as the judge: the table's cases, and random expressions over random documents.
//!
//! Skipped, and said so, unless `ELASTICSEARCH_TEST_URL` names a node. `ELASTICSEARCH_TEST_TRIALS` and
//! `ELASTICSEARCH_TEST_SEED` choose how many random queries are asked, and which.

use std::collections::{BTreeSet, HashMap};

use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::transport::Transport;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::plan::{Input, Plan};
use stakeout::schema::Schema;

use crate::{cases, generate};

/// How many searches go out in one request.
const BATCH: usize = 100;

struct Node {
    client: Elasticsearch,
    runtime: tokio::runtime::Runtime,
}

impl Node {
    fn from_environment() -> Option<Self> {
        let Ok(url) = std::env::var("ELASTICSEARCH_TEST_URL") else {
            println!("skipped: ELASTICSEARCH_TEST_URL names no node");
            return None;
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let transport = Transport::single_node(&url).expect("the address of a node");
        Some(Self { client: Elasticsearch::new(transport), runtime })
    }

    fn send(&self, method: Method, path: &str, body: Option<String>) -> Json {
        let mut headers = HeaderMap::new();
        let kind = if path.ends_with("_bulk") || path.ends_with("_msearch") {
            "application/x-ndjson"
        } else {
            "application/json"
        };
        headers.insert("content-type", kind.parse().expect("a header"));
        self.runtime.block_on(async {
            let sent = self.client.transport().send(method, path, headers, None::<&()>, body, None).await;
            let answer = sent.expect("the node answers");
            let status = answer.status_code();
            let body: Json = answer.json().await.expect("JSON");
            assert!(status.is_success(), "{path}: {body}");
            body
        })
    }

    /// Makes an index of these types and puts the events into it that name it.
    fn fill(&self, index: &str, properties: &Json, events: &[Event]) {
        let body = json!({
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"dynamic": false, "properties": properties}
        });
        self.send(Method::Put, &format!("/{index}"), Some(body.to_string()));
        let mut lines = String::new();
        for event in events.iter().filter(|event| event.index == index) {
            let action = json!({"index": {"_id": event.id}});
            lines.extend([
                action.to_string(),
                "\n".into(),
                Json::Object(event.source.clone()).to_string(),
                "\n".into(),
            ]);
        }
        if !lines.is_empty() {
            let answer = self.send(Method::Post, &format!("/{index}/_bulk"), Some(lines));
            assert_eq!(answer["errors"], json!(false), "{answer}");
        }
        self.send(Method::Post, &format!("/{index}/_refresh"), None);
    }

    /// What each plan's query returns, with the fields that its residual reads.
    fn search(&self, index: &str, plans: &[Plan]) -> Vec<Vec<Event>> {
        let mut lines = String::new();
        for plan in plans {
            let query = json!({
                "size": 1000, "_source": false, "query": plan.pushed().query, "fields": plan.fields()
            });
            lines.extend(["{}\n".to_owned(), query.to_string(), "\n".into()]);
        }
        let answer = self.send(Method::Post, &format!("/{index}/_msearch"), Some(lines));
        let responses = answer["responses"].as_array().expect("a list");
        responses.iter().zip(plans).map(|(response, plan)| hits(response, plan)).collect()
    }
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

/// An index name that no other run has.
fn unique(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    format!("eql-test-{name}-{}-{}", std::process::id(), now.as_nanos())
}

/// Deletes the index, also when the test fails.
struct Cleanup<'n>(&'n Node, String);

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        self.0.send(Method::Delete, &format!("/{}", self.1), None);
    }
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
    let Some(node) = Node::from_environment() else { return };
    let mut wrong = Vec::new();
    for group in cases::table().group {
        let index = unique("table");
        let mut properties: Map<String, Json> = group
            .fields
            .iter()
            .map(|(name, kind)| (name.clone(), property(kind.as_str().expect("a type"))))
            .collect();
        properties.insert("@timestamp".into(), property("date"));
        node.fill(&index, &Json::Object(properties), &group.events(&index));
        let _cleanup = Cleanup(&node, index.clone());
        let schema = group.schema(&index);
        for chunk in group.cases.chunks(BATCH) {
            let queries = chunk.iter().map(|(condition, _)| format!("any where {condition}"));
            let plans: Vec<_> =
                queries.map(|text| plan(&Query::parse(&text).expect("a query"), &schema)).collect();
            for (((condition, expected), plan), found) in
                chunk.iter().zip(&plans).zip(node.search(&index, &plans))
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
    let Some(node) = Node::from_environment() else { return };
    let number = |name: &str, otherwise| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (trials, seed): (usize, usize) =
        (number("ELASTICSEARCH_TEST_TRIALS", 500), number("ELASTICSEARCH_TEST_SEED", 1));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let (one, two) = (unique("one"), unique("two"));
    let events = random_events(&mut runner, &one, &two);
    let schema = generate::schema(&one, &two);
    for (index, only_here) in [(&one, true), (&two, false)] {
        node.fill(index, &properties(only_here), &events);
    }
    let _cleanup = (Cleanup(&node, one.clone()), Cleanup(&node, two.clone()));
    let by_id: HashMap<&str, &Event> = events.iter().map(|event| (event.id.as_str(), event)).collect();
    let mut wrong = Vec::new();
    for _ in 0..trials.div_ceil(BATCH) {
        let queries: Vec<Query> = (0..BATCH)
            .map(|_| generate::query().new_tree(&mut runner).expect("a query").current())
            .map(|text| Query::parse(&text).expect("a query"))
            .collect();
        let plans: Vec<Plan> = queries.iter().map(|query| plan(query, &schema)).collect();
        let answers = node.search(&format!("{one},{two}"), &plans);
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
    println!("{trials} queries, seed {seed}: none differs");
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

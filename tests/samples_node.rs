//! The sample events as `docker/up` loads them: moved to now, and found.

mod support;

use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use support::story::rule_over;
use support::{Cluster, program::stakeout};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// When they are loaded.
const NOW: &str = "2026-11-25T00:03:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().expect("a time")
}

/// The names of the indices that they go to.
fn indices(node: &Cluster) -> [String; 2] {
    ["logs-aws.cloudtrail", "filebeat"].map(|name| node.name(name))
}

/// Loads them at `NOW` less these minutes, as the container does, into indices of the test's own.
fn load(node: &Cluster, minutes_before: i64) -> Output {
    let at = now() - TimeDelta::minutes(minutes_before);
    Command::new("bash")
        .arg(format!("{ROOT}/docker/sample.sh"))
        .env("ELASTICSEARCH_URL", node.url())
        .env("ELASTIC_PASSWORD", "unused")
        .env("EVENTS", format!("{ROOT}/tests/events/instance-sign-in"))
        .env("NAMESPACE", node.token())
        .env("NOW", at.timestamp().to_string())
        .output()
        .expect("bash")
}

/// The events that are there now.
fn events(node: &Cluster) -> Vec<Value> {
    let all = node
        .post(&format!("/{}/_search", indices(node).join(",")), &json!({"size": 100, "sort": "@timestamp"}));
    all["hits"]["hits"].as_array().expect("hits").iter().map(|hit| hit["_source"].clone()).collect()
}

/// The value of a field, whether it is written with dots or nested.
fn value<'e>(event: &'e Value, outer: &str, inner: &str) -> Option<&'e str> {
    event.get(format!("{outer}.{inner}")).or_else(|| event.get(outer)?.get(inner))?.as_str()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn they_happened_just_now_and_are_alerted_on_by_a_first_look() {
    let Some(node) = Cluster::connect() else { return };
    let loaded = load(&node, 0);
    assert!(loaded.status.success(), "{loaded:?}");
    let there = events(&node);
    // Those of the two files that lie before the second that becomes now.
    assert_eq!(there.len(), 25);
    for event in &there {
        let happened = time(event["@timestamp"].as_str().expect("a time"));
        assert!(happened <= now() && happened > now() - TimeDelta::hours(3), "{event}");
        if let Some(arrived) = value(event, "event", "ingested") {
            assert!(time(arrived) > happened && time(arrived) <= now(), "{event}");
        }
        let text = event.to_string();
        assert!(!text.contains("2026-11-20"), "{text}");
    }
    // Over midnight, like any other.
    assert_eq!(there[0]["@timestamp"], "2026-11-24T22:06:11.000Z");
    let folder = tempfile::tempdir().expect("a folder");
    let [integration, filebeat] = indices(&node);
    let rule = rule_over(folder.path(), &[&integration, &filebeat], "now-6m", "5m");
    // What the first look of a daemon that starts a minute later reads.
    let ended = stakeout(&[
        "run",
        "--backfill",
        "2026-11-24T23:58:00Z..2026-11-25T00:04:00Z",
        "--no-triage",
        "--rules",
        &rule.display().to_string(),
        "--elasticsearch-url",
        node.url(),
        "--alerts-index",
        &node.name("alerts"),
    ]);
    assert_eq!((ended.code, &ended.line()["alerts_created"]), (Some(0), &2.into()), "{ended:?}");
}

#[test]
fn loading_them_again_changes_nothing() {
    let Some(node) = Cluster::connect() else { return };
    assert!(load(&node, 10).status.success());
    let before = events(&node);
    let again = load(&node, 0);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(events(&node), before);
}

#[test]
fn an_event_that_is_refused_is_told() {
    let Some(node) = Cluster::connect() else { return };
    let [integration, _] = indices(&node);
    node.put(&format!("/{integration}"), &json!({"mappings": {"properties": {"event": {"type": "date"}}}}));
    let loaded = load(&node, 0);
    let said = String::from_utf8_lossy(&loaded.stderr).into_owned();
    assert_eq!(loaded.status.code(), Some(1), "{said}");
    assert!(said.contains("not every event was taken"), "{said}");
}

//! The main job on a real node: a known day of events ends in exactly its alerts, whatever interrupts it.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use support::program::{Ended, Running, stakeout};
use support::story::{RULE_ID, Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Client, Cluster, OwnNode, eventually};
use tempfile::TempDir;

/// Events of the day, and how many of them match and nearly match.
const DAY: (usize, usize, usize) = (100_000, 500, 5_000);

/// A folder of the test's own.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The ids of all alerts, each once.
fn alert_ids(node: &Client, index: &str) -> BTreeSet<String> {
    alerts(node, index).iter().map(|hit| hit["_id"].as_str().expect("an id").to_owned()).collect()
}

/// All alerts, without what is large and the same in each.
fn alerts(node: &Client, index: &str) -> Vec<Value> {
    node.refresh(index);
    let source = json!(["event.id", "kibana.alert.rule.max_signals", "stakeout.reduced.reason"]);
    let found = node.post(&format!("/{index}/_search"), &json!({"size": 5000, "_source": source}));
    found["hits"]["hits"].as_array().expect("hits").clone()
}

/// 100,000 events of 24 hours, spread evenly, every third in Filebeat's shape.
fn a_day_of_events(node: &Client) {
    let (all, matches, misses) = DAY;
    let mut integration = Vec::new();
    let mut filebeat = Vec::new();
    for number in 0..all {
        let time = seconds_ago(30 + i64::try_from(number * 86_000 / all).expect("a day"));
        let mut event = SignIn::new(format!("event-{number}"), time);
        if number % 2 == 0 {
            event.action = "GetSigninToken";
        }
        if number % (all / matches) != 0 {
            let is_near = number % (all / misses) == 1;
            event = event.near_miss(number / 7);
            if !is_near {
                event.action = "DescribeInstances";
            }
        }
        if number % 3 == 0 {
            filebeat.push(event.document(Shape::Filebeat));
        } else {
            integration.push(event.document(Shape::Integration));
        }
    }
    // One index with a template's types, one with those that Elasticsearch guesses: text with a keyword sub-field.
    node.put("/logs-aws.cloudtrail-default", &mapping());
    node.bulk("logs-aws.cloudtrail-default", integration);
    node.bulk("filebeat-8.19.0", filebeat);
    node.refresh("filebeat-*,logs-aws.cloudtrail-*");
}

fn backfill(url: &str, index: &str) -> Ended {
    stakeout(&[
        "run",
        "--backfill",
        "25h",
        "--no-triage",
        "--elasticsearch-url",
        url,
        "--alerts-index",
        index,
    ])
}

fn counts(line: &Value) -> [u64; 4] {
    ["matches", "alerts_created", "alerts_existing", "alerts_rejected"]
        .map(|key| line[key].as_u64().expect("a count"))
}

#[test]
fn a_day_of_events_ends_in_exactly_its_alerts() {
    let Some(node) = OwnNode::start() else { return };
    a_day_of_events(node.client());

    let first = backfill(node.url(), "stakeout-alerts");
    assert_eq!((first.code, counts(&first.line())), (Some(0), [500, 500, 0, 0]), "{first:?}");
    assert_eq!(alert_ids(node.client(), "stakeout-alerts").len(), 500);
    let second = backfill(node.url(), "stakeout-alerts");
    assert_eq!((second.code, counts(&second.line())), (Some(0), [500, 0, 500, 0]), "{second:?}");
    let once = stakeout(&["run", "--once", "--elasticsearch-url", node.url()]);
    assert_eq!((once.code, &once.line()["alerts_created"]), (Some(0), &json!(0)), "{once:?}");

    // The same alerts, however the backfill is killed and taken up again.
    let truth = alert_ids(node.client(), "stakeout-alerts");
    let interrupted =
        (0..10).map(|number| format!("killed-{number}")).find(|index| killed(&node, index, truth.len()));
    let index = interrupted.expect("one backfill of ten is killed before its end");
    let rest = backfill(node.url(), &index);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(rest.stderr.contains("taking up an interrupted backfill"), "{rest:?}");
    assert_eq!(alert_ids(node.client(), &index), truth);
}

/// Kills a backfill once its first checkpoint is written; whether that was before its end.
fn killed(node: &OwnNode, index: &str, all: usize) -> bool {
    let folder = folder();
    let options = ["--elasticsearch-url", node.url(), "--alerts-index", index];
    let arguments = [["run", "--backfill", "25h", "--no-triage"], options].concat();
    let running = Running::start(folder.path(), &arguments);
    let refresh = format!("/{index}-state/_refresh");
    let checkpoint = format!("/{index}-state/_count?q=key:backfill*");
    eventually(Duration::from_mins(1), "the first checkpoint", || {
        node.client().send("POST", &refresh, None).ok()?;
        node.client().send("GET", &checkpoint, None).ok().filter(|reply| reply.body["count"] == 1)
    });
    running.kill9();
    alert_ids(node.client(), index).len() < all
}

/// The test's own indices on a shared node, the seed rule over them, and its own alerts.
struct Place {
    node: Cluster,
    folder: TempDir,
    rule: String,
    alerts: String,
}

impl Place {
    /// Two empty indices: the integration's with its mapping, Filebeat's without any.
    fn new() -> Option<Self> {
        let node = Cluster::connect()?;
        let folder = folder();
        let patterns = [node.name("filebeat") + "*", node.name("logs") + "*"];
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let rule = rule_over(folder.path(), &patterns, "now-6m", "5m").display().to_string();
        node.put(&format!("/{}", node.name("logs")), &mapping());
        let alerts = node.name("alerts");
        Some(Self { node, folder, rule, alerts })
    }

    fn add(&self, events: &[SignIn], shape: Shape) {
        let index = match shape {
            Shape::Integration => self.node.name("logs"),
            Shape::Filebeat => self.node.name("filebeat"),
        };
        self.node.bulk(&index, events.iter().map(|event| event.document(shape)));
        self.node.refresh(&index);
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let url = self.node.url().to_owned();
        let fixed = ["--elasticsearch-url", &url, "--alerts-index", &self.alerts, "--rules", &self.rule];
        stakeout(&[&["run"], arguments, &fixed].concat())
    }

    fn once(&self) -> Ended {
        self.run(&["--once"])
    }

    fn alerts(&self) -> Vec<Value> {
        alerts(&self.node, &self.alerts)
    }
}

#[test]
fn time_is_when_an_event_arrived_or_else_when_it_happened() {
    let Some(place) = Place::new() else { return };
    let unstamped = SignIn { ingested: None, ..SignIn::new("unstamped", seconds_ago(100)) };
    let late = SignIn { time: seconds_ago(9 * 60 + 30), ..SignIn::new("late", seconds_ago(30)) };
    let old = SignIn { ingested: None, ..SignIn::new("old", seconds_ago(3600)) };
    place.add(&[unstamped, late, old], Shape::Integration);
    let once = place.once();
    assert_eq!((once.code, counts(&once.line())), (Some(0), [2, 2, 0, 0]), "{once:?}");
    let found: BTreeSet<String> =
        place.alerts().iter().map(|alert| alert["_source"]["event"]["id"].to_string()).collect();
    assert_eq!(found, BTreeSet::from([r#""late""#.to_owned(), r#""unstamped""#.to_owned()]));
}

#[test]
fn the_last_moment_of_a_day_is_part_of_it_and_of_no_other() {
    let Some(place) = Place::new() else { return };
    let index = place.node.name("logs") + "-nanos";
    let mut body = mapping();
    for time in ["@timestamp", "event.ingested"] {
        body["mappings"]["properties"][time]["type"] = json!("date_nanos");
    }
    place.node.put(&format!("/{index}"), &body);
    for (id, time) in [("last", "2026-11-01T23:59:59.9995Z"), ("first", "2026-11-02T00:00:00.000Z")] {
        let mut event = SignIn::new(id, seconds_ago(0)).document(Shape::Integration);
        (event["@timestamp"], event["event"]["ingested"]) = (json!(time), json!(time));
        place.node.bulk(&index, [event]);
    }
    place.node.refresh(&index);
    for (day, created) in
        [("2026-11-01..2026-11-01", 1), ("2026-11-02..2026-11-02", 1), ("2026-11-01..2026-11-02", 0)]
    {
        let ended = place.run(&["--backfill", day]);
        assert_eq!(
            (ended.code, &ended.line()["alerts_created"]),
            (Some(0), &json!(created)),
            "{day}: {ended:?}"
        );
    }
}

#[test]
fn the_same_event_in_both_indices_is_one_alert() {
    let Some(place) = Place::new() else { return };
    let event = SignIn::new("twice", seconds_ago(60));
    place.add(std::slice::from_ref(&event), Shape::Filebeat);
    place.add(&[event], Shape::Integration);
    let once = place.once();
    assert_eq!(counts(&once.line()), [2, 1, 1, 0], "{once:?}");
    assert_eq!(place.alerts().len(), 1);
}

#[test]
fn a_pattern_without_an_index_is_said_on_every_run() {
    let Some(place) = Place::new() else { return };
    place.add(&[SignIn::new("one", seconds_ago(60))], Shape::Integration);
    for created in [1, 0] {
        let once = place.once();
        let pattern = place.node.name("filebeat") + "*";
        assert_eq!(once.code, Some(0), "{once:?}");
        assert_eq!(once.line()["indices_missing"], json!([pattern]));
        assert_eq!(once.line()["alerts_created"], created);
        assert!(once.stderr.contains(&format!("no index matches `{pattern}`")), "{once:?}");
    }
}

#[test]
fn a_burst_far_above_max_signals_is_alerted_on_whole() {
    let Some(place) = Place::new() else { return };
    let burst: Vec<SignIn> =
        (0..2_500).map(|number| SignIn::new(format!("burst-{number}"), seconds_ago(60))).collect();
    place.add(&burst, Shape::Integration);
    let once = place.run(&["--once", "--no-triage"]);
    assert_eq!(counts(&once.line()), [2500, 2500, 0, 0], "{once:?}");
    assert_eq!(place.alerts().len(), 2500);
    assert_eq!(place.alerts()[0]["_source"]["kibana.alert.rule.max_signals"], 100);
}

#[test]
fn a_dry_run_prints_the_alerts_and_leaves_nothing() {
    let Some(place) = Place::new() else { return };
    place
        .add(&[SignIn::new("one", seconds_ago(60)), SignIn::new("two", seconds_ago(50))], Shape::Integration);
    let dry = place.run(&["--once", "--dry-run"]);
    assert_eq!((dry.code, dry.lines().len()), (Some(0), 2), "{dry:?}");
    assert_eq!(dry.lines()[0]["kibana.alert.rule.rule_id"], RULE_ID);
    let left = place.node.get(&format!("/_resolve/index/{}*?expand_wildcards=all", place.alerts));
    assert_eq!(left["indices"], json!([]), "a dry run makes no index");
    assert_eq!(counts(&place.once().line()), [2, 2, 0, 0]);
}

#[test]
fn several_at_once_alert_once() {
    let Some(place) = Place::new() else { return };
    let events: Vec<SignIn> =
        (0..300).map(|number| SignIn::new(format!("event-{number}"), seconds_ago(60))).collect();
    place.add(&events, Shape::Integration);
    let created: Vec<u64> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| place.once())).collect();
        runs.into_iter()
            .map(|run| {
                let ended = run.join().expect("a run");
                assert_eq!(ended.code, Some(0), "{ended:?}");
                counts(&ended.line())[1]
            })
            .collect()
    });
    assert_eq!(created.iter().sum::<u64>(), 300, "{created:?}");
    assert_eq!(place.alerts().len(), 300);
}

#[test]
fn an_event_that_no_alert_can_hold_is_alerted_on_in_a_reduced_form() {
    let Some(place) = Place::new() else { return };
    let mut odd = SignIn::new("odd", seconds_ago(60)).document(Shape::Filebeat);
    // The alerts index maps `source` as an object.
    odd.as_object_mut().expect("an object").remove("source.ip");
    odd["source"] = json!("198.51.100.77");
    place.node.bulk(&place.node.name("filebeat"), [odd]);
    place.node.refresh(&place.node.name("filebeat"));
    place.add(&[SignIn::new("plain", seconds_ago(60))], Shape::Integration);
    let once = place.once();
    assert_eq!((once.code, counts(&once.line())), (Some(0), [2, 2, 0, 0]), "{once:?}");
    let alerts = place.alerts();
    let is_reduced = |alert: &&Value| alert["_source"]["stakeout.reduced.reason"].is_string();
    let reduced: Vec<&Value> = alerts.iter().filter(is_reduced).collect();
    assert_eq!(reduced.len(), 1, "{alerts:?}");
    let id = reduced[0]["_id"].as_str().expect("an id");
    let whole = &place.node.get(&format!("/{}/_doc/{id}", place.alerts))["_source"];
    assert!(whole["stakeout.reduced.event"].as_str().expect("text").contains("198.51.100.77"));
    assert!(whole["kibana.alert.rule.note"].is_string());
}

#[test]
fn an_index_out_of_reach_is_owed_and_read_when_it_is_back() {
    let Some(place) = Place::new() else { return };
    place.add(&[SignIn::new("there", seconds_ago(60))], Shape::Integration);
    place.add(&[SignIn::new("away", seconds_ago(60))], Shape::Filebeat);
    let filebeat = place.node.name("filebeat");
    place.node.send("POST", &format!("/{filebeat}/_close"), None).expect("a closed index");
    for created in [1, 0] {
        let once = place.once();
        assert_eq!(once.code, Some(1), "{once:?}");
        assert_eq!(
            (&once.line()["alerts_created"], &once.line()["owed"]),
            (&json!(created), &json!(1)),
            "{once:?}"
        );
        assert!(once.stderr.contains(&filebeat), "it names the index: {once:?}");
    }
    place
        .node
        .send("POST", &format!("/{filebeat}/_open?wait_for_active_shards=1"), None)
        .expect("an open index");
    let back = place.once();
    assert_eq!((back.code, &back.line()["owed"]), (Some(0), &json!(0)), "{back:?}");
    assert_eq!(place.alerts().len(), 2);
}

#[test]
fn an_index_with_a_mapping_that_cannot_answer_is_owed_and_the_others_alert() {
    let Some(place) = Place::new() else { return };
    place.add(&[SignIn::new("there", seconds_ago(60))], Shape::Integration);
    let filebeat = place.node.name("filebeat");
    place
        .node
        .put(&format!("/{filebeat}"), &json!({"mappings": {"properties": {"user.id": {"type": "text"}}}}));
    place.add(&[SignIn::new("unseen", seconds_ago(60))], Shape::Filebeat);
    let once = place.once();
    assert_eq!((once.code, counts(&once.line())), (Some(1), [1, 1, 0, 0]), "{once:?}");
    assert_eq!(once.line()["owed"], 1);
    let words = once.line()["error"].as_str().expect("words").to_owned();
    assert!(words.contains(&filebeat) && words.contains("user.id"), "{words}");
}

#[test]
fn explain_prints_the_query_that_a_node_takes() {
    let Some(place) = Place::new() else { return };
    place.add(&[SignIn::new("there", seconds_ago(60))], Shape::Integration);
    place.add(&[SignIn::new("here", seconds_ago(60))], Shape::Filebeat);
    let url = place.node.url().to_owned();
    let explained = stakeout(&["explain", &place.rule, "--elasticsearch-url", &url, "--format", "json"]);
    assert_eq!(explained.code, Some(0), "{explained:?}");
    let line = explained.line();
    assert_eq!((&line["fidelity"], &line["residual"]), (&json!("exact"), &Value::Null));
    assert_eq!(line["identity"], json!(["event.id", "event.action", "user.id"]));
    assert_eq!((&line["time_field"], &line["overlap_s"]), (&json!("event.ingested"), &json!(60)));
    let indices: Vec<&str> = line["indices"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|name| name.as_str().expect("a name"))
        .collect();
    let found = place.node.post(&format!("/{}/_search", indices.join(",")), &json!({"query": line["query"]}));
    assert_eq!(found["hits"]["total"]["value"], 2, "{found}");
    assert!(place.folder.path().exists());
}

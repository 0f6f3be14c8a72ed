//! Rules, settings and secrets that change while the daemon watches a node of its own: taken up with no restart, also while
//! the node is down, with no alert missed or written twice.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::front::{Authority, Front};
use support::program::Running;
use support::story::{RULE_ID, Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Client, OwnNode, until};

const LIMIT: Duration = Duration::from_mins(2);

/// The id of a second rule.
const OTHER: &str = "aaaaaaaa-3e34-412e-9b1f-dd500b3b55cd";

/// What must never be printed.
const SECRETS: [&str; 2] = ["s3cr3t-old", "s3cr3t-new"];

fn node() -> Option<OwnNode> {
    let node = OwnNode::start()?;
    node.client().put("/logs-aws.cloudtrail-default", &mapping());
    Some(node)
}

/// The seed rule at one second's pace in `rules/a.toml`, and a folder that takes others.
fn rules() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    rule_over(&folder.path().join("rules"), &["logs-aws.cloudtrail-*"], "now-10m", "1s");
    folder
}

/// The same rule under another id and name.
fn add_other(folder: &Path) {
    let text =
        std::fs::read_to_string(folder.join("rules/rule.toml")).expect("the rule").replace(RULE_ID, OTHER);
    std::fs::write(folder.join("new"), text).expect("a file");
    std::fs::rename(folder.join("new"), folder.join("rules/other.toml")).expect("a file");
}

fn happens(node: &Client, id: &str) {
    node.bulk("logs-aws.cloudtrail-default", [SignIn::new(id, seconds_ago(1)).document(Shape::Integration)]);
    node.refresh("logs-aws.cloudtrail-default");
}

/// The alerts, by their rules and events.
fn alerts(node: &Client) -> Option<BTreeMap<(String, String), Vec<Value>>> {
    node.send("POST", "/stakeout-alerts/_refresh", None).ok()?;
    let found = node.send("POST", "/stakeout-alerts/_search", Some(&json!({"size": 1000}))).ok()?;
    let mut alerts: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for hit in found.body["hits"]["hits"].as_array()? {
        let source = &hit["_source"];
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let key = (word(&source["kibana.alert.rule.rule_id"])?, word(&source["event"]["id"])?);
        alerts.entry(key).or_default().push(source.clone());
    }
    Some(alerts)
}

fn is_alerted(node: &Client, rule: &str, event: &str) {
    until(LIMIT, &format!("the alert of {rule} about {event}"), || {
        alerts(node).is_some_and(|alerts| alerts.contains_key(&(rule.to_owned(), event.to_owned())))
    });
}

/// Waits until the rule's checkpoint has been written so many times more.
fn windows_pass(node: &Client, rule: &str, number: u64) {
    let version = || {
        let reply = node.send("GET", &format!("/stakeout-alerts-state/_doc/{rule}"), None).ok()?;
        reply.body["_version"].as_u64()
    };
    let now = support::eventually(LIMIT, "a checkpoint", version);
    until(LIMIT, "the next checkpoints", || version().is_some_and(|version| version >= now + number));
}

fn says(daemon: &Running, words: &str) {
    until(LIMIT, words, || daemon.said().contains(words));
}

fn each_once(node: &Client) {
    let alerts = alerts(node).expect("the alerts");
    let twice: Vec<_> = alerts.iter().filter(|(_, found)| found.len() != 1).map(|(key, _)| key).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn a_rule_that_comes_while_the_node_is_down_misses_nothing_since() {
    let Some(mut node) = node() else { return };
    let folder = rules();
    let paths = folder.path().join("rules").display().to_string();
    let daemon =
        Running::start(folder.path(), &["run", "--rules", &paths, "--elasticsearch-url", node.url()]);
    happens(node.client(), "first");
    is_alerted(node.client(), RULE_ID, "first");
    node.kill9();
    says(&daemon, "waiting for the cluster");
    add_other(folder.path());
    daemon.signal("HUP");
    says(&daemon, "reloaded; added: ");
    node.restart();
    happens(node.client(), "second");
    for rule in [RULE_ID, OTHER] {
        for event in ["first", "second"] {
            is_alerted(node.client(), rule, event);
        }
    }
    windows_pass(node.client(), OTHER, 2);
    each_once(node.client());
    assert_eq!(daemon.said().matches("waiting for the cluster").count(), 1, "{}", daemon.said());
}

#[test]
fn another_authority_and_a_rotated_key_are_taken_and_a_missing_one_is_not() {
    let Some(node) = node() else { return };
    let folder = rules();
    let authority = Authority::new();
    let front = Front::with_tls(node.url(), &authority, &["127.0.0.1"], None);
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (key, ca) = (write("key", SECRETS[0]), write("ca.pem", &Authority::new().pem()));
    let config = format!(
        "[elasticsearch]\nurl = {:?}\napi_key_file = {key:?}\nca_cert = {ca:?}\n[rules]\npaths = [{:?}]\n",
        front.url(),
        folder.path().join("rules").display().to_string()
    );
    let config = write("stakeout.toml", &config);
    let daemon = Running::start(folder.path(), &["-vv", "run", "--config", &config]);
    let sent = |secret: &str| {
        front.heads().iter().any(|head| head.contains(&format!("authorization: ApiKey {secret}")))
    };
    says(&daemon, "waiting for the cluster");
    happens(node.client(), "first");
    // By the file alone, without a signal.
    write("ca.pem", &authority.pem());
    says(&daemon, "reloaded; 1 rules kept; settings: elasticsearch");
    is_alerted(node.client(), RULE_ID, "first");
    assert!(sent(SECRETS[0]));
    // While it is rotated it is not there for a while.
    std::fs::remove_file(&key).expect("the key");
    daemon.signal("HUP");
    says(&daemon, "cannot be read");
    happens(node.client(), "second");
    is_alerted(node.client(), RULE_ID, "second");
    write("key", SECRETS[1]);
    until(LIMIT, "the new key", || sent(SECRETS[1]));
    happens(node.client(), "third");
    is_alerted(node.client(), RULE_ID, "third");
    windows_pass(node.client(), RULE_ID, 2);
    each_once(node.client());
    let said = daemon.said();
    assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
}

#[test]
fn declarations_are_taken_and_a_killed_daemon_goes_on() {
    let Some(node) = node() else { return };
    let folder = rules();
    let (config, expected) = (folder.path().join("stakeout.toml"), folder.path().join("expected.toml"));
    let settings = format!(
        "[elasticsearch]\nurl = {:?}\n[rules]\npaths = [{:?}]\nexpected = [{:?}]\n",
        node.url(),
        folder.path().join("rules").display().to_string(),
        expected.display().to_string()
    );
    std::fs::write(&config, settings).expect("a file");
    let declare = |reason: &str| {
        let text = format!(
            "[[stakeout.expected]]\nwhere = 'source.ip == \"198.51.100.77\"'\nfrom = 2026-01-01\nuntil = 2100-01-01\nreason = {reason}\n"
        );
        std::fs::write(&expected, text).expect("a file");
    };
    declare("\"RT-1\"");
    let config = config.display().to_string();
    let daemon = Running::start(folder.path(), &["run", "--config", &config]);
    says(&daemon, "watching");
    declare("2");
    says(&daemon, "expected.toml:5");
    declare("\"RT-2\"");
    says(&daemon, "settings: rules.expected");
    happens(node.client(), "first");
    until(LIMIT, "the verdict", || {
        let alerts = alerts(node.client()).unwrap_or_default();
        let alert = alerts.values().flatten().next();
        let text = alert.and_then(|alert| alert["stakeout.verdict"]["text"].as_str());
        text.is_some_and(|text| text.contains("declared: RT-2"))
    });
    add_other(folder.path());
    happens(node.client(), "second");
    daemon.signal("HUP");
    daemon.kill9();
    happens(node.client(), "third");
    let daemon = Running::start(folder.path(), &["run", "--config", &config]);
    for event in ["first", "second", "third"] {
        is_alerted(node.client(), RULE_ID, event);
        is_alerted(node.client(), OTHER, event);
    }
    windows_pass(node.client(), OTHER, 2);
    each_once(node.client());
    drop(daemon);
}

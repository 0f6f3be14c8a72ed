//! The tests' own node can be trusted: it is a real server, it cleans up, and its faults are real faults.

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Client, Cluster, OwnNode, until};

const SOON: Duration = Duration::from_secs(20);

fn documents(range: std::ops::Range<u32>) -> impl Iterator<Item = (String, serde_json::Value)> {
    range.map(|number| (format!("d{number}"), json!({ "number": number })))
}

#[test]
fn answers_with_a_version_and_finds_what_was_indexed() {
    let Some(cluster) = Cluster::connect() else { return };
    let version = cluster.get("/")["version"]["number"].as_str().map(str::to_owned);
    assert!(version.is_some_and(|version| version.starts_with("8.") || version.starts_with("9.")));
    let index = cluster.name("found");
    assert_eq!(cluster.bulk(&index, documents(0..2500)), 2500);
    cluster.refresh(&index);
    assert_eq!(cluster.count(&index), 2500);
}

#[test]
fn leaves_nothing_behind_on_a_shared_node() {
    let Some(cluster) = Cluster::connect() else { return };
    let (client, index, template) =
        (Client::new(cluster.url()), cluster.name("gone"), cluster.name("template"));
    cluster.put(&format!("/_index_template/{template}"), &json!({ "index_patterns": [&index] }));
    cluster.put(&format!("/{index}"), &json!({ "aliases": { cluster.name("alias"): {} } }));
    let token = cluster.token().to_owned();
    drop(cluster);
    for path in
        [format!("/{index}"), format!("/_alias/alias-{token}"), format!("/_index_template/{template}")]
    {
        assert_eq!(client.send("GET", &path, None).expect("an answer").status, 404, "{path}");
    }
}

#[test]
fn two_tests_never_share_a_name() {
    let cluster = || Cluster::at(Client::new("http://127.0.0.1:9"));
    assert_ne!(cluster().name("index"), cluster().name("index"));
}

#[test]
fn keeps_acknowledged_documents_over_a_crash() {
    let Some(mut node) = OwnNode::start() else { return };
    node.client().bulk("kept", documents(0..500));
    node.kill9();
    assert!(node.client().send("GET", "/", None).is_err(), "a killed node does not answer");
    node.restart();
    node.client().refresh("kept");
    assert_eq!(node.client().count("kept"), 500);
    node.stop();
    node.restart();
    assert_eq!(node.client().count("kept"), 500);
}

#[test]
fn stands_still_while_paused() {
    let Some(node) = OwnNode::start_with("http.max_content_length: 1kb") else { return };
    let large = json!({ "text": "x".repeat(2000) });
    let refused = node.client().send("PUT", "/index/_doc/1", Some(&large)).expect("an answer");
    assert_eq!(refused.status, 413, "the further settings are in force");

    node.pause();
    let process = std::fs::read_to_string(node.dir().join("pid")).expect("the process id is noted");
    until(SOON, "the process to stand still", || state_of(process.trim()).is_none_or(|state| state == "T"));
    let (answer, answers) = std::sync::mpsc::channel();
    let client = node.client().clone();
    let asking = std::thread::spawn(move || answer.send(client.get("/")["name"].clone()));
    assert!(answers.recv_timeout(Duration::from_millis(300)).is_err(), "nothing is answered in the meantime");
    node.resume();
    assert!(answers.recv_timeout(SOON).is_ok_and(|name| name.is_string()));
    asking.join().expect("the question ends").expect("the answer is taken");
}

/// The state of a process as Linux tells it; `None` elsewhere.
fn state_of(process: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("State:"))?;
    line.split_whitespace().nth(1).map(str::to_owned)
}

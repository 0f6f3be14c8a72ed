//! The daemon on a node of its own: outages, a late start, late events and the wish to stop lose nothing.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use support::program::Running;
use support::story::{RULE_ID, Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Client, OwnNode, eventually, until};

/// How long anything may take that is waited for.
const LIMIT: Duration = Duration::from_mins(2);

/// How far a rule of one second's pace looks back: far enough to begin before the test's own events.
const LOOK_BACK: &str = "now-60s";

struct Watched {
    node: OwnNode,
    folder: tempfile::TempDir,
    daemon: Running,
}

impl Watched {
    fn start(mut node: OwnNode, while_down: bool) -> Self {
        node.client().put("/logs-aws.cloudtrail-default", &mapping());
        if while_down {
            node.stop();
        }
        let folder = tempfile::tempdir().expect("a folder");
        let rule = rule_over(folder.path(), &["logs-aws.cloudtrail-*"], LOOK_BACK, "1s");
        let rule = rule.display().to_string();
        let arguments = ["run", "--rules", &rule, "--elasticsearch-url", node.url()];
        let daemon = Running::start(folder.path(), &arguments);
        Self { node, folder, daemon }
    }

    fn happens(&self, id: &str) {
        let event = SignIn::new(id, seconds_ago(1)).document(Shape::Integration);
        self.node.client().bulk("logs-aws.cloudtrail-default", [event]);
        self.node.client().refresh("logs-aws.cloudtrail-default");
    }

    fn is_alerted(&self, ids: &[&str]) {
        let wanted: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        eventually(LIMIT, &format!("alerts of {wanted:?}"), || {
            let found = alerted(self.node.client())?;
            (found.iter().cloned().collect::<BTreeSet<_>>() == wanted && found.len() == wanted.len())
                .then_some(())
        });
    }

    /// Waits until the daemon has written its checkpoint so many times more.
    fn windows_pass(&self, number: u64) {
        let version = || {
            let reply = self
                .node
                .client()
                .send("GET", &format!("/stakeout-alerts-state/_doc/{RULE_ID}"), None)
                .ok()?;
            reply.body["_version"].as_u64()
        };
        let now = eventually(LIMIT, "a checkpoint", version);
        until(LIMIT, "the next checkpoints", || version().is_some_and(|version| version >= now + number));
    }

    fn says(&self, words: &str) -> usize {
        self.daemon.said().matches(words).count()
    }
}

/// The ids of the events that were alerted on, in no order, repeats included.
fn alerted(node: &Client) -> Option<Vec<String>> {
    node.send("POST", "/stakeout-alerts/_refresh", None).ok()?;
    let found = node
        .send("POST", "/stakeout-alerts/_search", Some(&json!({"size": 1000, "_source": ["event.id"]})))
        .ok()?;
    let hits = found.body["hits"]["hits"].as_array()?;
    hits.iter().map(|hit| Some(hit["_source"]["event"]["id"].as_str()?.to_owned())).collect()
}

#[test]
fn an_outage_leaves_no_gap_and_no_repeat() {
    let Some(node) = OwnNode::start() else { return };
    let mut watched = Watched::start(node, false);
    watched.happens("before");
    watched.is_alerted(&["before"]);
    watched.happens("just before");
    watched.node.kill9();
    until(LIMIT, "the daemon to notice", || watched.says("waiting for the cluster") == 1);
    watched.node.restart();
    watched.happens("after");
    watched.is_alerted(&["before", "just before", "after"]);
    watched.windows_pass(3);
    watched.is_alerted(&["before", "just before", "after"]);
    assert_eq!(watched.says("waiting for the cluster"), 1, "said once:\n{}", watched.daemon.said());
    assert_eq!(watched.says("the cluster answers again"), 1, "{}", watched.daemon.said());
    let status = watched.daemon.end("TERM");
    assert_eq!(status.code(), Some(0), "{}", watched.daemon.said());
}

#[test]
fn a_cluster_that_is_down_at_the_start_is_waited_for() {
    let Some(node) = OwnNode::start() else { return };
    let mut watched = Watched::start(node, true);
    until(LIMIT, "the daemon to notice", || watched.says("waiting for the cluster") == 1);
    assert!(watched.daemon.runs());
    watched.node.restart();
    watched.happens("first");
    watched.is_alerted(&["first"]);
    assert_eq!(watched.says("waiting for the cluster"), 1, "said once:\n{}", watched.daemon.said());
    let status = watched.daemon.end("INT");
    assert_eq!(status.code(), Some(0), "{}", watched.daemon.said());
}

#[test]
fn a_killed_daemon_goes_on_where_it_was() {
    let Some(node) = OwnNode::start() else { return };
    let Watched { node, folder, daemon } = Watched::start(node, false);
    let watched = Watched { node, folder, daemon };
    watched.happens("before");
    watched.is_alerted(&["before"]);
    let Watched { node, folder, daemon } = watched;
    daemon.kill9();
    let rule = folder.path().join("rule.toml").display().to_string();
    let arguments = ["run", "--rules", &rule, "--elasticsearch-url", node.url()];
    let daemon = Running::start(folder.path(), &arguments);
    let watched = Watched { node, folder, daemon };
    watched.happens("after");
    watched.is_alerted(&["before", "after"]);
    watched.windows_pass(2);
    watched.is_alerted(&["before", "after"]);
}

#[test]
fn it_stops_while_it_waits_for_a_cluster() {
    let Some(node) = OwnNode::start() else { return };
    let mut watched = Watched::start(node, true);
    until(LIMIT, "the daemon to notice", || watched.says("waiting for the cluster") == 1);
    let status = watched.daemon.end("TERM");
    assert_eq!(status.code(), Some(0), "{}", watched.daemon.said());
}

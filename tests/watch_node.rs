//! What a watching process shows of itself on a node of its own: that all is well, that the node is gone, that it is back.

mod support;

use support::OwnNode;
use support::story::{RULE_ID, Shape, SignIn, mapping, rule_over, seconds_ago};
use support::watched::Watched;

#[test]
fn a_scrape_tells_good_times_from_bad() {
    let Some(mut node) = OwnNode::start() else { return };
    node.client().put("/logs-aws.cloudtrail-default", &mapping());
    let folder = tempfile::tempdir().expect("a folder");
    let rule = rule_over(folder.path(), &["logs-aws.cloudtrail-*", "absent-*"], "now-60s", "1s");
    let rule = rule.display().to_string();
    let url = node.url().to_owned();
    let watched = Watched::start(folder.path(), &["--rules", &rule, "--elasticsearch-url", &url]);
    let happens = |id: &str| {
        let event = SignIn::new(id, seconds_ago(1)).document(Shape::Integration);
        node.client().bulk("logs-aws.cloudtrail-default", [event]);
        node.client().refresh("logs-aws.cloudtrail-default");
    };
    let of_rule = [("rule_id", RULE_ID)];
    happens("first");
    watched.figure("stakeout_rule_alerts_created_total", &of_rule, |value| value >= 1.0);
    assert_eq!(watched.told("/readyz", 200), "ok\n");
    watched.figure("stakeout_rule_last_success_timestamp_seconds", &of_rule, |value| value > 1e9);
    watched.figure("stakeout_rule_index_patterns_missing", &of_rule, |value| value > 0.5);
    watched.figure("stakeout_elasticsearch_up", &[], |value| value > 0.5);
    for operation in ["search", "bulk", "other"] {
        let name = "stakeout_elasticsearch_request_duration_seconds_count";
        watched.figure(name, &[("operation", operation)], |value| value >= 1.0);
    }

    node.kill9();
    let reason = watched.told("/readyz", 503);
    assert!(reason.contains(&url) || reason.contains("connection"), "{reason}");
    watched.figure("stakeout_elasticsearch_request_failures_total", &[], |value| value >= 1.0);
    watched.figure("stakeout_elasticsearch_up", &[], |value| value < 0.5);
    watched.figure("stakeout_rule_lag_seconds", &of_rule, |value| value > 3.0);
    assert_eq!(watched.get("/healthz").0, 200);

    node.restart();
    assert_eq!(watched.told("/readyz", 200), "ok\n");
    watched.figure("stakeout_elasticsearch_up", &[], |value| value > 0.5);
    watched.figure("stakeout_rule_lag_seconds", &of_rule, |value| value < 3.0);
}

#[test]
fn a_cluster_without_the_alerts_index_is_not_ready() {
    let Some(node) = OwnNode::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let rule = rule_over(folder.path(), &["logs-aws.cloudtrail-*"], "now-2h", "1h");
    let rule = rule.display().to_string();
    let watched = Watched::start(folder.path(), &["--rules", &rule, "--elasticsearch-url", node.url()]);
    assert_eq!(watched.told("/readyz", 200), "ok\n");
    node.client().send("DELETE", "/stakeout-alerts-000001", None).expect("an answer");
    let reason = watched.told("/readyz", 503);
    assert!(
        reason.contains("no alerts index: nothing stands behind the alias `stakeout-alerts`"),
        "{reason}"
    );
}

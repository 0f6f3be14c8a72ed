//! `stakeout check` on a real node: each thing that is not as it should be is named, with what to do.

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::front::{Answers, Front};
use support::program::{Ended, stakeout};
use support::story::{Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Cluster, cluster_url};
use tempfile::TempDir;

/// A node with events, a rule over them, and an alerts index of the test's own.
struct Place {
    node: Cluster,
    rule: PathBuf,
    alerts: String,
    folder: TempDir,
}

/// What a check said.
struct Checked {
    ended: Ended,
    findings: Vec<Value>,
}

impl Place {
    /// A place whose pattern is `logs…*`; nothing is behind it yet.
    fn empty() -> Option<Self> {
        let node = Cluster::connect()?;
        let folder = tempfile::tempdir().expect("a folder");
        let rule = rule_over(folder.path(), &[&(node.name("logs") + "*")], "now-6m", "5m");
        let alerts = node.name("alerts");
        Some(Self { node, rule, alerts, folder })
    }

    /// The same with an index of the usual types.
    fn mapped() -> Option<Self> {
        let place = Self::empty()?;
        place.node.put(&format!("/{}", place.index()), &mapping());
        Some(place)
    }

    fn index(&self) -> String {
        self.node.name("logs")
    }

    fn add(&self, index: &str, events: &[SignIn]) {
        self.node.bulk(index, events.iter().map(|event| event.document(Shape::Integration)));
        self.node.refresh(index);
    }

    fn add_usual(&self) {
        let event = |number: i64| {
            let time = seconds_ago(60 + 600 * number);
            SignIn {
                ingested: Some(time + chrono::TimeDelta::seconds(30)),
                ..SignIn::new(format!("e-{number}"), time)
            }
        };
        self.add(&self.index(), &(0..20).map(event).collect::<Vec<_>>());
    }

    fn run_once(&self) {
        let rule = self.rule.to_str().expect("a path");
        let url = self.node.url();
        let once =
            ["run", "--once", "--no-triage", "--elasticsearch-url", url, "--alerts-index", &self.alerts];
        let ended = stakeout(&[&once[..], &["--rules", rule]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    fn check(&self) -> Checked {
        self.check_at(self.node.url())
    }

    fn check_before(&self, answers: Answers) -> Checked {
        self.check_at(&Front::before(self.node.url(), answers).url())
    }

    fn check_at(&self, url: &str) -> Checked {
        self.check_with(url, &[])
    }

    fn check_with(&self, url: &str, more: &[&str]) -> Checked {
        let rule = self.rule.to_str().expect("a path");
        let place = ["--elasticsearch-url", url, "--alerts-index", &self.alerts, "--rules", rule];
        let ended = stakeout(&[&["check"], &place[..], more].concat());
        Checked { findings: ended.lines(), ended }
    }

    /// Writes a rule over the same indices that goes by when events happened; gives its path.
    fn by_time_of_event(&self) -> String {
        let text = std::fs::read_to_string(&self.rule).expect("the rule");
        let text = text
            .replace("timestamp_override = \"event.ingested\"\n", "")
            .replace(support::story::RULE_ID, "7a3c2f10-5b1e-4c53-9d0c-2f2a7be0c111")
            .replace("name = \"AWS EC2 Instance", "name = \"By event: AWS EC2 Instance");
        assert!(!text.contains("timestamp_override"), "{text}");
        let path = self.folder.path().join("by_event.toml");
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Checked {
    /// The first finding in this state whose subject and text hold these words.
    fn finds(&self, state: &str, subject: &str, words: &str) -> &Value {
        let fits = |finding: &&Value| {
            let holds =
                |key: &str, words: &str| finding[key].as_str().is_some_and(|text| text.contains(words));
            finding["state"] == state && holds("subject", subject) && holds("found", words)
        };
        let found = self.findings.iter().find(fits);
        found.unwrap_or_else(|| panic!("no {state} `{subject}` with `{words}`: {:#?}", self.findings))
    }

    fn is_missing(&self, subject: &str, words: &str) -> &Value {
        assert_eq!(self.ended.code, Some(1), "{:?}", self.ended);
        self.finds("missing", subject, words)
    }
}

#[test]
fn a_place_in_order_is_called_so() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    place.finds_alerts_index_not_made();
    place.run_once();
    let checked = place.check();
    assert_eq!(checked.ended.code, Some(0), "{:?}", checked.ended);
    let subjects =
        ["connection", "clock", "indices", "events", "rule", "alerts index", "state index", "checkpoint"];
    for subject in subjects {
        checked.finds("ok", subject, "");
    }
    checked.finds("ok", "alerts index", &format!("new alerts go to {}-000001", place.alerts));
    checked.finds("ok", "arrival", "all events carry `event.ingested`");
    checked.finds("ok", "arrival", "99 % within 30.0 s (20 events of 24 hours)");
    let asked: Vec<&str> = checked.findings.iter().filter_map(|finding| finding["asked"].as_str()).collect();
    assert_eq!(asked.len(), checked.findings.len());
    // What is asked with nothing but a path can be asked again as it stands.
    for path in asked.iter().filter_map(|asked| asked.strip_prefix("GET ")) {
        let reply = place.node.send("GET", path, None).expect("an answer");
        assert!(reply.status == 200 || path.contains("/_doc/"), "{path}: {reply:?}");
    }
}

impl Place {
    fn finds_alerts_index_not_made(&self) {
        let checked = self.check();
        assert_eq!(checked.ended.code, Some(0), "{:?}", checked.ended);
        let advice = &checked.finds("warning", "alerts index", "not made yet")["advice"];
        assert!(advice.as_str().is_some_and(|advice| advice.contains("stakeout setup")), "{advice}");
        checked.finds("ok", "checkpoint", "none yet");
    }
}

#[test]
fn no_index_at_all() {
    let Some(place) = Place::empty() else { return };
    let checked = place.check();
    checked.is_missing("indices", "no index matches");
    checked.is_missing("rule", "no index behind");
}

#[test]
fn fields_mapped_as_text_alone() {
    let Some(place) = Place::empty() else { return };
    let mut texts = mapping();
    texts["mappings"]["properties"]["event.action"] = json!({"type": "text"});
    place.node.put(&format!("/{}", place.index()), &texts);
    place.add_usual();
    let finding = place.check().is_missing("rule", "event.action").clone();
    assert!(
        finding["found"].as_str().is_some_and(|found| found.contains("ConsoleLogin")),
        "the clause: {finding}"
    );
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains("field")), "{finding}");
}

#[test]
fn conflicting_mappings() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    let mut other = mapping();
    other["mappings"]["properties"]["user.id"] = json!({"type": "long"});
    let index = place.index() + "-other";
    place.node.put(&format!("/{index}"), &other);
    let checked = place.check();
    checked.is_missing("rule", "`user.id`");
    checked.is_missing("rule", &index);
}

#[test]
fn events_without_an_arrival() {
    let Some(place) = Place::mapped() else { return };
    place.add(&place.index(), &[SignIn { ingested: None, ..SignIn::new("bare", seconds_ago(60)) }]);
    let checked = place.check();
    let finding = checked.finds("warning", "arrival", "1 of 1 events lack `event.ingested`");
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains("more than 60 s")), "{finding}");
}

#[test]
fn events_that_come_later_than_a_rule_by_their_own_time_looks_back() {
    let Some(place) = Place::mapped() else { return };
    let late = |number: i64| {
        let time = seconds_ago(4000 + 60 * number);
        SignIn {
            ingested: Some(time + chrono::TimeDelta::hours(1)),
            ..SignIn::new(format!("l-{number}"), time)
        }
    };
    place.add(&place.index(), &(0..10).map(late).collect::<Vec<_>>());
    let other = place.by_time_of_event();
    let checked = place.check_with(place.node.url(), &["--rules", &other]);
    let finding = checked.finds("warning", "arrival", "windows by `@timestamp` overlap by 60.0 s");
    let advice = finding["advice"].as_str().expect("advice");
    assert!(advice.contains("`from = \"now-65m\"`") && advice.contains("By event: "), "{advice}");
    checked.finds("ok", "arrival", "windows go by arrival");
}

#[test]
fn events_of_which_nobody_can_tell_how_late_they_come() {
    let Some(place) = Place::mapped() else { return };
    place.add(&place.index(), &[SignIn { ingested: None, ..SignIn::new("bare", seconds_ago(60)) }]);
    let other = place.by_time_of_event();
    place.check_with(place.node.url(), &["--rules", &other]).finds(
        "warning",
        "arrival",
        "none carries `event.ingested`",
    );
}

#[test]
fn an_event_of_the_future_hides_no_silence() {
    let Some(place) = Place::mapped() else { return };
    place.add(
        &place.index(),
        &[SignIn::new("old", seconds_ago(3 * 3600)), SignIn::new("odd", seconds_ago(-86_400))],
    );
    let checked = place.check();
    checked.finds("warning", "events", "1 in 24 hours, but none since");
    checked.finds("warning", "events", "1 lie more than 60 s in the future");
}

#[test]
fn searches_that_lack_shards_are_told() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    let index = place.index() + "-text";
    let mut texts = mapping();
    texts["mappings"]["properties"]["@timestamp"] = json!({"type": "text"});
    texts["mappings"]["properties"]["event.ingested"] = json!({"type": "text"});
    place.node.put(&format!("/{index}"), &texts);
    place.node.bulk(&index, [json!({"@timestamp": "noon", "event.ingested": "noon"})]);
    place.node.refresh(&index);
    place.check().is_missing("events", "shards failed: `");
}

#[test]
fn events_that_have_stopped_coming() {
    let Some(place) = Place::mapped() else { return };
    place.add(&place.index(), &[SignIn::new("old", seconds_ago(3 * 3600))]);
    place.check().finds("warning", "events", "1 in 24 hours, but none since");
    place.node.delete(&format!("/{}", place.index()));
    place.node.put(&format!("/{}", place.index()), &mapping());
    place.add(&place.index(), &[SignIn::new("older", seconds_ago(50 * 3600))]);
    place.check().finds(
        "warning",
        "events",
        "none in 24 hours by `event.ingested`, else `@timestamp`; the newest of",
    );
}

#[test]
fn a_closed_index() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    let closed = place.index() + "-closed";
    place.node.put(&format!("/{closed}"), &mapping());
    place.node.send("POST", &format!("/{closed}/_close"), None).expect("an answer");
    let finding = place.check().is_missing("indices", &closed).clone();
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains("_open")), "{finding}");
}

#[test]
fn an_alerts_index_that_takes_nothing() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    place.run_once();
    place
        .node
        .put(&format!("/{}/_settings", place.alerts), &json!({"index.blocks.read_only_allow_delete": true}));
    place.check().is_missing("alerts index", "index.blocks.read_only_allow_delete");
}

#[test]
fn an_alias_that_is_not_written_to() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    place.run_once();
    let next = format!("{}-000002", place.alerts);
    place.node.put(&format!("/{next}"), &json!({}));
    let point = |index: &str, write: bool| json!({"add": {"index": index, "alias": place.alerts, "is_write_index": write}});
    let actions = [point(&format!("{}-000001", place.alerts), false), point(&next, false)];
    place.node.send("POST", "/_aliases", Some(&json!({"actions": actions}))).expect("an answer");
    let finding = place.check().is_missing("alerts index", "none of them is written to").clone();
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains(&next)), "{finding}");
}

#[test]
fn checkpoints_that_have_no_index_or_cannot_be_written() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    place.run_once();
    let state = format!("/{}-state", place.alerts);
    place.node.put(&format!("{state}/_settings"), &json!({"index.blocks.write": true}));
    place.check().is_missing("state index", "index.blocks.write");
    place.node.put(&format!("{state}/_settings"), &json!({"index.blocks.write": null}));
    place.node.delete(&state);
    let checked = place.check();
    assert_eq!(checked.ended.code, Some(0), "without security the next run makes it: {:?}", checked.ended);
    checked.finds("warning", "state index", "not made yet");
}

#[test]
fn an_index_in_the_place_of_the_alias() {
    let Some(place) = Place::mapped() else { return };
    place.node.put(&format!("/{}", place.alerts), &json!({}));
    place.check().is_missing("alerts index", "an index has the name that the alias needs");
}

#[test]
fn owed_time_and_a_daemon_that_stands_still() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    place.run_once();
    let state = format!("{}-state", place.alerts);
    let path = format!("/{state}/_doc/{}", support::story::RULE_ID);
    let mut kept = place.node.get(&path)["_source"].clone();
    kept["done_until"] = json!(seconds_ago(3600));
    place.node.put(&path, &kept);
    place.check().finds("warning", "checkpoint", "360");
    kept["owed"] = json!([{"from": seconds_ago(9000), "to": seconds_ago(8000), "since": seconds_ago(7000), "attempts": 3,
        "tried_at": seconds_ago(100), "retry_at": seconds_ago(0), "reason": "a shard is gone"}]);
    place.node.put(&path, &kept);
    place.check().finds("warning", "checkpoint", "owed: 1 stretches");
}

#[test]
fn a_checkpoint_by_a_clock_that_was_ahead_until_it_is_taken_back() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    place.run_once();
    let path = format!("/{}-state/_doc/{}", place.alerts, support::story::RULE_ID);
    let mut kept = place.node.get(&path)["_source"].clone();
    kept["done_until"] = json!(seconds_ago(-3600));
    place.node.put(&path, &kept);
    place.check().finds("warning", "checkpoint", "which has not come yet");
    place.run_once();
    place.check().finds("ok", "checkpoint", "read until");
}

#[test]
fn a_clock_that_is_off() {
    let Some(place) = Place::mapped() else { return };
    let time = seconds_ago(300).timestamp_millis();
    let stats = json!({"nodes": {"a": {"timestamp": time}}});
    let checked = place.check_before(vec![("/_nodes/_local/stats", 200, stats)]);
    checked.finds("warning", "clock", "this machine's clock is 300");
    checked.finds("warning", "clock", "ahead of the cluster's");
}

#[test]
fn an_address_that_does_not_answer_beside_one_that_does() {
    let Some(place) = Place::mapped() else { return };
    place.add_usual();
    let checked = place.check_at(&format!("http://127.0.0.1:9,{}", place.node.url()));
    assert_eq!(checked.ended.code, Some(0), "{:?}", checked.ended);
    checked.finds("warning", "connection", "at `http://127.0.0.1:9`: connection refused");
    checked.finds("ok", "connection", place.node.url());
}

#[test]
fn a_cluster_that_does_not_let_itself_be_greeted() {
    let Some(place) = Place::mapped() else { return };
    let reason = json!({"error": {"type": "security_exception", "reason": "action [cluster:monitor/main] is unauthorized"}});
    let checked = place.check_before(vec![("/", 403, reason)]);
    checked.is_missing("connection", "it answers, and refuses");
    checked.finds("warning", "privileges", "no security");
    checked.finds("ok", "rule", "fields are mapped");
}

#[test]
fn privileges_in_other_clusters_are_left_out_and_named() {
    let Some(mut place) = Place::mapped() else { return };
    place.rule = rule_over(place.folder.path(), &[&place.index(), "far:logs-*"], "now-6m", "5m");
    let all = json!({"username": "u", "has_all_requested": true, "cluster": {"monitor": true}, "index": {}});
    let checked = place.check_before(vec![("/_security/user/_has_privileges", 200, all)]);
    checked.finds("ok", "privileges", "`u` has all");
    let finding = checked.finds("warning", "privileges", "`far:logs-*`");
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains("remote_indices")), "{finding}");
}

#[test]
fn a_cluster_that_answers_no_expensive_queries() {
    let Some(place) = Place::mapped() else { return };
    let settings = json!({"persistent": {"search": {"allow_expensive_queries": "false"}}});
    let checked = place.check_before(vec![("/_cluster/settings", 200, settings)]);
    checked.finds("warning", "search.allow_expensive_queries", "false");
    checked.finds("warning", "rule", "evaluated here: `stringContains (user.id");
}

#[test]
fn a_version_that_is_too_old() {
    let Some(place) = Place::mapped() else { return };
    let greeting = json!({"cluster_name": "old", "version": {"number": "7.17.0", "build_flavor": "default"}});
    let checked = place.check_before(vec![("/", 200, greeting)]);
    checked.is_missing("connection", "7.17.0");
    assert_eq!(checked.findings.len(), 1, "nothing else can be relied on");
}

#[test]
fn privileges_that_are_missing() {
    let Some(place) = Place::mapped() else { return };
    let lacking = json!({"username": "reader", "has_all_requested": false, "cluster": {"monitor": false},
        "index": {"logs-*": {"read": true, "view_index_metadata": false}}, "application": {}});
    let checked = place.check_before(vec![("/_security/user/_has_privileges", 200, lacking)]);
    checked.is_missing("privileges", "`reader` lacks monitor on the cluster");
    let finding = checked.is_missing("privileges", "`reader` lacks view_index_metadata on `logs-*`");
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains("setup --print")), "{finding}");
    let all = json!({"username": "u", "has_all_requested": true, "cluster": {"monitor": true}, "index": {}});
    place.check_before(vec![("/_security/user/_has_privileges", 200, all)]).finds(
        "ok",
        "privileges",
        "`u` has all",
    );
}

#[test]
fn nobody_at_the_address() {
    if cluster_url().is_none() {
        return;
    }
    let ended = stakeout(&["check", "--elasticsearch-url", "http://127.0.0.1:9", "--request-timeout", "2"]);
    assert_eq!((ended.code, ended.lines().len()), (Some(1), 1), "{ended:?}");
    assert!(ended.line()["found"].as_str().is_some_and(|found| found.contains("127.0.0.1:9")), "{ended:?}");
}

//! `audit` on a real node: exactly the alerts that are not there are named, exactly those are written, and what cannot
//! be compared is never called complete.

mod support;

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use support::program::{Ended, stakeout};
use support::story::{RULE_ID, Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Client, Cluster};
use tempfile::TempDir;

/// The test's own indices on a shared node, the seed rule over them, and its own alerts.
struct Place {
    node: Cluster,
    _folder: TempDir,
    rule: String,
    alerts: String,
}

impl Place {
    fn new() -> Option<Self> {
        let node = Cluster::connect()?;
        let folder = tempfile::tempdir().expect("a folder");
        let patterns = [node.name("filebeat") + "*", node.name("logs") + "*"];
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let rule = rule_over(folder.path(), &patterns, "now-6m", "5m").display().to_string();
        for name in ["filebeat", "logs"] {
            node.put(&format!("/{}", node.name(name)), &mapping());
        }
        let alerts = node.name("alerts");
        Some(Self { node, _folder: folder, rule, alerts })
    }

    fn index(&self, shape: Shape) -> String {
        self.node.name(if shape == Shape::Integration { "logs" } else { "filebeat" })
    }

    /// Writes events, each under its own id.
    fn add(&self, events: &[SignIn], shape: Shape) {
        let documents = events.iter().map(|event| (event.id.clone(), event.document(shape)));
        self.node.bulk(&self.index(shape), documents);
        self.node.refresh(&self.index(shape));
    }

    /// So many matches, a minute apart.
    fn add_matches(&self, number: i64) {
        let events: Vec<SignIn> =
            (0..number).map(|n| SignIn::new(format!("e{n}"), seconds_ago(100 + 60 * n))).collect();
        self.add(&events, Shape::Integration);
    }

    fn stakeout(&self, arguments: &[&str]) -> Ended {
        let url = self.node.url().to_owned();
        let fixed = ["--elasticsearch-url", &url, "--alerts-index", &self.alerts, "--rules", &self.rule];
        stakeout(&[arguments, &fixed].concat())
    }

    fn backfill(&self) {
        // A triage would make the alerts searchable at once.
        let ended = self.stakeout(&["run", "--backfill", "6h", "--no-triage"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    fn audit(&self, more: &[&str]) -> Audited {
        Audited::of(&self.stakeout(&[&["audit", "6h"], more].concat()))
    }

    /// The alerts by their events' ids: pairs of that and the alert's `_id`.
    fn alerts(&self) -> BTreeSet<(String, String)> {
        self.node.refresh(&self.alerts);
        let found = self
            .node
            .post(&format!("/{}/_search", self.alerts), &json!({"size": 5000, "_source": ["event.id"]}));
        let hits = found["hits"]["hits"].as_array().expect("hits");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let event = |hit: &Value| {
            let source = &hit["_source"];
            text(source.get("event.id").unwrap_or(&source["event"]["id"]))
        };
        hits.iter().map(|hit| (event(hit), text(&hit["_id"]))).collect()
    }

    /// Deletes the alerts of these events.
    fn lose(&self, events: &[&str]) {
        for (event, alert) in self.alerts().iter().filter(|(event, _)| events.contains(&event.as_str())) {
            let deleted = self.delete(alert);
            assert_eq!(deleted, 200, "{event}");
        }
        self.node.refresh(&self.alerts);
    }

    fn delete(&self, alert: &str) -> u16 {
        let path = format!("/{}-000001/_doc/{alert}", self.alerts);
        self.node.send("DELETE", &path, None).expect("an answer").status
    }

    /// Every index, alias and template of this test beside those with events.
    fn made(&self) -> Value {
        let any = format!("*{}*", self.node.token());
        let indices = self.node.get(&format!("/_resolve/index/{any}?expand_wildcards=all"));
        let templates =
            self.node.send("GET", &format!("/_index_template/{any}"), None).expect("an answer").body;
        let own = |list: &Value| -> Vec<Value> {
            let names = list.as_array().into_iter().flatten().map(|one| one["name"].clone());
            names
                .filter(|name| {
                    ![self.index(Shape::Integration), self.index(Shape::Filebeat)]
                        .iter()
                        .any(|own| name == own)
                })
                .collect()
        };
        json!([own(&indices["indices"]), own(&indices["aliases"]), own(&templates["index_templates"])])
    }
}

/// What an audit of one rule printed.
#[derive(Debug)]
struct Audited {
    code: Option<i32>,
    stderr: String,
    /// The lines about matches without an alert.
    named: Vec<Value>,
    totals: Value,
}

impl Audited {
    fn of(ended: &Ended) -> Self {
        let mut named = ended.lines();
        let totals = named.pop().unwrap_or_else(|| panic!("{ended:?}"));
        Self { code: ended.code, stderr: ended.stderr.clone(), named, totals }
    }

    /// The named events' ids and why they have no alert.
    fn events(&self) -> BTreeSet<(String, String)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let events: BTreeSet<_> =
            self.named.iter().map(|line| (text(&line["id"]), text(&line["why"]))).collect();
        assert_eq!(events.len(), self.named.len(), "each is named once: {self:?}");
        events
    }

    fn counts<const N: usize>(&self, keys: [&str; N]) -> [u64; N] {
        keys.map(|key| self.totals[key].as_u64().unwrap_or_else(|| panic!("{key}: {self:?}")))
    }

    fn is_clean(&self, matches: u64) {
        assert_eq!((self.code, self.named.len()), (Some(0), 0), "{self:?}");
        let counts = self.counts(["matches", "alerts_existing", "missing", "owed", "not_read_yet"]);
        assert_eq!(counts, [matches, matches, 0, 0, 0], "{self:?}");
        assert_eq!(self.totals["incomplete"], json!([]), "{self:?}");
    }
}

fn pairs(list: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    list.iter().map(|(one, two)| ((*one).to_owned(), (*two).to_owned())).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn close(node: &Client, index: &str) {
    let closed = node.send("POST", &format!("/{index}/_close"), None).expect("an answer");
    assert_eq!(closed.status, 200, "{closed:?}");
}

#[test]
fn after_a_backfill_nothing_is_missing() {
    let Some(place) = Place::new() else { return };
    place.add_matches(6);
    place.add(&[SignIn::new("miss", seconds_ago(90)).near_miss(0)], Shape::Integration);
    place.backfill();
    let audited = place.audit(&[]);
    audited.is_clean(6);
    let keys: Vec<&str> = audited.totals.as_object().expect("an object").keys().map(String::as_str).collect();
    let contract = [
        "rule_id",
        "rule",
        "from",
        "to",
        "windows",
        "matches",
        "alerts_existing",
        "missing",
        "owed",
        "not_read_yet",
        "before_first_window",
        "incomplete",
        "took_ms",
    ];
    assert_eq!(keys, contract);
    assert_eq!(audited.totals["windows"], 6, "the same windows as a backfill's");
}

#[test]
fn lost_alerts_are_named_exactly_and_repaired_exactly() {
    let Some(place) = Place::new() else { return };
    place.add_matches(6);
    place.backfill();
    let truth = place.alerts();
    place.lose(&["e1", "e4"]);
    let left = place.alerts();

    let audited = place.audit(&[]);
    assert_eq!(audited.code, Some(1), "{audited:?}");
    assert_eq!(audited.events(), pairs(&[("e1", "missing"), ("e4", "missing")]));
    assert_eq!(audited.counts(["matches", "alerts_existing", "missing"]), [6, 4, 2]);
    for line in &audited.named {
        assert_eq!(
            (&line["rule_id"], &line["index"]),
            (&json!(RULE_ID), &json!(place.index(Shape::Integration)))
        );
        let alert =
            (line["id"].as_str().expect("id").to_owned(), line["alert_id"].as_str().expect("id").to_owned());
        assert!(truth.contains(&alert) && !left.contains(&alert), "{line}");
        assert!(line["time"].is_string() && line.get("repaired").is_none(), "{line}");
        assert!(line["reason"].as_str().is_some_and(|reason| reason.contains("ConsoleLogin")), "{line}");
    }
    assert_eq!(place.alerts(), left, "an audit writes nothing");

    let repaired = place.audit(&["--repair"]);
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    assert_eq!(repaired.events(), audited.events());
    assert!(repaired.named.iter().all(|line| line["repaired"] == true), "{repaired:?}");
    assert_eq!(repaired.counts(["missing", "repaired"]), [2, 2]);
    assert_eq!(place.alerts(), truth);
    place.audit(&[]).is_clean(6);
}

#[test]
fn without_an_alerts_index_all_is_missing_and_only_a_repair_makes_one() {
    let Some(place) = Place::new() else { return };
    place.add_matches(3);
    let audited = place.audit(&[]);
    assert_eq!((audited.code, audited.named.len()), (Some(1), 3), "{audited:?}");
    assert!(audited.named.iter().all(|line| line["why"] == "missing"), "{audited:?}");
    assert_eq!(place.made(), json!([[], [], []]), "an audit makes nothing");
    let repaired = place.audit(&["--repair"]);
    assert_eq!((repaired.code, repaired.counts(["repaired"])), (Some(0), [3]), "{repaired:?}");
    assert_eq!(place.alerts().len(), 3);
    place.audit(&[]).is_clean(3);
}

#[test]
fn what_the_checkpoint_explains_is_told_apart() {
    let Some(place) = Place::new() else { return };
    let once = place.stakeout(&["run", "--once"]);
    assert_eq!(once.code, Some(0), "{once:?}");
    let document = format!("/{}-state/_doc/{RULE_ID}", place.alerts);
    let mut cursor = place.node.get(&document)["_source"].clone();
    let set = |cursor: &Value| place.node.put(&format!("{document}?refresh=true"), cursor);
    cursor["origin"] = json!(time(seconds_ago(7200)));
    cursor["owed"] = json!([{"from": time(seconds_ago(3000)), "to": time(seconds_ago(2000)), "since": time(seconds_ago(1900)),
        "attempts": 1, "tried_at": time(seconds_ago(60)), "retry_at": time(seconds_ago(0)), "reason": "index `a` is red"}]);
    set(&cursor);
    let events = [("history", 9000), ("lost", 4000), ("red", 2500), ("new", 5)]
        .map(|(id, ago)| SignIn::new(id, seconds_ago(ago)));
    place.add(&events, Shape::Integration);
    // Its arrival is not told, so that it counts by when it happened.
    place.add(&[SignIn { ingested: None, ..SignIn::new("unstamped", seconds_ago(2600)) }], Shape::Filebeat);

    let audited = place.audit(&[]);
    assert_eq!(audited.code, Some(1), "{audited:?}");
    let whys = pairs(&[
        ("history", "before_first_window"),
        ("lost", "missing"),
        ("red", "owed"),
        ("unstamped", "owed"),
        ("new", "not_read_yet"),
    ]);
    assert_eq!(audited.events(), whys);
    assert_eq!(audited.counts(["missing", "owed", "not_read_yet", "before_first_window"]), [1, 2, 1, 1]);
    let before = place.node.get(&document);
    assert_eq!(before["_source"], cursor, "an audit moves no checkpoint");

    // What comes by itself is no failure, unless it should have come already.
    let recent = Audited::of(&place.stakeout(&["audit", "30m"]));
    assert_eq!((recent.code, recent.events()), (Some(0), pairs(&[("new", "not_read_yet")])), "{recent:?}");
    cursor["done_until"] = json!(time(seconds_ago(1800)));
    set(&cursor);
    let late = Audited::of(&place.stakeout(&["audit", "30m"]));
    assert_eq!((late.code, late.events()), (Some(1), pairs(&[("new", "not_read_yet")])), "{late:?}");
    assert_eq!(late.totals["overdue"], true);
    place.audit(&["--repair"]);
    assert_eq!(place.node.get(&document)["_source"], cursor, "a repair moves no checkpoint");
    place.audit(&[]).is_clean(5);
}

#[test]
fn a_closed_index_of_events_leaves_the_audit_incomplete() {
    let Some(place) = Place::new() else { return };
    place.add_matches(2);
    place.add(&[SignIn::new("away", seconds_ago(60))], Shape::Filebeat);
    place.backfill();
    place.lose(&["e1", "away"]);
    close(&place.node, &place.index(Shape::Filebeat));
    for more in [&[][..], &["--repair"], &[]] {
        let audited = place.audit(more);
        assert_eq!(audited.code, Some(1), "{audited:?}");
        let incomplete = audited.totals["incomplete"].as_array().expect("a list").clone();
        assert_eq!(incomplete.len(), 1, "windows with one reason are one stretch: {audited:?}");
        assert_eq!(
            (&incomplete[0]["from"], &incomplete[0]["to"]),
            (&audited.totals["from"], &audited.totals["to"])
        );
        assert!(incomplete[0]["reason"].as_str().expect("words").contains(&place.index(Shape::Filebeat)));
        assert!(audited.stderr.contains("could not be compared whole"), "{audited:?}");
    }
    assert!(place.alerts().iter().any(|(event, _)| event == "e1"), "what can be read is repaired");
}

#[test]
fn alerts_that_cannot_be_read_are_not_called_missing() {
    let Some(place) = Place::new() else { return };
    place.add_matches(3);
    place.backfill();
    place.node.post(&format!("/{}/_rollover", place.alerts), &json!({}));
    place.add(&[SignIn::new("later", seconds_ago(60))], Shape::Integration);
    place.backfill();
    place.audit(&[]).is_clean(4);

    // A search leaves a closed index out without a word.
    close(&place.node, &format!("{}-000001", place.alerts));
    for more in [&[][..], &["--repair"]] {
        let audited = place.audit(more);
        assert_eq!((audited.code, audited.named.len()), (Some(1), 0), "{audited:?}");
        let reason = audited.totals["incomplete"][0]["reason"].as_str().expect("a reason").to_owned();
        assert!(
            reason.contains(&format!("{}-000001", place.alerts)) && reason.contains("closed"),
            "{reason}"
        );
    }
    let open = format!("/{}-000001/_open?wait_for_active_shards=1", place.alerts);
    place.node.send("POST", &open, None).expect("an open index");
    place.audit(&[]).is_clean(4);
}

#[test]
fn alerts_that_no_search_shows_yet_are_there() {
    let Some(place) = Place::new() else { return };
    place.backfill();
    let settings = json!({"index": {"refresh_interval": "-1"}});
    place.node.put(&format!("/{}-000001/_settings", place.alerts), &settings);
    place.add_matches(3);
    place.backfill();
    let found = place.node.post(&format!("/{}/_search", place.alerts), &json!({}));
    assert_eq!(found["hits"]["total"]["value"], 0, "not searchable");
    place.audit(&[]).is_clean(3);
}

#[test]
fn two_documents_of_one_finding_are_one_alert() {
    let Some(place) = Place::new() else { return };
    let both = SignIn::new("both", seconds_ago(300));
    place.add(std::slice::from_ref(&both), Shape::Filebeat);
    place.add(&[both], Shape::Integration);
    // The second comes hours later, in another window.
    place.add(&[SignIn::new("again", seconds_ago(300))], Shape::Filebeat);
    place.add(&[SignIn::new("again", seconds_ago(15_000))], Shape::Integration);
    let audited = place.audit(&[]);
    assert_eq!((audited.code, audited.named.len()), (Some(1), 2), "{audited:?}");
    assert_eq!(audited.events(), pairs(&[("both", "missing"), ("again", "missing")]));
    assert_eq!(audited.counts(["matches", "alerts_existing", "missing"]), [4, 0, 2]);
    let repaired = place.audit(&["--repair"]);
    assert_eq!((repaired.code, repaired.counts(["missing", "repaired"])), (Some(0), [2, 2]), "{repaired:?}");
    assert_eq!(place.alerts().len(), 2);
    place.audit(&[]).is_clean(4);
}

#[test]
fn hostile_values_stay_within_their_line() {
    let Some(place) = Place::new() else { return };
    let hostile = "a\u{1b}[2J\nb\r\u{202e}\u{9b}31m`\"";
    let mut document = SignIn::new("x", seconds_ago(100)).document(Shape::Filebeat);
    document["user.name"] = json!(hostile);
    document["event.id"] = json!(hostile);
    place.node.bulk(&place.index(Shape::Filebeat), [(hostile, document)]);
    // The alerts index maps `source` as an object, so that this one can only be written in its reduced form.
    let mut odd = SignIn::new("odd", seconds_ago(60)).document(Shape::Filebeat);
    odd.as_object_mut().expect("an object").remove("source.ip");
    odd["source"] = json!("198.51.100.77");
    let odd_index = place.index(Shape::Filebeat) + "-odd";
    place.node.bulk(&odd_index, [("odd", odd)]);
    place.node.refresh(&(place.index(Shape::Filebeat) + "," + &odd_index));

    let audited = place.audit(&[]);
    assert_eq!(audited.named.len(), 2, "{audited:?}");
    let line = audited.named.iter().find(|line| line["id"] == hostile).expect("its id, unchanged");
    assert!(!line["reason"].as_str().expect("words").contains(char::is_control), "{line}");
    let human = place.stakeout(&["audit", "6h", "--format", "human"]);
    assert_eq!((human.code, human.stdout.lines().count()), (Some(1), 3), "{human:?}");
    let raw = |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
    assert!(!raw(&human.stdout) && !raw(&human.stderr), "{human:?}");
    assert!(human.stdout.starts_with("missing: ") && human.stdout.contains("2 missing"), "{human:?}");
    let repaired = place.audit(&["--repair"]);
    assert_eq!((repaired.code, repaired.counts(["repaired"])), (Some(0), [2]), "{repaired:?}");
    place.audit(&[]).is_clean(2);
}

#[test]
fn what_cannot_be_written_is_said_and_the_rest_is_written() {
    let Some(place) = Place::new() else { return };
    place.add_matches(3);
    place.backfill();
    place.lose(&["e1"]);
    let index = format!("/{}-000001/_settings", place.alerts);
    place.node.put(&index, &json!({"index.blocks.write": true}));
    let refused = place.audit(&["--repair"]);
    assert_eq!((refused.code, refused.events()), (Some(1), pairs(&[("e1", "missing")])), "{refused:?}");
    assert_eq!(refused.named[0]["repaired"], false);
    assert!(refused.named[0]["error"].as_str().is_some_and(|error| error.contains("block")), "{refused:?}");
    place.node.put(&index, &json!({"index.blocks.write": null}));
    assert_eq!(place.audit(&["--repair"]).code, Some(0));
    place.audit(&[]).is_clean(3);
}

//! Cases for groups of alerts on a real node, in a Kibana that stands in for one: each group has one case that tells of
//! each of its alerts once, whatever fails in between.

#[path = "cases/kibana.rs"]
mod kibana;
#[path = "alert/schema.rs"]
mod schema;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use kibana::{Fault, Kibana, Told};
use schema::assert_satisfies_the_schemas;
use serde_json::{Value, json};
use support::program::{Ended, Running, stakeout};
use support::story::{Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Cluster, eventually};

/// Events on a node, a rule over them, an index for the alerts, and a Kibana.
struct Scene {
    node: Cluster,
    folder: tempfile::TempDir,
    rule: PathBuf,
    events: String,
    alerts: String,
    kibana: Kibana,
}

impl Scene {
    fn new(from: &str, interval: &str) -> Option<Self> {
        let node = Cluster::connect()?;
        let folder = tempfile::tempdir().expect("a folder");
        let (events, alerts) = (node.name("filebeat"), node.name("alerts"));
        node.put(&format!("/{events}"), &mapping());
        let rule = rule_over(folder.path(), &[&events], from, interval);
        Some(Self { node, folder, rule, events, alerts, kibana: Kibana::start() })
    }

    /// A sign-in of `who`, so many minutes ago, under a name that may be anything.
    fn sign_in(&self, id: &str, who: u8, minutes: i64, name: &str) {
        let mut sign_in = SignIn::new(id, seconds_ago(60 * minutes));
        sign_in.user_id = format!("AROAEXAMPLE000000000{who:02}:i-0a1b2c3d4e5f000{who:02}");
        let mut document = sign_in.document(Shape::Integration);
        document["user"]["name"] = json!(name);
        document["user_agent"] = json!({"original": name});
        self.node.bulk(&self.events, [document]);
        self.node.refresh(&self.events);
    }

    fn arguments(&self) -> Vec<&str> {
        let rule = self.rule.to_str().expect("a plain path");
        let rest = [
            "--rules",
            rule,
            "--elasticsearch-url",
            self.node.url(),
            "--alerts-index",
            &self.alerts,
            "--kibana-url",
            &self.kibana.url,
            "--open-cases",
        ];
        [&["run"][..], &rest].concat()
    }

    fn backfill(&self) -> Ended {
        let ended = self.backfill_beside_others();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }

    /// A backfill that may leave to another one what that reads at the same time.
    fn backfill_beside_others(&self) -> Ended {
        self.backfill_with(&[])
    }

    fn backfill_with(&self, more: &[&str]) -> Ended {
        let ended = stakeout(&[&self.arguments()[..], &["--backfill", "1d"], more].concat());
        self.node.refresh(&self.alerts);
        ended
    }

    /// The alerts, by time.
    fn alerts(&self) -> Vec<Value> {
        let body = json!({"size": 100, "sort": ["kibana.alert.original_time"]});
        let found = self.node.post(&format!("/{}/_search", self.alerts), &body);
        let hits = found["hits"]["hits"].as_array().expect("hits").iter();
        hits.map(|hit| hit["_source"].clone()).collect()
    }

    /// Each alert is in the one case of its group, which tells of it once.
    #[track_caller]
    fn assert_settled(&self, alerts: usize, cases: usize) {
        let found = self.alerts();
        assert_eq!((found.len(), self.kibana.with(|state| state.cases.len())), (alerts, cases));
        for alert in found {
            let id = alert["kibana.alert.uuid"].as_str().expect("an id");
            let texts = self.kibana.texts(alert["stakeout.group.id"].as_str().expect("a group"));
            let told: usize = texts.iter().map(|text| text.matches(&format!("alert `{id}`")).count()).sum();
            assert_eq!(told, 1, "{id}: {texts:?}");
            assert!(alert["kibana.alert.case_ids"][0].is_string(), "{alert:#}");
            assert_satisfies_the_schemas(&alert);
        }
    }

    /// How many requests wrote to Kibana.
    fn writes(&self) -> usize {
        self.kibana.with(|state| state.seen.iter().filter(|line| line.starts_with("POST")).count())
    }
}

#[test]
fn a_group_has_one_case_and_whoever_joins_it_is_told_of_once() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    scene.sign_in("token", 1, 60, "app-role");
    scene.sign_in("login", 1, 59, "app-role");
    scene.sign_in("other", 2, 60, "web-role");
    scene.backfill();
    scene.assert_settled(3, 2);
    assert_eq!(scene.writes(), 2);
    scene.sign_in("later", 1, 50, "app-role");
    scene.backfill();
    scene.assert_settled(4, 2);
    assert_eq!(scene.writes(), 3);
    let before = scene.kibana.with(|state| state.seen.len());
    scene.backfill();
    assert_eq!(scene.kibana.with(|state| state.seen.len()), before, "nothing is left to ask Kibana for");
    let case = scene.kibana.with(|state| state.cases[0].clone());
    let title = case["title"].as_str().expect("a title");
    assert!(title.starts_with("AWS EC2 Instance Console Login via Assumed Role: "), "{title}");
    let description = case["description"].as_str().expect("a description");
    for words in ["### Alerts", "- Severity: ", "](<http://127.0.0.1:"] {
        assert!(description.contains(words), "{words}: {description}");
    }
    assert!(!description.contains("p%40ss"), "{description}");
}

#[test]
fn a_group_that_is_named_anew_keeps_its_case_and_a_deleted_case_is_replaced() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    scene.sign_in("second", 1, 50, "app-role");
    scene.backfill();
    // A group is named after its first alert, and this one comes late.
    scene.sign_in("first", 1, 60, "app-role");
    scene.backfill();
    let alerts = scene.alerts();
    assert_eq!(alerts[0]["stakeout.group.id"], alerts[1]["stakeout.group.id"]);
    assert_eq!(alerts[0]["kibana.alert.case_ids"], alerts[1]["kibana.alert.case_ids"]);
    assert_eq!(scene.kibana.with(|state| (state.cases.len(), state.comments["case-0"].len())), (1, 1));
    scene.kibana.with(|state| {
        state.cases[0]["id"] = json!("gone");
        state.cases[0]["tags"] = json!([]);
    });
    scene.sign_in("third", 1, 55, "app-role");
    scene.backfill();
    let last = scene.alerts()[1].clone();
    assert_eq!((&last["event"]["id"], &last["kibana.alert.case_ids"]), (&json!("third"), &json!(["case-1"])));
}

#[test]
fn an_alert_that_comes_to_the_top_grade_later_is_told_of_again_and_once() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    scene.sign_in("token", 1, 60, "app-role");
    scene.sign_in("login", 1, 59, "app-role");
    scene.backfill();
    let alert = &scene.alerts()[0];
    assert_eq!(alert["stakeout.case.grade"], "unexplained", "{alert:#}");
    let id = alert["kibana.alert.uuid"].as_str().expect("an id");
    // As a later answer would, and an analyst who has closed the alert before.
    let (grade, status) = (json!({"grade": "theft_likely"}), json!("closed"));
    let body = json!({"doc": {"stakeout.verdict": grade, "kibana.alert.workflow_status": status}});
    scene.node.post(&format!("/{}/_update/{id}", scene.alerts), &body);
    scene.node.refresh(&scene.alerts);
    scene.kibana.trouble("POST", "/comments", Fault::Lost, 1);
    for _ in 0..2 {
        scene.backfill();
        let comments = scene.kibana.with(|state| state.comments["case-0"].clone());
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(comments[0].contains(&format!("alert `{id}` is now graded theft likely")), "{comments:?}");
    }
    assert_eq!(scene.alerts()[0]["stakeout.case.grade"], "theft_likely");
    assert_eq!(scene.kibana.with(|state| state.cases.len()), 1);
}

#[test]
fn whatever_fails_once_no_alert_is_left_without_its_case_or_told_of_twice() {
    let faults = [
        ("GET", "/api/spaces", Fault::Status(502)),
        ("GET", "/_find", Fault::Status(429)),
        ("GET", "/_find", Fault::Html),
        ("POST", "/api/cases", Fault::Status(503)),
        ("POST", "/api/cases", Fault::Status(409)),
        ("POST", "/api/cases", Fault::Lost),
        ("POST", "/api/cases", Fault::Html),
        ("POST", "/comments", Fault::Status(500)),
        ("POST", "/comments", Fault::Lost),
        ("GET", "/comments/_find", Fault::Lost),
    ];
    for (method, path, fault) in faults {
        let Some(scene) = Scene::new("now-6m", "5m") else { return };
        scene.kibana.trouble(method, path, fault, 1);
        scene.sign_in("token", 1, 60, "app-role");
        scene.backfill();
        scene.sign_in("login", 1, 59, "app-role");
        scene.backfill();
        let left = scene.kibana.with(|state| state.troubles[0].times);
        assert_eq!(left, 0, "{method} {path} {fault:?} has struck");
        scene.assert_settled(2, 1);
    }
}

#[test]
fn what_kibana_does_late_is_waited_for_and_not_asked_for_twice() {
    let faults = [
        ("/api/cases", Told::Nothing),
        ("/api/cases", Told::End),
        ("/api/cases", Told::Proxy(504)),
        ("/comments", Told::Proxy(503)),
    ];
    std::thread::scope(|scope| {
        for (path, told) in faults {
            scope.spawn(move || {
                let Some(scene) = Scene::new("now-6m", "5m") else { return };
                scene.sign_in("token", 1, 60, "app-role");
                if path == "/comments" {
                    scene.backfill();
                }
                scene.sign_in("login", 1, 59, "app-role");
                let before = scene.writes();
                scene.kibana.trouble("POST", path, Fault::Late(told), 1);
                let ended = scene.backfill_with(&["--request-timeout", "3"]);
                assert!(ended.stderr.contains("Kibana may still carry out a request"), "{told:?}: {ended:?}");
                assert_eq!(scene.writes(), before + 1, "{path} {told:?}");
                scene.kibana.let_go();
                scene.backfill();
                assert_eq!(scene.writes(), before + 1, "{path} {told:?}");
                scene.assert_settled(2, 1);
            });
        }
    });
}

#[test]
fn what_kibana_never_does_is_asked_for_again_once_the_claim_has_ended() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    scene.sign_in("token", 1, 60, "app-role");
    scene.kibana.trouble("POST", "/api/cases", Fault::Late(Told::End), 1);
    for _ in 0..2 {
        let ended = scene.backfill();
        assert!(ended.stderr.contains("have no case until the next run"), "{ended:?}");
        assert_eq!(scene.writes(), 1);
    }
    let group = scene.alerts()[0]["stakeout.group.id"].as_str().expect("a group").to_owned();
    let claim = format!("/{}-state/_update/case:stakeout-group-{group}", scene.alerts);
    scene.node.post(&claim, &json!({"doc": {"updated_at": seconds_ago(301)}}));
    scene.backfill();
    assert_eq!(scene.writes(), 2);
    scene.assert_settled(1, 1);
}

#[test]
fn a_kibana_that_is_down_costs_no_alert_and_its_cases_come_later() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    scene.sign_in("token", 1, 60, "app-role");
    // The case is made, its answer lost, and Kibana gone: the next process finds it by its tag.
    scene.kibana.trouble("POST", "/api/cases", Fault::Lost, 1);
    scene.backfill_in_trouble("GET", "/api", 3);
    assert_eq!(scene.alerts().len(), 1);
    scene.backfill();
    scene.assert_settled(1, 1);
}

impl Scene {
    /// A backfill that finds all tries in vain after the first.
    fn backfill_in_trouble(&self, method: &'static str, path: &'static str, after: usize) {
        self.kibana.with(|state| state.seen.clear());
        std::thread::scope(|scope| {
            let run = scope.spawn(|| self.backfill());
            eventually(Duration::from_mins(1), "the first requests", || {
                self.kibana.with(|state| (state.seen.len() >= after).then_some(()))
            });
            self.kibana.trouble(method, path, Fault::Status(503), 1_000);
            let ended = run.join().expect("it ends");
            assert!(ended.stderr.contains("have no case until the next run"), "{ended:?}");
            assert!(ended.stderr.contains("503"), "{ended:?}");
        });
        self.kibana.with(|state| state.troubles.clear());
    }
}

#[test]
fn what_kibana_refuses_for_one_group_holds_up_no_other() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    for who in 1..=5 {
        scene.sign_in(&format!("e{who}"), who, 60, "app-role");
    }
    scene.kibana.trouble("POST", "/api/cases", Fault::Status(400), 1);
    scene.backfill();
    scene.assert_settled(5, 5);
    scene.kibana.trouble("POST", "/api/cases", Fault::Status(403), 1_000);
    scene.sign_in("e6", 6, 60, "app-role");
    let ended = scene.backfill();
    assert!(ended.stderr.contains("refused a new case with 403 Forbidden: not now"), "{ended:?}");
}

#[test]
fn two_processes_open_one_case() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    for who in 1..=4 {
        scene.sign_in(&format!("token-{who}"), who, 60, "app-role");
        scene.sign_in(&format!("login-{who}"), who, 59, "app-role");
    }
    scene.kibana.trouble("POST", "/api/cases", Fault::Slow(Duration::from_millis(300)), 100);
    for round in 0..2 {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| scene.backfill_beside_others());
            }
        });
        scene.assert_settled(8 + 4 * round, 4);
        if round == 0 {
            for who in 1..=4 {
                scene.sign_in(&format!("later-{who}"), who, 50, "app-role");
            }
        }
    }
}

#[test]
fn no_value_of_an_event_makes_a_case_that_kibana_refuses() {
    let Some(scene) = Scene::new("now-6m", "5m") else { return };
    let hostile = "</script>\u{202e}\"'\\*\n OR ![x](https://evil.example) \u{1f600}".repeat(2_000);
    scene.sign_in("token", 1, 60, &hostile);
    scene.sign_in("login", 1, 59, &hostile);
    scene.backfill();
    scene.assert_settled(2, 1);
    let case = scene.kibana.with(|state| state.cases[0].to_string());
    assert!(!case.contains("https://evil") && !case.contains('\u{202e}'), "{case}");
}

#[test]
fn the_daemon_opens_cases_beside_the_rules_and_waits_for_no_kibana() {
    let Some(scene) = Scene::new("now-5m", "2s") else { return };
    scene.kibana.trouble("GET", "/_find", Fault::Slow(Duration::from_mins(10)), 1);
    scene.sign_in("first", 1, 1, "app-role");
    let daemon = Running::start(scene.folder.path(), &scene.arguments());
    let has_begun =
        || scene.kibana.with(|state| state.seen.iter().any(|line| line.contains("/_find")).then_some(()));
    eventually(Duration::from_mins(2), "a request to Kibana", has_begun);
    scene.sign_in("second", 2, 0, "web-role");
    eventually(Duration::from_mins(1), "an alert while Kibana does not answer", || {
        scene.node.refresh(&scene.alerts);
        (scene.alerts().len() == 2).then_some(())
    });
    daemon.kill9();
    let daemon = Running::start(scene.folder.path(), &scene.arguments());
    eventually(Duration::from_mins(3), "a case for each group", || {
        scene.kibana.with(|state| (state.cases.len() == 2).then_some(()))
    });
    daemon.kill9();
}

#[test]
fn the_flag_asks_for_a_kibana_and_a_triage() {
    for (arguments, words) in [
        (&["--once", "--elasticsearch-url", "http://127.0.0.1:1"][..], "needs Kibana's address"),
        (&["--kibana-url", "http://k", "--no-triage"], "--no-triage"),
        (&["--kibana-url", "http://k", "--events", "x"], "--events"),
        (&["--kibana-url", "ftp://k"], "expected Kibana's address"),
    ] {
        let ended = stakeout(&[&["run", "--open-cases"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}

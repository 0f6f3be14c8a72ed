//! Triage on a real node: the answers and grades of six stories, in both document shapes, and what must not change.

#[path = "triage/cost.rs"]
mod cost;
#[path = "alert/schema.rs"]
mod schema;
#[path = "triage/stories.rs"]
mod stories;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use schema::assert_satisfies_the_schemas;
use serde_json::{Value, json};
use stories::{DAY, Story, all, guessed_mapping, integration_mapping};
use support::program::{Ended, Running, stakeout};
use support::story::{Shape, SignIn, rule_over, seconds_ago};
use support::{Cluster, eventually};

/// A node with events in it, a rule over them, and an index for the alerts.
struct Scene {
    cluster: Cluster,
    folder: tempfile::TempDir,
    rule: PathBuf,
    alerts: String,
    indices: Vec<String>,
}

impl Scene {
    fn new(stories: &[Story], shapes: &[Shape]) -> Option<Self> {
        let cluster = Cluster::connect()?;
        let folder = tempfile::tempdir().expect("a folder");
        let mut indices = Vec::new();
        for shape in shapes {
            let (name, mapping) = match shape {
                Shape::Integration => ("logs-aws.cloudtrail", integration_mapping()),
                Shape::Filebeat => ("filebeat", guessed_mapping()),
            };
            let index = cluster.name(name);
            cluster.put(&format!("/{index}"), &mapping);
            let documents =
                stories.iter().flat_map(|story| {
                    story.records.iter().enumerate().map(move |(number, record)| {
                        record.document(&format!("{}-{number}", story.name), *shape)
                    })
                });
            cluster.bulk(&index, documents);
            cluster.refresh(&index);
            indices.push(index);
        }
        let patterns: Vec<&str> = indices.iter().map(String::as_str).collect();
        let rule = rule_over(folder.path(), &patterns, "now-6m", "5m");
        let alerts = cluster.name("alerts");
        Some(Self { cluster, folder, rule, alerts, indices })
    }

    /// Adds a rule of the tests' own, over the scene's indices.
    fn add_rule(&self, text: &str) -> PathBuf {
        let patterns = serde_json::to_string(&self.indices).expect("a list");
        let text = text
            .replace(r#"index = ["filebeat-*", "logs-aws.cloudtrail-*"]"#, &format!("index = {patterns}"));
        let path = self.folder.path().join(format!("rule-{}.toml", text.len()));
        std::fs::write(&path, text).expect("a file for the rule");
        path
    }

    fn backfill(&self, more: &[&str]) -> Ended {
        let rule = self.rule.to_str().expect("a plain path");
        let arguments = [
            "run",
            "--backfill",
            DAY,
            "--rules",
            rule,
            "--elasticsearch-url",
            self.cluster.url(),
            "--alerts-index",
            &self.alerts,
        ];
        let ended = stakeout(&[&arguments, more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }

    /// The alerts with that `user.id`, by time.
    fn alerts(&self, user_id: &str) -> Vec<Value> {
        self.cluster.refresh(&self.alerts);
        let body = json!({"size": 100, "query": {"term": {"user.id": user_id}}, "sort": ["kibana.alert.original_time"]});
        let found = self.cluster.post(&format!("/{}/_search", self.alerts), &body);
        let hits = found["hits"]["hits"].as_array().expect("hits").iter();
        hits.map(|hit| hit["_source"].clone()).collect()
    }

    fn verdict(&self, story: &Story) -> (i64, String) {
        let alerts = self.alerts(&story.user_id);
        alerts.iter().for_each(assert_satisfies_the_schemas);
        let verdict = &alerts.first().expect("an alert")["stakeout.verdict"];
        (verdict["score"].as_i64().expect("a score"), verdict["grade"].as_str().expect("a grade").to_owned())
    }
}

fn expected(shapes: &[Shape]) -> Vec<(&'static str, i64, &'static str)> {
    // Only the newest integration tells the version of IMDS.
    let imds = if shapes.contains(&Shape::Integration) { 5 } else { 0 };
    vec![
        ("attack", 63 + imds, "theft_likely"),
        ("automation", -27, "fits_habit"),
        ("forensics", 12, "unexplained"),
        ("red team", 49 + imds, "theft_likely"),
        ("person", -46, "fits_habit"),
        ("disguise", 53, "theft_likely"),
    ]
}

#[test]
fn six_stories_are_graded_alike_in_both_shapes_alone_and_together() {
    for shapes in [&[Shape::Integration][..], &[Shape::Filebeat], &[Shape::Integration, Shape::Filebeat]] {
        let stories = all();
        let Some(scene) = Scene::new(&stories, shapes) else { return };
        let ended = scene.backfill(&[]);
        let found: Vec<_> = stories
            .iter()
            .map(|story| {
                let (score, grade) = scene.verdict(story);
                (story.name, score, grade)
            })
            .collect();
        let wanted: Vec<_> = expected(shapes)
            .into_iter()
            .map(|(name, score, grade)| (name, score, grade.to_owned()))
            .collect();
        let sections =
            stories.iter().map(|story| scene.alerts(&story.user_id)[0]["stakeout.triage"].to_string());
        assert_eq!(
            found,
            wanted,
            "{shapes:?}\n{}\n{}",
            sections.collect::<Vec<_>>().join("\n"),
            ended.stderr
        );
    }
}

/// Events are read where they are few; an index that gives out no more than a few at a time has them counted instead.
#[test]
fn what_is_read_and_what_is_counted_are_the_same() {
    for shape in [Shape::Integration, Shape::Filebeat] {
        let triages = [None, Some(100)].map(|window| {
            let scene = Scene::new(&all(), &[shape])?;
            for index in &scene.indices {
                let settings = json!({"index.max_result_window": window});
                scene.cluster.put(&format!("/{index}/_settings"), &settings);
            }
            let searches = cost::figure(&scene.backfill(&["-v"]), "searches");
            let triage = |story: &Story| {
                let alerts = scene.alerts(&story.user_id).into_iter();
                alerts
                    .map(|alert| {
                        (alert["stakeout.triage"].clone(), alert["stakeout.verdict"]["score"].clone())
                    })
                    .collect::<Vec<_>>()
            };
            Some((searches, all().iter().map(triage).collect::<Vec<_>>()))
        });
        let [Some((few, read)), Some((many, counted))] = triages else { return };
        assert!(few * 2 < many, "{few} searches where events are read, {many} where they are counted");
        assert_eq!(read, counted, "{shape:?}");
    }
}

#[test]
fn the_attack_gives_two_grouped_alerts_with_answers_and_facts() {
    let story = stories::attack();
    let Some(scene) = Scene::new(&[stories::attack()], &[Shape::Integration]) else { return };
    scene.backfill(&[]);
    let alerts = scene.alerts(&story.user_id);
    assert_eq!(alerts.len(), 2);
    let [token, login] = &alerts[..] else { panic!("two alerts") };
    assert_eq!(token["stakeout.group.id"], login["stakeout.group.id"]);
    assert!(token["stakeout.group.id"].as_str().is_some_and(|id| id.len() == 32));
    for alert in &alerts {
        assert_eq!(
            alert["stakeout.facts"],
            json!({
                "account_id": "111122223333", "instance_id": "i-0a1b2c3d4e5f60001",
                "principal": "AROAATTACK00000000001:i-0a1b2c3d4e5f60001", "role_id": "AROAATTACK00000000001",
                "role_name": "app-role", "session_name": "i-0a1b2c3d4e5f60001",
            })
        );
        assert_eq!(alert["kibana.alert.workflow_status"], "open");
        let note = alert["kibana.alert.rule.note"].as_str().expect("a note");
        let sections = [
            "## Triage and analysis",
            "## Searches for this alert",
            "## Commands for this alert",
            "## Triage of this alert",
        ];
        let places = sections.map(|heading| note.find(heading));
        assert!(
            places[0] == Some(0) && places.is_sorted() && places.iter().all(Option::is_some),
            "{places:?}"
        );
        assert_eq!(alert["stakeout.verdict"]["due"], Value::Null);
    }
    let triage = &token["stakeout.triage"];
    for (id, status, text) in [
        (
            "delivered",
            "answered",
            "EC2 issued credentials for arn:aws:iam::111122223333:role/app-role 8 times",
        ),
        ("network", "answered", "EXAMPLE-HOSTING: never in 175 events of the role"),
        ("way_in", "answered", "SendCommand, last 2026-11-20 09:00:00Z"),
        ("way_in_by", "answered", "arn:aws:iam::111122223333:user/dev-ci"),
        ("who_am_i", "answered", "GetCallerIdentity from 198.51.100.77 at 2026-11-20 13:46:00Z"),
        ("imds", "answered", "versions 2.0, 1.0"),
        ("companion", "answered", "ConsoleLogin, between 2026-11-20 14:00:40Z"),
        ("after_foothold", "answered", "AttachUserPolicy, CreateAccessKey, CreateUser"),
        ("denied", "answered", "6 calls refused until 2026-11-21 02:00:00Z: GetSecretValue"),
        ("habit", "answered", "never between"),
        ("launched_by", "answered", "no launch since"),
        ("role_changes", "answered", "not between"),
        ("imds_on_host", "not_in_data", "not in this data: no index to ask"),
        ("guardduty", "not_in_data", "not in this data: no index to ask"),
    ] {
        let answer = &triage[id];
        let said = answer["text"].as_str().unwrap_or_default();
        assert!(answer["status"] == status && said.starts_with(text), "{id}: {answer}");
    }
    assert_eq!(triage["denied"]["count"], 6);
    assert_eq!(triage["after_foothold"]["first"], "2026-11-20T14:05:40.000Z");
}

#[test]
fn report_and_cards_of_a_backfill_hold_the_triage_of_new_and_old_alerts() {
    let Some(scene) = Scene::new(&all(), &[Shape::Integration]) else { return };
    let report = scene.folder.path().join("report.html");
    let wanted = ["--report", report.to_str().expect("a plain path"), "--format", "human"];
    // The first time nothing is there; the second time everything is, and nothing is due.
    for (standing, cards) in [("new", true), ("alerted before", false)] {
        let ended = scene.backfill(&wanted);
        assert_eq!(ended.stdout.contains("theft likely +68"), cards, "{ended:?}");
        assert!(!ended.stderr.contains("warning"), "{ended:?}");
        let page = std::fs::read_to_string(&report).expect("the report");
        let counted = |text: &str| page.matches(text).count();
        let alerts = counted("<details class=\"alert\"");
        assert!(alerts >= all().len(), "{alerts}");
        let chip = format!("<span class=\"chip\">{standing}</span>");
        assert_eq!((counted("<h5>Verdict: "), counted(&chip)), (alerts, alerts));
        assert_eq!(counted("questions, answered</h5>"), alerts);
        let asked = "<th scope=\"row\"><bdi>Does the role use this network?</bdi></th>";
        assert_eq!(counted(asked), alerts, "questions are in the rule's own words");
    }
}

#[test]
fn what_was_declared_is_weighed_and_named() {
    let story = stories::red_team();
    let Some(scene) = Scene::new(&[stories::red_team()], &[Shape::Integration]) else { return };
    let file = scene.folder.path().join("expected.toml");
    let text = "[[stakeout.expected]]\nwhere = 'source.ip == \"198.51.100.200\"'\nfrom = 2026-11-20\nuntil = 2026-11-20\nreason = \"RT-11\"\n";
    std::fs::write(&file, text).expect("a file");
    scene.backfill(&["--expected", file.to_str().expect("a plain path")]);
    assert_eq!(scene.verdict(&story), (34, "theft_likely".to_owned()));
    let verdict = scene.alerts(&story.user_id)[0]["stakeout.verdict"].clone();
    assert!(verdict["text"].as_str().is_some_and(|text| text.contains("declared: RT-11")), "{verdict}");
}

#[test]
fn an_analysts_work_is_left_alone_and_no_triage_can_be_chosen() {
    let story = stories::attack();
    let Some(scene) = Scene::new(&[stories::attack()], &[Shape::Filebeat]) else { return };
    scene.backfill(&["--no-triage"]);
    assert!(scene.alerts(&story.user_id)[0].get("stakeout.verdict").is_none());
    let status = json!({"doc": {"kibana.alert.workflow_status": "acknowledged", "kibana.alert.workflow_tags": ["mine"]}});
    for alert in scene.alerts(&story.user_id) {
        let id = alert["kibana.alert.uuid"].as_str().expect("an id");
        scene.cluster.post(&format!("/{}/_update/{id}", scene.alerts), &status);
    }
    scene.backfill(&[]);
    for alert in scene.alerts(&story.user_id) {
        assert_eq!(alert["kibana.alert.workflow_status"], "acknowledged");
        assert_eq!(alert["kibana.alert.workflow_tags"], json!(["mine"]));
        assert_eq!(alert["stakeout.verdict"]["grade"], "theft_likely");
    }
}

const STOPPED: &str = include_str!("rules/valid/cloudtrail_stopped.toml");
const CREATED: &str = include_str!("rules/valid/user_created_by_instance.toml");

#[test]
fn rules_of_other_services_ask_their_own_questions() {
    for shape in [Shape::Integration, Shape::Filebeat] {
        let stories = [stories::attack(), stories::trails()];
        let Some(scene) = Scene::new(&stories, &[shape]) else { return };
        other_services(&stories, &scene);
    }
}

fn other_services(stories: &[Story], scene: &Scene) {
    let (stopped, created) = (scene.add_rule(STOPPED), scene.add_rule(CREATED));
    let more = ["--rules", stopped.to_str().expect("a path"), "--rules", created.to_str().expect("a path")];
    scene.backfill(&more);

    let tampering = &scene.alerts("AIDAMALLORY")[0];
    assert_eq!(tampering["stakeout.verdict"]["grade"], "tampering_likely", "{tampering:#}");
    assert_eq!(tampering["stakeout.verdict"]["score"], 6 + 15 + 6);
    assert_eq!(tampering["stakeout.facts"], json!({"trail": "main"}));
    let triage = &tampering["stakeout.triage"];
    assert_eq!(triage["resumed"]["text"], "main not resumed until 2026-11-21 14:00:00Z");
    assert_eq!(triage["unmapped"]["status"], "not_in_data");
    assert_eq!(triage["inexact"]["status"], "failed");
    assert_eq!(tampering["stakeout.verdict"]["unknown"], json!(["unmapped", "inexact"]));

    let maintenance = &scene.alerts("AIDAOPS");
    let last = maintenance.last().expect("an alert");
    assert_eq!(last["stakeout.verdict"]["score"], -8 - 12, "{:#}", last["stakeout.triage"]);
    assert_eq!(last["stakeout.verdict"]["grade"], "maintenance");

    let alerts = scene.alerts(&stories[0].user_id);
    let created = alerts
        .iter()
        .find(|alert| alert["kibana.alert.rule.name"].as_str().is_some_and(|name| name.contains("Created")));
    let created = created.expect("an alert of the other rule");
    assert_eq!(created["stakeout.facts"]["new_user"], "backup-svc");
    assert_eq!(
        created["stakeout.triage"]["keys"]["text"],
        "backup-svc got AttachUserPolicy, CreateAccessKey"
    );
    assert_eq!(created["stakeout.verdict"]["score"], 10 + 12 + 9, "{:#}", created["stakeout.verdict"]);
    let groups: std::collections::BTreeSet<&str> =
        alerts.iter().filter_map(|alert| alert["stakeout.group.id"].as_str()).collect();
    assert_eq!((alerts.len(), groups.len()), (3, 1), "alerts of every rule share the principal's group");
}

#[test]
fn hostile_values_in_events_break_no_question() {
    let hostile = ["\" or true or \"", "*", "a\nb{user.id}", "</script>", "\u{202e}evil", "\\", "x'; DROP"];
    let mut story = stories::attack();
    story.records.truncate(180);
    let calls = hostile.iter().map(|value| {
        let caller = stories::Caller::session("AROAHOSTILE0000000001", "any", &format!("i-{value}"));
        stories::Record::new(
            0,
            &caller,
            stories::place("198.51.100.7", "X", "curl"),
            "signin",
            "ConsoleLogin",
        )
    });
    story.records.extend(calls);
    let Some(scene) = Scene::new(&[story], &[Shape::Integration, Shape::Filebeat]) else { return };
    scene.backfill(&[]);
    for value in hostile {
        let user_id = format!("AROAHOSTILE0000000001:i-{value}");
        let alerts = scene.alerts(&user_id);
        assert_eq!(alerts.len(), 1, "{value:?}");
        let triage = alerts[0]["stakeout.triage"].as_object().expect("answers");
        for (id, answer) in triage {
            assert!(
                !["failed", "partial"].contains(&answer["status"].as_str().expect("a status")),
                "{value:?} {id}: {answer}"
            );
        }
        assert_eq!(triage["after"]["count"], 0, "{value:?}: nothing of anybody else's is counted");
        let note = alerts[0]["kibana.alert.rule.note"].as_str().expect("a note");
        let section = &note[note.find("## Triage of this alert").expect("a section")..];
        assert!(!section.contains("</script>") && !section.contains('\u{202e}'), "{section}");
    }
}

#[test]
fn what_was_open_is_asked_again_by_whoever_comes_next() {
    let story = stories::attack();
    let mut early = stories::attack();
    early.records.retain(|record| !record.is_after(60));
    let Some(scene) = Scene::new(&[early], &[Shape::Integration]) else { return };
    scene.backfill(&[]);
    let before = scene.alerts(&story.user_id);
    assert_eq!(before[0]["stakeout.triage"]["after_foothold"]["text"], "none until 2026-11-21 02:00:00Z");

    // As if the questions had been asked a minute after the sign-in, and were due again now.
    let open = json!({"doc": {"stakeout.verdict": {"asked_at": "2026-11-20T14:01:00Z", "due": "2026-11-20T14:15:00Z"}}});
    for alert in &before {
        let id = alert["kibana.alert.uuid"].as_str().expect("an id");
        scene.cluster.post(&format!("/{}/_update/{id}?refresh=true", scene.alerts), &open);
    }
    let late = story.records.iter().enumerate().filter(|(_, record)| record.is_after(60));
    let late = late.map(|(number, record)| record.document(&format!("late-{number}"), Shape::Integration));
    scene.cluster.bulk(&scene.indices[0], late);
    scene.cluster.refresh(&scene.indices[0]);
    scene.backfill(&[]);
    for alert in scene.alerts(&story.user_id) {
        let triage = &alert["stakeout.triage"];
        assert_eq!(triage["after_foothold"]["count"], 3, "{triage:#}");
        assert_eq!(triage["network"]["count"], 0, "what was settled is kept");
        assert_eq!(alert["stakeout.verdict"]["score"], 68, "{:#}", alert["stakeout.verdict"]);
        assert_eq!(alert["stakeout.verdict"]["due"], Value::Null);
        assert_eq!(alert["stakeout.group.id"], before[0]["stakeout.group.id"]);
    }
}

#[test]
fn an_alert_that_comes_late_joins_the_group_and_may_open_it() {
    let role = stories::Caller::session("AROALATE00000000000001", "any", "i-0a1b2c3d4e5f60001");
    let sign_in = |offset| {
        stories::Record::new(
            offset,
            &role,
            stories::place("198.51.100.7", "X", "curl"),
            "signin",
            "ConsoleLogin",
        )
    };
    let story = Story {
        name: "late",
        user_id: role.user_id.clone().expect("an id"),
        records: vec![sign_in(600), sign_in(1_300), sign_in(7_200)],
    };
    let user_id = story.user_id.clone();
    let Some(scene) = Scene::new(&[story], &[Shape::Integration]) else { return };
    scene.backfill(&[]);
    let groups = |scene: &Scene| -> Vec<String> {
        let alerts = scene.alerts(&user_id);
        alerts.iter().map(|alert| alert["stakeout.group.id"].as_str().expect("a group").to_owned()).collect()
    };
    let first = groups(&scene);
    assert_eq!(first[0], first[1]);
    assert_ne!(first[1], first[2]);
    scene.cluster.bulk(&scene.indices[0], [sign_in(0).document("late-first", Shape::Integration)]);
    scene.cluster.refresh(&scene.indices[0]);
    scene.backfill(&[]);
    let then = groups(&scene);
    assert_eq!(then[..3], [then[0].clone(), then[0].clone(), then[0].clone()]);
    assert_ne!(then[0], first[0], "the group is named after its first alert");
    assert_eq!(then[3], first[2]);
}

#[test]
fn an_alert_is_judged_by_its_own_address_and_client() {
    let mut story = stories::automation();
    let canary = stories::Caller::session("AROAAUTOMATION0000001", "console-canary", "i-0a1b2c3d4e5f60002");
    let outside = stories::place("198.51.100.77", "EXAMPLE-HOSTING", "Mozilla/5.0 Firefox/142.0");
    story.records.push(stories::Record::new(600, &canary, outside, "signin", "ConsoleLogin"));
    let user_id = story.user_id.clone();
    let Some(scene) = Scene::new(&[story], &[Shape::Integration]) else { return };
    scene.backfill(&[]);
    let of_the_day: Vec<Value> = scene.alerts(&user_id);
    let [token, login, stolen] = &of_the_day[..] else { panic!("three alerts, not {}", of_the_day.len()) };
    for alert in [token, login] {
        assert_eq!(alert["stakeout.verdict"]["grade"], "fits_habit", "{:#}", alert["stakeout.verdict"]);
    }
    let triage = &stolen["stakeout.triage"];
    assert!(
        triage["network"]["text"].as_str().is_some_and(|text| text.starts_with("EXAMPLE-HOSTING: never"))
    );
    assert_eq!(
        triage["companion"]["top"],
        json!(["ConsoleLogin", "GetSigninToken"]),
        "its own is no companion"
    );
    assert_eq!(stolen["stakeout.verdict"]["score"], 6 + 15 + 8 - 15, "{:#}", stolen["stakeout.verdict"]);
    assert_eq!(stolen["stakeout.verdict"]["grade"], "unexplained");
    assert_eq!(stolen["stakeout.group.id"], token["stakeout.group.id"]);
}

#[test]
fn calls_that_were_refused_excuse_and_accuse_nobody() {
    let mut story = stories::forensics();
    let touching = ["CreateSnapshots", "ModifyInstanceAttribute", "SendCommand"];
    let refused =
        |record: stories::Record| if touching.contains(&record.action) { record.refused() } else { record };
    story.records = story.records.into_iter().map(refused).collect();
    let user_id = story.user_id.clone();
    let Some(scene) = Scene::new(&[story], &[Shape::Filebeat]) else { return };
    scene.backfill(&[]);
    let alert = &scene.alerts(&user_id)[0];
    let groups =
        alert["stakeout.verdict"]["evidence"].as_array().expect("evidence").iter().map(|one| &one["group"]);
    assert!(!groups.clone().any(|group| group == "responders"), "{:?}", groups.collect::<Vec<_>>());
    assert_eq!(alert["stakeout.triage"]["way_in"]["count"], 0);
    // What EC2 issued was for another role than the session's.
    let mut disguise = stories::forensics();
    let elsewhere =
        json!({"roleArn": "arn:aws:iam::111122223333:role/other", "roleSessionName": "i-0a1b2c3d4e5f60003"});
    let moved = |record: stories::Record| {
        if record.action == "AssumeRole" { record.request(elsewhere.clone()) } else { record }
    };
    disguise.records = disguise.records.into_iter().map(moved).collect();
    let Some(scene) = Scene::new(&[disguise], &[Shape::Filebeat]) else { return };
    scene.backfill(&[]);
    let delivered = scene.alerts(&user_id)[0]["stakeout.triage"]["delivered"].clone();
    assert_eq!((&delivered["status"], &delivered["count"]), (&json!("answered"), &json!(0)), "{delivered}");
}

const ASKS_NOTHING: &str = include_str!("rules/valid/minimal.toml");

#[test]
fn alerts_of_a_rule_that_asks_nothing_are_put_into_groups_too() {
    let story = stories::forensics();
    let user_id = story.user_id.clone();
    let Some(scene) = Scene::new(&[story], &[Shape::Integration]) else { return };
    let text = ASKS_NOTHING.replace("any where true", r#"any where event.action == \"GetSigninToken\""#);
    let patterns = serde_json::to_string(&scene.indices).expect("a list");
    let path = scene.add_rule(&text.replace(r#"index = ["logs-*"]"#, &format!("index = {patterns}")));
    scene.backfill(&["--rules", path.to_str().expect("a path")]);
    let alerts = scene.alerts(&user_id);
    let [one, other] = &alerts[..] else { panic!("two alerts, not {}", alerts.len()) };
    assert_eq!(one["stakeout.group.id"], other["stakeout.group.id"]);
    assert!(one["stakeout.group.id"].is_string());
    let quiet = alerts
        .iter()
        .find(|alert| alert["stakeout.triage"].is_null())
        .expect("the alert of the rule that asks nothing");
    assert!(
        quiet["stakeout.verdict"]["asked_at"].is_string() && quiet["stakeout.verdict"]["grade"].is_null(),
        "{quiet:#}"
    );
    assert!(quiet["kibana.alert.rule.note"].is_null(), "{quiet:#}");
}

#[test]
fn a_chain_longer_than_what_is_looked_at_is_one_group() {
    let role = stories::Caller::session("AROACHAIN0000000000001", "any", "i-0a1b2c3d4e5f60001");
    let sign_in = |turn: i64| {
        let from = stories::place("198.51.100.7", "X", "curl");
        stories::Record::new(-36_000 + turn * 600, &role, from, "signin", "ConsoleLogin")
    };
    let story = Story {
        name: "chain",
        user_id: role.user_id.clone().expect("an id"),
        records: (0..110).map(sign_in).collect(),
    };
    let user_id = story.user_id.clone();
    let Some(scene) = Scene::new(&[story], &[Shape::Integration]) else { return };
    scene.backfill(&[]);
    let groups = || -> (usize, std::collections::BTreeSet<String>) {
        scene.cluster.refresh(&scene.alerts);
        let body =
            json!({"size": 200, "query": {"term": {"user.id": user_id}}, "_source": ["stakeout.group.id"]});
        let found = scene.cluster.post(&format!("/{}/_search", scene.alerts), &body);
        let hits = found["hits"]["hits"].as_array().expect("hits").clone();
        let group = |hit: &Value| hit["_source"]["stakeout.group.id"].as_str().expect("a group").to_owned();
        (hits.len(), hits.iter().map(group).collect())
    };
    let (alerts, first) = groups();
    assert_eq!((alerts, first.len()), (110, 1), "{first:?}");
    scene.cluster.bulk(&scene.indices[0], [sign_in(110).document("one-more", Shape::Integration)]);
    scene.cluster.refresh(&scene.indices[0]);
    scene.backfill(&[]);
    assert_eq!(groups(), (111, first), "one that comes later goes on with it");
}

#[test]
fn the_daemon_triages_beside_the_rules() {
    let Some(cluster) = Cluster::connect() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let index = cluster.name("logs-aws.cloudtrail");
    cluster.put(&format!("/{index}"), &integration_mapping());
    cluster.bulk(&index, [SignIn::new("event-1", seconds_ago(5)).document(Shape::Integration)]);
    cluster.refresh(&index);
    let rule = rule_over(folder.path(), &[&index], "now-5m", "2s");
    let alerts = cluster.name("alerts");
    let arguments = [
        "run",
        "--rules",
        rule.to_str().expect("a path"),
        "--elasticsearch-url",
        cluster.url(),
        "--alerts-index",
        &alerts,
    ];
    let mut daemon = Running::start(folder.path(), &arguments);
    let open = json!({"query": {"exists": {"field": "stakeout.verdict.due"}}});
    let found = eventually(Duration::from_mins(2), "a triage by the daemon", || {
        let path = format!("/{alerts}/_search?ignore_unavailable=true");
        let reply = cluster.send("POST", &path, Some(&open)).ok()?;
        reply.body["hits"]["hits"].get(0).map(|hit| hit["_source"].clone())
    });
    assert_eq!(found["stakeout.triage"]["session_name"]["status"], "answered", "{found:#}");
    assert_eq!(found["stakeout.facts"]["instance_id"], "i-0a1b2c3d4e5f00007");
    assert!(daemon.end("TERM").success());
}

//! Triage on a real node: the answers and grades of six stories, in both document shapes, and what must not change.

#[path = "triage/stories.rs"]
mod stories;
mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use stories::{DAY, Story, all, guessed_mapping, integration_mapping};
use support::Cluster;
use support::program::{Ended, stakeout};
use support::story::{Shape, rule_over};

/// A node with events in it, a rule over them, and an index for the alerts.
struct Scene {
    cluster: Cluster,
    folder: tempfile::TempDir,
    rule: PathBuf,
    alerts: String,
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
        Some(Self { cluster, folder, rule, alerts })
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
                "account_id": "111122223333", "instance_id": "i-0a1b2c3d4e5f60001", "role_id": "AROAATTACK00000000001",
                "role_name": "app-role", "session_name": "i-0a1b2c3d4e5f60001",
            })
        );
        assert_eq!(alert["kibana.alert.workflow_status"], "open");
        let note = alert["kibana.alert.rule.note"].as_str().expect("a note");
        assert!(note.starts_with("## Triage and analysis") && note.contains("## Triage of this alert"));
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

//! What of an event, its rule and its run stands in an alert.

use super::{AlertBuilder, AlertDocument, Found, Places, Run};
use crate::alert::alert_id;
use crate::event::Event;
use crate::rule::{Rule, embedded};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn seed() -> Rule {
    embedded().unwrap().rules.remove(0)
}

fn event(source: Value) -> Event {
    Event { index: "filebeat-8.19.0".into(), id: "x1".into(), ..Event::of(source) }
}

fn built(event: &Event) -> AlertDocument {
    let rule = seed();
    let id = alert_id(&rule.rule_id, &rule.identity, event);
    let run = Run { id: "run-1".into(), kind: "once", places: Places::default() };
    let found = Found {
        from: at("2026-11-20T10:00:00Z"),
        to: at("2026-11-20T10:06:00Z"),
        at: at("2026-11-20T10:06:01Z"),
    };
    AlertBuilder::new(&rule, &run).build(event, &id, found)
}

#[test]
fn carries_the_rule_the_guide_and_the_techniques() {
    let body = built(&event(json!({"@timestamp": "2026-11-20T09:59:00Z"}))).body;
    assert_eq!(body["kibana.alert.rule.rule_id"], "d1e5e410-3e34-412e-9b1f-dd500b3b55cd");
    assert_eq!(body["kibana.alert.severity"], "high");
    assert_eq!(body["kibana.alert.risk_score"], 73);
    assert!(body["kibana.alert.rule.note"].as_str().unwrap().contains("Investigating"));
    let tactics: Vec<&Value> = body["kibana.alert.rule.threat"]
        .as_array()
        .unwrap()
        .iter()
        .map(|threat| &threat["tactic"]["id"])
        .collect();
    assert_eq!(tactics, ["TA0008", "TA0003", "TA0006"]);
    assert_eq!(body["kibana.alert.rule.threat"][0]["technique"][0]["subtechnique"][0]["id"], "T1021.007");
    assert_eq!(body["kibana.alert.rule.threat"], body["kibana.alert.rule.parameters"]["threat"]);
    assert_eq!(body["kibana.alert.rule.references"].as_array().unwrap().len(), 2);
    assert_eq!(body["kibana.alert.rule.max_signals"], 100);
    assert_eq!(body["kibana.alert.rule.from"], "now-6m");
    assert_eq!(body["kibana.alert.rule.timestamp_override"], "event.ingested");
    assert_eq!(body["kibana.alert.workflow_status"], "open");
    assert_eq!(body["kibana.alert.uuid"].as_str().unwrap().len(), 64);
}

#[test]
fn keeps_the_event_and_what_it_was() {
    let source = json!({"@timestamp": "2026-11-20T09:59:00Z", "event": {"kind": "event", "action": "GetSigninToken",
        "type": ["info"]}, "user": {"id": "AROA:i-1"}, "custom": {"a": 1}});
    let mut event = event(source);
    event.fields.insert("data_stream.dataset".into(), json!(["aws.cloudtrail"]));
    event.fields.insert("user.id".into(), json!(["AROA:i-1"]));
    let body = built(&event).body;
    assert_eq!(body["@timestamp"], "2026-11-20T10:06:01.000Z");
    assert_eq!(body["kibana.alert.original_time"], "2026-11-20T09:59:00Z");
    assert_eq!(body["event"], json!({"kind": "signal", "action": "GetSigninToken", "type": ["info"]}));
    assert_eq!(body["kibana.alert.original_event.kind"], "event");
    assert_eq!(body["kibana.alert.original_event.type"], json!(["info"]));
    assert_eq!(body["kibana.alert.original_data_stream.dataset"], "aws.cloudtrail");
    assert_eq!(body["data_stream.dataset"], "aws.cloudtrail");
    assert_eq!(body["custom"]["a"], 1);
    assert!(!body.contains_key("user.id"), "the document has it already");
    assert_eq!(
        body["kibana.alert.ancestors"],
        json!([{"id": "x1", "index": "filebeat-8.19.0", "type": "event", "depth": 0}])
    );
}

#[test]
fn every_time_that_a_date_field_takes_is_the_events_own() {
    for time in [json!("2026-11-19T10:00:00+01:00"), json!("2026-11-19T09"), json!(1_795_078_800_000_i64)] {
        let body = built(&event(json!({"@timestamp": time}))).body;
        assert_eq!(body["kibana.alert.original_time"], time);
        assert_eq!(body["stakeout.pivots"][0]["from"], "2026-11-18T09:00:00.000Z", "{time}");
        assert!(body["kibana.alert.reason"].as_str().unwrap().contains(" at 2026-11-19T09:00:00Z"));
    }
    let body = built(&event(json!({"@timestamp": "soon"}))).body;
    assert!(!body.contains_key("kibana.alert.original_time"));
}

#[test]
fn the_rule_is_also_said_in_ecs_unless_the_event_has_its_own() {
    let body =
        built(&event(json!({"@timestamp": "2026-11-20T09:59:00Z", "threat": {"framework": "own"}}))).body;
    assert_eq!(body["rule"]["name"], "AWS EC2 Instance Console Login via Assumed Role");
    assert_eq!(body["threat"], json!({"framework": "own"}));
    let body = built(&event(json!({"rule.name": "deny-all"}))).body;
    assert!(body["rule.name"] == "deny-all" && !body.contains_key("rule"));
    assert_eq!(body["threat"]["tactic"]["id"][0], "TA0008");
}

#[test]
fn dotted_keys_are_the_same_fields() {
    let body = built(&event(json!({"event.kind": "event", "event.action": "ConsoleLogin"}))).body;
    assert_eq!(body["event.kind"], "signal");
    assert_eq!(body["kibana.alert.original_event.kind"], "event");
    assert_eq!(body["kibana.alert.original_event.action"], "ConsoleLogin");
}

#[test]
fn an_event_cannot_pass_itself_off_as_an_alert() {
    let source = json!({"kibana": {"alert": {"status": "closed"}}, "kibana.alert.severity": "low", "stakeout.pass": "x",
        "kibana.alert.workflow_status": "closed", "signal": {"a": 1}, "event": {"kind": "event"}});
    let body = built(&event(source)).body;
    assert!(!body.contains_key("kibana") && !body.contains_key("signal"));
    assert_eq!(body["kibana.alert.severity"], "high");
    assert_eq!(body["kibana.alert.workflow_status"], "open");
    assert_eq!(body["stakeout.pass"], "once");
}

#[test]
fn the_values_that_the_rule_names_are_facts_from_the_start() {
    let body =
        built(&event(json!({"user.id": "AROA1:i-0a1b2c3d4e5f60001", "stakeout.facts": {"x": "y"}}))).body;
    let facts = json!({"instance_id": "i-0a1b2c3d4e5f60001", "principal": "AROA1:i-0a1b2c3d4e5f60001",
        "role_id": "AROA1", "session_name": "i-0a1b2c3d4e5f60001"});
    assert_eq!(body["stakeout.facts"], facts);
    assert!(!built(&event(json!({"user.id": "root"}))).body.contains_key("stakeout.facts"));
}

#[test]
fn a_text_is_cut_to_its_size_as_json() {
    for text in ["plain", "\"\"\"\"", "\u{1}\u{1}", "\u{8}\n", "ééé", ""] {
        for longest in 0..30 {
            let cut = super::cut(text, longest);
            let size = |text: &str| serde_json::to_string(text).unwrap().len() - 2;
            assert!(text.starts_with(cut) && size(cut) <= longest, "{text:?} {longest}");
            let next = text[cut.len()..].chars().next();
            assert!(
                next.is_none_or(|next| size(cut) + next.len_utf8().max(6) > longest),
                "{text:?} {longest}"
            );
        }
    }
}

#[test]
fn a_reduced_alert_holds_the_event_as_text() {
    let rule = seed();
    let arn = format!("arn:aws:sts::1:assumed-role/{}/x", "r".repeat(2_000));
    let event = event(json!({"event": "not an object", "user": {"id": "AROA:i-1"},
        "aws.cloudtrail.user_identity.arn": arn}));
    let id = alert_id(&rule.rule_id, &rule.identity, &event);
    let now = at("2026-11-20T10:06:01Z");
    let builder =
        AlertBuilder::new(&rule, &Run { id: "r".into(), kind: "backfill", places: Places::default() });
    let body = builder.build_reduced(&event, &id, Found { from: now, to: now, at: now }, "400: no").body;
    assert_eq!(body["stakeout.reduced.reason"], "400: no");
    assert!(body["stakeout.reduced.event"].as_str().unwrap().contains("AROA:i-1"));
    assert_eq!(
        (body["stakeout.facts"].get("role_name"), &body["stakeout.facts"]["role_id"]),
        (None, &json!("AROA"))
    );
    assert_eq!(body["event"]["kind"], "signal");
    assert_eq!(body["kibana.alert.rule.execution.type"], "manual");
}

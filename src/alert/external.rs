//! The copy of an alert for Elastic's rule *External Alerts*: what that rule reads, in ECS fields alone.
//!
//! The rule takes documents with `event.kind: alert`, by `event.ingested`; `message` becomes the name of its alert,
//! `event.risk_score` the risk and `event.severity` the severity (`external_alerts.toml` of elastic/detection-rules).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::copy_place::LONGEST_KEYWORD;
use super::data_stream::DataStream;
use super::document::{AlertDocument, object, time};

/// What a copy does not take over: fields that belong to the alert, and the data stream that the event came from.
const LEFT_OUT: [&str; 3] = ["kibana", "stakeout", "data_stream"];

/// What it does take over of the alert's own: promotion drops `kibana.*` alone.
const FOR_THE_ANALYST: [&str; 3] = ["stakeout.commands", "stakeout.facts", "stakeout.pivots"];

/// The copy of `alert` for `stream`, to be written at `now`, the time on the cluster's clock. Of a reduced alert it has
/// the least that is sure to be taken, and says in `error.message` why.
pub(super) fn external_copy(
    alert: &AlertDocument,
    stream: &DataStream,
    now: DateTime<Utc>,
) -> Map<String, Value> {
    let body = &alert.body;
    let taken = |(field, _): &(&String, &Value)| !LEFT_OUT.contains(&root(field));
    let mut copy: Map<String, Value> =
        body.iter().filter(taken).map(|(field, value)| (field.clone(), value.clone())).collect();
    set_event(&mut copy, body, stream, now);
    copy.extend(object([
        ("message", body.get("kibana.alert.rule.name").cloned().unwrap_or_default()),
        (
            "data_stream",
            json!({"type": "logs", "dataset": stream.dataset(), "namespace": stream.namespace()}),
        ),
        ("stakeout.alert_id", json!(alert.id.as_str())),
    ]));
    match body.get("stakeout.reduced.reason") {
        Some(reason) => copy.extend(object([("error", json!({"message": reason}))])),
        None => copy.extend(for_the_analyst(body)),
    }
    copy
}

/// The rule's guide, and beside it this alert's searches and commands, which in one text with it would be too long. A
/// template may well make a keyword of a text.
fn for_the_analyst(alert: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let guide = alert.get("kibana.alert.rule.parameters").and_then(|parameters| parameters.get("note"));
    let fits = |guide: &&Value| guide.as_str().is_some_and(|guide| guide.len() <= LONGEST_KEYWORD);
    let guide = guide.filter(fits).map(|guide| ("stakeout.guide".to_owned(), guide.clone()));
    let taken = FOR_THE_ANALYST.iter().filter_map(|field| alert.get_key_value(*field));
    taken.map(|(field, value)| (field.clone(), value.clone())).chain(guide)
}

/// Puts what the copy itself is into `event`, in place of what the event was.
fn set_event(
    copy: &mut Map<String, Value>,
    alert: &Map<String, Value>,
    stream: &DataStream,
    now: DateTime<Utc>,
) {
    let field = |name: &str| alert.get(name).cloned();
    let own = [
        ("kind", Some(json!("alert"))),
        ("module", Some(json!("stakeout"))),
        ("dataset", Some(json!(stream.dataset()))),
        ("ingested", Some(time(now))),
        (
            "severity",
            field("kibana.alert.severity").and_then(|name| severity(&name)).map(|number| json!(number)),
        ),
        ("risk_score", field("kibana.alert.risk_score")),
        ("reason", field("kibana.alert.reason")),
        ("url", field("kibana.alert.url")),
    ];
    let mut event = match copy.shift_remove("event") {
        Some(Value::Object(event)) => event,
        _ => Map::new(),
    };
    for (name, value) in own {
        copy.shift_remove(&format!("event.{name}"));
        event.shift_remove(name);
        event.extend(value.map(|value| (name.to_owned(), value)));
    }
    copy.insert("event".into(), event.into());
}

/// The number by which the rule knows a severity.
fn severity(name: &Value) -> Option<u8> {
    match name.as_str()? {
        "low" => Some(21),
        "medium" => Some(47),
        "high" => Some(73),
        "critical" => Some(99),
        _ => None,
    }
}

fn root(field: &str) -> &str {
    field.split('.').next().unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_KEYWORD, external_copy};
    use crate::alert::{AlertBuilder, AlertDocument, DataStream, Found, Places, Run, alert_id};
    use crate::event::Event;
    use crate::rule::{RuleSeverity, embedded};
    use chrono::{DateTime, Utc};
    use serde_json::{Map, Value, json};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_176_000 + seconds, 0).unwrap()
    }

    fn stream() -> DataStream {
        "logs-stakeout.alerts-default".parse().unwrap()
    }

    /// The alert for an event, whole and reduced.
    fn alerts(source: Value, severity: RuleSeverity) -> [AlertDocument; 2] {
        let mut rule = embedded().unwrap().rules.remove(0);
        rule.severity = severity;
        let kibana = Some("https://kibana.example.com".parse().unwrap());
        let places = Places { kibana, alerts: Some("stakeout-alerts".into()) };
        let run = Run { id: "r".into(), kind: "once", places };
        let event = Event { index: "filebeat-a".into(), id: "x1".into(), ..Event::of(source) };
        let id = alert_id(&rule.rule_id, &rule.identity, &event);
        let found = Found { from: at(-360), to: at(0), at: at(1) };
        let builder = AlertBuilder::new(&rule, &run);
        [builder.build(&event, &id, found), builder.build_reduced(&event, &id, found, "400: no")]
    }

    fn copy(source: Value) -> Map<String, Value> {
        external_copy(&alerts(source, RuleSeverity::High)[0], &stream(), at(2))
    }

    #[test]
    fn says_what_the_external_alerts_rule_reads() {
        let copy = copy(
            json!({"@timestamp": "2026-11-20T09:59:00Z", "message": "m", "user": {"id": "AROA:i-1"},
            "event": {"kind": "event", "action": "ConsoleLogin", "module": "aws", "severity": 3, "ingested": "x"},
            "data_stream": {"dataset": "aws.cloudtrail", "type": "logs"}, "stakeout": {"a": 1}}),
        );
        assert_eq!(copy["@timestamp"], "2026-11-20T12:00:01.000Z");
        assert_eq!(copy["message"], "AWS EC2 Instance Console Login via Assumed Role");
        let event = copy["event"].as_object().unwrap();
        for (field, value) in [
            ("kind", json!("alert")),
            ("module", json!("stakeout")),
            ("dataset", json!("stakeout.alerts")),
            ("ingested", json!("2026-11-20T12:00:02.000Z")),
            ("severity", json!(73)),
            ("risk_score", json!(73)),
            ("action", json!("ConsoleLogin")),
        ] {
            assert_eq!(event[field], value, "{field}");
        }
        assert!(event["reason"].as_str().unwrap().contains("created high alert"));
        assert!(event["url"].as_str().unwrap().starts_with("https://kibana.example.com/"));
        assert_eq!(
            copy["data_stream"],
            json!({"type": "logs", "dataset": "stakeout.alerts", "namespace": "default"})
        );
        assert_eq!(copy["user"]["id"], "AROA:i-1");
        assert_eq!(copy["rule"]["name"], copy["message"]);
        assert_eq!(copy["threat"]["tactic"]["id"][0], "TA0008");
        assert_eq!(copy["stakeout.alert_id"].as_str().unwrap().len(), 64);
        assert!(copy["stakeout.guide"].as_str().unwrap().contains("## Triage and analysis"));
        assert_eq!(copy["stakeout.facts"]["role_id"], "AROA");
        let first = |field: &str, part: &str| copy[field][0][part].as_str().unwrap().to_owned();
        assert!(first("stakeout.pivots", "url").starts_with("https://kibana.example.com/app/r?"));
        assert_eq!(first("stakeout.commands", "effect"), "harmless");
        assert!(!copy.contains_key("stakeout"));
        assert!(copy.keys().all(|field| super::root(field) != "kibana"));
    }

    #[test]
    fn dotted_keys_of_the_event_do_not_stand_beside_the_copys_own() {
        let copy = copy(json!({"event.kind": "event", "event.severity": 1, "event.action": "ConsoleLogin",
            "event.url": "https://evil.example.com", "data_stream.dataset": "aws.cloudtrail"}));
        assert_eq!(copy["event.action"], "ConsoleLogin");
        for field in ["event.kind", "event.severity", "event.url", "data_stream.dataset"] {
            assert!(!copy.contains_key(field), "{field}");
        }
        assert_eq!(copy["event"]["kind"], "alert");
    }

    #[test]
    fn each_severity_has_its_number() {
        for (severity, number) in [
            (RuleSeverity::Low, 21),
            (RuleSeverity::Medium, 47),
            (RuleSeverity::High, 73),
            (RuleSeverity::Critical, 99),
        ] {
            let copy = external_copy(&alerts(json!({}), severity)[0], &stream(), at(0));
            assert_eq!(copy["event"]["severity"], number);
        }
    }

    #[test]
    fn a_guide_that_no_keyword_holds_stays_in_the_alert() {
        let mut alert = alerts(json!({}), RuleSeverity::High)[0].clone();
        for (length, is_copied) in [(LONGEST_KEYWORD, true), (LONGEST_KEYWORD + 1, false)] {
            alert.body["kibana.alert.rule.parameters"]["note"] = json!("x".repeat(length));
            assert_eq!(external_copy(&alert, &stream(), at(0)).contains_key("stakeout.guide"), is_copied);
        }
    }

    #[test]
    fn the_copy_of_a_reduced_alert_has_nothing_of_the_event() {
        let event = json!({"user": "odd", "rule": {"name": {"odd": 1}}, "event": {"action": {"odd": 1}}});
        let copy = external_copy(&alerts(event, RuleSeverity::High)[1], &stream(), at(0));
        let mut fields: Vec<&str> = copy.keys().map(String::as_str).collect();
        fields.sort_unstable();
        let expected =
            ["@timestamp", "data_stream", "error", "event", "message", "rule", "stakeout.alert_id", "threat"];
        assert_eq!(fields, expected);
        assert!(copy["event"].get("action").is_none());
        assert_eq!(copy["rule"]["name"], copy["message"]);
        assert_eq!(copy["error"]["message"], "400: no");
    }
}

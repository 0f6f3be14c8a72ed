//! What an alert says of its rule: in Kibana's names, and in those of ECS for readers that know no others.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::event::Event;
use crate::rule::{Rule, Threat, ThreatEntry};

/// Keys of a rule that its alerts carry just as the file has them, where it has them.
const AS_WRITTEN: &[&str] = &[
    "building_block_type",
    "from",
    "interval",
    "meta",
    "namespace",
    "risk_score_mapping",
    "rule_name_override",
    "severity_mapping",
    "timeline_id",
    "timeline_title",
    "timestamp_override",
];

/// What Kibana calls the kind of rule.
const CATEGORY: &str = "Event Correlation Rule";

/// The fields below `kibana.alert.rule`.
pub(super) fn kibana_fields(rule: &Rule) -> Map<String, Value> {
    let date = |key: &str| rule.metadata.get(key).and_then(Value::as_str).and_then(midnight);
    let mut fields = super::document::object([
        ("uuid", json!(rule.rule_id)),
        ("rule_id", json!(rule.rule_id)),
        ("name", json!(rule.name)),
        ("category", json!(CATEGORY)),
        ("consumer", json!("siem")),
        ("producer", json!("siem")),
        ("rule_type_id", json!("siem.eqlRule")),
        ("type", json!("eql")),
        ("enabled", json!(true)),
        ("immutable", json!(false)),
        ("created_at", json!(date("creation_date"))),
        ("updated_at", json!(date("updated_date"))),
        ("created_by", json!("stakeout")),
        ("updated_by", json!("stakeout")),
        ("revision", json!(0)),
        ("description", json!(rule.description)),
        ("author", json!(rule.author)),
        ("tags", json!(rule.tags)),
        ("references", json!(rule.references)),
        ("false_positives", json!(rule.false_positives)),
        ("threat", json!(rule.threat)),
        ("severity", json!(rule.severity.as_str())),
        ("risk_score", json!(rule.risk_score)),
        ("risk_score_mapping", json!([])),
        ("severity_mapping", json!([])),
        ("actions", json!([])),
        ("exceptions_list", json!([])),
        ("indices", json!(rule.index)),
        ("from", json!(format!("now-{}s", rule.schedule.look_back.as_secs()))),
        ("to", json!("now")),
        ("interval", json!(format!("{}s", rule.schedule.interval.as_secs()))),
        ("max_signals", json!(rule.max_signals)),
        ("parameters", json!(rule.parameters)),
        ("license", json!(rule.license)),
        ("note", json!(rule.note)),
        ("version", json!(rule.version)),
    ]);
    fields.retain(|_, value| !value.is_null());
    for name in AS_WRITTEN {
        fields.extend(rule.parameters.get(*name).map(|value| ((*name).to_owned(), value.clone())));
    }
    fields.into_iter().map(|(name, value)| (format!("kibana.alert.rule.{name}"), value)).collect()
}

/// The fields below ECS's `rule` and `threat`, each group by its root.
pub(super) fn ecs_fields(rule: &Rule) -> Map<String, Value> {
    let mut about = super::document::object([
        ("id", json!(rule.rule_id)),
        ("uuid", json!(rule.rule_id)),
        ("name", json!(rule.name)),
        ("description", json!(rule.description)),
        ("category", json!(CATEGORY)),
        ("author", json!(rule.author)),
        ("license", json!(rule.license)),
        ("reference", json!(rule.references.first())),
        ("version", json!(rule.version.map(|version| version.to_string()))),
    ]);
    about.retain(|_, value| !value.is_null() && *value != json!([]));
    let mut fields = super::document::object([("rule", Value::Object(about))]);
    fields.extend(threat(&rule.threat).map(|threat| ("threat".to_owned(), threat)));
    fields
}

/// Whether the event says something of its own below ECS's `root`, such as the rule of a firewall.
pub(super) fn has_own(event: &Event, root: &str) -> bool {
    let below =
        |key: &String| key == root || key.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    event.source.keys().chain(event.fields.keys()).any(below)
}

/// ECS has one object whose leaves are lists, each value once.
fn threat(threats: &[Threat]) -> Option<Value> {
    let techniques = || threats.iter().flat_map(|threat| &threat.technique);
    let mut object = Map::new();
    object.insert("framework".into(), one_or_all(threats.iter().map(|threat| threat.framework.as_str()))?);
    object.extend(entries("tactic", threats.iter().map(|threat| &threat.tactic)));
    object.extend(entries("technique", techniques().map(|technique| &technique.entry)));
    let below = entries("subtechnique", techniques().flat_map(|technique| &technique.subtechnique));
    if let Some(Value::Object(technique)) = object.get_mut("technique") {
        technique.extend(below);
    }
    Some(Value::Object(object))
}

/// The distinct entries under `name`, the same entry at the same place of each list.
fn entries<'a>(name: &str, all: impl Iterator<Item = &'a ThreatEntry>) -> Option<(String, Value)> {
    let mut seen = BTreeSet::new();
    let distinct: Vec<&ThreatEntry> = all.filter(|entry| seen.insert(&entry.id)).collect();
    if distinct.is_empty() {
        return None;
    }
    let list = |part: fn(&ThreatEntry) -> &str| distinct.iter().map(|entry| part(entry)).collect::<Value>();
    let lists = json!({
        "id": list(|entry| &entry.id),
        "name": list(|entry| &entry.name),
        "reference": list(|entry| &entry.reference),
    });
    Some((name.to_owned(), lists))
}

fn one_or_all<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Value> {
    let distinct: BTreeSet<&str> = texts.collect();
    match distinct.len() {
        0 => None,
        1 => distinct.first().map(|only| json!(only)),
        _ => Some(json!(distinct)),
    }
}

/// A date as rule files write it, as the first moment of that day.
fn midnight(date: &str) -> Option<String> {
    let date = NaiveDate::parse_from_str(date.trim(), "%Y/%m/%d").ok()?;
    Some(format!("{date}T00:00:00.000Z"))
}

#[cfg(test)]
mod tests {
    use super::{ecs_fields, has_own, kibana_fields};
    use crate::event::Event;
    use crate::rule::{Rule, embedded};
    use serde_json::{Map, json};

    fn seed() -> Rule {
        embedded().unwrap().rules.remove(0)
    }

    #[test]
    fn kibanas_fields_hold_the_rule_as_its_file_has_it() {
        let fields = kibana_fields(&seed());
        for (field, value) in [
            ("created_at", json!("2024-07-24T00:00:00.000Z")),
            ("updated_at", json!("2026-11-24T00:00:00.000Z")),
            ("immutable", json!(false)),
            ("from", json!("now-6m")),
            ("interval", json!("5m")),
            ("risk_score_mapping", json!([])),
        ] {
            assert_eq!(fields[&format!("kibana.alert.rule.{field}")], value, "{field}");
        }
        let bare = Rule { metadata: Map::new(), parameters: Map::new(), ..seed() };
        let fields = kibana_fields(&bare);
        assert!(!fields.contains_key("kibana.alert.rule.created_at"));
        assert_eq!(fields["kibana.alert.rule.from"], "now-360s");
    }

    #[test]
    fn ecs_fields_hold_rule_and_techniques() {
        let fields = ecs_fields(&seed());
        let rule = &fields["rule"];
        assert_eq!((&rule["id"], &rule["uuid"]), (&json!(seed().rule_id), &json!(seed().rule_id)));
        assert_eq!((&rule["author"], &rule["license"]), (&json!(["Elastic"]), &json!("Elastic License v2")));
        assert_eq!(rule["reference"], "https://redcanary.com/blog/aws-sts/");
        assert!(rule.get("version").is_none(), "the file has none");
        let threat = &fields["threat"];
        assert_eq!(threat["framework"], "MITRE ATT&CK");
        assert_eq!(threat["tactic"]["id"], json!(["TA0008", "TA0003", "TA0006"]));
        assert_eq!(threat["tactic"]["name"][0], "Lateral Movement");
        let techniques = threat["technique"]["id"].as_array().unwrap();
        assert!(techniques.contains(&json!("T1021")));
        assert_eq!(threat["technique"]["name"].as_array().map(Vec::len), Some(techniques.len()));
        assert!(threat["technique"]["subtechnique"]["id"].as_array().unwrap().contains(&json!("T1021.007")));
    }

    #[test]
    fn a_rule_that_says_nothing_of_the_adversary_has_no_threat() {
        let plain = Rule { threat: Vec::new(), references: Vec::new(), ..seed() };
        let fields = ecs_fields(&plain);
        assert!(!fields.contains_key("threat") && fields["rule"].get("reference").is_none());
    }

    #[test]
    fn an_event_may_have_a_rule_of_its_own() {
        for (source, own) in [
            (json!({"rule": {"name": "deny-all"}}), true),
            (json!({"rule.name": "deny-all"}), true),
            (json!({"rules": 1, "event": {"rule": 1}}), false),
        ] {
            assert_eq!(has_own(&Event::of(source), "rule"), own);
        }
        let mut event = Event::default();
        event.fields.insert("rule.id".into(), json!(["1"]));
        assert!(has_own(&event, "rule") && !has_own(&event, "threat"));
    }
}

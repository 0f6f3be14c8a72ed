//! Every alert document satisfies the schema in the repository, and schema, mapping and documentation name the same
//! fields.

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas};
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{AlertBuilder, AlertIndex, CopyPlace, Found, Places, Run, SecurityAlerts, alert_id};
use crate::event::Event;
use crate::rule::{Rule, embedded};

const SCHEMA: &str = include_str!("../../tests/alert/alert.schema.json");
const FIELDS: &str = include_str!("alert_fields.tsv");
const DOCUMENTED: &str = include_str!("fields.md");

struct Checker {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Checker {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("alert.schema.json", schema()).unwrap();
        let schema = compiler.compile("alert.schema.json", &mut schemas).unwrap();
        Self { schemas, schema }
    }

    fn check(&self, body: &Map<String, Value>) -> Result<(), String> {
        let document = Value::Object(body.clone());
        let checked = self.schemas.validate(&document, self.schema);
        checked.map_err(|error| error.to_string())
    }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn seed() -> Rule {
    embedded().unwrap().rules.remove(0)
}

fn places() -> Places {
    Places {
        kibana: "https://kibana.example.com/s/team".parse().ok(),
        alerts: Some("stakeout-alerts".into()),
    }
}

/// The alert for `source` and its reduced form, and their copies among Kibana's own alerts.
fn all_forms(rule: &Rule, event: &Event, kind: &'static str) -> [Map<String, Value>; 4] {
    let builder = AlertBuilder::new(rule, &Run { id: "run-1".into(), kind, places: places() });
    let id = alert_id(&rule.rule_id, &rule.identity, event);
    let at = DateTime::parse_from_rfc3339("2026-11-20T14:06:00Z").unwrap().to_utc();
    let found = Found { from: at, to: at, at };
    let (whole, reduced) =
        (builder.build(event, &id, found), builder.build_reduced(event, &id, found, "400: no"));
    let security = CopyPlace::Security(SecurityAlerts::of("soc".parse().unwrap()));
    let copies = (security.copy(&whole, at), security.copy(&reduced, at));
    [whole.body, reduced.body, copies.0, copies.1]
}

#[test]
fn the_alerts_of_all_built_in_examples_satisfy_the_schema() {
    let checker = Checker::new();
    for rule in embedded().unwrap().rules {
        for example in rule.examples.iter().filter(|example| example.matches) {
            let event = Event { source: example.event.clone(), ..Event::default() };
            for body in all_forms(&rule, &event, "once") {
                checker.check(&body).unwrap_or_else(|error| panic!("{}: {error}", example.name));
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_alert() {
    let checker = Checker::new();
    let [good, ..] = all_forms(&seed(), &Event::default(), "run");
    assert_eq!(checker.check(&good), Ok(()));
    let changes: [(&str, Value); 8] = [
        ("kibana.alert.status", json!("closed")),
        ("kibana.alert.uuid", json!("x")),
        ("kibana.alert.rule.tags", json!("a")),
        ("kibana.alert.start", json!("2026-11-20")),
        ("kibana.alert.rule.threat", json!([{"framework": "MITRE ATT&CK"}])),
        ("kibana.alert.unheard_of", json!(1)),
        ("stakeout.reduced.event", json!("{}")),
        ("event.kind", json!("event")),
    ];
    for (field, value) in changes {
        let mut bad = good.clone();
        bad.insert(field.to_owned(), value);
        assert!(checker.check(&bad).is_err(), "{field}");
    }
    for field in ["@timestamp", "kibana.alert.rule.rule_id", "stakeout.version"] {
        let mut bad = good.clone();
        bad.remove(field);
        assert!(checker.check(&bad).is_err(), "{field}");
    }
}

/// The types of fields that the schema names below our own roots, those of lists of objects included; `*` stands for
/// names that rules choose.
fn schema_types() -> BTreeMap<String, Value> {
    let mut types = BTreeMap::new();
    let schema = schema();
    for (name, form) in schema["properties"].as_object().unwrap() {
        collect(name, form, &mut types);
    }
    types
}

fn collect(name: &str, form: &Value, types: &mut BTreeMap<String, Value>) {
    match form["items"]["properties"].as_object().or_else(|| form["properties"].as_object()) {
        Some(below) => below.iter().for_each(|(key, form)| collect(&format!("{name}.{key}"), form, types)),
        None if form["additionalProperties"].is_object() => {
            collect(&format!("{name}.*"), &form["additionalProperties"], types);
        }
        None => drop(types.insert(name.to_owned(), form.clone())),
    }
}

fn mapped() -> BTreeMap<&'static str, &'static str> {
    FIELDS.lines().filter_map(|line| line.split_once('\t')).collect()
}

#[test]
fn the_schema_and_the_mapping_name_the_same_fields_and_types() {
    let (mapped, schema) = (mapped(), schema_types());
    // As in Kibana, these stand in the document and are not mapped.
    let unmapped = ["actions", "exceptions_list", "meta", "risk_score_mapping", "severity_mapping"];
    for (field, form) in &schema {
        let bare = field.strip_prefix("kibana.alert.rule.");
        if field == "@timestamp" || bare.is_some_and(|bare| unmapped.contains(&bare)) {
            continue;
        }
        let kinds: Vec<&str> =
            mapped.iter().filter(|(known, _)| is_named(field, known)).map(|(_, kind)| *kind).collect();
        assert!(!kinds.is_empty(), "`{field}` is not mapped");
        for kind in kinds {
            assert!(fits(form, kind), "`{field}` is mapped as {kind}, but the schema says {form}");
        }
    }
    for field in mapped.keys().filter(|field| !is_written_by_others(field)) {
        assert!(
            schema.keys().any(|name| is_named(name, field)),
            "`{field}` is mapped, but not in the schema"
        );
    }
}

/// Whether a name of the schema is that of `field`.
fn is_named(name: &str, field: &str) -> bool {
    name == field || name.strip_suffix('*').is_some_and(|parent| field.starts_with(parent))
}

/// What triage adds and whoever works on an alert writes, what the event names, and sub-fields.
fn is_written_by_others(field: &str) -> bool {
    let starts = [
        "kibana.alert.original_",
        "kibana.alert.workflow_",
        "kibana.alert.ancestors.rule",
        "kibana.alert.case_ids",
        "stakeout.case.",
    ];
    let triage = ["stakeout.group.", "stakeout.triage.", "stakeout.verdict."];
    starts.iter().chain(&triage).any(|start| field.starts_with(start)) || mapped()[field] == "subtext"
}

/// Whether a value of this form can be indexed as a field of this type.
fn fits(form: &Value, kind: &str) -> bool {
    let example = form.get("const").or_else(|| form.get("enum").map(|allowed| &allowed[0]));
    let named = match (example, &form["type"], &form["items"]["type"]) {
        (Some(Value::Number(_)), ..) => "integer",
        (Some(Value::Bool(_)), ..) => "boolean",
        // An empty list fits texts.
        (Some(_), ..) => "string",
        (_, Value::Array(several), _) => several[0].as_str().unwrap_or_default(),
        (_, _, Value::String(items)) => items,
        (_, Value::String(name), _) => name,
        _ => "",
    };
    match kind {
        "date" | "unindexed" => named == "string",
        "keyword" => ["string", "boolean", "integer"].contains(&named),
        "long" => named == "integer",
        "float" => named == "number",
        "flattened" => named == "object",
        "boolean" => named == "boolean",
        _ => false,
    }
}

#[test]
fn the_documented_table_is_the_mapping() {
    let documented: BTreeMap<&str, &str> = DOCUMENTED
        .lines()
        .filter_map(|line| {
            let (field, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let (kind, _) = rest.split_once(" | ")?;
            (field.starts_with("kibana.") || field.starts_with("stakeout.")).then_some((field, kind))
        })
        .filter(|(_, kind)| !kind.contains(' '))
        .collect();
    assert_eq!(documented, mapped());
    let index: AlertIndex = "a".parse().unwrap();
    let mappings = index.template()["template"]["mappings"]["properties"].clone();
    for (field, kind) in documented {
        assert_eq!(kind_in(&mappings, field), kind, "{field}");
    }
}

/// The type of a field of the template, as the table calls it.
fn kind_in<'m>(mappings: &'m Value, field: &str) -> &'m str {
    let subfield = || {
        let (parent, name) = field.rsplit_once('.')?;
        mappings[parent]["fields"].get(name).map(|_| "subtext")
    };
    match &mappings[field] {
        Value::Null => subfield().unwrap_or("not mapped"),
        mapping if mapping["index"] == false => "unindexed",
        mapping => mapping["type"].as_str().unwrap_or("object"),
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[a-z]{0,3}", Just("</script>\u{202e}\"'\\*".to_owned())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec((keys(), inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "@timestamp",
            "event",
            "event.kind",
            "kind",
            "event.action",
            "user.id",
            "user",
            "id",
            "kibana",
            "kibana.alert.uuid",
            "kibana.space_ids",
            "signal",
            "stakeout",
            "stakeout.pivots",
            "rule",
            "threat",
            "rule.name",
            "data_stream",
            "data_stream.dataset",
            "source.ip",
            "threshold_result",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_event_its_alert_satisfies_the_schema(
        source in proptest::collection::vec((keys(), values()), 0..8),
        fields in proptest::collection::vec((keys(), values()), 0..3),
    ) {
        let list = |value| if let Value::Array(_) = value { value } else { json!([value]) };
        let event = Event {
            index: "i".into(),
            id: "1".into(),
            source: source.into_iter().collect(),
            fields: fields.into_iter().map(|(key, value)| (key, list(value))).collect(),
            ..Event::default()
        };
        let checker = Checker::new();
        for body in all_forms(&seed(), &event, "backfill") {
            prop_assert_eq!(checker.check(&body), Ok(()));
        }
    }
}

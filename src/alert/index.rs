//! The index that takes the alerts: a write alias over numbered indices, made by an index template whose types
//! every Elasticsearch distribution has.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::diagnostic::sanitize;
use crate::schema::{ECS_VERSION, ecs_fields};

/// The version of the template; raised with every change, so that an older one can be told.
pub const TEMPLATE_VERSION: u64 = 4;

/// Lines of `field<TAB>type` for what an alert holds beside ECS fields. Kibana's names and types, from
/// `kbn-alerts-as-data-utils/src/field_maps` of elastic/kibana; `stakeout.*` is ours.
const ALERT_FIELDS: &str = include_str!("alert_fields.tsv");

/// Longest alias, in bytes: an index name has 255 at most.
const LONGEST_ALIAS: usize = 240;

/// What the aliases and indices of Kibana's page *Security → Alerts* begin with.
const KIBANAS_OWN: [&str; 2] = [".alerts-security.", ".internal.alerts-security."];

/// The names and bodies of what holds the alerts, all derived from one alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertIndex {
    alias: String,
}

/// What no index and no data stream may have in its name, in words.
pub(super) const IN_NO_NAME: &str = r#"expected no blank and none of \ / * ? " < > | , # :"#;

/// Whether no index and no data stream may have the character in its name.
pub(super) fn is_in_no_name(character: char) -> bool {
    character.is_whitespace() || character.is_control() || r#"\/*?"<>|,#:"#.contains(character)
}

impl FromStr for AlertIndex {
    type Err = String;

    /// Takes a name that an index may have, with room for what is put behind it.
    fn from_str(alias: &str) -> Result<Self, String> {
        let refusal =
            |reason: &str| Err(format!("`{}` cannot be an alerts index: {reason}", sanitize(alias)));
        match alias {
            "" => refusal("it is empty"),
            _ if KIBANAS_OWN.iter().any(|own| alias.starts_with(own)) => refusal(
                "Kibana makes and fills it for its own rules; look at alerts in the dashboard that `stakeout setup` makes, or copy them there with `run --security-alerts`",
            ),
            _ if alias.len() > LONGEST_ALIAS => refusal("expected at most 240 bytes"),
            _ if alias.to_lowercase() != alias => refusal("expected lower case only"),
            _ if alias.starts_with(['-', '_', '+', '.']) => {
                refusal("expected no `-`, `_`, `+` or `.` in front")
            }
            _ if alias.contains(is_in_no_name) => refusal(IN_NO_NAME),
            _ => Ok(Self { alias: alias.to_owned() }),
        }
    }
}

impl AlertIndex {
    /// The alias that alerts are written to and read from.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The index behind the alias when it is made.
    #[must_use]
    pub fn first_index(&self) -> String {
        format!("{}-000001", self.alias)
    }

    /// The index template's name.
    #[must_use]
    pub fn template_name(&self) -> String {
        self.alias.clone()
    }

    /// The index that holds the checkpoints of the rules whose alerts go here.
    #[must_use]
    pub fn state_index(&self) -> String {
        format!("{}-state", self.alias)
    }

    /// The body of the index template: ECS and alert fields mapped, everything else kept but not indexed.
    #[must_use]
    pub fn template(&self) -> Value {
        json!({
            "index_patterns": [format!("{}-0*", self.alias)],
            "priority": 500,
            "version": TEMPLATE_VERSION,
            "_meta": {"description": "alerts of stakeout", "ecs_version": ECS_VERSION},
            "template": {
                "settings": {
                    "index.auto_expand_replicas": "0-1",
                    "index.mapping.total_fields.limit": 10_000,
                    "index.mapping.ignore_malformed": true,
                },
                "mappings": {
                    "dynamic": false, "date_detection": false, "dynamic_templates": of_rules(),
                    "properties": properties(),
                },
            },
        })
    }

    /// The body that makes [`Self::first_index`] with its write alias.
    #[must_use]
    pub fn first_index_body(&self) -> Value {
        json!({"aliases": {&self.alias: {"is_write_index": true}}})
    }

    /// The body that makes [`Self::state_index`].
    #[must_use]
    pub fn state_index_body() -> Value {
        json!({
            "settings": {"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1", "index.hidden": true},
            "mappings": {"dynamic": false, "properties": {
                "key": {"type": "keyword"},
                "name": {"type": "keyword"},
                "done_until": {"type": "date"},
                "updated_at": {"type": "date"},
            }},
        })
    }
}

/// What holds names that rules choose: their values and the ids of their questions. A rule has no
/// more than 64 of these, a question takes ten fields, and some 600 different ones fit into an index.
const NAMED_BY_RULES: [&str; 2] = ["stakeout.facts", "stakeout.triage"];

/// The types of what lies below [`NAMED_BY_RULES`]; numbers have Elasticsearch's own.
fn of_rules() -> Value {
    let date = |name: &str| json!({name: {"path_match": format!("stakeout.triage.*.{name}"), "mapping": {"type": "date"}}});
    json!([
        date("first"),
        date("last"),
        {"text": {"path_match": "stakeout.triage.*.text", "mapping": {"type": "text"}}},
        {"other": {
            "path_match": "stakeout.*", "match_mapping_type": "string",
            "mapping": {"type": "keyword", "ignore_above": 1024},
        }},
    ])
}

/// Every mapped field by full name; Elasticsearch nests dotted names itself.
fn properties() -> Map<String, Value> {
    let mut types: BTreeMap<&str, &str> = ecs_fields().filter(|(field, _)| !is_subfield(field)).collect();
    let (subfields, fields): (Vec<_>, Vec<_>) = ALERT_FIELDS
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .partition(|(_, kind)| *kind == "subtext");
    types.extend(fields);
    let mut mappings: Map<String, Value> = Map::new();
    for (field, kind) in types {
        mappings.extend(mapping(field, kind).map(|mapping| (field.to_owned(), mapping)));
    }
    for name in NAMED_BY_RULES {
        mappings.insert(name.to_owned(), json!({"type": "object", "dynamic": true}));
    }
    for (subfield, _) in subfields {
        add_text_subfield(&mut mappings, subfield);
    }
    mappings
}

/// ECS lists `user.name.text` beside `user.name`; a field below one that holds values is its sub-field.
fn is_subfield(field: &str) -> bool {
    field.rsplit_once('.').is_some_and(|(parent, _)| {
        crate::schema::ecs_type(parent).is_some_and(|kind| {
            !matches!(kind, crate::schema::FieldType::Object | crate::schema::FieldType::Nested)
        })
    })
}

fn add_text_subfield(mappings: &mut Map<String, Value>, subfield: &str) {
    let parent = subfield.rsplit_once('.').and_then(|(parent, name)| Some((mappings.get_mut(parent)?, name)));
    if let Some((Value::Object(parent), name)) = parent {
        parent.insert("fields".into(), json!({name: {"type": "text"}}));
    }
}

/// The mapping of one field in types that every distribution has; none for objects, which need no entry.
fn mapping(field: &str, kind: &str) -> Option<Value> {
    let unindexed = json!({"type": "keyword", "index": false, "doc_values": false});
    Some(match kind {
        _ if field == "event.original" => unindexed,
        "unindexed" => unindexed,
        "keyword" | "constant_keyword" | "wildcard" if field.starts_with("kibana.") => {
            json!({"type": "keyword", "ignore_above": 8191})
        }
        "keyword" | "constant_keyword" | "wildcard" => json!({"type": "keyword", "ignore_above": 1024}),
        "match_only_text" => json!({"type": "text"}),
        "scaled_float" | "double" => json!({"type": "float"}),
        "integer" => json!({"type": "long"}),
        "flattened" => json!({"type": "flattened", "ignore_above": 4096}),
        "object" | "nested" => return None,
        other => json!({"type": other}),
    })
}

#[cfg(test)]
mod tests {
    use super::AlertIndex;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn named(alias: &str) -> AlertIndex {
        alias.parse().unwrap()
    }

    #[test]
    fn only_names_that_an_index_may_have() {
        for alias in
            ["", "*", "Stakeout", "a,b", "a b", "_all", "-a", ".a", "a/b", "a\u{1b}", "<a>", &"a".repeat(241)]
        {
            let refusal = alias.parse::<AlertIndex>().unwrap_err();
            assert!(!refusal.contains('\u{1b}'), "{refusal}");
        }
        assert_eq!(named("stakeout-alerts").alias(), "stakeout-alerts");
    }

    #[test]
    fn the_index_of_kibanas_own_alerts_is_refused_with_the_way_to_go() {
        for alias in [".alerts-security.alerts-default", ".internal.alerts-security.alerts-default-000001"] {
            let refusal = alias.parse::<AlertIndex>().unwrap_err();
            assert!(refusal.contains("dashboard that `stakeout setup` makes"), "{refusal}");
        }
    }

    fn properties() -> serde_json::Map<String, Value> {
        named("a").template()["template"]["mappings"]["properties"].as_object().cloned().unwrap()
    }

    #[test]
    fn only_types_that_every_distribution_has() {
        let types: BTreeSet<String> =
            properties().values().map(|mapping| mapping["type"].as_str().unwrap().to_owned()).collect();
        let known =
            ["boolean", "date", "flattened", "float", "geo_point", "ip", "keyword", "long", "object", "text"]
                .map(String::from);
        assert_eq!(types, BTreeSet::from(known));
    }

    #[test]
    fn no_field_lies_below_one_that_holds_values() {
        let properties = properties();
        for field in properties.keys() {
            for (dot, _) in field.match_indices('.') {
                let above = properties.get(&field[..dot]);
                assert!(above.is_none_or(|above| above["type"] == "object"), "{field}");
            }
        }
    }

    #[test]
    fn maps_ecs_and_alert_fields() {
        let properties = properties();
        for (field, kind) in [
            ("user.id", "keyword"),
            ("source.ip", "ip"),
            ("source.geo.location", "geo_point"),
            ("message", "text"),
            ("kibana.alert.rule.parameters", "flattened"),
            ("kibana.alert.original_time", "date"),
        ] {
            assert_eq!(properties[field]["type"], kind, "{field}");
        }
        assert_eq!(properties["event.original"]["index"], false);
        assert_eq!(properties["kibana.alert.reason"]["fields"]["text"]["type"], "text");
    }

    #[test]
    fn the_template_takes_the_alerts_but_not_the_checkpoints() {
        let index = named("stakeout-alerts");
        assert_eq!(index.template()["index_patterns"][0], "stakeout-alerts-0*");
        assert_eq!(index.first_index(), "stakeout-alerts-000001");
        assert_eq!(index.state_index(), "stakeout-alerts-state");
    }
}

//! Kibana's own alerts of a space: alias and index as Kibana makes them, and what its page *Security → Alerts* asks.
//!
//! From elastic/kibana: settings of `create_or_update_index_template.ts`, types of `kbn-alerts-as-data-utils/src/field_maps`
//! and of the security solution's, as far as every distribution of Elasticsearch has them; the query of
//! `rule_registry/server/search_strategy`, with the filters that the page begins with.

use serde_json::{Map, Value, json};

use super::Client;

/// Indexed without a limit, so that a longer text than Lucene takes is refused.
const KEYWORDS: [&str; 27] = [
    "kibana.space_ids",
    "kibana.alert.uuid",
    "kibana.alert.status",
    "kibana.alert.workflow_status",
    "kibana.alert.workflow_tags",
    "kibana.alert.workflow_assignee_ids",
    "kibana.alert.severity",
    "kibana.alert.reason",
    "kibana.alert.building_block_type",
    "kibana.alert.ancestors.id",
    "kibana.alert.ancestors.index",
    "kibana.alert.ancestors.type",
    "kibana.alert.original_event.action",
    "kibana.alert.original_event.kind",
    "kibana.alert.original_event.original",
    "kibana.alert.rule.category",
    "kibana.alert.rule.consumer",
    "kibana.alert.rule.description",
    "kibana.alert.rule.name",
    "kibana.alert.rule.note",
    "kibana.alert.rule.producer",
    "kibana.alert.rule.rule_id",
    "kibana.alert.rule.rule_type_id",
    "kibana.alert.rule.tags",
    "kibana.alert.rule.threat.tactic.id",
    "kibana.alert.rule.uuid",
    "kibana.alert.rule.version",
];

const OTHERS: [(&str, &str); 9] = [
    ("kibana.alert.original_time", "date"),
    ("kibana.alert.start", "date"),
    ("kibana.alert.last_detected", "date"),
    ("kibana.alert.rule.created_at", "date"),
    ("kibana.alert.depth", "long"),
    ("kibana.alert.ancestors.depth", "long"),
    ("kibana.alert.risk_score", "float"),
    ("kibana.alert.rule.exceptions_list", "object"),
    ("source.ip", "ip"),
];

/// Fields of ECS, with ECS's limit.
const ECS: [&str; 5] = ["event.action", "event.kind", "user.id", "user.name", "rule.name"];

/// The kinds of rules whose alerts the page shows.
const RULE_TYPES: [&str; 8] = [
    "siem.eqlRule",
    "siem.esqlRule",
    "siem.indicatorRule",
    "siem.mlRule",
    "siem.newTermsRule",
    "siem.queryRule",
    "siem.savedQueryRule",
    "siem.thresholdRule",
];

/// The alias of the space's alerts.
pub fn alias(space: &str) -> String {
    format!(".alerts-security.alerts-{space}")
}

/// Makes alias and index of a space, with these types instead of Kibana's.
pub fn make(node: &Client, space: &str, instead: &[(&str, &str)]) {
    let mut body = body(instead);
    body["aliases"] = json!({alias(space): {"is_write_index": true}});
    node.put(&format!("/.internal{}-000001", alias(space)), &body);
}

/// Lets the next index take what is new.
pub fn roll_over(node: &Client, space: &str) {
    node.post(&format!("/{}/_rollover", alias(space)), &body(&[]));
}

/// Lets the indices of a space take nothing, or something again.
pub fn block(node: &Client, space: &str, is_blocked: bool) {
    node.put(&format!("/{}/_settings", alias(space)), &json!({"index.blocks.write": is_blocked}));
}

fn body(instead: &[(&str, &str)]) -> Value {
    let of = |kind: &str| json!({ "type": kind });
    let mut properties = Map::new();
    properties.insert("@timestamp".into(), json!({"type": "date", "ignore_malformed": false}));
    properties.extend(KEYWORDS.map(|field| (field.to_owned(), of("keyword"))));
    properties.extend(ECS.map(|field| (field.to_owned(), json!({"type": "keyword", "ignore_above": 1024}))));
    properties.extend(OTHERS.map(|(field, kind)| (field.to_owned(), of(kind))));
    properties
        .insert("kibana.alert.rule.parameters".into(), json!({"type": "flattened", "ignore_above": 4096}));
    for (field, kind) in instead {
        properties.retain(|known, _| !known.starts_with(&format!("{field}.")));
        properties.insert((*field).to_owned(), of(kind));
    }
    json!({
        "mappings": {"dynamic": false, "properties": properties},
        "settings": {"hidden": true, "number_of_replicas": 0, "index.mapping.ignore_malformed": true},
    })
}

/// What the page shows of the last hour in a space: each alert's id and the fields of its columns, by id.
pub fn shown(node: &Client, space: &str) -> Vec<(String, Value)> {
    let without_parts = json!([{"exists": {"field": "kibana.alert.building_block_type"}}]);
    search(node, space, &without_parts)
}

/// The same with building blocks, which the page shows on request.
pub fn shown_with_parts(node: &Client, space: &str) -> Vec<(String, Value)> {
    search(node, space, &json!([]))
}

fn search(node: &Client, space: &str, must_not: &Value) -> Vec<(String, Value)> {
    node.refresh(&alias(space));
    let filter = json!([
        {"range": {"@timestamp": {"gte": "now-1h", "lte": "now", "format": "strict_date_optional_time"}}},
        {"bool": {"should": [{"term": {"kibana.alert.workflow_status": "open"}}]}},
        {"terms": {"kibana.space_ids": [space, "*"]}},
        {"terms": {"kibana.alert.rule.consumer": ["siem"]}},
        {"terms": {"kibana.alert.rule.rule_type_id": RULE_TYPES}},
    ]);
    let body = json!({
        "_source": false, "size": 100,
        "fields": [{"field": "kibana.alert.*", "include_unmapped": false}, "event.action", "user.id", "source.ip"],
        "query": {"bool": {"filter": filter, "must_not": must_not}},
        "sort": ["kibana.alert.uuid"],
    });
    let path = format!("/{}/_search?allow_no_indices=true&ignore_unavailable=true", alias(space));
    let found = node.post(&path, &body);
    let hits = found["hits"]["hits"].as_array().expect("hits");
    hits.iter().map(|hit| (hit["_id"].as_str().expect("an id").to_owned(), hit["fields"].clone())).collect()
}

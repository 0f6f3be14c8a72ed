//! The data view: which index, which time, and which values are links.

use serde_json::{Value, json};

use super::TIME_FIELD;
use super::names::Names;
use super::object::{Kind, SavedObject, as_text};

/// Fields whose values are addresses to open.
const LINKS: &[&str] = &["kibana.alert.url", "kibana.alert.rule.references"];

/// The data view over `alias`.
pub fn data_view(names: &Names, alias: &str) -> SavedObject {
    let link = json!({"id": "url", "params": {}});
    let formats: serde_json::Map<String, Value> =
        LINKS.iter().map(|field| ((*field).to_owned(), link.clone())).collect();
    let attributes = json!({
        "title": alias,
        "name": format!("Stakeout: {alias}"),
        "timeFieldName": TIME_FIELD,
        "allowHidden": false,
        "fields": as_text(&json!([])),
        "fieldAttrs": as_text(&json!({})),
        "fieldFormatMap": as_text(&Value::Object(formats)),
        "runtimeFieldMap": as_text(&json!({})),
        "sourceFilters": as_text(&json!([])),
    });
    SavedObject { kind: Kind::DataView, id: names.data_view.clone(), attributes, references: Vec::new() }
}

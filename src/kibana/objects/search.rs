//! The saved search: the newest alerts, with the columns that a first look needs and the guide at the end.

use serde_json::{Value, json};

use super::TIME_FIELD;
use super::names::Names;
use super::object::{Kind, Reference, SavedObject, as_text};

/// Each column's field and width in pixels; no width is what is left.
const COLUMNS: &[(&str, Option<u32>)] = &[
    ("kibana.alert.severity", Some(95)),
    ("stakeout.verdict.grade", Some(120)),
    ("kibana.alert.rule.name", Some(240)),
    ("kibana.alert.reason", None),
    ("user.id", Some(260)),
    ("stakeout.facts.instance_id", Some(180)),
    ("source.ip", Some(130)),
    ("source.geo.country_iso_code", Some(90)),
    ("cloud.account.id", Some(130)),
    ("kibana.alert.workflow_status", Some(110)),
    ("kibana.alert.rule.note", Some(420)),
];

/// Lines of a row, enough to see that a guide is there and how it begins.
const ROW_LINES: u32 = 3;

/// What the attributes call the data view.
const DATA_VIEW: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

/// The saved search over the data view.
pub fn search(names: &Names, alias: &str) -> SavedObject {
    let columns: Vec<&str> = COLUMNS.iter().map(|(field, _)| *field).collect();
    let widths: serde_json::Map<String, Value> = COLUMNS
        .iter()
        .filter_map(|(field, width)| Some(((*field).to_owned(), json!({"width": (*width)?}))))
        .collect();
    let source = json!({
        "indexRefName": DATA_VIEW,
        "query": {"language": "kuery", "query": ""},
        "filter": [],
    });
    let attributes = json!({
        "title": format!("Stakeout alerts: {alias}"),
        "description": "Newest alerts first; open a row for the whole alert with its guide",
        "columns": columns,
        "sort": [[TIME_FIELD, "desc"]],
        "grid": {"columns": widths},
        "rowHeight": ROW_LINES,
        "hideChart": false,
        "isTextBasedQuery": false,
        "timeRestore": false,
        "kibanaSavedObjectMeta": {"searchSourceJSON": as_text(&source)},
    });
    let references = vec![Reference::new(Kind::DataView, &names.data_view, DATA_VIEW.to_owned())];
    SavedObject { kind: Kind::Search, id: names.search.clone(), attributes, references }
}

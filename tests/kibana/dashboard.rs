//! Reads the dashboard as Kibana does: its panels, their columns, and the search that Lens makes of them.
#![allow(dead_code, reason = "every test file takes the part that it needs")]

use serde_json::{Value, json};
use stakeout::kibana::{Kind, SavedObjects};

/// The object of that kind, as the line of the import has it.
pub fn object(objects: &SavedObjects, kind: Kind) -> Value {
    let object = objects.objects().iter().find(|object| object.kind == kind).expect("one of each kind");
    object.to_json()
}

/// What Kibana keeps as text.
pub fn text_as_json(text: &Value) -> Value {
    serde_json::from_str(text.as_str().expect("a text")).expect("JSON in a text")
}

/// The panels of the dashboard.
pub fn panels(dashboard: &Value) -> Vec<Value> {
    text_as_json(&dashboard["attributes"]["panelsJSON"]).as_array().expect("a list").clone()
}

/// The fields of the lists above the panels.
pub fn control_fields(dashboard: &Value) -> Vec<String> {
    let lists = text_as_json(&dashboard["attributes"]["controlGroupInput"]["panelsJSON"]);
    let field = |list: &Value| list["explicitInput"]["fieldName"].as_str().expect("a field").to_owned();
    lists.as_object().expect("the lists").values().map(field).collect()
}

/// The one layer of a Lens panel and its name; none for other panels.
pub fn layer(panel: &Value) -> Option<(String, Value)> {
    let state = &panel["embeddableConfig"]["attributes"]["state"];
    let layers = state["datasourceStates"]["formBased"]["layers"].as_object()?;
    assert_eq!(layers.len(), 1, "{panel}");
    layers.iter().next().map(|(name, layer)| (name.clone(), layer.clone()))
}

/// The columns of a layer by name, in the order in which Lens asks for them.
pub fn columns(layer: &Value) -> Vec<(String, Value)> {
    let order = layer["columnOrder"].as_array().expect("an order");
    let name = |name: &Value| name.as_str().expect("a name").to_owned();
    order.iter().map(name).map(|name| (name.clone(), layer["columns"][&name].clone())).collect()
}

/// The field and the value of `field : "value"`.
pub fn kql(query: &Value) -> (String, String) {
    let (field, value) = query.as_str().and_then(|text| text.split_once(" : ")).expect("a comparison");
    let value = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect("a quoted value");
    assert!(!value.contains(['"', '\\']), "{query}");
    (field.to_owned(), value.to_owned())
}

/// The search that Lens makes of a layer: buckets nested in their order, numbers within the innermost.
pub fn search(layer: &Value) -> Value {
    let (buckets, numbers): (Vec<_>, Vec<_>) =
        columns(layer).into_iter().partition(|(_, column)| column["isBucketed"] == true);
    let mut inner = json!({});
    for (name, column) in &numbers {
        if let Some(number) = number(column) {
            inner[name] = number;
        }
    }
    for (name, column) in buckets.iter().rev() {
        let mut bucket = bucket(column);
        if inner != json!({}) {
            bucket["aggs"] = inner;
        }
        inner = json!({name: bucket});
    }
    json!({"size": 0, "track_total_hits": true, "aggs": inner})
}

fn number(column: &Value) -> Option<Value> {
    let field = &column["sourceField"];
    match column["operationType"].as_str().expect("an operation") {
        "count" if column["filter"].is_null() => None,
        "count" => {
            let (field, value) = kql(&column["filter"]["query"]);
            Some(json!({"filter": {"bool": {"filter": [{"term": {field: {"value": value}}}]}}}))
        }
        "unique_count" => Some(json!({"cardinality": {"field": field}})),
        "max" => Some(json!({"max": {"field": field}})),
        other => panic!("an operation that is not known: {other}"),
    }
}

fn bucket(column: &Value) -> Value {
    let (field, params) = (&column["sourceField"], &column["params"]);
    match column["operationType"].as_str().expect("an operation") {
        "terms" => json!({"terms": {"field": field, "size": params["size"], "order": {"_count": "desc"}}}),
        "date_histogram" => {
            json!({"date_histogram": {"field": field, "fixed_interval": "3h", "time_zone": "UTC",
            "min_doc_count": 1}})
        }
        other => panic!("an operation that is not known: {other}"),
    }
}

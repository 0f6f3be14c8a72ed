//! Panels of Kibana's Lens: the columns that it asks Elasticsearch for, and how it draws them.
//!
//! Forms as in exports of elastic/integrations (`packages/aws/kibana/dashboard`) of 2025.

use serde_json::{Map, Value, json};

use super::TIME_FIELD;
use super::chart::{Chart, Field, Measure};
use super::names::Names;
use super::object::{Kind, Reference};

/// The one layer of every panel.
const LAYER: &str = "alerts";

/// The columns of a layer: their names are free and only have to agree within a panel.
const TIME: &str = "time";
const VALUE: &str = "value";
const NUMBER: &str = "number";
const LATEST: &str = "latest";

/// What Lens calls all documents where a field is expected.
const RECORDS: &str = "___records___";

/// The columns of a panel, buckets before numbers, and its drawing.
struct Lens {
    visualization: &'static str,
    columns: Vec<(&'static str, Value)>,
    drawing: Value,
}

/// The panel's attributes and the name by which they refer to the data view; none for what is no Lens panel.
pub fn lens(chart: Chart, names: &Names) -> Option<(Value, Reference)> {
    let Lens { visualization, columns, drawing } = match chart {
        Chart::Number(measure) => number(measure),
        Chart::OverTime { by, size } => over_time(by, size),
        Chart::Donut { by, size } => donut(by, size),
        Chart::Bars { by, size } => bars(by, size),
        Chart::Table { by, size } => table(by, size),
        Chart::Newest => return None,
    };
    let order: Vec<&str> = columns.iter().map(|(id, _)| *id).collect();
    let columns: Map<String, Value> =
        columns.into_iter().map(|(id, column)| (id.to_owned(), column)).collect();
    let layer = json!({"columnOrder": order, "columns": columns, "incompleteColumns": {}, "sampling": 1,
        "ignoreGlobalFilters": false});
    let data_view =
        Reference::new(Kind::DataView, &names.data_view, format!("indexpattern-datasource-layer-{LAYER}"));
    let attributes = json!({
        "type": "lens",
        "title": "",
        "visualizationType": visualization,
        "references": [data_view.to_json()],
        "state": {
            "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
            "visualization": drawing,
            "query": {"language": "kuery", "query": ""},
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
        },
    });
    Some((attributes, data_view))
}

fn number(measure: Measure) -> Lens {
    let drawing = json!({"layerId": LAYER, "layerType": "data", "metricAccessor": NUMBER});
    Lens { visualization: "lnsMetric", columns: vec![(NUMBER, measured(measure))], drawing }
}

fn over_time(by: Field, size: u8) -> Lens {
    let columns = vec![(VALUE, top(by, size, true)), (TIME, over(TIME_FIELD)), (NUMBER, count())];
    let layer = json!({"xAccessor": TIME, "splitAccessor": VALUE});
    Lens { visualization: "lnsXY", columns, drawing: xy("bar_stacked", true, layer) }
}

fn bars(by: Field, size: u8) -> Lens {
    let columns = vec![(VALUE, top(by, size, false)), (NUMBER, count())];
    Lens {
        visualization: "lnsXY",
        columns,
        drawing: xy("bar_horizontal", false, json!({"xAccessor": VALUE})),
    }
}

fn donut(by: Field, size: u8) -> Lens {
    let columns = vec![(VALUE, top(by, size, true)), (NUMBER, count())];
    let drawing = json!({"shape": "donut", "layers": [{
        "layerId": LAYER, "layerType": "data", "primaryGroups": [VALUE], "metrics": [NUMBER],
        "numberDisplay": "value", "categoryDisplay": "default", "legendDisplay": "default", "nestedLegend": false,
    }]});
    Lens { visualization: "lnsPie", columns, drawing }
}

fn table(by: Field, size: u8) -> Lens {
    let columns = vec![(VALUE, top(by, size, false)), (NUMBER, count()), (LATEST, latest())];
    let drawn = |id: &str, metric: bool| json!({"columnId": id, "isMetric": metric, "isTransposed": false});
    let drawing = json!({"layerId": LAYER, "layerType": "data",
        "columns": [drawn(VALUE, false), drawn(NUMBER, true), drawn(LATEST, true)]});
    Lens { visualization: "lnsDatatable", columns, drawing }
}

/// A chart with two axes; `layer` says which column goes where.
fn xy(series: &str, legend: bool, mut layer: Value) -> Value {
    layer["layerId"] = json!(LAYER);
    layer["layerType"] = json!("data");
    layer["seriesType"] = json!(series);
    layer["accessors"] = json!([NUMBER]);
    json!({"preferredSeriesType": series, "legend": {"isVisible": legend, "position": "right"},
        "valueLabels": "hide", "layers": [layer]})
}

fn measured(measure: Measure) -> Value {
    match measure {
        Measure::Alerts => count(),
        Measure::AlertsWith { field, value } => {
            let mut column = count();
            column["filter"] = json!({"language": "kuery", "query": format!("{} : \"{value}\"", field.name)});
            column
        }
        Measure::Distinct(field) => json!({
            "label": field.label, "customLabel": true, "dataType": "number", "operationType": "unique_count",
            "sourceField": field.name, "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": false},
        }),
    }
}

fn count() -> Value {
    json!({
        "label": "Alerts", "customLabel": true, "dataType": "number", "operationType": "count",
        "sourceField": RECORDS, "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": false},
    })
}

/// The time of the newest alert in a bucket.
fn latest() -> Value {
    json!({
        "label": "Newest", "customLabel": true, "dataType": "date", "operationType": "max",
        "sourceField": TIME_FIELD, "isBucketed": false, "scale": "ratio", "params": {"emptyAsNull": true},
    })
}

/// Buckets of time, as wide as fits the range.
fn over(field: &str) -> Value {
    json!({
        "label": field, "dataType": "date", "operationType": "date_histogram", "sourceField": field,
        "isBucketed": true, "scale": "interval",
        "params": {"interval": "auto", "includeEmptyRows": true, "dropPartials": false},
    })
}

/// The values of most alerts; `others` adds one bucket for all the rest.
fn top(field: Field, size: u8, others: bool) -> Value {
    json!({
        "label": field.label, "customLabel": true, "dataType": field.data_type, "operationType": "terms",
        "sourceField": field.name, "isBucketed": true, "scale": "ordinal",
        "params": {
            "size": size, "orderBy": {"type": "column", "columnId": NUMBER}, "orderDirection": "desc",
            "otherBucket": others, "missingBucket": false, "parentFormat": {"id": "terms"},
        },
    })
}

//! The dashboard: the table of panels laid out, with what it can be narrowed by.

use serde_json::{Map, Value, json};

use super::chart::{Chart, Field, Panel};
use super::lens::lens;
use super::names::Names;
use super::object::{Kind, Reference, SavedObject, as_text};
use super::panels::{CONTROLS, PANELS};

/// The span of time that the dashboard opens with.
const OPENS_WITH: &str = "now-7d";

/// How often the page asks again once a person switches that on, in milliseconds.
const REFRESH_MS: u32 = 60_000;

/// The dashboard over the data view and the saved search.
pub fn dashboard(names: &Names, alias: &str) -> SavedObject {
    let (panels, mut references): (Vec<Value>, Vec<Reference>) =
        PANELS.iter().map(|panel| drawn(panel, names)).unzip();
    let (controls, narrowing) = controls(names);
    references.extend(narrowing);
    let nothing = json!({"query": {"language": "kuery", "query": ""}, "filter": []});
    let options = json!({"useMargins": true, "syncColors": false, "syncCursor": true, "syncTooltips": false,
        "hidePanelTitles": false});
    let attributes = json!({
        "title": format!("Stakeout alerts: {alias}"),
        "description": "What the rules found: when, how bad, who, from where, and what to do about it",
        "timeRestore": true,
        "timeFrom": OPENS_WITH,
        "timeTo": "now",
        "refreshInterval": {"pause": true, "value": REFRESH_MS},
        "controlGroupInput": controls,
        "optionsJSON": as_text(&options),
        "kibanaSavedObjectMeta": {"searchSourceJSON": as_text(&nothing)},
        "panelsJSON": as_text(&Value::Array(panels)),
    });
    SavedObject { kind: Kind::Dashboard, id: names.dashboard.clone(), attributes, references }
}

/// One panel and the dashboard's reference to what it shows.
fn drawn(panel: &Panel, names: &Names) -> (Value, Reference) {
    let Panel { key, title, place, chart } = panel;
    let mut drawn = json!({
        "panelIndex": key,
        "title": title,
        "gridData": {"x": place.x, "y": place.y, "w": place.w, "h": place.h, "i": key},
    });
    let Some((attributes, data_view)) = lens(*chart, names) else {
        let name = format!("panel_{key}");
        drawn["type"] = json!(Kind::Search.type_name());
        drawn["panelRefName"] = json!(name);
        drawn["embeddableConfig"] = json!({"enhancements": {}});
        return (drawn, Reference::new(Kind::Search, &names.search, format!("{key}:{name}")));
    };
    drawn["type"] = json!("lens");
    drawn["embeddableConfig"] = json!({"enhancements": {}, "attributes": attributes});
    if matches!(chart, Chart::Number(_)) {
        // The number's own label says it.
        drawn["embeddableConfig"]["hidePanelTitles"] = json!(true);
    }
    let reference = Reference { name: format!("{key}:{}", data_view.name), ..data_view };
    (drawn, reference)
}

/// Lists of values above the panels, and the dashboard's references to where the values come from.
fn controls(names: &Names) -> (Value, Vec<Reference>) {
    let key = |place: usize| format!("narrow-{place}");
    let lists: Map<String, Value> =
        CONTROLS.iter().enumerate().map(|(place, field)| (key(place), list(place, *field, names))).collect();
    let references = (0..CONTROLS.len()).map(|place| {
        let name = format!("controlGroup_{}:optionsListDataView", key(place));
        Reference::new(Kind::DataView, &names.data_view, name)
    });
    let heeded = json!({"ignoreFilters": false, "ignoreQuery": false, "ignoreTimerange": false,
        "ignoreValidations": false});
    let group = json!({
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "showApplySelections": false,
        "ignoreParentSettingsJSON": as_text(&heeded),
        "panelsJSON": as_text(&Value::Object(lists)),
    });
    (group, references.collect())
}

fn list(place: usize, field: Field, names: &Names) -> Value {
    json!({
        "type": "optionsListControl", "order": place, "grow": true, "width": "medium",
        "explicitInput": {"dataViewId": names.data_view, "fieldName": field.name, "title": field.label,
            "selectedOptions": []},
    })
}

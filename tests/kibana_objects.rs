//! The saved objects hold together: references, layout, JSON in texts, and fields that our index template has with a
//! type that their use can work with.

#[path = "kibana/dashboard.rs"]
mod dashboard;

use std::collections::{BTreeMap, BTreeSet};

use dashboard::{columns, control_fields, kql, layer, object, panels, text_as_json};
use serde_json::{Map, Value};
use stakeout::alert::AlertIndex;
use stakeout::kibana::{Kind, SavedObjects, Space};

/// The width of Kibana's grid.
const GRID: u64 = 48;

fn objects() -> SavedObjects {
    SavedObjects::new(&Space::default(), "stakeout-alerts")
}

fn properties() -> Map<String, Value> {
    let index: AlertIndex = "stakeout-alerts".parse().expect("a name");
    index.template()["template"]["mappings"]["properties"].as_object().expect("fields").clone()
}

/// The references of an object or a panel by name, each as type and id.
fn references(of: &Value) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let references = of["references"].as_array().expect("references").iter();
    let named = references.map(|r| (text(&r["name"]), (text(&r["type"]), text(&r["id"]))));
    let map: BTreeMap<_, _> = named.collect();
    assert_eq!(map.len(), of["references"].as_array().map_or(0, Vec::len), "no name twice: {of}");
    map
}

#[test]
fn every_line_is_pinned_to_what_8_19_knows() {
    let text = objects().ndjson();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().expect("a text");
            (text("type"), text("id"), text("coreMigrationVersion"), text("typeMigrationVersion"))
        })
        .collect();
    assert_eq!(
        said,
        [
            ("index-pattern", "stakeout.default.stakeout-alerts.data-view", "8.8.0", "8.0.0"),
            ("search", "stakeout.default.stakeout-alerts.search", "8.8.0", "10.5.0"),
            ("dashboard", "stakeout.default.stakeout-alerts.dashboard", "8.8.0", "10.2.0"),
        ]
    );
    assert!(text.ends_with('\n') && text == objects().ndjson());
}

#[test]
fn every_id_and_reference_changes_with_space_and_index() {
    let team: Space = "team".parse().expect("a space");
    let others = [SavedObjects::new(&team, "stakeout-alerts"), SavedObjects::new(&Space::default(), "mine")];
    for other in others {
        let text = other.ndjson();
        for kind in Kind::ALL {
            assert!(!text.contains(objects().names().of(kind)), "{kind:?}");
        }
    }
}

#[test]
fn every_reference_is_to_an_object_of_the_import() {
    let ours: BTreeSet<_> =
        objects().objects().iter().map(|o| (o.kind.type_name().to_owned(), o.id.clone())).collect();
    for kind in Kind::ALL {
        let object = object(&objects(), kind);
        assert!(references(&object).values().all(|target| ours.contains(target)), "{object}");
    }
    let search = object(&objects(), Kind::Search);
    let source = text_as_json(&search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]);
    let name = source["indexRefName"].as_str().expect("a name");
    assert_eq!(references(&search).into_keys().collect::<Vec<_>>(), [name]);
}

#[test]
fn the_dashboard_refers_to_just_what_its_panels_and_lists_name() {
    let dashboard = object(&objects(), Kind::Dashboard);
    let mut wanted = BTreeMap::new();
    for panel in panels(&dashboard) {
        let key = panel["panelIndex"].as_str().expect("a key");
        if let Some((name, _)) = layer(&panel) {
            let inner = references(&panel["embeddableConfig"]["attributes"]);
            assert_eq!(inner.keys().collect::<Vec<_>>(), [&format!("indexpattern-datasource-layer-{name}")]);
            wanted.extend(inner.into_iter().map(|(name, target)| (format!("{key}:{name}"), target)));
        } else {
            let name = panel["panelRefName"].as_str().expect("a name");
            let id = objects().names().search.clone();
            wanted.insert(format!("{key}:{name}"), (panel["type"].as_str().expect("a type").to_owned(), id));
        }
    }
    let lists = text_as_json(&dashboard["attributes"]["controlGroupInput"]["panelsJSON"]);
    for key in lists.as_object().expect("the lists").keys() {
        let target = ("index-pattern".to_owned(), objects().names().data_view.clone());
        wanted.insert(format!("controlGroup_{key}:optionsListDataView"), target);
    }
    assert_eq!(references(&dashboard), wanted);
}

#[test]
fn panels_lie_in_the_grid_and_not_on_each_other() {
    let panels = panels(&object(&objects(), Kind::Dashboard));
    let (mut taken, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for panel in &panels {
        let side = |key: &str| panel["gridData"][key].as_u64().expect("a number");
        assert!(side("w") > 0 && side("h") > 0 && side("x") + side("w") <= GRID, "{panel}");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "({x}, {y}) is taken twice, by {} too", panel["title"]);
            }
        }
        assert_eq!(panel["gridData"]["i"], panel["panelIndex"]);
        assert!(keys.insert(panel["panelIndex"].to_string()), "{}", panel["title"]);
        assert!(!panel["title"].as_str().expect("a title").is_empty());
    }
    let lowest = taken.iter().map(|(_, y)| y + 1).max().expect("panels");
    assert_eq!(u64::try_from(taken.len()).expect("few"), GRID * lowest, "no holes");
}

#[test]
fn texts_hold_json_and_the_search_nothing_that_kibana_refuses() {
    let view = object(&objects(), Kind::DataView);
    for key in ["fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters"] {
        let value = text_as_json(&view["attributes"][key]);
        assert!(value.is_array() || value.is_object(), "{key}");
    }
    assert_eq!(view["attributes"]["title"], "stakeout-alerts");
    let dashboard = object(&objects(), Kind::Dashboard);
    let group = &dashboard["attributes"]["controlGroupInput"];
    for text in [&dashboard["attributes"]["optionsJSON"], &group["ignoreParentSettingsJSON"]] {
        assert!(text_as_json(text).is_object());
    }
    for kind in [Kind::Search, Kind::Dashboard] {
        let object = object(&objects(), kind);
        text_as_json(&object["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]);
    }
    // Kibana refuses a saved search with attributes that it does not know.
    let known = "title description columns sort grid hideChart isTextBasedQuery timeRestore kibanaSavedObjectMeta \
        breakdownField rowHeight rowsPerPage sampleSize density timeRange refreshInterval viewMode";
    let search = object(&objects(), Kind::Search);
    for key in search["attributes"].as_object().expect("attributes").keys() {
        assert!(known.split(' ').any(|known| known == key), "{key}");
    }
}

/// Every column that a drawing names.
fn named(drawing: &Value, found: &mut Vec<String>) {
    let keys =
        ["xAccessor", "splitAccessor", "accessors", "metricAccessor", "primaryGroups", "metrics", "columnId"];
    match drawing {
        Value::Object(object) => {
            for (key, value) in object {
                let names: Vec<&Value> = value.as_array().map_or(vec![value], |list| list.iter().collect());
                if keys.contains(&key.as_str()) {
                    found.extend(names.iter().filter_map(|name| name.as_str()).map(str::to_owned));
                } else {
                    named(value, found);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| named(value, found)),
        _ => {}
    }
}

#[test]
fn every_drawing_shows_every_column_of_its_layer_once_and_no_other() {
    for panel in panels(&object(&objects(), Kind::Dashboard)) {
        let Some((name, layer)) = layer(&panel) else { continue };
        let columns = columns(&layer);
        assert_eq!(columns.len(), layer["columns"].as_object().map_or(0, Map::len), "{panel}");
        assert!(
            columns.is_sorted_by_key(|(_, column)| column["isBucketed"] == false),
            "buckets first: {panel}"
        );
        let state = &panel["embeddableConfig"]["attributes"]["state"];
        let mut drawn = Vec::new();
        named(&state["visualization"], &mut drawn);
        let mut names: Vec<_> = columns.iter().map(|(name, _)| name.clone()).collect();
        drawn.sort();
        names.sort();
        assert_eq!(drawn, names, "{panel}");
        let drawing = &state["visualization"];
        let layers = drawing["layers"].as_array().map_or(vec![drawing], |list| list.iter().collect());
        assert!(layers.iter().all(|layer| layer["layerId"] == name.as_str()), "{panel}");
        for (_, column) in &columns {
            let order = &column["params"]["orderBy"]["columnId"];
            assert!(order.is_null() || names.iter().any(|name| order == name.as_str()), "{panel}");
        }
    }
}

/// What a field is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Its values become buckets, or are counted or compared.
    Values,
    /// Its times become buckets, are ordered or compared.
    Times,
    /// It is shown.
    Shown,
}

#[track_caller]
fn usable(field: &str, used: Use) {
    let mapping =
        properties().get(field).cloned().unwrap_or_else(|| panic!("`{field}` is not in the template"));
    let kind = mapping["type"].as_str().expect("a type");
    let has_values = mapping["doc_values"] != false && mapping["index"] != false;
    let fits = match used {
        Use::Values => has_values && ["keyword", "ip", "boolean", "long"].contains(&kind),
        Use::Times => has_values && kind == "date",
        Use::Shown => true,
    };
    assert!(fits, "`{field}` is {mapping}, which cannot be used as {used:?}");
}

#[test]
fn every_field_is_in_the_template_with_a_type_that_its_use_can_work_with() {
    let dashboard = object(&objects(), Kind::Dashboard);
    let mut uses = 0;
    for (_, layer) in panels(&dashboard).iter().filter_map(layer) {
        for (_, column) in columns(&layer) {
            let field = column["sourceField"].as_str().expect("a field");
            match column["operationType"].as_str().expect("an operation") {
                "terms" | "unique_count" => usable(field, Use::Values),
                "date_histogram" | "max" => usable(field, Use::Times),
                operation => assert_eq!((operation, field), ("count", "___records___")),
            }
            if !column["filter"].is_null() {
                usable(&kql(&column["filter"]["query"]).0, Use::Values);
            }
            if column["operationType"] == "terms" {
                let is_ip = properties()[field]["type"] == "ip";
                assert_eq!(column["dataType"] == "ip", is_ip, "{column}");
            }
            uses += 1;
        }
    }
    assert!(uses > 20, "{uses}");
    for field in control_fields(&dashboard) {
        usable(&field, Use::Values);
    }
    let search = object(&objects(), Kind::Search);
    for column in search["attributes"]["columns"].as_array().expect("columns") {
        usable(column.as_str().expect("a field"), Use::Shown);
    }
    usable(search["attributes"]["sort"][0][0].as_str().expect("a field"), Use::Times);
    let view = object(&objects(), Kind::DataView);
    usable(view["attributes"]["timeFieldName"].as_str().expect("a field"), Use::Times);
    for field in text_as_json(&view["attributes"]["fieldFormatMap"]).as_object().expect("formats").keys() {
        usable(field, Use::Shown);
    }
}

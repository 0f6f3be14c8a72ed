//! What the dashboard, its lists and the saved search ask of Elasticsearch, asked of a real node over alerts of ours.

#[path = "kibana/dashboard.rs"]
mod dashboard;
mod support;

use dashboard::{columns, control_fields, layer, object, panels, search};
use serde_json::{Value, json};
use stakeout::kibana::{Kind, SavedObjects, Space};
use support::program::stakeout;
use support::story::{Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Cluster, Document};

/// How many alerts there are.
const ALERTS: u64 = 12;

/// Lets the program find sign-ins and write its alerts; adds what triage finds out where an alert lacks it.
fn alerts(node: &Cluster) -> String {
    let (source, alerts) = (node.name("filebeat"), node.name("alerts"));
    node.put(&format!("/{source}"), &mapping());
    let sign_ins = (0..ALERTS).map(|number| {
        let mut sign_in =
            SignIn::new(format!("e{number}"), seconds_ago(3600 * i64::try_from(number).expect("few")));
        sign_in.user_id = format!("AROAEXAMPLE00000000001:i-0a1b2c3d4e5f{:05x}", number % 4);
        let mut document = sign_in.document(Shape::Integration);
        document["source"] = json!({"ip": format!("198.51.100.{number}"), "geo": {"country_iso_code": "NL"}});
        document["cloud"] = json!({"account": {"id": format!("12345678901{}", number % 3)}});
        document
    });
    node.bulk(&source, sign_ins);
    node.refresh(&source);
    let folder = tempfile::tempdir().expect("a folder");
    let rule = rule_over(folder.path(), &[&source], "now-6m", "5m");
    let (url, rule) = (node.url().to_owned(), rule.to_str().expect("UTF-8").to_owned());
    let ended = stakeout(&[
        "run",
        "--backfill",
        "2d",
        "--elasticsearch-url",
        &url,
        "--alerts-index",
        &alerts,
        "--rules",
        &rule,
        "--format",
        "json",
    ]);
    assert_eq!((ended.code, ended.line()["alerts_created"].as_u64()), (Some(0), Some(ALERTS)), "{ended:?}");
    node.refresh(&alerts);
    add_what_triage_finds(node, &alerts);
    alerts
}

fn add_what_triage_finds(node: &Cluster, alerts: &str) {
    let found = node.post(&format!("/{alerts}/_search"), &json!({"size": 100}));
    let hits = found["hits"]["hits"].as_array().expect("hits").clone();
    let grades = ["theft_likely", "unexplained", "fits_habit"];
    let whole = hits.into_iter().zip(grades.iter().cycle()).map(|(hit, grade)| {
        let mut source = hit["_source"].clone();
        let instance = source["user"]["id"]
            .as_str()
            .and_then(|id| id.split_once(':'))
            .expect("an instance")
            .1
            .to_owned();
        for (field, value) in [
            ("stakeout.facts.instance_id", json!(instance)),
            ("stakeout.facts.role_name", json!("app-role")),
            ("stakeout.verdict.grade", json!(grade)),
        ] {
            let is_there = source.pointer(&format!("/{}", field.replace('.', "/"))).is_some();
            if !is_there && source.get(field).is_none() {
                source[field] = value;
            }
        }
        Document { id: hit["_id"].as_str().map(str::to_owned), source }
    });
    node.bulk(alerts, whole.collect::<Vec<_>>());
    node.refresh(alerts);
}

/// Every bucket has documents and every number a value, at every depth.
#[track_caller]
fn answered(level: &Value, columns: &[(String, Value)], title: &Value) {
    for (name, column) in columns {
        let answer = &level[name];
        if column["isBucketed"] == true {
            let buckets = answer["buckets"].as_array().unwrap_or_else(|| panic!("{title}: {level}"));
            assert!(!buckets.is_empty(), "{title}: `{name}` has no bucket: {level}");
            for bucket in buckets {
                assert!(bucket["doc_count"].as_u64().is_some_and(|count| count > 0), "{title}: {bucket}");
                answered(bucket, &columns[1..], title);
            }
            return;
        }
        let has_value = match column["operationType"].as_str() {
            Some("count") if column["filter"].is_null() => true,
            Some("count") => answer["doc_count"].as_u64().is_some_and(|count| count > 0),
            _ => answer["value"].as_f64().is_some_and(|value| value > 0.0),
        };
        assert!(has_value, "{title}: `{name}` has no value: {level}");
    }
}

#[test]
fn every_panel_list_and_column_has_an_answer() {
    let Some(node) = Cluster::connect() else { return };
    let alerts = alerts(&node);
    let objects = SavedObjects::new(&Space::default(), &alerts);
    let dashboard = object(&objects, Kind::Dashboard);
    let mut asked = 0;
    for panel in panels(&dashboard) {
        let Some((_, layer)) = layer(&panel) else { continue };
        let mut body = search(&layer);
        body["query"] = json!({"bool": {"filter": [{"range": {"@timestamp": {"gte": "now-7d", "lte": "now",
            "format": "strict_date_optional_time"}}}]}});
        let answer = node.post(&format!("/{alerts}/_search"), &body);
        assert_eq!(answer["_shards"]["failed"], 0, "{answer}");
        assert_eq!(answer["hits"]["total"]["value"], ALERTS, "{answer}");
        answered(&answer["aggregations"], &columns(&layer), &panel["title"]);
        asked += 1;
    }
    assert!(asked >= 15, "{asked}");
    for field in control_fields(&dashboard) {
        let body = json!({"size": 0, "aggs": {"values": {"terms": {"field": field, "size": 10}}}});
        let answer = node.post(&format!("/{alerts}/_search"), &body);
        let buckets = answer["aggregations"]["values"]["buckets"].as_array().expect("buckets");
        assert!(!buckets.is_empty(), "{field}: {answer}");
    }
    every_column_has_a_value(&node, &alerts, &object(&objects, Kind::Search));
}

fn every_column_has_a_value(node: &Cluster, alerts: &str, search: &Value) {
    let attributes = &search["attributes"];
    let [field, order] = [&attributes["sort"][0][0], &attributes["sort"][0][1]];
    let sort = json!([{field.as_str().expect("a field"): {"order": order, "unmapped_type": "boolean"}}]);
    let body = json!({"size": 50, "_source": false, "sort": sort, "fields": attributes["columns"]});
    let answer = node.post(&format!("/{alerts}/_search"), &body);
    let hits = answer["hits"]["hits"].as_array().expect("hits");
    assert_eq!(u64::try_from(hits.len()).expect("few"), ALERTS);
    for hit in hits {
        for column in attributes["columns"].as_array().expect("columns") {
            let value = &hit["fields"][column.as_str().expect("a field")][0];
            assert!(!value.is_null(), "{column}: {hit}");
        }
        assert!(
            hit["fields"]["kibana.alert.rule.note"][0]
                .as_str()
                .is_some_and(|note| note.contains("## Triage"))
        );
    }
}

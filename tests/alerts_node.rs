//! Alerts on a real node: every field is taken with its type, whatever the event holds, and what an alert offers to the
//! analyst keeps its meaning.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::Cluster;
use support::program::stakeout;
use support::story::{Shape, SignIn, mapping, rule_over, seconds_ago};

const KIBANA: &str = "https://kibana.example.com/base/s/team";

/// Values that would break a query, a link, a command or a document if they were more than values.
const HOSTILE: [&str; 8] = [
    r#"" or user.id : *"#,
    r"\",
    "*",
    "a OR b",
    "line\nbreak",
    "</script><script>alert(1)</script>",
    "\u{202e}gnp.exe",
    "'; rm -rf / #",
];

/// Sign-ins whose every text that the rule lets be anything is hostile, and most of them are long.
fn events() -> Vec<Value> {
    let event = |(number, hostile): (usize, &&str)| {
        let mut event =
            SignIn::new(format!("hostile-{number}-{hostile}"), seconds_ago(120)).document(Shape::Integration);
        let long = hostile.repeat(100_000 / hostile.len());
        for (root, rest) in [
            (
                "source",
                json!({"ip": hostile, "address": long, "as": {"organization": {"name": long}},
                "geo": {"country_name": long, "country_iso_code": hostile, "city_name": hostile}}),
            ),
            ("cloud", json!({"account": {"id": hostile}, "region": hostile, "instance": {"id": hostile}})),
            ("host", json!({"id": hostile, "name": long})),
            ("threat", json!({"framework": hostile})),
            ("related", json!({"hosts": [long, hostile]})),
        ] {
            event[root] = rest;
        }
        for name in ["message", "tags"] {
            event[name] = json!([long, hostile]);
        }
        event["event"]["original"] = json!(long);
        event["event"]["reason"] = json!(long);
        event["stakeout.verdict.grade"] = json!(hostile);
        event["kibana"] = json!({"alert": {"rule": {"name": hostile}}});
        event["user"] = json!({"id": format!("AROAEXAMPLE00000000001:i-{hostile}"), "name": hostile});
        event["user_agent"] = json!({"original": long});
        event["rule"] = json!({"name": hostile});
        event["aws"]["cloudtrail"]["user_identity"]["arn"] =
            json!(format!("arn:aws:sts::111122223333:assumed-role/{hostile}/x"));
        event
    };
    HOSTILE.iter().enumerate().map(event).collect()
}

/// Runs the rule over `index`, leaves a report in `folder`, and returns the alerts.
fn alerts(node: &Cluster, index: &str, folder: &Path) -> Vec<Value> {
    alerts_and_words(node, index, folder).0
}

/// The same, and what people see of it in the terminal.
fn alerts_and_words(node: &Cluster, index: &str, folder: &Path) -> (Vec<Value>, String) {
    let (url, alerts) = (node.url().to_owned(), node.name("alerts"));
    let rule = rule_over(folder, &[index], "now-6m", "5m");
    let rule = rule.to_str().expect("a path");
    let ended = stakeout(&[
        "run",
        "--backfill",
        "14d",
        "--elasticsearch-url",
        &url,
        "--alerts-index",
        &alerts,
        "--rules",
        rule,
        "--kibana-url",
        KIBANA,
        "--format",
        "human",
        "--color",
        "always",
        "--report",
        folder.join("report.html").to_str().expect("a path"),
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    node.refresh(&alerts);
    let found = node.post(&format!("/{alerts}/_search"), &json!({"size": 100}));
    let hits = found["hits"]["hits"].as_array().expect("hits").iter();
    (hits.map(|hit| hit["_source"].clone()).collect(), ended.stdout + &ended.stderr)
}

/// Nothing steers the terminal but colours, and nothing is long enough to bury the rest.
#[track_caller]
fn assert_harmless(words: &str) {
    for (number, part) in words.split('\u{1b}').enumerate() {
        let rest = match part.strip_prefix('[').and_then(|part| part.split_once('m')) {
            Some((color, rest)) if number > 0 && color.bytes().all(|byte| b"0123456789;".contains(&byte)) => {
                rest
            }
            _ => {
                assert_eq!(number, 0, "{part:?}");
                part
            }
        };
        assert!(!rest.chars().any(|one| one.is_control() && one != '\n' || one == '\u{202e}'), "{rest:?}");
    }
    assert!(words.len() < 100_000, "{}", words.len());
}

/// The page has none of the elements that a value would bring along.
#[track_caller]
fn assert_page_is_safe(path: &Path) {
    let source = std::fs::read_to_string(path).expect("the report");
    let page = scraper::Html::parse_document(&source);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let scripts = scraper::Selector::parse("script, img, iframe").expect("a selector");
    assert_eq!(page.select(&scripts).count(), 0);
    let alerts = scraper::Selector::parse("details.alert").expect("a selector");
    assert_eq!(page.select(&alerts).count(), HOSTILE.len());
    assert!(!source.contains('\u{202e}'));
}

#[test]
fn hostile_events_end_in_whole_alerts_with_safe_searches_and_commands() {
    let Some(node) = Cluster::connect() else { return };
    let (index, folder) = (node.name("logs"), tempfile::tempdir().expect("a folder"));
    let mut lenient = mapping();
    lenient["settings"]["index.mapping.ignore_malformed"] = json!(true);
    node.put(&format!("/{index}"), &lenient);
    node.bulk(&index, events());
    node.refresh(&index);
    let (alerts, words) = alerts_and_words(&node, &index, folder.path());
    assert_eq!(alerts.len(), HOSTILE.len());
    assert_harmless(&words);
    assert_page_is_safe(&folder.path().join("report.html"));
    for alert in &alerts {
        assert!(alert.get("stakeout.reduced.reason").is_none(), "{}", alert["stakeout.reduced.reason"]);
        let hostile = alert["user"]["name"].as_str().expect("a name");
        assert!(
            HOSTILE.contains(&hostile) && alert["rule"]["name"] == hostile && alert["threat"].is_object()
        );
        assert_eq!(alert["kibana.alert.rule.name"], "AWS EC2 Instance Console Login via Assumed Role");
        let grade = alert["stakeout.verdict"]["grade"].as_str().expect("a grade");
        assert!(["theft_likely", "unexplained", "fits_habit"].contains(&grade), "{grade}");
        let url = alert["kibana.alert.url"].as_str().expect("a link");
        assert!(url.starts_with(&format!("{KIBANA}/app/r?l=DISCOVER_APP_LOCATOR&")), "{url}");
        for pivot in alert["stakeout.pivots"].as_array().expect("searches") {
            let url = pivot["url"].as_str().unwrap_or_default();
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"'`\\".contains(&byte)), "{url}");
            assert_eq!(pivot["query"].is_null(), pivot["withheld"].is_string(), "{pivot}");
        }
        for command in alert["stakeout.commands"].as_array().expect("commands") {
            let text = command["command"].as_str().unwrap_or_default();
            assert!(!text.contains("{role_name}") && !text.contains("rm -rf"), "{text}");
            assert_eq!(command["command"].is_null(), command["withheld"].is_string(), "{command}");
        }
        let reason = alert["kibana.alert.reason"].as_str().expect("a reason");
        assert!(!reason.contains(['\n', '\u{202e}']), "{reason}");
    }
}

#[test]
fn the_new_fields_are_mapped_and_can_be_searched() {
    let Some(node) = Cluster::connect() else { return };
    let (index, folder) = (node.name("plain"), tempfile::tempdir().expect("a folder"));
    node.put(&format!("/{index}"), &mapping());
    let mut event = SignIn::new("plain", seconds_ago(120)).document(Shape::Filebeat);
    event["user.id"] = json!("AROAEXAMPLE00000000001:i-0a1b2c3d4e5f60001");
    event["aws.cloudtrail.user_identity.arn"] =
        json!("arn:aws:sts::111122223333:assumed-role/app-role/i-0a1b2c3d4e5f60001");
    node.bulk(&index, [event]);
    node.refresh(&index);
    assert_eq!(alerts(&node, &index, folder.path()).len(), 1);
    let alerts = node.name("alerts");
    for clause in [
        json!({"term": {"stakeout.commands.effect": "disruptive"}}),
        json!({"range": {"stakeout.pivots.from": {"lte": "now"}}}),
        json!({"term": {"stakeout.pivots.indices": index}}),
        json!({"term": {"rule.id": "d1e5e410-3e34-412e-9b1f-dd500b3b55cd"}}),
        json!({"term": {"threat.technique.subtechnique.id": "T1021.007"}}),
        json!({"term": {"kibana.alert.rule.immutable": "false"}}),
        json!({"range": {"kibana.alert.rule.created_at": {"gte": "2024-07-24", "lte": "2024-07-24"}}}),
        json!({"term": {"kibana.space_ids": "team"}}),
    ] {
        let found = node.post(&format!("/{alerts}/_count"), &json!({"query": clause}));
        assert_eq!(found["count"], 1, "{clause}");
    }
}

#[test]
fn the_search_among_the_alerts_finds_those_of_old_events() {
    let Some(node) = Cluster::connect() else { return };
    let (index, folder) = (node.name("old"), tempfile::tempdir().expect("a folder"));
    node.put(&format!("/{index}"), &mapping());
    let event =
        |id: &str, days: i64| SignIn::new(id, seconds_ago(days * 86_400)).document(Shape::Integration);
    node.bulk(&index, [event("first", 10), event("second", 9)]);
    node.refresh(&index);
    for alert in alerts(&node, &index, folder.path()) {
        let pivots = alert["stakeout.pivots"].as_array().expect("searches").iter();
        let among_alerts: Vec<&Value> =
            pivots.filter(|pivot| pivot["indices"] == json!([node.name("alerts")])).collect();
        assert_eq!(among_alerts.len(), 1);
        let (field, from, to) =
            (&among_alerts[0]["time_field"], &among_alerts[0]["from"], &among_alerts[0]["to"]);
        // What Discover asks besides the condition.
        let query = json!({"query": {"range": {field.as_str().expect("a field"): {"gte": from, "lte": to}}}});
        let found = node.post(&format!("/{}/_count", node.name("alerts")), &query)["count"].clone();
        let count = if alert["event"]["id"] == "first" { 1 } else { 2 };
        assert_eq!(found, count, "{query}");
    }
}

/// What Kibana makes of `field : "value"` for fields that it does not know as keywords.
#[test]
fn a_phrase_finds_the_values_of_flattened_fields() {
    let Some(node) = Cluster::connect() else { return };
    let index = node.name("flat");
    let flattened = json!({"mappings": {"properties": {"aws.cloudtrail.flattened.request_parameters": {"type": "flattened"}}}});
    node.put(&format!("/{index}"), &flattened);
    let parameters = json!({"roleSessionName": "i-0a1b2c3d4e5f60001", "roleName": "app-role"});
    node.bulk(&index, [json!({"aws": {"cloudtrail": {"flattened": {"request_parameters": parameters}}}})]);
    node.refresh(&index);
    let root = "aws.cloudtrail.flattened.request_parameters";
    for (field, value, count) in [
        (root.to_owned(), "i-0a1b2c3d4e5f60001", 1),
        (root.to_owned(), "i-0a1b", 0),
        (format!("{root}.roleSessionName"), "i-0a1b2c3d4e5f60001", 1),
        (format!("{root}.roleName"), "i-0a1b2c3d4e5f60001", 0),
    ] {
        let query = json!({"query": {"match_phrase": {&field: value}}});
        assert_eq!(node.post(&format!("/{index}/_count"), &query)["count"], count, "{field} {value}");
    }
}

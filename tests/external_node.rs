//! Copies of the alerts for Elastic's rule *External Alerts* on a real node: each alert has exactly one, whatever happened
//! before, and no alert waits for it.

mod support;

use std::ops::Deref;

use serde_json::{Value, json};
use support::past::{Past, SIGN_INS};
use support::program::{Ended, stakeout};
use support::story::rule_over;

/// The past on a node, and the name of a data stream that is not there yet.
struct Place {
    past: Past,
    stream: String,
}

impl Deref for Place {
    type Target = Past;

    fn deref(&self) -> &Past {
        &self.past
    }
}

impl Place {
    fn connect() -> Option<Self> {
        let past = Past::connect()?;
        let stream = format!("logs-copies-{}", past.node.token());
        Some(Self { past, stream })
    }

    /// Lets the data stream be made, with Elastic's types for these fields and `other` ones.
    fn allow(&self, other: &[(&str, &str)]) {
        let mut properties = json!({"@timestamp": {"type": "date"}, "event.ingested": {"type": "date"},
            "event.kind": {"type": "keyword"}, "event.module": {"type": "keyword"}});
        for (field, kind) in other {
            properties[*field] = json!({ "type": kind });
        }
        let settings = json!({"number_of_replicas": 0});
        self.template(&json!({"index_patterns": [self.stream], "priority": 900, "data_stream": {},
            "template": {"mappings": {"properties": properties}, "settings": settings}}));
    }

    /// Lets the data stream be made, with every text a keyword that refuses what is too long for one.
    fn allow_keywords(&self) {
        let texts = json!([{"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}]);
        let mappings = json!({"properties": {"@timestamp": {"type": "date"}}, "dynamic_templates": texts});
        self.template(&json!({"index_patterns": [self.stream], "priority": 900, "data_stream": {},
            "template": {"mappings": mappings, "settings": {"number_of_replicas": 0}}}));
    }

    /// Leaves nothing but an index of that name possible, where the node has a template for all of `logs-*-*`.
    fn forbid(&self) {
        self.template(&json!({"index_patterns": [self.stream], "priority": 900}));
    }

    fn template(&self, body: &Value) {
        self.node.put(&format!("/_index_template/{}", self.node.name("copies")), body);
    }

    fn has_stream(&self) -> bool {
        self.has(&self.stream)
    }

    fn run_with_copies(&self) -> Ended {
        self.run(&["--external-alerts", &self.stream])
    }

    /// What Elastic's rule finds now: its query, its look-back and its time field.
    fn copies(&self) -> Vec<(String, Value)> {
        let query = json!({"bool": {
            "filter": [{"term": {"event.kind": "alert"}}, {"range": {"event.ingested": {"gte": "now-2m"}}}],
            "must_not": [{"terms": {"event.module": ["endgame", "endpoint", "cloud_defend"]}}],
        }});
        self.documents(&self.stream, &query)
    }

    /// Each alert has exactly one copy, which is returned.
    fn assert_copied(&self) -> Vec<Value> {
        let (ids, copies): (Vec<String>, Vec<Value>) = self.copies().into_iter().unzip();
        assert_eq!(ids, self.alert_ids());
        assert_eq!(ids.len(), SIGN_INS);
        copies
    }
}

#[test]
fn elastics_rule_finds_one_copy_of_each_alert() {
    let Some(place) = Place::connect() else { return };
    place.allow(&[]);
    for (created, existing) in [(SIGN_INS, 0), (0, SIGN_INS)] {
        let ended = place.run_with_copies();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let line = ended.line();
        assert_eq!((&line["alerts_created"], &line["alerts_existing"]), (&json!(created), &json!(existing)));
        for copy in place.assert_copied() {
            assert_eq!(copy["message"], "AWS EC2 Instance Console Login via Assumed Role");
            assert_eq!((&copy["event"]["severity"], &copy["event"]["risk_score"]), (&json!(73), &json!(73)));
            assert_eq!(
                (&copy["event"]["action"], &copy["source"]["ip"]),
                (&json!("ConsoleLogin"), &json!("198.51.100.77"))
            );
            assert!(copy.get("kibana.alert.uuid").is_none() && copy.get("error").is_none());
        }
        // The next copies would go to another index.
        place.node.post(&format!("/{}/_rollover", place.stream), &json!({}));
    }
}

#[test]
fn an_alert_without_a_copy_gets_one_and_a_copy_without_an_alert_gets_that() {
    let Some(place) = Place::connect() else { return };
    place.allow(&[]);
    // As after a crash behind the alerts.
    assert_eq!(place.run(&[]).code, Some(0));
    let line = place.run_with_copies().line();
    assert_eq!((&line["alerts_created"], &line["alerts_existing"]), (&json!(0), &json!(SIGN_INS)));
    place.assert_copied();
    // As if only the copy had come through.
    let (alerts, ids) = (place.node.name("alerts"), place.alert_ids());
    place.node.delete(&format!("/{alerts}-000001/_doc/{}?refresh=true", ids[0]));
    let line = place.run_with_copies().line();
    assert_eq!((&line["alerts_created"], &line["alerts_existing"]), (&json!(1), &json!(SIGN_INS - 1)));
    place.assert_copied();
    assert_eq!(place.alert_ids(), ids);
}

#[test]
fn a_copy_carries_guide_searches_commands_and_facts_whatever_texts_are_mapped_as() {
    let Some(place) = Place::connect() else { return };
    place.allow_keywords();
    let ended =
        place.run(&["--external-alerts", &place.stream, "--kibana-url", "https://kibana.example.com/s/soc"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let alerts = place.documents(&place.node.name("alerts"), &json!({"match_all": {}}));
    let copies = place.documents(&place.stream, &json!({"exists": {"field": "stakeout.guide"}}));
    assert_eq!(copies.len(), SIGN_INS);
    for ((_, alert), (_, copy)) in alerts.iter().zip(&copies) {
        for field in ["stakeout.pivots", "stakeout.commands", "stakeout.facts"] {
            assert_eq!((&copy[field], alert[field].is_null()), (&alert[field], false), "{field}");
        }
        assert_eq!(copy["stakeout.guide"], alert["kibana.alert.rule.parameters"]["note"]);
        assert!(copy.get("error").is_none(), "{}", copy["error"]);
    }
}

#[test]
fn a_refused_copy_is_written_without_the_fields_of_the_event() {
    let Some(place) = Place::connect() else { return };
    place.allow(&[("user", "long")]);
    let ended = place.run_with_copies();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for copy in place.assert_copied() {
        assert!(copy["error"]["message"].as_str().is_some_and(|reason| reason.contains("user")), "{copy}");
        assert_eq!((copy.get("user"), &copy["rule"]["name"]), (None, &copy["message"]));
        assert_eq!((copy.get("stakeout.guide"), copy.get("stakeout.facts")), (None, None));
    }
    let whole = json!({"bool": {"must_not": {"exists": {"field": "stakeout.reduced.reason"}}}});
    assert_eq!(place.documents(&place.node.name("alerts"), &whole).len(), SIGN_INS);
}

#[test]
fn no_alert_waits_for_a_copy_and_a_missing_copy_is_said_and_made_good() {
    let Some(place) = Place::connect() else { return };
    place.forbid();
    // First no data stream, then one that takes no copy in any form.
    for (refusing, reason) in [(false, "index_not_found_exception"), (true, "400 document_parsing_exception")]
    {
        if refusing {
            place.allow(&[("message", "long")]);
        }
        let ended = place.run_with_copies();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(place.alert_ids().len(), SIGN_INS);
        let line = ended.line();
        let error = line["error"].as_str().unwrap_or_default();
        let said = format!("an alert has no copy in `{}`: ", place.stream);
        assert!(line["owed"] != 0 && error.contains(&said) && error.contains(reason), "{ended:?}");
        assert_eq!(place.has_stream(), refusing, "an index of that name must not be made");
    }
    place.allow(&[]);
    place.node.post(&format!("/{}/_rollover", place.stream), &json!({}));
    // A backfill of its own, as what the other owes is not due yet.
    let ended = place.run_over("2h", &["--external-alerts", &place.stream]);
    assert_eq!((ended.code, &ended.line()["owed"]), (Some(0), &json!(0)), "{ended:?}");
    place.assert_copied();
}

#[test]
fn a_dry_run_makes_no_copies() {
    let Some(place) = Place::connect() else { return };
    place.allow(&[]);
    let ended = place.run(&["--external-alerts", &place.stream, "--dry-run"]);
    assert_eq!((ended.code, ended.lines().len()), (Some(0), SIGN_INS), "{ended:?}");
    assert!(!place.has_stream());
}

#[test]
fn alerts_that_are_only_parts_of_others_are_not_copied() {
    let Some(place) = Place::connect() else { return };
    place.allow(&[]);
    place.make_building_block();
    let ended = place.run_with_copies();
    assert_eq!((ended.code, place.alert_ids().len()), (Some(0), SIGN_INS), "{ended:?}");
    assert!(!place.has_stream());
}

/// These are settled before any cluster is asked.
#[test]
fn what_would_alert_on_its_own_copies_or_has_nowhere_to_copy_to_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = rule_over(folder.path(), &["filebeat-*", "logs-*"], "now-6m", "5m");
    let rule = rule.to_str().expect("a path");
    let nobody = ["--elasticsearch-url", "http://127.0.0.1:9"];
    for (arguments, reason) in [
        (
            [&["--rules", rule, "--external-alerts", "logs-a-b"][..], &nobody].concat(),
            "the index pattern `logs-*` of rule `AWS EC2",
        ),
        ([&["--external-alerts", "alerts"][..], &nobody].concat(), "expected `logs-DATASET-NAMESPACE`"),
        (
            [&["--external-alerts", "logs-a-b", "--alerts-index", "logs-a-b"][..], &nobody].concat(),
            "is the alerts index",
        ),
        (vec!["--external-alerts", "logs-a-b", "--events", "."], "needs a cluster"),
    ] {
        let ended = stakeout(&[&["run", "--once"][..], &arguments].concat());
        assert!(ended.code == Some(2) && ended.stderr.contains(reason), "{ended:?}");
    }
    assert!(
        !std::path::Path::new("alerts.ndjson").exists(),
        "no file is made for alerts before all is checked"
    );
}

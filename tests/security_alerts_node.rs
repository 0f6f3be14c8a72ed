//! Copies of the alerts among Kibana's own on a real node: the page *Security → Alerts* finds each once, whatever happened
//! before; nothing is made for them, and no alert waits for them.

mod support;

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::kibana_alerts::{self, alias};
use support::past::{Past, SIGN_INS};
use support::program::{Ended, Running, stakeout};
use support::story::{RULE, RULE_ID, Shape, SignIn, rule_over, seconds_ago};
use support::until;

const LIMIT: Duration = Duration::from_mins(2);

const NAME: &str = "AWS EC2 Instance Console Login via Assumed Role";

/// The past on a node, and a space of Kibana whose alerts nobody has made yet.
struct Place {
    past: Past,
    space: String,
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
        let space = past.node.token().to_owned();
        Some(Self { past, space })
    }

    /// Makes what Kibana makes.
    fn make(&self, instead: &[(&str, &str)]) {
        kibana_alerts::make(&self.node, &self.space, instead);
    }

    fn alias(&self) -> String {
        alias(&self.space)
    }

    fn run_with_copies(&self, range: &str, further: &[&str]) -> Ended {
        let asked = ["--security-alerts", "--kibana-space", &self.space];
        self.run_over(range, &[&asked[..], further].concat())
    }

    /// The page shows exactly the alerts that there are; what it shows of each.
    fn assert_shown(&self) -> Vec<Value> {
        let (ids, shown): (Vec<String>, Vec<Value>) =
            kibana_alerts::shown(&self.node, &self.space).into_iter().unzip();
        assert_eq!(ids, self.alert_ids());
        shown
    }

    /// The copies as they were written.
    fn copies(&self) -> Vec<Value> {
        let copies = self.documents(&self.alias(), &json!({"match_all": {}}));
        copies.into_iter().map(|(_, copy)| copy).collect()
    }
}

#[test]
fn the_page_shows_each_alert_once_however_often_the_time_is_gone_over() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    for (created, existing) in [(SIGN_INS, 0), (0, SIGN_INS)] {
        let ended = place.run_with_copies("1h", &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let line = ended.line();
        assert_eq!((&line["alerts_created"], &line["alerts_existing"]), (&json!(created), &json!(existing)));
        let shown = place.assert_shown();
        assert_eq!(shown.len(), SIGN_INS);
        for alert in shown {
            for (field, value) in [
                ("kibana.alert.rule.name", NAME),
                ("kibana.alert.rule.uuid", RULE_ID),
                ("kibana.alert.severity", "high"),
                ("event.action", "ConsoleLogin"),
                ("source.ip", "198.51.100.77"),
            ] {
                assert_eq!(alert[field], json!([value]), "{field}");
            }
        }
        // The next copies would go to another index.
        kibana_alerts::roll_over(&place.node, &place.space);
    }
    for copy in place.copies() {
        assert!(copy.get("stakeout.reduced.reason").is_none(), "{}", copy["stakeout.reduced.reason"]);
        assert_eq!(copy["kibana.space_ids"], json!([place.space]));
        assert_eq!(copy["kibana.alert.rule.note"], copy["kibana.alert.rule.parameters"]["note"]);
        assert!(copy["stakeout.pivots"].is_array() && copy["stakeout.facts"].is_object());
    }
}

#[test]
fn an_alert_without_a_copy_gets_one_and_a_copy_without_an_alert_gets_that() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    // As where the flag is new, or after a crash behind the alerts.
    assert_eq!(place.run(&[]).code, Some(0));
    let line = place.run_with_copies("1h", &[]).line();
    assert_eq!((&line["alerts_created"], &line["alerts_existing"]), (&json!(0), &json!(SIGN_INS)));
    place.assert_shown();
    // As if only the copy had come through, or somebody had deleted the alert, and Kibana's next index takes what is new.
    kibana_alerts::roll_over(&place.node, &place.space);
    let (alerts, ids) = (place.node.name("alerts"), place.alert_ids());
    place.node.delete(&format!("/{alerts}-000001/_doc/{}?refresh=true", ids[0]));
    let line = place.run_with_copies("1h", &[]).line();
    assert_eq!((&line["alerts_created"], &line["alerts_existing"]), (&json!(1), &json!(SIGN_INS - 1)));
    place.assert_shown();
    assert_eq!(place.alert_ids(), ids);
}

#[test]
fn nothing_runs_before_kibana_has_made_its_alias_which_nobody_else_makes() {
    let Some(place) = Place::connect() else { return };
    let (alerts, alias) = (place.node.name("alerts"), place.alias());
    let other = place.node.name("other");
    let opens = format!("opens Security → Alerts once in the space `{}`", place.space);
    let refused = |words: &str| {
        for how in [&["--backfill", "1h"][..], &["--once"], &[]] {
            let asked = ["--security-alerts", "--kibana-space", &place.space, "--alerts-index", &alerts];
            let at = ["--elasticsearch-url", place.node.url()];
            let ended = stakeout(&[&["run"], how, &asked[..], &at].concat());
            assert_eq!(ended.code, Some(2), "{ended:?}");
            let asked = format!("asking for the field types of `{alias}` at `{}`", place.node.url());
            for words in ["STAKEOUT_SECURITY_ALERTS", &asked, words, &opens] {
                assert!(ended.stderr.contains(words), "{words}: {ended:?}");
            }
        }
        assert!(!place.has(&alerts), "no place is made for alerts");
    };
    refused("found nothing of that name");
    assert!(!place.has(&alias), "nothing is made");
    place.node.put(&format!("/{alias}"), &json!({}));
    refused("expected Kibana's alias, found an index");
    place.node.delete(&format!("/{alias}"));
    place.node.put(&format!("/{other}"), &json!({"aliases": {&alias: {"is_write_index": true}}}));
    refused("do not map `kibana.alert.uuid` as `keyword`");
    place.node.delete(&format!("/{other}"));
    // What writes nothing needs no place.
    assert_eq!(place.run_with_copies("1h", &["--dry-run"]).code, Some(0));
    place.make(&[]);
    assert_eq!(place.run_with_copies("1h", &[]).code, Some(0));
    assert_eq!(place.assert_shown().len(), SIGN_INS);
}

#[test]
fn no_alert_waits_for_its_copy_which_is_owed_until_it_is_there() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    kibana_alerts::block(&place.node, &place.space, true);
    let ended = place.run_with_copies("1h", &[]);
    assert_eq!((ended.code, place.alert_ids().len()), (Some(1), SIGN_INS), "{ended:?}");
    let line = ended.line();
    let error = line["error"].as_str().unwrap_or_default();
    let said = format!("an alert has no copy in `{}`: ", place.alias());
    assert!(error.contains(&said) && error.contains("cluster_block_exception"), "{error}");
    assert!(line["owed"] != 0, "{line}");
    assert_eq!(place.copies(), Vec::<Value>::new());
    kibana_alerts::block(&place.node, &place.space, false);
    // A backfill of its own, as what the other owes is not due yet.
    let ended = place.run_with_copies("2h", &[]);
    assert_eq!((ended.code, &ended.line()["owed"]), (Some(0), &json!(0)), "{ended:?}");
    assert_eq!(place.assert_shown().len(), SIGN_INS);
}

#[test]
fn what_an_analyst_made_of_a_copy_stays_however_often_the_time_is_gone_over() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    assert_eq!(place.run_with_copies("1h", &[]).code, Some(0));
    for id in place.alert_ids() {
        let path = format!("/.internal{}-000001/_update/{id}?refresh=true", place.alias());
        place.node.post(&path, &json!({"doc": {"kibana.alert.workflow_status": "closed"}}));
    }
    // In the index that is written to, and in one that is not any more.
    for range in ["1h", "2h"] {
        let ended = place.run_with_copies(range, &[]);
        assert_eq!((ended.code, &ended.line()["alerts_existing"]), (Some(0), &json!(SIGN_INS)), "{ended:?}");
        let copies = place.copies();
        assert_eq!(copies.len(), SIGN_INS);
        assert!(copies.iter().all(|copy| copy["kibana.alert.workflow_status"] == "closed"), "{copies:?}");
        kibana_alerts::roll_over(&place.node, &place.space);
    }
}

#[test]
fn each_of_two_places_gets_its_copies_whatever_hinders_the_other() {
    let Some(place) = Place::connect() else { return };
    let stream = format!("logs-copies-{}", place.node.token());
    let template = format!("/_index_template/{}", place.node.name("copies"));
    let of = |stream: &str| json!({"index_patterns": [stream], "priority": 900});
    // No data stream is possible, and Kibana's index takes nothing.
    place.node.put(&template, &of(&stream));
    place.make(&[]);
    kibana_alerts::block(&place.node, &place.space, true);
    let both = ["--external-alerts", &*stream];
    let ended = place.run_with_copies("1h", &both);
    assert_eq!((ended.code, place.alert_ids().len()), (Some(1), SIGN_INS), "{ended:?}");
    kibana_alerts::block(&place.node, &place.space, false);
    let ended = place.run_with_copies("2h", &both);
    assert!(ended.code == Some(1) && ended.stderr.contains(&stream), "{ended:?}");
    place.assert_shown();
    let mut with_stream = of(&stream);
    with_stream["data_stream"] = json!({});
    with_stream["template"] = json!({"settings": {"number_of_replicas": 0}});
    place.node.put(&template, &with_stream);
    let ended = place.run_with_copies("3h", &both);
    assert_eq!((ended.code, &ended.line()["owed"]), (Some(0), &json!(0)), "{ended:?}");
    let ids = |index: &str| -> Vec<String> {
        place.documents(index, &json!({"match_all": {}})).into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!((ids(&stream), ids(&place.alias())), (place.alert_ids(), place.alert_ids()));
}

#[test]
fn alerts_that_are_only_parts_of_others_are_marked_so_that_the_page_leaves_them_out() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    place.make_building_block();
    let ended = place.run_with_copies("1h", &[]);
    assert_eq!((ended.code, place.alert_ids().len()), (Some(0), SIGN_INS), "{ended:?}");
    assert_eq!(kibana_alerts::shown(&place.node, &place.space), []);
    let parts = kibana_alerts::shown_with_parts(&place.node, &place.space);
    let ids: Vec<String> = parts.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, place.alert_ids());
}

#[test]
fn texts_that_no_keyword_holds_cost_an_alert_nothing_else() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    let mut long = SignIn::new("long", seconds_ago(600)).document(Shape::Integration);
    long["event"]["original"] = "x".repeat(40_000).into();
    place.add([long]);
    let ended = place.run_with_copies("1h", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.assert_shown().len(), SIGN_INS + 1);
    let copies = place.copies();
    let long = copies.iter().find(|copy| copy["event"]["id"] == "long").expect("a copy");
    assert_eq!(long["event"]["original"].as_str().map(str::len), Some(40_000));
    assert_eq!(long.get("stakeout.reduced.reason"), None);
}

#[test]
fn a_refused_copy_is_written_without_the_fields_of_the_event() {
    let Some(place) = Place::connect() else { return };
    place.make(&[("source", "keyword")]);
    let ended = place.run_with_copies("1h", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.assert_shown().len(), SIGN_INS);
    for copy in place.copies() {
        let reason = copy["stakeout.reduced.reason"].as_str().unwrap_or_default();
        assert!(reason.contains("[source]") && copy.get("source").is_none(), "{copy}");
    }
    let whole = json!({"bool": {"must_not": {"exists": {"field": "stakeout.reduced.reason"}}}});
    assert_eq!(place.documents(&place.node.name("alerts"), &whole).len(), SIGN_INS);
}

#[test]
fn a_dry_run_makes_no_copies() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    let ended = place.run_with_copies("1h", &["--dry-run"]);
    assert_eq!((ended.code, ended.lines().len()), (Some(0), SIGN_INS), "{ended:?}");
    assert_eq!(place.copies(), Vec::<Value>::new());
}

/// Settings with this space, and the rules in `folder`.
fn write_settings(place: &Place, folder: &Path, space: &str) {
    let (url, alerts) = (place.node.url(), place.node.name("alerts"));
    let rules = folder.join("rules").display().to_string();
    let text = format!(
        "[elasticsearch]\nurl = {url:?}\n[kibana]\nspace = {space:?}\n[alerts]\nindex = {alerts:?}\nsecurity = true\n\
         [rules]\npaths = [{rules:?}]\nno_triage = true\n"
    );
    fs::write(folder.join("new"), text).expect("a file");
    fs::rename(folder.join("new"), folder.join("stakeout.toml")).expect("a file");
}

#[test]
fn another_space_is_taken_up_unless_a_rule_reads_its_alerts() {
    let Some(place) = Place::connect() else { return };
    let other = format!("{}-b", place.space);
    place.make(&[]);
    kibana_alerts::make(&place.node, &other, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).expect("a folder");
    let events = place.node.name("events");
    rule_over(&rules, &[&events], "now-20m", "1s");
    fs::rename(rules.join("rule.toml"), rules.join("own.toml")).expect("a file");
    let reading = rule_over(&rules, &[&alias(&other)], "now-20m", "1s");
    let text = fs::read_to_string(&reading).expect("the rule");
    fs::write(&reading, text.replace(RULE_ID, "aaaaaaaa-3e34-412e-9b1f-dd500b3b55cd")).expect("a file");
    write_settings(&place, folder.path(), &place.space);
    let config = folder.path().join("stakeout.toml").display().to_string();
    let daemon = Running::start(folder.path(), &["run", "--config", &config]);
    let shows = |space: &str, number: usize| {
        until(LIMIT, &format!("{number} alerts in {space}"), || {
            kibana_alerts::shown(&place.node, space).len() == number
        });
    };
    shows(&place.space, SIGN_INS);
    write_settings(&place, folder.path(), &other);
    daemon.signal("HUP");
    let refusal = format!("the settings as a whole: the index pattern `{}`", alias(&other));
    until(LIMIT, "the refusal", || daemon.said().contains(&refusal));
    fs::remove_file(reading).expect("the rule that reads alerts");
    daemon.signal("HUP");
    shows(&other, SIGN_INS);
    place.add([SignIn::new("later", seconds_ago(1)).document(Shape::Integration)]);
    shows(&other, SIGN_INS + 1);
    shows(&place.space, SIGN_INS);
}

#[test]
fn an_alias_that_goes_away_hinders_no_alert_and_gets_the_copies_once_it_is_back() {
    let Some(place) = Place::connect() else { return };
    place.make(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).expect("a folder");
    rule_over(&rules, &[&place.node.name("events")], "now-20m", "1s");
    write_settings(&place, folder.path(), &place.space);
    let config = folder.path().join("stakeout.toml").display().to_string();
    let daemon = Running::start(folder.path(), &["run", "--config", &config]);
    let shows = |number: usize| {
        until(LIMIT, &format!("{number} alerts"), || {
            kibana_alerts::shown(&place.node, &place.space).len() == number
        });
    };
    shows(SIGN_INS);
    place.node.delete(&format!("/.internal{}-000001", place.alias()));
    place.add([SignIn::new("later", seconds_ago(1)).document(Shape::Integration)]);
    until(LIMIT, "the alert", || place.alert_ids().len() == SIGN_INS + 1);
    let advice = format!("opens Security → Alerts once in the space `{}`", place.space);
    until(LIMIT, "what is to be done", || daemon.said().contains(&advice));
    assert!(!place.has(&place.alias()), "nothing is made");
    place.make(&[]);
    until(LIMIT, "the copy", || place.copies().iter().any(|copy| copy["event"]["id"] == "later"));
}

/// These are settled before any cluster is asked.
#[test]
fn what_would_alert_on_its_own_copies_or_has_nowhere_to_copy_to_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let reading = |patterns: &[&str]| {
        let name = format!("{}.toml", patterns.concat().replace(['*', '.'], ""));
        let path = folder.path().join(&name);
        fs::rename(rule_over(folder.path(), patterns, "now-6m", "5m"), &path).expect("a file");
        path.display().to_string()
    };
    let (alerts, behind, all) = (
        reading(&["filebeat-*", ".alerts-security*"]),
        reading(&["filebeat-*", ".internal.alerts-security*"]),
        reading(&["*"]),
    );
    let asking = folder.path().join("asking.toml");
    fs::write(&asking, RULE.replace("\"logs-aws.guardduty-*\"", "\".alerts-security.alerts-soc\""))
        .expect("a file");
    let asking = asking.display().to_string();
    let nobody = ["--security-alerts", "--elasticsearch-url", "http://127.0.0.1:9"];
    for (arguments, reason) in [
        (&["--rules", &*alerts][..], "the index pattern `.alerts-security*` of rule `AWS EC2"),
        (&["--rules", &behind], "the index pattern `.internal.alerts-security*` of rule"),
        (&["--rules", &all], "the index pattern `*` of rule"),
        (&["--rules", &asking, "--kibana-url", "https://k/s/soc"], "reads `.alerts-security.alerts-soc`"),
        (&["--alerts-index", ".alerts-security.alerts-default"], "cannot be an alerts index"),
        (&["--kibana-space", "My Team"], "found `My Team`"),
        (&["--kibana-url", "https://k/s/one", "--kibana-space", "two"], "two spaces"),
        (&["--events", "."], "`--security-alerts` (or STAKEOUT_SECURITY_ALERTS) needs a cluster"),
    ] {
        // Files of events take the place of the cluster.
        let given = if arguments[0] == "--events" { &nobody[..1] } else { &nobody };
        let ended = stakeout(&[&["run", "--once"][..], given, arguments].concat());
        assert!(ended.code == Some(2) && ended.stderr.contains(reason), "{reason}: {ended:?}");
    }
    assert!(!Path::new("alerts.ndjson").exists(), "no file is made for alerts before all is checked");
}

#[test]
fn the_variable_and_the_settings_ask_for_copies_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("stakeout.toml");
    fs::write(&settings, "[alerts]\nsecurity = true\n").expect("a file");
    let settings = settings.display().to_string();
    for (name, value) in [("STAKEOUT_SECURITY_ALERTS", "true"), ("STAKEOUT_CONFIG", &*settings)] {
        let run = support::stakeout().args(["run", "--once", "--events", "."]).env(name, value).output();
        let run = run.expect("the program starts");
        let said = String::from_utf8(run.stderr).expect("UTF-8");
        assert!(run.status.code() == Some(2) && said.contains("needs a cluster"), "{name}: {said}");
    }
}

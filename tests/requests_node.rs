//! Every request of every command, as a stand-in before a real node notes it, is one of those whose privilege is documented.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use regex::Regex;
use serde_json::json;
use support::front::Front;
use support::kibana_alerts;
use support::program::{Running, stakeout};
use support::story::{Shape, SignIn, mapping, rule_over, seconds_ago};
use support::{Cluster, eventually};

/// Who may send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Privilege {
    /// The cluster privilege `monitor`.
    Monitor,
    /// `read` and `view_index_metadata` on what rules read.
    Events,
    /// `read`, `view_index_metadata`, `index` and `maintenance` on the alerts and checkpoints.
    Alerts,
    /// `read` and `create_doc` on the alias of Kibana's own alerts, only with `--security-alerts`.
    KibanasAlerts,
    /// `read`, `create_doc` and `auto_configure` on a data stream, only with `--external-alerts`.
    Stream,
    /// What only makes the place for alerts, and is in `docker/setup-role.json`.
    Setup,
    /// Anybody may ask it of themselves.
    Nobody,
}

use Privilege::{Alerts, Events, KibanasAlerts, Monitor, Nobody, Setup, Stream};

/// Method and path of a request, with words in capitals for the names of indices, and who may send it.
const DOCUMENTED: [(&str, &str, Privilege); 32] = [
    ("GET", "/", Monitor),
    ("GET", "/_nodes/_local/stats/http", Monitor),
    ("GET", "/_cluster/settings", Monitor),
    ("POST", "/_security/user/_has_privileges", Nobody),
    ("GET", "/_resolve/index/EVENTS", Events),
    ("POST", "/EVENTS/_field_caps", Events),
    ("POST", "/EVENTS/_pit", Events),
    ("POST", "/_search", Events),
    ("DELETE", "/_pit", Events),
    // Searches of events and of alerts: each item is authorised by its own indices.
    ("POST", "/_msearch", Events),
    ("GET", "/_resolve/index/ALERTS", Alerts),
    ("POST", "/ALERTS/_field_caps", Alerts),
    ("POST", "/ALERTS/_search", Alerts),
    ("POST", "/ALERTS/_bulk", Alerts),
    ("POST", "/_bulk", Alerts),
    ("POST", "/_mget", Alerts),
    ("POST", "/ALERTS/_mget", Alerts),
    ("POST", "/ALERTS/_refresh", Alerts),
    ("GET", "/_alias/ALERTS", Alerts),
    ("HEAD", "/ALERTS", Alerts),
    ("GET", "/ALERTS/_settings/index.blocks.*", Alerts),
    ("GET", "/ALERTS/_doc/ID", Alerts),
    ("PUT", "/ALERTS/_doc/ID", Alerts),
    ("POST", "/KIBANAS/_field_caps", KibanasAlerts),
    ("POST", "/KIBANAS/_search", KibanasAlerts),
    ("POST", "/KIBANAS/_bulk", KibanasAlerts),
    ("POST", "/STREAM/_search", Stream),
    ("POST", "/STREAM/_bulk", Stream),
    ("GET", "/_index_template/ALERTS", Setup),
    ("PUT", "/_index_template/ALERTS", Setup),
    ("PUT", "/ALERTS", Setup),
    ("POST", "/_aliases", Setup),
];

/// The patterns that the seed rule's questions ask besides those of the rule.
const BESIDES: [&str; 2] = ["logs-aws.guardduty-*", "logs-endpoint.events.network-*"];

/// A node with events, the rule over them, and a stand-in that notes requests.
struct Place {
    node: Cluster,
    rule: String,
    alerts: String,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Option<Self> {
        let node = Cluster::connect()?;
        let folder = tempfile::tempdir().expect("a folder");
        let index = node.name("logs");
        node.put(&format!("/{index}"), &mapping());
        let event = |number: i64| SignIn::new(format!("event-{number}"), seconds_ago(60 + number));
        node.bulk(&index, (0..5).map(|number| event(number).document(Shape::Integration)));
        node.refresh(&index);
        let rule = rule_over(folder.path(), &[&(index + "*")], "now-6m", "2s").display().to_string();
        let alerts = node.name("alerts");
        Some(Self { node, rule, alerts, folder })
    }

    /// A data stream for copies, which the node has a template for once it is allowed.
    fn stream(&self) -> String {
        format!("logs-copies-{}", self.node.token())
    }

    /// Lets copies be made, and makes the alias of Kibana's own alerts.
    fn allow_copies(&self) {
        let template = json!({"index_patterns": [self.stream()], "priority": 900, "data_stream": {},
            "template": {"settings": {"number_of_replicas": 0}}});
        self.node.put(&format!("/_index_template/{}", self.node.name("copies")), &template);
        kibana_alerts::make(&self.node, self.node.token(), &[]);
    }

    /// Methods and paths of the requests so far, with what stands for names.
    fn asked(&self, front: &Front) -> BTreeSet<(String, String)> {
        let id = Regex::new("_doc/.*").expect("a pattern");
        let general = |path: &str| {
            let path = path.split('?').next().unwrap_or_default().replace("%2A", "*");
            let kibanas = kibana_alerts::alias(self.node.token());
            let names = [
                (&*kibanas, "KIBANAS"),
                (&*self.stream(), "STREAM"),
                (&*self.alerts, "ALERTS"),
                (&*self.node.name("logs"), "EVENTS"),
            ];
            // What the rule's triage asks besides.
            let names = names.into_iter().chain(BESIDES.map(|pattern| (pattern, "EVENTS")));
            let path = names.fold(path, |path, (name, general)| {
                let name = Regex::new(&format!(r"{}[^/]*", regex::escape(name))).expect("a pattern");
                name.replace_all(&path, general).into_owned()
            });
            id.replace(&path, "_doc/ID").into_owned()
        };
        let line = |head: String| {
            let mut words = head.split_whitespace().map(str::to_owned);
            Some((words.next()?, general(&words.next()?)))
        };
        front.heads().into_iter().filter_map(line).collect()
    }

    /// Runs every command on the stand-in's node.
    fn run_everything(&self, url: &str) {
        let place = ["--elasticsearch-url", url, "--alerts-index", &self.alerts];
        let with_rules = [&place[..], &["--rules", &self.rule]].concat();
        let (stream, space) = (self.stream(), self.node.token());
        let copying: &[&str] = &[
            "run",
            "--backfill",
            "2h",
            "--security-alerts",
            "--kibana-space",
            space,
            "--external-alerts",
            &stream,
        ];
        let commands: [(&[&str], &[&str]); 8] = [
            (&["check"], &with_rules),
            (&["explain", &self.rule], &place[..2]),
            (&["run", "--backfill", "1h"], &with_rules),
            (&["run", "--once"], &with_rules),
            (&["run", "--once", "--dry-run"], &with_rules),
            (copying, &with_rules),
            (&["audit", "1h", "--repair"], &with_rules),
            (&["check"], &with_rules),
        ];
        for (command, place) in commands {
            let ended = stakeout(&[command, place].concat());
            assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
        }
        let daemon = Running::start(self.folder.path(), &[&["run", "-v"], &with_rules[..]].concat());
        eventually(Duration::from_mins(1), "a run of the daemon", || {
            (daemon.said().matches("nothing new").count() > 2).then_some(())
        });
        let mut daemon = daemon;
        daemon.end("TERM");
    }
}

#[test]
fn no_request_is_outside_the_documented_set() {
    let Some(place) = Place::new() else { return };
    let setup = Front::before(place.node.url(), Vec::new());
    let ended = stakeout(&["setup", "--elasticsearch-url", &setup.url(), "--alerts-index", &place.alerts]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    place.allow_copies();
    let front = Front::before(place.node.url(), Vec::new());
    place.run_everything(&front.url());
    let who = |asked: &(String, String)| {
        let known = DOCUMENTED.iter().find(|(method, path, _)| *method == asked.0 && *path == asked.1);
        known.unwrap_or_else(|| panic!("not documented: {asked:?}")).2
    };
    for asked in place.asked(&setup) {
        assert!([Setup, Alerts].contains(&who(&asked)), "setup alone: {asked:?}");
    }
    let running = place.asked(&front);
    for asked in &running {
        // `check` reads the template where it may; a refusal is no fault.
        let reads_template = asked.0 == "GET" && asked.1.starts_with("/_index_template/");
        assert!(who(asked) != Setup || reads_template, "once the place is made: {asked:?}");
    }
    assert!(running.len() > 15, "the commands were noted: {running:?}");
    for (copying, requests) in [(KibanasAlerts, 3), (Stream, 2)] {
        let asked = running.iter().filter(|asked| who(asked) == copying).count();
        assert_eq!(asked, requests, "{copying:?}: {running:?}");
    }
}

#[test]
fn the_documents_name_the_same_privileges() {
    let readme = include_str!("../README.md");
    for (privilege, words) in [
        (Monitor, "| `monitor` (cluster) |"),
        (Events, "| `read`, `view_index_metadata` | the rules' indices"),
        (Alerts, "| `read`, `view_index_metadata`, `index`, `maintenance` | `stakeout-alerts*` |"),
        (Stream, "| `read`, `create_doc`, `auto_configure` | the data stream of `--external-alerts`"),
        (KibanasAlerts, "| `read`, `create_doc` | `.alerts-security.alerts-SPACE`, with `--security-alerts`"),
    ] {
        assert!(readme.contains(words), "{privilege:?}");
    }
    let role: serde_json::Value = serde_json::from_str(include_str!("../docker/role.json")).expect("JSON");
    assert_eq!(role["cluster"], serde_json::json!(["monitor"]));
    for pattern in BESIDES {
        assert!(readme.contains(&format!("`{pattern}`")), "{pattern}");
        assert!(
            role["indices"][0]["names"]
                .as_array()
                .is_some_and(|names| names.iter().any(|name| name == pattern))
        );
    }
    let on = |at: usize| role["indices"][at]["privileges"].clone();
    assert_eq!(on(0), serde_json::json!(["read", "view_index_metadata"]));
    assert_eq!(on(1), serde_json::json!(["read", "view_index_metadata", "index", "maintenance"]));
    let key: serde_json::Value = serde_json::from_str(include_str!("../docker/api-key.json")).expect("JSON");
    assert_eq!(key["role_descriptors"]["stakeout"], role);
}

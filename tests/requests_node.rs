//! Every request of every command, as stand-ins before a real node and for Kibana note it, is one of those whose privilege
//! is documented; and each of those is made.

#[path = "cases/kibana.rs"]
#[allow(dead_code, reason = "what fails in it is of no interest here")]
mod kibana;
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use kibana::Kibana;
use regex::Regex;
use serde_json::{Value, json};
use support::front::Front;
use support::kibana_alerts;
use support::program::{Running, stakeout};
use support::story::{Shape, SignIn, mapping, rule_over, seconds_ago};
use support::watched::Watched;
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
    /// `read`, `create_doc` and `auto_configure` on the data stream of copies.
    Copies,
    /// `read` and `create_doc` on the alias of Kibana's own alerts, only with `--security-alerts`.
    KibanasAlerts,
    /// The cluster privilege `manage_index_templates`, for who makes the place for alerts.
    Templates,
    /// `manage` on the alerts and checkpoints, for the same.
    Place,
    /// Anybody may ask it of themselves.
    Nobody,
}

use Privilege::{Alerts, Copies, Events, KibanasAlerts, Monitor, Nobody, Place, Templates};

/// What the role has under which `run` and `check` work, and what the one has under which `setup` does.
const RUNNING: &[Privilege] = &[Monitor, Events, Alerts, Copies, KibanasAlerts, Nobody];
const SETTING_UP: &[Privilege] = &[Templates, Place];

/// Method and path of a request, with words in capitals for the names of indices, and who may send it.
const DOCUMENTED: [(&str, &str, &[Privilege]); 33] = [
    ("GET", "/", &[Monitor]),
    ("GET", "/_nodes/_local/stats/http", &[Monitor]),
    ("GET", "/_cluster/settings", &[Monitor]),
    ("GET", "/_index_template/ALERTS", &[Monitor, Templates]),
    ("POST", "/_security/user/_has_privileges", &[Nobody]),
    ("GET", "/_resolve/index/EVENTS", &[Events]),
    ("POST", "/EVENTS/_field_caps", &[Events]),
    ("POST", "/EVENTS/_pit", &[Events]),
    ("POST", "/_search", &[Events]),
    ("DELETE", "/_pit", &[Events]),
    // Searches of events and of alerts: each item is authorised by its own indices.
    ("POST", "/_msearch", &[Events]),
    ("GET", "/_resolve/index/ALERTS", &[Alerts]),
    ("POST", "/ALERTS/_field_caps", &[Alerts]),
    ("POST", "/ALERTS/_search", &[Alerts]),
    ("POST", "/ALERTS/_bulk", &[Alerts]),
    ("POST", "/_bulk", &[Alerts]),
    ("POST", "/_mget", &[Alerts]),
    ("POST", "/ALERTS/_mget", &[Alerts]),
    ("POST", "/ALERTS/_refresh", &[Alerts]),
    ("GET", "/_alias/ALERTS", &[Alerts, Place]),
    ("HEAD", "/ALERTS", &[Alerts, Place]),
    ("GET", "/ALERTS/_settings/index.blocks.*", &[Alerts]),
    ("GET", "/ALERTS/_settings/index.creation_date", &[Alerts]),
    ("GET", "/ALERTS/_doc/ID", &[Alerts]),
    ("PUT", "/ALERTS/_doc/ID", &[Alerts]),
    ("POST", "/COPIES/_search", &[Copies]),
    ("POST", "/COPIES/_bulk", &[Copies]),
    ("POST", "/KIBANAS/_field_caps", &[KibanasAlerts]),
    ("POST", "/KIBANAS/_search", &[KibanasAlerts]),
    ("POST", "/KIBANAS/_bulk", &[KibanasAlerts]),
    ("PUT", "/_index_template/ALERTS", &[Templates]),
    ("PUT", "/ALERTS", &[Place]),
    ("POST", "/_aliases", &[Place]),
];

/// The requests to Kibana, and the feature that a role needs for them.
const OF_KIBANA: [(&str, &str, &str); 7] = [
    ("GET", "/api/spaces/space/team", "feature_savedObjectsManagement.all"),
    ("POST", "/s/team/api/saved_objects/_import", "feature_savedObjectsManagement.all"),
    ("GET", "/s/team/api/cases/_find", "feature_securitySolutionCasesV3.all"),
    ("POST", "/s/team/api/cases", "feature_securitySolutionCasesV3.all"),
    ("GET", "/s/team/api/cases/ID", "feature_securitySolutionCasesV3.all"),
    ("GET", "/s/team/api/cases/ID/comments/_find", "feature_securitySolutionCasesV3.all"),
    ("POST", "/s/team/api/cases/ID/comments", "feature_securitySolutionCasesV3.all"),
];

/// The patterns that the seed rule's questions ask besides those of the rule.
const BESIDES: [&str; 2] = ["logs-aws.guardduty-*", "logs-endpoint.events.network-*"];

/// Method and path.
type Asked = BTreeSet<(String, String)>;

/// A node with events, the rule over them, and names of one's own for alerts and copies.
struct Scene {
    node: Cluster,
    rule: String,
    alerts: String,
    copies: String,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Option<Self> {
        let node = Cluster::connect()?;
        let folder = tempfile::tempdir().expect("a folder");
        let index = node.name("logs");
        node.put(&format!("/{index}"), &mapping());
        let rule = rule_over(folder.path(), &[&(index + "*")], "now-6m", "2s").display().to_string();
        let (alerts, copies) = (node.name("alerts"), format!("logs-copies-{}", node.token()));
        let template = json!({"index_patterns": [copies], "priority": 900, "data_stream": {},
            "template": {"settings": {"number_of_replicas": 0}}});
        node.put(&format!("/_index_template/{}", node.name("copies")), &template);
        kibana_alerts::make(&node, node.token(), &[]);
        let scene = Self { node, rule, alerts, copies, folder };
        scene.sign_in(5, 1);
        Some(scene)
    }

    /// So many sign-ins of one session, which become one group.
    fn sign_in(&self, times: i64, minutes: i64) {
        let index = self.node.name("logs");
        let event =
            |number: i64| SignIn::new(format!("{minutes}-{number}"), seconds_ago(60 * minutes + number));
        self.node.bulk(&index, (0..times).map(|number| event(number).document(Shape::Integration)));
        self.node.refresh(&index);
    }

    /// Methods and paths of the requests so far, with what stands for names.
    fn asked(&self, front: &Front) -> Asked {
        let id = Regex::new("_doc/.*").expect("a pattern");
        let general = |path: &str| {
            let path = path.split('?').next().unwrap_or_default().replace("%2A", "*");
            let kibanas = kibana_alerts::alias(self.node.token());
            let names = [
                (&*kibanas, "KIBANAS"),
                (&*self.alerts, "ALERTS"),
                (&*self.copies, "COPIES"),
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

    fn runs(&self, command: &[&str], url: &str, more: &[&str]) {
        let place = ["--elasticsearch-url", url, "--alerts-index", &self.alerts];
        let place = if command[0] == "explain" { &place[..2] } else { &place[..] };
        let ended = stakeout(&[command, place, more].concat());
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
    }

    /// Runs every command on the stand-in's node.
    fn run_everything(&self, url: &str, kibana: &Kibana) {
        let with_rules: &[&str] = &["--rules", &self.rule];
        let expected = self.folder.path().join("expected.toml");
        let planned = "[[stakeout.expected]]\nwhere = 'source.ip == \"192.0.2.1\"'\nfrom = 2026-01-01\nuntil = 2100-01-01\n\
                       reason = \"RT-1\"\n";
        std::fs::write(&expected, planned).expect("a file");
        let expected = expected.display().to_string();
        let places =
            ["--external-alerts", &self.copies, "--security-alerts", "--kibana-space", self.node.token()];
        let with_copies = [with_rules, &places].concat();
        let with_cases = [with_rules, &["--open-cases", "--kibana-url", &kibana.url]].concat();
        self.runs(&["check"], url, with_rules);
        self.runs(&["explain", &self.rule], url, &[]);
        self.runs(&["run", "--backfill", "1h", "--expected", &expected], url, with_rules);
        self.runs(&["run", "--backfill", "2h"], url, &with_copies);
        self.runs(&["run", "--backfill", "3h"], url, &with_copies);
        self.runs(&["run", "--backfill", "4h"], url, &with_cases);
        // Another alert of a group that has a case.
        self.sign_in(1, 2);
        self.runs(&["run", "--backfill", "5h"], url, &with_cases);
        self.runs(&["run", "--once"], url, with_rules);
        self.runs(&["run", "--once", "--dry-run"], url, with_rules);
        self.close_an_older_index();
        let owed = stakeout(
            &[
                &["run", "--backfill", "6h", "--elasticsearch-url", url, "--alerts-index", &self.alerts],
                with_rules,
            ]
            .concat(),
        );
        assert_eq!(owed.code, Some(1), "an alert may lie in the closed index: {owed:?}");
        self.first_index("_open");
        self.lose_an_alert();
        self.runs(&["audit", "1h", "--repair"], url, with_rules);
        self.runs(&["check"], url, with_rules);
        self.watch(url);
    }

    /// Lets an index that is closed lie behind the alias, and something happen whose alert could be in it.
    fn close_an_older_index(&self) {
        self.node.post(&format!("/{}/_rollover", self.alerts), &json!({}));
        self.first_index("_close");
        self.sign_in(1, 3);
    }

    fn first_index(&self, change: &str) {
        let path = format!("/{}-000001/{change}", self.alerts);
        let changed = self.node.send("POST", &path, None).expect("an answer");
        assert_eq!(changed.status, 200, "{changed:?}");
    }

    fn lose_an_alert(&self) {
        self.node.refresh(&self.alerts);
        let found = self.node.post(&format!("/{}/_search", self.alerts), &json!({"size": 1}));
        let hit = &found["hits"]["hits"][0];
        let [index, id] = ["_index", "_id"].map(|key| hit[key].as_str().expect("a name"));
        self.node.delete(&format!("/{index}/_doc/{id}"));
        self.node.refresh(&self.alerts);
    }

    fn watch(&self, url: &str) {
        let place = ["--elasticsearch-url", url, "--alerts-index", &self.alerts, "--rules", &self.rule];
        let mut daemon = Running::start(self.folder.path(), &[&["run", "-v"], &place[..]].concat());
        eventually(Duration::from_mins(1), "a run of the daemon", || {
            (daemon.said().matches("nothing new").count() > 2).then_some(())
        });
        daemon.end("TERM");
        let mut watched = Watched::start(self.folder.path(), &place);
        watched.told("/readyz", 200);
        watched.daemon.end("TERM");
    }

    /// Makes the place, where nothing is and where only the first index is, and imports into Kibana.
    fn set_up(&self, url: &str, kibana: &Kibana) {
        self.node.put(&format!("/{}-without-000001", self.alerts), &json!({}));
        let without = format!("{}-without", self.alerts);
        let ended = stakeout(&["setup", "--elasticsearch-url", url, "--alerts-index", &without]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        self.runs(&["setup"], url, &["--kibana-url", &kibana.url]);
    }
}

/// The privileges of each request that was made.
fn privileges(asked: &Asked) -> Vec<(&(String, String), &'static [Privilege])> {
    let who = |(method, path): &(String, String)| {
        DOCUMENTED.iter().find(|known| known.0 == method && known.1 == path).map(|known| known.2)
    };
    asked.iter().map(|one| (one, who(one).unwrap_or_else(|| panic!("not documented: {one:?}")))).collect()
}

/// Methods and paths of the requests to Kibana, with what stands for the ids of cases.
fn asked_of_kibana(kibana: &Kibana) -> Asked {
    let id = Regex::new("/cases/case-[0-9]+").expect("a pattern");
    let line = |line: &String| {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?, words.next()?.split('?').next()?);
        Some((method.to_owned(), id.replace(path.strip_prefix("/base")?, "/cases/ID").into_owned()))
    };
    kibana.with(|state| state.seen.iter().filter_map(line).collect())
}

#[test]
fn the_requests_that_are_made_are_those_that_are_documented() {
    let Some(scene) = Scene::new() else { return };
    let (setup, front) = [(); 2].map(|()| Front::before(scene.node.url(), Vec::new())).into();
    let kibana = Kibana::start();
    scene.set_up(&setup.url(), &kibana);
    scene.run_everything(&front.url(), &kibana);
    let (setting_up, running) = (scene.asked(&setup), scene.asked(&front));
    for (asked, allowed, role) in [(&setting_up, SETTING_UP, "setup-role"), (&running, RUNNING, "role")] {
        for (request, privileges) in privileges(asked) {
            assert!(privileges.iter().any(|one| allowed.contains(one)), "not by the {role}: {request:?}");
        }
    }
    let named = |known: &[(&str, &str)]| -> Asked {
        known.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect()
    };
    let made: Asked = setting_up.union(&running).cloned().collect();
    assert_eq!(made, named(&DOCUMENTED.map(|(method, path, _)| (method, path))));
    assert_eq!(asked_of_kibana(&kibana), named(&OF_KIBANA.map(|(method, path, _)| (method, path))));
}

#[test]
fn the_documents_name_the_same_privileges() {
    let readme = include_str!("../README.md");
    for (privilege, words) in [
        (Monitor, "| `monitor` (cluster) |"),
        (Events, "| `read`, `view_index_metadata` | the rules' indices"),
        (Alerts, "| `read`, `view_index_metadata`, `index`, `maintenance` | `stakeout-alerts*` |"),
        (Copies, "| `read`, `create_doc`, `auto_configure` | the data stream of `--external-alerts`"),
        (KibanasAlerts, "| `read`, `create_doc` | `.alerts-security.alerts-SPACE`, with `--security-alerts`"),
        (Templates, "| `manage_index_templates` (cluster) |"),
        (Place, "| `manage` | `stakeout-alerts*` |"),
    ] {
        assert!(readme.contains(words), "{privilege:?}");
    }
    let kibana = include_str!("../src/guide/kibana.md");
    for (_, path, feature) in OF_KIBANA {
        assert!(readme.contains(feature) || kibana.contains(feature), "{path}: {feature}");
    }
    for pattern in BESIDES {
        assert!(readme.contains(&format!("`{pattern}`")), "{pattern}");
    }
}

#[test]
fn the_roles_have_these_privileges_and_no_others() {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let role = json(include_str!("../docker/role.json"));
    assert_eq!(role["cluster"], json!(["monitor"]));
    let privileges = |role: &Value| -> Vec<Value> {
        let indices = role["indices"].as_array().expect("a list").iter();
        indices.map(|one| one["privileges"].clone()).collect()
    };
    assert_eq!(
        privileges(&role),
        [
            json!(["read", "view_index_metadata"]),
            json!(["read", "view_index_metadata", "index", "maintenance"])
        ]
    );
    let names = role["indices"][0]["names"].as_array().expect("names");
    assert!(BESIDES.iter().all(|pattern| names.iter().any(|name| name == pattern)), "{names:?}");
    let setup = json(include_str!("../docker/setup-role.json"));
    assert_eq!(
        (&setup["cluster"], privileges(&setup)),
        (&json!(["manage_index_templates"]), vec![json!(["manage"])])
    );
    assert_eq!(setup["applications"][0]["privileges"], json!([OF_KIBANA[0].2]));
}

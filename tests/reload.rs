//! Rules and settings that change while the daemon runs, with no cluster: what is new is taken up, what is broken is refused
//! and said, and no alert is missed or written twice over it.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use support::program::Running;
use support::story::{RULE, RULE_ID, Shape, SignIn, seconds_ago};
use support::until;
use support::watched::Watched;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(2);

/// The seed rule's name.
const NAME: &str = "AWS EC2 Instance Console Login via Assumed Role";

/// The id of a second rule.
const OTHER: &str = "aaaaaaaa-3e34-412e-9b1f-dd500b3b55cd";

/// A folder of rules, events, and the alerts of a daemon.
struct Place(TempDir);

impl Place {
    /// With one rule, in `rules/a.toml`.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(place.path("rules")).expect("a folder");
        place.rule("rules/a.toml", RULE_ID, NAME);
        fs::write(place.path("events.ndjson"), "").expect("a file");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Puts a rule of one second's pace over all events in the place of the file, at once.
    fn rule(&self, file: &str, id: &str, name: &str) {
        let rule = RULE
            .replace(RULE_ID, id)
            .replace(&format!("name = \"{NAME}\""), &format!("name = \"{name}\""))
            .replace(r#"from = "now-6m""#, r#"from = "now-10m""#)
            .replace(r#"interval = "5m""#, r#"interval = "1s""#);
        self.put(file, &rule);
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.path("new"), text).expect("a file");
        fs::rename(self.path("new"), self.path(file)).expect("a file");
    }

    fn happens(&self, id: &str) {
        let event = SignIn::new(id, seconds_ago(1)).document(Shape::Integration);
        let mut events =
            fs::OpenOptions::new().append(true).open(self.path("events.ndjson")).expect("the events");
        events.write_all(format!("{event}\n").as_bytes()).expect("the events");
    }

    fn places(&self) -> [String; 4] {
        ["--events".to_owned(), self.text("events.ndjson"), "--alerts".to_owned(), self.text("alerts.ndjson")]
    }

    /// A daemon with these arguments besides.
    fn watch(&self, arguments: &[&str]) -> Watched {
        let places = self.places();
        let all: Vec<&str> = places.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        Watched::start(self.0.path(), &all)
    }

    /// A daemon over the folder of rules.
    fn watch_rules(&self) -> Watched {
        self.watch(&["--rules", &self.text("rules")])
    }

    /// How many alerts there are of each rule about each event.
    fn alerts(&self) -> BTreeMap<(String, String), usize> {
        let text = fs::read_to_string(self.path("alerts.ndjson")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut alerts = BTreeMap::new();
        for line in whole.lines() {
            let alert: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            let word = |value: &Value| value.as_str().expect("a word").to_owned();
            let key = (word(&alert["kibana.alert.rule.rule_id"]), word(&alert["event"]["id"]));
            *alerts.entry(key).or_default() += 1;
        }
        alerts
    }

    fn is_alerted(&self, rule: &str, event: &str) {
        until(LIMIT, &format!("the alert of {rule} about {event}"), || {
            self.alerts().contains_key(&(rule.to_owned(), event.to_owned()))
        });
    }
}

fn says(watched: &Watched, words: &str) {
    until(LIMIT, words, || watched.daemon.said().contains(words));
}

/// Waits until the rule's group, that of before a reload included, has made another run.
fn runs_again(watched: &Watched, rule: &str) {
    let (name, of_rule) = ("stakeout_rule_windows_done_total", [("rule_id", rule)]);
    let now = watched.figure(name, &of_rule, |value| value >= 1.0);
    watched.figure(name, &of_rule, |value| value >= now + 2.0);
}

#[test]
fn rules_run_when_the_settings_say_and_no_event_is_missed_over_a_change() {
    let place = Place::new();
    place.rule("rules/b.toml", OTHER, "Other");
    let settings = |schedule: &str| {
        let rules = place.text("rules");
        place.put("s.toml", &format!("[rules]\npaths = [{rules:?}]\n[schedule]\n{schedule}\n"));
    };
    let interval = |watched: &Watched, rule: &str, seconds: f64| {
        let (name, of_rule) = ("stakeout_rule_interval_seconds", [("rule_id", rule)]);
        watched.figure(name, &of_rule, |value| (value - seconds).abs() < 0.5);
    };
    settings(&format!("\"*\" = \"2s\"\n\"{OTHER}\" = \"off\""));
    place.happens("first");
    let watched = place.watch(&["--config", &place.text("s.toml")]);
    place.is_alerted(RULE_ID, "first");
    interval(&watched, RULE_ID, 2.0);
    assert_eq!(watched.figures().sum("stakeout_rule_interval_seconds", &[("rule_id", OTHER)]), None);
    settings("\"Other\" = \"1s\"\n\"*\" = \"3s\"");
    watched.daemon.signal("HUP");
    says(&watched, "added: `Other`");
    place.is_alerted(OTHER, "first");
    interval(&watched, RULE_ID, 3.0);
    interval(&watched, OTHER, 1.0);
    place.happens("second");
    place.is_alerted(RULE_ID, "second");
    settings("\"Another\" = \"1s\"");
    watched.daemon.signal("HUP");
    says(&watched, "`schedule` names `Another`");
    interval(&watched, RULE_ID, 3.0);
    assert!(place.alerts().values().all(|times| *times == 1), "{:?}", place.alerts());
}

#[test]
fn a_signal_takes_a_new_rule_up_and_ends_one_that_is_gone() {
    let place = Place::new();
    place.happens("first");
    let watched = place.watch_rules();
    place.is_alerted(RULE_ID, "first");
    place.rule("rules/b.toml", OTHER, "Other");
    watched.daemon.signal("HUP");
    says(&watched, "reloaded; added: `Other`; 1 rules kept");
    place.is_alerted(OTHER, "first");
    watched.figure("stakeout_rule_windows_done_total", &[("rule_id", OTHER)], |value| value >= 1.0);
    fs::remove_file(place.path("rules/b.toml")).expect("the rule");
    watched.daemon.signal("HUP");
    says(&watched, "reloaded; removed: `Other`; 1 rules kept");
    runs_again(&watched, RULE_ID);
    assert_eq!(watched.figures().sum("stakeout_rule_windows_done_total", &[("rule_id", OTHER)]), None);
    place.happens("second");
    place.is_alerted(RULE_ID, "second");
    runs_again(&watched, RULE_ID);
    let alerts: Vec<_> =
        place.alerts().into_iter().map(|((rule, event), times)| (rule, event, times)).collect();
    let one = |rule: &str, event: &str| (rule.to_owned(), event.to_owned(), 1);
    assert_eq!(alerts, [one(OTHER, "first"), one(RULE_ID, "first"), one(RULE_ID, "second")]);
    watched.daemon.signal("HUP");
    says(&watched, "reloaded; nothing new; 1 rules kept");
    watched.figure("stakeout_reloads_total", &[("result", "taken")], |value| value >= 3.0);
    assert_eq!(watched.get("/healthz").0, 200);
}

#[test]
fn a_file_that_changed_is_taken_up_without_a_signal() {
    let place = Place::new();
    place.happens("first");
    let watched = place.watch_rules();
    place.is_alerted(RULE_ID, "first");
    let text = fs::read_to_string(place.path("rules/a.toml")).expect("the rule");
    place.put("rules/a.toml", &text.replace(r#"interval = "1s""#, r#"interval = "2s""#));
    says(&watched, "reloaded; changed: `AWS EC2 Instance Console Login via Assumed Role`; 0 rules kept");
    watched.figure("stakeout_rule_interval_seconds", &[("rule_id", RULE_ID)], |value| value > 1.5);
    place.happens("second");
    place.is_alerted(RULE_ID, "second");
    // The same content once more is nothing new.
    place.put("rules/a.toml", &text.replace(r#"interval = "1s""#, r#"interval = "2s""#));
    place.rule("rules/b.toml", OTHER, "Other");
    says(&watched, "reloaded; added: `Other`; 1 rules kept");
    place.is_alerted(OTHER, "second");
    assert!(place.alerts().values().all(|times| *times == 1), "{:?}", place.alerts());
}

#[test]
fn a_broken_rule_is_refused_and_costs_no_other() {
    let place = Place::new();
    let watched = place.watch_rules();
    place.happens("first");
    place.is_alerted(RULE_ID, "first");
    let text = fs::read_to_string(place.path("rules/a.toml")).expect("the rule");
    let line = text.lines().position(|line| line.starts_with("risk_score")).expect("a score") + 1;
    place.put("rules/a.toml", &text.replace("risk_score = ", "risk_score = x"));
    place.rule("rules/b.toml", OTHER, "Other");
    says(&watched, &format!("a.toml:{line}:"));
    says(&watched, &format!("reloaded; added: `Other`; stays as it was: `{NAME}`; 0 rules kept"));
    place.happens("second");
    place.is_alerted(RULE_ID, "second");
    place.is_alerted(OTHER, "second");
    watched.figure("stakeout_last_reload_refused", &[], |value| (value - 1.0).abs() < f64::EPSILON);
    watched.figure("stakeout_reloads_total", &[("result", "refused")], |value| value >= 1.0);
    // Two files of one id: none of them is taken, and the rule stays as it was.
    place.put("rules/a.toml", &text);
    place.put("rules/c.toml", &text);
    watched.daemon.signal("HUP");
    says(&watched, "is taken already by");
    place.happens("third");
    place.is_alerted(RULE_ID, "third");
    fs::remove_file(place.path("rules/c.toml")).expect("the rule");
    watched.figure("stakeout_last_reload_refused", &[], |value| value < 0.5);
    // An empty folder is no wish to watch with nothing.
    for name in ["rules/a.toml", "rules/b.toml"] {
        fs::remove_file(place.path(name)).expect("the rule");
    }
    says(&watched, "the folder holds no rule file");
    place.happens("fourth");
    place.is_alerted(RULE_ID, "fourth");
    assert_eq!(watched.get("/healthz").0, 200);
    assert!(place.alerts().values().all(|times| *times == 1), "{:?}", place.alerts());
}

#[test]
fn broken_settings_are_refused_as_a_whole_and_good_ones_taken() {
    let place = Place::new();
    fs::create_dir_all(place.path("more")).expect("a folder");
    place.rule("more/b.toml", OTHER, "Other");
    let paths = |names: &[&str]| {
        names.iter().map(|name| format!("{:?}", place.text(name))).collect::<Vec<_>>().join(", ")
    };
    place.put("stakeout.toml", &format!("[rules]\npaths = [{}]\n", paths(&["rules"])));
    let watched = place.watch(&["--config", &place.text("stakeout.toml")]);
    place.happens("first");
    place.is_alerted(RULE_ID, "first");
    place.put(
        "stakeout.toml",
        &format!(
            "[rules]\npaths = [{}]\n[elasticsearch]\nrequest_timeout = 0\napi_key = [\"hunter2\", 1]\n[wath]\n",
            paths(&["rules", "more"])
        ),
    );
    for words in [
        "refused, and what was in force stays:\nthe settings as a whole",
        "unknown table `wath`",
        "`elasticsearch.api_key`",
        "`elasticsearch.request_timeout`: expected whole seconds",
    ] {
        says(&watched, words);
    }
    says(&watched, "reloaded; nothing new; 1 rules kept");
    place.put("stakeout.toml", &format!("[rules]\npaths = [{}]\n", paths(&["rules", "none"])));
    says(&watched, &place.text("none"));
    let settings = format!(
        "[rules]\npaths = [{}]\n[alerts]\nindex = \"other\"\n[watch]\nlisten = \"1\"\n",
        paths(&["rules", "more"])
    );
    place.put("stakeout.toml", &settings);
    says(&watched, "changed, and taken at the next start alone: `alerts.index`");
    says(&watched, "reloaded; added: `Other`; 1 rules kept; settings: rules.paths");
    let times = watched.daemon.said().matches("reloaded; ").count();
    place.is_alerted(OTHER, "first");
    place.happens("second");
    place.is_alerted(RULE_ID, "second");
    assert!(!watched.daemon.said().contains("hunter2"), "{}", watched.daemon.said());
    // Back to the built-in rule; nothing was taken up in between.
    place.put("stakeout.toml", "");
    says(&watched, "removed: `Other`");
    assert_eq!(watched.daemon.said().matches("reloaded; ").count(), times + 1, "{}", watched.daemon.said());
}

#[test]
fn rules_that_change_all_the_time_cost_no_alert() {
    const ROUNDS: usize = 25;
    let place = Place::new();
    let watched = place.watch_rules();
    for round in 0..ROUNDS {
        place.happens(&format!("event {round}"));
        place.rule("rules/a.toml", RULE_ID, &format!("Round {round}"));
        match round % 3 {
            0 => place.rule("rules/b.toml", OTHER, "Other"),
            1 => place.put("rules/b.toml", "broken"),
            _ => {}
        }
        watched.daemon.signal("HUP");
        until(LIMIT, "the round to be taken", || {
            assert_eq!(watched.get("/healthz"), (200, "ok\n".to_owned()));
            watched.daemon.said().contains(&format!("changed: `Round {round}`"))
        });
    }
    for round in 0..ROUNDS {
        place.is_alerted(RULE_ID, &format!("event {round}"));
        place.is_alerted(OTHER, &format!("event {round}"));
    }
    runs_again(&watched, RULE_ID);
    assert_eq!(place.alerts().len(), 2 * ROUNDS);
    assert!(place.alerts().values().all(|times| *times == 1), "{:?}", place.alerts());
}

#[test]
fn a_daemon_that_is_killed_over_a_reload_goes_on_by_the_new_rules() {
    let place = Place::new();
    let watched = place.watch_rules();
    place.happens("first");
    place.is_alerted(RULE_ID, "first");
    place.rule("rules/b.toml", OTHER, "Other");
    place.happens("second");
    watched.daemon.signal("HUP");
    watched.daemon.kill9();
    place.happens("third");
    let watched = place.watch_rules();
    for event in ["first", "second", "third"] {
        place.is_alerted(RULE_ID, event);
        place.is_alerted(OTHER, event);
    }
    runs_again(&watched, OTHER);
    assert!(place.alerts().values().all(|times| *times == 1), "{:?}", place.alerts());
}

#[test]
fn systemd_is_told_of_a_reload() {
    let place = Place::new();
    let path: &Path = &place.path("notify");
    let socket = UnixDatagram::bind(path).expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut command = support::stakeout();
    command.arg("run").args(place.places()).args(["--rules", &place.text("rules")]);
    command.env("NOTIFY_SOCKET", path);
    let mut daemon = Running::spawn(place.0.path(), &mut command);
    let told = || {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1\nSTATUS=watching with 1 rules\n");
    place.rule("rules/b.toml", OTHER, "Other");
    daemon.signal("HUP");
    let reloading = told();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(told(), "READY=1\nSTATUS=watching with 2 rules\n");
    assert_eq!(daemon.end("TERM").code(), Some(0), "{}", daemon.said());
}

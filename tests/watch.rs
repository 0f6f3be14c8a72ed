//! What a watching process shows of itself, with no cluster: figures, health, log lines, and what systemd is told.

mod support;

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::front::Front;
use support::program::{Running, stakeout};
use support::story::{RULE_ID, Shape, SignIn, rule_over, seconds_ago};
use support::watched::Watched;
use support::{eventually, setting, until};

const LIMIT: Duration = Duration::from_mins(2);

/// A name with everything that has to be escaped.
const NAME: &str = r#"Sign-in "by role" \ of an instance"#;

/// A rule of one second's pace with that name, and a file of three events, one of them twice, and of a broken line.
fn story(folder: &Path) -> (PathBuf, PathBuf) {
    let rule = rule_over(folder, &["logs-*"], "now-60s", "1s");
    let text = std::fs::read_to_string(&rule).expect("the rule");
    let renamed = text.replacen(
        "name = \"AWS EC2 Instance Console Login via Assumed Role\"",
        &format!("name = '{NAME}'"),
        1,
    );
    assert_ne!(renamed, text, "the rule has that name");
    std::fs::write(&rule, renamed).expect("the rule");
    let events = folder.join("events.ndjson");
    let mut lines: Vec<String> = ["a", "b", "c", "c"]
        .iter()
        .map(|id| SignIn::new(*id, seconds_ago(5)).document(Shape::Integration).to_string())
        .collect();
    lines.push("no JSON".to_owned());
    std::fs::write(&events, lines.join("\n") + "\n").expect("the events");
    (rule, events)
}

fn arguments<'a>(rule: &'a str, events: &'a str, alerts: &'a str) -> [&'a str; 6] {
    ["--rules", rule, "--events", events, "--alerts", alerts]
}

fn texts(paths: [&Path; 3]) -> [String; 3] {
    paths.map(|path| path.display().to_string())
}

#[test]
fn a_scrape_shows_what_the_runs_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let [rule, events, alerts] = texts([&rule, &events, &folder.path().join("alerts.ndjson")]);
    let watched = Watched::start(folder.path(), &arguments(&rule, &events, &alerts));
    let of_rule = [("rule_id", RULE_ID), ("rule", NAME)];
    watched.figure("stakeout_rule_alerts_created_total", &of_rule, |value| value >= 3.0);
    watched.figure("stakeout_rule_windows_done_total", &of_rule, |value| value >= 2.0);
    let figures = watched.figures();
    let is = |name: &str, wanted: f64| {
        let found = figures.sum(name, &of_rule).unwrap_or_else(|| panic!("no {name}"));
        assert!((found - wanted).abs() < f64::EPSILON, "{name}: {found}");
    };
    is("stakeout_rule_alerts_created_total", 3.0);
    is("stakeout_rule_alerts_rejected_total", 0.0);
    is("stakeout_rule_alerts_late_total", 0.0);
    is("stakeout_rule_interval_seconds", 1.0);
    assert!(figures.sum("stakeout_rule_alerts_existing_total", &of_rule).expect("a count") >= 1.0);
    assert!(figures.sum("stakeout_rule_matches_total", &of_rule).expect("a count") >= 4.0);
    assert!(figures.sum("stakeout_rule_lag_seconds", &of_rule).expect("a lag") < 60.0);
    assert_eq!(figures.sum("stakeout_alert_delay_seconds_count", &[]), Some(3.0));
    assert_eq!(figures.sum("stakeout_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
    assert_eq!(watched.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(watched.get("/readyz"), (200, "ok\n".to_owned()));
    assert_eq!(watched.get("/elsewhere"), (404, "expected one of /metrics /healthz /readyz\n".to_owned()));
    assert_eq!(watched.post("/metrics"), (405, "expected GET or HEAD\n".to_owned()));
    promtool(&watched.get("/metrics").1);
}

/// Figures that come only with what they count.
const RARE: [&str; 4] = [
    "stakeout_elasticsearch_request_failures_total",
    "stakeout_elasticsearch_retries_total",
    "stakeout_triage_last_success_timestamp_seconds",
    "stakeout_cases_last_success_timestamp_seconds",
];

#[test]
fn alert_rules_dashboard_and_documentation_name_figures_that_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let [rule, events, alerts] = texts([&rule, &events, &folder.path().join("alerts.ndjson")]);
    let watched = Watched::start(folder.path(), &arguments(&rule, &events, &alerts));
    watched.figure("stakeout_rule_last_run_duration_seconds", &[], |_| true);
    let kinds = watched.figures().kinds;
    let known = |name: &str| {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part));
        let histogram = family.and_then(|family| kinds.get(family)).is_some_and(|kind| kind == "histogram");
        histogram || kinds.contains_key(name) || RARE.contains(&name)
    };
    for (file, text) in [
        ("alerts.yml", include_str!("../docker/observability/alerts.yml")),
        ("alerts_test.yml", include_str!("../docker/observability/alerts_test.yml")),
        ("grafana.json", include_str!("../docker/observability/grafana.json")),
        ("operating.md", include_str!("../src/guide/operating.md")),
    ] {
        let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        let names: Vec<&str> = words.filter(|word| word.starts_with("stakeout_")).collect();
        assert!(names.len() > 8, "{file}: {names:?}");
        for name in names {
            assert!(known(name), "{file} names `{name}`");
        }
    }
    let dashboard: Value =
        serde_json::from_str(include_str!("../docker/observability/grafana.json")).expect("JSON");
    assert!(dashboard["panels"].as_array().expect("panels").len() > 10);
}

/// Prometheus's own opinion, where its tool is installed.
fn promtool(text: &str) {
    let tool = setting("STAKEOUT_TEST_PROMTOOL").unwrap_or_else(|| "promtool".to_owned());
    let started = Command::new(tool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else { return };
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("its input");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_scrape_during_an_outage_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, _) = story(folder.path());
    // Nobody listens any more once the listener is dropped.
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (rule, url) = (rule.display().to_string(), format!("http://user:hunter2@{address}"));
    let watched = Watched::start(folder.path(), &["--rules", &rule, "--elasticsearch-url", &url]);
    let reason = watched.told("/readyz", 503);
    assert!(reason.contains("connection refused"), "{reason}");
    assert!(watched.told("/healthz", 200).contains("ok"), "waiting is no fault of the process");
    let refused = [("operation", "other"), ("reason", "connection refused")];
    let failures = "stakeout_elasticsearch_request_failures_total";
    let first = watched.figure(failures, &refused, |value| value >= 1.0);
    watched.figure(failures, &refused, |value| value > first);
    watched.figure("stakeout_elasticsearch_retries_total", &refused[1..], |value| value >= 1.0);
    watched.figure("stakeout_elasticsearch_up", &[], |value| value < 0.5);
    watched.figure("stakeout_rule_lag_seconds", &[("rule_id", RULE_ID)], |value| value > 1.0);
    let figures = watched.figures();
    assert_eq!(figures.sum("stakeout_rule_last_success_timestamp_seconds", &[]), None);
    let all = format!("{reason}{}{}", watched.get("/metrics").1, watched.daemon.said());
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_machine_of_many_processors_gets_no_more_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let [rule, events, alerts] = texts([&rule, &events, &folder.path().join("alerts.ndjson")]);
    let mut command = support::stakeout();
    // What tokio takes in the place of the number of processors, unless it is told how many.
    command.env("TOKIO_WORKER_THREADS", "64").arg("run").args(arguments(&rule, &events, &alerts));
    let mut daemon = Running::spawn(folder.path(), &mut command);
    until(LIMIT, "the first run", || daemon.said().contains("alerts_created=3"));
    if let Some(threads) = daemon.threads() {
        assert!(threads < 24, "{threads}");
    }
    assert_eq!(daemon.end("TERM").code(), Some(0), "{}", daemon.said());
}

#[test]
fn who_only_connects_keeps_no_probe_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let [rule, events, alerts] = texts([&rule, &events, &folder.path().join("alerts.ndjson")]);
    let watched = Watched::start(folder.path(), &arguments(&rule, &events, &alerts));
    let connect = |number: usize| {
        let mut stream = TcpStream::connect(watched.address()).expect("a connection");
        if number.is_multiple_of(2) {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nx: ").expect("half a head");
        }
        stream
    };
    // More than twice as many as are served at once, none of which ever asks.
    let idle: Vec<TcpStream> = (0..300).map(connect).collect();
    assert_eq!(watched.get("/healthz"), (200, "ok\n".to_owned()));
    drop(idle);
}

#[test]
fn health_asks_the_daemon_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let [rule, events, alerts] = texts([&rule, &events, &folder.path().join("alerts.ndjson")]);
    let mut watched = Watched::start(folder.path(), &arguments(&rule, &events, &alerts));
    watched.told("/healthz", 200);
    let (address, config) = (watched.address().to_owned(), folder.path().join("stakeout.toml"));
    let port = address.rsplit(':').next().expect("a port");
    std::fs::write(&config, format!("[watch]\nlisten = \"0.0.0.0:{port}\"\n")).expect("settings");
    let config = config.display().to_string();
    let ways = [&["health", port][..], &["health", &address], &["health", "--config", &config]];
    for way in ways {
        let ended = stakeout(way);
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "ok\n", ""));
    }
    watched.daemon.end("TERM");
    for way in ways {
        let ended = stakeout(way);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(&format!("`127.0.0.1:{port}`: Connection refused")), "{ended:?}");
    }
}

#[test]
fn a_port_that_cannot_be_had_is_told_before_anything_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for (address, words) in [(port.as_str(), "cannot listen at"), (":1", "expected a port or `IP:PORT`")] {
        let ended = stakeout(&["run", "--listen", address]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}

#[test]
fn every_line_of_a_json_log_is_an_object_that_says_what_it_is_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let alerts = folder.path().join("alerts.ndjson");
    let [rule, events, alerts] = texts([&rule, &events, &alerts]);
    let place = arguments(&rule, &events, &alerts);
    let watched = Watched::start(folder.path(), &[&place[..], &["--log-format", "json"]].concat());
    let lines = || json_lines(&watched);
    let broken = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("events.ndjson:5"));
    let line = eventually(LIMIT, "the broken line", || lines().into_iter().find(broken));
    assert_eq!(line["level"], "WARN");
    assert_eq!((line["rule"].as_str(), line["rule_id"].as_str()), (Some(NAME), Some(RULE_ID)), "{line}");
    assert!(line["from"].is_string() && line["to"].is_string(), "{line}");
    let is_new = |line: &Value| line["message"] == "alerts" && line["alerts_created"] == 3;
    let line = eventually(LIMIT, "the alerts", || lines().into_iter().find(is_new));
    assert!(line["from"].is_string() && line["to"].is_string(), "{line}");
    is_about_its_rule(&lines());
    let alert = std::fs::read_to_string(&alerts).expect("the alerts");
    let alert: Value = serde_json::from_str(alert.lines().next().expect("an alert")).expect("JSON");
    for line in lines() {
        assert_eq!(line["run_id"], alert["stakeout.run_id"], "{line}");
    }
}

/// The lines that it has said so far.
fn json_lines(watched: &Watched) -> Vec<Value> {
    let said = watched.daemon.said();
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// Each line that names the rule has its id, and every time is one.
fn is_about_its_rule(lines: &[Value]) {
    for line in lines {
        if !line["rule"].is_null() {
            let named = (line["rule"].as_str(), line["rule_id"].as_str());
            assert_eq!(named, (Some(NAME), Some(RULE_ID)), "{line}");
        }
        for time in ["timestamp", "from", "to", "retry_at"].iter().filter_map(|name| line.get(name)) {
            let time = time.as_str().unwrap_or_else(|| panic!("{line}"));
            chrono::DateTime::parse_from_rfc3339(time).unwrap_or_else(|_| panic!("{line}"));
            assert!(time.contains('T'), "{line}");
        }
    }
}

#[test]
fn lines_about_what_fails_say_which_rule_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, _) = story(folder.path());
    // A cluster without indices, whose checkpoint cannot be read together with others, and not by itself either.
    let broken = json!({"docs": [{"_id": RULE_ID, "error": {"type": "exception", "reason": "broken"}}]});
    let busy = json!({"error": {"type": "es_rejected_execution_exception", "reason": "busy"}, "status": 429});
    let front = Front::before(
        "http://127.0.0.1:9",
        vec![
            ("/stakeout-alerts-state/_doc/", 429, busy),
            ("/stakeout-alerts-state", 200, broken),
            ("/_alias/", 200, json!({"stakeout-alerts-000001": {}})),
            ("/_nodes/", 200, json!({"nodes": {"n": {"timestamp": seconds_ago(0).timestamp_millis()}}})),
            ("/_cluster/", 200, json!({})),
            ("/logs-*/_field_caps", 200, json!({"indices": [], "fields": {}})),
            ("/_resolve/", 200, json!({"indices": [], "aliases": [], "data_streams": []})),
            ("/", 200, json!({"cluster_name": "c", "version": {"number": "9.2.0"}})),
        ],
    );
    let url = front.url();
    let arguments = [
        "--log-format",
        "json",
        "-v",
        "--no-triage",
        "--rules",
        &rule.display().to_string(),
        "--elasticsearch-url",
        &url,
    ];
    let watched = Watched::start(folder.path(), &arguments);
    for words in ["failed: ", "sent again: HTTP 429", "no index matches `logs-*`"] {
        let says = |line: &Value| {
            line["message"].as_str().is_some_and(|said| said.starts_with(words)) && line["rule"] == NAME
        };
        until(LIMIT, words, || json_lines(&watched).iter().any(says));
    }
    is_about_its_rule(&json_lines(&watched));
}

#[test]
fn what_is_wrong_is_a_line_of_the_json_log_too() {
    let ended = stakeout(&["--log-format", "json", "run", "--listen", "nowhere"]);
    let line: Value = serde_json::from_str(&ended.stderr).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!((ended.code, line["level"].as_str()), (Some(2), Some("ERROR")));
    assert!(line["message"].as_str().is_some_and(|text| text.starts_with("`--listen`")), "{line}");
}

#[test]
fn systemd_is_told_of_the_start_the_watch_and_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rule, events) = story(folder.path());
    let [rule, events, alerts] = texts([&rule, &events, &folder.path().join("alerts.ndjson")]);
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut command = support::stakeout();
    command.arg("run").args(arguments(&rule, &events, &alerts));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000");
    let mut daemon = Running::spawn(folder.path(), &mut command);
    let told = || {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1\nSTATUS=watching with 1 rules\n");
    assert_eq!(told(), "WATCHDOG=1\n");
    daemon.signal("TERM");
    until(LIMIT, "the end to be told", || told() == "STOPPING=1\n");
    assert_eq!(daemon.ends().code(), Some(0), "{}", daemon.said());
}

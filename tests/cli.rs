//! The command line as its contract says: exit status, what goes where, and nothing secret anywhere.

mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use support::program::{Ended, stakeout};
use support::story::{RULE, RULE_ID};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events/instance-sign-in");

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// An address where nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

fn backfill_samples(alerts: &Path, more: &[&str]) -> Ended {
    let alerts = text(alerts);
    let fixed = ["run", "--backfill", "2026-11-20..2026-11-20", "--events", SAMPLES, "--alerts", &alerts];
    stakeout(&[&fixed, more].concat())
}

#[test]
fn the_embedded_default_finds_the_samples_once() {
    let folder = folder();
    let alerts = folder.path().join("alerts.ndjson");
    let first = backfill_samples(&alerts, &[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!((&first.line()["matches"], &first.line()["alerts_created"]), (&3.into(), &2.into()));
    let second = backfill_samples(&alerts, &[]);
    assert_eq!(second.line()["alerts_created"], 0);
    let written = std::fs::read_to_string(&alerts).expect("the alerts");
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["kibana.alert.rule.rule_id"], RULE_ID);
        assert!(line["kibana.alert.rule.note"].as_str().is_some_and(|note| note.contains("Investigating")));
        assert_eq!(line["kibana.alert.rule.threat"].as_array().map(Vec::len), Some(3));
        assert_eq!(line["stakeout.facts"]["instance_id"], "i-0a1b2c3d4e5f60001");
    }
}

#[test]
fn a_dry_run_of_files_prints_and_writes_nothing() {
    let folder = folder();
    let alerts = folder.path().join("alerts.ndjson");
    let dry = backfill_samples(&alerts, &["--dry-run"]);
    assert_eq!((dry.code, dry.lines().len()), (Some(0), 2), "{dry:?}");
    let counts = "3 matches, 2 alerts would be created, 0 already there, 1 more match of the same finding";
    assert!(dry.stderr.contains(counts), "{dry:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is made");
    let report = folder.path().join("report.html");
    backfill_samples(&alerts, &["--dry-run", "--report", &text(&report)]);
    let page = std::fs::read_to_string(&report).expect("the report");
    assert!(page.contains("Would be created") && !page.contains("New alerts"), "{page}");
    assert!(page.contains("Of the same finding"), "{page}");
    assert_eq!(backfill_samples(&alerts, &[]).line()["alerts_created"], 2);
}

#[test]
fn a_folder_that_something_fills_is_read_on_every_run() {
    let folder = folder();
    let events = folder.path().join("events");
    std::fs::create_dir(&events).expect("a folder");
    let (events_text, alerts) = (text(&events), text(&folder.path().join("alerts.ndjson")));
    let arguments = ["run", "--once", "--events", &events_text, "--alerts", &alerts];
    assert_eq!(stakeout(&arguments).line()["alerts_created"], 0);
    let event = support::story::SignIn::new("new", support::story::seconds_ago(5));
    let document = event.document(support::story::Shape::Integration);
    std::fs::write(events.join("new.ndjson"), format!("not JSON\n{document}\n")).expect("a file");
    let second = stakeout(&arguments);
    assert_eq!((second.code, &second.line()["alerts_created"]), (Some(1), &1.into()), "{second:?}");
    assert!(second.stderr.contains("new.ndjson:1"), "the broken line is named: {second:?}");
    assert_eq!(stakeout(&arguments).line()["alerts_created"], 0);
}

#[test]
fn two_processes_cannot_share_an_alert_file() {
    let folder = folder();
    let alerts = folder.path().join("alerts.ndjson");
    let mut first = support::stakeout()
        .args(["run", "--events", SAMPLES, "--alerts", &text(&alerts), "-v"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    // It says that it watches once the file is its own.
    let mut line = String::new();
    BufReader::new(first.stderr.take().expect("its stderr")).read_line(&mut line).expect("a line");
    let second = backfill_samples(&alerts, &[]);
    first.kill().expect("a running process");
    first.wait().expect("own child");
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("alerts.ndjson"), "{second:?}");
}

#[test]
fn no_node_at_all_is_one_readable_message() {
    let url = nobody();
    for arguments in [&["run", "--once"][..], &["run", "--backfill", "1h"]] {
        let ended = stakeout(&[arguments, &["--elasticsearch-url", &url]].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        assert!(ended.stderr.contains(&url) && ended.stderr.contains("connection refused"), "{ended:?}");
        assert!(ended.line()["error"].as_str().is_some_and(|error| error.contains(&url)), "{ended:?}");
    }
}

#[test]
fn every_broken_rule_file_is_refused_with_status_2() {
    let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/broken");
    let files: Vec<PathBuf> = std::fs::read_dir(broken)
        .expect("broken rules")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    assert!(files.len() >= 20, "{}", files.len());
    for file in files {
        for command in [&["run", "--once", "--rules"][..], &["test"], &["explain", "--offline"]] {
            let ended = stakeout(&[command, &[&text(&file)]].concat());
            assert_eq!(ended.code, Some(2), "{}: {ended:?}", file.display());
            assert_eq!(ended.stdout, "", "{}", file.display());
            assert!(ended.stderr.contains("error["), "{}: {ended:?}", file.display());
            assert!(!ended.stderr.contains("panicked"), "{}: {ended:?}", file.display());
        }
    }
}

#[test]
fn one_broken_rule_file_names_every_problem_and_runs_nothing() {
    let folder = folder();
    std::fs::write(folder.path().join("good.toml"), RULE).expect("a file");
    let broken = RULE
        .replace("severity = \"high\"", "severity = \"hihg\"")
        .replace("risk_score", "risk_scor")
        .replace("event.outcome ==", "event.outcome =")
        .replace(RULE_ID, "00000000-0000-4000-8000-000000000001");
    std::fs::write(folder.path().join("broken.toml"), broken).expect("a file");
    let ended = stakeout(&["run", "--once", "--rules", &text(folder.path())]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    for words in ["broken.toml", "`hihg`", "risk_scor", "event.outcome"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("good.toml"), "{}", ended.stderr);
}

#[test]
fn wrong_arguments_are_refused_with_status_2() {
    let url = nobody();
    for arguments in [
        &["run", "--once", "--backfill", "1h"][..],
        &["run", "--backfill", "yesterday"],
        &["run", "--backfill", "1h..2h"],
        &["run", "--once", "--elasticsearch-url", "not a url"],
        &["run", "--once", "--elasticsearch-url", &url, "--api-key", "a:b", "--bearer-token", "c"],
        &["run", "--once", "--elasticsearch-url", &url, "--username", "u"],
        &["run", "--once", "--elasticsearch-url", &url, "--ca-cert", "/nowhere.pem"],
        &["run", "--once", "--rules", "/nowhere"],
        &["run", "--alerts", "x.ndjson"],
        &["explain", "no such rule", "--offline"],
        &["watch"],
        &["health"],
        &["health", "metrics.example:80"],
        &[],
    ] {
        let ended = stakeout(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn secrets_are_in_no_output() {
    let url = nobody();
    let with_user = url.replace("http://", "http://elastic:s3cr3t-url@");
    for (arguments, variables) in [
        (vec!["--elasticsearch-url", &url], vec![("ELASTICSEARCH_API_KEY", "id:s3cr3t-key")]),
        (vec!["--elasticsearch-url", &url], vec![("ELASTICSEARCH_BEARER_TOKEN", "s3cr3t-token")]),
        (vec!["--elasticsearch-url", &with_user], vec![]),
        (
            vec!["--elasticsearch-url", &url, "--api-key", "s3cr3t-twice"],
            vec![("ELASTICSEARCH_USERNAME", "elastic"), ("ELASTICSEARCH_PASSWORD", "s3cr3t-password")],
        ),
    ] {
        for command in [
            &["run", "--once", "-vv"][..],
            &["explain", RULE_ID, "-vv"],
            &["setup", "-vv"],
            &["run", "--help"],
        ] {
            let mut program = support::stakeout();
            program.args(command).args(if command.contains(&"--help") { &[] } else { arguments.as_slice() });
            let output = program.envs(variables.iter().copied()).output().expect("the program starts");
            let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
            assert!(!said.contains("s3cr3t"), "{command:?} {arguments:?}: {said}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut program = support::stakeout()
        .args(["test", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(program.stdout.take());
    let output = program.wait_with_output().expect("own child");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(
        (output.status.code(), said.contains("panicked"), said.contains("error")),
        (Some(0), false, false),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_once_and_is_no_success() {
    let folder = folder();
    let place = |name: &str| text(&folder.path().join(name));
    let (none, alerts, printed) = (place("none.ndjson"), place("alerts.ndjson"), place("setup"));
    let backfill = ["run", "--backfill", "2026-11-20", "--events", SAMPLES, "--alerts", &alerts];
    for command in [
        &["audit", "2026-11-20", "--events", SAMPLES, "--alerts", &none][..],
        &["scan", SAMPLES],
        &["test"],
        &["explain", RULE_ID, "--offline"],
        &["schema", "rule"],
        &["man"],
        &["completions", "bash"],
        &["setup", "--print", &printed],
        &[&backfill[..], &["--dry-run"]].concat(),
        &backfill,
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a disk that is full");
        let output = support::stakeout().args(command).stdout(full).output().expect("the program starts");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert_eq!(
            said.matches("error: the result could not be written: No space").count(),
            1,
            "{command:?}: {said}"
        );
    }
    assert_eq!(std::fs::read_to_string(&alerts).expect("the alerts").lines().count(), 2, "they are kept");
}

#[test]
fn the_rules_own_examples_pass_and_a_wrong_one_is_explained() {
    assert_eq!(stakeout(&["test"]).code, Some(0));
    let folder = folder();
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, RULE.replacen("matches = true", "matches = false", 1)).expect("a file");
    let ended = stakeout(&["test", &text(&wrong), "--format", "human"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("FAILED") && ended.stdout.contains("because of"), "{ended:?}");
    let steering = RULE.replacen("matches = true", "matches = false", 1).replacen(
        "name = \"integration: an",
        "name = \"\\u001b[2J an",
        1,
    );
    assert!(steering.contains("u001b"), "an example's name is changed");
    std::fs::write(&wrong, steering).expect("a file");
    let ended = stakeout(&["test", &text(&wrong), "--format", "human"]);
    assert!(ended.stdout.contains(r"FAILED `\u{1b}[2J"), "{ended:?}");
}

#[test]
fn explain_without_a_cluster_takes_the_types_of_ecs() {
    let ended = stakeout(&["explain", RULE_ID, "--offline", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = ended.line();
    let keys: Vec<&str> = line.as_object().expect("an object").keys().map(String::as_str).collect();
    let contract = [
        "rule_id",
        "indices",
        "query",
        "residual",
        "fidelity",
        "time_field",
        "fallback_time_field",
        "overlap_s",
        "identity",
    ];
    assert_eq!(keys, contract);
    assert!(line["query"].to_string().contains(r#""wildcard":{"user.id":{"value":"*:i-*"}}"#), "{line}");
}

#[test]
fn setup_prints_everything_as_files() {
    let folder = folder();
    let target = folder.path().join("out");
    let ended = stakeout(&["setup", "--print", &text(&target), "--alerts-index", "my-alerts"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (name, words) in [
        ("index-template.json", "my-alerts-0*"),
        ("alerts-index.json", "my-alerts"),
        ("state-index.json", "done_until"),
        ("role.json", "my-alerts*"),
        ("api-key.json", "my-alerts*"),
        ("setup-role.json", "my-alerts*"),
    ] {
        let body = std::fs::read_to_string(target.join(name)).expect(name);
        assert!(body.contains(words), "{name}: {body}");
        serde_json::from_str::<Value>(&body).expect(name);
    }
    let requests: Vec<String> =
        ended.stdout.lines().map(|line| line.replace(&text(&target), "DIR")).collect();
    let expected = [
        "PUT /_index_template/my-alerts  DIR/index-template.json",
        "PUT /my-alerts-000001  DIR/alerts-index.json",
        "PUT /my-alerts-state  DIR/state-index.json",
        "PUT /_security/role/stakeout  DIR/role.json",
        "POST /_security/api_key  DIR/api-key.json",
        "PUT /_security/role/stakeout-setup  DIR/setup-role.json",
        "POST /api/saved_objects/_import?overwrite=true  DIR/kibana.ndjson",
    ];
    assert_eq!(requests, expected);
    let lines = std::fs::read_to_string(target.join("kibana.ndjson")).expect("Kibana's objects");
    assert_eq!(lines.lines().count(), 3);
    for line in lines.lines() {
        let object = serde_json::from_str::<Value>(line).expect("JSON");
        assert!(
            object["id"].as_str().is_some_and(|id| id.starts_with("stakeout.default.my-alerts.")),
            "{line}"
        );
    }
}

#[test]
fn a_schedule_that_names_no_rule_or_leaves_none_is_refused() {
    let folder = folder();
    let settings = folder.path().join("stakeout.toml");
    for (text, words) in [
        (
            "\"nobody\" = \"1m\"\n\"none\" = \"off\"",
            ["`schedule` names `nobody`, which is no rule", "`schedule` names `none`"],
        ),
        ("\"*\" = \"off\"", ["switches every rule off", "one at least"]),
    ] {
        std::fs::write(&settings, format!("[schedule]\n{text}\n")).expect("a file");
        let ended = stakeout(&["check", "--config", &settings.display().to_string()]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(words.iter().all(|words| ended.stderr.contains(words)), "{words:?}: {ended:?}");
    }
}

#[test]
fn setup_prints_the_role_of_the_rules_that_it_is_given() {
    let folder = folder();
    let rule = support::story::rule_over(folder.path(), &["mine-*", "far:logs-*"], "now-6m", "5m");
    let target = folder.path().join("out");
    let ended = stakeout(&["setup", "--print", &text(&target), "--rules", &text(&rule)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed = std::fs::read_to_string(target.join("role.json")).expect("the role");
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert!(
        printed["indices"][0]["names"].as_array().is_some_and(|names| names.contains(&"mine-*".into())),
        "{printed}"
    );
    assert_eq!(printed["remote_indices"][0]["names"], serde_json::json!(["logs-*"]));
    assert!(!printed.to_string().contains("filebeat"), "{printed}");
    let broken = stakeout(&["setup", "--print", &text(&target), "--rules", "/nonexistent"]);
    assert_eq!(broken.code, Some(2), "{broken:?}");
}

#[test]
fn setup_grants_what_copies_among_kibanas_alerts_need_only_where_they_are_wished_for() {
    let folder = folder();
    let target = folder.path().join("out");
    let print = |more: &[&str]| {
        assert_eq!(stakeout(&[&["setup", "--print", &text(&target)], more].concat()).code, Some(0));
        [("role.json", "/indices"), ("api-key.json", "/role_descriptors/stakeout/indices")].map(
            |(name, at)| {
                let body = std::fs::read_to_string(target.join(name)).expect(name);
                let body: Value = serde_json::from_str(&body).expect(name);
                body.pointer(at).expect(at).as_array().expect(at).clone()
            },
        )
    };
    let without = print(&[]);
    let with = print(&["--security-alerts", "--kibana-space", "team"]);
    let copies = json!({"names": [".alerts-security.alerts-team"], "privileges": ["read", "create_doc"]});
    for (without, mut with) in without.into_iter().zip(with) {
        assert_eq!(with.iter().filter(|one| **one == copies).count(), 1, "{with:?}");
        with.retain(|one| *one != copies);
        assert_eq!(with, without);
    }
}

#[test]
fn setup_puts_the_space_into_the_ids_and_refuses_what_is_none() {
    let folder = folder();
    let target = text(&folder.path().join("out"));
    let print = |more: &[&str]| stakeout(&[&["setup", "--print", &target], more].concat());
    for more in [&["--kibana-space", "team"][..], &["--kibana-url", "https://kibana/base/s/team"]] {
        let ended = print(more);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("POST /s/team/api/saved_objects/_import"), "{ended:?}");
        let lines =
            std::fs::read_to_string(folder.path().join("out/kibana.ndjson")).expect("Kibana's objects");
        assert!(lines.contains(r#""id":"stakeout.team.stakeout-alerts.dashboard""#), "{more:?}: {lines}");
    }
    for (more, words) in [
        (&["--kibana-space", "My Team"][..], "`My Team`"),
        (&["--kibana-url", "kibana"], "expected Kibana's address"),
        (&["--kibana-url", "https://k/s/one", "--kibana-space", "two"], "two spaces"),
    ] {
        let ended = print(more);
        assert_eq!((ended.code, ended.stderr.contains(words)), (Some(2), true), "{ended:?}");
    }
}

#[test]
fn the_lines_of_a_run_have_the_names_of_the_contract() {
    let folder = folder();
    let line = backfill_samples(&folder.path().join("alerts.ndjson"), &[]).line();
    let keys: Vec<&str> = line.as_object().expect("an object").keys().map(String::as_str).collect();
    let contract = [
        "rule_id",
        "name",
        "from",
        "to",
        "windows",
        "matches",
        "alerts_created",
        "alerts_existing",
        "repeated",
        "alerts_rejected",
        "late",
        "owed",
        "took_ms",
    ];
    assert_eq!(keys, contract);
    assert_eq!(
        (&line["from"], &line["to"]),
        (&"2026-11-20T00:00:00Z".into(), &"2026-11-20T23:59:59.999Z".into())
    );
}

#[test]
fn a_backfill_leaves_a_report_of_every_match() {
    let folder = folder();
    let (alerts, report) = (folder.path().join("alerts.ndjson"), folder.path().join("report.html"));
    let wanted = ["--report", &text(&report), "--format", "human"];
    for (times, standing) in [("first", ">new<"), ("again", ">alerted before<")] {
        let ended = backfill_samples(&alerts, &wanted);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let page = std::fs::read_to_string(&report).expect("the report");
        assert_eq!(page.matches("<details class=\"alert\"").count(), 2, "{times}");
        assert_eq!(page.matches(standing).count(), 2, "{times}");
        assert!(
            page.contains("<h1><bdi>Backfill of 2026-11-20 00:00 to 2026-11-20 23:59 UTC</bdi></h1>"),
            "{page}"
        );
        assert!(page.contains("GetSigninToken") && page.contains("Possible investigation steps"), "{times}");
        assert_eq!(ended.stdout.contains("ConsoleLogin by shop-web from 203.0.113.77"), times == "first");
    }
    let names = std::fs::read_dir(folder.path()).expect("the folder");
    let unfinished = |name: &str| name.ends_with(".unfinished");
    assert!(!names.filter_map(Result::ok).any(|one| unfinished(&one.file_name().to_string_lossy())));
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_runs() {
    let folder = folder();
    let alerts = folder.path().join("alerts.ndjson");
    let nowhere = text(&folder.path().join("no/report.html"));
    for path in [nowhere.as_str(), SAMPLES] {
        let ended = backfill_samples(&alerts, &["--report", path]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(path), "{ended:?}");
        assert_eq!(stakeout(&["scan", SAMPLES, "--report", path]).code, Some(2));
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is made");
    let daemon = stakeout(&["run", "--events", SAMPLES, "--alerts", &text(&alerts), "--report", "r.html"]);
    assert_eq!(daemon.code, Some(2), "{daemon:?}");
    assert!(daemon.stderr.contains("`--once`"), "{daemon:?}");
}

#[test]
fn a_report_takes_the_place_of_nothing_but_a_report() {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    std::fs::create_dir(place("events")).expect("a folder");
    let input = place("events/input.ndjson");
    for (path, content) in [(&input, "{}\n"), (&place("rule.toml"), RULE), (&place("notes.txt"), "mine")] {
        std::fs::write(path, content).expect("a file");
    }
    let (alerts, events, rule) =
        (text(&place("alerts.ndjson")), text(&place("events")), text(&place("rule.toml")));
    let taken = [
        "alerts.ndjson",
        "alerts.ndjson.lock",
        "events/new.html",
        "events/input.ndjson",
        "rule.toml",
        "notes.txt",
    ];
    for report in taken.map(|name| text(&place(name))) {
        for command in [&["run", "--backfill", "1h"][..], &["audit", "1h"]] {
            let places = ["--events", &events, "--alerts", &alerts, "--rules", &rule, "--report", &report];
            let ended = stakeout(&[command, &places].concat());
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
            assert!(ended.stderr.contains(&report), "{ended:?}");
        }
        if !report.contains("alerts") {
            assert_eq!(stakeout(&["scan", &events, "--report", &report]).code, Some(2), "{report}");
        }
    }
    assert_eq!(std::fs::read_to_string(place("notes.txt")).expect("it is there"), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 3, "nothing is made");
}

#[test]
fn guides_are_printed_on_request_and_once() {
    let folder = folder();
    let alerts = folder.path().join("alerts.ndjson");
    let dry = backfill_samples(&alerts, &["--dry-run", "--guide", "--format", "human"]);
    let scan = stakeout(&["scan", SAMPLES, "--guide", "--format", "human"]);
    for ended in [dry, scan] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout.matches("Possible investigation steps").count(), 1, "{ended:?}");
        assert!(ended.stdout.contains("HIGH      2026-11-20 09:44:50Z"), "{ended:?}");
    }
    let plain = stakeout(&["scan", SAMPLES, "--format", "human"]);
    assert!(!plain.stdout.contains("Possible investigation steps"), "{plain:?}");
}

#[test]
fn a_scan_leaves_a_report_of_rules_or_of_a_query() {
    let folder = folder();
    let report = text(&folder.path().join("report.html"));
    let found = |arguments: &[&str]| {
        let ended = stakeout(&[&["scan", SAMPLES, "--report", &report], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let page = std::fs::read_to_string(&report).expect("the report");
        (page.matches("<details class=\"alert\"").count(), page.contains("id=\"guides\""))
    };
    assert_eq!(found(&[]), (2, true), "two documents of one finding are one");
    assert_eq!(found(&["--eql", "any where event.action == \"ConsoleLogin\" | head 1"]), (1, false));
}

#[test]
fn scan_finds_matches_of_rules_and_of_a_query() {
    let rules = stakeout(&["scan", SAMPLES]);
    assert_eq!((rules.code, rules.lines().len()), (Some(0), 3), "{rules:?}");
    assert!(rules.stderr.contains("39 events, 3 matches, 0 not read"), "{rules:?}");
    let first = &rules.lines()[0];
    let keys: Vec<&str> = first.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["rule_id", "rule", "path", "line", "event"]);
    assert_eq!(first["rule_id"], RULE_ID);
    let trail = format!("{SAMPLES}/cloudtrail.json");
    let records = stakeout(&["scan", "--eql", "any where true", &trail]).lines();
    let place = (&records[7]["line"], &records[7]["record"]);
    assert_eq!(place, (&1.into(), &"8".into()), "all of them are on one line");
    let shown = stakeout(&["scan", "--eql", "any where true", &trail, "--format", "human"]).stdout;
    assert!(shown.contains("cloudtrail.json:1 (record 8): any where true: {"), "{shown}");

    let logins = r#"any where event.action == "ConsoleLogin" and event.outcome == "failure""#;
    let query = stakeout(&["scan", "--eql", logins, SAMPLES]);
    assert!(query.code == Some(0) && !query.lines().is_empty(), "{query:?}");
    assert!(query.lines().iter().all(|line| line["rule_id"].is_null() && line["rule"] == logins));
    let category =
        stakeout(&["scan", "--eql", "info where true", "--event-category-field", "event.type", SAMPLES]);
    let newest = stakeout(&["scan", "--eql", "any where true | tail 2", SAMPLES]);
    assert!(category.lines().len() > 20, "{category:?}");
    assert_eq!(newest.lines().len(), 2, "{newest:?}");
}

#[test]
fn half_a_surrogate_pair_hides_no_event_from_scan_and_run() {
    let folder = folder();
    let (events, alerts) = (folder.path().join("events"), folder.path().join("alerts.ndjson"));
    std::fs::create_dir(&events).expect("a folder");
    for name in ["cloudtrail.json", "filebeat.ndjson", "integration.ndjson"] {
        let mut sample = std::fs::read_to_string(Path::new(SAMPLES).join(name)).expect("a sample");
        for agent in [
            r#""userAgent":""#,
            r#""userAgent": ""#,
            r#""user_agent.original":""#,
            r#""user_agent":{"original":""#,
        ] {
            sample = sample.replace(agent, &format!("{agent}\\ud800"));
        }
        std::fs::write(events.join(name), sample).expect("a file");
    }
    let (events, alerts) = (text(&events), text(&alerts));
    let scan = stakeout(&["scan", &events]);
    assert_eq!((scan.code, scan.lines().len()), (Some(0), 3), "{scan:?}");
    assert!(scan.stderr.contains("39 events, 3 matches, 0 not read"), "{scan:?}");
    let run = stakeout(&["run", "--backfill", "2026-11-20", "--events", &events, "--alerts", &alerts]);
    assert_eq!((run.code, &run.line()["matches"]), (Some(0), &3.into()), "{run:?}");
    let written = std::fs::read_to_string(&alerts).expect("alerts");
    assert!(
        written.lines().count() == 2 && written.lines().all(|line| line.contains('\u{fffd}')),
        "{written}"
    );
    for said in [&scan.stderr, &run.stderr] {
        assert_eq!(said.matches("is no proper JSON and was read with replacements").count(), 3, "{said}");
    }
}

#[test]
fn a_mistyped_field_and_a_rule_without_examples_are_not_passed_over() {
    let folder = folder();
    let said = |query: &str, path: &str| stakeout(&["scan", "--eql", query, path]).stderr;
    let mistyped = said(r#"any where event.acton == "ConsoleLogin""#, SAMPLES);
    assert!(
        mistyped.contains("warning: `event.acton` is in no mapping or ECS, nor in the events"),
        "{mistyped}"
    );
    assert!(mistyped.contains("did you mean `event.action`?"), "{mistyped}");
    for known in [
        r#"any where event.action == "nothing""#,
        r#"any where aws.cloudtrail.user_identity.type == "nothing""#,
        r#"any where ?event.acton == "nothing""#,
    ] {
        assert!(!said(known, SAMPLES).contains("warning"), "{known}");
    }
    let (start, _) = RULE.split_once("[[stakeout.examples]]").expect("examples");
    let bare = folder.path().join("bare.toml");
    std::fs::write(&bare, start).expect("a file");
    let ended = stakeout(&["test", &text(&bare)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("has no examples to be tried") && ended.stderr.contains("1 rule, 0 examples"),
        "{ended:?}"
    );
}

#[test]
fn rules_are_named_alike_and_only_errors_are_said_where_nothing_else_is_wanted() {
    let name = "AWS EC2 Instance Console Login via Assumed Role";
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/queries/lateral_movement_ec2_instance_console_login.toml");
    let all = stakeout(&["test"]).stdout;
    for rule in [RULE_ID, name, file] {
        for command in [&["test"][..], &["explain", "--offline"]] {
            assert_eq!(stakeout(&[command, &[rule]].concat()).code, Some(0), "{command:?} {rule}");
        }
        assert_eq!(stakeout(&["test", rule]).stdout, all);
    }
    let unknown = stakeout(&["test", "no such rule"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("`no such rule` is neither a file nor a built-in rule"), "{unknown:?}");
    let folder = folder();
    std::fs::write(folder.path().join("text"), "not JSON").expect("a file");
    let broken = text(folder.path());
    for (command, errors) in [
        (&["test"][..], ""),
        (&["scan", SAMPLES], ""),
        (&["scan", &broken], "error: 1 line or file could not be read\n"),
    ] {
        let quiet = stakeout(&[command, &["--quiet"]].concat());
        let plain = stakeout(command);
        assert_eq!((quiet.stderr.as_str(), quiet.code), (errors, plain.code), "{quiet:?}");
        assert!(plain.stderr.len() > errors.len(), "{plain:?}");
    }
}

#[test]
fn scan_takes_the_types_of_a_mapping() {
    let folder = folder();
    let (events, mapping) = (folder.path().join("events.ndjson"), folder.path().join("mapping.json"));
    std::fs::write(&events, r#"{"net": {"peer": "10.1.2.3"}}"#).expect("a file");
    std::fs::write(&mapping, r#"{"properties": {"net": {"properties": {"peer": {"type": "ip"}}}}}"#)
        .expect("a file");
    let (events, mapping) = (text(&events), text(&mapping));
    let in_block = r#"any where net.peer == "10.0.0.0/8""#;
    assert_eq!(stakeout(&["scan", "--eql", in_block, &events]).lines().len(), 0, "a keyword");
    assert_eq!(
        stakeout(&["scan", "--eql", in_block, "--mapping", &mapping, &events]).lines().len(),
        1,
        "an address"
    );
}

#[test]
fn scan_refuses_a_wrong_query_and_counts_what_it_cannot_read() {
    let wrong = stakeout(&["scan", "--eql", "any where a = 1", SAMPLES]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{wrong:?}");
    assert!(wrong.stderr.contains("--eql:1:13") && wrong.stderr.contains("=="), "{wrong:?}");
    let folder = folder();
    let path = folder.path().join("mixed.ndjson");
    std::fs::write(&path, "{\"a\": 1}\nnot JSON\n[1]\n{\"a\": 1}\n").expect("a file");
    let mixed = stakeout(&["scan", "--eql", "any where a == 1", &text(&path)]);
    assert_eq!((mixed.code, mixed.lines().len()), (Some(1), 2), "{mixed:?}");
    assert!(
        mixed.stderr.contains("mixed.ndjson:2") && mixed.stderr.contains("2 events, 2 matches"),
        "{mixed:?}"
    );
    assert_eq!(stakeout(&["scan", "--eql", "any where true", "/nowhere"]).code, Some(1));
}

#[test]
fn every_command_is_completed_and_in_the_manual() {
    let manual = stakeout(&["man"]);
    assert_eq!(manual.code, Some(0), "{manual:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = stakeout(&["completions", shell]);
        assert_eq!(completions.code, Some(0), "{completions:?}");
        for command in ["run", "audit", "check", "explain", "health", "scan", "test", "setup"] {
            assert!(completions.stdout.contains(command), "{shell}: {command}");
            assert!(manual.stdout.contains(&format!("stakeout-{command}")), "{command}");
        }
    }
}

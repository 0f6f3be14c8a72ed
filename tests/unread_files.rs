//! What cannot be read of files is never called complete: lines, exit status and report of `run`, `audit` and `scan` agree.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use support::program::{Ended, Running, stakeout};
use support::story::{Shape, SignIn, seconds_ago};
use support::until;
use tempfile::TempDir;

/// A folder of events with alerts and a report beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("events")).expect("a folder for events");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn add(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path("events").join(name), bytes).expect("a file of events");
    }

    /// Runs a command over the events, with a report.
    fn command(&self, command: &[&str]) -> Ended {
        let shown = |name: &str| self.path(name).display().to_string();
        let (events, alerts, report) = (shown("events"), shown("alerts.ndjson"), shown("report.html"));
        let places = match command[0] {
            "scan" => vec![events.as_str()],
            _ => vec!["--events", &events, "--alerts", &alerts],
        };
        stakeout(&[command, &places, &["--report", &report]].concat())
    }

    fn report(&self) -> String {
        fs::read_to_string(self.path("report.html")).expect("the report")
    }
}

/// A match, as a line.
fn sign_in(id: &str) -> Value {
    SignIn::new(id, seconds_ago(60)).document(Shape::Integration)
}

#[test]
fn lines_and_files_that_are_no_events_leave_a_run_incomplete() {
    let place = Place::new();
    place.add("good.ndjson", sign_in("good").to_string());
    place.add("text.ndjson", "not JSON\n{\"a\":\n");
    place.add("binary.ndjson", b"\x00\x01\x02\x03");
    for command in [&["run", "--once"][..], &["run", "--backfill", "1h"]] {
        let ended = place.command(command);
        assert_eq!((ended.code, &ended.line()["unreadable"]), (Some(1), &json!(3)), "{ended:?}");
        assert!(ended.stderr.contains("3 lines or files could not be read"), "{ended:?}");
        assert!(place.report().contains("Incomplete.") && !place.report().contains("Complete."));
        let quiet = place.command(&[command, &["--quiet", "--format", "human"]].concat());
        assert!(quiet.stderr.contains("3 lines or files could not be read"), "{quiet:?}");
        let line = quiet.stdout.replace("\n  ", " ");
        assert!(line.contains("3 lines or files could not be read"), "{quiet:?}");
    }
    let audit = place.command(&["audit", "1h"]);
    assert_eq!((audit.code, &audit.line()["unreadable"]), (Some(1), &json!(3)), "{audit:?}");
    assert_eq!(audit.line()["incomplete"][0]["reason"], "3 lines or files could not be read");
    assert!(place.report().contains("Incomplete."));
    let scan = place.command(&["scan"]);
    assert_eq!(scan.code, Some(1), "{scan:?}");
    assert!(place.report().contains("3 lines or files could not be read"));
}

#[test]
fn a_match_whose_time_cannot_be_read_is_no_clean_end() {
    let place = Place::new();
    let mut event = sign_in("timeless");
    event["@timestamp"] = json!("yesterday");
    event["event"]["ingested"] = json!("soon");
    place.add("events.ndjson", event.to_string());
    for command in [&["run", "--once"][..], &["run", "--backfill", "1h"], &["audit", "1h"]] {
        let ended = place.command(command);
        let line = ended.line();
        assert_eq!((ended.code, &line["matches"], &line["without_time"]), (Some(1), &json!(0), &json!(1)));
        assert!(ended.stderr.contains("1 match had no readable time"), "{ended:?}");
        assert!(place.report().contains("Incomplete."), "{command:?}");
    }
}

#[test]
fn a_place_without_events_is_no_clean_result() {
    let place = Place::new();
    place.add("empty.ndjson", "");
    let events = place.path("events").display().to_string();
    for command in [&["run", "--once"][..], &["run", "--backfill", "1h"], &["audit", "1h"], &["scan"]] {
        let ended = place.command(command);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains(&format!("warning: no event was found in `{events}`")), "{ended:?}");
        let page = place.report();
        assert!(page.contains("Nothing was read.") && !page.contains("Complete."), "{command:?}");
    }
    let mut scan = support::stakeout()
        .args(["scan", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    scan.stdin.take().expect("its stdin").write_all(b"[]").expect("it reads");
    let said = String::from_utf8(scan.wait_with_output().expect("own child").stderr).expect("UTF-8");
    assert!(said.contains("warning: no event was found in standard input"), "{said}");

    place.add("one.ndjson", sign_in("one").to_string());
    for command in [&["run", "--once"][..], &["audit", "1h"], &["scan"]] {
        let ended = place.command(command);
        assert!(!ended.stderr.contains("no event was found"), "{ended:?}");
        let page = place.report();
        assert!(
            page.contains("<b>1</b><span>Event read</span>")
                && page.contains("<b>2</b><span>Files read</span>"),
            "{page}"
        );
    }
}

#[test]
fn whole_files_have_no_such_keys() {
    let place = Place::new();
    place.add("good.ndjson", sign_in("good").to_string());
    for command in [&["run", "--backfill", "1h"][..], &["audit", "1h"]] {
        let ended = place.command(command);
        let line = ended.line();
        assert_eq!((ended.code, line.get("unreadable"), line.get("without_time")), (Some(0), None, None));
        assert!(place.report().contains("Complete."), "{command:?}");
    }
}

#[test]
fn a_daemon_goes_on_over_what_it_cannot_read() {
    let place = Place::new();
    place.add("text.ndjson", "not JSON\n");
    let rule = support::story::rule_over(place.0.path(), &["logs-*"], "now-1h", "1s");
    let shown = |path: &Path| path.display().to_string();
    let (rule, events, alerts) =
        (shown(&rule), shown(&place.path("events")), shown(&place.path("alerts.ndjson")));
    let mut daemon =
        Running::start(place.0.path(), &["run", "--rules", &rule, "--events", &events, "--alerts", &alerts]);
    let done_until = || {
        let state = fs::read_to_string(place.path("alerts.ndjson.state.json")).unwrap_or_default();
        let state: Value = serde_json::from_str(&state).unwrap_or_default();
        let cursor = state.to_string();
        assert!(!cursor.contains("could not be read"), "nothing is owed: {cursor}");
        cursor
    };
    until(Duration::from_mins(1), "the first checkpoint", || done_until() != "null");
    let first = done_until();
    until(Duration::from_mins(1), "a later checkpoint", || done_until() != first);
    place.add("good.ndjson", sign_in("good").to_string() + "\n");
    let alerted = || fs::read_to_string(place.path("alerts.ndjson")).unwrap_or_default().lines().count();
    until(Duration::from_mins(1), "the alert", || alerted() == 1);
    assert_eq!(daemon.end("TERM").code(), Some(0), "{}", daemon.said());
}

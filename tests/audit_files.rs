//! `audit` without a cluster: over files, and as a command.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use support::program::{Ended, Running, stakeout};
use support::until;
use tempfile::TempDir;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events/instance-sign-in");
const DAY: &str = "2026-11-20";

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let alerts = folder.path().join("alerts.ndjson");
    (folder, alerts)
}

fn on_files(command: &[&str], alerts: &Path) -> Ended {
    let alerts = alerts.display().to_string();
    stakeout(&[command, &["--events", SAMPLES, "--alerts", &alerts]].concat())
}

fn audit(alerts: &Path) -> Ended {
    on_files(&["audit", DAY], alerts)
}

#[test]
fn lost_lines_are_named_and_repaired() {
    let (folder, alerts) = place();
    let nothing = audit(&alerts);
    assert_eq!((nothing.code, nothing.lines().len()), (Some(1), 3), "{nothing:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "an audit makes no file");
    assert_eq!(on_files(&["run", "--backfill", DAY], &alerts).code, Some(0));
    let clean = audit(&alerts);
    assert_eq!((clean.code, &clean.line()["alerts_existing"]), (Some(0), &json!(3)), "{clean:?}");

    let whole = fs::read_to_string(&alerts).expect("the alerts");
    let second = whole.lines().nth(1).expect("a second alert");
    let half = &second[..second.len() / 2];
    let first = whole.lines().next().expect("a first alert");
    fs::write(&alerts, format!("{first}\n{half}")).expect("a file that a crash cut off");
    let lost = audit(&alerts);
    assert_eq!((lost.code, lost.lines().len()), (Some(1), 2), "{lost:?}");
    let named = lost.lines().remove(0);
    assert!(second.contains(named["alert_id"].as_str().expect("an id")), "{named}");
    assert!(named["index"].as_str().is_some_and(|path| path.contains("instance-sign-in")), "{named}");
    assert_eq!(
        fs::read_to_string(&alerts).expect("the alerts"),
        format!("{first}\n{half}"),
        "left as it was"
    );

    let repaired = on_files(&["audit", DAY, "--repair"], &alerts);
    assert_eq!((repaired.code, &repaired.lines()[0]["repaired"]), (Some(0), &json!(true)), "{repaired:?}");
    assert_eq!(fs::read_to_string(&alerts).expect("the alerts").lines().count(), 2);
    assert_eq!(audit(&alerts).code, Some(0));
}

#[test]
fn a_report_shows_what_is_missing_and_what_was_repaired() {
    let (folder, alerts) = place();
    let report = folder.path().join("report.html");
    let path = report.display().to_string();
    let page = |command: &[&str]| {
        on_files(&[command, &["--report", &path, "--format", "human"]].concat(), &alerts);
        let page = fs::read_to_string(&report).expect("the report");
        let chips = |word: &str| page.matches(&format!("<span class=\"chip\">{word}</span>")).count();
        assert!(page.contains("Audit of 2026-11-20") && page.contains("<b>Complete.</b>"), "{page}");
        (chips("missing"), chips("new"), page)
    };
    let (missing, new, shown) = page(&["audit", DAY]);
    assert_eq!((missing, new), (2, 0));
    assert!(shown.contains("Before the first window") && shown.contains("GetSigninToken"));
    assert!(shown.contains("aws ec2 describe-instances"), "with its commands");
    let (missing, new, shown) = page(&["audit", DAY, "--repair"]);
    assert_eq!((missing, new), (0, 2));
    assert!(shown.contains("Written now"));
    let (missing, new, shown) = page(&["audit", DAY]);
    assert_eq!((missing, new), (0, 0));
    assert!(shown.contains("Nothing was found."));
}

#[test]
fn a_report_tells_what_could_not_be_compared() {
    let (folder, alerts) = place();
    let report = folder.path().join("report.html");
    let (path, report_path) = (alerts.display().to_string(), report.display().to_string());
    let ended =
        stakeout(&["audit", DAY, "--events", "/nowhere", "--alerts", &path, "--report", &report_path]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let page = fs::read_to_string(&report).expect("the report");
    assert!(page.contains("<b>Incomplete.</b>") && page.contains("/nowhere"), "{page}");
}

#[test]
fn a_file_in_use_can_be_audited_but_not_repaired() {
    let (folder, alerts) = place();
    let path = alerts.display().to_string();
    let _watching = Running::start(folder.path(), &["run", "--events", SAMPLES, "--alerts", &path]);
    let state = folder.path().join("alerts.ndjson.state.json");
    until(Duration::from_mins(1), "the daemon's first checkpoint", || state.exists());
    let audited = audit(&alerts);
    assert_eq!((audited.code, audited.lines().len()), (Some(1), 3), "{audited:?}");
    assert!(audited.lines().iter().take(2).all(|line| line["why"] == "before_first_window"), "{audited:?}");
    let refused = on_files(&["audit", DAY, "--repair"], &alerts);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.stderr.contains("in use"), "{refused:?}");
}

#[test]
fn a_file_that_cannot_be_read_leaves_the_audit_incomplete() {
    let (_folder, alerts) = place();
    let path = alerts.display().to_string();
    let ended = stakeout(&["audit", DAY, "--events", "/nowhere", "--alerts", &path]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let incomplete = &ended.line()["incomplete"];
    assert!(incomplete[0]["reason"].as_str().is_some_and(|reason| reason.contains("/nowhere")), "{ended:?}");
}

#[test]
fn no_node_at_all_is_incomplete_and_one_message() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    for more in [&[][..], &["--repair"]] {
        let ended = stakeout(&[&["audit", "1h", "--elasticsearch-url", &url], more].concat());
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{ended:?}");
        assert!(ended.stderr.contains(&url) && ended.stderr.contains("connection refused"), "{ended:?}");
        let line = ended.line();
        assert_eq!((&line["matches"], &line["windows"]), (&json!(0), &json!(0)));
        assert_eq!(
            (&line["incomplete"][0]["from"], &line["incomplete"][0]["to"]),
            (&line["from"], &line["to"])
        );
    }
}

#[test]
fn wrong_arguments_are_refused_and_nothing_is_made() {
    let (folder, alerts) = place();
    let path = alerts.display().to_string();
    for arguments in [
        &["audit"][..],
        &["audit", "yesterday"],
        &["audit", "1h..2h"],
        &["audit", "1h", "--rules", "/nowhere"],
        &["audit", "1h", "--alerts", &path],
        &["audit", "1h", "--alerts-index", "a", "--events", SAMPLES],
    ] {
        let ended = stakeout(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (folder, alerts) = place();
    let report = folder.path().join("report.html");
    let (path, report_path) = (alerts.display().to_string(), report.display().to_string());
    // A report is wanted all the same, and then the absence of alerts is still to be told.
    for (more, code) in [(&[][..], 0), (&["--report", &report_path], 1)] {
        let mut program = support::stakeout()
            .args(["audit", DAY, "--events", SAMPLES, "--alerts", &path])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(program.stdout.take());
        let output = program.wait_with_output().expect("own child");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.is_empty(), more.is_empty(), "{said}");
    }
    assert!(fs::read_to_string(&report).expect("the report").contains("<details class=\"alert\""));
}

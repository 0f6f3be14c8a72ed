//! Faults of files and disks in the mode without a cluster: whatever strikes, every match ends as exactly one alert.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::program::{Ended, Running};
use support::story::{Shape, SignIn, rule_over, seconds_ago};
use support::{stakeout, until};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(2);

/// Events in a folder, the rule and the alerts beside them.
struct Place {
    folder: TempDir,
    rule: PathBuf,
    written: usize,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("events")).expect("a folder for events");
        let rule = rule_over(folder.path(), &["logs-*"], "now-1h", "1s");
        Self { folder, rule, written: 0 }
    }

    /// The same rule, to which nothing but the document itself makes a finding.
    fn without_identity(self) -> Self {
        let text = std::fs::read_to_string(&self.rule).expect("the rule");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("identity = ")).collect();
        assert!(lines.len() < text.lines().count());
        std::fs::write(&self.rule, lines.join("\n")).expect("the rule");
        self
    }

    fn events(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    fn alerts_file(&self) -> PathBuf {
        self.folder.path().join("alerts.ndjson")
    }

    /// Lines of so many matches, each beside a near miss.
    fn lines(&mut self, matches: usize) -> String {
        let mut lines = String::new();
        for number in self.written..self.written + matches {
            let event = SignIn::new(format!("event-{number}"), seconds_ago(60));
            let miss = SignIn::new(format!("miss-{number}"), seconds_ago(60)).near_miss(number);
            for event in [event, miss] {
                writeln!(lines, "{}", event.document(Shape::Integration)).expect("a string takes every line");
            }
        }
        self.written += matches;
        lines
    }

    fn add(&mut self, file: &str, matches: usize) {
        let lines = self.lines(matches);
        append(&self.events().join(file), &lines);
    }

    fn arguments(&self) -> Vec<String> {
        let shown = |path: &Path| path.display().to_string();
        vec![
            "run".to_owned(),
            "--rules".to_owned(),
            shown(&self.rule),
            "--events".to_owned(),
            shown(&self.events()),
            "--alerts".to_owned(),
            shown(&self.alerts_file()),
        ]
    }

    fn once(&self) -> Ended {
        ended(stakeout().args(self.arguments()).arg("--once"))
    }

    fn daemon(&self) -> Running {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Running::start(self.folder.path(), &arguments)
    }

    /// How often each event was alerted on; a line cut off by a crash counts for nothing.
    fn alerted(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.alerts_file()).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for alert in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let id = alert["event"]["id"].as_str().expect("an event's id").to_owned();
            *counts.entry(id).or_default() += 1;
        }
        counts
    }

    /// Every match has exactly one alert, and nothing else has.
    fn is_true(&self) {
        let truth: BTreeMap<String, usize> =
            (0..self.written).map(|number| (format!("event-{number}"), 1)).collect();
        assert_eq!(self.alerted(), truth);
    }
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    let mut file =
        std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a file for events");
    file.write_all(text.as_bytes()).expect("events are written");
}

fn ended(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_disk_that_is_full_loses_nothing_and_repeats_nothing() {
    let mut place = Place::new();
    place.add("a.ndjson", 40);
    // The system lets no file grow beyond so many blocks of 512 bytes.
    for blocks in [0, 1, 100, 300] {
        let program = env!("CARGO_BIN_EXE_stakeout");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut full = Command::new("sh");
        full.args(["-c", &script, program]).args(place.arguments()).arg("--once");
        let full = ended(&mut full);
        assert_eq!(full.code, Some(1), "{blocks}: {full:?}");
        assert!(full.stderr.contains("File too large"), "it says why: {full:?}");
    }
    let free = place.once();
    assert_eq!(free.code, Some(0), "{free:?}");
    place.is_true();
}

#[test]
fn files_cut_off_by_a_crash_at_any_place() {
    let mut place = Place::new();
    place.add("a.ndjson", 3);
    assert_eq!(place.once().code, Some(0));
    place.is_true();
    let alerts = std::fs::read(place.alerts_file()).expect("the alerts");
    let state = place.folder.path().join("alerts.ndjson.state.json");
    let kept = std::fs::read(&state).expect("the state");
    for part in 1..8 {
        std::fs::write(place.alerts_file(), &alerts[..alerts.len() * part / 8]).expect("cut");
        std::fs::write(&state, &kept[..kept.len() * part / 8]).expect("cut");
        let once = place.once();
        assert_eq!(once.code, Some(0), "{once:?}");
        assert!(once.stderr.contains("holds no state"), "it says so: {once:?}");
        place.is_true();
    }
}

#[test]
fn a_killed_daemon_goes_on_where_it_was() {
    let mut place = Place::new();
    for number in 0..15 {
        place.add("a.ndjson", 20);
        let daemon = place.daemon();
        let wanted = place.alerted().len() + number;
        until(LIMIT, "some alerts", || place.alerted().len() >= wanted.min(place.written));
        daemon.kill9();
    }
    let once = place.once();
    assert_eq!(once.code, Some(0), "{once:?}");
    place.is_true();
}

#[test]
fn input_that_grows_is_replaced_rotated_and_unreadable() {
    let mut place = Place::new();
    place.add("a.ndjson", 2);
    let mut daemon = place.daemon();
    let all = |place: &Place| {
        until(LIMIT, "every alert", || place.alerted().len() >= place.written);
        place.is_true();
    };
    all(&place);
    // It grows, by half a line first.
    let lines = place.lines(2);
    let (half, rest) = lines.split_at(lines.len() / 3);
    append(&place.events().join("a.ndjson"), half);
    append(&place.events().join("a.ndjson"), rest);
    all(&place);
    // It is rotated and begun anew.
    std::fs::rename(place.events().join("a.ndjson"), place.events().join("a.ndjson.1")).expect("a rename");
    place.add("a.ndjson", 2);
    all(&place);
    // It is replaced by others of the same name, once what it held was read.
    let lines = place.lines(2);
    std::fs::write(place.events().join("a.ndjson"), lines).expect("a file of events");
    all(&place);
    // Something beside it is no file of events at all.
    std::fs::write(place.events().join("b.ndjson.gz"), b"\x1f\x8bbroken").expect("a file");
    place.add("c.ndjson", 2);
    all(&place);
    assert!(daemon.runs());
    assert_eq!(daemon.end("TERM").code(), Some(0), "{}", daemon.said());
    assert!(daemon.said().contains("b.ndjson.gz"), "{}", daemon.said());
}

#[test]
fn a_file_that_is_called_otherwise_holds_the_same_findings_and_one_of_its_name_others() {
    let mut place = Place::new().without_identity();
    place.add("a.ndjson", 3);
    let all = |place: &Place| {
        let once = place.once();
        assert_eq!(once.code, Some(0), "{once:?}");
        place.is_true();
    };
    all(&place);
    std::fs::rename(place.events().join("a.ndjson"), place.events().join("a.ndjson.1")).expect("a rename");
    // On the same lines of a file of the same name.
    place.add("a.ndjson", 2);
    all(&place);
    std::fs::rename(place.events(), place.folder.path().join("moved")).expect("a rename");
    std::fs::create_dir(place.events()).expect("a folder for events");
    std::fs::rename(place.folder.path().join("moved"), place.events().join("moved")).expect("a rename");
    all(&place);
}

#[test]
fn of_two_on_one_alert_file_the_second_refuses() {
    let mut place = Place::new();
    place.add("a.ndjson", 5);
    let mut daemon = place.daemon();
    until(LIMIT, "every alert", || place.alerted().len() == 5);
    let second = place.once();
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("is in use by another process"), "{second:?}");
    assert!(daemon.runs());
    place.add("a.ndjson", 5);
    until(LIMIT, "every alert", || place.alerted().len() == 10);
    place.is_true();
}

#[test]
fn a_key_that_stands_twice_counts_by_its_last_value_and_holds_nothing_back() {
    let mut place = Place::new();
    let line = place.lines(1);
    let (hit, miss) = line.trim_end().split_once('\n').expect("a match and a near miss");
    let twice = |line: &str, first: &str| format!("{{\"user\":{first},{}\n", &line[1..]);
    let text = twice(hit, "null") + &twice(miss, r#"{"id":"AROAEXAMPLE:i-0a1b2c3d"}"#);
    append(&place.events().join("twice.ndjson"), &text);
    place.add("more.ndjson", 3);
    let ended = place.once();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    place.is_true();
}

//! Rule files as people write them: what is broken is refused in words, what is right is read in full.
//!
//! Every `tests/rules/{broken,warned}/*.toml` has what a person sees of it beside it, in `*.expected`;
//! `UPDATE_EXPECTED=1` writes those anew, for review.

#![allow(clippy::disallowed_methods, reason = "the environment says whether to write expectations anew")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use stakeout::rule::triage::{Indices, QuestionKind};
use stakeout::rule::{self, Loaded, Rule, RuleErrors, RuleSeverity};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules").join(name)
}

/// The files of a folder that end in `.extension`, sorted.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).expect("a folder of test cases");
    let mut paths: Vec<_> = listing.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

/// Loads one file under its bare name, which is what the expectations show.
fn load_named(path: &Path) -> Result<Loaded, RuleErrors> {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let reading = rule::read(&name, &fs::read(path).expect("a file"));
    match reading.rule {
        Some(rule) => Ok(Loaded { rules: vec![rule], warnings: reading.reports, ..Loaded::default() }),
        None => Err(RuleErrors { reports: reading.reports }),
    }
}

/// Compares what a person sees of each file with what stands beside it.
fn compare(name: &str, shown: impl Fn(&Path) -> String) {
    let folder = folder(name);
    let mut expectations: BTreeSet<_> = files(&folder, "expected").into_iter().collect();
    let mut differences = Vec::new();
    for path in files(&folder, "toml") {
        let expectation = path.with_extension("expected");
        let found = shown(&path) + "\n";
        expectations.remove(&expectation);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expectation, &found).expect("a folder that can be written");
        } else if fs::read_to_string(&expectation).unwrap_or_default() != found {
            differences.push(format!("{}:\n{found}", expectation.display()));
        }
    }
    assert!(expectations.is_empty(), "no rule file belongs to {expectations:?}");
    assert!(differences.is_empty(), "shown otherwise than expected:\n{}", differences.join("\n"));
}

fn valid(name: &str) -> Rule {
    let mut loaded = rule::load(&[folder("valid").join(name)]).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.warnings, [], "{}", rule::render_all(&loaded.warnings, false));
    loaded.rules.remove(0)
}

#[test]
fn broken_files_are_refused_in_words() {
    assert!(files(&folder("broken"), "toml").len() >= 20);
    compare("broken", |path| match load_named(path) {
        Ok(_) => panic!("{} was accepted", path.display()),
        Err(errors) => errors.render(false),
    });
}

#[test]
fn what_is_not_applied_is_said() {
    compare("warned", |path| match load_named(path) {
        Ok(loaded) => rule::render_all(&loaded.warnings, false),
        Err(errors) => panic!("{errors}"),
    });
}

#[test]
fn valid_files_are_read_without_a_word() {
    let loaded = rule::load(&[folder("valid")]).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.warnings, [], "{}", rule::render_all(&loaded.warnings, false));
    assert_eq!(loaded.rules.len(), files(&folder("valid"), "toml").len());
}

#[test]
fn a_rule_is_read_in_full() {
    let rule = valid("instance_console_login.toml");
    assert_eq!(rule.rule_id, "d1e5e410-3e34-412e-9b1f-dd500b3b55cd");
    assert_eq!((rule.severity, rule.risk_score, rule.max_signals), (RuleSeverity::High, 73, 200));
    assert_eq!(rule.index, ["filebeat-*", "logs-aws.cloudtrail-*"]);
    assert_eq!(rule.category_field, "event.type");
    assert_eq!(rule.time.primary, "event.ingested");
    assert_eq!(rule.time.fallback.as_deref(), Some("@timestamp"));
    assert_eq!(rule.schedule.look_back, Duration::from_mins(6));
    assert_eq!(rule.schedule.interval, Duration::from_mins(5));
    assert_eq!(rule.schedule.overlap(), Duration::from_mins(1));
    assert_eq!((rule.version, rule.license.as_deref()), (Some(6), Some("Elastic License v2")));
    assert_eq!(rule.identity, ["event.id", "user.id"]);
    assert_eq!(rule.threat.len(), 2);
    assert_eq!(rule.threat[0].technique[0].subtechnique[0].id, "T1021.007");
    assert_eq!(rule.metadata["maturity"], "production");
}

#[test]
fn what_a_file_leaves_out_has_kibanas_defaults() {
    let rule = valid("minimal.toml");
    assert_eq!(rule.category_field, "event.category");
    assert_eq!((rule.time.primary.as_str(), rule.time.fallback.as_deref()), ("@timestamp", None));
    assert_eq!(rule.schedule.look_back, Duration::from_mins(6));
    assert_eq!(rule.schedule.interval, Duration::from_mins(5));
    assert_eq!(rule.max_signals, 100);
    assert!(rule.identity.is_empty() && rule.threat.is_empty() && rule.examples.is_empty());
}

#[test]
fn a_switched_off_fallback_is_obeyed() {
    let rule = valid("atlas.toml");
    assert_eq!((rule.time.primary.as_str(), rule.time.fallback), ("event.ingested", None));
}

#[test]
fn parameters_hold_every_key_as_written() {
    let rule = valid("instance_console_login.toml");
    let parameters = &rule.parameters;
    let keys: Vec<_> = parameters.keys().take(3).collect();
    assert_eq!(keys, ["author", "description", "event_category_override"]);
    assert_eq!(parameters["risk_score"], 73);
    assert_eq!(parameters["investigation_fields"], json!({"field_names": ["@timestamp", "user.id"]}));
    assert_eq!(parameters["threat"][0], serde_json::to_value(&rule.threat[0]).expect("JSON"));
    let note = rule.note.expect("a guide");
    assert!(note.contains("!{investigate{\"label\":\"Everything of this user\",\"providers\":[["), "{note}");
    assert_eq!(parameters["note"], note);
}

#[test]
fn examples_are_documents() {
    let rule = valid("instance_console_login.toml");
    let [first, second] = rule.examples.as_slice() else { panic!("{:?}", rule.examples) };
    assert!(first.matches && !second.matches);
    assert_eq!(
        serde_json::Value::Object(first.event.clone()),
        json!({
            "@timestamp": "2026-11-20T08:00:00Z",
            "event": {"type": ["info"], "provider": "signin.amazonaws.com"},
            "user.id": "AROAEXAMPLE:i-0a1b2c3d4e5f60001",
        })
    );
    assert_eq!(second.event["user"]["id"], "AROAEXAMPLE:jane");
}

#[test]
fn the_query_is_found_in_its_file() {
    let path = folder("valid").join("instance_console_login.toml");
    let text = fs::read_to_string(&path).expect("a file");
    let query = valid("instance_console_login.toml").query;
    assert!(text.contains(&query.text), "the query is not as written: {}", query.text);
    assert!(query.text.starts_with("info where "), "{}", query.text);
}

#[test]
fn triage_is_read_in_full() {
    let loaded =
        load_named(&folder("warned").join("every_key.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    let triage = &loaded.rules[0].triage;
    assert_eq!(triage.values[0].name, "role_id");
    let question = &triage.questions[0];
    assert_eq!((question.id.as_str(), question.kind), ("after_foothold", QuestionKind::Terms));
    assert_eq!((question.before.num_hours(), question.after.num_hours()), (0, 12));
    assert_eq!((&question.indices, question.field.as_deref()), (&Indices::Rule, Some("event.action")));
    assert_eq!(question.evidence[0].weight, 20);
    assert!(question.evidence[0].is_final);
    assert!(triage.scope.is_some());
    assert_eq!(triage.grades.all().len(), 3);
    assert_eq!(triage.expected[0].until.to_rfc3339(), "2026-11-22T00:00:00+00:00");
    assert_eq!(loaded.rules[0].building_block_type.as_deref(), Some("default"));
}

/// Pieces that mean something to TOML, to a rule or to a terminal, put anywhere.
const PIECES: &str = "[ ] [[ ]] { } = . , \" ' ''' \"\"\" \\ # rule nan 99999999999999999999 \n \r \t \0 \u{1b}[2J \u{202e} \u{feff} é";

fn mutated(text: &str, changes: &[(prop::sample::Index, usize, usize)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, piece) in changes {
        let at = at.index(bytes.len() + 1);
        let end = (at + length).min(bytes.len());
        let piece = PIECES.split(' ').nth(*piece).map_or(&b"\xff"[..], str::as_bytes);
        bytes.splice(at..end, piece.iter().copied());
    }
    bytes
}

proptest! {
    #[test]
    fn no_damage_to_a_file_panics_and_a_rule_comes_only_without_errors(
        warned in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, 0..=PIECES.split(' ').count()), 1..8),
    ) {
        let path = if warned { "warned/every_key.toml" } else { "valid/instance_console_login.toml" };
        let text = fs::read_to_string(folder(path)).expect("a file");
        let reading = rule::read("damaged.toml", &mutated(&text, &changes));
        let errors: usize = reading.reports.iter().map(rule::Report::errors).sum();
        prop_assert_eq!(reading.rule.is_some(), errors == 0);
        let shown = rule::render_all(&reading.reports, false);
        let raw = shown.chars().any(|c| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{feff}')));
        prop_assert!(!raw, "{}", shown.escape_debug());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let reading = rule::read("any.toml", &bytes);
        prop_assert!(reading.rule.is_none() && !reading.reports.is_empty());
        let _ = rule::render_all(&reading.reports, false);
    }

    #[test]
    fn an_unknown_key_is_named_wherever_it_stands(line in any::<prop::sample::Index>(), key in "zz[a-z]{1,8}") {
        let text = fs::read_to_string(folder("valid/minimal.toml")).expect("a file");
        let mut lines: Vec<_> = text.lines().collect();
        let added = format!("{key} = 1");
        lines.insert(line.index(lines.len() + 1), &added);
        let reading = rule::read("unknown.toml", lines.join("\n").as_bytes());
        prop_assert!(reading.rule.is_none());
        let named = rule::render_all(&reading.reports, false).contains(&format!("unknown key `{key}`"));
        prop_assert!(named);
    }

    #[test]
    fn a_line_left_out_never_goes_unnoticed(line in 0..10_usize) {
        let text = fs::read_to_string(folder("valid/minimal.toml")).expect("a file");
        let kept: Vec<_> = text.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, line)| line).collect();
        prop_assert!(rule::read("shorter.toml", kept.join("\n").as_bytes()).rule.is_none());
    }
}

#[test]
fn every_kind_of_problem_is_shown_by_a_file() {
    // These need a file system or a second file; the loader's own tests show them.
    let elsewhere = ["R101", "R103", "R205"];
    let folders = [folder("broken"), folder("warned")];
    let expectations = folders.iter().flat_map(|folder| files(folder, "expected"));
    let shown: String = expectations.map(|path| fs::read_to_string(path).expect("a file")).collect();
    let kinds = stakeout::diagnostic::ALL.iter().map(|code| code.id).filter(|id| id.starts_with('R'));
    for id in kinds.filter(|id| !elsewhere.contains(id)) {
        assert!(shown.contains(&format!("[{id}]")), "no file shows {id}");
    }
}

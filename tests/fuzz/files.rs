//! Any rule file, file of what is expected, or file of settings is read, or refused in words at places that it has.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use boon::{Compiler, Schemas};
use serde_json::Value;
use stakeout::cli::check_settings;
use stakeout::rule::triage::read_expected;
use stakeout::rule::{self, Report};

use super::mutate::mutated_structure;
use super::run::fuzz;
use super::said::{assert_is_a_line, assert_is_printable};

/// Rule files that are right and that are wrong.
fn rules() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let files = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).expect("a folder");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
        paths.sort();
        paths
    };
    let (right, wrong) = (files("valid"), files("broken"));
    // Those that are right are few, and worth as much as the others together.
    let again = wrong.len() / right.len() + 1;
    let paths = right.into_iter().flat_map(|path| std::iter::repeat_n(path, again)).chain(wrong);
    let paths = paths.chain(files("warned"));
    paths.map(|path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()).collect()
}

#[track_caller]
fn assert_are_right(reports: &[Report], is_read: bool) {
    assert_eq!(reports.iter().all(|report| report.errors() == 0), is_read);
    for report in reports {
        for problem in &report.problems {
            assert!(problem.span.start <= problem.span.end, "{problem:?}");
            assert!(report.text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
        }
    }
    assert_is_printable(&rule::render_all(reports, false));
}

#[test]
fn any_rule_file_is_read_or_refused_and_the_schema_accepts_what_is_read() {
    let rules = rules();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("rule.json", rule::json_schema()).expect("a schema");
    let schema = compiler.compile("rule.json", &mut schemas).expect("a schema");
    let read = Cell::new(0);
    let tried = fuzz(
        400,
        |random| mutated_structure(&rules, random),
        |text| {
            let reading = rule::read("fuzzed", text.as_bytes());
            assert_are_right(&reading.reports, reading.rule.is_some());
            if reading.rule.is_some() {
                read.set(read.get() + 1);
                let document = Value::Object(reading.file.root.to_json());
                schemas.validate(&document, schema).unwrap_or_else(|error| panic!("{error}"));
            }
        },
    );
    assert!(read.get() * 20 > tried, "only {} of {tried} rules could be read", read.get());
}

#[test]
fn any_file_of_what_is_expected_is_read_or_refused() {
    let right = concat!(
        "[[stakeout.expected]]\nwhere = 'source.ip == \"198.51.100.200\"'\n",
        "from = 2026-11-20T08:00:00Z\nuntil = \"2026-11-21\"\nreason = \"RT-11\"\n"
    );
    let texts = [right.to_owned(), right.repeat(2), "[stakeout]\nexpected = []\n".to_owned()];
    let read = Cell::new(0);
    let tried = fuzz(
        600,
        |random| mutated_structure(&texts, random),
        |text| match read_expected("fuzzed", text.as_bytes()) {
            Ok(expected) => {
                read.set(read.get() + 1);
                assert!(expected.iter().all(|one| one.from < one.until && !one.reason.trim().is_empty()));
            }
            Err(errors) => assert_are_right(&errors.reports, false),
        },
    );
    assert!(read.get() * 20 > tried, "only {} of {tried} files could be read", read.get());
}

#[test]
fn any_file_of_settings_is_taken_or_refused_and_no_value_is_shown() {
    const SECRET: &str = "hunter2";
    let reference = include_str!("../../docker/stakeout.toml").to_owned();
    let secrets = format!(
        "[elasticsearch]\napi_key = \"{SECRET}\"\npassword = '{SECRET}'\n[kibana]\nurl = \"{SECRET}\"\n"
    );
    let texts = [reference, secrets.clone(), secrets];
    let taken = Cell::new(0);
    let tried = fuzz(
        300,
        |random| mutated_structure(&texts, random),
        |text| match check_settings(text) {
            Ok(()) => taken.set(taken.get() + 1),
            Err(problems) => {
                assert!(!problems.is_empty());
                for problem in problems {
                    // A value may have become the name of a key, which is shown.
                    let is_name = problem.starts_with("unknown ") || problem.contains(" as a table");
                    assert!(is_name || !problem.contains(SECRET), "{problem}");
                    assert_is_a_line(&problem);
                }
            }
        },
    );
    assert!(taken.get() * 20 > tried, "only {} of {tried} files were taken", taken.get());
}

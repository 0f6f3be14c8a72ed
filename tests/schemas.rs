//! The JSON schemas of rule files and settings: what the program reads they accept, and what is wrong in its form they refuse.
//!
//! They are kept in `docker/schema`; `UPDATE_EXPECTED=1` writes them anew, for review.

#![allow(clippy::disallowed_methods, reason = "the environment says whether to write expectations anew")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use stakeout::diagnostic::{
    INVALID_NAME, INVALID_RULE_ID, KEY_OF_ANOTHER_TYPE, MISSING_KEY, OUT_OF_RANGE, Severity, UNKNOWN_KEY,
    UNSUPPORTED_RULE_FEATURE, UNSUPPORTED_RULE_TYPE, VALUE_NOT_ALLOWED, WRONG_TYPE,
};
use stakeout::rule::{self, RuleFile};
use support::program::stakeout;

/// Kinds of problems that a schema can tell, in every form that they take in the broken files.
const TOLD: [&str; 10] = [
    UNKNOWN_KEY.id,
    MISSING_KEY.id,
    WRONG_TYPE.id,
    VALUE_NOT_ALLOWED.id,
    OUT_OF_RANGE.id,
    INVALID_RULE_ID.id,
    KEY_OF_ANOTHER_TYPE.id,
    UNSUPPORTED_RULE_TYPE.id,
    UNSUPPORTED_RULE_FEATURE.id,
    INVALID_NAME.id,
];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files below `folder` that end in `.toml`.
fn files(folder: &str) -> Vec<PathBuf> {
    let listing = fs::read_dir(root(folder)).expect("a folder");
    let mut paths: Vec<_> = listing.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
}

struct Checker {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Checker {
    fn new(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", schema).expect("a schema");
        let schema = compiler.compile("schema.json", &mut schemas).expect("a schema");
        Self { schemas, schema }
    }

    /// What the schema says against a document; nothing where it accepts it.
    fn against(&self, document: &Value) -> Option<String> {
        self.schemas.validate(document, self.schema).err().map(|error| error.to_string())
    }
}

fn printed(of: &str) -> String {
    let ended = stakeout(&["schema", of]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout
}

fn config() -> Checker {
    Checker::new(serde_json::from_str(&printed("config")).expect("JSON"))
}

fn document(bytes: &[u8]) -> Value {
    Value::Object(RuleFile::parse(bytes).root.to_json())
}

#[test]
fn the_schemas_in_the_repository_are_the_programs_own() {
    for of in ["rule", "config", "expected"] {
        let path = root("docker/schema").join(format!("{of}.json"));
        let own = printed(of);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, own).expect("a folder that can be written");
        } else {
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == own, "{} is not what `stakeout schema {of}` prints", path.display());
        }
    }
}

#[test]
fn every_rule_that_is_read_is_accepted() {
    let checker = Checker::new(rule::json_schema());
    let all: Vec<PathBuf> =
        ["tests/rules/valid", "tests/rules/warned", "queries"].into_iter().flat_map(files).collect();
    assert!(all.len() >= 7, "{all:?}");
    for path in all {
        let against = checker.against(&document(&fs::read(&path).expect("a file")));
        assert_eq!(against, None, "{}", path.display());
    }
}

#[test]
fn what_is_wrong_in_the_form_of_a_rule_is_refused_alike() {
    let checker = Checker::new(rule::json_schema());
    let mut refused = 0;
    for path in files("tests/rules/broken") {
        let bytes = fs::read(&path).expect("a file");
        let reading = rule::read("broken", &bytes);
        let problems = reading.reports.iter().flat_map(|report| &report.problems);
        let errors: Vec<&str> = problems
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| problem.code.id)
            .collect();
        let is_toml = toml::from_str::<toml::Table>(&reading.file.text).is_ok();
        if is_toml && errors.iter().any(|code| TOLD.contains(code)) {
            assert!(checker.against(&document(&bytes)).is_some(), "{}: {errors:?}", path.display());
            refused += 1;
        }
    }
    assert!(refused >= 25, "only {refused} files were refused");
}

#[test]
fn one_change_to_a_rule_decides() {
    let checker = Checker::new(rule::json_schema());
    let minimal = fs::read_to_string(root("tests/rules/valid/minimal.toml")).expect("a rule");
    for (line, is_right) in [
        ("to = \"now\"", true),
        ("to = \"now-1m\"", false),
        ("interval = \"5w\"", false),
        ("from = \"6m\"", false),
        ("filters = []", true),
        ("filters = [{ a = 1 }]", false),
        ("anomaly_threshold = 3", false),
        ("license = \"\"", true),
        ("namespace = 1", false),
        ("event_category_override = \" \"", false),
        ("version = 0", false),
        ("version = 1", true),
        ("threat = [{ framework = \"MITRE ATT&CK\" }]", false),
        ("risk_score_mapping = [{ field = \"a\", risk_score = 101 }]", false),
        ("alert_suppression = { group_by = [\"a\"], duration = { unit = \"m\", value = 5 } }", true),
        ("alert_suppression = { group_by = [\"\"] }", false),
        ("[stakeout]\nidentity = [\"a\", \"a\"]", false),
        ("[stakeout]\nidentity = [\"a\"]\nvalues = { a_1 = { from = \"user.id\" } }", true),
        ("[stakeout]\nvalues = { A = { from = \"user.id\" } }", false),
        ("[[stakeout.examples]]\nname = \"a\"\nmatches = true\nevent = { a = [1, { b = 2.5 }] }", true),
        ("[[stakeout.examples]]\nname = \"a\"\nmatches = \"true\"\nevent = {}", false),
        (
            "[[transform.osquery]]\nlabel = \"l\"\nquery = \"q\"\necs_mapping = { a = { field = \"b\" } }",
            true,
        ),
        ("[[transform.osquery]]\nlabel = \"l\"", false),
        ("[metadata]\ncreation_date = \"2026-11-24\"", false),
        ("[metadata.extended]\nanything = [[1]]", true),
    ] {
        let text = format!("{minimal}\n{line}\n");
        let reading = rule::read("changed", text.as_bytes());
        assert_eq!(reading.rule.is_some(), is_right, "the reader: {line}\n{:?}", reading.reports);
        assert_eq!(checker.against(&document(text.as_bytes())).is_none(), is_right, "the schema: {line}");
    }
}

#[test]
fn examples_in_the_schema_are_accepted_where_they_stand() {
    for schema in [rule::json_schema(), rule::expected_json_schema()] {
        let definitions = schema["definitions"].clone();
        let mut shown = 0;
        each_property(&schema, &mut |property| {
            let examples = property["examples"].as_array().cloned().unwrap_or_default();
            let mut alone = property.clone();
            alone["definitions"] = definitions.clone();
            let checker = Checker::new(alone);
            for example in examples.iter().chain(property.get("default")) {
                assert_eq!(checker.against(example), None, "{example}");
                shown += 1;
            }
        });
        assert!(shown > 2, "{shown}");
    }
}

/// Every property of a schema, those of its properties among them.
fn each_property(schema: &Value, see: &mut impl FnMut(&Value)) {
    match schema {
        Value::Object(members) => {
            if let Some(properties) = members.get("properties").and_then(Value::as_object) {
                properties.values().for_each(&mut *see);
            }
            members.values().for_each(|member| each_property(member, see));
        }
        Value::Array(items) => items.iter().for_each(|item| each_property(item, see)),
        _ => {}
    }
}

#[test]
fn a_file_of_what_is_expected_is_accepted_or_refused_alike() {
    let checker = Checker::new(rule::expected_json_schema());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("expected.toml");
    let right = "[[stakeout.expected]]\nwhere = 'source.ip == \"198.51.100.200\"'\nfrom = 2026-11-20\nuntil = \"2026-11-21\"\nreason = \"RT-11\"\n";
    for (text, is_right) in [
        (right.to_owned(), true),
        (right.replace("reason", "reson"), false),
        (right.replace("\"RT-11\"", "11"), false),
        (right.replace("\"RT-11\"", "\" \""), false),
        (format!("{right}[rule]\nname = \"a\"\n"), false),
        ("[stakeout]\n".to_owned(), false),
    ] {
        fs::write(&path, &text).expect("a file");
        assert_eq!(rule::triage::load_expected(&path).is_ok(), is_right, "the reader: {text}");
        let table: toml::Table = text.parse().expect("TOML");
        let document = serde_json::to_value(with_times_as_text(table.into())).expect("JSON");
        assert_eq!(checker.against(&document).is_none(), is_right, "the schema: {text}");
    }
}

/// Editors check a date or time as text.
fn with_times_as_text(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Datetime(time) => toml::Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(with_times_as_text).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => toml::Value::Table(
            table.into_iter().map(|(key, value)| (key, with_times_as_text(value))).collect(),
        ),
        other => other,
    }
}

#[test]
fn the_reference_of_the_settings_is_accepted_with_every_key_in_force() {
    let checker = config();
    let reference = fs::read_to_string(root("docker/stakeout.toml")).expect("the reference");
    let used = |line: &str| match line.strip_prefix("# ") {
        Some(key) if key.contains(" = ") => key.to_owned() + "\n",
        _ => line.to_owned() + "\n",
    };
    for text in [reference.clone(), reference.lines().map(used).collect()] {
        let table: toml::Table = text.parse().expect("TOML");
        assert_eq!(checker.against(&json!(table)), None);
    }
}

#[test]
fn the_image_is_built_with_the_reference() {
    let lines = |path: &str| fs::read_to_string(root(path)).expect("a file");
    assert!(
        lines("docker/Dockerfile")
            .lines()
            .any(|line| line.starts_with("COPY ") && line.contains(" docker/stakeout.toml "))
    );
    assert!(lines(".dockerignore").lines().any(|line| line == "!docker/stakeout.toml"));
}

#[test]
fn settings_are_accepted_or_refused_alike() {
    let checker = config();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stakeout.toml");
    let file = path.to_str().expect("a path");
    for (text, is_right) in [
        ("", true),
        ("[elasticsearch]\nurl = \"http://a\"\nrequest_timeout = 5", true),
        ("[elasticsearch]\nurl = [\"http://a\", \"http://b\"]", false),
        ("[elasticsearch]\nurls = \"http://a\"", false),
        ("[elasticsearch]\nrequest_timeout = \"5\"", false),
        ("[elasticsearch]\nrequest_timeout = 0", false),
        ("[elasticsearch]\nrequest_timeout = 86401", false),
        ("[elasticsearch]\npassword = 1234", true),
        ("[elasticsearch]\npassword = true", false),
        ("[elastic]\nurl = \"http://a\"", false),
        ("url = \"http://a\"", false),
        ("elasticsearch = 1", false),
        ("[rules]\npaths = [\"a\", \"b\"]\nno_triage = true", true),
        ("[rules]\npaths = \"a\"", true),
        ("[rules]\npaths = [1]", false),
        ("[rules]\nno_triage = \"true\"", false),
        ("[watch]\nlisten = 9464", true),
        ("[log]\nformat = \"json\"", true),
        ("[log]\nformat = \"xml\"", false),
        ("[alerts]\nindex = 2026-11-24", false),
    ] {
        fs::write(&path, text).expect("a file");
        // The commands that have all of these settings are many; this one reads them and asks nobody.
        let ended = stakeout(&[
            "--config",
            file,
            "run",
            "--once",
            "--events",
            "/nonexistent",
            "--rules",
            "/nonexistent",
        ]);
        let refused = ended.stderr.contains("the configuration `") || ended.stderr.contains("invalid value");
        assert_eq!(!refused, is_right, "the program: {text}\n{}", ended.stderr);
        let table: toml::Table = text.parse().expect("TOML");
        let document = serde_json::to_value(with_times_as_text(table.into())).expect("JSON");
        let is_date = text.contains("2026-11-24");
        assert_eq!(checker.against(&document).is_none(), is_right || is_date, "the schema: {text}");
    }
}

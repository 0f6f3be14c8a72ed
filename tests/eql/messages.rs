//! Every message about a wrong query, as a person reads it, against the reviewed ones in `tests/eql/*.txt`.
//!
//! `UPDATE_EXPECTED=1` writes those files anew, for review.
#![allow(clippy::disallowed_methods, reason = "the environment says whether to write expectations anew")]

use std::fmt::Write as _;
use std::path::Path;

use stakeout::diagnostic::{Diagnostic, render};
use stakeout::eql::Query;
use stakeout::plan::{Input, Plan};
use stakeout::schema::{FieldForm, FieldType, Schema};

/// Compares what `problems` says of each query in `name.eql` with `name.txt`.
fn reviewed(name: &str, problems: impl Fn(&str) -> Vec<Diagnostic>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eql");
    let queries = std::fs::read_to_string(folder.join(name).with_extension("eql")).expect("the queries");
    let mut shown = String::new();
    for query in queries.trim_end().split("\n\n") {
        for problem in problems(query) {
            writeln!(shown, "{}\n", render(&problem, "query", query, false)).expect("a string takes all");
        }
        shown.push_str("----\n\n");
    }
    let path = folder.join(name).with_extension("txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &shown).expect("the messages can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the reviewed messages");
    let first = shown.lines().zip(expected.lines()).find(|(left, right)| left != right);
    assert_eq!(first, None, "{}: the messages (left) have changed", path.display());
    assert_eq!(shown.len(), expected.len(), "{}: there are more or fewer messages", path.display());
}

#[test]
fn messages_about_wrong_queries_are_as_reviewed() {
    reviewed("invalid", |query| Query::parse(query).expect_err(query));
}

#[test]
fn messages_about_queries_that_do_not_fit_are_as_reviewed() {
    let mut schema = Schema::new(vec!["logs-1".into(), "logs-2".into()]);
    for (name, field_type) in [
        ("@timestamp", FieldType::Date),
        ("k", FieldType::Keyword),
        ("n", FieldType::Long),
        ("d", FieldType::Date),
        ("i", FieldType::Ip),
        ("b", FieldType::Boolean),
        ("bare", FieldType::Text),
        ("object", FieldType::Object),
        ("list", FieldType::Nested),
        ("version", FieldType::Version),
    ] {
        schema.insert(name, FieldForm::everywhere(field_type));
    }
    schema.insert("deaf", FieldForm { searchable: false, ..FieldForm::everywhere(FieldType::Keyword) });
    let patterns = ["logs-*".to_owned()];
    reviewed("unfit", |text| {
        let query = Query::parse(text).expect(text);
        let plan = Plan::new(&Input {
            query: &query,
            schema: &schema,
            patterns: &patterns,
            category_field: "event.category",
            time_field: "@timestamp",
            fallback_time_field: None,
            allow_expensive: true,
        });
        plan.expect_err(text)
    });
}

#[test]
fn every_kind_of_problem_is_shown_by_some_reviewed_message() {
    let reviewed = [include_str!("invalid.txt"), include_str!("unfit.txt")].concat();
    let unseen: Vec<&str> = stakeout::diagnostic::ALL
        .iter()
        .map(|code| code.id)
        .filter(|id| id.starts_with('E') && !reviewed.contains(&format!("[{id}]")))
        .collect();
    assert_eq!(unseen, Vec::<&str>::new());
}

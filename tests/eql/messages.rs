//! Every message about a wrong query, as a person reads it, against the reviewed ones in `tests/eql/invalid.txt`.
//!
//! `UPDATE_EXPECTED=1` writes that file anew, for review.
#![allow(clippy::disallowed_methods, reason = "the environment says whether to write expectations anew")]

use std::fmt::Write as _;
use std::path::Path;

use stakeout::diagnostic::render;
use stakeout::eql::Query;

#[test]
fn messages_are_as_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eql");
    let queries = std::fs::read_to_string(folder.join("invalid.eql")).expect("the queries are there");
    let mut shown = String::new();
    for query in queries.trim_end().split("\n\n") {
        let problems = Query::parse(query).expect_err(query);
        for problem in problems {
            writeln!(shown, "{}\n", render(&problem, "query", query, false)).expect("a string takes all");
        }
        shown.push_str("----\n\n");
    }
    let path = folder.join("invalid.txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &shown).expect("the messages can be written");
    }
    let reviewed = std::fs::read_to_string(&path).expect("the reviewed messages are there");
    assert_eq!(shown, reviewed, "the messages have changed");
}

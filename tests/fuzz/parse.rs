//! Any text is read, or refused with problems that lie in it.

use std::cell::Cell;
use std::path::Path;

use stakeout::diagnostic::render;
use stakeout::eql::{Query, Regex};

use super::cases;
use super::mutate::mutated;
use super::run::fuzz;

/// Queries that are right, and queries that are wrong.
fn queries() -> Vec<String> {
    let wrong = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eql/invalid.eql");
    let wrong = std::fs::read_to_string(wrong).expect("the wrong queries");
    let right = cases::groups().into_iter().flat_map(|group| group.cases);
    right.map(|(case, _)| cases::query(&case)).chain(wrong.split("\n\n").map(str::to_owned)).collect()
}

#[test]
fn any_text_is_read_or_refused() {
    let queries = queries();
    let read = Cell::new(0);
    let tried = fuzz(
        10_000,
        |random| mutated(&queries, random),
        |text| match Query::parse(text) {
            Ok(query) => {
                read.set(read.get() + 1);
                assert_eq!(query.text, text);
                assert!(query.condition.span.end <= text.len());
            }
            Err(problems) => {
                assert!(!problems.is_empty() && problems.len() <= 40);
                for problem in problems {
                    assert!(problem.span.start <= problem.span.end);
                    assert!(text.get(problem.span.start..problem.span.end).is_some());
                    assert!(render(&problem, "query", text, false).contains(problem.code.id));
                }
            }
        },
    );
    assert!(read.get() * 20 > tried, "only {} of {tried} texts could be read", read.get());
}

#[test]
fn any_regular_expression_is_compiled_or_refused() {
    let patterns = [
        "(a|b)*a(a|b){8}",
        "~(abc|[^d-f])+&.*<10-2000>",
        "\"a b\"@#|\\d\\W+",
        "[a-c\\-é]{2,5}?(x|y)*",
        "(((~a)&b)|~(c&~d))*",
    ];
    let compiled = Cell::new(0);
    let tried = fuzz(
        1_500,
        |random| mutated(&patterns, random),
        |pattern| {
            for ignore_case in [false, true] {
                let Ok(regex) = Regex::new(pattern, ignore_case) else { continue };
                compiled.set(compiled.get() + 1);
                for text in ["", "a", "abc", "AB1 é😀", pattern] {
                    let matches = regex.matches(text);
                    assert!(matches || !regex.matches_all());
                    assert!(!matches || !regex.matches_none());
                    assert!(regex.only_text().is_none_or(|only| (only == text) == matches));
                }
            }
        },
    );
    assert!(compiled.get() * 10 > tried, "only {} of {tried} patterns are right", compiled.get());
}

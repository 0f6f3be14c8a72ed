//! The laws: no answer is changed by passing lines over, by cutting files into parts, or by many cores.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use stakeout::detect::search_for;
use stakeout::eval::{Matcher, MatcherSet};
use stakeout::local::{EventFiles, Hit, ProblemKind, ReadProblem, Search, Tally};

use crate::documents::{any_document, matchers};
use crate::spell::{Choice, spell};

/// Bytes from which on documents are read one at a time, about.
const LONG: usize = 270_000;

/// Finds and problems in the order in which they are handed out.
type Found = Vec<Result<Hit, ReadProblem>>;

fn rules_of(matchers: &[Matcher], event: &stakeout::event::Event) -> Vec<usize> {
    (0..matchers.len()).filter(|rule| matchers[*rule].matches(event)).collect()
}

/// Every event is read and tried.
fn plainly(files: &EventFiles, matchers: &[Matcher]) -> (Found, u64) {
    let mut events = 0;
    let mut found = Vec::new();
    for next in files.read() {
        match next {
            Ok(located) => {
                events += 1;
                let rules = rules_of(matchers, &located.event);
                if !rules.is_empty() {
                    found.push(Ok(Hit { located, rules }));
                }
            }
            Err(problem) => found.push(Err(problem)),
        }
    }
    (found, events)
}

fn searched(files: &EventFiles, search: Search) -> (Found, Tally) {
    let mut searching = files.search(&Arc::new(search));
    let found = searching.by_ref().collect();
    (found, searching.tally())
}

fn by_needles(files: &EventFiles, matchers: &Arc<Vec<Matcher>>) -> (Found, Tally) {
    let judge = Arc::clone(matchers);
    searched(files, Search::new(matchers.iter().map(Matcher::needles), move |event| rules_of(&judge, event)))
}

/// As `scan` does it: many rules at once, and a look at the telling fields before the rest is read.
fn by_set(files: &EventFiles, matchers: &Arc<Vec<Matcher>>) -> (Found, Tally) {
    searched(files, search_for(&Arc::new(MatcherSet::new(matchers.to_vec()))))
}

fn of_all(files: &EventFiles, matchers: &Arc<Vec<Matcher>>) -> (Found, Tally) {
    let judge = Arc::clone(matchers);
    searched(files, Search::of_all(move |event| rules_of(&judge, event)))
}

/// A file's text: documents in lines, over several lines, in lists, and what is none.
fn text(choice: Choice<'_>) -> Vec<u8> {
    let broken = [
        "not json",
        "{",
        "}",
        ",\"k\":\"alpha\"}",
        "[1]",
        "{\"k\":{}",
        "{\"k\":\"x{\"k\":\"alpha\"}",
        "{\"k\":[{}",
        "{\"k\":\"alpha\" \"w\":1}",
        "{\"Records\":[{\"k\":{}}",
        "{\"Records\":[{\"k\":{}",
        "[{\"k\":\"alpha\"},",
        "]",
        "{\"k\":\"alpha\"} {\"k\":{}",
        "  {\"k\":{}",
        "{} {\"Records\":[{\"k\":{}",
        "{\"Records\":[{}],\"k\":{}",
        "\u{1b}{}",
        "3",
        "\"alpha\"",
        "{\"k\":\"\\ud800alpha\"}",
        "{\"k\":1e999}",
        "{\"k\":\"alpha\"}}",
        "{\"k\":01}",
        "   ",
        "\t",
    ];
    let mut out = Vec::new();
    if choice(8) == 0 {
        out.extend_from_slice(b"\xef\xbb\xbf");
    }
    for _ in 0..choice(12) {
        match choice(10) {
            0 => out.extend_from_slice(broken[choice(broken.len())].as_bytes()),
            1 => {
                let whole = spell(&any_document(choice), &[""], choice).into_bytes();
                let mut cut = whole[..choice(whole.len())].to_vec();
                if choice(3) == 0 {
                    cut.push(b'}');
                }
                out.extend(cut);
            }
            2 => out
                .extend(spell(&any_document(choice), &["", " ", "\r\n", "\n  ", "\n"], choice).into_bytes()),
            3 => {
                let items: Vec<_> =
                    (0..choice(4)).map(|_| spell(&any_document(choice), &["", "\n"], choice)).collect();
                out.extend(format!("[{}]", items.join(",\n")).into_bytes());
            }
            4 => {
                let start = ["{\"bad\":\"\\ud800\",", "{\"\\udc00\":1,", "{\"w\":-1e999,"][choice(3)];
                let document = spell(&any_document(choice), &["", "\n"], choice);
                out.extend(document.replacen('{', start, 1).into_bytes());
            }
            5 if choice(16) == 0 => {
                let start = format!("{{\"pad\":\"{}\",", "x".repeat(LONG));
                out.extend(
                    spell(&any_document(choice), &["", "\n"], choice).replacen('{', &start, 1).into_bytes(),
                );
            }
            _ => out.extend(spell(&any_document(choice), &["", "", " ", "\t"], choice).into_bytes()),
        }
        out.extend_from_slice(
            ["\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r\n\r\n", "\n \n", " ", ""][choice(10)].as_bytes(),
        );
    }
    out
}

/// Writes files of any kind into a folder.
fn write(folder: &Path, choice: Choice<'_>) -> String {
    let mut shown = String::new();
    for number in 0..=choice(3) {
        let text = text(choice);
        let _ = writeln!(shown, "--- {number}\n{}", String::from_utf8_lossy(&text));
        let bytes = match choice(5) {
            0 => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }
            1 => zstd::encode_all(&text[..], 1).unwrap(),
            _ => text,
        };
        fs::write(folder.join(number.to_string()), bytes).unwrap();
    }
    shown
}

fn check(rules: &[usize], choice: Choice<'_>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let (chunk, part) = (1 + choice(300), 1 + choice(400) as u64);
    let shown = write(folder.path(), choice);
    let files = EventFiles::new([folder.path().to_owned()]);
    let matchers = Arc::new(matchers(rules));
    let (expected, events) = plainly(&files, &matchers);
    for files in [files.clone(), files.in_pieces(chunk, part)] {
        let (found, tally) = of_all(&files, &matchers);
        let differing = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        prop_assert_eq!(differing, None, "{}", shown);
        prop_assert_eq!(found.len(), expected.len(), "{}", shown);
        prop_assert_eq!(tally, Tally { events, passed_over: 0 }, "{}", shown);
        for (found, _) in [by_needles(&files, &matchers), by_set(&files, &matchers)] {
            same_matches(&found, &expected, &shown)?;
        }
    }
    Ok(())
}

/// Only what looks like a document, holds nothing that is looked for, and is none, may be left out.
fn same_matches(found: &Found, expected: &Found, shown: &str) -> Result<(), TestCaseError> {
    let mut rest = found.iter();
    let mut next = rest.next();
    for expected in expected {
        if next == Some(expected) {
            next = rest.next();
            continue;
        }
        let Err(problem) = expected else {
            return Err(TestCaseError::fail(format!("{expected:#?} is missing, {next:#?}\n{shown}")));
        };
        let is_line = matches!(problem.kind, ProblemKind::NotJson | ProblemKind::NotAnObject);
        prop_assert!(is_line, "{:#?} is missing\n{}", problem, shown);
    }
    prop_assert_eq!(next, None, "{}", shown);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_trying_every_event_finds(
        rules in proptest::collection::vec(any::<prop::sample::Index>(), 1..8),
        choices in proptest::collection::vec(any::<u16>(), 64..2000),
    ) {
        let rules: Vec<usize> = rules.iter().map(|rule| rule.index(crate::documents::RULES.len())).collect();
        let mut turn = 0;
        let mut choice = |count: usize| { turn += 1; usize::from(choices[turn % choices.len()]) % count.max(1) };
        check(&rules, &mut choice)?;
    }
}

#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
fn cases() -> u32 {
    std::env::var("STAKEOUT_TEST_TRIALS").ok().and_then(|number| number.parse().ok()).unwrap_or(256)
}

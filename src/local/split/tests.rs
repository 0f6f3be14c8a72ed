use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};

use proptest::prelude::*;

use super::{Form, Splitter};
use crate::local::problem::ProblemKind;

/// A piece as `LINE[:RECORD] TEXT`, a broken part as `LINE[:RECORD] KIND`.
fn outline_of(source: impl BufRead, limit: usize) -> Vec<String> {
    let mut splitter = Splitter::new(source, limit);
    let mut found = Vec::new();
    while let Some(next) = splitter.next() {
        let (place, rest) = match next {
            Ok(piece) => (piece.place, String::from_utf8_lossy(piece.text).into_owned()),
            Err(broken) => (broken.place, format!("{:?}", broken.kind)),
        };
        let record = place.record.map(|record| format!(":{record}")).unwrap_or_default();
        found.push(format!("{}{record} {rest}", place.line));
    }
    found
}

fn outline(text: &str) -> Vec<String> {
    let found = outline_of(text.as_bytes(), 1000);
    // One byte at a time, every place is a chunk's edge once.
    assert_eq!(found, outline_of(BufReader::with_capacity(1, text.as_bytes()), 1000), "{text}");
    found
}

#[test]
fn documents_are_found_however_they_lie() {
    assert_eq!(outline(""), [""; 0]);
    assert_eq!(outline("\r\n \n"), [""; 0]);
    assert_eq!(outline("{\"a\":1}\n\r\n{\"b\":[]}\r\n{}"), ["1 {\"a\":1}", "3 {\"b\":[]}", "4 {}"]);
    assert_eq!(outline("{\n \"a\": {\n }\n}\n{}"), ["1 {\n \"a\": {\n }\n}", "5 {}"]);
    assert_eq!(outline("{}{} {}\n{}"), ["1 {}", "1:2 {}", "1:3 {}", "2 {}"]);
}

#[test]
fn items_of_lists_are_handed_out_one_by_one() {
    assert_eq!(outline("[{\"a\":[{}]} , {}, 3,\"x\"]"), ["1:1 {\"a\":[{}]}", "1:2 {}", "1:3 3", "1:4 \"x\""]);
    assert_eq!(outline("[\n{},\n{}\n]\n{}"), ["2:1 {}", "3:2 {}", "5 {}"]);
    assert_eq!(outline("{\"Records\":[{},{}],\"x\":[{}]}\n{}"), ["1:1 {}", "1:2 {}", "2 {}"]);
    let response =
        r#"{"took":1,"_shards":{"total":[1]},"hits":{"total":{"value":2},"hits":[{"a":1},{"a":2}]},"x":1}"#;
    assert_eq!(outline(response), ["1:1 {\"a\":1}", "1:2 {\"a\":2}"]);
    assert_eq!(outline("[]\n{\"Records\":[]}\n{}"), ["3 {}"]);
}

#[test]
fn keys_that_only_look_like_a_list_change_nothing() {
    for text in [
        r#"{"a":{"Records":[{}]}}"#,
        r#"{"x\"Records":[{}]}"#,
        r#"{"hits":[{}]}"#,
        r#"{"a":{"hits":[{}]},"hits":{"a":{"hits":[{}]}}}"#,
        r#"{"hits":{},"a":{"hits":[{}]}}"#,
        r#"{"a":"Records","b":["Records",[{}]]}"#,
    ] {
        assert_eq!(outline(text), [format!("1 {text}")]);
    }
}

#[test]
fn records_are_told_from_other_items() {
    let form = |text: &str| Splitter::new(text.as_bytes(), 99).next().unwrap().unwrap().form;
    assert_eq!(form("{\"Records\" : [{}]}"), Form::Record);
    assert_eq!(form("[{}]"), Form::Any);
    assert_eq!(form("{}"), Form::Any);
}

#[test]
fn a_broken_line_costs_no_other() {
    for broken in [
        "x",
        "{",
        "{\"a\":",
        "{\"a\":1,",
        "{\"a\":{\"b\":",
        "{\"a",
        "{\"a\":\"b",
        "[",
        "[{\"a\":",
        "{\"a\":1]",
        "}",
        "{\"a\":[",
        "nul",
        "\"",
        "{\"a\" 1}",
        "\u{0}\u{0}",
        "{\"Records\":[{\"a\":",
        "{\"Records\":[",
        "  {\"a\":{}",
        "{\"x\":1} {\"a\":{}",
        "{\"x\":1} {\"Records\":[{\"a\":{}",
    ] {
        let found = outline(&format!("{{\"g\":1}}\n{broken}\n{{\"g\":2}}\n{{\"g\":3}}\n"));
        let good: Vec<_> = found
            .iter()
            .filter(|found| found.contains("\"g\""))
            .map(|found| &found[found.len() - 7..])
            .collect();
        assert_eq!(good, ["{\"g\":1}", "{\"g\":2}", "{\"g\":3}"], "{broken}: {found:?}");
        assert!(found.len() > 3, "{broken} is told: {found:?}");
    }
}

#[test]
fn a_broken_item_costs_no_other_line() {
    let found = outline("[\n  {\"g\":1},\n  {\"a\":,},\n  {\"g\":2}\n]\n{\"g\":3}");
    assert_eq!(found, ["2:1 {\"g\":1}", "3:2 NotJson", "4:3 {\"g\":2}", "6 {\"g\":3}"]);
    let found = outline("[\n{\"g\":1}\n{\"g\":2}\n");
    assert_eq!(found, ["2:1 {\"g\":1}", "3:2 NotJson", "3 {\"g\":2}"]);
    let pretty = "[\n {\n  \"a\": 1\n  \"b\": {\n  }\n },\n {\n  \"g\": 2\n }\n]\n{\"g\":3}";
    assert_eq!(outline(pretty), ["2:1 NotJson", "7:2 {\n  \"g\": 2\n }", "11 {\"g\":3}"]);
    assert_eq!(
        outline("{\"Records\":[{\"g\":1},{x},{}]}\n{\"g\":2}"),
        ["1:1 {\"g\":1}", "1:2 NotJson", "2 {\"g\":2}"]
    );
}

#[test]
fn a_file_that_ends_in_a_document_says_so() {
    for text in ["{\"a\":1", "{\"a\":\"", "{\"a", "{", "[", "[{},", "{\"Records\":[{}", "{\"Records\":[{}]"] {
        assert!(outline(text).last().is_some_and(|last| last.contains("Unfinished")), "{text}");
    }
    assert_eq!(outline("{\"a\":\n{\"b\":1}\n"), ["1 Unfinished", "2 {\"b\":1}"]);
}

#[test]
fn a_scalar_is_no_document() {
    for (text, expected) in [
        ("1", "expected an object, found a number"),
        ("\"a\"", "expected an object, found a string"),
        ("null", "expected an object, found null"),
        ("hello", "not JSON: expected `{` or `[`"),
    ] {
        let reason = Splitter::new(text.as_bytes(), 99).next().unwrap().unwrap_err().reason;
        assert_eq!(reason, expected);
    }
}

#[test]
fn what_is_too_long_is_passed_over_without_being_held() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
    let found = outline(&format!("{{}}\n{long}\n{{\"g\":1}}\n"));
    assert_eq!(found, ["1 {}", "2 TooLong", "3 {\"g\":1}"]);
    let tall = format!("{{\n{} \"b\":2\n}}\n{{\"g\":1}}\n", " \"a\": 1,\n".repeat(500));
    assert_eq!(outline(&tall), ["1 TooLong", "504 {\"g\":1}"]);
    let unquoted = "x".repeat(300_000);
    assert_eq!(outline_of(format!("{unquoted}\n{{}}").as_bytes(), 1000), ["1 NotJson", "2 {}"]);
    // A list may be longer than its items may.
    let list = format!("[{}{{}}]", "{\"a\":1},".repeat(1000));
    assert_eq!(outline(&list).len(), 1001);
}

#[test]
fn damage_is_told_after_what_came_before_it() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("crc"))
        }
    }
    let found = outline_of(b"{\"a\":1}\n{\"b\"".chain(BufReader::new(Failing)), 100);
    assert_eq!(found, ["1 {\"a\":1}", "2 Unreadable"]);
    let found = outline_of(b"{\"a\":\n{\"b\":1}\n".chain(BufReader::new(Failing)), 100);
    assert_eq!(found, ["1 Unfinished", "2 {\"b\":1}", "3 Unreadable"]);
    let mut splitter = Splitter::new(BufReader::new(Failing), 100);
    assert_eq!(splitter.next().unwrap().unwrap_err().kind, ProblemKind::Unreadable);
    assert!(splitter.next().is_none());
}

proptest! {
    #[test]
    fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(prop_oneof![
        4 => proptest::sample::select(b"{}[]\",:\\ \n1a".to_vec()), 1 => any::<u8>()], 0..200)) {
        // At most one result a byte: nothing loops.
        prop_assert!(outline_of(&bytes[..], 50).len() <= bytes.len());
    }

    #[test]
    fn lines_of_documents_survive_any_lines_between_them(
        noise in proptest::collection::vec("[^\\n\\[\\]]{0,20}", 1..6),
    ) {
        // A line feed ends every line's influence, unless the noise itself goes on as JSON.
        let mut text = String::new();
        for (at, line) in noise.iter().enumerate() {
            let _ = write!(text, "{{\"good\":{at}}}\n{line}\n");
        }
        let found = outline_of(text.as_bytes(), 1000);
        for at in 0..noise.len() {
            let good = format!("{{\"good\":{at}}}");
            prop_assert!(found.iter().any(|found| found.contains(&good)), "{good} in {found:?}");
        }
    }
}

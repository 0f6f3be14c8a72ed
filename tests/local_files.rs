//! Reading events from files as a user has them, and keeping alerts beside them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stakeout::event::Event;
use stakeout::local::{AlertFile, EventFiles, Located, ProblemKind, ReadProblem, StateFile};
use tempfile::TempDir;

/// A folder with these files in it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn read(paths: impl IntoIterator<Item = PathBuf>) -> (Vec<Located>, Vec<ReadProblem>) {
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    for found in EventFiles::new(paths).read() {
        match found {
            Ok(event) => events.push(event),
            Err(problem) => problems.push(problem),
        }
    }
    (events, problems)
}

fn read_one(content: &[u8]) -> (Vec<Located>, Vec<ReadProblem>) {
    let folder = folder(&[("events", content)]);
    read([folder.path().join("events")])
}

/// The field `n` of every event.
fn numbers(events: &[Located]) -> Vec<i64> {
    events.iter().filter_map(|found| found.event.first("n")?.as_i64()).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

const TWO: &[u8] = b"{\"n\":1}\n{\"n\":2}\n";

#[test]
fn compression_is_found_by_content() {
    let forms = [
        TWO.to_vec(),
        gzip(TWO),
        zstd(TWO),
        [gzip(b"{\"n\":1}\n"), gzip(b"{\"n\":2}\n")].concat(),
        [zstd(b"{\"n\":1}\n"), zstd(b"{\"n\":2}\n")].concat(),
        [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9], &zstd(TWO)[..]].concat(),
        gzip(&gzip(TWO)),
        [b"\xef\xbb\xbf", TWO].concat(),
        gzip(&[b"\xef\xbb\xbf", TWO].concat()),
        String::from_utf8_lossy(TWO).replace('\n', "\r\n").into_bytes(),
        b"\xef\xbb\xbf[{\"n\":1},\r\n{\"n\":2}]".to_vec(),
    ];
    for form in forms {
        let (events, problems) = read_one(&form);
        assert_eq!((numbers(&events), problems), (vec![1, 2], vec![]), "{form:?}");
    }
}

#[test]
fn damaged_compression_costs_only_what_is_damaged() {
    let many = (0..60_000).fold(String::new(), |text, n| text + &format!("{{\"n\":{n}}}\n"));
    for whole in [gzip(many.as_bytes()), zstd(many.as_bytes())] {
        let (events, problems) = read_one(&whole[..whole.len() / 2]);
        assert!(!events.is_empty() && events.len() < 60_000);
        assert_eq!(numbers(&events), (0..i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].kind, problems[0].line), (ProblemKind::Unreadable, events.len() as u64 + 1));
    }
    // The check sum alone is missing, in a file shorter than what is looked at to tell its format.
    let small = gzip(TWO);
    let (events, problems) = read_one(&small[..small.len() - 4]);
    assert_eq!(numbers(&events), [1, 2]);
    assert_eq!(problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(), [ProblemKind::Unreadable]);
}

#[test]
fn what_is_no_text_is_told_once() {
    for content in
        [&b"PK\x03\x04\n\n\n"[..], b"BZh91AY\n\n", b"\xff\xfe{\0\n\0", b"\x7fELF\0\0\n\n\n", b"\0\0\0\0"]
    {
        let (events, problems) = read_one(content);
        assert!(events.is_empty());
        assert_eq!(problems.len(), 1, "{content:?}: {problems:?}");
        assert_eq!((problems[0].kind, problems[0].line), (ProblemKind::Unsupported, 0));
    }
    assert_eq!(read_one(b""), (vec![], vec![]));
    // A log that lost its first block in a crash is still read.
    let (events, problems) = read_one(&[b"{\"n\":1}\n", &[0; 600][..], b"\n{\"n\":2}\n"].concat());
    assert_eq!((numbers(&events), problems.len()), (vec![1, 2], 1));
}

#[test]
fn bad_lines_are_told_with_place_and_look() {
    use ProblemKind::{NotAnObject, NotJson, Unfinished};

    let content = b"{\"n\":1}\n{\"a\": \x1b[31m}\n[1]\n{\"n\":2}\n{\"x\":01}\n{\"x\":\"\xff\"}\n{\"n\":3";
    let (events, problems) = read_one(content);
    assert_eq!(numbers(&events), [1, 2]);
    let told: Vec<_> = problems.iter().map(|problem| (problem.line, problem.kind)).collect();
    assert_eq!(told, [(2, NotJson), (3, NotAnObject), (5, NotJson), (6, NotJson), (7, Unfinished)]);
    let shown = problems[0].to_string();
    assert!(
        shown.ends_with(
            "events:2: not JSON at column 7: expected a value, found the byte 0x1b: `{\"a\": \\u{1b}[31m}`"
        ),
        "{shown}"
    );
    assert!(problems[1].to_string().contains("events:3 (record 1): expected an object, found a number"));
}

#[test]
fn what_is_json_and_no_parser_takes_hides_no_event() {
    let content = concat!(
        r#"{"n":1,"user_agent":{"original":"curl\ud800"}}"#,
        "\n",
        r#"{"n":2,"\udc00":{"a":["\ud800\ud800"]}} {"n":3,"a":1e999}"#,
        "\n",
        r#"[{"n":4,"a":"\ud83d"},{"n":5,"a":"\ud83d\ude00"}]"#,
        "\n",
        r#"{"Records":[{"eventTime":"2026-11-20T14:00:00Z","eventName":"A","eventSource":"s","userAgent":"x\ud800"}]}"#,
    );
    let (events, problems) = read_one(content.as_bytes());
    assert_eq!((problems, numbers(&events[..5])), (vec![], vec![1, 2, 3, 4, 5]));
    let repaired: Vec<bool> = events.iter().map(|located| located.repaired).collect();
    assert_eq!(repaired, [true, true, true, true, false, true]);
    for (located, agent) in [(&events[0], "curl\u{fffd}"), (&events[5], "x\u{fffd}")] {
        let original = located.event.text("user_agent.original").expect("a user agent");
        assert_eq!(original.trim_end_matches('\u{fffd}'), agent.trim_end_matches('\u{fffd}'));
        assert!(original.ends_with('\u{fffd}'), "{original}");
    }
    assert_eq!(events[2].event.text("a").as_deref(), Some("1e999"));
    let remark = events[0].remark().expect("a remark");
    assert!(remark.ends_with("events:1: is no proper JSON and was read with replacements"), "{remark}");
}

#[test]
fn folders_are_walked_in_order_and_every_file_is_read_once() {
    let folder = folder(&[
        ("b.json", b"{\"n\":2}"),
        ("a/z.json", b"{\"n\":1}"),
        ("c/.hidden", b"{\"n\":3}"),
        ("c/empty", b""),
    ]);
    let path = folder.path().to_owned();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, path.join("a/round")).unwrap();
        std::os::unix::fs::symlink(path.join("b.json"), path.join("d.json")).unwrap();
        std::os::unix::fs::symlink(path.join("nowhere"), path.join("e.json")).unwrap();
    }
    let (events, problems) = read([path.clone(), path.join("b.json"), path.join("missing")]);
    assert_eq!(numbers(&events), [1, 2, 3]);
    let mut unreadable: Vec<_> = problems.iter().map(|problem| problem.path.file_name().unwrap()).collect();
    unreadable.retain(|name| *name != "e.json");
    assert_eq!(unreadable, ["missing"]);
    assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Unreadable));
}

#[test]
fn events_are_called_by_path_and_place_unless_they_say() {
    let folder = folder(&[("e", concat!(
        "{\"n\":1}\n\n{\"n\":2}{\"n\":3}\n",
        "{\"Records\":[{\"eventName\":\"A\"},{\"eventName\":\"B\"}]}\n",
        "{\"took\":1,\"hits\":{\"total\":1,\"hits\":[{\"_index\":\"logs\",\"_id\":\"x\",\"_source\":{\"n\":4},\"fields\":{\"f\":[5]}}]}}\n",
        "[\n {\n  \"n\": 6\n }\n]\n",
    ).as_bytes())]);
    let path = folder.path().join("e");
    let (events, problems) = read([path.clone()]);
    assert_eq!(problems, []);
    let shown = path.display().to_string();
    let names: Vec<_> = events
        .iter()
        .map(|found| (found.event.index.as_str(), found.event.id.as_str(), found.line))
        .collect();
    let own = shown.as_str();
    assert_eq!(
        names,
        [
            (own, "1", 1),
            (own, "3", 3),
            (own, "3:2", 3),
            (own, "4:1", 4),
            (own, "4:2", 4),
            ("logs", "x", 5),
            (own, "7:1", 7),
        ]
    );
    assert!(events.iter().all(|found| *found.path == *path));
    assert_eq!(events[3].event.text("event.action").as_deref(), Some("A"));
    assert_eq!(events[5].event.values("f"), [json!(5)]);
}

#[test]
fn a_folder_tells_whether_anything_changed() {
    let folder = folder(&[("a.json", b"{}\n"), ("b/c.json", b"{}\n")]);
    let path = folder.path().to_owned();
    let files = EventFiles::new([path.clone()]).without([path.join("alerts.ndjson")]);
    let mut last = files.fingerprint();
    assert_eq!(files.fingerprint(), last);
    let mut changes = |change: &dyn Fn()| {
        change();
        let now = files.fingerprint();
        let has_changed = now != last;
        last = now;
        has_changed
    };
    assert!(changes(&|| fs::write(path.join("a.json"), "{}\n{}\n").unwrap()));
    assert!(changes(&|| fs::write(path.join("b/d.json"), "{}\n").unwrap()));
    assert!(changes(&|| fs::rename(path.join("b/d.json"), path.join("b/e.json")).unwrap()));
    assert!(changes(&|| fs::remove_file(path.join("b/e.json")).unwrap()));
    assert!(!changes(&|| fs::write(path.join("alerts.ndjson"), "{}\n").unwrap()));
    assert!(!changes(&|| ()));
    let replaced = path.join("new.json");
    if cfg!(unix) {
        // Same name and size: another file all the same.
        fs::write(path.join("b/c.json"), "{ }").unwrap();
        assert!(changes(&|| {
            fs::write(&replaced, "{1}").unwrap();
            fs::rename(&replaced, path.join("b/c.json")).unwrap();
        }));
    }
}

#[test]
fn what_the_program_writes_is_no_event() {
    let folder = folder(&[("a.json", b"{\"n\":1}\n")]);
    let alerts = folder.path().join("alerts.ndjson");
    let state = StateFile::beside(&alerts);
    let own = AlertFile::own_files(&alerts).into_iter().chain(state.own_files());
    let files = EventFiles::new([folder.path().to_owned(), alerts.clone()]).without(own);
    let mut file = AlertFile::open(&alerts).unwrap();
    for number in [2, 3] {
        file.append(&[(number.to_string(), json!({"n": number}))]).unwrap();
        state.save(&json!({"n": number})).unwrap();
    }
    let found: Vec<_> = files.read().collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].as_ref().unwrap().event.first("n"), Some(json!(1)));
    // Named outright, it is told rather than passed over.
    assert_eq!(found[1].as_ref().unwrap_err().kind, ProblemKind::Unsupported);
}

#[test]
fn the_sample_events_are_all_readable_and_tell_their_story() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events/instance-sign-in");
    let (events, problems) = read([samples]);
    assert_eq!((events.len(), problems), (39, vec![]));
    let text = |event: &Event, field: &str| event.text(field).unwrap_or_default();
    let mut tokens: Vec<_> = events.iter().map(|found| &found.event).collect();
    assert!(tokens.iter().all(|event| text(event, "@timestamp").starts_with("2026-11-20T")));
    tokens.retain(|event| {
        text(event, "event.provider") == "signin.amazonaws.com"
            && text(event, "event.outcome") == "success"
            && text(event, "event.type") == "info"
            && text(event, "aws.cloudtrail.user_identity.type") == "AssumedRole"
            && text(event, "user.id").contains(":i-")
    });
    let found: Vec<_> =
        tokens.iter().map(|event| (text(event, "event.action"), text(event, "event.id"))).collect();
    let token = ("GetSigninToken".to_owned(), "00000000-0000-4000-8000-000000000013".to_owned());
    let login = ("ConsoleLogin".to_owned(), "00000000-0000-4000-8000-000000000014".to_owned());
    assert_eq!(found, [token.clone(), token, login]);
}

/// A document of a few known fields, by dotted name.
fn fields() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        any::<i32>().prop_map(Value::from),
        "[\\PC\\n\\t\"\\\\]{0,12}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        proptest::collection::vec("[a-c]{1,3}", 1..4).prop_map(Value::from),
    ];
    let names =
        prop::sample::subsequence(vec!["@timestamp", "a.b.c", "a.b.d", "a.e", "user.id", "event.type"], 1..6);
    (names, proptest::collection::vec(value, 6))
        .prop_map(|(names, values)| names.into_iter().map(str::to_owned).zip(values).collect())
}

/// Any legal spelling of a document: `choice` decides at every turn.
fn spell(fields: &Map<String, Value>, choice: &mut dyn FnMut(usize) -> usize) -> String {
    let mut object = Map::new();
    let mut order: Vec<_> = fields.iter().collect();
    while !order.is_empty() {
        let (name, value) = order.remove(choice(order.len()));
        put(&mut object, name, value.clone(), choice);
    }
    spell_value(&Value::Object(object), choice)
}

/// Puts a field in, each of its dots a dot or a level.
fn put(object: &mut Map<String, Value>, name: &str, value: Value, choice: &mut dyn FnMut(usize) -> usize) {
    for (dot, _) in name.match_indices('.') {
        let (head, rest) = (&name[..dot], &name[dot + 1..]);
        if choice(2) == 0 {
            let below = object.entry(head).or_insert_with(|| json!({}));
            return put(below.as_object_mut().unwrap(), rest, value, choice);
        }
    }
    object.insert(name.to_owned(), value);
}

fn spell_value(value: &Value, choice: &mut dyn FnMut(usize) -> usize) -> String {
    let blank = |choice: &mut dyn FnMut(usize) -> usize| ["", "", " ", "\t", "\r\n", "\n  "][choice(6)];
    let mut parts = Vec::new();
    let (open, close) = match value {
        Value::Object(object) => {
            for (key, value) in object {
                let (key, value) = (spell_text(key, choice), spell_value(value, choice));
                parts.push(format!(
                    "{}{key}{}:{}{value}{}",
                    blank(choice),
                    blank(choice),
                    blank(choice),
                    blank(choice)
                ));
            }
            ('{', '}')
        }
        Value::Array(items) => {
            for item in items {
                parts.push(format!("{}{}{}", blank(choice), spell_value(item, choice), blank(choice)));
            }
            ('[', ']')
        }
        Value::String(text) => return spell_text(text, choice),
        other => return other.to_string(),
    };
    format!("{open}{}{close}", parts.join(","))
}

fn spell_text(text: &str, choice: &mut dyn FnMut(usize) -> usize) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        let must = character < ' ' || matches!(character, '"' | '\\');
        if must || choice(4) == 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out + "\""
}

proptest! {
    #[test]
    fn any_spelling_of_an_event_has_the_same_values(
        documents in proptest::collection::vec(fields(), 1..4),
        choices in proptest::collection::vec(any::<prop::sample::Index>(), 64),
        is_list in any::<bool>(),
    ) {
        let mut turn = 0;
        let mut choice = |count: usize| { turn += 1; choices[turn % choices.len()].index(count) };
        let spelled: Vec<_> = documents.iter().map(|document| spell(document, &mut choice)).collect();
        let text = if is_list { format!("[{}]", spelled.join(",\n")) } else { spelled.join("\n") };
        let (events, problems) = read_one(text.as_bytes());
        prop_assert_eq!(problems, vec![], "{}", text);
        prop_assert_eq!(events.len(), documents.len(), "{}", &text);
        for (found, document) in events.iter().zip(&documents) {
            for (name, value) in document {
                let wanted = match value { Value::Array(items) => items.clone(), value => vec![value.clone()] };
                prop_assert_eq!(found.event.values(name), wanted, "{} in {}", name, &text);
            }
        }
    }
}

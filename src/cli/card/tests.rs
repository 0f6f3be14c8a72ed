//! Each document of `tests/report/cards` looks in the terminal as the text beside it says, at two widths.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

use super::card;
use crate::cli::look::Look;
use crate::report::Alert;

const PLAIN: Look = Look { color: false, width: 80 };

fn shown(document: &Map<String, Value>, look: Look) -> String {
    card(&Alert::read(document), None, look)
}

#[test]
fn cards_look_as_their_texts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/cards");
    let (mut seen, mut differing) = (0, Vec::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let document: Map<String, Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let found = format!(
            "{}\n---- 40 columns\n{}\n",
            shown(&document, PLAIN),
            shown(&document, Look { width: 40, ..PLAIN })
        );
        let expected = path.with_extension("txt");
        let written = fs::read_to_string(&expected).unwrap_or_default();
        if found != written {
            differing.push(format!("==== {}\n{found}", expected.display()));
        }
        seen += 1;
    }
    assert!(differing.is_empty(), "these are shown as:\n{}", differing.concat());
    let texts = fs::read_dir(&folder).unwrap().count() - seen;
    assert_eq!((seen, texts), (4, 4), "each document has its text, and no text is left over");
}

#[test]
fn who_and_from_where_stand_below_a_title_that_has_no_room_for_them() {
    let document = json!({"kibana.alert.severity": "high", "kibana.alert.original_time": "2026-11-20T14:00:00Z",
        "event.action": "GetSigninToken", "user.name": "payments-role", "source.ip": "203.0.113.177"});
    let at = |width| shown(document.as_object().unwrap(), Look { width, ..PLAIN });
    let lines = |width| at(width).lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(76)[1..], ["          from 203.0.113.177"], "who did it had room");
    assert_eq!(lines(50)[1..], ["          by payments-role  from 203.0.113.177"]);
    assert_eq!(lines(90).len(), 1, "{}", at(90));
}

#[test]
fn colours_say_how_bad_it_is_and_change_no_word() {
    let document = json!({"kibana.alert.severity": "critical", "event.action": "a", "user.name": "u",
        "stakeout.verdict": {"grade": "theft_likely", "score": 20.5}});
    let document = document.as_object().unwrap();
    let colored = shown(document, Look { color: true, ..PLAIN });
    assert!(colored.contains("\u{1b}[1m\u{1b}[7m\u{1b}[31mCRITICAL\u{1b}[0m"), "{colored:?}");
    let mut plain = String::new();
    for (at, part) in colored.split('\u{1b}').enumerate() {
        plain.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, shown(document, PLAIN));
}

proptest! {
    #[test]
    fn no_value_breaks_out_of_its_card(value in any::<String>(), width in 24_usize..120) {
        let document = json!({"kibana.alert.original_time": value, "kibana.alert.rule.name": value,
            "kibana.alert.ancestors": [{"index": value, "id": value}], "event": {"action": value, "outcome": value},
            "user": {"name": value, "id": value}, "source.ip": value, "user_agent.original": value,
            "stakeout": {"verdict": {"grade": value, "text": value}, "group.id": value}});
        let lines = card(&Alert::read(document.as_object().unwrap()), Some(&value), Look { color: false, width });
        prop_assert!(lines.lines().count() <= 18);
        for line in lines.split('\n') {
            prop_assert!(line.width() <= width && !line.chars().any(char::is_control), "{line:?}");
        }
    }
}

//! Any state file is a state, or is refused with what to do.

use std::cell::Cell;
use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use stakeout::checkpoint::{Cursor, Store, Window};
use stakeout::local::StateFile;

use super::mutate::mutated_structure;
use super::run::fuzz;
use super::said::assert_is_a_line;

const KEY: &str = "rule-1";

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_492_800 + 60 * minute, 0).expect("a time")
}

/// The cursor in a file, or why there is none.
fn load(file: &StateFile) -> Result<Option<Cursor>, String> {
    let store = Store::file(file.clone());
    let loaded = store.load(KEY, "Rule").now_or_never().expect("no one waits for a file");
    loaded.map(|tracked| tracked.cursor).map_err(|error| error.to_string())
}

fn save(file: &StateFile, cursor: &Cursor) {
    let store = Store::file(file.clone());
    let mut tracked = store.load(KEY, "Rule").now_or_never().expect("no wait").expect("a state, or no file");
    let saved = store.change(&mut tracked, cursor, at(100), |kept| *kept = cursor.clone());
    saved.now_or_never().expect("no wait").expect("a disk");
}

#[test]
fn any_state_file_is_a_state_or_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = StateFile::beside(&folder.path().join("alerts.ndjson"));
    let mut cursor = Cursor::starting_at(at(0));
    let mut texts = Vec::new();
    for number in 0..3 {
        save(&file, &cursor);
        assert_eq!(load(&file), Ok(Some(cursor.clone())));
        texts.push(fs::read_to_string(file.path()).expect("the state"));
        let from = at(10 * number);
        cursor.owe(Window::new(from, from + TimeDelta::minutes(5)), "1 of 2 shards failed", at(100));
    }
    let alone = tempfile::tempdir().expect("a folder");
    let only = StateFile::beside(&alone.path().join("alerts.ndjson"));
    let read = Cell::new(0);
    let tried = fuzz(
        800,
        |random| mutated_structure(&texts, random),
        |text| {
            fs::write(only.path(), text).expect("a file");
            match load(&only) {
                Ok(None) => {}
                Ok(Some(cursor)) => {
                    read.set(read.get() + 1);
                    let text = serde_json::to_string(&cursor).expect("JSON");
                    assert_eq!(serde_json::from_str::<Cursor>(&text).expect("the same"), cursor);
                }
                Err(message) => {
                    assert_is_a_line(&message);
                    assert!(message.contains("remove it") || message.contains("delete it"), "{message}");
                }
            }
        },
    );
    assert!(read.get() * 20 > tried, "only {} of {tried} states could be read", read.get());
}

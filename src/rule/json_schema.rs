//! The forms of rule files and of files of what is expected as JSON schemas, from which editors complete and check them.
//!
//! Made from the very tables that a file is compared with, so that no key is known to one and not to the other. A schema
//! says less than the reader: it refuses nothing that is read, and lets some mistakes through, such as those in a query.

use serde_json::{Map, Value, json};

use super::form::{Fate, Form, Key, Need, TableForm};
use super::keys::FILE;
use super::stakeout_keys::EXPECTED_FILE;

/// The dialect; editors of TOML know this one best.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// The path of each key, what it is for, and what else the schema says of it, as JSON.
const DESCRIBED: &str = include_str!("keys.tsv");

/// Numbers above this are no bound that anybody meets.
const UNBOUNDED: i128 = u32::MAX as i128;

/// Values that ask for nothing, which is all that a refused key may have.
const EMPTY: &str = "empty";

/// The JSON schema of a rule file.
#[must_use]
pub fn json_schema() -> Value {
    document(&FILE, "A detection rule: Elastic's rule format, and stakeout's own `[stakeout]`")
}

/// The JSON schema of a file that only declares what is expected.
#[must_use]
pub fn expected_json_schema() -> Value {
    document(&EXPECTED_FILE, "What is planned, and so no surprise: for `stakeout run --expected`")
}

fn document(form: &TableForm, title: &str) -> Value {
    let mut schema = json!({
        "$schema": DIALECT,
        "title": title,
        "definitions": {
            EMPTY: { "maxLength": 0, "maxItems": 0, "maxProperties": 0, "not": { "type": ["boolean", "number"] } },
        },
    });
    merge(&mut schema, table(form, ""));
    schema
}

fn table(form: &TableForm, path: &str) -> Value {
    let property = |key: &Key| {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        (key.name.to_owned(), property(key, &path))
    };
    let properties: Map<String, Value> = form.keys.iter().map(property).collect();
    let required: Vec<&str> =
        form.keys.iter().filter(|key| key.need != Need::Optional).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(key: &Key, path: &str) -> Value {
    let (words, more) = described(path).unwrap_or_default();
    let mut schema = json!({ "description": with_fate(words, key.fate) });
    merge(&mut schema, value(&key.form, path));
    merge(&mut schema, serde_json::from_str(more).unwrap_or_default());
    if matches!(key.fate, Fate::Refused(_) | Fate::OfType(_)) {
        schema["allOf"] = json!([{ "$ref": format!("#/definitions/{EMPTY}") }]);
    }
    schema
}

fn value(form: &Form, path: &str) -> Value {
    match form {
        Form::Text => json!({ "type": "string" }),
        Form::Filled | Form::Moment => json!({ "type": "string", "pattern": r"\S" }),
        Form::OneOf(allowed) => json!({ "type": "string", "enum": allowed }),
        Form::Integer(low, high) if *high > UNBOUNDED => json!({ "type": "integer", "minimum": bound(*low) }),
        Form::Integer(low, high) => {
            json!({ "type": "integer", "minimum": bound(*low), "maximum": bound(*high) })
        }
        Form::Boolean => json!({ "type": "boolean" }),
        Form::List(item) => json!({ "type": "array", "items": value(item, path) }),
        Form::Table(form) => table(form, path),
        Form::Named(form) => {
            json!({ "type": "object", "additionalProperties": value(form, &format!("{path}.*")) })
        }
        Form::AnyTable => json!({ "type": "object" }),
        Form::Either(one, other) => json!({ "anyOf": [value(one, path), value(other, path)] }),
    }
}

fn bound(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is said of the key at `path`, and what else its schema says.
fn described(path: &str) -> Option<(&'static str, &'static str)> {
    lines().find(|(known, ..)| *known == path).map(|(_, words, more)| (words, more))
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    DESCRIBED.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        Some((parts.next()?, parts.next()?, parts.next().unwrap_or("{}")))
    })
}

fn with_fate(words: &str, fate: Fate) -> String {
    match fate {
        Fate::Carried => words.to_owned(),
        Fate::NotApplied(instead) => format!("{words} Not applied: {instead}."),
        Fate::Refused(reason) => format!("{words} Refused unless empty: {reason}."),
        Fate::OfType(rule_type) => {
            format!("{words} Belongs to rules of type `{rule_type}`, which cannot run.")
        }
    }
}

/// Adds the members of one object to another, whose own of the same name they replace.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The paths of all keys of a form.
    fn paths(form: &TableForm, above: &str, found: &mut BTreeSet<String>) {
        for key in form.keys {
            let path = if above.is_empty() { key.name.to_owned() } else { format!("{above}.{}", key.name) };
            below(&key.form, &path, found);
            found.insert(path);
        }
    }

    fn below(form: &Form, path: &str, found: &mut BTreeSet<String>) {
        match form {
            Form::Table(form) => paths(form, path, found),
            Form::List(item) => below(item, path, found),
            Form::Named(form) => below(form, &format!("{path}.*"), found),
            Form::Either(one, other) => {
                below(one, path, found);
                below(other, path, found);
            }
            _ => {}
        }
    }

    #[test]
    fn every_key_that_the_reader_knows_is_described_once_and_no_other() {
        let mut known = BTreeSet::new();
        paths(&FILE, "", &mut known);
        let mut expected = BTreeSet::new();
        paths(&EXPECTED_FILE, "", &mut expected);
        assert!(expected.is_subset(&known), "{expected:?}");
        let described: Vec<&str> = lines().map(|(path, ..)| path).collect();
        let once: BTreeSet<String> = described.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(once, known);
        assert_eq!(once.len(), described.len(), "a path stands there twice");
    }

    #[test]
    fn descriptions_are_sentences_and_what_is_added_is_an_object() {
        for (path, words, more) in lines() {
            assert!(words.ends_with('.') && words.len() > 8, "{path}: {words}");
            let more: Value = serde_json::from_str(more).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(more.is_object(), "{path}");
        }
        assert_eq!(DESCRIBED.lines().count(), lines().count());
    }

    #[test]
    fn what_is_refused_may_be_empty_and_nothing_else() {
        let schema = json_schema();
        let filters = &schema["properties"]["rule"]["properties"]["filters"];
        assert_eq!(filters["allOf"][0]["$ref"], "#/definitions/empty");
        assert!(filters["description"].as_str().is_some_and(|words| words.contains("Refused unless empty")));
        assert!(schema["definitions"]["empty"].is_object());
    }
}

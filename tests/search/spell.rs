//! Any legal spelling of a JSON document: a choice is made at every turn.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// Chooses among so many ways.
pub type Choice<'c> = &'c mut dyn FnMut(usize) -> usize;

/// A document of these fields (full names): keys in any order, nested or dotted, some of them twice.
pub fn document(fields: &[(String, Value)], choice: Choice<'_>) -> Value {
    let mut object = Map::new();
    let mut left: Vec<_> = fields.iter().collect();
    while !left.is_empty() {
        let (name, value) = left.remove(choice(left.len()));
        put(&mut object, name, value.clone(), choice);
    }
    Value::Object(object)
}

/// Puts a field in, each of its dots a dot or a level.
fn put(object: &mut Map<String, Value>, name: &str, value: Value, choice: Choice<'_>) {
    for (dot, _) in name.match_indices('.') {
        let (head, rest) = (&name[..dot], &name[dot + 1..]);
        if choice(2) == 0 {
            let below = object.entry(head).or_insert_with(|| json!({}));
            if let Some(below) = below.as_object_mut() {
                return put(below, rest, value, choice);
            }
        }
    }
    object.insert(name.to_owned(), value);
}

/// The text of a value; `blanks` stand between its parts.
pub fn spell(value: &Value, blanks: &[&str], choice: Choice<'_>) -> String {
    let blank = |choice: Choice<'_>| blanks[choice(blanks.len())];
    let (open, close, parts) = match value {
        Value::Object(object) => {
            let mut parts = Vec::new();
            for (key, value) in object {
                if choice(12) == 0 {
                    // The last one of two counts.
                    parts.push(format!("{}:\"twice\"", text(key, choice)));
                }
                let (key, value) = (text(key, choice), spell(value, blanks, choice));
                parts.push(format!("{}{key}{}:{}{value}", blank(choice), blank(choice), blank(choice)));
            }
            ('{', '}', parts)
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| format!("{}{}", blank(choice), spell(item, blanks, choice)));
            ('[', ']', items.collect())
        }
        Value::String(plain) => return text(plain, choice),
        other => return other.to_string(),
    };
    format!("{open}{}{}{close}", parts.join(","), blank(choice))
}

fn text(text: &str, choice: Choice<'_>) -> String {
    let mut out = String::from("\"");
    // Most writers escape nothing that they need not.
    let escapes = choice(3) == 0;
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '/' if choice(2) == 0 => out.push_str("\\/"),
            '\n' if choice(2) == 0 => out.push_str("\\n"),
            _ if character < ' ' || escapes && choice(3) == 0 => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = if choice(2) == 0 {
                        write!(out, "\\u{unit:04x}")
                    } else {
                        write!(out, "\\u{unit:04X}")
                    };
                }
            }
            _ => out.push(character),
        }
    }
    out + "\""
}

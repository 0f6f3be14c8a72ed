//! Values of a document by name, whichever way its keys are nested or dotted.

use serde_json::{Map, Value};

/// Everything of `document` below the field `path`, nested; null where there is nothing.
pub fn below(document: &Map<String, Value>, path: &str) -> Value {
    let mut found = Value::Null;
    collect(document, path, &mut found);
    found
}

fn collect(object: &Map<String, Value>, path: &str, found: &mut Value) {
    for (key, value) in object {
        if key == path {
            merge(found, value);
        } else if let Some(rest) = key.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')) {
            put(found, rest, value);
        } else if let (Some(rest), Value::Object(inner)) =
            (path.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('.')), value)
        {
            collect(inner, rest, found);
        }
    }
}

fn merge(found: &mut Value, value: &Value) {
    match (found, value) {
        (Value::Object(found), Value::Object(more)) => {
            for (key, value) in more {
                merge(found.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (found, value) => *found = value.clone(),
    }
}

fn put(found: &mut Value, path: &str, value: &Value) {
    if !found.is_object() {
        *found = Value::Object(Map::new());
    }
    let Value::Object(object) = found else { return };
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let place = object.entry(key.to_owned()).or_insert(Value::Null);
    match rest {
        Some(rest) => put(place, rest, value),
        None => merge(place, value),
    }
}

/// A scalar as text, and a list's scalars joined; nothing for null, an object and an empty list.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(text).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        Value::Null | Value::Object(_) => None,
    }
    .filter(|text| !text.is_empty())
}

/// The text of one member of an object.
pub fn member(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(text)
}

/// The items of a list, or the one value that stands for a list of it.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

/// Every scalar field of `document` with its dotted name, in document order; those under `without` are left out.
pub fn leaves(document: &Map<String, Value>, without: &[&str]) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    for (key, value) in document {
        let root = key.split('.').next().unwrap_or(key);
        if !without.contains(&root) {
            leaf(key, value, &mut leaves);
        }
    }
    leaves
}

fn leaf(name: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(inner) => {
            for (key, value) in inner {
                leaf(&format!("{name}.{key}"), value, leaves);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                leaf(name, item, leaves);
            }
        }
        value => leaves.extend(text(value).map(|text| (name.to_owned(), text))),
    }
}

#[cfg(test)]
mod tests {
    use super::{below, leaves};
    use serde_json::{Value, json};

    fn found(document: &Value, path: &str) -> Value {
        below(document.as_object().unwrap(), path)
    }

    #[test]
    fn nested_dotted_and_mixed_keys_are_one_tree() {
        let expected = json!({"grade": "x", "more": {"a": 1}});
        for document in [
            json!({"s": {"v": {"grade": "x", "more": {"a": 1}}}}),
            json!({"s.v.grade": "x", "s.v.more.a": 1}),
            json!({"s.v": {"grade": "x"}, "s": {"v.more": {"a": 1}}}),
            json!({"s": {"v.grade": "x"}, "s.v.more": {"a": 1}, "s.vv": 3}),
        ] {
            assert_eq!(found(&document, "s.v"), expected, "{document}");
        }
        assert_eq!(found(&json!({"s": 1, "s.vv": 2}), "s.v"), Value::Null);
        assert_eq!(found(&json!({"s.v": [1, 2]}), "s.v"), json!([1, 2]));
    }

    #[test]
    fn leaves_have_full_names_and_joined_values() {
        let document =
            json!({"a": {"b": ["x", 2], "c": null}, "d.e": true, "k.x": 1, "l": [{"m": 1}, {"m": 2}]});
        let expected = [("a.b", "x, 2"), ("d.e", "true"), ("l.m", "1"), ("l.m", "2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(leaves(document.as_object().unwrap(), &["k"]), expected);
    }
}

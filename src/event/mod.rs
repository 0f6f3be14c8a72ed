//! One event: the document as its source gave it, the values of a field in it, and the texts it must hold.

pub mod decode;
mod needles;

use serde_json::{Map, Value};

pub use needles::{Literal, Needles};

/// One document of a source index, or one record of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// The index it lies in; for a file, the file's path.
    pub index: String,
    /// Its id in that index; for a file, its line.
    pub id: String,
    /// The document (`_source`): keys nested or dotted, values scalar or arrays.
    pub source: Map<String, Value>,
    /// Values by full field name as Elasticsearch's `fields` option returns them: they hold what `_source`
    /// does not (`constant_keyword`, alias and runtime fields), and win over it.
    pub fields: Map<String, Value>,
}

impl Event {
    /// The event of a document that is written as JSON, for tests.
    ///
    /// # Panics
    /// It is no object.
    #[cfg(test)]
    #[must_use]
    pub fn of(source: Value) -> Self {
        let Value::Object(source) = source else { panic!("expected an object, found {source}") };
        Self { source, ..Self::default() }
    }

    /// Whether `test` holds for any value of the field `path` (dotted full name).
    ///
    /// Nulls are no values; arrays and arrays of objects are walked through.
    pub fn any(&self, path: &str, mut test: impl FnMut(&Value) -> bool) -> bool {
        match self.fields.get(path) {
            Some(values) => any_leaf(values, &mut test),
            None => any_in_object(&self.source, path, &mut test),
        }
    }

    /// Whether the document itself, without [`Event::fields`], holds a value of the field.
    #[must_use]
    pub fn source_has(&self, path: &str) -> bool {
        any_in_object(&self.source, path, &mut |_| true)
    }

    /// Every value of the field, in document order.
    #[must_use]
    pub fn values(&self, path: &str) -> Vec<Value> {
        let mut values = Vec::new();
        self.any(path, |value| {
            values.push(value.clone());
            false
        });
        values
    }

    /// The first value of the field.
    #[must_use]
    pub fn first(&self, path: &str) -> Option<Value> {
        let mut first = None;
        self.any(path, |value| {
            first = Some(value.clone());
            true
        });
        first
    }

    /// The first value of the field, if it is a string.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        match self.first(path) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

/// Tries every way to read `path`: as one key, or as a key and the rest below it.
fn any_in_object(object: &Map<String, Value>, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    if object.get(path).is_some_and(|value| any_leaf(value, test)) {
        return true;
    }
    path.match_indices('.').any(|(dot, _)| {
        object.get(&path[..dot]).is_some_and(|below| any_below(below, &path[dot + 1..], test))
    })
}

fn any_below(value: &Value, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Object(object) => any_in_object(object, path, test),
        Value::Array(items) => items.iter().any(|item| any_below(item, path, test)),
        _ => false,
    }
}

fn any_leaf(value: &Value, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Array(items) => items.iter().any(|item| any_leaf(item, test)),
        scalar => test(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::Event;
    use serde_json::json;

    #[test]
    fn nested_dotted_and_mixed_keys_are_one_field() {
        for source in [
            json!({"a": {"b": {"c": 1}}}),
            json!({"a.b.c": 1}),
            json!({"a": {"b.c": 1}}),
            json!({"a.b": {"c": 1}}),
        ] {
            assert_eq!(Event::of(source).values("a.b.c"), [json!(1)]);
        }
        assert_eq!(Event::of(json!({"a": {"b": 1}, "a.b": 2})).values("a.b"), [json!(2), json!(1)]);
    }

    #[test]
    fn arrays_are_walked_and_nulls_are_missing() {
        let event = Event::of(
            json!({"a": [{"b": ["x", null, ["y"]]}, {"b": "z"}, 3], "n": null, "e": [], "o": {"x": 1}}),
        );
        assert_eq!(event.values("a.b"), [json!("x"), json!("y"), json!("z")]);
        for missing in ["n", "e", "o", "a.c", "zz"] {
            assert!(event.values(missing).is_empty(), "{missing}");
        }
        assert_eq!(event.text("a.b").as_deref(), Some("x"));
    }

    #[test]
    fn returned_fields_win_over_the_document() {
        let mut event = Event::of(json!({"event": {"dataset": "old"}}));
        event.fields.insert("event.dataset".into(), json!(["aws.cloudtrail"]));
        assert_eq!(event.values("event.dataset"), [json!("aws.cloudtrail")]);
    }
}

//! The alert's id: the same finding of the same rule gets the same id, wherever and whenever it is found again.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::given_name::given_name;
use crate::event::Event;

/// An alert's `_id`: 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(String);

impl AlertId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Half of it: enough to tell any number of alerts apart.
    #[must_use]
    pub fn half(&self) -> u128 {
        let digits = self.0.bytes().take(32).map(|digit| char::from(digit).to_digit(16).unwrap_or_default());
        digits.fold(0, |half, digit| half << 4 | u128::from(digit))
    }
}

/// The id of what `rule_id` found in `event`: SHA-256 over the rule and the values of the `identity` fields.
///
/// Every part is written with its length before it and several values are sorted, so that no two findings share
/// the bytes that are hashed. Where a field of the identity has no value (or none is named), the document's own
/// index and id take its place: then nothing is joined, so nothing can be lost. An index counts by the name that it was
/// given, as the cluster renames it when it grows old; and where a file's document brings no index and id, its content
/// stands for them, as the file may be renamed, moved or written anew.
#[must_use]
pub fn alert_id(rule_id: &str, identity: &[String], event: &Event) -> AlertId {
    let mut hash = Parts::new();
    hash.part(rule_id);
    if let Some(fields) = identity_values(identity, event) {
        hash.part("fields");
        for (field, values) in fields {
            hash.part(field);
            hash.count(values.len());
            for value in &values {
                hash.part(value);
            }
        }
    } else if event.is_placed {
        hash.part("content");
        hash.object(&event.source);
        hash.object(&event.fields);
    } else {
        hash.part("document");
        hash.part(&given_name(&event.index));
        hash.part(&event.id);
    }
    AlertId(hash.finish())
}

/// The sorted values of each identity field; none where a field lacks one.
fn identity_values<'a>(identity: &'a [String], event: &Event) -> Option<Vec<(&'a str, Vec<String>)>> {
    if identity.is_empty() {
        return None;
    }
    identity.iter().map(|field| sorted_values(field, event).map(|values| (field.as_str(), values))).collect()
}

fn sorted_values(field: &str, event: &Event) -> Option<Vec<String>> {
    let mut values: Vec<String> =
        event.values(field).iter().map(as_text).filter(|text| !text.is_empty()).collect();
    values.sort_unstable();
    values.dedup();
    (!values.is_empty()).then_some(values)
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Hashes parts so that their borders count.
struct Parts(Sha256);

impl Parts {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn count(&mut self, number: usize) {
        self.0.update((number as u64).to_be_bytes());
    }

    fn part(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    /// Whatever the order of its keys.
    fn object(&mut self, object: &Map<String, Value>) {
        self.part("{");
        self.count(object.len());
        let mut entries: Vec<_> = object.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in entries {
            self.part(key);
            self.value(value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(items) => {
                self.part("[");
                self.count(items.len());
                for item in items {
                    self.value(item);
                }
            }
            // A text in quotes, so that it is neither of those above nor a number.
            scalar => self.part(&scalar.to_string()),
        }
    }

    fn finish(self) -> String {
        use std::fmt::Write;
        self.0.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

#[cfg(test)]
mod tests {
    use super::alert_id;
    use crate::event::Event;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn event(index: &str, id: &str, source: Value) -> Event {
        Event { index: index.into(), id: id.into(), ..Event::of(source) }
    }

    fn identity(fields: &[&str]) -> Vec<String> {
        fields.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_event_in_two_indices_and_shapes_is_one_finding() {
        let identity = identity(&["event.id", "user.id"]);
        let nested = event("logs", "1", json!({"event": {"id": "e"}, "user": {"id": ["b", "a"]}}));
        let dotted = event("filebeat", "2", json!({"event.id": ["e"], "user.id": ["a", "b", "a"]}));
        assert_eq!(alert_id("r", &identity, &nested), alert_id("r", &identity, &dotted));
        assert_ne!(alert_id("r", &identity, &nested), alert_id("q", &identity, &nested));
    }

    #[test]
    fn without_a_whole_identity_the_document_is_the_finding() {
        let identity = identity(&["event.id", "user.id"]);
        for missing in
            [json!({"event": {"id": "e"}}), json!({"event": {"id": "e"}, "user": {"id": ""}}), json!({})]
        {
            let one = alert_id("r", &identity, &event("a", "1", missing.clone()));
            assert_ne!(one, alert_id("r", &identity, &event("a", "2", missing.clone())));
            assert_ne!(one, alert_id("r", &identity, &event("b", "1", missing.clone())));
            assert_eq!(one, alert_id("r", &identity, &event("a", "1", missing)));
        }
    }

    #[test]
    fn the_form_of_the_id_is_fixed() {
        // A change here makes every alert of every installation appear a second time.
        let id = alert_id("r", &identity(&["event.id"]), &event("i", "1", json!({"event": {"id": "e"}})));
        assert_eq!(id.as_str(), "e5a557353af4411e93daa3f4a2129000644c9f3bd1c9e4657ea349287232db70");
    }

    #[test]
    fn an_index_that_grows_old_keeps_its_findings() {
        let of = |index: &str| alert_id("r", &[], &event(index, "1", json!({})));
        let logs = of("logs-a");
        for renamed in ["restored-logs-a", "partial-logs-a", "partial-shrink-x9_a-logs-a"] {
            assert_eq!(of(renamed), logs, "{renamed}");
        }
        assert_ne!(of("logs-b"), logs);
    }

    #[test]
    fn a_document_without_a_name_is_its_content_wherever_it_stands() {
        let of = |index: &str, id: &str, source: Value| {
            alert_id("r", &identity(&["x"]), &Event { is_placed: true, ..event(index, id, source) })
        };
        let one = of("app.ndjson", "1", json!({"a": [1, {"b": null, "c": "2"}], "d": {}}));
        assert_eq!(one, of("/var/app.ndjson.1", "9:2", json!({"d": {}, "a": [1, {"c": "2", "b": null}]})));
        for other in [
            json!({"a": [1, {"b": null, "c": 2}], "d": {}}),
            json!({"a": [1, {"b": null, "c": "2"}], "d": []}),
            json!({"a": [{"b": null, "c": "2"}, 1], "d": {}}),
            json!({"a": [1, {"b": null, "c": "2", "d": {}}]}),
        ] {
            assert_ne!(one, of("app.ndjson", "1", other.clone()), "{other}");
        }
        // A change here makes every alert over files appear a second time.
        assert_eq!(one.as_str(), "99e2d0af1bffa3eb28199bf4bd88fc63f391e3ecbeba0d2e2de3392243021d60");
    }

    proptest! {
        #[test]
        fn different_values_are_different_findings(a in "[ab|:]{1,4}", b in "[ab|:]{1,4}", c in "[ab|:]{1,4}", d in "[ab|:]{1,4}") {
            prop_assume!((&a, &b) != (&c, &d));
            let identity = identity(&["x", "y"]);
            let one = event("i", "1", json!({"x": a, "y": b}));
            let two = event("i", "1", json!({"x": c, "y": d}));
            prop_assert_ne!(alert_id("r", &identity, &one), alert_id("r", &identity, &two));
        }
    }
}

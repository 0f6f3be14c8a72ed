//! The alert's id: the same finding of the same rule gets the same id, wherever and whenever it is found again.

use serde_json::Value;
use sha2::{Digest, Sha256};

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
/// index and id take its place: then nothing is joined, so nothing can be lost.
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
    } else {
        hash.part("document");
        hash.part(&event.index);
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

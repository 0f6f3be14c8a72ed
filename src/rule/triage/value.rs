//! Named values that a rule reads from an event: a field, and the part of it that a pattern captures.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value as Json;

use crate::event::Event;

/// How one value is read.
#[derive(Debug, Clone)]
pub struct ValueForm {
    /// Its name.
    pub name: String,
    /// The field that it is read from.
    pub from: String,
    /// What must be found in the field's text; the first group, or the whole where there is none, is the value.
    /// Without a pattern the text itself is.
    pub pattern: Option<Regex>,
}

impl PartialEq for ValueForm {
    fn eq(&self, other: &Self) -> bool {
        let pattern = |form: &Self| form.pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
        (&self.name, &self.from, pattern(self)) == (&other.name, &other.from, pattern(other))
    }
}

impl ValueForm {
    /// The value in `event`: the first value of the field that has one, or none.
    #[must_use]
    pub fn read(&self, event: &Event) -> Option<String> {
        let mut found = None;
        event.any(&self.from, |value| {
            found = text_of(value).and_then(|text| self.part(&text));
            found.is_some()
        });
        found
    }

    fn part(&self, text: &str) -> Option<String> {
        let Some(pattern) = &self.pattern else { return Some(text.to_owned()) };
        let captures = pattern.captures(text)?;
        let part = captures.get(1).or_else(|| captures.get(0).filter(|_| captures.len() == 1))?;
        Some(part.as_str().to_owned()).filter(|part| !part.is_empty())
    }
}

/// The values of one event by name: those that a rule declares, and every field.
#[derive(Debug, Clone, PartialEq)]
pub struct Values<'e> {
    /// Those declared; none where the event has no such value.
    named: BTreeMap<String, Option<String>>,
    event: &'e Event,
}

impl<'e> Values<'e> {
    /// Reads the declared values of `event`; one that has no match is absent.
    #[must_use]
    pub fn read(forms: &[ValueForm], event: &'e Event) -> Self {
        let named = forms.iter().map(|form| (form.name.clone(), form.read(event))).collect();
        Self { named, event }
    }

    /// The value of `name`: a declared one, or the first value of the field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        match self.named.get(name) {
            Some(declared) => declared.clone(),
            None => self.event.first(name).and_then(|value| text_of(&value)).filter(|text| !text.is_empty()),
        }
    }

    /// The declared values that the event has, in order of name.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
    }

    /// The event that they were read from.
    #[must_use]
    pub fn event(&self) -> &'e Event {
        self.event
    }
}

/// A scalar as text.
fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(name: &str, pattern: &str) -> ValueForm {
        let pattern = (!pattern.is_empty()).then(|| Regex::new(pattern).expect("a pattern"));
        ValueForm { name: name.into(), from: "user.id".into(), pattern }
    }

    #[test]
    fn the_group_is_the_value_and_no_match_is_absent() {
        let forms = [
            form("role_id", "^([^:]+):"),
            form("instance_id", "^[^:]+:(i-(?:[0-9a-f]{8}|[0-9a-f]{17}))$"),
            form("whole", "^AROA"),
            form("plain", ""),
            form("none", "^x(y)?"),
        ];
        let event = Event::of(json!({"user.id": "AROA1:i-0a1b2c3d4e5f60001", "n": 7, "e": ""}));
        let values = Values::read(&forms, &event);
        assert_eq!(values.get("role_id").as_deref(), Some("AROA1"));
        assert_eq!(values.get("instance_id").as_deref(), Some("i-0a1b2c3d4e5f60001"));
        assert_eq!(values.get("whole").as_deref(), Some("AROA"));
        assert_eq!(values.get("plain").as_deref(), Some("AROA1:i-0a1b2c3d4e5f60001"));
        assert_eq!(values.get("none"), None);
        assert_eq!((values.get("n").as_deref(), values.get("e"), values.get("zz")), (Some("7"), None, None));
        let event = Event::of(json!({"user.id": "AROA1:i-smith@example.com"}));
        assert_eq!(Values::read(&forms, &event).get("instance_id"), None);
    }

    #[test]
    fn of_several_values_the_first_that_matches_counts() {
        let event = Event::of(json!({"user": {"id": ["AROA1:deploy", "AROA2:i-1a2b3c4d"]}}));
        let values = Values::read(&[form("instance_id", ":(i-[0-9a-f]{8})$")], &event);
        assert_eq!(values.named().collect::<Vec<_>>(), [("instance_id", "i-1a2b3c4d")]);
    }
}

//! The one sentence that says what an alert is about.

use crate::event::Event;

/// A field's place in the sentence: the words before its value.
const PHRASES: &[(&str, &[&str])] = &[
    ("", &["event.outcome"]),
    ("", &["event.action", "event.code", "event.category", "event.type"]),
    ("at", &["event.provider", "event.module"]),
    ("by", &["user.name", "user.id"]),
    ("as", &["user.id"]),
    ("on", &["host.name", "host.hostname"]),
    ("with process", &["process.name", "process.executable"]),
    ("on file", &["file.path", "file.name"]),
    ("from", &["source.ip", "source.address"]),
    ("to", &["destination.ip", "destination.address"]),
    ("in account", &["cloud.account.id"]),
];

/// Longest value that is written whole, in characters.
const LONGEST: usize = 120;

/// A sentence with the event's own values, such as
/// `success GetSigninToken at signin.amazonaws.com by app-role from 198.51.100.77 created high alert NAME.`
#[must_use]
pub fn reason(event: &Event, severity: &str, rule_name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for (before, fields) in PHRASES {
        let value = fields.iter().find_map(|field| event.text(field)).filter(|value| !value.is_empty());
        if let Some(value) = value.map(|value| shortened(&value)).filter(|value| !words.contains(value)) {
            words.extend((!before.is_empty()).then(|| (*before).to_owned()));
            words.push(value);
        }
    }
    if words.is_empty() {
        words.push("event".to_owned());
    }
    format!("{} created {severity} alert {rule_name}.", words.join(" "))
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::reason;
    use crate::event::Event;
    use serde_json::json;

    #[test]
    fn reads_as_a_sentence() {
        let event = Event::of(json!({
            "event": {"action": "GetSigninToken", "outcome": "success", "provider": "signin.amazonaws.com"},
            "user": {"name": "app-role", "id": "AROA:i-1"}, "source.ip": "198.51.100.77"}));
        assert_eq!(
            reason(&event, "high", "Console login"),
            "success GetSigninToken at signin.amazonaws.com by app-role as AROA:i-1 from 198.51.100.77 \
             created high alert Console login."
        );
    }

    #[test]
    fn missing_and_long_values_leave_a_sentence() {
        assert_eq!(reason(&Event::default(), "low", "N"), "event created low alert N.");
        let long = reason(&Event::of(json!({"user.name": "é".repeat(500)})), "low", "N");
        assert!(long.chars().count() < 160, "{long}");
    }
}

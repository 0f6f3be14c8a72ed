//! The one sentence that says what an alert is about: what happened, who did it, from where, on what, and when.

use chrono::SecondsFormat;

use crate::diagnostic::sanitize;
use crate::eval::date;
use crate::event::Event;

/// A part of the sentence: the words before it, the fields of which the first with a value says it, and those that
/// say more of it, in parentheses.
struct Phrase {
    before: &'static str,
    says: &'static [&'static str],
    more: &'static [&'static str],
}

const fn phrase(
    before: &'static str,
    says: &'static [&'static str],
    more: &'static [&'static str],
) -> Phrase {
    Phrase { before, says, more }
}

/// What happened.
const WHAT: Phrase =
    phrase("", &["event.action", "event.code", "event.category", "event.type"], &["event.outcome"]);

const PHRASES: &[Phrase] = &[
    phrase("at", &["event.provider", "event.module"], &[]),
    phrase("by", &["user.name", "user.email", "user.id"], &["user.id"]),
    phrase("with process", &["process.name", "process.executable"], &[]),
    phrase("on file", &["file.path", "file.name"], &[]),
    phrase(
        "from",
        &["source.ip", "source.address"],
        &["source.as.organization.name", "source.geo.country_name"],
    ),
    phrase("to", &["destination.ip", "destination.address"], &[]),
    phrase("on", &["host.name", "host.hostname"], &[]),
    phrase("in account", &["cloud.account.id"], &["cloud.account.name"]),
];

/// Longest value that is written whole, in characters.
const LONGEST: usize = 120;

/// A sentence with the event's own values, such as `GetSigninToken (success) at signin.amazonaws.com by app-role
/// (AROA:i-1) from 198.51.100.77 (EXAMPLE-HOSTING) in account 111122223333 at 2026-11-20T14:00:00Z created high alert
/// NAME.`
#[must_use]
pub fn reason(event: &Event, severity: &str, rule_name: &str) -> String {
    let mut said = Vec::new();
    let what = WHAT.say(event, &mut said).unwrap_or_else(|| "event".to_owned());
    let mut parts = vec![what];
    parts.extend(PHRASES.iter().filter_map(|phrase| phrase.say(event, &mut said)));
    parts.extend(moment(event).map(|moment| format!("at {moment}")));
    format!("{} created {severity} alert {rule_name}.", parts.join(" "))
}

impl Phrase {
    /// The part in words; no value is said twice.
    fn say(&self, event: &Event, said: &mut Vec<String>) -> Option<String> {
        let main = self.says.iter().find_map(|field| fresh(event, field, said))?;
        let more: Vec<String> = self.more.iter().filter_map(|field| fresh(event, field, said)).collect();
        let words = if self.before.is_empty() { main } else { format!("{} {main}", self.before) };
        Some(if more.is_empty() { words } else { format!("{words} ({})", more.join(", ")) })
    }
}

fn fresh(event: &Event, field: &str, said: &mut Vec<String>) -> Option<String> {
    let value = event.text(field).map(|value| shortened(value.trim())).filter(|value| !value.is_empty())?;
    if said.contains(&value) {
        return None;
    }
    said.push(value.clone());
    Some(value)
}

/// When it happened, to the second.
fn moment(event: &Event) -> Option<String> {
    let moment = date::moment(&event.first("@timestamp")?)?;
    Some(moment.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Safe to show, and short.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", sanitize(&value[..end])),
        None => sanitize(value),
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
            "@timestamp": "2026-11-20T15:00:00.123+01:00",
            "event": {"action": "GetSigninToken", "outcome": "success", "provider": "signin.amazonaws.com"},
            "user": {"name": "app-role", "id": "AROA:i-1"},
            "source": {"ip": "198.51.100.77", "as": {"organization": {"name": "EXAMPLE-HOSTING"}},
                "geo": {"country_name": "Netherlands"}},
            "cloud.account.id": "111122223333"}));
        assert_eq!(
            reason(&event, "high", "Console login"),
            "GetSigninToken (success) at signin.amazonaws.com by app-role (AROA:i-1) from 198.51.100.77 \
             (EXAMPLE-HOSTING, Netherlands) in account 111122223333 at 2026-11-20T14:00:00Z created high alert \
             Console login."
        );
    }

    #[test]
    fn other_kinds_of_events_have_their_own_words() {
        let event = Event::of(json!({"event.category": ["process"], "process.name": "svchost.exe",
            "user.name": "SYSTEM", "host.name": "web-1", "@timestamp": "soon"}));
        assert_eq!(
            reason(&event, "medium", "First"),
            "process by SYSTEM with process svchost.exe on web-1 created medium alert First."
        );
    }

    #[test]
    fn a_value_is_said_once() {
        let event = Event::of(json!({"user.id": "a", "user.email": " ", "source.ip": "a"}));
        assert_eq!(reason(&event, "low", "N"), "event by a created low alert N.");
    }

    #[test]
    fn missing_long_and_hostile_values_leave_a_sentence() {
        assert_eq!(reason(&Event::default(), "low", "N"), "event created low alert N.");
        let long = reason(&Event::of(json!({"user.name": "é".repeat(100_000)})), "low", "N");
        assert!(long.chars().count() < 170, "{long}");
        let hostile = reason(&Event::of(json!({"user.name": "a\n\u{202e}b\u{1b}[2J"})), "low", "N");
        assert_eq!(hostile, "event by a\\u{a}\\u{202e}b\\u{1b}[2J created low alert N.");
    }
}

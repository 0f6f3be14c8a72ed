//! What a person wants of an alert document: read once, shown by the page and by the terminal alike.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::read::{below, items, leaves, member};
use crate::event::Event;
use crate::rule::RuleSeverity;

/// Roots of an alert that are not of the event it was made from.
const NOT_OF_THE_EVENT: &[&str] = &["kibana", "signal", "stakeout", "@timestamp"];

/// An alert, ready to be shown; values are as they were found, so whoever shows them has to make them safe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alert {
    /// Its `_id`.
    pub id: String,
    /// When it happened, as written.
    pub when: Option<String>,
    /// When it happened, in milliseconds since 1970.
    pub millis: Option<i64>,
    /// How bad it is; none where no rule says.
    pub severity: Option<RuleSeverity>,
    /// The rule's id; empty where no rule made it.
    pub rule_id: String,
    /// The rule's name, or the query.
    pub rule_name: String,
    /// The sentence that says what it is about.
    pub reason: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// Whether it worked.
    pub outcome: Option<String>,
    /// The service that was asked.
    pub provider: Option<String>,
    /// Who did it: a name, where there is one.
    pub principal: Option<String>,
    /// Who did it: the id.
    pub user_id: Option<String>,
    /// The machine it belongs to.
    pub instance: Option<String>,
    /// The cloud account.
    pub account: Option<String>,
    /// The cloud region, as the event has it.
    pub region: Option<String>,
    /// Where it came from.
    pub source: Option<String>,
    /// Whose network that is, and in which country.
    pub network: Option<String>,
    /// With which client.
    pub agent: Option<String>,
    /// The index and id of the event, or its file and line.
    pub origin: Option<String>,
    /// What alerts of the same case share.
    pub group: Option<String>,
    /// Where Kibana shows it.
    pub url: Option<String>,
    /// Values that the detector took out of the event.
    pub facts: Vec<(String, String)>,
    /// What the triage came to.
    pub verdict: Option<Verdict>,
    /// The triage's questions.
    pub answers: Vec<Answer>,
    /// What can be done about it.
    pub commands: Vec<Command>,
    /// Where to look on.
    pub pivots: Vec<Pivot>,
    /// The event's own fields.
    pub event: Vec<(String, String)>,
}

/// A grade and what speaks for and against it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Such as `theft_likely`.
    pub grade: String,
    /// The sum of the weights.
    pub score: Option<f64>,
    /// The grade as a sentence.
    pub text: Option<String>,
    /// What was counted.
    pub evidence: Vec<Evidence>,
}

/// One reason for or against.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What it is about.
    pub group: Option<String>,
    /// How much it counts; negative speaks for a legitimate cause.
    pub weight: Option<f64>,
    /// In words.
    pub text: String,
}

/// The answer to a question of the guide.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The question in words, or its id.
    pub question: String,
    /// Such as `answered` or `not_in_data`.
    pub status: Option<String>,
    /// The answer in words.
    pub text: Option<String>,
}

/// A response command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Command {
    /// Such as `harmless` or `disruptive`.
    pub effect: Option<String>,
    /// What it is for.
    pub title: Option<String>,
    /// To be typed; none where it is withheld.
    pub command: Option<String>,
    /// The command that takes it back.
    pub undo: Option<String>,
    /// What to know before.
    pub note: Option<String>,
    /// Why there is no command.
    pub withheld: Option<String>,
}

/// A query to go on with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pivot {
    /// What it finds.
    pub title: String,
    /// Kibana's page for it.
    pub url: Option<String>,
    /// The query as text.
    pub query: Option<String>,
    /// The time that it looks at.
    pub span: Option<String>,
    /// Where it searches.
    pub indices: Option<String>,
    /// Why there is no query, or no link.
    pub withheld: Option<String>,
}

impl Alert {
    /// Reads an alert document; what it lacks is left empty.
    #[must_use]
    pub fn read(document: &Map<String, Value>) -> Self {
        let facts = facts(document);
        let event = Event { source: document.clone(), ..Event::default() };
        let text = |fields: &[&str]| {
            fields.iter().find_map(|field| event.first(field)).and_then(|value| super::read::text(&value))
        };
        let when = text(&["kibana.alert.original_time"]);
        let user_id = text(&["user.id"]);
        let fact = |name: &str| facts.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Self {
            id: text(&["kibana.alert.uuid"]).unwrap_or_default(),
            millis: when.as_deref().and_then(millis),
            when,
            severity: text(&["kibana.alert.severity"]).and_then(|name| RuleSeverity::named(&name)),
            rule_id: text(&["kibana.alert.rule.rule_id"]).unwrap_or_default(),
            rule_name: text(&["kibana.alert.rule.name"]).unwrap_or_default(),
            reason: text(&["kibana.alert.reason"]),
            action: text(&["event.action", "event.code"]),
            outcome: text(&["event.outcome"]),
            provider: text(&["event.provider"]),
            principal: text(&["user.name"]).or_else(|| user_id.clone()),
            instance: fact("instance_id")
                .or_else(|| text(&["cloud.instance.id"]))
                .or_else(|| user_id.as_deref().and_then(instance_of).map(str::to_owned))
                .or_else(|| text(&["host.id", "host.name"])),
            user_id,
            account: text(&["cloud.account.id"]),
            region: text(&["cloud.region"]),
            source: text(&["source.ip", "source.address"]),
            network: network(&text),
            agent: text(&["user_agent.original"]),
            origin: origin(document),
            group: text(&["stakeout.group.id", "kibana.alert.group.id"]),
            url: text(&["kibana.alert.url"]),
            verdict: verdict(&below(document, "stakeout.verdict")),
            answers: answers(&below(document, "stakeout.triage")),
            commands: items(&below(document, "stakeout.commands")).iter().filter_map(command).collect(),
            pivots: items(&below(document, "stakeout.pivots")).iter().filter_map(pivot).collect(),
            event: leaves(document, NOT_OF_THE_EVENT),
            facts,
        }
    }
}

/// The session of an instance's own credentials is named after the instance.
fn instance_of(user_id: &str) -> Option<&str> {
    let name = user_id.rsplit_once(':')?.1;
    let digits = name.strip_prefix("i-")?;
    let is_hex = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && matches!(digits.len(), 8 | 17)).then_some(name)
}

fn millis(when: &str) -> Option<i64> {
    let parsed = DateTime::parse_from_rfc3339(when).ok().map(|time| time.timestamp_millis());
    parsed
        .or_else(|| when.parse().ok())
        .filter(|millis| DateTime::<Utc>::from_timestamp_millis(*millis).is_some())
}

fn network(text: &dyn Fn(&[&str]) -> Option<String>) -> Option<String> {
    let owner = text(&["source.as.organization.name"]);
    let country = text(&["source.geo.country_name", "source.geo.country_iso_code"]);
    let parts: Vec<String> = owner.into_iter().chain(country).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn origin(document: &Map<String, Value>) -> Option<String> {
    let ancestors = below(document, "kibana.alert.ancestors");
    let first = items(&ancestors).first()?;
    let (index, id) = (member(first, "index")?, member(first, "id")?);
    Some(format!("{index}: {id}"))
}

fn facts(document: &Map<String, Value>) -> Vec<(String, String)> {
    match below(document, "stakeout.facts") {
        Value::Object(facts) => leaves(&facts, &[]),
        _ => Vec::new(),
    }
}

fn verdict(value: &Value) -> Option<Verdict> {
    let evidence = items(value.get("evidence").unwrap_or(&Value::Null)).iter().filter_map(|item| {
        let weight = item.get("weight").and_then(Value::as_f64);
        Some(Evidence { group: member(item, "group"), weight, text: member(item, "text")? })
    });
    Some(Verdict {
        grade: member(value, "grade")?,
        score: value.get("score").and_then(Value::as_f64),
        text: member(value, "text"),
        evidence: evidence.collect(),
    })
}

/// Answers are a list, or an object by the question's id.
fn answers(value: &Value) -> Vec<Answer> {
    let answer = |id: Option<&str>, item: &Value| {
        let question =
            member(item, "question").or_else(|| id.map(str::to_owned)).or_else(|| member(item, "id"))?;
        let answer = Answer { question, status: member(item, "status"), text: member(item, "text") };
        (answer.status.is_some() || answer.text.is_some()).then_some(answer)
    };
    match value {
        Value::Object(by_id) => by_id.iter().filter_map(|(id, item)| answer(Some(id), item)).collect(),
        list => items(list).iter().filter_map(|item| answer(None, item)).collect(),
    }
}

fn command(item: &Value) -> Option<Command> {
    let (command, withheld) = (member(item, "command"), member(item, "withheld"));
    let (undo, note) = (member(item, "undo"), member(item, "note"));
    let title = member(item, "label");
    (command.is_some() || withheld.is_some()).then_some(Command {
        effect: member(item, "effect"),
        title,
        command,
        undo,
        note,
        withheld,
    })
}

fn pivot(item: &Value) -> Option<Pivot> {
    let (url, query, withheld) = (member(item, "url"), member(item, "query"), member(item, "withheld"));
    let title = member(item, "label").or_else(|| query.clone())?;
    let span = member(item, "from").zip(member(item, "to")).map(|(from, to)| format!("{from} to {to}"));
    let indices = member(item, "indices");
    let says_something = url.is_some() || query.is_some() || withheld.is_some();
    says_something.then_some(Pivot { title, url, query, span, indices, withheld })
}

#[cfg(test)]
mod tests {
    use super::{Alert, instance_of};
    use crate::rule::RuleSeverity;
    use serde_json::{Value, json};

    fn read(document: &Value) -> Alert {
        Alert::read(document.as_object().unwrap())
    }

    #[test]
    fn reads_who_what_where_in_either_form() {
        let alert = read(&json!({
            "kibana.alert.severity": "high", "kibana.alert.original_time": "2026-11-20T09:44:10Z",
            "kibana.alert.ancestors": [{"id": "x1", "index": "filebeat-1"}],
            "user": {"name": "app-role", "id": "AROA:i-0a1b2c3d4e5f60001"}, "event.action": "GetSigninToken",
            "source": {"ip": "198.51.100.77", "as.organization.name": "EXAMPLE", "geo": {"country_iso_code": "NL"}}}));
        assert_eq!(alert.severity, Some(RuleSeverity::High));
        assert_eq!(alert.millis, Some(1_795_167_850_000));
        assert_eq!(alert.principal.as_deref(), Some("app-role"));
        assert_eq!(alert.instance.as_deref(), Some("i-0a1b2c3d4e5f60001"));
        assert_eq!(alert.network.as_deref(), Some("EXAMPLE, NL"));
        assert_eq!(alert.origin.as_deref(), Some("filebeat-1: x1"));
        assert_eq!(alert.event.len(), 6, "{:?}", alert.event);
    }

    #[test]
    fn reads_what_the_triage_added() {
        let alert = read(&json!({
            "stakeout.facts.instance_id": "i-1", "stakeout.group": {"id": "g1"},
            "stakeout.verdict": {"grade": "theft_likely", "score": 68, "text": "t",
                "evidence": [{"group": "place", "weight": 15, "text": "new network"}, {"weight": 1}]},
            "stakeout.triage": {"sts": {"question": "Calls?", "status": "answered", "text": "one"}, "until": "x"},
            "stakeout.commands": [{"effect": "harmless", "command": "aws x"}, {"effect": "none"},
                {"label": "Stop it", "effect": "disruptive", "withheld": "this alert has no `role_name`"}],
            "stakeout.pivots": [{"label": "Session", "url": "https://k", "query": "user.id: 1", "from": "a", "to": "b",
                "indices": ["x-*", "y"]}, {"label": "nothing"}, {"query": "q"}]}));
        assert_eq!((alert.instance.as_deref(), alert.group.as_deref()), (Some("i-1"), Some("g1")));
        let verdict = alert.verdict.unwrap();
        assert_eq!((verdict.score, verdict.evidence.len()), (Some(68.0), 1));
        assert_eq!(alert.answers.len(), 1);
        assert_eq!(
            (alert.answers[0].question.as_str(), alert.commands.len(), alert.pivots.len()),
            ("Calls?", 2, 2)
        );
        assert_eq!(alert.commands[1].withheld.as_deref(), Some("this alert has no `role_name`"));
        let pivot = &alert.pivots[0];
        assert_eq!((pivot.title.as_str(), pivot.span.as_deref()), ("Session", Some("a to b")));
        assert_eq!(pivot.indices.as_deref(), Some("x-*, y"));
    }

    #[test]
    fn an_odd_document_is_an_empty_alert() {
        let odd = json!({"kibana": 1, "stakeout.verdict": [1], "stakeout.triage": "x", "stakeout.commands": {"a": 1},
            "stakeout.pivots": [null, 3], "kibana.alert.ancestors": "x", "kibana.alert.original_time": {}});
        assert_eq!(read(&odd), Alert::default());
    }

    #[test]
    fn only_an_instance_id_names_an_instance() {
        assert_eq!(instance_of("A:i-0a1b2c3d"), Some("i-0a1b2c3d"));
        for other in ["A:i-smith@example.com", "i-0a1b2c3d", "A:i-0a1b2c3", "A:I-0A1B2C3D", "A:"] {
            assert_eq!(instance_of(other), None, "{other}");
        }
    }
}

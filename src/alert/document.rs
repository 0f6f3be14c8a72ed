//! The alert document: the event's fields, and the rule and its guide in Kibana's `kibana.alert.*` names.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::commands::commands;
use super::guide::guide;
use super::identity::AlertId;
use super::pivots::pivots;
use super::places::Places;
use super::reason::reason;
use super::rule_fields::{ecs_fields, has_own, kibana_fields};
use crate::eval::date::moment;
use crate::event::Event;
use crate::rule::Rule;
use crate::rule::triage::Values;

#[cfg(test)]
mod tests;

/// Roots that an alert fills itself; an event must not be able to set them.
const OWN_ROOTS: &[&str] = &["kibana", "signal", "stakeout", "threshold_result"];

/// Longest event text that a reduced alert carries, in bytes of JSON: proxies often take no more than 1 MiB at a time.
const LONGEST_REDUCED_EVENT: usize = 500_000;

/// Longest fact that a reduced alert carries, in bytes; what is longer stands in the event's text.
const LONGEST_REDUCED_FACT: usize = 1024;

/// The values that a rule names, by their names.
const FACTS: &str = "stakeout.facts";

/// Who runs a rule: written into each of its alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// A random id, the same for all passes of one process over one rule.
    pub id: String,
    /// What started it: `run`, `once`, `backfill` or `audit`.
    pub kind: &'static str,
    /// Where the alerts can be looked at.
    pub places: Places,
}

/// Where and when an alert was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Start of the window, inclusive.
    pub from: DateTime<Utc>,
    /// End of the window, inclusive.
    pub to: DateTime<Utc>,
    /// When the alert is made.
    pub at: DateTime<Utc>,
}

/// One alert, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertDocument {
    /// Its `_id`.
    pub id: AlertId,
    /// Its body.
    pub body: Map<String, Value>,
}

/// Makes the alerts of one rule; what they share is made once.
#[derive(Debug, Clone)]
pub struct AlertBuilder {
    shared: Map<String, Value>,
    /// ECS's `rule` and `threat`, for events that have none of their own.
    ecs: Map<String, Value>,
    rule: Rule,
    places: Places,
}

impl AlertBuilder {
    /// Prepares the part that all alerts of `rule` in `run` share.
    #[must_use]
    pub fn new(rule: &Rule, run: &Run) -> Self {
        Self {
            shared: kibana_fields(rule).into_iter().chain(run_fields(rule, run)).collect(),
            ecs: ecs_fields(rule),
            rule: rule.clone(),
            places: run.places.clone(),
        }
    }

    /// The alert for `event`, whose id is `id`.
    #[must_use]
    pub fn build(&self, event: &Event, id: &AlertId, found: Found) -> AlertDocument {
        let mut body = copied_event(event);
        set_event_kind(&mut body);
        body.insert("@timestamp".into(), time(found.at));
        let own = |(root, _): &(&String, &Value)| !has_own(event, root);
        let ecs = self.ecs.iter().filter(own).map(|(root, value)| (root.clone(), value.clone()));
        body.extend(ecs);
        body.extend(self.about(event, id, found));
        body.extend(originals(event));
        AlertDocument { id: id.clone(), body }
    }

    /// The alert for an event that Elasticsearch refused as part of an alert: the event as text, and the reason.
    #[must_use]
    pub fn build_reduced(&self, event: &Event, id: &AlertId, found: Found, refusal: &str) -> AlertDocument {
        let mut body = Map::new();
        body.insert("@timestamp".into(), time(found.at));
        body.insert("event".into(), json!({"kind": "signal"}));
        body.extend(self.ecs.clone());
        body.extend(self.about(event, id, found));
        if let Some(Value::Object(facts)) = body.get_mut(FACTS) {
            facts.retain(|_, fact| fact.as_str().is_some_and(|fact| fact.len() <= LONGEST_REDUCED_FACT));
        }
        let text = Value::Object(event.source.clone()).to_string();
        body.insert("stakeout.reduced.reason".into(), refusal.into());
        body.insert("stakeout.reduced.event".into(), cut(&text, LONGEST_REDUCED_EVENT).into());
        AlertDocument { id: id.clone(), body }
    }

    fn about(&self, event: &Event, id: &AlertId, found: Found) -> Map<String, Value> {
        let mut about = self.shared.clone();
        let fields = [
            ("kibana.alert.uuid", id.as_str().into()),
            ("kibana.alert.reason", reason(event, self.rule.severity.as_str(), &self.rule.name).into()),
            ("kibana.alert.start", time(found.at)),
            ("kibana.alert.last_detected", time(found.at)),
            ("kibana.alert.intended_timestamp", time(found.to)),
            ("kibana.alert.rule.execution.timestamp", time(found.at)),
            (
                "kibana.alert.ancestors",
                json!([{"id": event.id, "index": event.index, "type": "event", "depth": 0}]),
            ),
            ("stakeout.window.from", time(found.from)),
            ("stakeout.window.to", time(found.to)),
        ];
        about.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        if let Some(original) = event.first("@timestamp").filter(|value| moment(value).is_some()) {
            about.insert("kibana.alert.original_time".into(), original);
        }
        let url = self.places.alert_url(id, found.at);
        about.extend(url.map(|url| ("kibana.alert.url".to_owned(), url.into())));
        about.extend(self.for_the_analyst(event, found));
        about
    }

    /// The values that the rule names, and searches and commands with them, by themselves and below the guide.
    fn for_the_analyst(&self, event: &Event, found: Found) -> Map<String, Value> {
        let values = Values::read(&self.rule.triage.values, event);
        let moment = event.first("@timestamp").and_then(|value| moment(&value)).unwrap_or(found.to);
        let pivots = pivots(&self.rule, &values, moment, &self.places);
        let commands = commands(&self.rule, &values);
        let note = guide(self.rule.note.as_deref(), &pivots, &commands);
        let facts: Map<String, Value> =
            values.named().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let mut fields = Map::new();
        fields.extend((!facts.is_empty()).then(|| (FACTS.to_owned(), facts.into())));
        fields.extend((!pivots.is_empty()).then(|| ("stakeout.pivots".to_owned(), json!(pivots))));
        fields.extend((!commands.is_empty()).then(|| ("stakeout.commands".to_owned(), json!(commands))));
        fields.extend(note.map(|note| ("kibana.alert.rule.note".to_owned(), note.into())));
        fields
    }
}

fn run_fields(rule: &Rule, run: &Run) -> Map<String, Value> {
    let scheduled = if matches!(run.kind, "backfill" | "audit") { "manual" } else { "scheduled" };
    let mut fields = object([
        ("kibana.space_ids", json!([run.places.space().as_str()])),
        ("kibana.alert.status", json!("active")),
        ("kibana.alert.workflow_status", json!("open")),
        ("kibana.alert.workflow_tags", json!([])),
        ("kibana.alert.workflow_assignee_ids", json!([])),
        ("kibana.alert.depth", json!(1)),
        ("kibana.alert.severity", json!(rule.severity.as_str())),
        ("kibana.alert.risk_score", json!(rule.risk_score)),
        ("kibana.alert.rule.execution.uuid", json!(run.id)),
        ("kibana.alert.rule.execution.type", json!(scheduled)),
        ("stakeout.version", json!(env!("CARGO_PKG_VERSION"))),
        ("stakeout.run_id", json!(run.id)),
        ("stakeout.pass", json!(run.kind)),
        ("stakeout.identity", json!(rule.identity)),
    ]);
    fields.extend(
        rule.building_block_type
            .as_ref()
            .map(|kind| ("kibana.alert.building_block_type".to_owned(), json!(kind))),
    );
    fields
}

/// The event's own fields, without those that an alert fills itself; values that only `fields` holds are added.
fn copied_event(event: &Event) -> Map<String, Value> {
    let own = |key: &str| OWN_ROOTS.contains(&key.split('.').next().unwrap_or(key));
    let mut body: Map<String, Value> = event
        .source
        .iter()
        .filter(|(key, _)| !own(key) && key.as_str() != "@timestamp")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (field, values) in &event.fields {
        if field != "@timestamp" && !own(field) && !event.source_has(field) {
            body.extend(single(values).map(|value| (field.clone(), value)));
        }
    }
    body
}

/// An alert is a signal; what the event was is kept in `kibana.alert.original_event.kind`.
fn set_event_kind(body: &mut Map<String, Value>) {
    body.shift_remove("event.kind");
    match body.get_mut("event") {
        Some(Value::Object(event)) => {
            event.insert("kind".into(), "signal".into());
        }
        _ => {
            body.insert("event.kind".into(), "signal".into());
        }
    }
}

/// `event.*` and `data_stream.*` of the event under the names that keep them apart from the alert's own.
fn originals(event: &Event) -> Map<String, Value> {
    let mut originals = Map::new();
    for (root, name) in [("event", "original_event"), ("data_stream", "original_data_stream")] {
        let mut leaves = Map::new();
        collect_leaves(&event.source, "", root, &mut leaves);
        for (field, values) in &event.fields {
            if below(field, root) && !leaves.contains_key(field) {
                let leaf = single(values).filter(|value| !value.is_object());
                leaves.extend(leaf.map(|value| (field.clone(), value)));
            }
        }
        for (field, value) in leaves {
            originals.insert(format!("kibana.alert.{name}{}", &field[root.len()..]), value);
        }
    }
    originals
}

fn collect_leaves(object: &Map<String, Value>, prefix: &str, root: &str, leaves: &mut Map<String, Value>) {
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) if path == root || below(&path, root) => {
                collect_leaves(inner, &path, root, leaves);
            }
            Value::Null => {}
            value if below(&path, root) => {
                leaves.insert(path, value.clone());
            }
            _ => {}
        }
    }
}

fn below(field: &str, root: &str) -> bool {
    field.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'))
}

/// What a field's list of values stands for; none where it holds nothing.
fn single(values: &Value) -> Option<Value> {
    let found = match values {
        Value::Array(items) if items.len() == 1 => &items[0],
        other => other,
    };
    (!found.is_null()).then(|| found.clone())
}

pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn time(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

/// As much of the beginning as fits into so many bytes once it is written as JSON.
fn cut(text: &str, longest: usize) -> &str {
    let mut bytes = 0;
    let end = text.char_indices().find(|(_, char)| {
        bytes += match char {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            '\0'..' ' => 6,
            char => char.len_utf8(),
        };
        bytes > longest
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

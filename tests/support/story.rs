//! Made-up sign-in events whose answer is known, in the shapes of both shippers, and the rule over them.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// The seed rule's file.
pub const RULE: &str = include_str!("../../queries/lateral_movement_ec2_instance_console_login.toml");

/// The seed rule's id.
pub const RULE_ID: &str = "d1e5e410-3e34-412e-9b1f-dd500b3b55cd";

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The AWS integration: nested objects, `event.type` an array, `data_stream.dataset`.
    Integration,
    /// Filebeat: dotted keys, `event.type` one value, `event.dataset`.
    Filebeat,
}

/// One sign-in event; a match unless a field is changed.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub id: String,
    pub time: DateTime<Utc>,
    pub ingested: Option<DateTime<Utc>>,
    pub action: &'static str,
    pub outcome: &'static str,
    pub kind: &'static str,
    pub user_id: String,
    pub identity: &'static str,
}

impl SignIn {
    /// A match that happened and was ingested at `time`.
    pub fn new(id: impl Into<String>, time: DateTime<Utc>) -> Self {
        let id = id.into();
        let user_id = format!("AROAEXAMPLE00000000001:i-0a1b2c3d4e5f{:05x}", id.len());
        let (action, outcome, kind, identity) = ("ConsoleLogin", "success", "info", "AssumedRole");
        Self { id, time, ingested: Some(time), action, outcome, kind, user_id, identity }
    }

    /// The `number`th near miss: one clause of the rule fails.
    pub fn near_miss(mut self, number: usize) -> Self {
        match number % 5 {
            0 => self.outcome = "failure",
            1 => "AROAEXAMPLE00000000001:jane".clone_into(&mut self.user_id),
            2 => "AROAEXAMPLE00000000001:xi-0a1b2c3d4e5f60001".clone_into(&mut self.user_id),
            3 => self.kind = "change",
            _ => "AROAEXAMPLE00000000001".clone_into(&mut self.user_id),
        }
        self
    }

    /// The document as a shipper of that shape writes it.
    pub fn document(&self, shape: Shape) -> Value {
        let Self { id, action, outcome, kind, user_id, identity, .. } = self;
        let (time, ingested) = (text(self.time), self.ingested.map(text));
        let mut document = match shape {
            Shape::Integration => json!({
                "@timestamp": time,
                "data_stream": {"dataset": "aws.cloudtrail"},
                "event": {"id": id, "action": action, "outcome": outcome, "type": [kind], "kind": "event",
                    "provider": "signin.amazonaws.com", "ingested": ingested},
                "user": {"id": user_id, "name": "app-role"},
                "aws": {"cloudtrail": {"user_identity": {"type": identity}}},
                "source": {"ip": "198.51.100.77"},
            }),
            Shape::Filebeat => json!({
                "@timestamp": time, "event.dataset": "aws.cloudtrail", "event.id": id, "event.action": action,
                "event.outcome": outcome, "event.type": kind, "event.kind": "event",
                "event.provider": "signin.amazonaws.com", "event.ingested": ingested, "user.id": user_id,
                "user.name": "app-role", "aws.cloudtrail.user_identity.type": identity,
                "source.ip": "198.51.100.77",
            }),
        };
        if ingested.is_none() {
            document.as_object_mut().expect("an object").remove("event.ingested");
            if let Some(event) = document.get_mut("event").and_then(Value::as_object_mut) {
                event.remove("ingested");
            }
        }
        document
    }
}

/// The mapping that Elastic's templates give to the fields of a sign-in, in types that every distribution has.
pub fn mapping() -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": 1024});
    let mut properties = json!({"@timestamp": {"type": "date"}, "event.ingested": {"type": "date"},
        "source.ip": {"type": "ip"}});
    for field in [
        "event.id",
        "event.action",
        "event.outcome",
        "event.type",
        "event.kind",
        "event.provider",
        "event.dataset",
        "data_stream.dataset",
        "user.id",
        "user.name",
        "aws.cloudtrail.user_identity.type",
    ] {
        properties[field] = keyword.clone();
    }
    json!({"mappings": {"properties": properties}, "settings": {"number_of_replicas": 0}})
}

/// Writes the seed rule for other indices and another pace into `folder`.
pub fn rule_over(folder: &Path, patterns: &[&str], from: &str, interval: &str) -> PathBuf {
    let patterns = serde_json::to_string(patterns).expect("a list");
    let rule = RULE
        .replace(r#"index = ["filebeat-*", "logs-aws.cloudtrail-*"]"#, &format!("index = {patterns}"))
        .replace(r#"from = "now-6m""#, &format!("from = {from:?}"))
        .replace(r#"interval = "5m""#, &format!("interval = {interval:?}"));
    let path = folder.join("rule.toml");
    std::fs::write(&path, rule).expect("a file for the rule");
    path
}

/// So many seconds before now.
#[allow(clippy::disallowed_methods, reason = "tests make events for the present")]
pub fn seconds_ago(seconds: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::seconds(seconds)
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

//! One alert under triage: its event, the values read from it, and when it happened.

use serde_json::{Value, json};

use super::due::Times;
use super::source::{EVENT_ID, Source};
use crate::event::Event;
use crate::rule::triage::{Indices, Triage, Values};

/// One alert under triage.
#[derive(Debug, Clone)]
pub struct Case<'e> {
    /// The alert's id.
    pub alert_id: &'e str,
    /// When its event happened and arrived.
    pub times: Times,
    /// What is known of it.
    pub values: Values<'e>,
}

impl<'e> Case<'e> {
    /// The case of the alert `alert_id`, whose document, which holds its event's fields, is `alert`.
    #[must_use]
    pub fn new(triage: &Triage, alert_id: &'e str, alert: &'e Event, times: Times) -> Self {
        Self { alert_id, times, values: Values::read(&triage.values, alert) }
    }

    /// What must not be counted: the alert's own event, or the alert itself.
    pub(super) fn own(&self, indices: &Indices, source: &Source) -> Vec<Own> {
        if *indices == Indices::Alerts {
            return vec![Own::Document(self.alert_id.to_owned())];
        }
        let event_id = self.values.get(EVENT_ID);
        let names = source.countable(EVENT_ID);
        if let Some(id) = event_id.filter(|_| !names.is_empty()) {
            return names.into_iter().map(|field| Own::Event { field, id: id.clone() }).collect();
        }
        self.values.get("kibana.alert.ancestors.id").map(Own::Document).into_iter().collect()
    }
}

/// How an alert's own event is known among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Own {
    /// By its value of the field that tells events apart.
    Event { field: String, id: String },
    /// By the id of its document.
    Document(String),
}

impl Own {
    /// The query that finds it.
    pub fn query(&self) -> Value {
        match self {
            Self::Event { field, id } => json!({"term": {field: id}}),
            Self::Document(id) => json!({"ids": {"values": [id]}}),
        }
    }

    /// The field that has to be read to know it.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Event { field, .. } => Some(field),
            Self::Document(_) => None,
        }
    }

    /// Whether `event` is it.
    pub fn is(&self, event: &Event) -> bool {
        match self {
            Self::Event { field, id } => event.any(field, |value| value.as_str() == Some(id)),
            Self::Document(id) => event.id == *id,
        }
    }
}

//! One alert under triage: its event, the values read from it, and when it happened.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::source::{EVENT_ID, Source};
use crate::event::Event;
use crate::rule::triage::{Indices, Triage, Values};

/// One alert under triage.
#[derive(Debug, Clone)]
pub struct Case<'e> {
    /// The alert's id.
    pub alert_id: &'e str,
    /// When its event happened.
    pub at: DateTime<Utc>,
    /// What is known of it.
    pub values: Values<'e>,
}

impl<'e> Case<'e> {
    /// The case of the alert `alert_id`, whose document, which holds its event's fields, is `alert`.
    #[must_use]
    pub fn new(triage: &Triage, alert_id: &'e str, alert: &'e Event, at: DateTime<Utc>) -> Self {
        Self { alert_id, at, values: Values::read(&triage.values, alert) }
    }

    /// The queries of what must not be counted: the alert's own event, or the alert itself.
    pub(super) fn own(&self, indices: &Indices, source: &Source) -> Vec<Value> {
        if *indices == Indices::Alerts {
            return vec![json!({"ids": {"values": [self.alert_id]}})];
        }
        let event_id = self.values.get(EVENT_ID);
        let names = source.countable(EVENT_ID);
        if let Some(id) = event_id.filter(|_| !names.is_empty()) {
            return names.into_iter().map(|name| json!({"term": {name: id}})).collect();
        }
        let id = self.values.get("kibana.alert.ancestors.id");
        id.into_iter().map(|id| json!({"ids": {"values": [id]}})).collect()
    }
}

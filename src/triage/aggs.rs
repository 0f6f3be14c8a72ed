//! What is counted for a question, as aggregations.

use serde_json::{Map, Value, json};

use super::outcome::TOP;
use super::share::Share;
use crate::rule::triage::QuestionKind;

/// What a kind of question counts in a share of its indices: `time_field` orders, and `same` selects the events with
/// the alert's own value.
pub(super) fn counted(kind: QuestionKind, share: &Share, time_field: &str, same: Option<Value>) -> Value {
    let mut aggs = counts(share, time_field);
    match (kind, same, &share.field) {
        (QuestionKind::Compare, Some(same), _) => {
            let total = distinct_events(share);
            return json!({"n": total, "same": {"filter": same, "aggs": aggs}}).without_nulls();
        }
        (QuestionKind::Terms, _, Some(field)) => {
            aggs.insert("top".into(), json!({"terms": {"field": field, "size": TOP}}));
            let distinct = json!({"cardinality": {"field": field, "precision_threshold": 100}});
            aggs.insert("distinct".into(), distinct);
        }
        _ => {}
    }
    Value::Object(aggs)
}

/// How many events, the first and the last, and the days.
fn counts(share: &Share, time_field: &str) -> Map<String, Value> {
    let counts = json!({
        "n": distinct_events(share),
        "first": {"min": {"field": time_field}},
        "last": {"max": {"field": time_field}},
        "days": {"date_histogram": {"field": time_field, "calendar_interval": "day", "min_doc_count": 1}},
    });
    match counts.without_nulls() {
        Value::Object(counts) => counts,
        _ => Map::new(),
    }
}

/// Counts events rather than documents, as two shippers may bring the same one; null where no field tells them apart.
fn distinct_events(share: &Share) -> Value {
    share.event_id.as_ref().map_or(Value::Null, |field| {
        json!({"cardinality": {
            "field": field, "precision_threshold": 400, "execution_hint": "segment_ordinals",
        }})
    })
}

trait WithoutNulls {
    fn without_nulls(self) -> Self;
}

impl WithoutNulls for Value {
    fn without_nulls(mut self) -> Self {
        if let Self::Object(object) = &mut self {
            object.retain(|_, value| !value.is_null());
        }
        self
    }
}

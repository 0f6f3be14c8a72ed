//! What is counted for a question, as aggregations.

use serde_json::{Map, Value, json};

use super::source::EVENT_ID;
use super::source::Source;
use crate::rule::triage::QuestionKind;

/// How many values of a field are told.
const TOP: usize = 10;

/// What a kind of question counts: `time_field` orders, `fields` are the names of the question's field, and `same`
/// selects the events with the alert's own value.
pub(super) fn counted(
    kind: QuestionKind,
    source: &Source,
    time_field: &str,
    fields: &[String],
    same: Option<Value>,
) -> Value {
    let mut aggs = counts(source, time_field);
    match (kind, same) {
        (QuestionKind::Compare, Some(same)) => {
            let total = distinct_events(source);
            return json!({"n": total, "same": {"filter": same, "aggs": aggs}}).without_nulls();
        }
        (QuestionKind::Terms, _) => {
            for (at, field) in fields.iter().enumerate() {
                aggs.insert(format!("top{at}"), json!({"terms": {"field": field, "size": TOP}}));
                let distinct = json!({"cardinality": {"field": field, "precision_threshold": 100}});
                aggs.insert(format!("distinct{at}"), distinct);
            }
        }
        _ => {}
    }
    Value::Object(aggs)
}

/// How many events, the first and the last, and the days.
fn counts(source: &Source, time_field: &str) -> Map<String, Value> {
    let counts = json!({
        "n": distinct_events(source),
        "first": {"min": {"field": time_field}},
        "last": {"max": {"field": time_field}},
        "days": {"date_histogram": {"field": time_field, "calendar_interval": "day", "min_doc_count": 1}},
    });
    match counts.without_nulls() {
        Value::Object(counts) => counts,
        _ => Map::new(),
    }
}

/// Counts events rather than documents, as two shippers may bring the same one; null where their ids differ in form.
fn distinct_events(source: &Source) -> Value {
    match source.countable(EVENT_ID).as_slice() {
        [field] => json!({"cardinality": {
            "field": field, "precision_threshold": 400, "execution_hint": "segment_ordinals",
        }}),
        _ => Value::Null,
    }
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

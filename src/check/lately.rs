//! What lately came in, by the time fields of a rule.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::data::{OVER, Pattern};
use super::delay::stamp;
use crate::elastic::SearchItem;

/// What lies further ahead of now than clocks differ is in the future.
pub(super) const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// What lately came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lately {
    pub(super) events: u64,
    /// Those with the first of the rule's time fields.
    pub(super) stamped: u64,
    /// The newest of them, by the fields that windows go by.
    pub(super) newest: Option<DateTime<Utc>>,
    /// Events in the future, and the time of the latest.
    pub(super) ahead: u64,
    pub(super) latest: Option<DateTime<Utc>>,
}

impl Lately {
    /// The parts of the answers that are read.
    pub(super) const PARTS: &'static [&'static str] = &["hits.total", "aggregations"];

    /// The searches for the events of the last day, and for those in the future.
    pub(super) fn searches(pattern: &Pattern<'_>, now: DateTime<Utc>) -> [SearchItem; 2] {
        let (from, until) = (stamp(now - OVER), stamp(now + AHEAD));
        [json!({"gte": from, "lte": until}), json!({"gt": until})].map(|range| {
            let mut aggs = latest(pattern, &range);
            aggs["stamped"] = json!({"filter": {"exists": {"field": pattern.time.primary}}});
            SearchItem {
                indices: vec![pattern.name.to_owned()],
                body: json!({
                    "size": 0, "track_total_hits": true, "query": in_time(pattern, &range), "aggs": aggs,
                }),
            }
        })
    }

    /// Reads the answers to [`Self::searches`].
    pub(super) fn read(answers: &[Value]) -> Self {
        let answer = |at: usize| answers.get(at).unwrap_or(&Value::Null);
        let total = |at| answer(at)["hits"]["total"]["value"].as_u64().unwrap_or_default();
        Self {
            events: total(0),
            stamped: answer(0)["aggregations"]["stamped"]["doc_count"].as_u64().unwrap_or_default(),
            newest: time(answer(0)),
            ahead: total(1),
            latest: time(answer(1)),
        }
    }
}

/// The newest event of all that is not in the future, where none came lately: by each time field the last one, which
/// Elasticsearch finds without going through the others.
pub(super) struct Newest;

impl Newest {
    pub(super) const PARTS: &'static [&'static str] = &["hits.hits.sort"];

    pub(super) fn searches(pattern: &Pattern<'_>, now: DateTime<Utc>) -> Vec<SearchItem> {
        let fields = std::iter::once(&pattern.time.primary).chain(&pattern.time.fallback);
        let search = |field: &String| SearchItem {
            indices: vec![pattern.name.to_owned()],
            body: json!({
                "size": 1, "track_total_hits": false, "_source": false,
                "query": {"range": {field: {"lte": stamp(now + AHEAD)}}},
                "sort": [{field: {"order": "desc", "unmapped_type": "date", "format": "epoch_millis",
                    "numeric_type": "date"}}],
            }),
        };
        fields.map(search).collect()
    }

    pub(super) fn read(answers: &[Value]) -> Option<DateTime<Utc>> {
        let millis = |answer: &Value| {
            let sort = &answer["hits"]["hits"][0]["sort"][0];
            sort.as_i64().or_else(|| sort.as_str()?.parse().ok())
        };
        answers.iter().filter_map(millis).max().and_then(DateTime::from_timestamp_millis)
    }
}

/// Documents by their first time field in a range, and those without it by the second.
fn in_time(pattern: &Pattern<'_>, range: &Value) -> Value {
    let mut ways = vec![json!({"range": {&pattern.time.primary: range}})];
    ways.extend(pattern.time.fallback.as_ref().map(|field| of_fallback(pattern, field, range)));
    json!({"bool": {"should": ways}})
}

fn of_fallback(pattern: &Pattern<'_>, field: &str, range: &Value) -> Value {
    let primary = &pattern.time.primary;
    json!({"bool": {"filter": [{"range": {field: range}}], "must_not": [{"exists": {"field": primary}}]}})
}

/// The latest time by each of the two fields, of the documents that go by it.
fn latest(pattern: &Pattern<'_>, range: &Value) -> Value {
    let of =
        |field: &str, filter: Value| json!({"filter": filter, "aggs": {"at": {"max": {"field": field}}}});
    let primary = &pattern.time.primary;
    let mut aggs = json!({"primary": of(primary, json!({"range": {primary: range}}))});
    if let Some(field) = &pattern.time.fallback {
        aggs["fallback"] = of(field, of_fallback(pattern, field, range));
    }
    aggs
}

/// The later of both times.
fn time(answer: &Value) -> Option<DateTime<Utc>> {
    let at = |by: &str| answer["aggregations"][by]["at"]["value"].as_f64();
    let millis = ["primary", "fallback"].into_iter().filter_map(at).max_by(f64::total_cmp)?;
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date are far below 2^53")]
    DateTime::from_timestamp_millis(millis as i64)
}

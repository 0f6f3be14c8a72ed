//! Questions joined into as few searches as possible: one a subject and stretch of time, with a filter a question.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// How long one search may take, as the cluster is told.
const TIMEOUT: &str = "5s";

/// The most questions of one search.
const MOST_PARTS: usize = 64;

/// A stretch longer than this is asked separately, so that short ones stay cheap.
pub(super) fn is_far(from: DateTime<Utc>, to: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    (at - from).max(to - at) > TimeDelta::days(2)
}

/// Where a question's answer is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The number of the search.
    pub search: usize,
    /// The number of the question in it.
    pub part: usize,
}

/// One search: where, and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The index patterns.
    pub indices: Vec<String>,
    /// The body.
    pub body: Value,
}

/// One question as it is put into a search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Which events besides the search's own condition.
    pub filters: Vec<Value>,
    /// Which events not.
    pub must_not: Vec<Value>,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when, inclusive.
    pub to: DateTime<Utc>,
    /// What is counted.
    pub aggs: Value,
}

/// What the questions of one search share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shared {
    /// The index patterns.
    pub indices: Vec<String>,
    /// The field of time.
    pub time_field: &'static str,
    /// The queries of the subject, as JSON text.
    pub subject: String,
    /// For short stretches, the time that they lie around; long ones are shared by alerts of other times.
    pub around: Option<DateTime<Utc>>,
}

/// Searches under construction; equal questions of several alerts are asked once.
#[derive(Debug, Default)]
pub struct Batch {
    drafts: Vec<Draft>,
    open: HashMap<Shared, usize>,
}

#[derive(Debug)]
struct Draft {
    shared: Shared,
    parts: Vec<Part>,
}

impl Batch {
    /// Adds a question to the search that it shares, or to a new one.
    pub(super) fn add(&mut self, shared: Shared, part: Part) -> Slot {
        if let Some(search) = self.open.get(&shared).copied() {
            let parts = &mut self.drafts[search].parts;
            if let Some(known) = parts.iter().position(|known| *known == part) {
                return Slot { search, part: known };
            }
            if parts.len() < MOST_PARTS {
                parts.push(part);
                return Slot { search, part: parts.len() - 1 };
            }
        }
        let search = self.drafts.len();
        self.open.insert(shared.clone(), search);
        self.drafts.push(Draft { shared, parts: vec![part] });
        Slot { search, part: 0 }
    }

    /// How many searches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.drafts.len()
    }

    /// Whether there is nothing to search.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// The searches, in the order of their numbers.
    pub fn searches(&self) -> impl Iterator<Item = Search> {
        self.drafts.iter().map(Draft::search)
    }
}

impl Draft {
    fn search(&self) -> Search {
        let times = |part: &Part| (part.from, part.to);
        let all =
            self.parts.iter().map(times).reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
        let range = |(from, to)| range(self.shared.time_field, from, to);
        let mut filters: Vec<Value> = serde_json::from_str(&self.shared.subject).unwrap_or_default();
        filters.extend(all.map(range));
        let aggs: Map<String, Value> = self
            .parts
            .iter()
            .enumerate()
            .map(|(at, part)| {
                let mut filters = part.filters.clone();
                filters.extend(Some(times(part)).filter(|own| Some(*own) != all).map(range));
                let body = json!({"filter": bool_of(filters, &part.must_not), "aggs": part.aggs});
                (at.to_string(), body)
            })
            .collect();
        let body = json!({
            "size": 0, "track_total_hits": false, "timeout": TIMEOUT,
            "query": {"bool": {"filter": filters}}, "aggs": aggs,
        });
        Search { indices: self.shared.indices.clone(), body }
    }
}

fn bool_of(mut filters: Vec<Value>, must_not: &[Value]) -> Value {
    match (filters.len(), must_not) {
        (0, []) => json!({"match_all": {}}),
        (1, []) => filters.remove(0),
        (_, []) => json!({"bool": {"filter": filters}}),
        (0, _) => json!({"bool": {"must_not": must_not}}),
        _ => json!({"bool": {"filter": filters, "must_not": must_not}}),
    }
}

fn range(field: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Value {
    let bound = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"range": {field: {"gte": bound(from), "lte": bound(to), "format": "strict_date_optional_time"}}})
}

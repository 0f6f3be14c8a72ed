//! Questions joined into as few searches as possible: one a subject and stretch of time, with a filter a question. When
//! the first or the last event was is a search of its own that reads one event, however many there are.

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
    /// What of its answer.
    pub place: Place,
}

/// What of a search's answer is a question's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The aggregation of this number.
    Part(usize),
    /// The one event at this end.
    Edge(Edge),
}

/// An end of what was found, by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The first event.
    First,
    /// The last event.
    Last,
}

impl Edge {
    /// The order of time in which this end comes first.
    fn order(self) -> &'static str {
        match self {
            Self::First => "asc",
            Self::Last => "desc",
        }
    }
}

/// One search: where, and its body.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    edges: HashMap<Search, usize>,
}

#[derive(Debug)]
enum Draft {
    /// Counts the events of each part.
    Counts(Shared, Vec<Part>),
    /// Reads the event at one end.
    Edge(Search),
}

impl Batch {
    /// Adds a question to the search that it shares, or to a new one.
    pub(super) fn add(&mut self, shared: Shared, part: Part) -> Slot {
        if let Some(search) = self.open.get(&shared).copied()
            && let Draft::Counts(_, parts) = &mut self.drafts[search]
        {
            if let Some(known) = parts.iter().position(|known| *known == part) {
                return Slot { search, place: Place::Part(known) };
            }
            if parts.len() < MOST_PARTS {
                parts.push(part);
                return Slot { search, place: Place::Part(parts.len() - 1) };
            }
        }
        let search = self.drafts.len();
        self.open.insert(shared.clone(), search);
        self.drafts.push(Draft::Counts(shared, vec![part]));
        Slot { search, place: Place::Part(0) }
    }

    /// Adds a search for the event at one end of a question's.
    pub(super) fn add_edge(&mut self, shared: &Shared, part: &Part, edge: Edge) -> Slot {
        let asked = edge_search(shared, part, edge);
        let search = *self.edges.entry(asked).or_insert_with_key(|asked| {
            self.drafts.push(Draft::Edge(asked.clone()));
            self.drafts.len() - 1
        });
        Slot { search, place: Place::Edge(edge) }
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
        match self {
            Self::Counts(shared, parts) => counting_search(shared, parts),
            Self::Edge(search) => search.clone(),
        }
    }
}

fn counting_search(shared: &Shared, parts: &[Part]) -> Search {
    let times = |part: &Part| (part.from, part.to);
    let all = parts.iter().map(times).reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
    let range = |(from, to)| range(shared.time_field, from, to);
    let mut filters = shared.subject();
    filters.extend(all.map(range));
    let aggs: Map<String, Value> = parts
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
    Search { indices: shared.indices.clone(), body }
}

/// Elasticsearch goes to that end by the index of the time field, and reads no other event. Of how many there are it
/// tells whether there is any, which keeps an answer without events from looking like one that was cut short.
fn edge_search(shared: &Shared, part: &Part, edge: Edge) -> Search {
    let mut filters = shared.subject();
    filters.extend(part.filters.iter().cloned());
    filters.push(range(shared.time_field, part.from, part.to));
    let order = json!({"order": edge.order(), "unmapped_type": "date", "numeric_type": "date"});
    let body = json!({
        "size": 1, "track_total_hits": 1, "timeout": TIMEOUT, "_source": false,
        "query": bool_of(filters, &part.must_not), "sort": [{shared.time_field: order}],
    });
    Search { indices: shared.indices.clone(), body }
}

impl Shared {
    fn subject(&self) -> Vec<Value> {
        serde_json::from_str(&self.subject).unwrap_or_default()
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

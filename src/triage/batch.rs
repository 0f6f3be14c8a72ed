//! Questions joined into as few searches as possible: one a subject and stretch of time, with a filter a question. When
//! the first or the last event was is a search of its own that reads a few events, however many there are.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::case::Own;
use super::tally::Tally;

/// How long one search may take, as the cluster is told.
pub(super) const TIMEOUT: &str = "5s";

/// The most questions of one search.
const MOST_PARTS: usize = 64;

/// How many events are read at an end: the alert's own may be there several times, brought by several shippers.
pub(super) const AT_AN_EDGE: usize = 10;

/// A stretch longer than this is asked separately, so that short ones stay cheap.
pub(super) fn is_far(from: DateTime<Utc>, to: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    (at - from).max(to - at) > TimeDelta::days(2)
}

/// Where a question's answer is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// The number of the search.
    pub search: usize,
    /// What of its answer.
    pub place: Place,
}

/// What of a search's answer is a question's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The aggregation of this number.
    Part(usize),
    /// The event at this end that is none of these.
    Edge(Edge, Vec<Own>),
}

/// An end of what was found, by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
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
    Counts(Counts),
    /// Reads the events at one end.
    Edge(Search),
}

/// Questions about one subject and stretch of time.
#[derive(Debug)]
pub(super) struct Counts {
    /// What they share.
    pub shared: Shared,
    /// The questions.
    pub parts: Vec<Part>,
    /// How each is counted over events that are read; none where one of them has to be counted by the cluster.
    pub tallies: Option<Vec<Tally>>,
}

impl Batch {
    /// Adds a question to the search that it shares, or to a new one; `tally` counts the same over events that are read.
    pub(super) fn add(&mut self, shared: Shared, part: Part, tally: Option<Tally>) -> Slot {
        if let Some(search) = self.open.get(&shared).copied()
            && let Draft::Counts(counts) = &mut self.drafts[search]
        {
            if let Some(known) = counts.parts.iter().position(|known| *known == part) {
                return Slot { search, place: Place::Part(known) };
            }
            if counts.parts.len() < MOST_PARTS {
                counts.push(part, tally);
                return Slot { search, place: Place::Part(counts.parts.len() - 1) };
            }
        }
        let search = self.drafts.len();
        self.open.insert(shared.clone(), search);
        let tallies = tally.map(|tally| vec![tally]);
        self.drafts.push(Draft::Counts(Counts { shared, parts: vec![part], tallies }));
        Slot { search, place: Place::Part(0) }
    }

    /// Adds a search for the events at one end of a question's, of which those of `own` do not count.
    pub(super) fn add_edge(
        &mut self,
        shared: &Shared,
        filters: &[Value],
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        edge: Edge,
        own: &[Own],
    ) -> Slot {
        let filters = [filters, &[range(shared.time_field, from, to)]].concat();
        let asked = edge_search(shared, filters, edge, own);
        let search = *self.edges.entry(asked).or_insert_with_key(|asked| {
            self.drafts.push(Draft::Edge(asked.clone()));
            self.drafts.len() - 1
        });
        Slot { search, place: Place::Edge(edge, own.to_vec()) }
    }

    /// The questions that can be answered by reading events, with the numbers of their searches.
    pub(super) fn near(&self) -> impl Iterator<Item = (usize, &Counts)> {
        self.drafts.iter().enumerate().filter_map(|(number, draft)| match draft {
            Draft::Counts(counts) if counts.is_near() => Some((number, counts)),
            _ => None,
        })
    }

    /// The questions of the search of that number; none where it reads an end.
    pub(super) fn counts(&self, number: usize) -> Option<&Counts> {
        match self.drafts.get(number) {
            Some(Draft::Counts(counts)) => Some(counts),
            _ => None,
        }
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
        (0..self.drafts.len()).filter_map(|number| self.search(number))
    }

    /// The search of that number.
    #[must_use]
    pub fn search(&self, number: usize) -> Option<Search> {
        Some(match self.drafts.get(number)? {
            Draft::Counts(counts) => counting_search(counts),
            Draft::Edge(search) => search.clone(),
        })
    }
}

impl Counts {
    fn push(&mut self, part: Part, tally: Option<Tally>) {
        self.parts.push(part);
        self.tallies = self.tallies.take().zip(tally).map(|(mut tallies, tally)| {
            tallies.push(tally);
            tallies
        });
    }

    fn is_near(&self) -> bool {
        self.shared.around.is_some() && self.tallies.is_some()
    }

    /// From when until when anything is asked.
    pub fn stretch(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let times = self.parts.iter().map(|part| (part.from, part.to));
        times.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
    }
}

fn counting_search(counts: &Counts) -> Search {
    let Counts { shared, parts, .. } = counts;
    let (times, all) = (|part: &Part| (part.from, part.to), counts.stretch());
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

/// Elasticsearch goes to that end by the index of the time field, and reads few other events. Of how many there are it
/// tells whether there is any, which keeps an answer without events from looking like one that was cut short. An
/// alert's own event is told apart in what is read, so that alerts share the search.
fn edge_search(shared: &Shared, mut filters: Vec<Value>, edge: Edge, own: &[Own]) -> Search {
    let fields: Vec<&str> = own.iter().filter_map(Own::field).collect();
    filters.splice(..0, shared.subject());
    let order = json!({"order": edge.order(), "unmapped_type": "date", "numeric_type": "date"});
    let body = json!({
        "size": AT_AN_EDGE, "track_total_hits": 1, "timeout": TIMEOUT, "_source": false, "fields": fields,
        "query": bool_of(filters, &[]), "sort": [{shared.time_field: order}],
    });
    Search { indices: shared.indices.clone(), body }
}

impl Shared {
    /// The queries of the subject.
    pub fn subject(&self) -> Vec<Value> {
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

pub(super) fn range(field: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Value {
    let bound = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"range": {field: {"gte": bound(from), "lte": bound(to), "format": "strict_date_optional_time"}}})
}

//! Questions about what lies close to their alerts, answered by reading the events: one search brings those of many
//! subjects at once, each told apart by the name of the query that it satisfies, and they are counted here.
//!
//! That is far cheaper than a search of aggregations a subject, whose filters cost the same however few events there
//! are. Where there are too many events to read, or the answer is not whole, the cluster is asked to count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::batch::{Batch, Counts, Search, TIMEOUT, range};
use super::outcome::{Outcome, Tallied, lacking};
use super::tally::{Seen, Tally};
use crate::event::Event;

/// How many subjects are read together.
const SUBJECTS: usize = 40;

/// How many events are read together; where there are as many, there may be more.
const EVENTS: usize = 2_000;

/// What of the answer to a reading is looked at.
pub const READ: [&str; 4] =
    ["hits.hits._index", "hits.hits._id", "hits.hits.fields", "hits.hits.matched_queries"];

/// One search that reads the events of some subjects.
#[derive(Debug)]
pub struct Reading {
    /// The numbers of the searches that it stands for.
    numbers: Vec<usize>,
    time_field: &'static str,
    /// The search.
    pub search: Search,
}

impl Reading {
    /// The readings that answer whatever of `batch` can be read.
    #[must_use]
    pub fn all(batch: &Batch) -> Vec<Self> {
        let mut alike: BTreeMap<_, Vec<(usize, &Counts)>> = BTreeMap::new();
        for (number, counts) in batch.near() {
            let key = (counts.shared.indices.as_slice(), counts.shared.time_field);
            alike.entry(key).or_default().push((number, counts));
        }
        alike.values().flat_map(|group| group.chunks(SUBJECTS)).filter_map(Self::of).collect()
    }

    fn of(subjects: &[(usize, &Counts)]) -> Option<Self> {
        let shared = &subjects.first()?.1.shared;
        let mut filters: Vec<Vec<Value>> =
            subjects.iter().map(|(_, counts)| counts.shared.subject()).collect();
        let common: Vec<Value> = filters
            .first()?
            .iter()
            .filter(|one| filters.iter().all(|all| all.contains(one)))
            .cloned()
            .collect();
        for (own, (_, counts)) in filters.iter_mut().zip(subjects) {
            own.retain(|one| !common.contains(one));
            own.extend(counts.stretch().map(|(from, to)| range(shared.time_field, from, to)));
        }
        let named =
            |(at, own): (usize, Vec<Value>)| json!({"bool": {"filter": own, "_name": at.to_string()}});
        let subject: Vec<Value> = filters.into_iter().enumerate().map(named).collect();
        let tallies = subjects.iter().filter_map(|(_, counts)| counts.tallies.as_ref()).flatten();
        let fields: BTreeSet<&str> =
            tallies.flat_map(Tally::fields).filter(|field| *field != shared.time_field).collect();
        let mut fields: Vec<Value> = fields.into_iter().map(Value::from).collect();
        fields.push(json!({"field": shared.time_field, "format": "epoch_millis"}));
        let body = json!({
            "size": EVENTS, "track_total_hits": false, "timeout": TIMEOUT, "_source": false, "fields": fields,
            "query": {"bool": {"filter": common, "should": subject, "minimum_should_match": 1}}, "sort": ["_doc"],
        });
        Some(Self {
            numbers: subjects.iter().map(|(number, _)| *number).collect(),
            time_field: shared.time_field,
            search: Search { indices: shared.indices.clone(), body },
        })
    }

    /// The outcomes of the searches that it stands for, by their numbers; none where `answer` is not whole.
    #[must_use]
    pub fn outcomes(&self, batch: &Batch, answer: Value) -> Option<Vec<(usize, Outcome)>> {
        let (seen, by_subject) = self.seen(answer)?;
        let counted = |(number, subject): (&usize, Vec<usize>)| {
            let counts = batch.counts(*number)?;
            let events = || subject.iter().map(|at| &seen[*at]);
            let found = counts.parts.iter().zip(counts.tallies.as_ref()?).map(|(part, tally)| {
                tally.count(events(), part.from.timestamp_millis(), part.to.timestamp_millis())
            });
            Some((*number, Outcome::Tallied(Tallied::of(found))))
        };
        self.numbers.iter().zip(by_subject).map(counted).collect()
    }

    /// The events, and which of them are each subject's; none where there may be more.
    fn seen(&self, mut answer: Value) -> Option<(Vec<Seen>, Vec<Vec<usize>>)> {
        if answer.get("error").is_some() || lacking(&answer).is_some() {
            return None;
        }
        let hits = match answer.pointer_mut("/hits/hits").map(Value::take) {
            Some(Value::Array(hits)) => hits,
            _ => Vec::new(),
        };
        if hits.len() >= EVENTS {
            return None;
        }
        let mut by_subject = vec![Vec::new(); self.numbers.len()];
        let mut seen = Vec::with_capacity(hits.len());
        for (at, mut hit) in hits.into_iter().enumerate() {
            for name in hit["matched_queries"].as_array()? {
                by_subject.get_mut(name.as_str()?.parse::<usize>().ok()?)?.push(at);
            }
            seen.push(self.event(&mut hit)?);
        }
        Some((seen, by_subject))
    }

    fn event(&self, hit: &mut Value) -> Option<Seen> {
        let fields = match hit["fields"].take() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        // Of nanoseconds only whole milliseconds count here, as everywhere in a triage.
        let millis = |time: &Value| time.as_str()?.split('.').next()?.parse().ok();
        let times = fields.get(self.time_field)?.as_array()?.iter().map(millis).collect::<Option<_>>()?;
        let text = |name: &str| hit[name].as_str().unwrap_or_default().to_owned();
        let (index, id) = (text("_index"), text("_id"));
        Some(Seen { event: Event { index, id, source: Map::new(), fields }, times })
    }
}

//! The numbers of one question, counted here over events that were read: what the cluster's aggregations would say.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::case::Own;
use super::outcome::{Found, TOP};
use crate::eval::Matcher;
use crate::event::Event;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// An event that was read.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its values.
    pub event: Event,
    /// The times at which it happened, in milliseconds: one, as a rule.
    pub times: Vec<i64>,
}

/// How the events of one question are told from others, and counted.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Which of the subject's events are meant.
    pub matcher: Matcher,
    /// For a comparison: which of those have the alert's own value.
    pub same: Option<Matcher>,
    /// Which do not count.
    pub own: Vec<Own>,
    /// The fields of all that, by the names under which they are read.
    pub read: Vec<String>,
    /// The field whose values are wanted, by the name under which they are read.
    pub field: Option<String>,
    /// The field that tells events apart, likewise.
    pub event_id: Option<String>,
}

impl Tally {
    /// The fields that it reads.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.read.iter().map(String::as_str).chain(self.own.iter().filter_map(Own::field))
    }

    /// Counts those of `events` that happened between `from` and `to`, both inclusive and in milliseconds.
    pub fn count<'e>(&self, events: impl Iterator<Item = &'e Seen>, from: i64, to: i64) -> Found {
        let (mut all, mut same) = (Numbers::default(), Numbers::default());
        let meant = |seen: &&Seen| {
            seen.times.iter().any(|time| (from..=to).contains(time))
                && !self.own.iter().any(|own| own.is(&seen.event))
                && self.matcher.matches(&seen.event)
        };
        for seen in events.filter(meant) {
            all.add(seen, self);
            if self.same.as_ref().is_some_and(|matcher| matcher.matches(&seen.event)) {
                same.add(seen, self);
            }
        }
        let total = all.events();
        let counted = if self.same.is_some() { same } else { all };
        Found { total, ..counted.found() }
    }
}

/// The numbers of some events.
#[derive(Default)]
struct Numbers {
    documents: u64,
    ids: HashSet<String>,
    days: BTreeSet<i64>,
    first: Option<i64>,
    last: Option<i64>,
    values: BTreeMap<String, u64>,
}

impl Numbers {
    fn add(&mut self, seen: &Seen, tally: &Tally) {
        let texts = |field: &Option<String>| {
            let values = field.iter().flat_map(|field| seen.event.values(field));
            values.map(text).collect::<BTreeSet<String>>()
        };
        self.documents += 1;
        self.ids.extend(texts(&tally.event_id));
        for time in &seen.times {
            self.days.insert(time.div_euclid(DAY));
            self.first = Some(self.first.map_or(*time, |first| first.min(*time)));
            self.last = self.last.max(Some(*time));
        }
        for value in texts(&tally.field) {
            *self.values.entry(value).or_default() += 1;
        }
    }

    /// Two shippers may bring the same event; documents without an id of the event are counted as documents.
    fn events(&self) -> u64 {
        if self.ids.is_empty() { self.documents } else { self.ids.len() as u64 }
    }

    fn found(self) -> Found {
        let (count, days, distinct) = (self.events(), self.days.len() as u64, self.values.len() as u64);
        let mut top: Vec<(String, u64)> = self.values.into_iter().collect();
        // The sort is stable: values as frequent as one another stay in their own order.
        top.sort_by_key(|(_, documents)| std::cmp::Reverse(*documents));
        top.truncate(TOP);
        let top = top.into_iter().map(|(value, _)| value).collect();
        Found { count, days, distinct, first: self.first, last: self.last, top, ..Found::default() }
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::eql::Query;
    use crate::schema::Schema;

    fn tally(condition: &str, field: Option<&str>) -> Tally {
        let query = Query::parse(&format!("any where {condition}")).expect("a query");
        Tally {
            matcher: Matcher::of_condition(&query.text, &query.condition, &Schema::ecs()).expect("a matcher"),
            same: None,
            own: vec![Own::Event { field: "event.id".into(), id: "own".into() }],
            read: Vec::new(),
            field: field.map(str::to_owned),
            event_id: Some("event.id".into()),
        }
    }

    fn seen(time: i64, fields: Value) -> Seen {
        let Value::Object(fields) = fields else { panic!("expected an object") };
        Seen { event: Event { fields, ..Event::default() }, times: vec![time] }
    }

    #[test]
    fn events_are_counted_as_the_cluster_counts_them() {
        let events = [
            seen(9, json!({"event.id": ["early"], "user.name": ["a"]})),
            seen(10, json!({"event.id": ["1"], "user.name": ["b", "b", "a"]})),
            seen(DAY, json!({"event.id": ["1"], "user.name": ["b"]})),
            seen(DAY + 20, json!({"event.id": ["2"], "user.name": ["c"]})),
            seen(DAY + 20, json!({"event.id": ["own"], "user.name": ["c"]})),
            seen(DAY + 20, json!({"event.id": ["3"]})),
            seen(DAY + 21, json!({"event.id": ["late"], "user.name": ["a"]})),
        ];
        let found = tally("user.name != null", Some("user.name")).count(events.iter(), 10, DAY + 20);
        let expected = Found {
            count: 2,
            total: 2,
            days: 2,
            distinct: 3,
            first: Some(10),
            last: Some(DAY + 20),
            top: vec!["b".into(), "a".into(), "c".into()],
            partial: None,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_comparison_counts_the_same_among_all_and_documents_where_events_have_no_id() {
        let same = tally("source.ip == \"192.0.2.1\"", None).matcher;
        let compare = Tally { same: Some(same), ..tally("true", None) };
        let events =
            ["192.0.2.1", "192.0.2.2", "192.0.2.1"].map(|address| seen(5, json!({"source.ip": [address]})));
        let found = compare.count(events.iter(), 0, 10);
        assert_eq!((found.count, found.total, found.distinct), (2, 3, 0));
        assert_eq!(compare.count([].iter(), 0, 10), Found::default());
    }
}

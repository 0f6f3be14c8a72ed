//! What a search came back with, read for one question: numbers, and whether they are all of it.

use serde_json::Value;

use super::batch::{AT_AN_EDGE, Edge, Place, Slot};
use super::case::Own;

/// What became of one search.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was answered, with this body.
    Answered(Value),
    /// Its events were read, and counted here.
    Tallied(Tallied),
    /// It was not, for this reason.
    Failed(String),
    /// There was no time left for it.
    Owed,
}

/// The numbers of a search's questions, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallied {
    found: Vec<Found>,
}

impl Tallied {
    pub(super) fn of(found: impl Iterator<Item = Found>) -> Self {
        Self { found: found.collect() }
    }

    fn of_slot(&self, slot: &Slot) -> Result<Found, String> {
        let part = match &slot.place {
            Place::Part(part) => self.found.get(*part),
            Place::Edge(..) => None,
        };
        part.cloned().ok_or_else(|| LACKING.to_owned())
    }
}

/// What is said of an answer that has no place for the question.
const LACKING: &str = "the answer lacks what was asked";

/// The numbers of one answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub count: u64,
    pub days: u64,
    pub distinct: u64,
    pub total: u64,
    /// In milliseconds.
    pub first: Option<i64>,
    /// In milliseconds.
    pub last: Option<i64>,
    /// The most frequent values first.
    pub top: Vec<String>,
    /// Why there may be more, if so.
    pub partial: Option<String>,
}

/// How many values are told: as many as services that one role uses, as a rule.
pub(super) const TOP: usize = 20;

impl Outcome {
    /// The answer to the question at `slot`.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn found(&self, slot: &Slot) -> Result<Found, String> {
        let body = match self {
            Self::Answered(body) => body,
            Self::Tallied(tallied) => return tallied.of_slot(slot),
            Self::Failed(reason) => return Err(reason.clone()),
            Self::Owed => return Err("there was no time left to ask".to_owned()),
        };
        if let Some(error) = body.get("error") {
            return Err(reason_of(error));
        }
        let (total, failed) = (shards(body, "total"), shards(body, "failed"));
        if failed > 0 && failed >= total {
            return Err(format!("all {total} shards failed: {}", shard_failure(body)));
        }
        let partial = lacking(body);
        let found = match &slot.place {
            Place::Part(part) => body["aggregations"].get(part.to_string()).map(numbers),
            Place::Edge(edge, own) => at_edge(*edge, own, &body["hits"]),
        };
        match found {
            Some(found) => Ok(Found { partial, ..found }),
            // Without a single index behind the patterns there are no aggregations.
            None if total == 0 && partial.is_none() => Ok(Found::default()),
            None => Err(LACKING.to_owned()),
        }
    }
}

/// What of the data did not answer, in words; none where all of it did.
pub(super) fn lacking(body: &Value) -> Option<String> {
    let (total, failed) = (shards(body, "total"), shards(body, "failed"));
    if failed > 0 {
        return Some(format!("{failed} of {total} shards failed: {}", shard_failure(body)));
    }
    if body["timed_out"].as_bool().unwrap_or(true) {
        return Some("the search timed out".to_owned());
    }
    let clusters = |name: &str| body["_clusters"][name].as_u64().unwrap_or_default();
    let silent: u64 = ["skipped", "partial", "failed"].into_iter().map(clusters).sum();
    (silent > 0).then(|| format!("{silent} of {} clusters did not answer in full", clusters("total")))
}

fn shards(body: &Value, name: &str) -> u64 {
    body["_shards"][name].as_u64().unwrap_or_default()
}

/// Of what is only known to be there, one is counted; of the events that were read, the first that is none of `own`.
fn at_edge(edge: Edge, own: &[Own], hits: &Value) -> Option<Found> {
    if hits["total"]["value"].as_u64()? == 0 {
        return Some(Found::default());
    }
    let hits = hits["hits"].as_array().filter(|hits| !hits.is_empty())?;
    let Some(other) = hits.iter().find(|hit| !is_own(own, hit)) else {
        // Behind as many there may be another.
        return (hits.len() < AT_AN_EDGE).then(Found::default);
    };
    let time = other["sort"][0].as_i64()?;
    let one = Found { count: 1, total: 1, days: 1, ..Found::default() };
    Some(match edge {
        Edge::First => Found { first: Some(time), ..one },
        Edge::Last => Found { last: Some(time), ..one },
    })
}

fn is_own(own: &[Own], hit: &Value) -> bool {
    own.iter().any(|own| match own {
        Own::Event { field, id } => {
            hit["fields"][field].as_array().into_iter().flatten().any(|value| value == id)
        }
        Own::Document(id) => hit["_id"] == **id,
    })
}

fn numbers(answer: &Value) -> Found {
    let events = |answer: &Value| {
        let documents = answer["doc_count"].as_u64().unwrap_or_default();
        // Documents without an id of the event are counted as documents.
        answer["n"]["value"].as_u64().filter(|events| *events > 0).unwrap_or(documents)
    };
    let total = events(answer);
    let counted = answer.get("same").unwrap_or(answer);
    #[allow(clippy::cast_possible_truncation, reason = "milliseconds of dates lie within 53 bits")]
    let time = |name: &str| counted[name]["value"].as_f64().map(|time| time as i64);
    Found {
        count: events(counted),
        days: counted["days"]["buckets"].as_array().map_or(0, |days| days.len() as u64),
        distinct: counted["distinct"]["value"].as_u64().unwrap_or_default(),
        total,
        first: time("first"),
        last: time("last"),
        top: top(counted),
        partial: None,
    }
}

fn top(answer: &Value) -> Vec<String> {
    let key = |bucket: &Value| match (bucket.get("key_as_string"), &bucket["key"]) {
        (Some(Value::String(key)), _) | (_, Value::String(key)) => key.clone(),
        (_, key) => key.to_string(),
    };
    answer["top"]["buckets"].as_array().into_iter().flatten().map(key).collect()
}

impl Found {
    /// What two shares of the indices found together. Both may hold the same events, brought by two shippers, so the
    /// larger number stands for both: it is never too large.
    pub(super) fn with(mut self, other: Self) -> Self {
        for value in other.top {
            if self.top.len() < TOP && !self.top.contains(&value) {
                self.top.push(value);
            }
        }
        Self {
            count: self.count.max(other.count),
            days: self.days.max(other.days),
            distinct: self.distinct.max(other.distinct).max(self.top.len() as u64),
            total: self.total.max(other.total),
            first: [self.first, other.first].into_iter().flatten().min(),
            last: self.last.max(other.last),
            top: self.top,
            partial: self.partial.or(other.partial),
        }
    }
}

fn shard_failure(body: &Value) -> String {
    body["_shards"]["failures"].get(0).map_or("no reason given".to_owned(), |one| reason_of(&one["reason"]))
}

fn reason_of(error: &Value) -> String {
    let cause = error["root_cause"].get(0).unwrap_or(error);
    let part = |name: &str| cause[name].as_str().unwrap_or_default();
    format!("{}: {}", part("type"), part("reason"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SLOT: Slot = Slot { search: 0, place: Place::Part(0) };

    fn answered(shards: &Value, timed_out: bool, aggs: &Value) -> Result<Found, String> {
        let body = json!({"timed_out": timed_out, "_shards": shards, "aggregations": {"0": aggs}});
        Outcome::Answered(body).found(&SLOT)
    }

    #[test]
    fn events_are_counted_once_and_values_by_documents() {
        let found = answered(
            &json!({"total": 2, "failed": 0}),
            false,
            &json!({
                "doc_count": 6, "n": {"value": 3}, "first": {"value": 1000.0}, "last": {"value": null},
                "days": {"buckets": [{"key": 0, "doc_count": 6}]}, "distinct": {"value": 2},
                "top": {"buckets": [{"key": "b", "doc_count": 2}, {"key": 1, "key_as_string": "true", "doc_count": 1}]},
            }),
        );
        let expected = Found {
            count: 3,
            total: 3,
            days: 1,
            distinct: 2,
            first: Some(1000),
            last: None,
            top: vec!["b".into(), "true".into()],
            partial: None,
        };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn two_shares_count_what_may_be_the_same_events_once() {
        let found = |count, first, top: &[&str]| Found {
            count,
            first: Some(first),
            last: Some(first),
            top: top.iter().map(|value| (*value).to_owned()).collect(),
            distinct: top.len() as u64,
            ..Found::default()
        };
        let both = found(3, 20, &["a", "b"]).with(found(2, 10, &["b", "c"]));
        assert_eq!((both.count, both.first, both.last, both.distinct), (3, Some(10), Some(20), 3));
        assert_eq!(both.top, ["a", "b", "c"]);
    }

    #[test]
    fn a_comparison_has_a_total() {
        let aggs =
            json!({"doc_count": 9, "n": {"value": 9}, "same": {"doc_count": 2, "days": {"buckets": [1, 2]}}});
        let found = answered(&json!({"total": 1, "failed": 0}), false, &aggs).expect("an answer");
        assert_eq!((found.count, found.total, found.days), (2, 9, 2));
    }

    #[test]
    fn an_end_is_one_event_or_none_and_never_guessed() {
        let at = |edge, hits: Value| {
            let body = json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "hits": hits});
            let own =
                vec![Own::Event { field: "event.id".into(), id: "own".into() }, Own::Document("d".into())];
            Outcome::Answered(body).found(&Slot { search: 0, place: Place::Edge(edge, own) })
        };
        let own = json!({"_id": "x", "fields": {"event.id": ["own"]}, "sort": [2000]});
        let some = json!({
            "total": {"value": 1, "relation": "gte"}, "hits": [own, {"_id": "d", "sort": [3000]}, {"sort": [1000]}],
        });
        let (first, last) = (at(Edge::First, some.clone()), at(Edge::Last, some));
        let both = first.expect("a first").with(last.expect("a last"));
        assert_eq!((both.count, both.first, both.last), (1, Some(1000), Some(1000)));
        assert_eq!(at(Edge::Last, json!({"total": {"value": 0, "relation": "eq"}})), Ok(Found::default()));
        let alone = json!({"total": {"value": 1}, "hits": [own, own]});
        assert_eq!(at(Edge::Last, alone), Ok(Found::default()), "the alert's own event is none");
        let many = json!({"total": {"value": 1}, "hits": vec![own; AT_AN_EDGE]});
        for cut_short in [json!({}), json!({"hits": []}), json!({"total": {"value": 1}, "hits": []}), many] {
            assert!(at(Edge::Last, cut_short).is_err());
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let aggs = json!({"doc_count": 0});
        let failure =
            json!({"total": 2, "failed": 1, "failures": [{"reason": {"type": "x", "reason": "y"}}]});
        let partial = |found: Result<Found, String>| found.expect("an answer").partial;
        assert_eq!(partial(answered(&failure, false, &aggs)).as_deref(), Some("1 of 2 shards failed: x: y"));
        let timed_out = partial(answered(&json!({"total": 2, "failed": 0}), true, &aggs));
        assert_eq!(timed_out.as_deref(), Some("the search timed out"));
        let far = json!({"timed_out": false, "_shards": {"total": 0, "failed": 0}, "_clusters": {"total": 2, "skipped": 1}});
        let far = Outcome::Answered(far).found(&SLOT).err();
        assert_eq!(far.as_deref(), Some(LACKING), "of a cluster that was skipped nothing is known");
        assert!(answered(&json!({"total": 1, "failed": 1}), false, &aggs).is_err());
        assert!(answered(&json!({"total": 1, "failed": 0}), false, &aggs).is_ok());
        for outcome in [
            Outcome::Failed("429".into()),
            Outcome::Owed,
            Outcome::Answered(
                json!({"error": {"root_cause": [{"type": "a", "reason": "b"}]}, "status": 400}),
            ),
            Outcome::Answered(json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}})),
            Outcome::Answered(json!({})),
        ] {
            assert!(outcome.found(&SLOT).is_err(), "{outcome:?}");
        }
    }
}

//! How long after they happened events arrive, by a sample.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::elastic::SearchItem;
use crate::rule::TIMESTAMP;

/// Parts of the time looked at, from each of which events are taken.
const PARTS: i32 = 24;

/// Events taken from each part.
const EACH: usize = 50;

/// Milliseconds between an event and its arrival, in rising order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Delays(Vec<i64>);

impl Delays {
    /// The searches for a sample of the events in `pattern` that arrived, by `arrival`, within `over` before `now`.
    pub(super) fn searches(
        pattern: &str,
        arrival: &str,
        now: DateTime<Utc>,
        over: TimeDelta,
    ) -> Vec<SearchItem> {
        let part = over / PARTS;
        let field = |name: &str| json!({"field": name, "format": "epoch_millis"});
        let search = |number: i32| {
            let (from, to) = (now - part * (number + 1), now - part * number);
            let body = json!({
                "size": EACH, "track_total_hits": false, "_source": false,
                "query": {"range": {arrival: {"gte": stamp(from), "lt": stamp(to)}}},
                "fields": [field(arrival), field(TIMESTAMP)],
            });
            SearchItem { indices: vec![pattern.to_owned()], body }
        };
        (0..PARTS).map(search).collect()
    }

    /// Reads the answers to [`Self::searches`]; searches without one are left out of the sample.
    pub(super) fn read(answers: &[Value], arrival: &str) -> Self {
        let hits = answers.iter().filter_map(|answer| answer["hits"]["hits"].as_array()).flatten();
        let millis = |hit: &Value, field: &str| hit["fields"][field][0].as_str()?.parse::<i64>().ok();
        let delay = |hit| Some(millis(hit, arrival)? - millis(hit, TIMESTAMP)?);
        let mut delays: Vec<i64> = hits.filter_map(delay).collect();
        delays.sort_unstable();
        Self(delays)
    }

    /// How many events it rests on.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time within which `percent` of the events arrived; none without events.
    pub(super) fn percentile(&self, percent: usize) -> Option<TimeDelta> {
        let last = self.0.len().checked_sub(1)?;
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank.min(last)).map(|millis| TimeDelta::milliseconds(*millis))
    }
}

/// A time as queries have it.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::Delays;
    use chrono::TimeDelta;
    use serde_json::json;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let hit = |delay: i64| {
            let (happened, arrived) = ("1000".to_owned(), (1000 + delay).to_string());
            json!({"fields": {"@timestamp": [happened], "event.ingested": [arrived]}})
        };
        let hits: Vec<_> =
            (1..=100).rev().map(hit).chain([json!({"fields": {"@timestamp": ["1"]}})]).collect();
        let delays = Delays::read(&[json!({"hits": {"hits": hits}}), json!({"error": {}})], "event.ingested");
        assert_eq!(delays.len(), 100);
        let at = |percent| delays.percentile(percent).map(|delay| delay.num_milliseconds());
        assert_eq!([at(50), at(95), at(99), at(100)], [Some(50), Some(95), Some(99), Some(100)]);
        assert_eq!(Delays::default().percentile(50), None::<TimeDelta>);
    }
}

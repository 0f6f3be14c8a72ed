//! The alerts whose triage is due: those never asked about, and those with open questions whose time has come.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Triager;
use super::grouping::TIME;
use crate::elastic::{ElasticError, SearchItem};
use crate::eval::date::moment;
use crate::event::Event;
use crate::triage::{ASKED_AT, DUE, Times};

/// How many alerts are worked on together.
const PAGE: usize = 100;

/// How long a failed question is asked again after its alert was found.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// How long what failed waits at least.
const RETRY: TimeDelta = TimeDelta::minutes(5);

/// How long after its event an alert may be found that came as soon as its event arrived; what is found later may have
/// been there for long.
const PROMPT: TimeDelta = TimeDelta::days(1);

/// Where the reading of due alerts has come to.
#[derive(Debug)]
pub(super) struct Place {
    indices: Vec<String>,
    after: Option<Value>,
    ended: bool,
}

/// Indices whose mapping knows of triage.
enum Able {
    All,
    /// These, some others being of an earlier version.
    Only(Vec<String>),
}

/// An alert that is due.
#[derive(Debug, Clone)]
pub(super) struct DueAlert {
    /// The rule that found it.
    pub rule_id: String,
    /// When its event happened and arrived.
    pub times: Times,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// Its document, with its index and id.
    pub alert: Event,
}

impl DueAlert {
    /// When what failed is asked again: soon at first, ever later as the alert grows old, and at last no more.
    pub(super) fn retry(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let age = now - self.found_at;
        (age < PATIENCE).then(|| now + RETRY.max(age / 4))
    }
}

/// Parts of an alert that are large, and that no rule reads, as a rule.
const LARGE: [&str; 6] = [
    "kibana.alert.rule.parameters",
    "kibana.alert.original_event.original",
    "event.original",
    "message",
    "stakeout.pivots",
    "stakeout.commands",
];

impl Triager {
    /// What of the alerts no question reads, and need not be sent.
    fn unread(&self) -> Vec<&'static str> {
        let read: BTreeSet<String> =
            self.rules.values().flat_map(|rule| rule.triage.fields(&self.expected)).collect();
        LARGE.into_iter().filter(|large| !read.contains(*large)).collect()
    }

    /// Before the first alert.
    fn begin(&self) -> Place {
        Place { indices: vec![self.index.alias().to_owned()], after: None, ended: false }
    }

    /// The first alerts that are due at `now`, and the place behind them: among those indices alone that can tell what
    /// was triaged already.
    pub(super) async fn first(&self, now: DateTime<Utc>) -> Result<(Vec<DueAlert>, Place), ElasticError> {
        let mut place = self.begin();
        let due = self.due(now, &mut place).await?;
        if due.is_empty() {
            return Ok((due, place));
        }
        match self.able(&place.indices).await? {
            Able::All => Ok((due, place)),
            Able::Only(indices) => {
                let mut place = Place { indices, ..self.begin() };
                Ok((self.due(now, &mut place).await?, place))
            }
        }
    }

    /// Which of the indices have a mapping that knows of triage.
    async fn able(&self, indices: &[String]) -> Result<Able, ElasticError> {
        let known = self.cluster.field_caps(indices, &[ASKED_AT.to_owned()]).await?;
        let Some(form) = known.schema.forms(ASKED_AT).into_iter().next() else {
            if !self.said.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "no triage: `{}` was made by an earlier version, whose mapping lacks `{ASKED_AT}`; `stakeout setup` \
                     writes the new template, and the next index behind the alias has it",
                    self.index.alias()
                );
            }
            return Ok(Able::Only(Vec::new()));
        };
        Ok(if form.indices.is_empty() { Able::All } else { Able::Only(form.indices) })
    }

    /// The next alerts that are due at `now`; none at the end.
    pub(super) async fn due(
        &self,
        now: DateTime<Utc>,
        place: &mut Place,
    ) -> Result<Vec<DueAlert>, ElasticError> {
        if place.ended || place.indices.is_empty() {
            return Ok(Vec::new());
        }
        let rules: Vec<&String> = self.rules.keys().collect();
        let mut body = json!({
            "size": PAGE, "track_total_hits": false,
            "query": {"bool": {"filter": [
                {"terms": {"kibana.alert.rule.rule_id": rules}},
                {"bool": {"should": [
                    {"range": {DUE: {"lte": now.to_rfc3339_opts(SecondsFormat::Millis, true)}}},
                    {"bool": {"must_not": [{"exists": {"field": ASKED_AT}}]}},
                ]}},
            ], "must_not": {"terms": {"_index": self.resting.at(now)}}}},
            // Alerts of one session side by side; milliseconds of no date come first.
            "sort": [{TIME: {"order": "asc", "missing": 0}}, {"kibana.alert.uuid": "asc"}],
            "_source": {"excludes": self.unread()},
        });
        if let Some(after) = &place.after {
            body["search_after"] = after.clone();
        }
        let search = SearchItem { indices: place.indices.clone(), body };
        let mut answers = self.cluster.whole_multi_search(&[search], &["hits.hits"]).await?;
        let hits = match answers.first_mut().and_then(|answer| answer.pointer_mut("/hits/hits")) {
            Some(Value::Array(hits)) => std::mem::take(hits),
            _ => Vec::new(),
        };
        place.ended = hits.len() < PAGE;
        place.after = hits.last().map(|hit| hit["sort"].clone());
        Ok(hits.into_iter().filter_map(read).collect())
    }
}

fn read(mut hit: Value) -> Option<DueAlert> {
    let text = |name: &str| hit[name].as_str().map(str::to_owned);
    let (index, id) = (text("_index")?, text("_id")?);
    let Value::Object(source) = hit["_source"].take() else { return None };
    let mut alert = Event { index, id, source, fields: Map::new() };
    let time = |field: &str| alert.first(field).and_then(|value| moment(&value));
    let found_at = time("kibana.alert.start").or_else(|| time("@timestamp"))?;
    let at = time(TIME).unwrap_or(found_at);
    let seen = if found_at - at < PROMPT { found_at } else { at };
    let arrived = time("event.ingested").unwrap_or(seen).max(at);
    // A rule speaks of its event, where the alert has its own.
    for (own, event) in [("@timestamp", TIME), ("event.kind", "kibana.alert.original_event.kind")] {
        let values = alert.values(event);
        alert.fields.insert(own.to_owned(), values.into());
    }
    let times = Times { at, arrived };
    Some(DueAlert { rule_id: alert.text("kibana.alert.rule.rule_id")?, times, found_at, alert })
}

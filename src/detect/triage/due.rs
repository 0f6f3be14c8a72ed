//! The alerts whose triage is due: those never asked about, and those with open questions whose time has come.

use std::sync::atomic::Ordering;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Triager;
use crate::elastic::{ElasticError, SearchItem};
use crate::event::Event;
use crate::triage::{ASKED_AT, DUE};

/// How many alerts are worked on together.
const PAGE: usize = 100;

/// How long a failed question is asked again after its alert was found.
const PATIENCE: TimeDelta = TimeDelta::days(1);

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
    /// When its event happened.
    pub at: DateTime<Utc>,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// Its document, with its index and id.
    pub alert: Event,
}

impl DueAlert {
    /// Whether what failed is still worth asking again.
    pub(super) fn deserves_patience(&self, now: DateTime<Utc>) -> bool {
        now - self.found_at < PATIENCE
    }
}

/// Parts of an alert that no question reads, and that are large.
const UNREAD: [&str; 6] = [
    "kibana.alert.rule.parameters",
    "kibana.alert.original_event.original",
    "event.original",
    "message",
    "stakeout.pivots",
    "stakeout.commands",
];

impl Triager {
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
            ]}},
            // Alerts of one session side by side; milliseconds of no date come first.
            "sort": [{"kibana.alert.original_time": {"order": "asc", "missing": 0}}, {"kibana.alert.uuid": "asc"}],
            "_source": {"excludes": UNREAD},
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
    let alert = Event { index, id, source, ..Event::default() };
    let time = |field: &str| alert.first(field).and_then(|value| moment(&value));
    let found_at = time("kibana.alert.start").or_else(|| time("@timestamp"))?;
    let at = time("kibana.alert.original_time").unwrap_or(found_at);
    Some(DueAlert { rule_id: alert.text("kibana.alert.rule.rule_id")?, at, found_at, alert })
}

/// A date as alerts hold it: RFC 3339, or milliseconds since 1970.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => DateTime::from_timestamp_millis(value.as_i64()?),
    }
}

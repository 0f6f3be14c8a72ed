//! The groups of alerts: those of one principal that lie close together, whichever rule found them and whenever.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Triager;
use super::due::DueAlert;
use crate::elastic::{ElasticError, PartialDocument, SearchItem};
use crate::triage::{Principal, groups};

/// How far around an alert others of its group are looked for; a group may be a chain of many.
const AROUND: TimeDelta = TimeDelta::hours(12);

/// How many alerts of a principal are looked at.
const MOST: usize = 1_000;

/// The groups of some alerts, and of the others around them.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    /// By the alert's id.
    pub by_alert: BTreeMap<String, String>,
    /// Other alerts that have come into another group than they are in.
    pub moved: Vec<PartialDocument>,
}

/// An alert of a principal.
#[derive(Debug, Clone)]
struct Member {
    index: String,
    at: DateTime<Utc>,
    group: Option<String>,
}

impl Triager {
    /// The groups of `due`, with all other alerts of the same principals in view.
    pub(super) async fn grouping(&self, due: &[DueAlert]) -> Result<Grouping, ElasticError> {
        let mut members: BTreeMap<Principal, BTreeMap<String, Member>> = BTreeMap::new();
        for one in due {
            let Some(principal) = Principal::of(&one.alert) else { continue };
            let member = Member { index: one.alert.index.clone(), at: one.at, group: None };
            members.entry(principal).or_default().insert(one.alert.id.clone(), member);
        }
        let searches: Vec<SearchItem> = members.iter().map(|(who, known)| self.others(who, known)).collect();
        let answers = self.cluster.whole_multi_search(&searches, &["hits.hits"]).await?;
        for (known, answer) in members.values_mut().zip(&answers) {
            let hits = answer["hits"]["hits"].as_array();
            for (id, member) in hits.into_iter().flatten().filter_map(member) {
                known.entry(id).or_insert(member);
            }
        }
        let due: BTreeSet<&str> = due.iter().map(|one| one.alert.id.as_str()).collect();
        let mut grouping = Grouping::default();
        for (principal, members) in &members {
            grouping.add(principal, members, &due);
        }
        Ok(grouping)
    }

    /// The search for a principal's alerts around those known.
    fn others(&self, principal: &Principal, known: &BTreeMap<String, Member>) -> SearchItem {
        let times = || known.values().map(|member| member.at);
        let bound =
            |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let (from, to) = (times().min().map(|time| time - AROUND), times().max().map(|time| time + AROUND));
        let body = json!({
            "size": MOST, "track_total_hits": false, "_source": false,
            "query": {"bool": {"filter": [
                {"term": {principal.field: principal.value}},
                {"range": {"kibana.alert.original_time": {"gte": bound(from), "lte": bound(to)}}},
            ]}},
            "sort": [{"kibana.alert.original_time": {"order": "asc", "unmapped_type": "date"}}],
            "fields": ["stakeout.group.id", {"field": "kibana.alert.original_time", "format": "epoch_millis"}],
        });
        SearchItem { indices: vec![self.index.alias().to_owned()], body }
    }
}

impl Grouping {
    fn add(&mut self, principal: &Principal, members: &BTreeMap<String, Member>, due: &BTreeSet<&str>) {
        let times: Vec<DateTime<Utc>> = members.values().map(|member| member.at).collect();
        for ((id, member), group) in members.iter().zip(groups(principal, &times)) {
            if due.contains(id.as_str()) {
                self.by_alert.insert(id.clone(), group);
            } else if member.group.as_ref().is_some_and(|known| *known != group) {
                let fields = Map::from_iter([("stakeout.group.id".to_owned(), group.into())]);
                self.moved.push(PartialDocument { index: member.index.clone(), id: id.clone(), fields });
            }
        }
    }
}

fn member(hit: &Value) -> Option<(String, Member)> {
    let first = |field: &str| hit["fields"][field].get(0);
    let millis = first("kibana.alert.original_time")?.as_str()?.parse().ok()?;
    let member = Member {
        index: hit["_index"].as_str()?.to_owned(),
        at: DateTime::from_timestamp_millis(millis)?,
        group: first("stakeout.group.id").and_then(|group| group.as_str().map(str::to_owned)),
    };
    Some((hit["_id"].as_str()?.to_owned(), member))
}

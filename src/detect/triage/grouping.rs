//! The groups of alerts: those of one principal that lie close together, whichever rule found them and whenever.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Triager;
use super::ask::Asked;
use super::due::DueAlert;
use crate::elastic::{ElasticError, PartialDocument, SearchItem};
use crate::event::Event;
use crate::triage::{APART, PRINCIPALS, Principal, groups};

/// The field that holds when an alert's event happened.
pub(super) const TIME: &str = "kibana.alert.original_time";

/// The field of an alert's group.
pub(super) const GROUP: &str = "stakeout.group.id";

/// How far around an alert others of its group are looked for; a group may be a chain of many.
const AROUND: TimeDelta = TimeDelta::hours(12);

/// How many alerts of a principal are looked at.
const MOST: usize = 1_000;

/// How many alerts of all principals together are looked at; where there are more, each principal is asked for alone.
const MOST_TOGETHER: usize = 5_000;

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

/// The groups that were given lately, by the alerts' ids: the index may not show them yet.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<String, (DateTime<Utc>, String)>);

impl Given {
    /// Keeps what may still be in view of alerts that happened at `from` or later.
    fn forget_before(&mut self, from: DateTime<Utc>) {
        self.0.retain(|_, (at, _)| *at >= from - AROUND);
    }
}

/// A principal's alerts that are due and those around them.
struct Circle {
    members: BTreeMap<String, Member>,
    /// When the first and the last of those due happened.
    due: (DateTime<Utc>, DateTime<Utc>),
}

impl Circle {
    /// The time in which its alerts are looked for.
    fn view(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.due.0 - AROUND, self.due.1 + AROUND)
    }
}

/// The alerts of some principals.
type Circles = BTreeMap<Principal, Circle>;

impl Triager {
    /// The groups of `due`, with all other alerts of the same principals in view.
    pub(super) async fn grouping(
        &self,
        due: &[DueAlert],
        given: &mut Given,
        asked: &mut Asked,
    ) -> Result<Grouping, ElasticError> {
        let mut circles = Circles::new();
        for one in due {
            let Some(principal) = Principal::of(&one.alert) else { continue };
            let at = one.times.at;
            let new = || Circle { members: BTreeMap::new(), due: (at, at) };
            let circle = circles.entry(principal).or_insert_with(new);
            circle.due = (circle.due.0.min(at), circle.due.1.max(at));
            let member = Member { index: one.alert.index.clone(), at, group: None };
            circle.members.insert(one.alert.id.clone(), member);
        }
        for (principal, id, mut member) in self.others(&circles, asked).await?.into_iter().filter_map(member)
        {
            let Some(circle) = circles.get_mut(&principal) else { continue };
            let (from, to) = circle.view();
            if (from..=to).contains(&member.at) {
                member.group = given.0.get(&id).map(|(_, group)| group.clone()).or(member.group);
                circle.members.entry(id).or_insert(member);
            }
        }
        let ids: BTreeSet<&str> = due.iter().map(|one| one.alert.id.as_str()).collect();
        let mut grouping = Grouping::default();
        for (principal, circle) in &circles {
            grouping.add(principal, circle, &ids);
        }
        given.forget_before(circles.values().map(|circle| circle.due.0).min().unwrap_or_default());
        let groups = due.iter().filter_map(|one| Some((one, grouping.by_alert.get(&one.alert.id)?)));
        given.0.extend(groups.map(|(one, group)| (one.alert.id.clone(), (one.times.at, group.clone()))));
        Ok(grouping)
    }

    /// The alerts of these principals around those known: asked for together, or where those are too many, alone.
    async fn others(&self, circles: &Circles, asked: &mut Asked) -> Result<Vec<Value>, ElasticError> {
        if circles.is_empty() {
            return Ok(Vec::new());
        }
        let all: Vec<(&Principal, &Circle)> = circles.iter().collect();
        let together = self.hits(vec![self.search(&all, MOST_TOGETHER)], asked).await?;
        if together.len() < MOST_TOGETHER {
            return Ok(together);
        }
        self.hits(all.chunks(1).map(|one| self.search(one, MOST)).collect(), asked).await
    }

    async fn hits(&self, searches: Vec<SearchItem>, asked: &mut Asked) -> Result<Vec<Value>, ElasticError> {
        asked.requests += 1;
        asked.searches += searches.len() as u64;
        let answers = self.cluster.whole_multi_search(&searches, &["hits.hits"]).await?;
        let hits =
            answers.into_iter().filter_map(|mut answer| match answer.pointer_mut("/hits/hits")?.take() {
                Value::Array(hits) => Some(hits),
                _ => None,
            });
        Ok(hits.flatten().collect())
    }

    /// The search for the alerts of some principals around those known.
    fn search(&self, principals: &[(&Principal, &Circle)], most: usize) -> SearchItem {
        let views = || principals.iter().map(|(_, circle)| circle.view());
        let bound =
            |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let (from, to) = (views().map(|view| view.0).min(), views().map(|view| view.1).max());
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (principal, _) in principals {
            names.entry(principal.field).or_default().push(&principal.value);
        }
        let whose: Vec<Value> =
            names.iter().map(|(field, values)| json!({"terms": {*field: values}})).collect();
        // Alerts are large, so what is wanted of them is not taken from their documents.
        let mut fields: Vec<Value> = PRINCIPALS.iter().chain(&[GROUP]).map(|field| json!(field)).collect();
        fields.push(json!({"field": TIME, "format": "epoch_millis"}));
        let body = json!({
            "size": most, "track_total_hits": false, "_source": false, "docvalue_fields": fields,
            "query": {"bool": {
                "filter": [{"range": {TIME: {"gte": bound(from), "lte": bound(to)}}}],
                "should": whose, "minimum_should_match": 1,
            }},
            "sort": [{TIME: {"order": "asc", "unmapped_type": "date"}}],
        });
        SearchItem { indices: vec![self.index.alias().to_owned()], body }
    }
}

impl Grouping {
    /// Adds the groups of a principal's alerts.
    fn add(&mut self, principal: &Principal, circle: &Circle, due: &BTreeSet<&str>) {
        let times: Vec<DateTime<Utc>> = circle.members.values().map(|member| member.at).collect();
        // A chain may reach back out of view, and has its name from there.
        let first = circle.members.values().min_by_key(|member| member.at);
        let begun = first.filter(|first| first.at - circle.view().0 <= APART);
        let begun = begun.and_then(|first| first.group.as_deref());
        for ((id, member), group) in circle.members.iter().zip(groups(principal, &times, begun)) {
            if due.contains(id.as_str()) {
                self.by_alert.insert(id.clone(), group);
            } else if member.group.as_ref().is_some_and(|known| *known != group) {
                let fields = Map::from_iter([(GROUP.to_owned(), group.into())]);
                self.moved.push(PartialDocument { index: member.index.clone(), id: id.clone(), fields });
            }
        }
    }
}

/// The alert of a hit: whose it is, its id, and the rest.
fn member(mut hit: Value) -> Option<(Principal, String, Member)> {
    let Value::Object(fields) = hit["fields"].take() else { return None };
    let text = |name: &str| hit[name].as_str().map(str::to_owned);
    let (index, id) = (text("_index")?, text("_id")?);
    let alert = Event { fields, ..Event::default() };
    let at = DateTime::from_timestamp_millis(alert.text(TIME)?.parse().ok()?)?;
    Some((Principal::of(&alert)?, id, Member { index, at, group: alert.text(GROUP) }))
}

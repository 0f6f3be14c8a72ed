//! The alerts that a case is to tell of, by their groups: those that have a triage and no case, and those that came to
//! the top grade since.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::text::Entry;
use super::{CASE_IDS, CaseOpener, CasesError, TOLD_GRADE, top_grade};
use crate::elastic::SearchItem;
use crate::triage::ASKED_AT;

/// How many alerts are looked at together.
const PAGE: usize = 100;

/// How long after an alert was made a case is opened for it. Older ones have none because nobody wanted any.
const HORIZON: TimeDelta = TimeDelta::days(7);

/// What is large in an alert, and not told in a case.
const UNTOLD: [&str; 7] = [
    "kibana.alert.rule.note",
    "kibana.alert.rule.parameters",
    "kibana.alert.original_event.original",
    "event.original",
    "message",
    "stakeout.triage",
    "stakeout.pivots",
];

/// Where the reading of these alerts has come to.
#[derive(Debug)]
pub(super) struct Place {
    /// The indices whose mapping knows of cases.
    indices: Vec<String>,
    /// The oldest that count.
    since: DateTime<Utc>,
    after: Option<Value>,
    ended: bool,
}

/// Alerts of one group that its case is to tell of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingGroup {
    /// The group's id.
    pub id: String,
    /// Its alerts in order of time.
    pub alerts: Vec<Entry>,
}

impl CaseOpener {
    /// Where to begin; none where no index can tell which alerts have a case.
    pub(super) async fn begin(&self, now: DateTime<Utc>) -> Result<Option<Place>, CasesError> {
        let alias = vec![self.index.alias().to_owned()];
        let known = self.cluster.field_caps(&alias, &[CASE_IDS.to_owned()]).await?;
        let Some(form) = known.schema.forms(CASE_IDS).into_iter().next() else {
            if !self.said.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "no case is opened: `{}` was made by an earlier version, whose mapping lacks `{CASE_IDS}`; `stakeout \
                     setup` writes the new template, and the next index behind the alias has it",
                    self.index.alias()
                );
            }
            return Ok(None);
        };
        let indices = if form.indices.is_empty() { alias } else { form.indices };
        Ok(Some(Place { indices, since: now - HORIZON, after: None, ended: false }))
    }

    /// The next alerts; none at the end. A group of more alerts than a page holds comes in parts.
    pub(super) async fn pending(&self, place: &mut Place) -> Result<Vec<PendingGroup>, CasesError> {
        if place.ended {
            return Ok(Vec::new());
        }
        let since = place.since.to_rfc3339_opts(SecondsFormat::Millis, true);
        let rules: Vec<&String> = self.rules.keys().collect();
        let mut body = json!({
            "size": PAGE, "track_total_hits": false,
            "query": {"bool": {"filter": [
                {"exists": {"field": "stakeout.group.id"}},
                {"exists": {"field": ASKED_AT}},
                {"terms": {"kibana.alert.rule.rule_id": rules}},
                {"range": {"kibana.alert.start": {"gte": since}}},
                {"bool": {"should": self.news()}},
            ]}},
            "sort": ["stakeout.group.id", {"kibana.alert.original_time": {"order": "asc", "missing": 0}}, "kibana.alert.uuid"],
            "_source": {"excludes": UNTOLD},
        });
        if let Some(after) = &place.after {
            body["search_after"] = after.clone();
        }
        let hits = self.hits(&place.indices, body).await?;
        place.ended = hits.len() < PAGE;
        place.after = hits.last().map(|hit| hit["sort"].clone());
        Ok(by_group(hits))
    }

    /// What of an alert is for a case, one clause each.
    fn news(&self) -> Vec<Value> {
        let without_case = json!({"bool": {"must_not": [
            {"exists": {"field": CASE_IDS}},
            {"term": {"kibana.alert.workflow_status": "closed"}},
        ]}});
        let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, rule) in &self.rules {
            rules.entry(top_grade(rule).unwrap_or_default()).or_default().push(id);
        }
        let regraded = rules.into_iter().filter(|(top, _)| !top.is_empty()).map(|(top, rules)| {
            json!({"bool": {
                "filter": [
                    {"exists": {"field": CASE_IDS}},
                    {"terms": {"kibana.alert.rule.rule_id": rules}},
                    {"term": {"stakeout.verdict.grade": top}},
                ],
                "must_not": [{"term": {TOLD_GRADE: top}}],
            }})
        });
        std::iter::once(without_case).chain(regraded).collect()
    }

    /// The ids of cases that alerts of a group are in.
    pub(super) async fn cases_of(&self, group: &str) -> Result<Vec<String>, CasesError> {
        let body = json!({
            "size": 20, "track_total_hits": false, "_source": false, "fields": [CASE_IDS],
            "query": {"bool": {"filter": [{"term": {"stakeout.group.id": group}}, {"exists": {"field": CASE_IDS}}]}},
            "sort": [{"kibana.alert.original_time": {"order": "asc", "missing": 0}}],
        });
        let hits = self.hits(&[self.index.alias().to_owned()], body).await?;
        let ids = hits.iter().filter_map(|hit| hit["fields"][CASE_IDS].as_array()).flatten();
        let mut cases: Vec<String> = Vec::new();
        for id in ids.filter_map(Value::as_str) {
            if !cases.iter().any(|known| known == id) {
                cases.push(id.to_owned());
            }
        }
        Ok(cases)
    }

    async fn hits(&self, indices: &[String], body: Value) -> Result<Vec<Value>, CasesError> {
        let search = SearchItem { indices: indices.to_vec(), body };
        let mut answers = self.cluster.multi_search(&[search], &["hits.hits"]).await?;
        let answer = answers.first_mut().map(Value::take).unwrap_or_default();
        if let Some(reason) = answer.pointer("/error/reason").or_else(|| answer.get("error")) {
            return Err(CasesError::Search(crate::diagnostic::sanitize(&reason.to_string())));
        }
        match answer.pointer("/hits/hits") {
            Some(Value::Array(hits)) => Ok(hits.clone()),
            _ => Ok(Vec::new()),
        }
    }
}

/// The alerts of a page, which come in the order of their groups.
fn by_group(hits: Vec<Value>) -> Vec<PendingGroup> {
    let mut groups: Vec<PendingGroup> = Vec::new();
    for (group, entry) in hits.into_iter().filter_map(read) {
        let Some(last) = groups.last_mut().filter(|last| last.id == group) else {
            groups.push(PendingGroup { id: group, alerts: vec![entry] });
            continue;
        };
        match last.alerts.last_mut().filter(|known| known.id == entry.id) {
            Some(known) => known.indices.extend(entry.indices),
            None => last.alerts.push(entry),
        }
    }
    groups
}

fn read(mut hit: Value) -> Option<(String, Entry)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let group = text(&hit["sort"][0])?;
    let (index, id) = (text(&hit["_index"])?, text(&hit["_id"])?);
    match hit["_source"].take() {
        Value::Object(source) => Some((group, Entry::new(&index, &id, &source))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_of_one_group_stay_together_and_each_is_one() {
        let hit = |group: &str, index: &str, id: &str| json!({"_index": index, "_id": id, "sort": [group, 1, id], "_source": {"kibana.alert.uuid": id}});
        let hits = vec![
            hit("g1", "a-1", "a"),
            hit("g1", "a-2", "a"),
            hit("g1", "a-1", "b"),
            json!({"_id": "odd"}),
            hit("g2", "a-1", "c"),
        ];
        let groups = by_group(hits);
        let told = |group: &PendingGroup| -> Vec<(String, usize)> {
            group.alerts.iter().map(|entry| (entry.id.clone(), entry.indices.len())).collect()
        };
        assert_eq!((groups.len(), groups[1].id.as_str()), (2, "g2"));
        assert_eq!(told(&groups[0]), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    }
}

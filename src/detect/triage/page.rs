//! One page of due alerts: asked about together, each alert updated with what came of it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::ask::Asked;
use super::due::DueAlert;
use super::grouping::GROUP;
use super::{TriageReport, Triager};
use crate::elastic::{ElasticError, PartialDocument};
use crate::triage::{
    Answer, Batch, Case, Plan, Prepared, Principal, Record, Sources, Status, StoredTriage, Verdict, due_after,
};

/// When what failed or was owed is asked again.
const RETRY: TimeDelta = TimeDelta::minutes(5);

/// How long one triage serves for all alerts of a rule and principal.
const SHARED: TimeDelta = TimeDelta::minutes(15);

/// One triage, and the alerts that it is for, the first of which it is about.
struct Session<'d, 'r> {
    prepared: &'r Prepared<'r>,
    guide: Option<&'r str>,
    alerts: Vec<&'d DueAlert>,
}

/// A page that was asked about, and what is written of it.
#[derive(Debug, Default)]
pub(super) struct AnsweredPage {
    /// The triage of each alert, then what other alerts are moved to.
    parts: Vec<PartialDocument>,
    alerts: usize,
    asked: Asked,
}

impl Triager {
    /// Asks about `due`.
    pub(super) async fn page(
        &self,
        due: &[DueAlert],
        known: &BTreeMap<String, Sources>,
        now: DateTime<Utc>,
    ) -> Result<AnsweredPage, ElasticError> {
        let prepared: BTreeMap<&str, Prepared<'_>> = known
            .iter()
            .filter_map(|(id, sources)| {
                let rule = self.rules.get(id)?;
                Some((id.as_str(), Prepared::new(&rule.triage, Some(sources), "")))
            })
            .collect();
        let sessions = self.sessions(due, &prepared);
        let mut batch = Batch::default();
        let plans: Vec<(Case<'_>, Plan)> =
            sessions.iter().filter_map(|session| session.plan(now, &mut batch)).collect();
        let mut page = AnsweredPage::default();
        let outcomes = self.outcomes(&batch, &mut page.asked).await?;
        let grouping = self.grouping(due, &mut page.asked).await?;
        for (session, (case, plan)) in sessions.iter().zip(plans) {
            let answers = session.prepared.answers(plan, &case, &outcomes);
            let verdict = Verdict::of(session.prepared, &answers, &case, now, &self.expected);
            for alert in &session.alerts {
                let mut fields = session.fields(alert, case.at, &answers, &verdict, now);
                if let Some(group) = grouping.by_alert.get(&alert.alert.id) {
                    fields.insert(GROUP.into(), Value::from(group.as_str()));
                }
                let (index, id) = (alert.alert.index.clone(), alert.alert.id.clone());
                page.parts.push(PartialDocument { index, id, fields });
            }
        }
        page.alerts = page.parts.len();
        page.parts.extend(grouping.moved);
        Ok(page)
    }

    /// Writes what was found out about a page, and counts it.
    pub(super) async fn write(&self, page: AnsweredPage, report: &mut TriageReport) {
        report.searches += page.asked.searches;
        report.requests += page.asked.requests;
        let outcomes = self.cluster.bulk_update(page.parts).await;
        let mut first = None;
        for (at, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(()) if at < page.alerts => report.alerts += 1,
                Ok(()) => {}
                Err(reason) => {
                    report.unwritten += 1;
                    first.get_or_insert(reason);
                }
            }
        }
        if let Some(reason) = first {
            tracing::warn!("triage could not be written to some alerts and is tried again: {reason}");
        }
    }

    /// Alerts of one rule and principal within fifteen minutes are one session.
    fn sessions<'d, 'r>(
        &'r self,
        due: &'d [DueAlert],
        prepared: &'r BTreeMap<&str, Prepared<'r>>,
    ) -> Vec<Session<'d, 'r>> {
        let mut order: Vec<&DueAlert> = due.iter().collect();
        order.sort_by_key(|alert| alert.at);
        let mut sessions: Vec<Session<'d, 'r>> = Vec::new();
        let mut open: BTreeMap<(&str, Principal), usize> = BTreeMap::new();
        for alert in order {
            let Some(prepared) = prepared.get(alert.rule_id.as_str()) else { continue };
            let key = Principal::of(&alert.alert).map(|who| (alert.rule_id.as_str(), who));
            let session = key.as_ref().and_then(|key| open.get(key)).map(|at| &mut sessions[*at]);
            if let Some(session) = session.filter(|session| alert.at - session.alerts[0].at <= SHARED) {
                session.alerts.push(alert);
                continue;
            }
            open.extend(key.map(|key| (key, sessions.len())));
            let guide = self.rules.get(&alert.rule_id).and_then(|rule| rule.note.as_deref());
            sessions.push(Session { prepared, guide, alerts: vec![alert] });
        }
        sessions
    }
}

impl<'d> Session<'d, '_> {
    fn plan(&self, now: DateTime<Utc>, batch: &mut Batch) -> Option<(Case<'d>, Plan)> {
        let first = self.alerts.first()?;
        let case = Case::new(self.prepared.triage(), &first.alert.id, &first.alert, first.at);
        let plan = self.prepared.plan(&case, now, &StoredTriage::of(&first.alert), batch);
        Some((case, plan))
    }

    /// What is written into one alert of the session.
    fn fields(
        &self,
        alert: &DueAlert,
        session_at: DateTime<Utc>,
        answers: &[Answer],
        verdict: &Verdict,
        now: DateTime<Utc>,
    ) -> Map<String, Value> {
        let triage = self.prepared.triage();
        let next = due_after(triage, session_at, now);
        let open = answers.iter().any(|answer| matches!(answer.status, Status::Failed | Status::Partial));
        let retry = (open && alert.deserves_patience(now)).then(|| now + RETRY);
        let due = [next, retry].into_iter().flatten().min();
        let case = Case::new(triage, &alert.alert.id, &alert.alert, alert.at);
        let record = Record { prepared: self.prepared, answers, verdict, now, due, guide: self.guide };
        record.fields(&case)
    }
}

//! One page of due alerts: asked about together, each alert updated with what came of it.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::ask::Asked;
use super::due::DueAlert;
use super::grouping::{GROUP, Given};
use super::{TriageReport, Triager};
use crate::elastic::{ElasticError, PartialDocument};
use crate::rule::triage::Expected;
use crate::triage::{
    Answer, Batch, Case, Plan, Prepared, Principal, Record, Sources, Status, StoredTriage, Times, Verdict,
    due_after,
};

/// How long the answers about one alert serve for the others of its rule and principal that ask the same.
const SHARED: TimeDelta = TimeDelta::minutes(15);

/// What tells an alert's questions from those of others, besides their time: the rule, whom it is about, and all values
/// that the questions and their words depend on.
type Inputs<'d> = (&'d str, Option<Principal>, Vec<Option<String>>);

/// Alerts that ask the same, the first of which the answers are about.
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
        given: &mut Given,
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
        let grouping = self.grouping(due, given, &mut page.asked).await?;
        for (session, (case, plan)) in sessions.iter().zip(plans) {
            let answers = session.prepared.answers(plan, &case, &outcomes);
            for alert in &session.alerts {
                let mut fields = session.fields(alert, &answers, &self.expected, now);
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
    pub(super) async fn write(&self, page: AnsweredPage, now: DateTime<Utc>, report: &mut TriageReport) {
        report.searches += page.asked.searches;
        report.requests += page.asked.requests;
        let indices: Vec<String> = page.parts.iter().map(|part| part.index.clone()).collect();
        let outcomes = self.cluster.bulk_update(page.parts).await;
        let written = outcomes.iter().map(Result::is_ok);
        self.resting.note(indices.iter().map(String::as_str).zip(written), now);
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

    /// Alerts of one rule and principal within fifteen minutes are one session, if they ask the same: what tells them
    /// apart, such as an address, may be all that matters.
    fn sessions<'d, 'r>(
        &'r self,
        due: &'d [DueAlert],
        prepared: &'r BTreeMap<&str, Prepared<'r>>,
    ) -> Vec<Session<'d, 'r>> {
        let mut order: Vec<&DueAlert> = due.iter().collect();
        order.sort_by_key(|alert| alert.times.at);
        let mut sessions: Vec<Session<'d, 'r>> = Vec::new();
        let mut open: BTreeMap<Inputs<'d>, usize> = BTreeMap::new();
        for alert in order {
            let Some(prepared) = prepared.get(alert.rule_id.as_str()) else { continue };
            let inputs = inputs(alert, prepared);
            let session = open.get(&inputs).map(|at| &mut sessions[*at]);
            if let Some(session) =
                session.filter(|session| alert.times.at - session.alerts[0].times.at <= SHARED)
            {
                session.alerts.push(alert);
                continue;
            }
            open.insert(inputs, sessions.len());
            let guide = self.rules.get(&alert.rule_id).and_then(|rule| rule.note.as_deref());
            sessions.push(Session { prepared, guide, alerts: vec![alert] });
        }
        sessions
    }
}

fn inputs<'d>(alert: &'d DueAlert, prepared: &Prepared<'_>) -> Inputs<'d> {
    let triage = prepared.triage();
    let case = Case::new(triage, &alert.alert.id, &alert.alert, alert.times);
    let names = triage.inputs().into_iter().chain(["event.action".to_owned()]);
    let values = names.filter(|name| name != "@timestamp").map(|name| case.values.get(&name)).collect();
    (&alert.rule_id, Principal::of(&alert.alert), values)
}

impl<'d> Session<'d, '_> {
    fn plan(&self, now: DateTime<Utc>, batch: &mut Batch) -> Option<(Case<'d>, Plan)> {
        let first = self.alerts.first()?;
        let case = Case::new(self.prepared.triage(), &first.alert.id, &first.alert, self.times()?);
        let plan = self.prepared.plan(&case, now, &StoredTriage::of(&first.alert), batch);
        Some((case, plan))
    }

    /// What is written into one alert of the session.
    fn fields(
        &self,
        alert: &DueAlert,
        answers: &[Answer],
        expected: &[Expected],
        now: DateTime<Utc>,
    ) -> Map<String, Value> {
        let triage = self.prepared.triage();
        if triage.questions.is_empty() {
            let asked = json!({"asked_at": now.to_rfc3339_opts(SecondsFormat::Millis, true)});
            return Map::from_iter([("stakeout.verdict".to_owned(), asked)]);
        }
        let case = Case::new(triage, &alert.alert.id, &alert.alert, alert.times);
        let verdict = Verdict::of(self.prepared, answers, &case, now, expected);
        let next = self.times().and_then(|times| due_after(triage, times, now));
        let open = answers.iter().any(|answer| matches!(answer.status, Status::Failed | Status::Partial));
        let retry = open.then(|| alert.retry(now)).flatten();
        let due = [next, retry].into_iter().flatten().min();
        let record =
            Record { prepared: self.prepared, answers, verdict: &verdict, now, due, guide: self.guide };
        record.fields(&case)
    }

    /// When the first event happened and the last arrived.
    fn times(&self) -> Option<Times> {
        let times = self.alerts.iter().map(|alert| alert.times);
        times.reduce(|first, other| Times { at: first.at, arrived: first.arrived.max(other.arrived) })
    }
}

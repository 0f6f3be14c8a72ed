//! A copy of each alert in a data stream, for Elastic's rule *External Alerts*. No alert waits for its copy; a window
//! is done only when each of its alerts has one.

use std::collections::HashSet;

use serde_json::Value;

use super::pass::{AT_ONCE, Match, Pass, WindowReport};
use super::sink::{Outcome, outcome};
use crate::alert::{AlertDocument, DataStream, Found, external_copy};
use crate::diagnostic::sanitize;
use crate::elastic::{BulkItem, Cluster, ElasticError};

/// Where the copies go.
#[derive(Debug, Clone)]
pub struct Copies {
    cluster: Cluster,
    stream: DataStream,
}

impl Copies {
    /// Copies go to `stream` on `cluster`; nothing is asked of it yet.
    #[must_use]
    pub fn new(cluster: Cluster, stream: DataStream) -> Self {
        Self { cluster, stream }
    }

    /// Which of the alerts' ids have a copy.
    async fn known(&self, alerts: &[Match]) -> Result<HashSet<String>, ElasticError> {
        let ids: Vec<String> = alerts.iter().map(|(id, _)| id.as_str().to_owned()).collect();
        self.cluster.known_ids(self.stream.name(), &ids).await
    }

    /// The window of `report` is read again, as so many alerts have no copy.
    fn owe(&self, how_many: usize, reason: &str, report: &mut WindowReport) {
        let stream = self.stream.name();
        report.incomplete.get_or_insert(format!("{how_many} alerts have no copy in `{stream}`: {reason}"));
    }
}

impl Pass<'_> {
    /// Copies those alerts that are there now.
    pub async fn copy_written(
        &self,
        written: &[Match],
        outcomes: &[Outcome],
        at: Found,
        report: &mut WindowReport,
    ) {
        let Some(copies) = self.copies else { return };
        let is_there = |outcome: &Outcome| matches!(outcome, Outcome::Created | Outcome::Existing);
        let there = written.iter().zip(outcomes).filter(|(_, outcome)| is_there(outcome));
        let there: Vec<&Match> = there.map(|(alert, _)| alert).collect();
        self.copy(copies, &there, at, report).await;
    }

    /// Copies those of the alerts that have no copy: one could not be written before, or was not wished for.
    pub async fn copy_what_has_none(&self, alerts: Vec<Match>, at: Found, report: &mut WindowReport) {
        let Some(copies) = self.copies.filter(|_| !alerts.is_empty()) else { return };
        let known = match copies.known(&alerts).await {
            Ok(known) => known,
            Err(error) => return copies.owe(alerts.len(), &error.to_string(), report),
        };
        let lacking: Vec<&Match> = alerts.iter().filter(|(id, _)| !known.contains(id.as_str())).collect();
        for some in lacking.chunks(AT_ONCE) {
            self.copy(copies, some, at, report).await;
        }
    }

    /// Writes copies; one that is refused is written again without the fields of the event.
    async fn copy(&self, copies: &Copies, alerts: &[&Match], at: Found, report: &mut WindowReport) {
        let whole: Vec<AlertDocument> =
            alerts.iter().map(|(id, event)| self.alerts.build(event, id, at)).collect();
        let mut failed = Vec::new();
        let mut reduced = Vec::new();
        for ((id, event), outcome) in alerts.iter().zip(self.create_copies(copies, &whole).await) {
            match outcome {
                Outcome::Created | Outcome::Existing => {}
                Outcome::Refused(reason) => reduced.push(self.alerts.build_reduced(event, id, at, &reason)),
                Outcome::Unwritten(reason) => failed.push(reason),
            }
        }
        if !reduced.is_empty() {
            tracing::warn!(rule = %sanitize(&self.rule.name), copies = reduced.len(), "copies of alerts were refused and are written in a reduced form");
            failed.extend(self.create_copies(copies, &reduced).await.into_iter().filter_map(why_not));
        }
        if let Some(reason) = failed.first() {
            copies.owe(failed.len(), reason, report);
        }
    }

    async fn create_copies(&self, copies: &Copies, alerts: &[AlertDocument]) -> Vec<Outcome> {
        let now = (self.clock)() + self.source.clock_offset();
        let item = |alert: &AlertDocument| BulkItem {
            id: alert.id.as_str().to_owned(),
            document: Value::Object(external_copy(alert, &copies.stream, now)).to_string(),
        };
        let items: Vec<BulkItem> = alerts.iter().map(item).collect();
        let outcomes = copies.cluster.bulk_create_in_stream(copies.stream.name(), &items).await;
        outcomes.into_iter().map(outcome).collect()
    }
}

/// Why a copy is not there; none where it is.
fn why_not(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Created | Outcome::Existing => None,
        Outcome::Refused(reason) | Outcome::Unwritten(reason) => Some(reason),
    }
}

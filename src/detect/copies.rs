//! A copy of each alert in a data stream, for Elastic's rule *External Alerts*. No alert waits for its copy; a window
//! is done only when each of its alerts has one.

use std::collections::HashSet;

use serde_json::Value;

use super::pass::{AT_ONCE, Match, Pass, WindowReport};
use super::sink::{Outcome, outcome};
use crate::alert::{AlertDocument, DataStream, Found, external_copy};
use crate::checkpoint::Window;
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

    /// Counts what became of a copy at last.
    fn count(&self, outcome: &Outcome, report: &mut WindowReport) {
        match outcome {
            Outcome::Created | Outcome::Existing => {}
            Outcome::Refused(reason) => self.owe(reason, report),
            Outcome::Unwritten(reason) => {
                report.uncopied += 1;
                self.owe(reason, report);
            }
        }
    }

    /// The window of `report` is read again for what has no copy.
    fn owe(&self, reason: &str, report: &mut WindowReport) {
        let stream = self.stream.name();
        report.incomplete.get_or_insert(format!("an alert has no copy in `{stream}`: {reason}"));
    }
}

impl Pass<'_> {
    /// Copies those of the alerts that have no copy: one could not be written before, or was not wished for.
    pub async fn copy_what_has_none(&self, alerts: &[Match], window: Window, report: &mut WindowReport) {
        let Some(copies) = self.copies.filter(|_| !alerts.is_empty()) else { return };
        match copies.known(alerts).await {
            Ok(known) => {
                let lacking: Vec<&Match> =
                    alerts.iter().filter(|(id, _)| !known.contains(id.as_str())).collect();
                self.copy(&lacking, window, report).await;
            }
            Err(error) => copies.owe(&error.to_string(), report),
        }
    }

    /// Copies alerts that are there. Once the data stream takes nothing at the moment, the rest is left for later: newer
    /// alerts must not wait for it again and again.
    pub async fn copy(&self, alerts: &[&Match], window: Window, report: &mut WindowReport) {
        let Some(copies) = self.copies else { return };
        for some in alerts.chunks(AT_ONCE) {
            if report.uncopied == 0 {
                self.copy_some(copies, some, self.found(window), report).await;
            } else {
                report.uncopied += some.len() as u64;
            }
        }
    }

    /// Writes copies; one that is refused is written again without the fields of the event.
    async fn copy_some(&self, copies: &Copies, alerts: &[&Match], at: Found, report: &mut WindowReport) {
        let whole: Vec<AlertDocument> =
            alerts.iter().map(|(id, event)| self.alerts.build(event, id, at)).collect();
        let mut reduced = Vec::new();
        for ((id, event), outcome) in alerts.iter().zip(self.create_copies(copies, &whole).await) {
            match outcome {
                Outcome::Refused(reason) => reduced.push(self.alerts.build_reduced(event, id, at, &reason)),
                other => copies.count(&other, report),
            }
        }
        if !reduced.is_empty() {
            tracing::warn!(rule = %sanitize(&self.rule.name), copies = reduced.len(), "copies of alerts were refused and are written in a reduced form");
            for outcome in self.create_copies(copies, &reduced).await {
                copies.count(&outcome, report);
            }
        }
    }

    async fn create_copies(&self, copies: &Copies, alerts: &[AlertDocument]) -> Vec<Outcome> {
        let now = (self.clock)() + self.source.clock_offset();
        let item = |alert: &AlertDocument| BulkItem {
            id: alert.id.as_str().to_owned(),
            document: Value::Object(external_copy(alert, &copies.stream, now)).to_string(),
        };
        let items: Vec<BulkItem> = alerts.iter().map(item).collect();
        match copies.cluster.bulk_create_in_stream(copies.stream.name(), &items).await {
            Ok(outcomes) => outcomes.into_iter().map(outcome).collect(),
            Err(error) => vec![Outcome::Unwritten(error.to_string()); alerts.len()],
        }
    }
}

//! A copy of each alert in another place. No alert waits for its copy; a window is done only when each of its alerts has
//! one in every place.

use std::collections::HashSet;

use serde_json::Value;

use super::pass::{AT_ONCE, Match, Pass, WindowReport};
use super::sink::{Outcome, outcome};
use crate::alert::{AlertDocument, CopyPlace, Found, SecurityAlerts};
use crate::checkpoint::Window;
use crate::diagnostic::sanitize;
use crate::elastic::{BulkItem, Cluster, ElasticError};

/// What Elasticsearch says where nothing of a name is there, or something else than was expected.
const ABSENT: &str = "index_not_found_exception";

/// Where copies go.
#[derive(Debug, Clone)]
pub struct Copies {
    cluster: Cluster,
    place: CopyPlace,
}

impl Copies {
    /// Copies go to `place` on `cluster`; nothing is asked of it yet.
    #[must_use]
    pub fn new(cluster: Cluster, place: CopyPlace) -> Self {
        Self { cluster, place }
    }

    /// The place.
    #[must_use]
    pub fn place(&self) -> &CopyPlace {
        &self.place
    }

    /// Why no copy can be written; none where one can, or where that is not known now: the run meets it then.
    ///
    /// A data stream is made by the first copy; Kibana's alias is there, or is not. What is asked takes no privilege that
    /// the copies do not take.
    pub async fn hindrance(&self) -> Option<String> {
        let CopyPlace::Security(alerts) = &self.place else { return None };
        let (names, mark) = ([alerts.alias().to_owned()], SecurityAlerts::MARK.to_owned());
        match self.cluster.field_caps(&names, &[mark]).await {
            Ok(answered) if answered.missing.is_some() => None,
            Ok(answered) => {
                let problem = alerts.unlike_kibanas(&answered.schema)?;
                let asked = format!("asking for the field types of `{}`", alerts.alias());
                Some(format!("{asked} at `{}`: {problem}", self.cluster.addresses().join("`, `")))
            }
            Err(error) if error.status() == Some(403) => Some(format!("{error}; {}", alerts.who_may_write())),
            Err(_) => None,
        }
    }

    /// Which of the alerts' ids have a copy.
    async fn known(&self, alerts: &[&Match]) -> Result<HashSet<String>, ElasticError> {
        let ids: Vec<String> = alerts.iter().map(|(id, _)| id.as_str().to_owned()).collect();
        self.cluster.known_ids(self.place.name(), &ids).await
    }

    /// Writes copies, and makes nothing that takes them but a data stream.
    async fn create(&self, copies: &[BulkItem]) -> Vec<Outcome> {
        let name = self.place.name();
        let outcomes = match self.place {
            CopyPlace::External(_) => self.cluster.bulk_create_in_stream(name, copies).await,
            CopyPlace::Security(_) => self.cluster.bulk_create(name, copies).await,
        };
        match outcomes {
            Ok(outcomes) => outcomes.into_iter().map(outcome).collect(),
            Err(error) => vec![Outcome::Unwritten(error.to_string()); copies.len()],
        }
    }

    /// Counts what became of a copy at last.
    fn count(&self, outcome: &Outcome, report: &mut WindowReport) {
        match outcome {
            Outcome::Created | Outcome::Existing => {}
            Outcome::Refused(reason) => self.owe(reason, report),
            Outcome::Unwritten(reason) => {
                report.stuck.insert(self.place.name().to_owned());
                self.owe(reason, report);
            }
        }
    }

    /// The window of `report` is read again for what has no copy.
    fn owe(&self, reason: &str, report: &mut WindowReport) {
        report.incomplete.get_or_insert_with(|| {
            format!("an alert has no copy in `{}`: {reason}{}", self.place.name(), self.advice(reason))
        });
    }

    /// What to do where the place is not there, which others make.
    fn advice(&self, reason: &str) -> String {
        match &self.place {
            CopyPlace::Security(alerts) if reason.contains(ABSENT) => {
                format!("; {}", alerts.how_they_are_made())
            }
            CopyPlace::Security(_) | CopyPlace::External(_) => String::new(),
        }
    }
}

impl Pass<'_> {
    /// The places that take copies of this rule's alerts.
    fn copied_to(&self) -> impl Iterator<Item = &Copies> {
        self.copies.iter().filter(|copies| copies.place.takes(self.rule))
    }

    /// Copies those of the alerts that have no copy: one could not be written before, or was not wished for.
    pub async fn copy_what_has_none(&self, alerts: &[Match], window: Window, report: &mut WindowReport) {
        let alerts: Vec<&Match> = alerts.iter().collect();
        for copies in self.copied_to() {
            self.copy_lacking(copies, &alerts, window, report).await;
        }
    }

    /// Copies alerts that were written just now.
    pub async fn copy(&self, alerts: &[&Match], window: Window, report: &mut WindowReport) {
        for copies in self.copied_to() {
            if copies.place.outlives_alerts() {
                self.copy_lacking(copies, alerts, window, report).await;
            } else {
                self.copy_to(copies, alerts, window, report).await;
            }
        }
    }

    async fn copy_lacking(
        &self,
        copies: &Copies,
        alerts: &[&Match],
        window: Window,
        report: &mut WindowReport,
    ) {
        if alerts.is_empty() {
            return;
        }
        match copies.known(alerts).await {
            Ok(known) => {
                let lacking: Vec<&Match> =
                    alerts.iter().copied().filter(|(id, _)| !known.contains(id.as_str())).collect();
                self.copy_to(copies, &lacking, window, report).await;
            }
            Err(error) => copies.owe(&error.to_string(), report),
        }
    }

    /// Once the place takes nothing at the moment, the rest is left for later: newer alerts must not wait for it again and
    /// again.
    async fn copy_to(&self, copies: &Copies, alerts: &[&Match], window: Window, report: &mut WindowReport) {
        for some in alerts.chunks(AT_ONCE) {
            if report.stuck.contains(copies.place.name()) {
                return;
            }
            self.copy_some(copies, some, self.found(window), report).await;
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
            tracing::warn!(rule = %sanitize(&self.rule.name), place = copies.place.name(), copies = reduced.len(), "copies of alerts were refused and are written in a reduced form");
            for outcome in self.create_copies(copies, &reduced).await {
                copies.count(&outcome, report);
            }
        }
    }

    async fn create_copies(&self, copies: &Copies, alerts: &[AlertDocument]) -> Vec<Outcome> {
        let now = (self.clock)() + self.source.clock_offset();
        let item = |alert: &AlertDocument| BulkItem {
            id: alert.id.as_str().to_owned(),
            document: Value::Object(copies.place.copy(alert, now)).to_string(),
        };
        let items: Vec<BulkItem> = alerts.iter().map(item).collect();
        copies.create(&items).await
    }
}

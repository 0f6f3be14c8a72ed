//! The triage of alerts that are there already: found by the date on which they are due, asked about, and updated.
//!
//! An alert is written first and never waits for this. What is due is told by the alerts themselves
//! (`stakeout.verdict.due`), so nothing is forgotten over a restart, and nobody else's fields are touched.

mod as_stored;
mod ask;
mod due;
mod grouping;
mod page;
mod resting;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use self::due::DueAlert;
use self::grouping::Given;
use self::page::AnsweredPage;
use self::resting::Resting;
use self::sources::sources;
use crate::alert::AlertIndex;
use crate::elastic::{Cluster, ElasticError};
use crate::rule::Rule;
use crate::rule::triage::Expected;
use crate::triage::Sources;

/// Asks the questions of rules about their alerts.
#[derive(Debug)]
pub struct Triager {
    cluster: Cluster,
    index: AlertIndex,
    rules: BTreeMap<String, Arc<Rule>>,
    expected: Vec<Expected>,
    /// Whether it was said that nothing can be triaged.
    said: AtomicBool,
    resting: Resting,
}

/// What one go over the alerts did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TriageReport {
    /// Alerts whose triage was written.
    pub alerts: u64,
    /// Alerts whose triage could not be written, and is due still.
    pub unwritten: u64,
    /// Searches that were asked.
    pub searches: u64,
    /// Requests that carried them.
    pub requests: u64,
}

impl Triager {
    /// Triage of the alerts that `rules` have in `index`; `expected` is what the operator declared besides them. Alerts of
    /// rules that ask nothing are only put into groups.
    #[must_use]
    pub fn new(cluster: Cluster, index: AlertIndex, rules: &[Arc<Rule>], expected: Vec<Expected>) -> Self {
        let rules = rules.iter().map(|rule| (rule.rule_id.clone(), rule.clone())).collect();
        let (said, resting) = (AtomicBool::new(false), Resting::default());
        Self { cluster, index, rules, expected, said, resting }
    }

    /// Lets alerts that were written just now be found; without the right to it they are found a little later.
    pub async fn look_again(&self) {
        if let Err(error) = self.cluster.refresh(self.index.alias()).await {
            tracing::debug!("new alerts are triaged a little later: {error}");
        }
    }

    /// Works on every alert that is due at `now`, until none is left or `stop` is cancelled.
    ///
    /// # Errors
    /// The alerts cannot be read; those that were worked on until then are written.
    pub async fn run(
        &self,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<TriageReport, ElasticError> {
        let mut report = TriageReport::default();
        let mut known: BTreeMap<String, Sources> = BTreeMap::new();
        let mut given = Given::default();
        let (mut due, mut place) = self.first(now).await?;
        let mut answered = AnsweredPage::default();
        // While one page is written, the next one is asked about.
        while !due.is_empty() && !stop.is_cancelled() {
            let next = async {
                self.learn(&due, &mut known).await?;
                let asked = self.page(&due, &known, &mut given, now).await?;
                Ok((asked, self.due(now, &mut place).await?))
            };
            let ((), next) = tokio::join!(self.write(answered, now, &mut report), next);
            (answered, due) = next?;
        }
        self.write(answered, now, &mut report).await;
        Ok(report)
    }

    /// Asks what the questions of the alerts' rules can be asked of, once a rule.
    async fn learn(
        &self,
        due: &[DueAlert],
        known: &mut BTreeMap<String, Sources>,
    ) -> Result<(), ElasticError> {
        for alert in due {
            let rule = self.rules.get(&alert.rule_id).filter(|_| !known.contains_key(&alert.rule_id));
            if let Some(rule) = rule {
                let sources = sources(&self.cluster, rule, self.index.alias()).await?;
                known.insert(alert.rule_id.clone(), sources);
            }
        }
        Ok(())
    }
}

//! A case in Kibana for each group of alerts, opened once its triage is written; alerts that join the group later, and
//! those that later answers bring to the top grade, are told of in a comment, each once.
//!
//! What has a case is told by the alerts themselves (`kibana.alert.case_ids`, `stakeout.case.grade`), and where that was not written any more,
//! by the tag of the case and the alerts that its texts name. So nothing is forgotten or told twice over a restart. Of
//! several replicas one at a time writes to a case: it has claimed that in the index of the checkpoints. Where nobody says
//! what became of a request, nothing more is sent for that case until the claim ends; it is only looked for.

mod claim;
mod open;
mod pending;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use self::claim::{HOLDS, Held};
use super::kibana::{KibanaClient, KibanaError};
use crate::alert::AlertIndex;
use crate::elastic::{Cluster, ElasticError};
use crate::rule::Rule;

/// The cases that an alert is in; Kibana writes the same into its own alerts.
pub(super) const CASE_IDS: &str = "kibana.alert.case_ids";

/// The grade of an alert that its case tells.
pub(super) const TOLD_GRADE: &str = "stakeout.case.grade";

/// Opens cases.
#[derive(Debug)]
pub struct CaseOpener {
    cluster: Cluster,
    index: AlertIndex,
    kibana: KibanaClient,
    rules: BTreeMap<String, Arc<Rule>>,
    /// The name of this process among those that open cases.
    owner: String,
    /// Claims under which Kibana may still carry out something, by the tags of their cases.
    claims: Arc<Mutex<BTreeMap<String, Held>>>,
    /// Whether Kibana has the space.
    has_space: AtomicBool,
    /// Whether it was said that the index cannot tell what has a case.
    said: AtomicBool,
}

/// What one go over the alerts did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CasesReport {
    /// Cases that were opened.
    pub opened: u64,
    /// Alerts that have a case since.
    pub alerts: u64,
    /// Groups of alerts that are tried again by the next go.
    pub failed: u64,
    /// Groups of alerts that another process is at work on.
    pub elsewhere: u64,
    /// Why the first of those that failed did.
    pub problem: Option<String>,
}

/// A go came to an early end; the next one goes on.
#[derive(Debug, Error)]
pub enum CasesError {
    /// The alerts cannot be read or written.
    #[error(transparent)]
    Elastic(#[from] ElasticError),
    /// Kibana takes nothing at the moment.
    #[error(transparent)]
    Kibana(#[from] KibanaError),
    /// Another process has claimed the case with this tag.
    #[error("another process is at work on the case with the tag `{tag}`")]
    Elsewhere {
        /// The tag.
        tag: String,
    },
    /// It is not known what became of a request about the case with this tag.
    #[error(
        "Kibana may still carry out a request about the case with the tag `{tag}` that was not answered: for {} minutes \
         after it the case is only looked for",
        HOLDS.num_minutes()
    )]
    Unsettled {
        /// The tag.
        tag: String,
    },
}

impl CaseOpener {
    /// Cases in `kibana` for the alerts that `rules` have in `index`; nothing is asked of it yet. `owner` is a name that
    /// no other process has.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        index: AlertIndex,
        kibana: KibanaClient,
        rules: &[Arc<Rule>],
        owner: String,
    ) -> Self {
        let rules = rules.iter().map(|rule| (rule.rule_id.clone(), rule.clone())).collect();
        let (has_space, said) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { cluster, index, kibana, rules, owner, claims: Arc::default(), has_space, said }
    }

    /// The same in the place of `before`, whose claims it takes over.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self { claims: before.claims.clone(), ..self }
    }

    /// Lets alerts that were triaged just now be found; without the right to it they are found a little later.
    pub async fn look_again(&self) {
        if let Err(error) = self.cluster.refresh(self.index.alias()).await {
            tracing::debug!("cases are opened a little later: {error}");
        }
    }

    /// Sees to every group of alerts that has a triage and an alert without a case, until none is left or `stop` is
    /// cancelled. A group that Kibana refuses does not hold up the others. `clock` tells the cluster's time.
    ///
    /// # Errors
    /// The alerts cannot be read, or Kibana takes nothing; what was done until then is in the alerts.
    pub async fn run(
        &self,
        clock: impl Fn() -> DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<CasesReport, CasesError> {
        let mut report = CasesReport::default();
        let Some(mut place) = self.begin(clock()).await? else { return Ok(report) };
        while !stop.is_cancelled() {
            let groups = self.pending(&mut place).await?;
            if groups.is_empty() {
                break;
            }
            self.check_space().await?;
            for group in &groups {
                if stop.is_cancelled() {
                    break;
                }
                self.settle(group, &clock, &mut report).await?;
            }
        }
        Ok(report)
    }
}

/// The grade that makes a case critical; none where a rule knows only one.
fn top_grade(rule: &Rule) -> Option<&str> {
    match rule.triage.grades.all() {
        [top, _, ..] => Some(&top.name),
        _ => None,
    }
}

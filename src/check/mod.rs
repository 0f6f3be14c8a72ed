//! Whether everything is ready: what stands between a rule and its alerts, looked at piece by piece; nothing is written.

mod alerts;
mod cluster;
mod data;
mod delay;
mod finding;
mod privileges;
mod rules;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use finding::{Finding, State};

use crate::alert::AlertIndex;
use crate::elastic::Cluster;
use crate::rule::Rule;

/// What is looked at.
#[derive(Debug)]
pub struct Checkup {
    /// Where events are read and alerts are kept.
    pub cluster: Cluster,
    /// The alerts index.
    pub index: AlertIndex,
    /// The rules that are to run.
    pub rules: Vec<Arc<Rule>>,
    /// The local time.
    pub clock: fn() -> DateTime<Utc>,
}

impl Checkup {
    /// Looks at everything, in an order in which each piece rests on those before it, and tells each as it is found.
    ///
    /// Where the cluster does not answer at all, the rest is not looked at.
    pub async fn run(&self, tell: &mut (dyn FnMut(Finding) + Send)) {
        let connected = self.connection().await;
        let is_connected = connected.state != State::Missing;
        tell(connected);
        if !is_connected {
            return;
        }
        for finding in [self.encryption(), Some(self.time().await), Some(self.expensive_queries().await)] {
            finding.into_iter().for_each(&mut *tell);
        }
        self.privileges().await.into_iter().for_each(&mut *tell);
        self.data().await.into_iter().for_each(&mut *tell);
        for rule in &self.rules {
            self.rule(rule).await.into_iter().for_each(&mut *tell);
        }
        self.alerts_index().await.into_iter().for_each(&mut *tell);
        for rule in &self.rules {
            tell(self.checkpoint(rule).await);
        }
    }
}

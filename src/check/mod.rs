//! Whether everything is ready: what stands between a rule and its alerts, looked at piece by piece; nothing is written.

mod alerts;
mod cluster;
mod data;
mod delay;
mod finding;
mod lately;
mod needs;
mod privileges;
mod rules;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use finding::{Finding, State};
pub use needs::{Needs, setup_role};

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
    /// The time by the cluster's clock, as far as that is known.
    fn now(&self) -> DateTime<Utc> {
        (self.clock)() + self.cluster.clock_offset().unwrap_or_default()
    }

    /// Looks at everything, in an order in which each piece rests on those before it, and tells each as it is found.
    ///
    /// Where the cluster does not answer at all, the rest is not looked at.
    pub async fn run(&self, tell: &mut (dyn FnMut(Finding) + Send)) {
        let (connections, is_reached) = self.connection().await;
        connections.into_iter().for_each(&mut *tell);
        if !is_reached {
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
        self.alerts().await.into_iter().for_each(&mut *tell);
        for rule in &self.rules {
            tell(self.checkpoint(rule).await);
        }
    }
}

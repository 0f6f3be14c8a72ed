//! The figures of the requests to the cluster: how long they take, which fail, which are sent again.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, Result};

use super::registered;
use crate::elastic::{Observed, Operation};

/// Upper ends of the classes of time, in seconds; the last is the time-out unless another is set.
const BUCKETS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

#[derive(Debug)]
pub(super) struct Requests {
    durations: HistogramVec,
    failures: IntCounterVec,
    retries: IntCounterVec,
}

impl Requests {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let durations = HistogramOpts::new(
            "stakeout_elasticsearch_request_duration_seconds",
            "Time from sending a request to the end of its answer, by what it does; failed attempts count too.",
        );
        let durations = HistogramVec::new(durations.buckets(BUCKETS.to_vec()), &["operation"])?;
        for operation in [Operation::Search, Operation::Bulk, Operation::Other] {
            durations.with_label_values(&[operation.as_str()]);
        }
        let failures = Opts::new(
            "stakeout_elasticsearch_request_failures_total",
            "Attempts at a request that got no answer of use, by what it does and why.",
        );
        let retries = Opts::new(
            "stakeout_elasticsearch_retries_total",
            "Requests, and alerts of bulk requests, that were sent again, by reason.",
        );
        Ok(Self {
            durations: registered(registry, durations)?,
            failures: registered(registry, IntCounterVec::new(failures, &["operation", "reason"])?)?,
            retries: registered(registry, IntCounterVec::new(retries, &["reason"])?)?,
        })
    }

    pub(super) fn observed(&self, observed: Observed<'_>) {
        match observed {
            Observed::Sent { operation, took, failure } => {
                let operation = operation.as_str();
                self.durations.with_label_values(&[operation]).observe(took.as_secs_f64());
                if let Some(reason) = failure {
                    self.failures.with_label_values(&[operation, reason]).inc();
                }
            }
            Observed::Again { reason, times } => self.retries.with_label_values(&[reason]).inc_by(times),
        }
    }
}

//! Whether the cluster can be reached: asked until it can, and said when it changes.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::group::{LONGEST_REST, WAITS};
use super::pulse::stir;
use crate::detect::Runner;
use crate::elastic::ElasticError;
use crate::metrics::Metrics;

/// Whether the cluster is reachable: one voice for all rules, heard when it changes.
pub(super) struct Reach {
    down: AtomicBool,
    odd_clocks: AtomicBool,
    asking: Mutex<()>,
    metrics: Metrics,
}

impl Reach {
    /// Nothing was asked yet.
    pub(super) fn new(metrics: Metrics) -> Self {
        let (down, odd_clocks) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { down, odd_clocks, asking: Mutex::default(), metrics }
    }

    /// Whether the cluster is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Waits until the cluster of `runner` answers and the alerts index is there; false when it is time to end.
    pub(super) async fn wait(&self, runner: &Runner, end: &CancellationToken) -> bool {
        let Some(_asking) = self.turn(end).await else { return false };
        let mut since: Option<DateTime<Utc>> = None;
        let mut pause = WAITS.0;
        loop {
            let ready = tokio::select! {
                biased;
                () = end.cancelled() => return false,
                ready = runner.ready() => ready,
            };
            self.metrics.reaches(ready.is_ok());
            match ready {
                Ok(note) => {
                    self.clocks(note.as_deref());
                    self.is_back(since.map(|since| (runner.clock)() - since));
                    return true;
                }
                Err(error) => {
                    since.get_or_insert_with(|| (runner.clock)());
                    self.is_down(&error.to_string());
                    let asked = error.elastic().and_then(ElasticError::retry_after);
                    let rest = asked.map(|asked| asked.min(LONGEST_REST)).filter(|rest| *rest > pause);
                    if let Some(rest) = rest {
                        tracing::info!(?rest, "the cluster is left alone, as its answer asked for it");
                        pause = rest;
                    }
                }
            }
            tokio::select! {
                () = end.cancelled() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(WAITS.1),
            }
        }
    }

    /// Waits until nobody else asks; none when it is time to end. Whoever waits is not stuck: whoever asks would be.
    async fn turn(&self, end: &CancellationToken) -> Option<MutexGuard<'_, ()>> {
        let mut free = pin!(self.asking.lock());
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => return None,
                asking = &mut free => return Some(asking),
                () = tokio::time::sleep(WAITS.1) => stir(),
            }
        }
    }

    /// Says what is odd about the clocks, once as long as it lasts.
    fn clocks(&self, note: Option<&str>) {
        let was_odd = self.odd_clocks.swap(note.is_some(), Ordering::Relaxed);
        if let Some(note) = note.filter(|_| !was_odd) {
            tracing::warn!("{note}");
        }
    }

    fn is_down(&self, reason: &str) {
        if self.down.swap(true, Ordering::Relaxed) {
            tracing::debug!("still waiting: {reason}");
        } else {
            tracing::warn!("waiting for the cluster, nothing will be missed: {reason}");
        }
    }

    fn is_back(&self, after: Option<TimeDelta>) {
        if self.down.swap(false, Ordering::Relaxed) {
            let seconds = after.unwrap_or_default().num_seconds();
            tracing::info!("the cluster answers again after {seconds} s; the time between is read now");
        }
    }
}

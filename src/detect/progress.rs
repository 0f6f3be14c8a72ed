//! What a caller sees of a pass while it runs, and how it asks the pass to stop.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::alert::AlertDocument;
use crate::diagnostic::sanitize;

/// Most alerts of which a few words are kept.
const LONGEST_LIST: usize = 20;

/// What a pass under way has done, to be shown by another task.
#[derive(Debug, Default)]
pub struct Progress {
    events: AtomicU64,
    alerts: AtomicU64,
    read_until: AtomicI64,
    first_alerts: Mutex<Vec<String>>,
}

impl Progress {
    /// Documents read so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Alerts created so far.
    #[must_use]
    pub fn alerts(&self) -> u64 {
        self.alerts.load(Ordering::Relaxed)
    }

    /// End of the newest window read whole, in milliseconds since 1970; 0 before the first.
    #[must_use]
    pub fn read_until_millis(&self) -> i64 {
        self.read_until.load(Ordering::Relaxed)
    }

    /// A line about each of the first alerts that were created: when it happened and what.
    #[must_use]
    pub fn first_alerts(&self) -> Vec<String> {
        self.first_alerts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn created(&self, alert: &AlertDocument) {
        let mut list = self.first_alerts.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < LONGEST_LIST {
            let text =
                |field: &str| alert.body.get(field).and_then(|value| value.as_str()).unwrap_or_default();
            list.push(sanitize(&format!(
                "{} {}",
                text("kibana.alert.original_time"),
                text("kibana.alert.reason")
            )));
        }
    }

    pub(super) fn add(&self, events: u64, alerts: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.alerts.fetch_add(alerts, Ordering::Relaxed);
    }

    pub(super) fn reached(&self, time: DateTime<Utc>) {
        self.read_until.fetch_max(time.timestamp_millis(), Ordering::Relaxed);
    }
}

/// Handed to every pass: the wish to stop, and the counts.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Cancelled when the program is to stop; a pass then leaves its window as it found it.
    pub stop: CancellationToken,
    /// Counted up as pages come in.
    pub progress: Arc<Progress>,
}

//! What a caller sees of a pass while it runs, and how it asks the pass to stop.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::alert::AlertDocument;

/// What a pass under way has done, to be shown by another task.
#[derive(Debug, Default)]
pub struct Progress {
    events: AtomicU64,
    alerts: AtomicU64,
    read_until: AtomicI64,
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
    /// Told of the alerts.
    pub audience: Audience,
    /// After how long a run of a rule leaves the rest of what is owed to the next one; none where none is sure to come.
    pub patience: Option<Duration>,
}

/// How an alert came up in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It was written now.
    Created,
    /// It was there already; the document is what would have been written.
    Existing,
    /// It should be there and is not; the document is what would have been written.
    Absent,
}

/// Called with each alert.
type Tell = dyn Fn(&AlertDocument, Met) + Send + Sync;

/// Someone who wants to hear of each alert, or nobody.
#[derive(Clone, Default)]
pub struct Audience {
    tell: Option<Arc<Tell>>,
    wants_existing: bool,
}

impl Audience {
    /// Told of the alerts that are created or absent; and, where `wants_existing`, of those that were there already, too.
    #[must_use]
    pub fn new(wants_existing: bool, tell: impl Fn(&AlertDocument, Met) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Arc::new(tell)), wants_existing }
    }

    /// Whether alerts that are not written are worth being built.
    pub(super) fn wants(&self, met: Met) -> bool {
        self.tell.is_some() && (met != Met::Existing || self.wants_existing)
    }

    pub(super) fn tell(&self, alert: &AlertDocument, met: Met) {
        if let Some(tell) = self.tell.as_ref().filter(|_| self.wants(met)) {
            tell(alert, met);
        }
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tell.is_some() { "Audience(someone)" } else { "Audience(nobody)" })
    }
}

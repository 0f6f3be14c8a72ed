//! The alerts that a run itself has written: whatever else matches as part of one of them was not alerted on before the run.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::alert::AlertId;

/// By half of their ids: some 20 bytes for each.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<HashSet<u128>>);

impl Written {
    /// Notes an alert that was written now.
    pub fn note(&self, id: &AlertId) {
        self.ids().insert(id.half());
    }

    /// Whether the alert was written by this run.
    pub fn has(&self, id: &AlertId) -> bool {
        self.ids().contains(&id.half())
    }

    /// What lies behind this lock is whole after every call.
    fn ids(&self) -> MutexGuard<'_, HashSet<u128>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! When each rule was taken up: one that has no checkpoint begins there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

/// The local times from which on rules are watched, though the cluster may be out of reach for long.
#[derive(Debug)]
pub struct Begun {
    /// When the program was started.
    started: DateTime<Utc>,
    /// When rules were taken up that came later, by their ids.
    later: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Begun {
    /// All rules begin when the program was started.
    #[must_use]
    pub fn at(started: DateTime<Utc>) -> Self {
        Self { started, later: Mutex::default() }
    }

    /// When the rule was taken up.
    #[must_use]
    pub fn of(&self, rule_id: &str) -> DateTime<Utc> {
        self.later().get(rule_id).copied().unwrap_or(self.started)
    }

    /// Notes that the rule is taken up at `now`.
    pub fn begins(&self, rule_id: &str, now: DateTime<Utc>) {
        self.later().insert(rule_id.to_owned(), now);
    }

    /// What lies behind this lock is whole after every call.
    fn later(&self) -> MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

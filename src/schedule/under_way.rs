//! Which rules have a run under way: none has two at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::rule::Rule;

/// The rules with a run under way, by their ids; a clone is the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashSet<String>>>);

/// A rule that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    pub rule: Arc<Rule>,
    under_way: UnderWay,
}

impl UnderWay {
    /// Takes `rule` for a run; none where one is under way.
    pub(super) fn take(&self, rule: &Arc<Rule>) -> Option<Taken> {
        let is_free = self.ids().insert(rule.rule_id.clone());
        is_free.then(|| Taken { rule: rule.clone(), under_way: self.clone() })
    }

    /// What lies behind this lock is whole after every call.
    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.under_way.ids().remove(&self.rule.rule_id);
    }
}

//! What each node came to while one request was tried, so that an error names all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::ElasticError;

/// The last failure of each node, in words, by where it was asked.
#[derive(Debug, Default)]
pub(super) struct Tried(Mutex<BTreeMap<String, String>>);

impl Tried {
    /// Notes why a node was left.
    pub(super) fn note(&self, error: &ElasticError) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.insert(error.place().to_owned(), error.what());
    }

    /// The error that is told in the end, and what the other nodes came to.
    pub(super) fn beside(&self, error: ElasticError) -> ElasticError {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = failures.iter().filter(|(place, _)| *place != error.place());
        let others = others.map(|(place, what)| format!("{place}: {what}")).collect();
        error.with_others(others)
    }
}

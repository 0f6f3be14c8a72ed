//! Matchers and files meet: what is looked for in files, made of what rules ask.

use std::sync::Arc;

use crate::eval::MatcherSet;
use crate::local::Search;

/// Tries all matchers on every event that may match one of them; finds name them by their numbers.
#[must_use]
pub fn search_for(set: &Arc<MatcherSet>) -> Search {
    let (judge, glance, teller) = (Arc::clone(set), Arc::clone(set), Arc::clone(set));
    let search = Search::new(set.needles(), move |event| judge.matching(event))
        .glancing(set.fields().iter().map(String::as_str), move |part| !glance.matching(part).is_empty());
    match set.telling_fields() {
        Some(fields) => search.telling(fields, move |field, text| teller.is_telling(field, text)),
        None => search,
    }
}

/// Tries all matchers on every event, so that each document is read whole.
#[must_use]
pub fn search_all_for(set: &Arc<MatcherSet>) -> Search {
    let judge = Arc::clone(set);
    Search::of_all(move |event| judge.matching(event))
}

//! Indices into which no triage could be written: they are left alone for a while, and ever longer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// How long an index is left alone at first.
const FIRST: TimeDelta = TimeDelta::minutes(1);

/// How long at most.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// Indices that are left alone.
#[derive(Debug, Default)]
pub(super) struct Resting {
    indices: Mutex<BTreeMap<String, Rest>>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    until: DateTime<Utc>,
    long: TimeDelta,
}

impl Resting {
    /// The indices that are left alone at `now`.
    pub fn at(&self, now: DateTime<Utc>) -> Vec<String> {
        let indices = self.indices.lock().unwrap_or_else(PoisonError::into_inner);
        indices.iter().filter(|(_, rest)| rest.until > now).map(|(index, _)| index.clone()).collect()
    }

    /// Takes note of what became of some documents: an index into which none of its documents could be written rests.
    pub fn note<'i>(&self, outcomes: impl Iterator<Item = (&'i str, bool)>, now: DateTime<Utc>) {
        let (mut written, mut refused) = (BTreeSet::new(), BTreeSet::new());
        for (index, is_written) in outcomes {
            if is_written { &mut written } else { &mut refused }.insert(index);
        }
        let mut indices = self.indices.lock().unwrap_or_else(PoisonError::into_inner);
        indices.retain(|index, _| !written.contains(index.as_str()));
        for index in refused.difference(&written) {
            let long = indices.get(*index).map_or(FIRST, |rest| (rest.long * 2).min(LONGEST));
            indices.insert((*index).to_owned(), Rest { until: now + long, long });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_takes_nothing_rests_ever_longer() {
        let (resting, start) = (Resting::default(), DateTime::UNIX_EPOCH);
        let at = |minutes| start + TimeDelta::minutes(minutes);
        resting.note([("a", false), ("b", false), ("b", true)].into_iter(), start);
        assert_eq!(resting.at(start), ["a"]);
        assert!(resting.at(at(1)).is_empty());
        for (asked, rests_until) in [(1, 3), (3, 7), (7, 15), (100, 116), (200, 232), (300, 360), (400, 460)]
        {
            resting.note([("a", false)].into_iter(), at(asked));
            let rests = |minute| !resting.at(at(minute)).is_empty();
            assert!(rests(rests_until - 1) && !rests(rests_until), "{asked}");
        }
        resting.note([("a", true)].into_iter(), at(460));
        resting.note([("a", false)].into_iter(), at(461));
        assert!(resting.at(at(462)).is_empty());
    }
}

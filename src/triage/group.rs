//! Alerts that belong together: those of one principal, each at most fifteen minutes after another of them.

use std::fmt::Write;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::event::Event;

/// How far apart two alerts of one group may be.
pub const APART: TimeDelta = TimeDelta::minutes(15);

/// The fields that tell who did something, the surest first.
pub const PRINCIPALS: [&str; 5] = ["user.id", "user.name", "host.id", "host.name", ADDRESS];

/// The field of an address, which can be written in several ways.
const ADDRESS: &str = "source.ip";

/// Whose alerts belong together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    /// The field that names it.
    pub field: &'static str,
    /// Its name.
    pub value: String,
}

impl Principal {
    /// The principal of an alert; none where it names no one, and belongs to no other alert.
    #[must_use]
    pub fn of(alert: &Event) -> Option<Self> {
        let (field, value) = PRINCIPALS.into_iter().find_map(|field| Some((field, alert.text(field)?)))?;
        let address = value.parse::<IpAddr>().ok().filter(|_| field == ADDRESS);
        Some(Self { field, value: address.map_or(value, |address| address.to_canonical().to_string()) })
    }
}

/// The group of each alert, in order: `times` are those of a principal's alerts.
///
/// A group is named after its first alert, so the same alerts make the same groups in whatever order they came.
/// `begun` is the name of the group that the first of them is known to go on with, if there is one: alerts before it are
/// out of view.
#[must_use]
pub fn groups(principal: &Principal, times: &[DateTime<Utc>], begun: Option<&str>) -> Vec<String> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|at| times[*at]);
    let mut names = vec![String::new(); times.len()];
    let mut before: Option<DateTime<Utc>> = None;
    let mut name = String::new();
    for at in order {
        if before.is_none_or(|before| times[at] - before > APART) {
            let goes_on = begun.filter(|_| before.is_none());
            name = goes_on.map_or_else(|| named(principal, times[at]), str::to_owned);
        }
        names[at].clone_from(&name);
        before = Some(times[at]);
    }
    names
}

/// The name of the group that begins with the principal's alert of that time: the same for alerts of every rule.
fn named(principal: &Principal, first: DateTime<Utc>) -> String {
    let mut hash = Sha256::new();
    for part in
        [principal.field.as_bytes(), principal.value.as_bytes(), &first.timestamp_millis().to_be_bytes()]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn principal(value: &str) -> Principal {
        Principal { field: "user.id", value: value.to_owned() }
    }

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn alerts_within_fifteen_minutes_share_a_group_across_the_quarter() {
        let names = groups(&principal("a"), &[at(14), at(16), at(40), at(55), at(71)], None);
        assert_eq!(names[0], names[1]);
        assert_eq!(names[2], names[3]);
        assert_ne!(names[1], names[2]);
        assert_ne!(names[3], names[4]);
        assert_ne!(names[0], groups(&principal("b"), &[at(14)], None)[0]);
        assert_eq!(names[0].len(), 32);
        let going_on = groups(&principal("a"), &[at(40), at(14), at(16)], Some("begun"));
        assert_eq!(
            (going_on[0] == "begun", going_on[1].as_str(), going_on[2].as_str()),
            (false, "begun", "begun")
        );
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_changes_nothing(minutes in prop::collection::vec(0i64..200, 1..12)) {
            let times: Vec<_> = minutes.iter().map(|minute| at(*minute)).collect();
            let reversed: Vec<_> = times.iter().rev().copied().collect();
            let mut names = groups(&principal("a"), &reversed, None);
            names.reverse();
            let expected = groups(&principal("a"), &times, None);
            prop_assert_eq!(&names, &expected);
            for (left, one) in times.iter().zip(&expected) {
                for (right, other) in times.iter().zip(&expected) {
                    prop_assert!((*left - *right).abs() > APART || one == other);
                }
            }
        }
    }
}

//! Several plans as one query: where it finds nothing, none of them does.

use chrono::{DateTime, Utc};

use super::{Plan, window};
use crate::dsl;

/// What matches any of `plans` in one window of time, both ends inclusive; all of them read the time by the fields of the
/// first.
///
/// The time comes first: where nothing is of that time the clauses are not even looked at.
#[must_use]
pub fn any_of(plans: &[&Plan], from: DateTime<Utc>, to: DateTime<Utc>) -> dsl::Query {
    let Some(first) = plans.first() else { return dsl::Query::match_none() };
    let time = window::between(&first.time_field, first.fallback_time_field(), from, to);
    let pushed = plans.iter().map(|plan| plan.pushed.query.clone()).collect();
    dsl::Query::all_of(vec![time, dsl::Query::any_of(pushed)]).simplified()
}

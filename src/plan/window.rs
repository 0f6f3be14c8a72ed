//! The window of time: by one field, or by another where a document lacks the first.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::dsl::{Query, Range};

/// The documents whose time lies between `from` and `to`, both milliseconds included to their ends.
pub(super) fn between(field: &str, fallback: Option<&str>, from: DateTime<Utc>, to: DateTime<Utc>) -> Query {
    let by_field = range(field, from, to);
    let Some(fallback) = fallback else { return by_field };
    let lacks_it = Query::none_of(vec![Query::exists(field)]);
    Query::any_of(vec![by_field, Query::all_of(vec![range(fallback, from, to), lacks_it])])
}

fn range(field: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Query {
    // In full milliseconds: a bound that leaves them open would stand for its whole second.
    let bound = |time: DateTime<Utc>| Some(time.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    Query::range(Range {
        field: field.to_owned(),
        gte: bound(from),
        // The parts of a millisecond that `date_nanos` knows belong to it.
        lt: bound(to.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(to)),
        format: Some("strict_date_optional_time"),
        ..Range::default()
    })
}

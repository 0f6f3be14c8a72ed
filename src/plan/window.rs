//! The window of time: the override field, or `@timestamp` where a document lacks it.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::dsl::{Query, Range};

/// The field that says when a document counts, unless a rule names another one.
pub const DEFAULT_TIME_FIELD: &str = "@timestamp";

/// The documents whose time lies between `from` and `to`, both inclusive.
pub(super) fn between(time_override: Option<&str>, from: DateTime<Utc>, to: DateTime<Utc>) -> Query {
    let fallback = range(DEFAULT_TIME_FIELD, from, to);
    match time_override.filter(|field| *field != DEFAULT_TIME_FIELD) {
        None => fallback,
        Some(field) => Query::any_of(vec![
            range(field, from, to),
            Query::all_of(vec![fallback, Query::none_of(vec![Query::exists(field)])]),
        ]),
    }
}

fn range(field: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Query {
    // In full milliseconds: a bound that leaves them open would stand for its whole second.
    let bound = |time: DateTime<Utc>| Some(time.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    Query::range(Range {
        field: field.to_owned(),
        gte: bound(from),
        lte: bound(to),
        format: Some("strict_date_optional_time"),
        ..Range::default()
    })
}

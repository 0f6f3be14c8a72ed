//! Dates as Elasticsearch's default format (`strict_date_optional_time||epoch_millis`) reads them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde_json::Value;

/// The time that a date stands for: a date without a time is the whole day, one without a fraction the whole second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Its first instant.
    pub start: DateTime<Utc>,
    /// Its last instant.
    pub end: DateTime<Utc>,
}

/// Whether the text reckons from another date, as `now-1d` and `2026-11-23||/d` do.
#[must_use]
pub fn is_date_math(text: &str) -> bool {
    text.starts_with("now") || text.contains("||")
}

/// Reads a date; none where it is none.
#[must_use]
pub fn parse(text: &str) -> Option<Interval> {
    if !text.is_ascii() {
        return None;
    }
    calendar(text).or_else(|| epoch_millis(text))
}

/// The instant that a value stands for in a `date` field, which keeps milliseconds; none where it is no date.
#[must_use]
pub fn moment(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => DateTime::from_timestamp_millis(parse(text)?.start.timestamp_millis()),
        other => DateTime::from_timestamp_millis(other.as_i64()?),
    }
}

/// Milliseconds since 1970; a fraction is cut off.
fn epoch_millis(text: &str) -> Option<Interval> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let start = DateTime::from_timestamp_millis(whole.parse().ok()?)?;
    Some(Interval { start, end: start + TimeDelta::nanoseconds(999_999) })
}

/// `2026[-11[-23[T[10[:20[:30[.5]]]][zone]]]]`.
fn calendar(text: &str) -> Option<Interval> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = match parts.next() {
        Some(part) => Some(digits(part, 2)?),
        None => None,
    };
    let day = match parts.next() {
        Some(part) => Some(digits(part, 2)?),
        None => None,
    };
    if time.is_some() && day.is_none() {
        return None;
    }
    // A month or a day that is left open is the first one, at both ends, as Elasticsearch has it.
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month.unwrap_or(1), day.unwrap_or(1))?;
    let (time, offset) = zone(time.unwrap_or(""))?;
    let (from, to) = clock(time)?;
    let instant =
        |time| NaiveDateTime::new(date, time).and_local_timezone(offset).single().map(|local| local.to_utc());
    Some(Interval { start: instant(from)?, end: instant(to)? })
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

/// Splits the zone off a time; without one it is UTC.
fn zone(time: &str) -> Option<(&str, FixedOffset)> {
    let utc = FixedOffset::east_opt(0)?;
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, utc));
    }
    let Some(sign) = time.rfind(['+', '-']) else { return Some((time, utc)) };
    let offset = &time[sign + 1..];
    let (hours, minutes) = match offset.len() {
        2 => (offset, "00"),
        4 => offset.split_at(2),
        _ => offset.split_once(':')?,
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    let seconds = if time[sign..].starts_with('-') { -seconds } else { seconds };
    Some((&time[..sign], FixedOffset::east_opt(seconds)?))
}

/// The first and the last time of day that `[10[:20[:30[.5]]]]` stands for.
fn clock(time: &str) -> Option<(NaiveTime, NaiveTime)> {
    let (time, fraction) =
        time.split_once(['.', ',']).map_or((time, None), |(time, rest)| (time, Some(rest)));
    let mut parts = [None; 3];
    let mut count = 0;
    for part in time.split(':').filter(|_| !time.is_empty()) {
        *parts.get_mut(count)? = Some(digits(part, 2)?);
        count += 1;
    }
    let nanoseconds = match fraction {
        None => None,
        Some(text) if count == 3 => Some(nanoseconds(text)?),
        Some(_) => return None,
    };
    let [hour, minute, second] = parts;
    let at = |part: Option<u32>, otherwise: u32| part.unwrap_or(otherwise);
    let first =
        NaiveTime::from_hms_nano_opt(at(hour, 0), at(minute, 0), at(second, 0), nanoseconds.unwrap_or(0))?;
    let last = NaiveTime::from_hms_nano_opt(
        at(hour, 23),
        at(minute, 59),
        at(second, 59),
        nanoseconds.unwrap_or(999_999_999),
    )?;
    Some((first, last))
}

/// A fraction of a second, of one to nine digits.
fn nanoseconds(text: &str) -> Option<u32> {
    let missing = u32::try_from(9_usize.checked_sub(text.len())?).ok()?;
    Some(digits(text, text.len())? * 10_u32.pow(missing))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{moment, parse};

    #[test]
    fn a_time_left_open_is_the_whole_of_it() {
        for (text, start, end) in [
            ("2026-11-23", "2026-11-23T00:00:00+00:00", "2026-11-23T23:59:59.999999999+00:00"),
            ("2026-02", "2026-02-01T00:00:00+00:00", "2026-02-01T23:59:59.999999999+00:00"),
            ("2026", "2026-01-01T00:00:00+00:00", "2026-01-01T23:59:59.999999999+00:00"),
            ("2026-11-23T10:20:30Z", "2026-11-23T10:20:30+00:00", "2026-11-23T10:20:30.999999999+00:00"),
            ("2026-11-23T10:20:30.5+02:00", "2026-11-23T08:20:30.500+00:00", "2026-11-23T08:20:30.500+00:00"),
            ("2026-11-23T10-0130", "2026-11-23T11:30:00+00:00", "2026-11-23T12:29:59.999999999+00:00"),
            ("1516116808349", "2018-01-16T15:33:28.349+00:00", "2018-01-16T15:33:28.349999999+00:00"),
        ] {
            let found = parse(text).unwrap();
            assert_eq!(
                (found.start.to_rfc3339(), found.end.to_rfc3339()),
                (start.into(), end.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "x",
            "2026-13",
            "2026-11-31",
            "2026-1-1",
            "2026-11-23 10:00",
            "2026T10",
            "2026-11-23T25",
            "é",
            "2026-11-23T10:00:00.",
            "2026-11-23T10:00:00.1234567890",
            "2026-11-23T10:00.5",
            "2026-11-23T10:00:00:00",
            "2026-11-23T10:00:00+1:00",
            "2026-11-23T10:",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_field_keeps_texts_and_numbers_to_the_millisecond() {
        let millis = |value| moment(&value).map(|at| at.timestamp_millis());
        for (value, expected) in [
            (json!("2018-01-16T15:33:28.349999Z"), Some(1_516_116_808_349)),
            (json!("2018-01-16"), Some(1_516_060_800_000)),
            (json!("1516116808349"), Some(1_516_116_808_349)),
            (json!(1_516_116_808_349_i64), Some(1_516_116_808_349)),
            (json!(i64::MAX), None),
            (json!(1.5), None),
            (json!("soon"), None),
            (json!(null), None),
        ] {
            assert_eq!(millis(value.clone()), expected, "{value}");
        }
    }
}

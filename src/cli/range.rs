//! The stretch of a backfill as it is typed, and as times.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::detect::BackfillRange;

/// `FROM[..TO]`, checked, but not yet bound to the present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeText {
    text: String,
    from: Point,
    to: Option<Point>,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// So long ago.
    Ago(TimeDelta),
    /// A whole day.
    Day(NaiveDate),
    /// A moment.
    Time(DateTime<Utc>),
}

impl RangeText {
    /// The range as times, for a present of `now`.
    ///
    /// # Errors
    /// It ends before it begins, or begins in the future.
    pub fn at(&self, now: DateTime<Utc>) -> Result<BackfillRange, String> {
        let now = DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
        let from = self.from.start(now);
        let to = self.to.map_or(now, |point| point.end(now)).min(now);
        let until_now = to == now;
        if from > to {
            let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
            return Err(format!("`{}` is empty: it begins at {from} and ends at {to}", self.text));
        }
        Ok(BackfillRange { text: self.text.clone(), from, to, until_now })
    }
}

impl FromStr for RangeText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = match text.split_once("..") {
            Some((from, "")) => (from, None),
            Some((from, to)) => (from, Some(to)),
            None => (text, None),
        };
        Ok(Self { text: text.to_owned(), from: from.parse()?, to: to.map(str::parse).transpose()? })
    }
}

impl Point {
    fn start(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(length) => now - length,
            Self::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
            Self::Time(time) => time,
        }
    }

    fn end(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Day(_) => self.start(now) + TimeDelta::days(1) - TimeDelta::milliseconds(1),
            _ => self.start(now),
        }
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::Day).ok();
        let time = || DateTime::parse_from_rfc3339(text).map(|time| Self::Time(time.to_utc())).ok();
        day.or_else(time).or_else(|| length(text).map(Self::Ago)).ok_or_else(|| {
            format!(
                "`{text}` is no point in time: expected a length (`90s`, `30m`, `24h`, `7d`, `2w`), a day \
                 (`2026-11-20`) or a time with its zone (`2026-11-20T08:00:00Z`)"
            )
        })
    }
}

fn length(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let number: i64 =
        text.strip_suffix(unit)?.parse().ok().filter(|number| (1..=100_000).contains(number))?;
    Some(match unit {
        's' => TimeDelta::seconds(number),
        'm' => TimeDelta::minutes(number),
        'h' => TimeDelta::hours(number),
        'd' => TimeDelta::days(number),
        'w' => TimeDelta::weeks(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::RangeText;
    use chrono::{DateTime, Utc};

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn ends(text: &str) -> (DateTime<Utc>, DateTime<Utc>) {
        let range = text.parse::<RangeText>().unwrap().at(time("2026-11-24T12:00:00Z")).unwrap();
        assert_eq!(range.text, text);
        (range.from, range.to)
    }

    #[test]
    fn every_documented_form() {
        for (text, from, to) in [
            ("24h", "2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"),
            ("7d", "2026-11-17T12:00:00Z", "2026-11-24T12:00:00Z"),
            ("48h..24h", "2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z"),
            ("2026-11-01..2026-11-20", "2026-11-01T00:00:00Z", "2026-11-20T23:59:59.999Z"),
            ("2026-11-20T08:00:00Z..", "2026-11-20T08:00:00Z", "2026-11-24T12:00:00Z"),
            (
                "2026-11-20T08:00:00+02:00..2026-11-20T09:00:00Z",
                "2026-11-20T06:00:00Z",
                "2026-11-20T09:00:00Z",
            ),
            ("2026-11-24..2026-11-30", "2026-11-24T00:00:00Z", "2026-11-24T12:00:00Z"),
        ] {
            assert_eq!(ends(text), (time(from), time(to)), "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_forms() {
        for text in
            ["", "..", "24", "24x", "-1h", "0h", "2026-13-01", "2026-11-20T08:00:00", "yesterday", "1h...2h"]
        {
            let refusal = text.parse::<RangeText>().unwrap_err();
            assert!(refusal.contains("`24h`"), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        for text in ["24h..48h", "2026-11-20..2026-11-19", "2027-01-01.."] {
            let range: RangeText = text.parse().unwrap();
            assert!(range.at(time("2026-11-24T12:00:00Z")).unwrap_err().contains("is empty"), "{text}");
        }
    }
}

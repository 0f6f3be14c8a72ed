//! What is declared to be expected, such as a planned test: in a rule's file, or in a file of the operator's own.

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::check::condition;
use crate::bounded;
use crate::diagnostic::{
    Diagnostic, EMPTY_VALUE, INVALID_DATE, Node, Span, UNKNOWN_PLACEHOLDER, UNREADABLE_RULES,
};
use crate::eql::Query;
use crate::rule::file::{MAX_BYTES, RuleFile};
use crate::rule::report::{Report, RuleErrors};
use crate::rule::tree::{Table, TomlValue};

/// Something that is expected to happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Which events, as a query over any category.
    pub condition: Query,
    /// From when on; the first moment of it.
    pub from: DateTime<Utc>,
    /// Until when; the first moment after it.
    pub until: DateTime<Utc>,
    /// Why, such as the name of a test.
    pub reason: String,
}

impl Expected {
    /// The fields of an alert that tell whether it was expected.
    pub(super) fn inputs(&self) -> impl Iterator<Item = String> {
        self.condition.fields().into_iter().map(|field| field.name)
    }
}

/// Reads what is declared in a file of its own, which holds `[[stakeout.expected]]` and nothing else.
///
/// # Errors
/// Every problem of the file.
pub fn load_expected(path: &Path) -> Result<Vec<Expected>, RuleErrors> {
    let origin = path.display().to_string();
    let bytes = bounded::read(path, MAX_BYTES).map_err(|error| {
        let problem =
            Diagnostic::error(UNREADABLE_RULES, Span::default(), format!("cannot be read: {error}"));
        RuleErrors { reports: vec![Report::new(&origin, "", vec![problem])] }
    })?;
    read_expected(&origin, &bytes)
}

/// The same from the bytes of a file; `origin` names it in messages.
///
/// # Errors
/// Every problem of the file.
pub fn read_expected(origin: &str, bytes: &[u8]) -> Result<Vec<Expected>, RuleErrors> {
    let file = RuleFile::parse_expected(bytes);
    let mut report = Report::new(origin, &file.text, file.problems);
    let found = file.root.table("stakeout").map(|stakeout| expected(stakeout, &mut report));
    report.sort();
    if report.errors() > 0 {
        Err(RuleErrors { reports: vec![report] })
    } else {
        Ok(found.unwrap_or_default())
    }
}

/// Reads every `[[stakeout.expected]]`.
pub(super) fn expected(stakeout: &Table, report: &mut Report) -> Vec<Expected> {
    stakeout.tables("expected").filter_map(|table| one(table, report)).collect()
}

fn one(table: &Table, report: &mut Report) -> Option<Expected> {
    let written = table.text("where")?;
    let query = condition(&written, report);
    for name in query.iter().flat_map(Query::placeholders) {
        let message =
            format!("`{{{}}}` stands for nothing here: what is expected is said in full", name.node);
        report.problems.push(Diagnostic::error(UNKNOWN_PLACEHOLDER, written.span, message));
    }
    let from = moment(table.get("from")?, false, report);
    let until = moment(table.get("until")?, true, report);
    let (from, until) = from.zip(until)?;
    if from >= until {
        let place = table.get("until")?.span;
        let message = "expected a time after `from`";
        report.problems.push(Diagnostic::error(EMPTY_VALUE, place, message));
    }
    Some(Expected { condition: query?, from, until, reason: table.text("reason")?.node.to_owned() })
}

/// A date or time, in UTC unless it says otherwise; a date that ends something is taken in.
fn moment(value: &Node<TomlValue>, ends: bool, report: &mut Report) -> Option<DateTime<Utc>> {
    let (TomlValue::Text(text) | TomlValue::Datetime(text)) = &value.node else { return None };
    let plain = text.trim().replacen(' ', "T", 1);
    let zoned = DateTime::parse_from_rfc3339(&plain).ok().map(|time| time.with_timezone(&Utc));
    let local = || plain.parse::<NaiveDateTime>().ok().map(|time| time.and_utc());
    let date = || {
        let midnight = plain.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc();
        midnight.checked_add_signed(if ends { TimeDelta::days(1) } else { TimeDelta::zero() })
    };
    let found = zoned.or_else(local).or_else(date);
    if found.is_none() && !plain.is_empty() {
        let message = format!("expected a date or time such as `2026-11-24T08:00:00Z`, found `{text}`");
        report.problems.push(Diagnostic::error(INVALID_DATE, value.span, message));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(from: &str, until: &str) -> String {
        format!(
            "[[stakeout.expected]]\nwhere = 'source.ip == \"198.51.100.200\"'\nfrom = {from}\nuntil = {until}\nreason = \"RT-11\"\n"
        )
    }

    #[test]
    fn dates_and_times_in_every_form() {
        for (from, until, expected) in [
            (
                "2026-11-20T08:00:00Z",
                "2026-11-21T08:00:00+02:00",
                ("2026-11-20T08:00:00Z", "2026-11-21T06:00:00Z"),
            ),
            ("2026-11-20", "2026-11-20", ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")),
            ("\"2026-11-20 08:00:00\"", "\"2026-11-21\"", ("2026-11-20T08:00:00Z", "2026-11-22T00:00:00Z")),
        ] {
            let found = read_expected("own.toml", file(from, until).as_bytes())
                .unwrap_or_else(|errors| panic!("{errors}"));
            let times = (found[0].from, found[0].until);
            let read = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
            assert_eq!(times, (read(expected.0), read(expected.1)), "{from} {until}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        for (text, part) in [
            (file("\"soon\"", "2026-11-21"), "expected a date or time"),
            (file("2026-11-22T00:00:00Z", "2026-11-21T00:00:00Z"), "expected a time after `from`"),
            (file("2026-11-20", "2026-11-21").replace("==", "="), "own.toml:2"),
            (
                file("2026-11-20", "2026-11-21").replace("198.51.100.200", "{source.ip}"),
                "stands for nothing here",
            ),
            (file("2026-11-20", "2026-11-21").replace("reason", "reson"), "did you mean `reason`?"),
            ("[rule]\nname = 1\n".to_owned(), "unknown table `[rule]`"),
        ] {
            match read_expected("own.toml", text.as_bytes()) {
                Ok(_) => panic!("accepted: {text}"),
                Err(errors) => {
                    assert!(errors.render(false).contains(part), "{part}: {errors}");
                }
            }
        }
    }
}

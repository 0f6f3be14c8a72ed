//! Time spans of a schedule: `5m`, `now-6m`.

use std::time::Duration;

use chrono::TimeDelta;

/// Ten years: longer spans are slips, and this one still fits every clock.
const LONGEST: u64 = 3650 * 86_400;

/// Reads an interval such as `5m`; units are `s`, `m`, `h` and `d`.
///
/// # Errors
/// Says what was expected where `text` is none, is zero, or is longer than ten years.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("expected a number and one of `s`, `m`, `h`, `d`, such as `5m`, found `{text}`");
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let total = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
    match total {
        Some(0) => Err(format!("expected more than nothing, found `{text}`")),
        Some(total) if total <= LONGEST => Ok(Duration::from_secs(total)),
        _ => Err(format!("expected at most `{}d`, found `{text}`", LONGEST / 86_400)),
    }
}

/// The furthest that a question looks.
const FURTHEST: u64 = 90 * 86_400;

/// Reads how far a question looks from its event, `24h` or `0s`; `-1d` is a day the other way.
///
/// # Errors
/// Says what was expected where `text` is no span, or one of more than ninety days.
pub(super) fn parse_offset(text: &str) -> Result<TimeDelta, String> {
    let (sign, span) = text.strip_prefix('-').map_or((1, text), |span| (-1, span));
    if ["0s", "0m", "0h", "0d"].contains(&span) {
        return Ok(TimeDelta::zero());
    }
    let seconds = parse_span(span)?.as_secs();
    if seconds > FURTHEST {
        return Err(format!("expected at most `{}d`, found `{text}`", FURTHEST / 86_400));
    }
    Ok(TimeDelta::seconds(sign * i64::try_from(seconds).unwrap_or_default()))
}

/// Reads a start relative to the time of the run, such as `now-6m`: how far it lies back.
///
/// # Errors
/// Says what was expected where `text` is no such start.
pub(super) fn parse_look_back(text: &str) -> Result<Duration, String> {
    match text.strip_prefix("now-") {
        Some(span) => {
            parse_span(span).map_err(|_| format!("expected a start such as `now-6m`, found `{text}`"))
        }
        None => Err(format!("expected a start such as `now-6m`, found `{text}`")),
    }
}

/// A span as a rule would write it: in the largest unit that divides it.
pub(super) fn written(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    match units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, seconds) in
            [("5m", 300), ("30s", 30), ("1h", 3600), ("2d", 172_800), ("007m", 420), ("3650d", LONGEST)]
        {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "5", "m", "5M", "5w", "-5m", "5 m", "5mm", "0m", "3651d", "99999999999999999999d", "5é"]
        {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn look_backs_are_read() {
        assert_eq!(parse_look_back("now-6m"), Ok(Duration::from_mins(6)));
        for text in ["now", "6m", "now+6m", "now-6m/m", "now-", "now - 6m", "2026-01-01"] {
            assert!(parse_look_back(text).is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_may_be_nothing_or_go_the_other_way() {
        for (text, seconds) in [("0s", 0), ("-1d", -86_400), ("12h", 43_200), ("90d", 7_776_000)] {
            assert_eq!(parse_offset(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
        for text in ["", "-", "91d", "--1d", "now", "-91d"] {
            assert!(parse_offset(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_written_shortly_and_read_back() {
        for (seconds, text) in [(300, "5m"), (90, "90s"), (7200, "2h"), (86_400, "1d")] {
            assert_eq!(written(Duration::from_secs(seconds)), text);
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)));
        }
    }
}

//! Answers in words: the rule's sentences, filled with numbers, times and the event's values, all of them harmless.

use chrono::{DateTime, Utc};

use super::answer::Answer;
use super::case::Case;
use crate::diagnostic::sanitize;
use crate::rule::triage::Words;

/// How much of a value is shown, in characters.
const LONGEST: usize = 200;

/// The time that a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: DateTime<Utc>,
    /// The end, or the moment of asking where that comes first.
    pub until: DateTime<Utc>,
}

/// A sentence about an answer.
pub(super) fn said(words: &Words, answer: &Answer, span: Span, case: &Case<'_>) -> String {
    words.filled(|name| {
        Some(match name {
            "count" => answer.count.to_string(),
            "days" => answer.days.to_string(),
            "distinct" => answer.distinct.to_string(),
            "total" => answer.total.to_string(),
            "first" => time(answer.first?),
            "last" => time(answer.last?),
            "from" => time(span.from),
            "until" => time(span.until),
            "top" if answer.top.is_empty() => return None,
            "top" => top(answer),
            name => plain(&case.values.get(name)?),
        })
    })
}

/// The values that were found most, and how many others there are.
fn top(answer: &Answer) -> String {
    let told = answer.top.iter().map(|value| plain(value)).collect::<Vec<_>>().join(", ");
    match answer.distinct.saturating_sub(answer.top.len() as u64) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// A time as a reader takes it in.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A value without what could steer a reader's screen, and not too long.
pub(super) fn plain(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => sanitize(&value[..end]) + "…",
        None => sanitize(value),
    }
}

/// A text that Markdown shows as it is, on one line.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in sanitize(text).chars() {
        if character.is_ascii_punctuation()
            && !matches!(character, '.' | ',' | ':' | ';' | '/' | '-' | '(' | ')' | '%')
        {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{markdown, plain, top};
    use crate::triage::{Answer, Status};

    #[test]
    fn values_that_are_not_told_are_counted() {
        let mut answer = Answer::without(Status::Answered, String::new());
        answer.top = vec!["a".into(), "b\n".into()];
        answer.distinct = 2;
        assert_eq!(top(&answer), "a, b\\u{a}");
        answer.distinct = 9;
        assert_eq!(top(&answer), "a, b\\u{a} and 7 more");
    }

    #[test]
    fn hostile_values_are_harmless() {
        assert_eq!(plain("a\n\u{202e}b"), "a\\u{a}\\u{202e}b");
        assert_eq!(plain(&"é".repeat(100_000)).chars().count(), 201);
        assert_eq!(markdown("</script>[x](y)*"), "\\</script\\>\\[x\\](y)\\*");
    }
}

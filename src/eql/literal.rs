//! The literals of EQL: where they end, and what they stand for.

use super::Value;
use super::problems::Problems;
use crate::diagnostic::{BAD_ESCAPE, Diagnostic, Span};

/// The length of the raw string (`"""…"""`) that `text` begins with; up to two quotes before the end are its own.
pub(super) fn raw_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // Not beyond the line, lest many short strings on a long one take quadratic time.
    let inside = bytes.get(3..)?.windows(3).take_while(|window| !matches!(window[0], b'\n' | b'\r'));
    let end = 3 + inside.zip(0..).find(|(window, _)| *window == b"\"\"\"")?.1 + 3;
    Some(end + bytes[end..].iter().take(2).take_while(|&&byte| byte == b'"').count())
}

/// The length of the string in `quote` that `text` begins with; a backslash hides the character after it.
pub(super) fn quoted_end(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((offset, character)) = characters.next() {
        match character {
            '\n' | '\r' => return None,
            '\\' if matches!(characters.next(), None | Some((_, '\n' | '\r'))) => return None,
            _ if character == quote => return Some(offset + 1),
            _ => {}
        }
    }
    None
}

/// What the inside of a string stands for; none, with the reasons in `problems`, where an escape is wrong.
///
/// `offset` is where `body` stands in the query.
pub(super) fn unescape(body: &str, offset: usize, problems: &mut Problems) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let (mut rest, mut right) = (body, true);
    while let Some(backslash) = rest.find('\\') {
        text.push_str(&rest[..backslash]);
        let escape = &rest[backslash..];
        let (character, length) = escaped(escape);
        if let Some(character) = character {
            text.push(character);
        } else {
            let start = offset + body.len() - escape.len();
            problems.push(bad_escape(&escape[..length], Span::new(start, start + length)));
            right = false;
        }
        rest = &escape[length..];
    }
    text.push_str(rest);
    right.then_some(text)
}

/// The character of the escape that `text` begins with, and the escape's length.
fn escaped(text: &str) -> (Option<char>, usize) {
    let Some(letter) = text[1..].chars().next() else { return (None, 1) };
    let simple = match letter {
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'f' => '\u{c}',
        'r' => '\r',
        '"' | '\'' | '\\' => letter,
        'u' if text[2..].starts_with('{') => return code_point(text),
        _ => return (None, 1 + letter.len_utf8()),
    };
    (Some(simple), 2)
}

/// The character of `\u{…}`: two to eight hexadecimal digits, no surrogate.
fn code_point(text: &str) -> (Option<char>, usize) {
    // Only so far as the longest escape reaches, lest many of them take quadratic time.
    let close = text.bytes().take(12).position(|byte| byte == b'}');
    let Some(close) = close else { return (None, 3) };
    let digits = &text[3..close];
    let right = (2..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let character = right.then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)).flatten();
    (character, close + 1)
}

fn bad_escape(escape: &str, span: Span) -> Diagnostic {
    let problem = Diagnostic::error(BAD_ESCAPE, span, format!("`{escape}` is no escape"));
    if escape.starts_with("\\u") {
        problem.hint("expected `\\u{…}` with 2 to 8 hexadecimal digits of a Unicode scalar value")
    } else {
        problem.hint(
            "for a backslash write `\\\\`, or use a raw string `\"\"\"…\"\"\"`; the escapes are `\\b \\t \\n \\f \\r \\\" \\' \\\\ \\u{…}`",
        )
    }
}

/// The length of the number that `text` begins with: `1`, `1.`, `.5`, `1.5e3`, `1e-3`.
pub(super) fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if text.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = text.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// The value of an unsigned number: a long where it fits, else an unsigned long, else a double.
pub(super) fn number(text: &str) -> Value {
    let whole = text.parse().map(Value::Integer).or_else(|_| text.parse().map(Value::Unsigned));
    whole.unwrap_or_else(|_| Value::Float(text.parse().unwrap_or(f64::INFINITY)))
}

#[cfg(test)]
mod tests {
    use super::{Problems, Value, number, number_length, quoted_end, raw_end, unescape};

    #[test]
    fn escapes_stand_for_characters() {
        let mut problems = Problems::default();
        let text = unescape(r#"a\\\"\'\t\u{200f}\u{0001F600}"#, 0, &mut problems);
        assert_eq!(text.as_deref(), Some("a\\\"'\t\u{200f}\u{1f600}"));
        assert!(problems.is_empty());
        for wrong in [r"\d", r"\u0041", r"\u{D800}", r"\u{110000}", r"\u{1}", r"\u{zz}", r"\u{41", r"\*"] {
            assert_eq!(unescape(wrong, 0, &mut problems), None, "{wrong}");
        }
        unescape(r"ok \d", 700, &mut problems);
        let problems = problems.sorted();
        assert_eq!(problems.len(), 9);
        assert_eq!((problems[8].span.start, problems[8].span.end), (703, 705));
    }

    #[test]
    fn raw_strings_may_end_with_quotes_of_their_own() {
        assert_eq!(raw_end(r#""""a""" x"#), Some(7));
        assert_eq!(raw_end(r#""""a"""" x"#), Some(8));
        assert_eq!(raw_end(r#""""a""""" x"#), Some(9));
        assert_eq!(raw_end(r#""""a"""""" x"#), Some(9));
        assert_eq!(raw_end("\"\"\"a\n\"\"\""), None);
        assert_eq!(quoted_end(r#""a\"b" c"#, '"'), Some(6));
        assert_eq!(quoted_end("\"a\\", '"'), None);
    }

    #[test]
    fn numbers_take_the_smallest_kind() {
        assert_eq!(number("7"), Value::Integer(7));
        assert_eq!(number("9223372036854775808"), Value::Unsigned(1 << 63));
        assert_eq!(number("99999999999999999999"), Value::Float(1e20));
        for (text, length) in
            [("1.", 2), (".5", 2), ("1.5e3x", 5), ("1e3", 3), ("1e", 1), ("1e+", 1), ("12-3", 2), ("1.e2", 4)]
        {
            assert_eq!(number_length(text.as_bytes()), length, "{text}");
            assert_ne!(number(&text[..length]), Value::Float(f64::INFINITY), "{text}");
        }
    }
}

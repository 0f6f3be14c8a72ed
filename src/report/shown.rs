//! Values as they may stand in the page: isolated from the text around them, with nothing hidden in them.

use maud::{Markup, html};

use crate::diagnostic::{plural, sanitize};

/// Longest value that is shown whole, in characters.
pub const LONGEST: usize = 2_000;

/// Longest value in a line that stands among others.
const SHORT: usize = 160;

/// A value as text of the page: control and direction characters are written out, its own direction stays its own.
pub fn value(text: &str) -> Markup {
    let clean = sanitize(&fitted(text));
    html! { bdi { (clean) } }
}

/// A value, or its beginning, in a line that stands among others: elsewhere it is shown in full.
pub fn short(text: &str) -> Markup {
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => html! { (value(&text[..end])) "…" },
        None => value(text),
    }
}

/// A sentence of a rule's author: what stands between backticks is code.
pub fn sentence(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // With one backtick too many, nobody knows which.
    if parts.len().is_multiple_of(2) || text.chars().nth(LONGEST).is_some() {
        return value(text);
    }
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at % 2 == 1 { code { (value(part)) } } @else if !part.is_empty() { (value(part)) }
        }
    }
}

/// A value as part of an attribute.
pub fn attribute(text: &str) -> String {
    sanitize(&fitted(text))
}

/// The text itself, or its beginning and how long it was.
pub fn fitted(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} characters in all)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}

/// The address, if following it cannot run anything: an absolute `http` or `https` one without hidden characters.
pub fn safe_link(url: &str) -> Option<&str> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme)?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_web && sanitize(url) == url && !url.contains(char::is_whitespace)).then_some(url)
}

/// A link where the address is safe, else the words alone.
pub fn link(url: &str, words: &str) -> Markup {
    match safe_link(url) {
        Some(url) => html! { a href=(url) rel="noopener noreferrer" { (value(words)) } },
        None => value(words),
    }
}

/// A number with a comma before each three digits.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts, such as `1 alert` or `2,000 alerts`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{} {}", number(count), plural(count, what))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, SHORT, counted, fitted, link, number, safe_link, sentence, short, value};

    #[test]
    fn only_web_addresses_are_links() {
        for safe in ["https://attack.mitre.org/techniques/T1078/", "HTTP://localhost:5601/a?b=c&d='e'#f"] {
            assert_eq!(safe_link(safe), Some(safe));
        }
        let long = format!("java{}script://x", "\u{200b}");
        for unsafe_one in [
            "javascript:alert(1)",
            "javascript://%0aalert(1)",
            "JaVaScRiPt:alert(1)",
            " https://a.example",
            "data:text/html,<script>",
            "//a.example",
            "https://a\u{202e}.example",
            "https://a.example/\n",
            "",
            &long,
        ] {
            assert_eq!(safe_link(unsafe_one), None, "{unsafe_one}");
            assert!(!link(unsafe_one, "x").into_string().contains("href"), "{unsafe_one}");
        }
    }

    #[test]
    fn what_is_hidden_is_written_out_and_isolated() {
        assert_eq!(value("a\u{202e}b\n<").into_string(), r"<bdi>a\u{202e}b\u{a}&lt;</bdi>");
    }

    #[test]
    fn a_long_value_says_how_long_it_was() {
        let text = "é".repeat(LONGEST);
        assert_eq!(fitted(&text), text);
        let cut = fitted(&format!("{text}x"));
        assert!(cut.starts_with(&text) && cut.ends_with("… (2001 characters in all)"));
    }

    #[test]
    fn code_in_a_sentence_is_code() {
        let shown = |text| sentence(text).into_string();
        assert_eq!(
            shown("no `a<` and `b`"),
            "<bdi>no </bdi><code><bdi>a&lt;</bdi></code><bdi> and </bdi><code><bdi>b</bdi></code>"
        );
        assert_eq!(shown("plain"), "<bdi>plain</bdi>");
        assert_eq!(shown("one ` alone"), "<bdi>one ` alone</bdi>");
    }

    #[test]
    fn a_value_among_others_is_short() {
        let text = "é".repeat(SHORT);
        assert_eq!(short(&text).into_string(), format!("<bdi>{text}</bdi>"));
        assert_eq!(short(&format!("{text}x")).into_string(), format!("<bdi>{text}</bdi>…"));
    }

    #[test]
    fn numbers_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        assert!(cases.iter().all(|(count, text)| number(*count) == *text));
        assert_eq!((counted(1, "alert"), counted(2_000, "alert")), ("1 alert".into(), "2,000 alerts".into()));
    }
}

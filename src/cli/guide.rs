//! A rule's guide in the terminal: its Markdown, in lines that fit.

use anstyle::Style;

use super::look::{Look, hung};
use crate::diagnostic::sanitize;
use crate::rule::Rule;

/// The guide of a rule; none where it has no guide.
pub fn guide(rule: &Rule, look: Look) -> Option<String> {
    let note = rule.note.as_ref()?;
    let bold = Style::new().bold();
    let mut lines = vec![look.paint(&format!("Guide: {}", sanitize(&rule.name)), bold.underline())];
    let mut is_code = false;
    for line in note.lines() {
        let line = sanitize(&line.replace('\t', "    "));
        is_code ^= line.trim_start().starts_with("```");
        lines.push(match line.as_str() {
            _ if is_code || line.starts_with('|') => line,
            heading if heading.starts_with('#') => look.paint(&hung(heading, 0, look.width), bold),
            _ => laid_out(&line, look.width),
        });
    }
    Some(lines.join("\n"))
}

/// A line of text, what follows its first piece below where its words begin.
fn laid_out(line: &str, columns: usize) -> String {
    let (marker, words) = line.split_at(marker(line));
    format!("{marker}{}", hung(words, marker.len(), columns))
}

/// Bytes of the blanks and the sign with which an item of a list, or a quotation, begins.
fn marker(line: &str) -> usize {
    let text = line.trim_start_matches(' ');
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = match text.as_bytes().get(digits..) {
        Some([b'.' | b')', b' ', ..]) if digits > 0 => digits + 2,
        Some([b'-' | b'*' | b'+' | b'>', b' ', ..]) if digits == 0 => 2,
        _ => 0,
    };
    line.len() - text.len() + sign
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::{guide, laid_out};
    use crate::cli::look::Look;
    use crate::rule::embedded;

    const LOOK: Look = Look { color: false, width: 80 };

    #[test]
    fn items_hang_below_their_words() {
        assert_eq!(laid_out("- one two three", 9), "- one two\n  three");
        assert_eq!(laid_out("  12. one two three", 13), "  12. one two\n      three");
        assert_eq!(laid_out("> one two three", 9), "> one two\n  three");
        assert_eq!(laid_out("2026 was a year", 9), "2026 was\na year");
        assert_eq!(laid_out("-", 9), "-");
    }

    #[test]
    fn a_guide_fits_the_terminal_and_steers_nothing() {
        let mut rule = embedded().unwrap().rules.remove(0);
        let shown = guide(&rule, LOOK).unwrap();
        let prose = shown.split("```").step_by(2).flat_map(str::lines);
        let is_wide = |line: &&str| line.width() > 80 && !line.starts_with('|') && line.trim().contains(' ');
        let wide: Vec<&str> = prose.filter(is_wide).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        rule.note = Some(format!("# A\nb\u{202e}\n```\n{}\n```\n", "code ".repeat(30)));
        let shown = guide(&rule, LOOK).unwrap();
        assert!(shown.contains("\n# A\nb\\u{202e}\n```\n") && shown.contains(&"code ".repeat(30)), "{shown}");
        rule.note = None;
        assert_eq!(guide(&rule, LOOK), None);
    }
}

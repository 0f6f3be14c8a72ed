//! How results look on this terminal: how wide it is, and whether colours are wanted.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::args::Color;
use crate::diagnostic::sanitize;

/// Columns where no terminal says how many there are.
const USUAL_WIDTH: usize = 100;

/// Fewer columns than these are treated as these.
const LEAST_WIDTH: usize = 24;

/// What stdout is good for.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether styles are written.
    pub color: bool,
    /// Columns of a line.
    pub width: usize,
}

impl Look {
    /// The look of stdout.
    pub fn of_stdout(color: Color) -> Self {
        let terminal = terminal_size::terminal_size_of(std::io::stdout());
        let width = terminal.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
        Self { color: color.on_stdout(), width: width.max(LEAST_WIDTH) }
    }

    /// The text in a style, where styles are written.
    pub fn paint(self, text: &str, style: Style) -> String {
        if self.color && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// A style of this colour.
pub fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

/// A value in at most so many columns: what steers a terminal is written out, what does not fit ends in `…`.
pub fn fitted(value: &str, columns: usize) -> String {
    // No value needs more characters than this to fill the columns; a long one is not gone through whole.
    let beginning: String = value.chars().take(columns.saturating_mul(4).saturating_add(4)).collect();
    let clean = sanitize(&beginning);
    if clean.width() <= columns && beginning.len() == value.len() {
        return clean;
    }
    let mut short = String::new();
    let mut used = 1;
    for character in clean.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

/// The text in lines of at most so many columns, broken between words; a word that is longer keeps its line to itself.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (at, word) in text.split(' ').enumerate() {
        match lines.last_mut() {
            Some(line) if at == 0 || line.width() + 1 + word.width() <= columns => {
                line.push_str(if at == 0 { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text of one line in as many as it needs, all but the first behind so many blanks.
pub fn hung(text: &str, indent: usize, columns: usize) -> String {
    wrapped(text, columns.saturating_sub(indent).max(1)).join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::{fitted, hung};
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn long_values_end_in_an_ellipsis() {
        assert_eq!(fitted("abcdef", 6), "abcdef");
        assert_eq!(fitted("abcdefg", 6), "abcde…");
        assert_eq!(fitted("日本語", 6), "日本語");
        assert_eq!(fitted("日本語文", 6), "日本…");
        assert_eq!(fitted("\u{1b}[31mred", 40), "\\u{1b}[31mred");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(hung("one two three", 2, 9), "one two\n  three");
        assert_eq!(hung("https://a.example/long x", 2, 9), "https://a.example/long\n  x");
        assert_eq!(hung("a  b", 0, 9), "a  b");
        assert_eq!(hung("", 2, 9), "");
        assert_eq!(hung("日本 語", 0, 5), "日本\n語");
    }

    proptest! {
        #[test]
        fn a_value_never_takes_more_columns_and_never_steers(value in any::<String>(), columns in 1_usize..80) {
            let shown = fitted(&value, columns);
            prop_assert!(shown.width() <= columns, "{shown:?}");
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}

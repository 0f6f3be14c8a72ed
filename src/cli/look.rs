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

#[cfg(test)]
mod tests {
    use super::fitted;
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

    proptest! {
        #[test]
        fn a_value_never_takes_more_columns_and_never_steers(value in any::<String>(), columns in 1_usize..80) {
            let shown = fitted(&value, columns);
            prop_assert!(shown.width() <= columns, "{shown:?}");
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}

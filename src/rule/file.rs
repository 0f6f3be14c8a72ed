//! A rule file as it was written: bytes in, text and spanned values out, every problem of its form with them.

use toml::de::DeTable;

use super::form;
use super::tree::{self, Table};
use crate::diagnostic::{Diagnostic, MISSING_KEY, NOT_UTF8, Span, TOML_SYNTAX};

/// Rule files are some ten kilobytes; what is larger than this is something else.
pub const MAX_BYTES: u64 = 1 << 20;

/// One rule file exactly as written.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFile {
    /// The text that every span points into: the file without its byte order mark, bytes that are not UTF-8
    /// replaced.
    pub text: String,
    /// What the file says.
    pub root: Table,
    /// What is wrong with its form; the values in `root` are complete only where this holds no error.
    pub problems: Vec<Diagnostic>,
}

impl RuleFile {
    /// Reads the bytes of a file: UTF-8, TOML, and only keys that rule files have, each with a value of its type.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse_text(text.to_owned()),
            Err(error) => {
                let start = error.valid_up_to();
                let text = String::from_utf8_lossy(bytes).into_owned();
                let span = Span::new(start, start + char::REPLACEMENT_CHARACTER.len_utf8());
                let problem = Diagnostic::error(NOT_UTF8, span, "the file is not UTF-8 text")
                    .label("this byte is not part of any character")
                    .hint("save the file as UTF-8");
                Self { text, root: Table::default(), problems: vec![problem] }
            }
        }
    }

    fn parse_text(text: String) -> Self {
        let (parsed, errors) = DeTable::parse_recoverable(&text);
        let mut problems: Vec<_> = errors.iter().map(|error| syntax_problem(error, &text)).collect();
        let broken_lines: Vec<_> =
            problems.iter().map(|problem| line_of(&text, problem.span.start)).collect();
        let mut found = Vec::new();
        let root = tree::from_parsed(parsed.get_ref(), Span::default(), &mut found);
        form::check(&root, &mut found);
        // Where the text is broken, a key is not known to be missing, and its neighbours on the line are guesses.
        found.retain(|problem| {
            broken_lines.is_empty()
                || (problem.code != MISSING_KEY
                    && !broken_lines.contains(&line_of(&text, problem.span.start)))
        });
        problems.extend(found);
        Self { text, root, problems }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

fn syntax_problem(error: &toml::de::Error, text: &str) -> Diagnostic {
    let range = error.span().unwrap_or(text.len()..text.len());
    let problem =
        Diagnostic::error(TOML_SYNTAX, Span::new(range.start, range.end), error.message().to_owned());
    match syntax_hint(error.message()) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// The usual slip behind a message of the TOML parser.
fn syntax_hint(message: &str) -> Option<&'static str> {
    let hints = [
        ("duplicate key", "a key or table stands once; of `[[…]]` there may be several"),
        ("string values must be quoted", "put text in quotes: `severity = \"high\"`"),
        ("invalid multi-line", "a text over several lines begins and ends with `'''` or `\"\"\"`"),
        ("invalid basic string", "text ends with the quote it began with, on the same line"),
        ("invalid literal string", "text ends with the quote it began with, on the same line"),
        ("escape", "write `\\\\` for a backslash, or put the text in single quotes, which have no escapes"),
        ("unclosed array", "a list ends with `]`"),
        ("unclosed table", "a table header ends with `]`"),
        ("unclosed inline table", "an inline table ends with `}`"),
        ("key with no value", "a key is followed by `=` and a value"),
        ("missing value", "a key is followed by `=` and a value"),
    ];
    hints.iter().find(|(part, _)| message.contains(part)).map(|(_, hint)| *hint)
}

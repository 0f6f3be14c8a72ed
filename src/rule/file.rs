//! A rule file as it was written: bytes in, text and spanned values out, every problem of its form with them.

use toml::de::DeTable;

use super::form;
use super::syntax::SyntaxProblems;
use super::tree::{self, Table};
use crate::diagnostic::{Diagnostic, NOT_UTF8, Span};

/// Rule files are some ten kilobytes; what is larger than this is something else.
pub const MAX_BYTES: u64 = 1 << 20;

/// What compares a file with the keys that it may have.
type FormCheck = fn(&Table, &mut Vec<Diagnostic>);

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
        Self::parse_with(bytes, form::check)
    }

    /// Reads the bytes of a file that only declares what is expected.
    pub(super) fn parse_expected(bytes: &[u8]) -> Self {
        Self::parse_with(bytes, form::check_expected)
    }

    fn parse_with(bytes: &[u8], check: FormCheck) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse_text(text.to_owned(), check),
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

    fn parse_text(text: String, check: FormCheck) -> Self {
        let (parsed, errors) = DeTable::parse_recoverable(&text);
        let mut syntax = SyntaxProblems::new(&text, &errors);
        let mut found = Vec::new();
        let root = tree::from_parsed(parsed.get_ref(), &text, &mut found);
        check(&root, &mut found);
        found.retain(|problem| syntax.leaves_certain(problem));
        let mut problems = std::mem::take(&mut syntax.problems);
        problems.extend(found);
        Self { text, root, problems }
    }
}

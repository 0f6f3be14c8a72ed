//! What the TOML parser complains about, in words for someone who never read TOML's grammar.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, MISSING_KEY, Span, TOML_SYNTAX};

/// The places where a text is not TOML, without those that only follow from an earlier one.
pub(super) struct SyntaxProblems {
    pub(super) problems: Vec<Diagnostic>,
    lines: Lines,
    broken: BTreeSet<usize>,
    broken_header: bool,
}

impl SyntaxProblems {
    /// Puts the parser's errors on `text` into words.
    pub(super) fn new(text: &str, errors: &[toml::de::Error]) -> Self {
        let (lines, broken) = (Lines::new(text), BTreeSet::new());
        let mut found = Self { problems: Vec::new(), lines, broken, broken_header: false };
        let mut first_of_line: Option<(usize, &str)> = None;
        let mut doubled_headers = BTreeSet::new();
        let place = |error: &toml::de::Error| error.span().unwrap_or(text.len()..text.len());
        let mut errors: Vec<_> = errors.iter().map(|error| (place(error), error)).collect();
        errors.sort_by_key(|(range, _)| range.start);
        for (range, error) in errors.into_iter().take(MOST) {
            let line = found.lines.of(range.start);
            let doubled = error.message() == DUPLICATE_KEY;
            // The keys below a header that stands twice stand twice as well, and what follows an error of
            // another kind on its line is that error once more.
            let follows = if found.lines.is_header(line) {
                doubled && !doubled_headers.insert(line)
            } else {
                doubled && found.lines.header_above(line).is_some_and(|line| doubled_headers.contains(&line))
            };
            let echo = first_of_line.is_some_and(|(at, first)| at == line && is_echo(first, error.message()));
            found.broken.insert(line);
            found.broken_header |= found.lines.is_header(line);
            if !follows && !echo {
                first_of_line = Some((line, error.message()));
                found.problems.push(in_words(error.message(), Span::new(range.start, range.end), text));
            }
        }
        found
    }

    /// Whether a problem of the values says something although the text is broken: no key is known to be missing,
    /// the rest of a broken line is a guess, and below a broken header nothing is known to be in its table.
    pub(super) fn leaves_certain(&self, problem: &Diagnostic) -> bool {
        self.broken.is_empty()
            || (problem.code != MISSING_KEY
                && !self.broken.contains(&self.lines.of(problem.span.start))
                && !self.broken_header)
    }
}

/// A text with more errors than this is not TOML at all, and the rest says nothing new.
const MOST: usize = 200;

const DUPLICATE_KEY: &str = "duplicate key";
const BARE_WORD: &str = "string values must be quoted";
const UNKNOWN_ESCAPE: &str = "missing escaped value";
const QUOTES: &str = "put text in quotes, as in `severity = \"high\"`";

/// Whether the second error on a line only says the first once more; two unknown escapes are two slips.
fn is_echo(first: &str, second: &str) -> bool {
    first != second || !second.starts_with(UNKNOWN_ESCAPE)
}

fn in_words(message: &str, span: Span, text: &str) -> Diagnostic {
    if let Some(word) = bare_value(text, span.start).filter(|_| is_about_bare_word(message)) {
        let words = format!("expected a value, found the bare word `{}`", &text[word.start..word.end]);
        return Diagnostic::error(TOML_SYNTAX, word, words).hint(QUOTES);
    }
    let source = text.get(span.start..span.end).unwrap_or_default();
    let nothing = source.is_empty() && message.starts_with(BARE_WORD);
    let words = match message {
        DUPLICATE_KEY => format!("`{source}` stands here twice"),
        _ if nothing => "a value is missing after `=`".to_owned(),
        _ if message.starts_with(BARE_WORD) => format!("expected a value, found the bare word `{source}`"),
        _ => message.to_owned(),
    };
    let problem = Diagnostic::error(TOML_SYNTAX, span, words);
    let line = text.get(..span.start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
    let next = text.get(span.start..).and_then(|rest| rest.chars().next());
    let hint = match next {
        _ if next == Some(':') || (line.contains(':') && !line.contains('=')) => {
            Some("a key and its value are joined by `=`, as in `name = \"a title\"`")
        }
        Some('{') if span.start == 0 => Some("rule files are TOML, not JSON"),
        _ if nothing => None,
        _ => HINTS.iter().find(|(part, _)| message.contains(part)).map(|(_, hint)| *hint),
    };
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// Whether the parser took a bare word for one of the values that stand without quotes.
fn is_about_bare_word(message: &str) -> bool {
    let kinds = [
        "binary number",
        "boolean",
        "date-time",
        "float",
        "hexadecimal number",
        "integer number",
        "octal number",
    ];
    let taken_for = message.strip_prefix("invalid ");
    message.starts_with(BARE_WORD)
        || taken_for.is_some_and(|rest| kinds.iter().any(|kind| rest.starts_with(kind)))
}

/// The whole value that an error at `offset` lies in, where it is one word or more without quotes or brackets.
fn bare_value(text: &str, offset: usize) -> Option<Span> {
    let (before, after) = text.split_at_checked(offset)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = offset + after.find(['\n', '\r']).unwrap_or(after.len());
    let value = start + before[start..].find('=')? + 1;
    let written = text[value..end].split(" #").next().unwrap_or_default();
    let word = written.trim();
    if word.is_empty() || word.contains(['"', '\'', '[', ']', '{', '}', '=']) {
        return None;
    }
    let first = value + (written.len() - written.trim_start().len());
    Some(Span::new(first, first + word.len()))
}

/// The usual slip behind a message of the parser.
const HINTS: [(&str, &str); 13] = [
    (
        DUPLICATE_KEY,
        "leave one of the two out; only tables with a header in double brackets, `[[…]]`, repeat",
    ),
    (BARE_WORD, QUOTES),
    ("invalid multi-line", "a text over several lines begins and ends with `'''` or `\"\"\"`"),
    (
        "expected non-double-quote visible characters",
        "no control characters in text; write `\\n`, `\\t`, `\\u0000`",
    ),
    ("invalid basic string", "text ends with the quote it began with, on the same line"),
    ("invalid literal string", "text ends with the quote it began with, on the same line"),
    ("escape", "write `\\\\` for a backslash, or put the text in single quotes, which have no escapes"),
    ("unclosed array table", "this header ends with `]]`"),
    ("unclosed array", "a list ends with `]`"),
    ("unclosed table", "a header ends with `]`"),
    ("unclosed inline table", "an inline table ends with `}`"),
    ("missing comma", "put a comma between the two"),
    ("key with no value", "a key is followed by `=` and a value"),
];

/// The lines of a text.
struct Lines {
    starts: Vec<usize>,
    /// Numbers of the lines that look like table headers.
    headers: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let mut lines = Self { starts: Vec::new(), headers: Vec::new() };
        let mut start = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            lines.starts.push(start);
            start += line.len();
            if line.trim_start_matches([' ', '\t']).starts_with('[') {
                lines.headers.push(number);
            }
        }
        lines
    }

    /// The number of the line that holds `offset`, from 0.
    fn of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    fn is_header(&self, line: usize) -> bool {
        self.headers.binary_search(&line).is_ok()
    }

    fn header_above(&self, line: usize) -> Option<usize> {
        let above = self.headers.partition_point(|header| *header < line);
        self.headers[..above].last().copied()
    }
}

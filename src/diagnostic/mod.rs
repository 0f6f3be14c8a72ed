//! Problems of a text (a rule file, a query): collected, numbered, shown with their source line.

mod codes;
mod count;
mod render;

pub use codes::*;
pub use count::{counted, plural};
pub use render::{render, sanitize};

/// A byte range of a source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to `end`, in bytes.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The same range in a text that holds this one at `offset`.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        Self::new(self.start + offset, self.end + offset)
    }
}

/// Something of a text together with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<T> {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub node: T,
}

impl<T> Node<T> {
    /// Joins a value and its place.
    pub fn new(span: Span, node: T) -> Self {
        Self { span, node }
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing can run.
    Error,
    /// It runs, and the reader should know.
    Warning,
}

/// A kind of problem; its number is never given to another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The number as shown, such as `E101`.
    pub id: &'static str,
    /// What the kind is, in a few words.
    pub title: &'static str,
}

/// One problem: what was found where, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// The kind.
    pub code: Code,
    /// Whether it stops the text from being used.
    pub severity: Severity,
    /// The whole sentence: lower case, no full stop, values in backticks.
    pub message: String,
    /// Where in the text.
    pub span: Span,
    /// Words put right under the place; may be empty.
    pub label: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        let (message, label, hint) = (message.into(), String::new(), None);
        Self { code, severity: Severity::Error, message, span, label, hint }
    }

    /// A warning at `span`.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Adds the words that stand under the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem in a text that holds this one's text at `offset`.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.shifted(offset);
        self
    }

    /// Whether it stops the text from being used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

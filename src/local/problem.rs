//! What could not be read: where, why, and how it looks.

use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::sanitize;

/// What kind of thing went wrong while reading events from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// A part of the file is not JSON.
    NotJson,
    /// JSON, but not an object with fields.
    NotAnObject,
    /// A document longer than the limit.
    TooLong,
    /// The file ends inside a document: cut off, or still being written.
    Unfinished,
    /// A file or folder that cannot be opened or read to its end (damaged compression too).
    Unreadable,
    /// A file that holds no JSON text at all (an archive, UTF-16, a device).
    Unsupported,
}

/// One thing that could not be read; everything else in the file was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadProblem {
    /// The file or folder; `-` for standard input.
    pub path: PathBuf,
    /// The line it begins on, counted from 1; 0 where it concerns the whole file.
    pub line: u64,
    /// Its number in its list or on its line, where the line alone does not name it.
    pub record: Option<u64>,
    /// The kind.
    pub kind: ProblemKind,
    /// What was expected and what was found: lower case, no full stop.
    pub reason: String,
    /// How the broken part begins, with control characters escaped; may be empty.
    pub excerpt: String,
}

impl ReadProblem {
    /// A problem of the whole file or folder `path`.
    pub(super) fn of_file(path: impl Into<PathBuf>, kind: ProblemKind, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.into(), sanitize(&reason.into()));
        Self { path, line: 0, record: None, kind, reason, excerpt: String::new() }
    }
}

impl fmt::Display for ReadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", sanitize(&self.path.display().to_string()))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if let Some(record) = self.record {
            write!(f, " (record {record})")?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.excerpt.is_empty() {
            write!(f, ": `{}`", self.excerpt)?;
        }
        Ok(())
    }
}

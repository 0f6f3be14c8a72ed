//! The problems of rule files, as one text for the person who wrote them.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::diagnostic::{self, Diagnostic, counted};

/// So many problems of one text are shown; a file with more is best fixed from the top.
const SHOWN: usize = 50;

/// The problems of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where the text came from, such as a path.
    pub origin: String,
    /// The part of it that `text` is, such as `query`; nothing for the whole.
    pub part: Option<&'static str>,
    /// The text that the problems' spans point into; empty where it could not be read.
    pub text: String,
    /// The problems, in the order of the text.
    pub problems: Vec<Diagnostic>,
}

impl Report {
    /// A report on the whole of `origin`.
    #[must_use]
    pub fn new(origin: &str, text: &str, problems: Vec<Diagnostic>) -> Self {
        Self { origin: origin.to_owned(), part: None, text: text.to_owned(), problems }
    }

    /// How many of the problems are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }

    /// How many of the problems are warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.problems.len() - self.errors()
    }

    /// Puts the problems into the order of the text, and leaves out repetitions.
    pub(super) fn sort(&mut self) {
        self.problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        self.problems.dedup();
    }

    /// Each problem with its source line, separated by empty lines; `color` adds terminal styles.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let origin = match self.part {
            Some(part) => format!("{} ({part})", diagnostic::sanitize(&self.origin)),
            None => diagnostic::sanitize(&self.origin),
        };
        let shown = self.problems.iter().take(SHOWN);
        let mut parts: Vec<_> =
            shown.map(|problem| diagnostic::render(problem, &origin, &self.text, color)).collect();
        if self.problems.len() > SHOWN {
            parts.push(format!("… and {} more in {origin}", self.problems.len() - SHOWN));
        }
        parts.join("\n\n")
    }
}

/// Why rules cannot run: every problem of every file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct RuleErrors {
    /// One report a text that has problems; at least one holds an error.
    pub reports: Vec<Report>,
}

impl RuleErrors {
    /// Every problem, and a closing line that counts them; `color` adds terminal styles.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut text = render_all(&self.reports, color);
        let files: BTreeSet<_> = self.reports.iter().map(|report| report.origin.as_str()).collect();
        let errors: usize = self.reports.iter().map(Report::errors).sum();
        let warnings: usize = self.reports.iter().map(Report::warnings).sum();
        let _ = write!(text, "\n\n{}", counted(errors as u64, "problem"));
        if warnings > 0 {
            let _ = write!(text, " and {}", counted(warnings as u64, "warning"));
        }
        let _ = write!(text, " in {}", counted(files.len() as u64, "file"));
        text
    }
}

/// Every problem of every report, separated by empty lines.
#[must_use]
pub fn render_all(reports: &[Report], color: bool) -> String {
    reports.iter().map(|report| report.render(color)).collect::<Vec<_>>().join("\n\n")
}

//! Lucene's regular expressions over whole texts, all of their syntax: matched in time linear in the text.
//!
//! A pattern becomes a deterministic automaton once; one that would become too large is refused, as Elasticsearch does.

mod characters;
mod class;
mod dfa;
mod interval;
mod java;
mod nfa;
mod syntax;

use std::sync::Arc;

use thiserror::Error;

use dfa::Dfa;
use nfa::{Budget, Nfa};
use syntax::Syntax;

/// The most characters that Elasticsearch takes in a regular expression unless told otherwise
/// (`index.max_regex_length`), counted as Java does.
pub const MAX_REGEX: usize = 1000;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegexError {
    /// It is no regular expression.
    #[error("{reason}, at character {at}")]
    Syntax {
        /// The place, counted in characters from 1.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It is longer than Elasticsearch takes.
    #[error("it has {0} characters, and Elasticsearch takes {MAX_REGEX} at most")]
    TooLong(usize),
    /// It is one, but of a form that is not supported.
    #[error("{what} is not supported yet, at character {at}")]
    Unsupported {
        /// The place, counted in characters from 1.
        at: usize,
        /// The form.
        what: String,
    },
    /// Its automaton would be too large.
    #[error("it would need too large an automaton")]
    TooComplex,
}

/// A compiled regular expression; a clone shares the automaton.
#[derive(Debug, Clone)]
pub struct Regex {
    pattern: String,
    ignore_case: bool,
    automaton: Arc<Dfa>,
}

impl Regex {
    /// Compiles a pattern as Elasticsearch's `regexp` query reads it with all flags: `. ? + * {} | () [] ~ & @ # <> ""`,
    /// `\d \w \s`, while `^` and `$` stand for themselves. ASCII case is ignored where asked, but not in ranges.
    ///
    /// # Errors
    /// What Elasticsearch would not take either: wrong syntax, too long a pattern, too large an automaton.
    pub fn new(pattern: &str, ignore_case: bool) -> Result<Self, RegexError> {
        let length = pattern.encode_utf16().count();
        if length > MAX_REGEX {
            return Err(RegexError::TooLong(length));
        }
        Self::compiled(pattern, ignore_case, &syntax::parse(pattern, ignore_case)?)
    }

    /// Compiles a pattern as Java reads it, for whole texts; ASCII case is ignored where asked, in ranges too.
    ///
    /// # Errors
    /// Wrong syntax, a form that is not supported, or too large an automaton.
    pub fn java(pattern: &str, ignore_case: bool) -> Result<Self, RegexError> {
        Self::compiled(pattern, ignore_case, &java::parse(pattern, ignore_case)?)
    }

    fn compiled(pattern: &str, ignore_case: bool, syntax: &Syntax) -> Result<Self, RegexError> {
        let mut budget = Budget::new();
        let automaton = Dfa::new(&Nfa::new(syntax, &mut budget)?, &mut budget)?;
        Ok(Self { pattern: pattern.to_owned(), ignore_case, automaton: Arc::new(automaton) })
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether ASCII case is ignored.
    #[must_use]
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.automaton.matches(text)
    }

    /// Whether every text matches.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.automaton.accepts_all()
    }

    /// Whether no text matches: what tests hold such a pattern's meaning against.
    #[must_use]
    pub fn matches_none(&self) -> bool {
        self.automaton.accepts_none()
    }

    /// The one text that matches, where there is but one.
    #[must_use]
    pub fn only_text(&self) -> Option<String> {
        self.automaton.only_text()
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, self.ignore_case) == (&other.pattern, other.ignore_case)
    }
}

#[cfg(test)]
mod tests;

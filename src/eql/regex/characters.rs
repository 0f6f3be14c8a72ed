//! The characters of a pattern, and how far they have been read.

use super::RegexError;

/// A pattern while it is read.
pub(super) struct Characters<'p> {
    pub(super) all: &'p [char],
    /// The place of the next one, from 0.
    pub(super) at: usize,
}

impl<'p> Characters<'p> {
    pub(super) fn new(all: &'p [char]) -> Self {
        Self { all, at: 0 }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at == self.all.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.all.get(self.at).copied()
    }

    /// Takes the next one if it is this one.
    pub(super) fn eat(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        self.at += usize::from(found);
        found
    }

    pub(super) fn next(&mut self) -> Result<char, RegexError> {
        let next = self.peek().ok_or_else(|| self.wrong("expected a character, found the end"))?;
        self.at += 1;
        Ok(next)
    }

    /// Takes the digits that follow.
    pub(super) fn digits(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|next| next.is_ascii_digit()) {
            self.at += 1;
        }
        self.all[start..self.at].iter().collect()
    }

    /// What is wrong with the pattern here.
    pub(super) fn wrong(&self, reason: &str) -> RegexError {
        RegexError::Syntax { at: self.at + 1, reason: reason.to_owned() }
    }
}

//! What is looked for in files, and what is found.

use std::path::Path;
use std::sync::Arc;

use super::files::Located;
use super::glance::Wanted;
use super::problem::ReadProblem;
use super::shape::Shaped;
use super::sieve::Sieve;
use super::turn::LONG;
use crate::event::{Event, Needles};

type Judge = dyn Fn(&Event) -> Vec<usize> + Send + Sync;
type MayMatch = dyn Fn(&Event) -> bool + Send + Sync;
type IsTelling = dyn Fn(usize, &str) -> bool + Send + Sync;

/// Rules to be tried on every event, and what their matches must hold.
pub struct Search {
    pub(super) sieve: Sieve,
    judge: Box<Judge>,
    telling: Option<(Wanted, Box<IsTelling>)>,
    glance: Option<(Wanted, Box<MayMatch>)>,
}

impl Search {
    /// Looks for events that `judge` names rules for (by number, in any order).
    ///
    /// A rule with `needles` matches only events that hold them, and others may never be given to `judge`.
    #[must_use]
    pub fn new<'n>(
        needles: impl IntoIterator<Item = &'n Needles>,
        judge: impl Fn(&Event) -> Vec<usize> + Send + Sync + 'static,
    ) -> Self {
        let needles: Vec<&Needles> = needles.into_iter().collect();
        Self { sieve: Sieve::new(&needles), judge: Box::new(judge), telling: None, glance: None }
    }

    /// Gives every event to `judge`.
    #[must_use]
    pub fn of_all(judge: impl Fn(&Event) -> Vec<usize> + Send + Sync + 'static) -> Self {
        Self::new([&Needles::default()], judge)
    }

    /// Looks at the texts in `fields` of a document first (a boolean's word is one), and reads it on only where
    /// `is_telling` holds for one of them and its field's number.
    ///
    /// Where it holds for none, `judge` must name no rule.
    #[must_use]
    pub fn telling<'f>(
        self,
        fields: impl IntoIterator<Item = &'f str>,
        is_telling: impl Fn(usize, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { telling: Some((Wanted::new(fields), Box::new(is_telling))), ..self }
    }

    /// Looks at `fields` of a document before it is read whole, which it is only where `may_match` holds for an event
    /// of what they hold.
    ///
    /// Where it does not, `judge` must name no rule for the whole.
    #[must_use]
    pub fn glancing<'f>(
        self,
        fields: impl IntoIterator<Item = &'f str>,
        may_match: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { glance: Some((Wanted::new(fields), Box::new(may_match))), ..self }
    }

    /// Whether a look at the document `text`, found in a file of that name, shows that no rule matches it.
    pub(super) fn sees_through(&self, text: &[u8], path: &str) -> bool {
        if let Some((wanted, is_telling)) = &self.telling {
            match wanted.any_text(text, &mut |field, text| is_telling(field, text)) {
                Some(true) => {}
                Some(false) => return true,
                // What cannot be read in part is read whole.
                None => return false,
            }
        }
        let Some((wanted, may_match)) = &self.glance else { return false };
        wanted
            .part_of(text)
            .is_some_and(|source| !may_match(&Event { index: path.to_owned(), source, ..Event::default() }))
    }

    pub(super) fn judge(&self, event: &Event) -> Vec<usize> {
        (self.judge)(event)
    }
}

/// An event that rules match.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The event and its place.
    pub located: Located,
    /// The numbers of the rules.
    pub rules: Vec<usize>,
}

/// What a search has gone over so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Events that were read and tried.
    pub events: u64,
    /// Documents that can match no rule, whatever they are, and were not read: one a line, or one of a list.
    pub passed_over: u64,
}

impl Tally {
    /// Adds what was gone over elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.passed_over += other.passed_over;
    }
}

/// What one stretch of a file holds; lines are counted from its beginning.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub found: Vec<Found>,
    pub tally: Tally,
    /// Bytes of text gone over.
    pub bytes: u64,
}

impl Batch {
    /// Whether it tells nothing.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.tally == Tally::default() && self.bytes == 0
    }
}

#[derive(Debug)]
pub(super) enum Found {
    Match {
        shaped: Shaped,
        line: u64,
        rules: Vec<usize>,
        /// Bytes of the text that holds it.
        bytes: usize,
    },
    Problem(ReadProblem),
}

impl Found {
    /// Bytes of the text that it keeps in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Match { bytes, .. } => *bytes,
            Self::Problem(_) => 0,
        }
    }

    /// Whether it is part of a long document.
    pub fn is_long(&self) -> bool {
        self.bytes() >= LONG
    }

    /// What it is in a file that has `before` lines before the stretch.
    pub fn settled(self, path: &Arc<Path>, before: u64) -> Result<Hit, ReadProblem> {
        match self {
            Self::Match { shaped, line, rules, bytes: _ } => {
                Ok(Hit { located: shaped.located(path, line + before), rules })
            }
            Self::Problem(problem) if problem.line == 0 => Err(problem),
            Self::Problem(problem) => Err(ReadProblem { line: problem.line + before, ..problem }),
        }
    }
}

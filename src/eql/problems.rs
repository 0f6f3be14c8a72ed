//! The problems of one text, up to a number that a person still reads.

use crate::diagnostic::{Diagnostic, Span};

/// How many problems of one query are kept; garbage would give one for every few bytes.
pub(super) const LIMIT: usize = 40;

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Diagnostic>);

impl Problems {
    /// Keeps the problem, unless there are many already.
    pub fn push(&mut self, problem: Diagnostic) {
        if self.0.len() < LIMIT {
            self.0.push(problem);
        }
    }

    /// Keeps the problems that lie where no problem is yet: what follows from another one is no news.
    pub fn add_others(&mut self, others: Vec<Diagnostic>) {
        let known: Vec<Span> = self.0.iter().map(|problem| problem.span).collect();
        let is_news = |problem: &Diagnostic| {
            known.iter().all(|span| problem.span.end <= span.start || span.end <= problem.span.start)
        };
        others.into_iter().filter(is_news).for_each(|problem| self.push(problem));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether no more are kept.
    pub fn is_full(&self) -> bool {
        self.0.len() >= LIMIT
    }

    /// All of them, in order of their place.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort_by_key(|problem| problem.span.start);
        self.0
    }
}

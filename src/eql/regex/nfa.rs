//! A regular expression as a nondeterministic automaton.

use std::collections::HashMap;

use super::RegexError;
use super::class::Class;
use super::dfa::Dfa;
use super::syntax::Syntax;

/// How much one pattern may cost, in all its parts together.
///
/// Elasticsearch gives up on an automaton at about the same size (10,000 states, or an effort of ten times as much).
#[derive(Debug)]
pub(super) struct Budget {
    states: usize,
    effort: usize,
    steps: usize,
}

impl Budget {
    pub fn new() -> Self {
        Self { states: 200_000, effort: 100_000, steps: 20_000_000 }
    }

    fn take(left: &mut usize, count: usize) -> Result<(), RegexError> {
        *left = left.checked_sub(count).ok_or(RegexError::TooComplex)?;
        Ok(())
    }

    /// One state that was made.
    pub fn state(&mut self) -> Result<(), RegexError> {
        Self::take(&mut self.states, 1)
    }

    /// A state of the deterministic automaton that stands for so many others.
    pub fn effort(&mut self, count: usize) -> Result<(), RegexError> {
        Self::take(&mut self.effort, count)
    }

    /// Work that leaves nothing behind.
    pub fn steps(&mut self, count: usize) -> Result<(), RegexError> {
        Self::take(&mut self.steps, count)
    }
}

/// An edge that takes one character.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub from: u32,
    pub to: u32,
    pub target: usize,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Over a character of that range.
    pub edges: Vec<Edge>,
    /// Without a character.
    pub free: Vec<usize>,
}

/// States, the first of which begins; a text is accepted that leads to `end`.
#[derive(Debug)]
pub(super) struct Nfa {
    pub states: Vec<State>,
    pub end: usize,
}

impl Nfa {
    /// The automaton of an expression.
    ///
    /// # Errors
    /// Where it costs too much.
    pub fn new(syntax: &Syntax, budget: &mut Budget) -> Result<Self, RegexError> {
        let mut nfa = Self { states: Vec::new(), end: 0 };
        let start = nfa.state(budget)?;
        nfa.end = nfa.add(syntax, start, budget)?;
        Ok(nfa)
    }

    fn state(&mut self, budget: &mut Budget) -> Result<usize, RegexError> {
        budget.state()?;
        self.states.push(State::default());
        Ok(self.states.len() - 1)
    }

    fn free(&mut self, from: usize, to: usize) {
        self.states[from].free.push(to);
    }

    /// Adds `syntax` after the state `from`, and returns the state in which it ends.
    fn add(&mut self, syntax: &Syntax, from: usize, budget: &mut Budget) -> Result<usize, RegexError> {
        budget.steps(1)?;
        match syntax {
            Syntax::Nothing => self.state(budget),
            Syntax::Literal(text) => {
                text.iter().try_fold(from, |from, class| self.one_of(class, from, budget))
            }
            Syntax::Class(class) => self.one_of(class, from, budget),
            Syntax::Concat(items) => items.iter().try_fold(from, |from, item| self.add(item, from, budget)),
            Syntax::Union(items) => {
                let end = self.state(budget)?;
                for item in items {
                    let start = self.state(budget)?;
                    self.free(from, start);
                    let last = self.add(item, start, budget)?;
                    self.free(last, end);
                }
                Ok(end)
            }
            Syntax::Both(both) => {
                let (left, right) = (Self::new(&both.0, budget)?, Self::new(&both.1, budget)?);
                self.product(&left, &right, from, budget)
            }
            Syntax::Repeat { inner, least, most } => self.repeat(inner, *least, *most, from, budget),
            Syntax::Complement(inner) => {
                let dfa = Dfa::new(&Self::new(inner, budget)?, budget)?;
                self.every_other(&dfa, from, budget)
            }
        }
    }

    fn one_of(&mut self, class: &Class, from: usize, budget: &mut Budget) -> Result<usize, RegexError> {
        let target = self.state(budget)?;
        budget.steps(class.ranges().len())?;
        let edges = class.ranges().iter().map(|&(from, to)| Edge { from, to, target });
        self.states[from].edges.extend(edges);
        Ok(target)
    }

    fn repeat(
        &mut self,
        inner: &Syntax,
        least: u32,
        most: Option<u32>,
        from: usize,
        budget: &mut Budget,
    ) -> Result<usize, RegexError> {
        let mut reached = from;
        for _ in 0..least {
            reached = self.add(inner, reached, budget)?;
        }
        let end = self.state(budget)?;
        if let Some(most) = most {
            for _ in least..most {
                self.free(reached, end);
                let start = self.state(budget)?;
                self.free(reached, start);
                reached = self.add(inner, start, budget)?;
            }
            self.free(reached, end);
        } else {
            let start = self.state(budget)?;
            let again = self.add(inner, start, budget)?;
            // Lucene repeats nothing even zero times if no text matches what is repeated.
            if self.reaches(start, again, budget)? {
                self.free(reached, start);
                self.free(start, end);
                self.free(again, start);
            }
        }
        Ok(end)
    }

    /// Whether some text leads from a state to another one, of those made since the first.
    fn reaches(&self, from: usize, to: usize, budget: &mut Budget) -> Result<bool, RegexError> {
        let mut seen = vec![false; self.states.len() - from];
        let mut open = vec![from];
        while let Some(state) = open.pop() {
            if state == to {
                return Ok(true);
            }
            if std::mem::replace(&mut seen[state - from], true) {
                continue;
            }
            let State { edges, free } = &self.states[state];
            budget.steps(edges.len() + free.len() + 1)?;
            open.extend(edges.iter().map(|edge| edge.target).chain(free.iter().copied()));
        }
        Ok(false)
    }

    /// Adds the texts that both automata accept: their pairs of states, as far as they are reached.
    fn product(
        &mut self,
        left: &Self,
        right: &Self,
        from: usize,
        budget: &mut Budget,
    ) -> Result<usize, RegexError> {
        let mut pairs = HashMap::from([((0, 0), from)]);
        let mut open = vec![(0, 0)];
        while let Some((one, two)) = open.pop() {
            let here = pairs[&(one, two)];
            let (left, right) = (&left.states[one], &right.states[two]);
            budget.steps(left.edges.len() * right.edges.len() + 1)?;
            let free = left.free.iter().map(|&one| (one, two));
            let free = free.chain(right.free.iter().map(|&two| (one, two)));
            for pair in free {
                let target = self.pair(pair, &mut pairs, &mut open, budget)?;
                self.free(here, target);
            }
            for (one, two) in left.edges.iter().flat_map(|one| right.edges.iter().map(move |two| (one, two)))
            {
                let (from, to) = (one.from.max(two.from), one.to.min(two.to));
                if from <= to {
                    let target = self.pair((one.target, two.target), &mut pairs, &mut open, budget)?;
                    self.states[here].edges.push(Edge { from, to, target });
                }
            }
        }
        match pairs.get(&(left.end, right.end)) {
            Some(end) => Ok(*end),
            None => self.state(budget),
        }
    }

    fn pair(
        &mut self,
        pair: (usize, usize),
        pairs: &mut HashMap<(usize, usize), usize>,
        open: &mut Vec<(usize, usize)>,
        budget: &mut Budget,
    ) -> Result<usize, RegexError> {
        if let Some(known) = pairs.get(&pair) {
            return Ok(*known);
        }
        let state = self.state(budget)?;
        pairs.insert(pair, state);
        open.push(pair);
        Ok(state)
    }

    /// Adds the texts that the automaton does not accept.
    fn every_other(&mut self, dfa: &Dfa, from: usize, budget: &mut Budget) -> Result<usize, RegexError> {
        let states: Vec<usize> = (0..dfa.len()).map(|_| self.state(budget)).collect::<Result<_, _>>()?;
        let (dead, end) = (self.state(budget)?, self.state(budget)?);
        self.free(dead, end);
        self.states[dead].edges.push(Edge { from: 0, to: super::class::LAST, target: dead });
        self.free(from, states.first().copied().unwrap_or(dead));
        for (number, &state) in states.iter().enumerate() {
            if !dfa.accepts(number) {
                self.free(state, end);
            }
            let edges = dfa.edges(number).map(|edge| Edge {
                target: edge.target.map_or(dead, |target| states[target]),
                from: edge.from,
                to: edge.to,
            });
            self.states[state].edges.extend(edges);
        }
        Ok(end)
    }
}

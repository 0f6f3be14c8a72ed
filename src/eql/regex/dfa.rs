//! A deterministic automaton: one step for each character, whatever the pattern.

use std::collections::{BTreeMap, HashMap};

use super::RegexError;
use super::class::LAST;
use super::nfa::{Budget, Nfa};

/// Characters up to `to`, from where the run before ends, lead to `target`, or nowhere.
#[derive(Debug, Clone, Copy)]
struct Run {
    to: u32,
    target: u32,
}

/// The target from which no text is accepted any more.
const NOWHERE: u32 = u32::MAX;

/// States, the first of which begins; each has runs that cover all characters.
#[derive(Debug)]
pub(super) struct Dfa {
    runs: Vec<Run>,
    /// Where the runs of each state end.
    ends: Vec<usize>,
    accepts: Vec<bool>,
}

/// An edge over the characters between `from` and `to`; no target where it leads nowhere.
#[derive(Debug)]
pub(super) struct Edge {
    pub from: u32,
    pub to: u32,
    pub target: Option<usize>,
}

impl Dfa {
    /// Makes an automaton deterministic: each state stands for all those that a text may lead to.
    ///
    /// # Errors
    /// Where it costs too much.
    pub fn new(nfa: &Nfa, budget: &mut Budget) -> Result<Self, RegexError> {
        let mut sets = Sets { nfa, numbers: HashMap::new(), seen: vec![0; nfa.states.len()], round: 0 };
        let mut open = vec![sets.closure([0].into_iter())];
        sets.numbers.insert(open[0].clone(), 0);
        let mut dfa = Self { runs: Vec::new(), ends: Vec::new(), accepts: Vec::new() };
        let mut at = 0;
        while at < open.len() {
            let set = std::mem::take(&mut open[at]);
            at += 1;
            budget.effort(set.len())?;
            dfa.accepts.push(set.binary_search(&nfa.end).is_ok());
            sets.runs(&set, &mut dfa.runs, &mut open, budget)?;
            dfa.ends.push(dfa.runs.len());
        }
        dfa.trim();
        Ok(dfa)
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.accepts.len()
    }

    /// Whether a text that leads to the state is accepted.
    pub fn accepts(&self, state: usize) -> bool {
        self.accepts.get(state).copied().unwrap_or(false)
    }

    fn runs_of(&self, state: usize) -> &[Run] {
        let start = state.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.runs[start..self.ends[state]]
    }

    /// The edges of a state, which cover all characters.
    pub fn edges(&self, state: usize) -> impl Iterator<Item = Edge> {
        let mut from = 0;
        self.runs_of(state).iter().map(move |run| {
            let edge =
                Edge { from, to: run.to, target: (run.target != NOWHERE).then_some(run.target as usize) };
            from = run.to + 1;
            edge
        })
    }

    /// Whether the whole of `text` is accepted.
    pub fn matches(&self, text: &str) -> bool {
        let mut state = 0;
        for character in text.chars() {
            let runs = self.runs_of(state);
            let at = runs.partition_point(|run| run.to < u32::from(character));
            match runs.get(at) {
                Some(run) if run.target != NOWHERE => state = run.target as usize,
                _ => return false,
            }
        }
        self.accepts(state)
    }

    /// Whether every text is accepted.
    pub fn accepts_all(&self) -> bool {
        self.accepts.iter().all(|&accepts| accepts) && self.runs.iter().all(|run| run.target != NOWHERE)
    }

    /// Whether no text is accepted.
    pub fn accepts_none(&self) -> bool {
        !self.accepts(0) && self.runs_of(0).iter().all(|run| run.target == NOWHERE)
    }

    /// The one text that is accepted, where there is but one.
    pub fn only_text(&self) -> Option<String> {
        let (mut state, mut text) = (0, String::new());
        loop {
            let mut live = self.edges(state).filter_map(|edge| Some((edge.from, edge.to, edge.target?)));
            let (next, further) = (live.next(), live.next());
            if self.accepts(state) {
                return next.is_none().then_some(text);
            }
            match (next, further) {
                (Some((from, to, target)), None) if from == to => {
                    text.push(char::from_u32(from)?);
                    state = target;
                }
                _ => return None,
            }
        }
    }

    /// Lets every edge lead nowhere from whose target no text is accepted.
    fn trim(&mut self) {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.len()];
        for state in 0..self.len() {
            for target in self.edges(state).filter_map(|edge| edge.target).collect::<Vec<_>>() {
                before[target].push(state);
            }
        }
        let mut live = self.accepts.clone();
        let mut open: Vec<usize> = (0..self.len()).filter(|&state| live[state]).collect();
        while let Some(state) = open.pop() {
            for &earlier in &before[state] {
                if !std::mem::replace(&mut live[earlier], true) {
                    open.push(earlier);
                }
            }
        }
        for run in &mut self.runs {
            if run.target != NOWHERE && !live[run.target as usize] {
                run.target = NOWHERE;
            }
        }
    }
}

/// The sets of states found so far.
struct Sets<'n> {
    nfa: &'n Nfa,
    numbers: HashMap<Vec<usize>, u32>,
    /// The round in which each state was seen last.
    seen: Vec<u32>,
    round: u32,
}

impl Sets<'_> {
    /// What is reached from `states` without a character, in order; only states that matter: with edges, or the end.
    fn closure(&mut self, states: impl Iterator<Item = usize>) -> Vec<usize> {
        self.round += 1;
        let mut open: Vec<usize> = states.collect();
        let mut found = Vec::new();
        while let Some(state) = open.pop() {
            if std::mem::replace(&mut self.seen[state], self.round) == self.round {
                continue;
            }
            if !self.nfa.states[state].edges.is_empty() || state == self.nfa.end {
                found.push(state);
            }
            open.extend(&self.nfa.states[state].free);
        }
        found.sort_unstable();
        found
    }

    /// Adds the runs of the state that stands for `set`; new sets go to `open`.
    fn runs(
        &mut self,
        set: &[usize],
        runs: &mut Vec<Run>,
        open: &mut Vec<Vec<usize>>,
        budget: &mut Budget,
    ) -> Result<(), RegexError> {
        let edges = || set.iter().flat_map(|&state| &self.nfa.states[state].edges);
        // Where a target begins or stops to be reached.
        let mut turns: Vec<(u32, bool, usize)> = edges()
            .flat_map(|edge| [(edge.from, true, edge.target), (edge.to + 1, false, edge.target)])
            .collect();
        turns.sort_unstable();
        let mut reached: BTreeMap<usize, usize> = BTreeMap::new();
        let mut turns = turns.into_iter().peekable();
        let first = runs.len();
        let mut from = 0;
        while from <= LAST {
            while let Some((_, begins, target)) = turns.next_if(|turn| turn.0 <= from) {
                let count = reached.entry(target).or_default();
                *count = if begins { *count + 1 } else { *count - 1 };
                if *count == 0 {
                    reached.remove(&target);
                }
            }
            let next = turns.peek().map_or(LAST + 1, |turn| turn.0);
            let target = self.number(&reached, open, budget)?;
            match runs.last_mut() {
                Some(run) if run.target == target && run.to + 1 == from && from > 0 => run.to = next - 1,
                _ => runs.push(Run { to: next - 1, target }),
            }
            from = next;
        }
        debug_assert!(runs.len() > first);
        Ok(())
    }

    /// The number of the state that stands for what is reached.
    fn number(
        &mut self,
        reached: &BTreeMap<usize, usize>,
        open: &mut Vec<Vec<usize>>,
        budget: &mut Budget,
    ) -> Result<u32, RegexError> {
        let set = self.closure(reached.keys().copied());
        budget.steps(reached.len() + set.len() + 1)?;
        if set.is_empty() {
            return Ok(NOWHERE);
        }
        if let Some(known) = self.numbers.get(&set) {
            return Ok(*known);
        }
        let number = u32::try_from(open.len()).map_err(|_| RegexError::TooComplex)?;
        open.push(set.clone());
        self.numbers.insert(set, number);
        Ok(number)
    }
}

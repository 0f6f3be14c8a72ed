//! One condition as a query, without a window of time: what a part of a larger question is asked with.

use super::lower::Lowering;
use super::{Blind, Fidelity, Input, Pushed, no_index_left};
use crate::diagnostic::{Diagnostic, Node};
use crate::eql::Condition;

/// A condition as a query, and where it cannot be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The query, which leaves the blind indices out, and how it relates to the condition.
    pub pushed: Pushed,
    /// The indices that cannot answer.
    pub blind: Vec<Blind>,
}

/// The query of `condition`, whose spans are those of the input's query; the input's times are not looked at.
///
/// # Errors
/// Every field that no index can answer, and every value that a field's type cannot read.
pub fn filter(input: &Input<'_>, condition: &Node<Condition>) -> Result<Filter, Vec<Diagnostic>> {
    let mut lowering = Lowering::new(input);
    let (query, rest) = lowering.whole(condition);
    let problems = no_index_left(input, &lowering);
    if !problems.is_empty() {
        return Err(problems);
    }
    let fidelity = if rest.is_some() { Fidelity::Superset } else { Fidelity::Exact };
    let query = lowering.without_blind(query).simplified();
    let blind = lowering.blind.into_iter().map(|(blind, _)| blind).collect();
    Ok(Filter { pushed: Pushed { query, fidelity }, blind })
}

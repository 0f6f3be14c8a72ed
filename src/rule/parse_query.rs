//! The query of a rule, read by the EQL parser.

use crate::diagnostic::{Diagnostic, EMPTY_QUERY, Span};
use crate::eql::Query;

/// Reads the text of a query.
///
/// # Errors
/// Every problem, with spans into `text`.
pub fn parse_query(text: &str) -> Result<Query, Vec<Diagnostic>> {
    if text.trim().is_empty() {
        let problem = Diagnostic::error(EMPTY_QUERY, Span::new(0, text.len()), "the query is empty");
        return Err(vec![problem.hint("every event: `any where true`")]);
    }
    let query = Query::parse(text)?;
    let pipes = query.refused_pipes();
    if pipes.is_empty() { Ok(query) } else { Err(pipes) }
}

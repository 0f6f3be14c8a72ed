//! Whether the text of a query can be a query.

use crate::diagnostic::{Diagnostic, EMPTY_QUERY, Span};

/// Checks the text of a query.
///
/// # Errors
/// Every problem, with spans into `text`.
pub fn check_query(text: &str) -> Result<(), Vec<Diagnostic>> {
    if text.trim().is_empty() {
        let problem = Diagnostic::error(EMPTY_QUERY, Span::new(0, text.len()), "the query is empty");
        return Err(vec![problem.hint("every event: `any where true`")]);
    }
    Ok(())
}

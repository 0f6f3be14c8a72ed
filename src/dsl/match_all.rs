//! `match_all` and `match_none`: every document, and no document.

use serde::Serialize;

/// Matches every document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchAll {}

/// Matches no document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchNone {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};

    #[test]
    fn have_empty_bodies() {
        assert_eq!(json(&Query::match_all()), json!({"match_all": {}}));
        assert_eq!(json(&Query::match_none()), json!({"match_none": {}}));
    }
}

//! `ids`: the documents with one of the given ids.

use serde::Serialize;

/// Document ids, in any order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ids {
    /// The ids.
    pub values: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};
    use super::Ids;

    #[test]
    fn lists_the_ids() {
        let query = Query::Ids(Ids { values: vec!["a".into(), "b".into()] });
        assert_eq!(json(&query), json!({"ids": {"values": ["a", "b"]}}));
    }
}

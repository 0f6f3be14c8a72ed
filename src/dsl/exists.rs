//! `exists`: the documents in which a field has a value that was indexed.

use serde::Serialize;

/// A field that has a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exists {
    /// The full name of the field.
    pub field: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};

    #[test]
    fn names_the_field() {
        assert_eq!(json(&Query::exists("user.id")), json!({"exists": {"field": "user.id"}}));
    }
}

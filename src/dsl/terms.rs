//! `terms`: the documents in which a value of a field equals one of several values.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// Several values; Elasticsearch takes 65,536 at most unless told otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The full name of the field.
    pub field: String,
    /// The values.
    pub values: Vec<Value>,
}

impl Serialize for Terms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::keyed(serializer, &self.field, &self.values)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};

    #[test]
    fn lists_the_values() {
        assert_eq!(json(&Query::terms("f", ["a", "b"])), json!({"terms": {"f": ["a", "b"]}}));
    }
}

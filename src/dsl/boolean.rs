//! `bool`: every `filter` matches, one `should` at least where there are any, and no `must_not`.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Query;

/// Clauses combined; without clauses it matches everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bool {
    /// All of these match.
    pub filter: Vec<Query>,
    /// Where there are any, one of these matches at least.
    pub should: Vec<Query>,
    /// None of these matches.
    pub must_not: Vec<Query>,
}

impl Serialize for Bool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.filter.is_empty() {
            map.serialize_entry("filter", &self.filter)?;
        }
        if !self.should.is_empty() {
            map.serialize_entry("should", &self.should)?;
            // Next to a filter, `should` is optional unless this is said.
            map.serialize_entry("minimum_should_match", &1)?;
        }
        if !self.must_not.is_empty() {
            map.serialize_entry("must_not", &self.must_not)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};
    use super::Bool;

    #[test]
    fn should_is_never_optional() {
        let query = Query::Bool(Bool {
            filter: vec![Query::match_all()],
            should: vec![Query::match_none()],
            must_not: Vec::new(),
        });
        assert_eq!(
            json(&query),
            json!({"bool": {
                "filter": [{"match_all": {}}],
                "should": [{"match_none": {}}],
                "minimum_should_match": 1
            }})
        );
    }
}

//! `regexp`: the documents in which a value matches a Lucene regular expression as a whole.

use serde::ser::{Serialize, Serializer};

/// A regular expression over whole values.
#[derive(Debug, Clone, PartialEq)]
pub struct Regexp {
    /// The full name of the field.
    pub field: String,
    /// The expression, with all of Lucene's optional operators.
    pub value: String,
    /// Whether ASCII letters match in either case.
    pub case_insensitive: bool,
}

impl Serialize for Regexp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, value, case_insensitive } = self;
        let body = super::TextBody { value, flags: Some("ALL"), case_insensitive: *case_insensitive };
        super::keyed(serializer, field, &body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};
    use super::Regexp;

    #[test]
    fn says_only_what_is_not_the_default() {
        let make = |case_insensitive| {
            json(&Query::Regexp(Regexp { field: "f".into(), value: "a.*".into(), case_insensitive }))
        };
        assert_eq!(make(false), json!({"regexp": {"f": {"value": "a.*", "flags": "ALL"}}}));
        assert_eq!(
            make(true),
            json!({"regexp": {"f": {"value": "a.*", "flags": "ALL", "case_insensitive": true}}})
        );
    }
}

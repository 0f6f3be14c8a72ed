//! `wildcard`: the documents in which a value matches a pattern as a whole.

use serde::ser::{Serialize, Serializer};

/// A pattern over whole values.
#[derive(Debug, Clone, PartialEq)]
pub struct Wildcard {
    /// The full name of the field.
    pub field: String,
    /// The pattern: `*` any run, `?` one character, `\` takes the next character literally.
    pub value: String,
    /// Whether ASCII letters match in either case.
    pub case_insensitive: bool,
}

impl Serialize for Wildcard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, value, case_insensitive } = self;
        let body = super::TextBody { value, flags: None, case_insensitive: *case_insensitive };
        super::keyed(serializer, field, &body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};
    use super::Wildcard;

    #[test]
    fn says_only_what_is_not_the_default() {
        let make = |case_insensitive| {
            json(&Query::Wildcard(Wildcard { field: "f".into(), value: "a*".into(), case_insensitive }))
        };
        assert_eq!(make(false), json!({"wildcard": {"f": {"value": "a*"}}}));
        assert_eq!(make(true), json!({"wildcard": {"f": {"value": "a*", "case_insensitive": true}}}));
    }
}

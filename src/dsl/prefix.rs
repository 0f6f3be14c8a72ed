//! `prefix`: the documents in which a value of a field begins with a text.

use serde::ser::{Serialize, Serializer};

/// The beginning of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefix {
    /// The full name of the field.
    pub field: String,
    /// The text, taken literally.
    pub value: String,
    /// Whether ASCII letters match in either case.
    pub case_insensitive: bool,
}

impl Serialize for Prefix {
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
    use super::Prefix;

    #[test]
    fn says_only_what_is_not_the_default() {
        let make = |case_insensitive| {
            json(&Query::Prefix(Prefix { field: "f".into(), value: "a*".into(), case_insensitive }))
        };
        assert_eq!(make(false), json!({"prefix": {"f": {"value": "a*"}}}));
        assert_eq!(make(true), json!({"prefix": {"f": {"value": "a*", "case_insensitive": true}}}));
    }
}

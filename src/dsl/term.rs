//! `term`: the documents in which a value of a field equals a value.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// One value, equal as the field's type understands it: an IP block on an `ip` field, a whole second on a date.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The full name of the field.
    pub field: String,
    /// The value.
    pub value: Value,
    /// Whether ASCII letters match in either case; only fields of strings allow it.
    pub case_insensitive: bool,
}

#[derive(serde::Serialize)]
struct Body<'a> {
    value: &'a Value,
    case_insensitive: bool,
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.case_insensitive {
            super::keyed(serializer, &self.field, &Body { value: &self.value, case_insensitive: true })
        } else {
            super::keyed(serializer, &self.field, &self.value)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};
    use super::Term;

    #[test]
    fn is_short_unless_case_is_ignored() {
        assert_eq!(json(&Query::term("f", 5)), json!({"term": {"f": 5}}));
        let query = Query::Term(Term { field: "f".into(), value: json!("x"), case_insensitive: true });
        assert_eq!(json(&query), json!({"term": {"f": {"value": "x", "case_insensitive": true}}}));
    }
}

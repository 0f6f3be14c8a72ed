//! Elasticsearch's Query DSL as a typed tree: one file a query kind, JSON out through serde.

mod boolean;
mod exists;
mod ids;
mod match_all;
mod prefix;
mod range;
mod regexp;
mod simplify;
mod term;
mod terms;
mod wildcard;

pub use boolean::Bool;
pub use exists::Exists;
pub use ids::Ids;
pub use match_all::{MatchAll, MatchNone};
pub use prefix::Prefix;
pub use range::Range;
pub use regexp::Regexp;
use serde::ser::{Serialize, SerializeMap, Serializer};
pub use term::Term;
pub use terms::Terms;
pub use wildcard::Wildcard;

/// One query, in filter context: it matches or not, and nothing is scored.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// Every clause of a kind, combined.
    Bool(Bool),
    /// The field has a value.
    Exists(Exists),
    /// The document has one of the ids.
    Ids(Ids),
    /// Every document.
    MatchAll(MatchAll),
    /// No document.
    MatchNone(MatchNone),
    /// A value begins with a text.
    Prefix(Prefix),
    /// A value lies between bounds.
    Range(Box<Range>),
    /// A value matches a Lucene regular expression as a whole.
    Regexp(Regexp),
    /// A value equals one value.
    Term(Term),
    /// A value equals one of several values.
    Terms(Terms),
    /// A value matches a pattern as a whole.
    Wildcard(Wildcard),
}

impl Query {
    /// Every document.
    #[must_use]
    pub fn match_all() -> Self {
        Self::MatchAll(MatchAll {})
    }

    /// No document.
    #[must_use]
    pub fn match_none() -> Self {
        Self::MatchNone(MatchNone {})
    }

    /// The documents that all of `queries` match.
    #[must_use]
    pub fn all_of(queries: Vec<Self>) -> Self {
        Self::Bool(Bool { filter: queries, ..Bool::default() })
    }

    /// The documents that any of `queries` matches; none where there are none.
    #[must_use]
    pub fn any_of(queries: Vec<Self>) -> Self {
        if queries.is_empty() {
            return Self::match_none();
        }
        Self::Bool(Bool { should: queries, ..Bool::default() })
    }

    /// The documents that `query` does not match.
    #[must_use]
    pub fn none_of(queries: Vec<Self>) -> Self {
        Self::Bool(Bool { must_not: queries, ..Bool::default() })
    }

    /// The documents in which `field` has a value.
    #[must_use]
    pub fn exists(field: impl Into<String>) -> Self {
        Self::Exists(Exists { field: field.into() })
    }

    /// The documents in which a value of `field` equals `value`.
    #[must_use]
    pub fn term(field: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        Self::Term(Term { field: field.into(), value: value.into(), case_insensitive: false })
    }

    /// The documents in which a value of `field` equals one of `values`.
    #[must_use]
    pub fn terms<V: Into<serde_json::Value>>(
        field: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::Terms(Terms { field: field.into(), values: values.into_iter().map(Into::into).collect() })
    }

    /// The documents in which a value lies within the bounds.
    #[must_use]
    pub fn range(range: Range) -> Self {
        Self::Range(Box::new(range))
    }

    /// The same query without the clauses that change nothing.
    #[must_use]
    pub fn simplified(self) -> Self {
        simplify::simplified(self)
    }
}

/// Writes `{field: body}`, the shape of every query of one field.
fn keyed<S: Serializer>(serializer: S, field: &str, body: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(field, body)?;
    map.end()
}

/// What the queries that compare a text with a field's values say of it.
#[derive(serde::Serialize)]
struct TextBody<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    case_insensitive: bool,
}

/// Whether a flag is left out of the JSON, being false as it is by default.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The JSON of a query, for the tests of its kinds.
#[cfg(test)]
fn json(query: &Query) -> serde_json::Value {
    serde_json::to_value(query).expect("a query is JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Query, json};

    #[test]
    fn combinators_make_bool_queries() {
        assert_eq!(
            json(&Query::all_of(vec![Query::exists("a")])),
            json!({"bool": {"filter": [{"exists": {"field": "a"}}]}})
        );
        assert_eq!(
            json(&Query::none_of(vec![Query::exists("a")])),
            json!({"bool": {"must_not": [{"exists": {"field": "a"}}]}})
        );
        assert_eq!(json(&Query::any_of(Vec::new())), json!({"match_none": {}}));
    }
}

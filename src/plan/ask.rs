//! One leaf as a query of one field that is mapped in one way.

use super::whole::{self, Place};
use crate::diagnostic::Node;
use crate::dsl::{Prefix, Query, Range, Regexp, Term, Wildcard};
use crate::eql::syntax::Comparison;
use crate::eql::{Leaf, Pattern, Regex, Value, has_wildcard};
use crate::eval::Kind;
use crate::schema::FieldType;

/// How a date constant is read, whatever format the field's mapping has.
const DATE_FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// As many values as Elasticsearch takes in one `terms` query.
const MAX_TERMS: usize = 65_536;

/// What a leaf becomes.
pub(super) enum Answer {
    /// This query matches the same documents.
    Exact(Query),
    /// Only that the field has a value can be asked, for this reason.
    Exists(&'static str),
}

/// What is asked, and of which field.
pub(super) struct Target<'a> {
    /// The name that answers exact queries.
    pub name: &'a str,
    /// How its values compare.
    pub kind: Kind,
    /// Its type.
    pub field_type: FieldType,
    /// Whether expensive queries are answered.
    pub allow_expensive: bool,
}

/// The query for a leaf of one field; its constants have been checked against the field's kind.
pub(super) fn ask(leaf: &Leaf, target: &Target<'_>) -> Answer {
    if let Some(reason) = unanswered(leaf, target) {
        return Answer::Exists(reason);
    }
    let name = target.name;
    Answer::Exact(match leaf {
        Leaf::Truth { .. } => Query::term(name, true),
        Leaf::IsNull { .. } => Query::none_of(vec![Query::exists(name)]),
        Leaf::Compare { operator: Comparison::Equal, value, .. } => {
            equal_to_any(target, std::iter::once(&value.node), false)
        }
        Leaf::Compare { operator, value, .. } => range(target, *operator, &value.node),
        Leaf::OneOf { values, ignore_case, .. } => {
            equal_to_any(target, values.iter().map(|value| &value.node), *ignore_case)
        }
        Leaf::Like { patterns, ignore_case: false, .. } if !patterns.iter().any(is_wild) => {
            one_of(name, patterns.iter().map(|pattern| pattern.node.as_str().into()).collect())
        }
        Leaf::Like { patterns, ignore_case, .. } => {
            Query::any_of(patterns.iter().map(|pattern| like(name, &pattern.node, *ignore_case)).collect())
        }
        Leaf::Regex { regex, .. } => regexp(name, &regex.node),
        Leaf::Prefix { prefix, .. } if prefix.node.is_empty() => Query::exists(name),
        Leaf::Prefix { prefix, ignore_case, .. } => {
            let (field, value) = (name.to_owned(), prefix.node.clone());
            Query::Prefix(Prefix { field, value, case_insensitive: *ignore_case })
        }
        Leaf::Lucene { pattern, ignore_case, .. } => {
            if Pattern::lucene(&pattern.node, *ignore_case).matches_all() {
                return Answer::Exact(Query::exists(name));
            }
            let (field, value) = (name.to_owned(), pattern.node.clone());
            Query::Wildcard(Wildcard { field, value, case_insensitive: *ignore_case })
        }
        Leaf::Cidr { blocks, .. } => Query::terms(name, blocks.iter().map(|block| block.node.0.as_str())),
        Leaf::Script(_) => return Answer::Exists("a script"),
    })
}

/// Why only `exists` can be asked, if so.
fn unanswered(leaf: &Leaf, target: &Target<'_>) -> Option<&'static str> {
    let is_pattern = match leaf {
        Leaf::Like { patterns, .. } => patterns.iter().any(is_wild),
        Leaf::Regex { regex, .. } => regex.node.only_text().is_none() && !regex.node.matches_all(),
        Leaf::Lucene { pattern, ignore_case, .. } => {
            !Pattern::lucene(&pattern.node, *ignore_case).matches_all()
        }
        Leaf::Prefix { prefix, .. } => !prefix.node.is_empty(),
        _ => false,
    };
    let is_order = matches!(leaf, Leaf::Compare { operator, .. } if *operator != Comparison::Equal)
        && matches!(target.kind, Kind::Text | Kind::Version);
    let ignores_case =
        matches!(leaf, Leaf::OneOf { ignore_case: true, .. } | Leaf::Like { ignore_case: true, .. });
    match target.field_type {
        FieldType::Flattened if is_pattern || is_order || ignores_case => {
            Some("a flattened field answers exact values only")
        }
        FieldType::ConstantKeyword if is_order => Some("a constant_keyword field answers no ranges"),
        _ if !target.allow_expensive && (is_pattern || is_order) => {
            Some("the cluster answers no expensive queries (`search.allow_expensive_queries`)")
        }
        _ => None,
    }
}

/// A value equals one of `values`.
fn equal_to_any<'v>(
    target: &Target<'_>,
    values: impl Iterator<Item = &'v Value>,
    ignore_case: bool,
) -> Query {
    if target.kind.is_date() {
        return Query::any_of(
            values.map(|value| date_range(target.name, Comparison::Equal, value)).collect(),
        );
    }
    if ignore_case {
        return Query::any_of(values.map(|value| term(target.name, &value.to_string(), true)).collect());
    }
    let can_be = |value: &&Value| whole::place(target.field_type, &number(value)) == Place::Within;
    one_of(target.name, values.filter(can_be).map(|value| constant(target, value)).collect())
}

fn one_of(name: &str, mut values: Vec<serde_json::Value>) -> Query {
    match values.len() {
        1 => values.pop().map_or_else(Query::match_none, |only| Query::term(name, only)),
        _ => {
            Query::any_of(values.chunks(MAX_TERMS).map(|chunk| Query::terms(name, chunk.to_vec())).collect())
        }
    }
}

fn is_wild(pattern: &Node<String>) -> bool {
    has_wildcard(&pattern.node)
}

fn regexp(name: &str, regex: &Regex) -> Query {
    if regex.matches_all() {
        return Query::exists(name);
    }
    match regex.only_text() {
        Some(text) => Query::term(name, text),
        None => Query::Regexp(Regexp {
            field: name.to_owned(),
            value: regex.pattern().to_owned(),
            case_insensitive: regex.ignores_case(),
        }),
    }
}

/// A constant as the field's type takes it.
fn constant(target: &Target<'_>, value: &Value) -> serde_json::Value {
    match target.kind {
        Kind::Text | Kind::Version => value.to_string().into(),
        Kind::Integer | Kind::Float => number(value).to_json(),
        _ => value.to_json(),
    }
}

/// The number that a constant stands for.
fn number(value: &Value) -> Value {
    value.as_str().and_then(Value::number_of).unwrap_or_else(|| value.clone())
}

fn term(name: &str, value: &str, case_insensitive: bool) -> Query {
    Query::Term(Term { field: name.to_owned(), value: value.into(), case_insensitive })
}

/// One pattern of `:` or `like`.
fn like(name: &str, pattern: &str, case_insensitive: bool) -> Query {
    if !has_wildcard(pattern) {
        return term(name, pattern, case_insensitive);
    }
    if Pattern::eql(pattern, case_insensitive).matches_all() {
        return Query::exists(name);
    }
    // A backslash is literal in EQL, and an escape in a wildcard query.
    let value = pattern.replace('\\', "\\\\");
    Query::Wildcard(Wildcard { field: name.to_owned(), value, case_insensitive })
}

fn range(target: &Target<'_>, operator: Comparison, value: &Value) -> Query {
    if target.kind.is_date() {
        return date_range(target.name, operator, value);
    }
    match (whole::place(target.field_type, &number(value)), operator) {
        (Place::Above, Comparison::Less | Comparison::LessOrEqual)
        | (Place::Below, Comparison::Greater | Comparison::GreaterOrEqual) => Query::exists(target.name),
        (Place::Above | Place::Below, _) => Query::match_none(),
        _ => {
            let range = Range { field: target.name.to_owned(), ..Range::default() };
            bounded(range, operator, constant(target, value))
        }
    }
}

/// Dates go out as texts: Elasticsearch takes a number of four digits for a year.
fn date_range(name: &str, operator: Comparison, value: &Value) -> Query {
    let range = Range { field: name.to_owned(), format: Some(DATE_FORMAT), ..Range::default() };
    bounded(range, operator, value.to_string().into())
}

fn bounded(mut range: Range, operator: Comparison, value: serde_json::Value) -> Query {
    match operator {
        Comparison::Less => range.lt = Some(value),
        Comparison::LessOrEqual => range.lte = Some(value),
        Comparison::Greater => range.gt = Some(value),
        Comparison::GreaterOrEqual => range.gte = Some(value),
        Comparison::Equal | Comparison::NotEqual => {
            range.gte = Some(value.clone());
            range.lte = Some(value);
        }
    }
    Query::range(range)
}

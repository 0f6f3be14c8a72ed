//! Placeholders (`{name}`) in the strings of a condition: found when it is read, bound in the tree, so that a value is
//! only ever a value, whatever characters it has.

use super::condition::{Condition, Leaf};
use super::syntax::{Comparison, Expression};
use super::{Query, Value, has_wildcard};
use crate::diagnostic::{Node, Span};

/// A piece of a text with placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// These characters.
    Text(&'t str),
    /// The value of this name.
    Name(&'t str),
}

/// The pieces of `text`: a placeholder is a name in braces that begins with a letter or `@` and goes on with letters,
/// digits, `.`, `_`, `-` and `@`; every other brace stands for itself.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = name_in_front(rest) {
            rest = after;
            return Some(Piece::Name(name));
        }
        let next = rest.match_indices('{').map(|(at, _)| at).find(|at| name_in_front(&rest[*at..]).is_some());
        let (piece, after) = rest.split_at(next.unwrap_or(rest.len()));
        rest = after;
        Some(Piece::Text(piece))
    })
}

/// Whether `text` has a placeholder.
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    pieces(text).any(|piece| matches!(piece, Piece::Name(_)))
}

fn name_in_front(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('{')?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
    let length = inside.bytes().take_while(|byte| is_part(byte)).count();
    let first = inside.bytes().next()?;
    let after = inside[length..].strip_prefix('}')?;
    (first.is_ascii_alphabetic() || first == b'@').then_some((&inside[..length], after))
}

impl Query {
    /// The names of its placeholders, each with the place of the string that holds it.
    #[must_use]
    pub fn placeholders(&self) -> Vec<Node<String>> {
        let mut found = Vec::new();
        Expression::each_text(&self.expression, &mut |span, text| found.extend(names(span, text)));
        found
    }

    /// The places of the strings whose placeholders cannot be bound: those that are computed with, and those of
    /// regular expressions.
    #[must_use]
    pub fn unbindable(&self) -> Vec<Span> {
        let mut bindable = Vec::new();
        Condition::each_leaf(&self.condition, &mut |_, leaf| {
            bindable.extend(texts(leaf).into_iter().map(|text| text.span));
        });
        let mut spans: Vec<Span> = self.placeholders().into_iter().map(|name| name.span).collect();
        spans.dedup();
        spans.retain(|span| !bindable.contains(span));
        spans
    }
}

/// The condition with every placeholder replaced by what `value` gives for its name.
///
/// A value is taken literally: in patterns its `*`, `?` and `\` stand for themselves.
///
/// # Errors
/// The first name that has no value.
pub fn bind(
    condition: &Node<Condition>,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<Node<Condition>, String> {
    let each = |items: &[Node<Condition>]| -> Result<Vec<_>, String> {
        items.iter().map(|item| bind(item, value)).collect()
    };
    let bound = match &condition.node {
        Condition::Constant(constant) => Condition::Constant(*constant),
        Condition::And(items) => Condition::And(each(items)?),
        Condition::Or(items) => Condition::Or(each(items)?),
        Condition::Not(inner) => Condition::Not(Box::new(bind(inner, value)?)),
        Condition::Leaf(leaf) => bind_leaf(condition.span, leaf, value)?,
    };
    Ok(Node::new(condition.span, bound))
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn bind_leaf(span: Span, leaf: &Leaf, value: Lookup<'_>) -> Result<Condition, String> {
    let mut bound = leaf.clone();
    match &mut bound {
        Leaf::Compare { value: constant, .. } => bind_value(constant, value)?,
        Leaf::OneOf { values, .. } => {
            values.iter_mut().try_for_each(|constant| bind_value(constant, value))?;
        }
        Leaf::Prefix { prefix, .. } => prefix.node = filled(&prefix.node, value, str::to_owned)?,
        Leaf::Lucene { pattern, .. } => pattern.node = filled(&pattern.node, value, escaped)?,
        Leaf::Like { field, patterns, ignore_case } => {
            return bind_patterns(span, field, patterns, *ignore_case, value);
        }
        Leaf::Truth { .. }
        | Leaf::IsNull { .. }
        | Leaf::Regex { .. }
        | Leaf::Cidr { .. }
        | Leaf::Script(_) => {}
    }
    Ok(Condition::Leaf(bound))
}

fn bind_value(constant: &mut Node<Value>, value: Lookup<'_>) -> Result<(), String> {
    if let Value::String(text) = &mut constant.node {
        *text = filled(text, value, str::to_owned)?;
    }
    Ok(())
}

/// `like` has no escape, so a pattern with a value in it becomes one of Lucene's, or, without wildcards of its own, an
/// equality.
fn bind_patterns(
    span: Span,
    field: &Node<String>,
    patterns: &[Node<String>],
    ignore_case: bool,
    value: Lookup<'_>,
) -> Result<Condition, String> {
    let (open, plain): (Vec<_>, Vec<_>) =
        patterns.iter().cloned().partition(|pattern| has_placeholder(&pattern.node));
    let mut any = Vec::new();
    if !plain.is_empty() || open.is_empty() {
        any.push(Leaf::Like { field: field.clone(), patterns: plain, ignore_case });
    }
    for pattern in open {
        let is_wild =
            pieces(&pattern.node).any(|piece| matches!(piece, Piece::Text(text) if has_wildcard(text)));
        any.push(if is_wild {
            let text = pattern.node.replace('\\', "\\\\");
            let pattern = Node::new(pattern.span, filled(&text, value, escaped)?);
            Leaf::Lucene { field: field.clone(), pattern, ignore_case }
        } else {
            let text = Value::String(filled(&pattern.node, value, str::to_owned)?);
            Leaf::OneOf { field: field.clone(), values: vec![Node::new(pattern.span, text)], ignore_case }
        });
    }
    Ok(Condition::any(any.into_iter().map(|leaf| Node::new(span, Condition::Leaf(leaf))).collect()))
}

fn filled(text: &str, value: Lookup<'_>, escape: fn(&str) -> String) -> Result<String, String> {
    let fill = |piece| match piece {
        Piece::Text(text) => Ok(text.to_owned()),
        Piece::Name(name) => value(name).map(|value| escape(&value)).ok_or_else(|| name.to_owned()),
    };
    pieces(text).map(fill).collect()
}

/// A value in a pattern of Lucene's.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn names(span: Span, text: &str) -> Vec<Node<String>> {
    let name = |piece| match piece {
        Piece::Name(name) => Some(Node::new(span, name.to_owned())),
        Piece::Text(_) => None,
    };
    pieces(text).filter_map(name).collect()
}

/// The strings of a leaf that may hold placeholders.
fn texts(leaf: &Leaf) -> Vec<Node<&str>> {
    let text = |value: &'_ Node<Value>| value.node.as_str().map(|_| value.span);
    let places: Vec<(Span, &str)> = match leaf {
        Leaf::Compare { value, operator: Comparison::Equal, .. } => {
            text(value).into_iter().map(|span| (span, "")).collect()
        }
        Leaf::OneOf { values, .. } => values.iter().filter_map(text).map(|span| (span, "")).collect(),
        Leaf::Like { patterns, .. } => patterns.iter().map(|one| (one.span, one.node.as_str())).collect(),
        Leaf::Prefix { prefix: text, .. } | Leaf::Lucene { pattern: text, .. } => {
            vec![(text.span, text.node.as_str())]
        }
        _ => Vec::new(),
    };
    places.into_iter().map(|(span, text)| Node::new(span, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(query: &str, value: &str) -> Condition {
        let query = Query::parse(query).expect("a query");
        assert_eq!(query.unbindable(), []);
        let lookup = |name: &str| (name == "v" || name == "user.id").then(|| value.to_owned());
        bind(&query.condition, &lookup).expect("every name has a value").node
    }

    fn text_of(condition: &Condition) -> String {
        match condition {
            Condition::Leaf(Leaf::Compare { value, .. }) => value.node.to_string(),
            Condition::Leaf(Leaf::OneOf { values, .. }) => values[0].node.to_string(),
            Condition::Leaf(Leaf::Lucene { pattern: text, .. } | Leaf::Prefix { prefix: text, .. }) => {
                text.node.clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_are_told_from_other_braces() {
        let found: Vec<_> = pieces("a{b}{8}{}{c.d-e_1}{ f}{@g}{").collect();
        let expected = [
            Piece::Text("a"),
            Piece::Name("b"),
            Piece::Text("{8}{}"),
            Piece::Name("c.d-e_1"),
            Piece::Text("{ f}"),
            Piece::Name("@g"),
            Piece::Text("{"),
        ];
        assert_eq!(found, expected);
        assert!(!has_placeholder("i-([0-9a-f]{8}|[0-9a-f]{17})"));
    }

    #[test]
    fn hostile_values_stay_values() {
        for value in ["\" or true or \"", "*", "a\nb", "{v}", "\\", "x' and not y", "\u{202e}", "?"] {
            assert_eq!(text_of(&bound(r#"any where a == "{v}""#, value)), value);
            assert_eq!(text_of(&bound(r#"any where a like "{v}""#, value)), value);
            assert_eq!(text_of(&bound(r#"any where startsWith(a, "{v}")"#, value)), value);
        }
        assert_eq!(text_of(&bound(r#"any where a like "arn:{v}/*""#, r"*?\x")), r"arn:\*\?\\x/*");
        assert_eq!(text_of(&bound(r#"any where a like """c:\{v}*""""#, "*")), r"c:\\\**");
        assert_eq!(text_of(&bound(r#"any where stringContains(a, "{v}")"#, "a*")), r"*a\**");
        assert_eq!(text_of(&bound(r#"any where a in ("x{user.id}", "y")"#, "1")), "x1");
    }

    #[test]
    fn patterns_beside_one_with_a_value_stay_as_they_are() {
        let Condition::Or(items) = bound(r#"any where a like ("x*", "{v}*")"#, "1") else {
            panic!("two leaves")
        };
        assert!(
            matches!(&items[0].node, Condition::Leaf(Leaf::Like { patterns, .. }) if patterns[0].node == "x*")
        );
        assert_eq!(text_of(&items[1].node), "1*");
    }

    #[test]
    fn a_name_without_a_value_is_told() {
        let query = Query::parse(r#"any where a == "{v}" and not b == "{w}""#).expect("a query");
        let lookup = |name: &str| (name == "v").then(String::new);
        assert_eq!(bind(&query.condition, &lookup), Err("w".to_owned()));
        let names: Vec<_> = query.placeholders().into_iter().map(|name| name.node).collect();
        assert_eq!(names, ["v", "w"]);
    }

    #[test]
    fn strings_that_are_computed_with_cannot_be_bound() {
        for query in [
            r#"any where concat(a, "{v}") == "x""#,
            r#"any where a regex "{v}""#,
            r#"any where "{v}" == "x""#,
            r#"any where a < "{v}""#,
            r#"any where length("{v}") == 1"#,
        ] {
            assert_eq!(Query::parse(query).expect("a query").unbindable().len(), 1, "{query}");
        }
    }
}

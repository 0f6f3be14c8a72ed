//! The meaning of a query: leaves that a document satisfies or not, and how they are joined.

use super::cidr::Block;
use super::syntax::{Comparison, Expression};
use super::{Regex, Value};
use crate::diagnostic::{Node, Span};

/// A condition, every part with its place in the text.
///
/// A leaf is two-valued: it holds if some value of its field satisfies it, and not where the field is missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The same for every document; `None` is `null`, which selects nothing, and neither does its negation.
    Constant(Option<bool>),
    /// All hold; flat.
    And(Vec<Node<Condition>>),
    /// One holds at least; flat.
    Or(Vec<Node<Condition>>),
    /// It does not hold.
    Not(Box<Node<Condition>>),
    /// A test of one field, or a script.
    Leaf(Leaf),
}

/// A test of one document. `field` is the full name of the field.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    /// The boolean field is true.
    Truth {
        /// The field.
        field: Node<String>,
    },
    /// The field has no value. The one leaf that holds for missing fields.
    IsNull {
        /// The field.
        field: Node<String>,
    },
    /// A value stands in that relation to a constant; `operator` is never `!=`.
    Compare {
        /// The field.
        field: Node<String>,
        /// The relation.
        operator: Comparison,
        /// The constant, never null.
        value: Node<Value>,
    },
    /// A value equals one of the constants.
    OneOf {
        /// The field.
        field: Node<String>,
        /// The constants, none of them null.
        values: Vec<Node<Value>>,
        /// Whether ASCII case is ignored.
        ignore_case: bool,
    },
    /// A value, which is a string, matches one of the patterns as a whole.
    Like {
        /// The field.
        field: Node<String>,
        /// Patterns in which `*` and `?` are wildcards, and nothing is an escape.
        patterns: Vec<Node<String>>,
        /// Whether ASCII case is ignored.
        ignore_case: bool,
    },
    /// A value matches Lucene's regular expression as a whole.
    Regex {
        /// The field.
        field: Node<String>,
        /// The expression; several are one, joined by `|`.
        regex: Node<Regex>,
    },
    /// A value begins with a text.
    Prefix {
        /// The field.
        field: Node<String>,
        /// The text, taken literally.
        prefix: Node<String>,
        /// Whether ASCII case is ignored.
        ignore_case: bool,
    },
    /// A value matches a pattern of Lucene's wildcard query: what Elasticsearch makes of `endsWith` and
    /// `stringContains`, whose constant it does not escape.
    Lucene {
        /// The field.
        field: Node<String>,
        /// The pattern, `\` being an escape.
        pattern: Node<String>,
        /// Whether ASCII case is ignored.
        ignore_case: bool,
    },
    /// A value lies in one of the blocks of addresses.
    Cidr {
        /// The field.
        field: Node<String>,
        /// The blocks, as written and as read.
        blocks: Vec<Node<(String, Block)>>,
    },
    /// The expression is true for some combination of its fields' values, a missing field counting as `null`.
    Script(Box<Node<Expression>>),
}

impl Leaf {
    /// The one field that it tests; none for a script.
    #[must_use]
    pub fn field(&self) -> Option<&Node<String>> {
        match self {
            Self::Truth { field }
            | Self::IsNull { field }
            | Self::Compare { field, .. }
            | Self::OneOf { field, .. }
            | Self::Like { field, .. }
            | Self::Regex { field, .. }
            | Self::Prefix { field, .. }
            | Self::Lucene { field, .. }
            | Self::Cidr { field, .. } => Some(field),
            Self::Script(_) => None,
        }
    }

    /// Every field that it reads, in order, with the field's place.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, Span)> {
        match self {
            Self::Script(expression) => {
                let mut fields = Vec::new();
                Expression::each_field(expression, &mut |node, field| {
                    fields.push((field.name.clone(), node.span));
                });
                fields
            }
            leaf => leaf.field().map(|field| (field.node.clone(), field.span)).into_iter().collect(),
        }
    }
}

impl Condition {
    /// Calls `visit` for every leaf in it, in order.
    pub fn each_leaf<'c>(node: &'c Node<Self>, visit: &mut dyn FnMut(Span, &'c Leaf)) {
        match &node.node {
            Self::Constant(_) => {}
            Self::And(items) | Self::Or(items) => items.iter().for_each(|item| Self::each_leaf(item, visit)),
            Self::Not(inner) => Self::each_leaf(inner, visit),
            Self::Leaf(leaf) => visit(node.span, leaf),
        }
    }

    /// Joins conditions by `and`: a false one decides, then a null one; true ones drop out.
    #[must_use]
    pub fn all(items: Vec<Node<Self>>) -> Self {
        Self::joined(items, false)
    }

    /// Joins conditions by `or`: a true one decides; false and null ones drop out.
    #[must_use]
    pub fn any(items: Vec<Node<Self>>) -> Self {
        Self::joined(items, true)
    }

    fn joined(items: Vec<Node<Self>>, deciding: bool) -> Self {
        let has = |constant| items.iter().any(|item| item.node == Self::Constant(constant));
        if has(Some(deciding)) {
            return Self::Constant(Some(deciding));
        }
        if has(None) && (!deciding || items.iter().all(|item| item.node == Self::Constant(None))) {
            return Self::Constant(None);
        }
        let mut flat = Vec::with_capacity(items.len());
        for item in items {
            match item.node {
                Self::Constant(_) => {}
                Self::And(inner) if !deciding => flat.extend(inner),
                Self::Or(inner) if deciding => flat.extend(inner),
                node => flat.push(Node::new(item.span, node)),
            }
        }
        match (flat.len(), flat.pop()) {
            (0, _) => Self::Constant(Some(!deciding)),
            (1, Some(only)) => only.node,
            (_, last) => {
                flat.extend(last);
                if deciding { Self::Or(flat) } else { Self::And(flat) }
            }
        }
    }

    /// The negation; that of null is null.
    #[must_use]
    pub fn negated(node: Node<Self>) -> Self {
        match node.node {
            Self::Constant(constant) => Self::Constant(constant.map(|truth| !truth)),
            Self::Not(inner) => inner.node,
            _ => Self::Not(Box::new(node)),
        }
    }
}

//! The syntax tree of a query, every part with its place in the text.

use super::{Function, Patterns, Value};
use crate::diagnostic::{Node, Span};

/// Which events a query looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Category {
    /// `any`: all of them.
    Any,
    /// Those with this value in the category field; case matters.
    Named(String),
}

/// What stands after `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipe {
    /// The first so many events.
    Head(u64),
    /// The last so many events.
    Tail(u64),
}

/// The name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    /// The full dotted name, without backticks.
    pub name: String,
    /// Whether it was written with `?`: it need not be mapped.
    pub optional: bool,
}

/// `==`, `!=` and the order operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// `+ - * / %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

/// How the patterns of `:`, `like` and `regex` are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// `*` and `?` are wildcards; there is no escape.
    Wildcard,
    /// Lucene's regular expressions.
    Regex,
}

/// One expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A string, a number, a boolean or `null`.
    Literal(Value),
    /// A field.
    Field(FieldName),
    /// `not x`
    Not(Box<Node<Expression>>),
    /// `x and y and …`, flat.
    And(Vec<Node<Expression>>),
    /// `x or y or …`, flat.
    Or(Vec<Node<Expression>>),
    /// `x == y` and the like.
    Compare {
        /// The operator.
        operator: Comparison,
        /// Its left side.
        left: Box<Node<Expression>>,
        /// Its right side.
        right: Box<Node<Expression>>,
    },
    /// `x in (…)`, `x in~ (…)`; `not in` is a `Not` around it.
    In {
        /// What is looked for.
        value: Box<Node<Expression>>,
        /// The list.
        items: Vec<Node<Expression>>,
        /// Whether ASCII case is ignored.
        ignore_case: bool,
    },
    /// `x : …`, `x like …`, `x regex …` and their `~` forms.
    Match {
        /// What is matched.
        value: Box<Node<Expression>>,
        /// The patterns, one of which must match.
        patterns: Box<Patterns>,
    },
    /// `x + y` and the like.
    Arithmetic {
        /// The operator.
        operator: Arithmetic,
        /// Its left side.
        left: Box<Node<Expression>>,
        /// Its right side.
        right: Box<Node<Expression>>,
    },
    /// `-x`
    Negate(Box<Node<Expression>>),
    /// `f(x, y)`, `f~(x, y)`
    Call {
        /// The function.
        function: Function,
        /// Whether it was written with `~`.
        ignore_case: bool,
        /// Its arguments.
        arguments: Vec<Node<Expression>>,
    },
}

impl Comparison {
    /// The operator that says the same with its sides exchanged.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Whether it holds between two values of that order.
    #[must_use]
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// How it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Expression {
    /// Calls `visit` for every field in it, in order, with the field's place.
    pub fn each_field<'e>(node: &'e Node<Self>, visit: &mut dyn FnMut(&'e Node<Self>, &'e FieldName)) {
        if let Self::Field(field) = &node.node {
            visit(node, field);
        }
        node.node.parts().into_iter().for_each(|part| Self::each_field(part, visit));
    }

    /// Calls `visit` for every match of patterns in it, in order.
    pub fn each_match<'e>(node: &'e Node<Self>, visit: &mut dyn FnMut(&'e Node<Self>, &'e Patterns)) {
        if let Self::Match { patterns, .. } = &node.node {
            visit(node, patterns);
        }
        node.node.parts().into_iter().for_each(|part| Self::each_match(part, visit));
    }

    /// Calls `visit` for every string in it, patterns too, in order, with the string's place.
    pub fn each_text<'e>(node: &'e Node<Self>, visit: &mut dyn FnMut(Span, &'e str)) {
        let mut string = |value: &'e Node<Value>| {
            if let Value::String(text) = &value.node {
                visit(value.span, text);
            }
        };
        match &node.node {
            Self::Literal(Value::String(text)) => visit(node.span, text),
            Self::Match { patterns, .. } => patterns.items.iter().for_each(&mut string),
            _ => {}
        }
        node.node.parts().into_iter().for_each(|part| Self::each_text(part, visit));
    }

    /// The expressions that it is made of, in order.
    fn parts(&self) -> Vec<&Node<Self>> {
        match self {
            Self::Literal(_) | Self::Field(_) => Vec::new(),
            Self::Not(inner) | Self::Negate(inner) => vec![inner],
            Self::And(items) | Self::Or(items) | Self::Call { arguments: items, .. } => {
                items.iter().collect()
            }
            Self::Compare { left, right, .. } | Self::Arithmetic { left, right, .. } => vec![left, right],
            Self::In { value, items, .. } => std::iter::once(&**value).chain(items).collect(),
            Self::Match { value, .. } => vec![value],
        }
    }

    /// Whether no field occurs in it.
    #[must_use]
    pub fn is_constant(node: &Node<Self>) -> bool {
        let mut constant = true;
        Self::each_field(node, &mut |_, _| constant = false);
        constant
    }
}

//! Elasticsearch's Event Query Language, queries over single events: text → [`Query`], with spans.
//!
//! The rules are those of Elasticsearch's grammar and translator (8.x, 9.x).

mod bind;
mod cidr;
mod compute;
mod condition;
mod function;
mod functions;
mod kinds;
mod lexer;
mod literal;
mod normalize;
mod parser;
mod pattern;
mod patterns;
mod problems;
mod regex;
pub mod syntax;
mod token;
mod value;

use std::collections::BTreeMap;

pub use bind::{Piece, bind, has_placeholder, pieces};
pub use cidr::{Block, parse_address};
pub use compute::{Trouble, compute};
pub use condition::{Condition, Leaf};
pub use function::{Function, Kind, Signature};
pub use pattern::{Pattern, has_wildcard};
pub use patterns::Patterns;
pub use regex::{MAX_REGEX, Regex, RegexError};
pub use value::Value;

use crate::diagnostic::{Diagnostic, Node, Span, UNSUPPORTED_PIPE};
use parser::Statement;
use syntax::{Category, Expression, Pipe};

/// A query over single events.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The text it was read from; all spans are byte offsets into it.
    pub text: String,
    /// Which events it looks at.
    pub category: Node<Category>,
    /// The condition as written.
    pub expression: Node<Expression>,
    /// The condition's meaning, every field being taken as mapped.
    pub condition: Node<Condition>,
    /// What follows after `|`.
    pub pipes: Vec<Node<Pipe>>,
}

/// A field that a query names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldUse {
    /// The full name.
    pub name: String,
    /// Where it is named first.
    pub span: Span,
    /// Whether it is written with `?` everywhere, and so need not be mapped.
    pub optional: bool,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// The problems of its form and of the meaning of what could be read, in order of place.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let (statement, mut problems) = parser::statement(text);
        let Some(Statement { category, condition: expression, pipes }) = statement else {
            return Err(problems.sorted());
        };
        match normalize::normalize(&expression, &|_| false) {
            Ok(condition) if problems.is_empty() => {
                Ok(Self { text: text.to_owned(), category, expression, condition, pipes })
            }
            meaning => {
                problems.add_others(meaning.err().unwrap_or_default());
                Err(problems.sorted())
            }
        }
    }

    /// The condition's meaning where optional fields for which `is_unmapped` holds are the constant `null`.
    ///
    /// # Errors
    /// What means nothing any more, such as a division by such a field.
    pub fn condition_without(
        &self,
        is_unmapped: &dyn Fn(&str) -> bool,
    ) -> Result<Node<Condition>, Vec<Diagnostic>> {
        normalize::normalize(&self.expression, is_unmapped)
    }

    /// The fields that it names, in order of name.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldUse> {
        let mut fields: BTreeMap<&str, FieldUse> = BTreeMap::new();
        Expression::each_field(&self.expression, &mut |node, field| {
            let new = || FieldUse { name: field.name.clone(), span: node.span, optional: true };
            fields.entry(&field.name).or_insert_with(new).optional &= field.optional;
        });
        fields.into_values().collect()
    }

    /// Why none of the query's pipes can be obeyed where every match counts, as in a rule.
    #[must_use]
    pub fn refused_pipes(&self) -> Vec<Diagnostic> {
        let refusal = "a pipe would drop matches, and every match counts here";
        let refused =
            |pipe: &Node<Pipe>| Diagnostic::error(UNSUPPORTED_PIPE, pipe.span, refusal).hint("take it away");
        self.pipes.iter().map(refused).collect()
    }

    /// The text at `span`.
    #[must_use]
    pub fn source(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

//! Whether a query matches an event, in process: the same answer as Elasticsearch gives.

pub mod date;
mod kind;
mod leaf;
mod needles;
mod script;
mod set;
mod texts;
mod version;

pub use kind::Kind;
pub use set::MatcherSet;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Node, Span};
use crate::eql::syntax::{Category, Comparison};
use crate::eql::{Condition, Leaf, Query, Value};
use crate::event::{Event, Needles};
use crate::schema::Schema;
use kind::ByIndex;
use leaf::Test;
use script::Script;

/// A query made ready to be asked of many events.
#[derive(Debug, Clone)]
pub struct Matcher {
    text: String,
    root: Clause,
    needles: Needles,
    fields: Vec<String>,
}

/// Why an event matches or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Whether it matches.
    pub matches: bool,
    /// The clause that decided: the first that is false of those that must hold, or the one that held.
    pub span: Span,
    /// The clause as written.
    pub clause: String,
    /// Each field of the clause and the values it has in the event.
    pub values: Vec<(String, Vec<Json>)>,
}

#[derive(Debug, Clone)]
struct Clause {
    span: Span,
    fields: Vec<String>,
    kind: ClauseKind,
}

#[derive(Debug, Clone)]
enum ClauseKind {
    Constant(bool),
    All(Vec<Clause>),
    Any(Vec<Clause>),
    Not(Box<Clause>),
    Missing(ByIndex<Test>),
    Has(ByIndex<Test>),
    Script(Box<Script>),
}

impl Matcher {
    /// Makes a query ready: its condition, and its category in `category_field`.
    ///
    /// Fields are typed by `schema`. Where it was asked of indices, an optional field that none of them maps is
    /// the constant `null`; any other field that it does not map is compared loosely.
    ///
    /// # Errors
    /// Every constant, operator or function that does not fit a field's type, or cannot be run yet.
    pub fn compile(query: &Query, schema: &Schema, category_field: &str) -> Result<Self, Vec<Diagnostic>> {
        let condition = condition_for(query, schema, category_field)?;
        Self::of_condition(&query.text, &condition, schema)
    }

    /// Makes a condition ready, whose spans are those of `text`.
    ///
    /// # Errors
    /// As [`Matcher::compile`].
    pub fn of_condition(
        text: &str,
        condition: &Node<Condition>,
        schema: &Schema,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let root = compile(condition, schema, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut fields = BTreeSet::new();
        Condition::each_leaf(condition, &mut |_, leaf| {
            fields.extend(leaf.fields().into_iter().map(|(field, _)| field));
        });
        let needles = needles::needles(condition, schema);
        Ok(Self { text: text.to_owned(), root, needles, fields: fields.into_iter().collect() })
    }

    /// The fields that it reads in a document, each once.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The texts that every event which matches must hold.
    #[must_use]
    pub fn needles(&self) -> &Needles {
        &self.needles
    }

    /// Whether the event matches.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.root.holds(event)
    }

    /// Whether the event matches, and the clause that decided.
    #[must_use]
    pub fn decide(&self, event: &Event) -> Decision {
        let clause = self.root.deciding(event);
        let source = self.text.get(clause.span.start..clause.span.end).unwrap_or_default();
        Decision {
            matches: self.matches(event),
            span: clause.span,
            clause: source.to_owned(),
            values: clause.fields.iter().map(|field| (field.clone(), event.values(field))).collect(),
        }
    }
}

/// A query's whole condition over the indices of `schema`: the category first, then what is written.
///
/// # Errors
/// What means nothing any more once optional fields that are not mapped are null.
pub fn condition_for(
    query: &Query,
    schema: &Schema,
    category_field: &str,
) -> Result<Node<Condition>, Vec<Diagnostic>> {
    let asked = !schema.indices.is_empty();
    let written = query.condition_without(&|field| asked && schema.forms(field).is_empty())?;
    let Category::Named(name) = &query.category.node else { return Ok(written) };
    let span = query.category.span;
    let category = Leaf::Compare {
        field: Node::new(span, category_field.to_owned()),
        operator: Comparison::Equal,
        value: Node::new(span, Value::String(name.clone())),
    };
    let whole = span.to(written.span);
    Ok(Node::new(whole, Condition::all(vec![Node::new(span, Condition::Leaf(category)), written])))
}

/// Whether a leaf can be asked of values of that kind; `Loose` where the kind is not known.
///
/// # Errors
/// Why it cannot.
pub fn check_leaf(leaf: &Leaf, kind: Kind) -> Result<(), Box<Diagnostic>> {
    leaf::compile(leaf, kind).map(|_| ())
}

fn compile(node: &Node<Condition>, schema: &Schema, problems: &mut Vec<Diagnostic>) -> Clause {
    let mut each =
        |items: &[Node<Condition>]| items.iter().map(|item| compile(item, schema, problems)).collect();
    let kind = match &node.node {
        Condition::Constant(constant) => ClauseKind::Constant(*constant == Some(true)),
        Condition::And(items) => ClauseKind::All(each(items)),
        Condition::Or(items) => ClauseKind::Any(each(items)),
        Condition::Not(inner) => ClauseKind::Not(Box::new(compile(inner, schema, problems))),
        Condition::Leaf(leaf) => compile_leaf(leaf, schema).unwrap_or_else(|found| {
            problems.extend(found);
            ClauseKind::Constant(false)
        }),
    };
    let mut fields = Vec::new();
    Condition::each_leaf(node, &mut |_, leaf| {
        for (field, _) in leaf.fields() {
            if fields.len() < MAX_FIELDS_SHOWN && !fields.contains(&field) {
                fields.push(field);
            }
        }
    });
    Clause { span: node.span, fields, kind }
}

/// How many fields a decision shows; a clause that joins more is not understood by their values.
const MAX_FIELDS_SHOWN: usize = 8;

fn compile_leaf(leaf: &Leaf, schema: &Schema) -> Result<ClauseKind, Vec<Diagnostic>> {
    match leaf {
        Leaf::Script(expression) => {
            Script::compile(expression, schema).map(|script| ClauseKind::Script(Box::new(script)))
        }
        leaf => {
            let Some(field) = leaf.field() else { return Ok(ClauseKind::Constant(false)) };
            let tests = ByIndex::new(&field.node, field.span, schema, |kind| leaf::compile(leaf, kind));
            let tests = tests.map_err(|problem| vec![*problem])?;
            Ok(if matches!(leaf, Leaf::IsNull { .. }) {
                ClauseKind::Missing(tests)
            } else {
                ClauseKind::Has(tests)
            })
        }
    }
}

fn any_value(tests: &ByIndex<Test>, event: &Event) -> bool {
    tests.get(event).is_some_and(|(path, test)| event.any(path, |value| test.holds(value)))
}

impl Clause {
    fn holds(&self, event: &Event) -> bool {
        match &self.kind {
            ClauseKind::Constant(truth) => *truth,
            ClauseKind::All(items) => items.iter().all(|item| item.holds(event)),
            ClauseKind::Any(items) => items.iter().any(|item| item.holds(event)),
            ClauseKind::Not(inner) => !inner.holds(event),
            ClauseKind::Missing(tests) => !any_value(tests, event),
            ClauseKind::Has(tests) => any_value(tests, event),
            ClauseKind::Script(script) => script.holds(event),
        }
    }

    /// The smallest clause whose answer made the answer.
    fn deciding(&self, event: &Event) -> &Self {
        let deciding = match &self.kind {
            ClauseKind::All(items) => items.iter().find(|item| !item.holds(event)),
            ClauseKind::Any(items) => items.iter().find(|item| item.holds(event)),
            ClauseKind::Not(inner) if !inner.is_leaf() => Some(&**inner),
            _ => None,
        };
        deciding.map_or(self, |clause| clause.deciding(event))
    }

    fn is_leaf(&self) -> bool {
        !matches!(self.kind, ClauseKind::All(_) | ClauseKind::Any(_) | ClauseKind::Not(_))
    }
}

#[cfg(test)]
mod tests;

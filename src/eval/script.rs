//! Expressions over several values: true if they are for some combination of the fields' values.

use serde_json::Value as Json;

use super::kind::{ByIndex, Kind, text_of};
use super::leaf::{json_boolean, json_number};
use crate::diagnostic::{Diagnostic, Node, Span, TYPE_MISMATCH};
use crate::eql::syntax::Expression;
use crate::eql::{Kind as Wanted, Value, compute};
use crate::event::Event;
use crate::schema::Schema;

/// How many combinations of values are tried: fields with many values each must not hold up all other events.
///
/// Elasticsearch gives up at some such number too, and then fails the whole query.
const MAX_COMBINATIONS: usize = 100_000;

/// An expression and the fields it reads, each once.
#[derive(Debug, Clone)]
pub(super) struct Script {
    expression: Node<Expression>,
    fields: Vec<(String, ByIndex<Kind>)>,
}

impl Script {
    /// Makes an expression ready.
    ///
    /// # Errors
    /// Fields whose types do not fit where they stand.
    pub fn compile(expression: &Node<Expression>, schema: &Schema) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        check(expression, Wanted::Any, schema, &mut problems);
        let mut fields: Vec<(String, ByIndex<Kind>)> = Vec::new();
        Expression::each_field(expression, &mut |node, field| {
            if fields.iter().all(|(name, _)| *name != field.name) {
                match ByIndex::new(&field.name, node.span, schema, Ok) {
                    Ok(kinds) => fields.push((field.name.clone(), kinds)),
                    Err(problem) => problems.push(*problem),
                }
            }
        });
        if problems.is_empty() { Ok(Self { expression: expression.clone(), fields }) } else { Err(problems) }
    }

    /// Whether it is true for some combination of values; a combination that cannot be computed counts as not true.
    pub fn holds(&self, event: &Event) -> bool {
        let values: Vec<Vec<Value>> = self.fields.iter().map(|(_, kinds)| values(kinds, event)).collect();
        let mut chosen = vec![0; values.len()];
        for _ in 0..MAX_COMBINATIONS {
            let mut field = |name: &str| {
                let at = self.fields.iter().position(|(known, _)| known == name);
                at.map_or(Value::Null, |at| values[at][chosen[at]].clone())
            };
            if compute(&self.expression, &mut field) == Ok(Value::Boolean(true)) {
                return true;
            }
            if !advance(&mut chosen, &values) {
                break;
            }
        }
        false
    }
}

/// Goes to the next combination; false after the last.
fn advance(chosen: &mut [usize], values: &[Vec<Value>]) -> bool {
    for (at, all) in chosen.iter_mut().zip(values) {
        *at += 1;
        if *at < all.len() {
            return true;
        }
        *at = 0;
    }
    false
}

/// The values of a field, or one null where it is missing.
fn values(kinds: &ByIndex<Kind>, event: &Event) -> Vec<Value> {
    let mut values = Vec::new();
    if let Some((path, kind)) = kinds.get(event) {
        event.any(path, |value| {
            values.push(typed(value, *kind));
            false
        });
    }
    if values.is_empty() {
        values.push(Value::Null);
    }
    values
}

/// A value as a script sees it.
fn typed(value: &Json, kind: Kind) -> Value {
    let known = match (kind, value) {
        (Kind::Integer | Kind::Float, value) => {
            json_number(value, kind == Kind::Integer).map(|number| settled(number, kind))
        }
        (Kind::Loose, Json::Number(_)) => json_number(value, false),
        (Kind::Boolean, value) => json_boolean(value).map(Value::Boolean),
        (Kind::Loose, Json::Bool(truth)) => Some(Value::Boolean(*truth)),
        _ => None,
    };
    known.unwrap_or_else(|| Value::String(text_of(value).into_owned()))
}

/// A number of the kind that its field holds.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "what the field's type does too"
)]
fn settled(number: Value, kind: Kind) -> Value {
    match (number, kind) {
        (Value::Float(float), Kind::Integer) => Value::Integer(float as i64),
        (Value::Integer(whole), Kind::Float) => Value::Float(whole as f64),
        (Value::Unsigned(whole), Kind::Float) => Value::Float(whole as f64),
        (number, _) => number,
    }
}

/// Reports every field that is not of the kind its place wants.
fn check(expression: &Node<Expression>, wanted: Wanted, schema: &Schema, problems: &mut Vec<Diagnostic>) {
    let mut each = |items: &[Node<Expression>], wanted| {
        for item in items {
            check(item, wanted, schema, problems);
        }
    };
    match &expression.node {
        Expression::Literal(_) => {}
        Expression::Field(field) => {
            if let Err(problem) = ByIndex::new(&field.name, expression.span, schema, |kind| {
                fits(kind, wanted, &field.name, expression.span)
            }) {
                problems.push(*problem);
            }
        }
        Expression::Not(inner) => each(std::slice::from_ref(inner), Wanted::Boolean),
        Expression::Negate(inner) => each(std::slice::from_ref(inner), Wanted::Number),
        Expression::And(items) | Expression::Or(items) => each(items, Wanted::Boolean),
        Expression::Compare { left, right, .. } => {
            each(std::slice::from_ref(left), Wanted::Any);
            each(std::slice::from_ref(right), Wanted::Any);
        }
        Expression::In { value, .. } => each(std::slice::from_ref(value), Wanted::Any),
        Expression::Match { value, .. } => each(std::slice::from_ref(value), Wanted::String),
        Expression::Arithmetic { left, right, .. } => {
            each(std::slice::from_ref(left), Wanted::Number);
            each(std::slice::from_ref(right), Wanted::Number);
        }
        Expression::Call { function, arguments, .. } => {
            let parameters = function.signature().parameters;
            for (index, argument) in arguments.iter().enumerate() {
                each(std::slice::from_ref(argument), parameters[index.min(parameters.len() - 1)]);
            }
        }
    }
}

fn fits(kind: Kind, wanted: Wanted, field: &str, span: Span) -> Result<(), Box<Diagnostic>> {
    let right = match wanted {
        Wanted::Any => true,
        Wanted::Boolean => matches!(kind, Kind::Boolean | Kind::Loose),
        Wanted::Number => matches!(kind, Kind::Integer | Kind::Float | Kind::Loose),
        Wanted::String => matches!(kind, Kind::Text | Kind::Loose),
    };
    if right {
        return Ok(());
    }
    let message = format!("expected {}, but `{field}` holds {}", wanted.words(), kind.words());
    Err(Diagnostic::error(TYPE_MISMATCH, span, message).into())
}

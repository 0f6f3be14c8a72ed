//! What an expression comes to: three-valued logic, in which `null` stands for what is not known.

use super::syntax::{Arithmetic, Comparison, Expression};
use super::{Value, functions};
use crate::diagnostic::{Node, Span};

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// The part that has none.
    pub span: Span,
    /// The reason, as a message.
    pub reason: String,
}

/// The value of `expression`, where `field` gives the value of a field.
///
/// # Errors
/// A division by zero, a whole number that overflows, or a text that is no number.
pub fn compute(
    expression: &Node<Expression>,
    field: &mut dyn FnMut(&str) -> Value,
) -> Result<Value, Trouble> {
    let trouble = |reason| Trouble { span: expression.span, reason };
    match &expression.node {
        Expression::Literal(value) => Ok(value.clone()),
        Expression::Field(name) => Ok(field(&name.name)),
        Expression::Not(inner) => Ok(match compute(inner, field)? {
            Value::Boolean(truth) => Value::Boolean(!truth),
            _ => Value::Null,
        }),
        Expression::And(items) => logic(items, false, field),
        Expression::Or(items) => logic(items, true, field),
        Expression::Compare { operator, left, right } => {
            let (left_value, right_value) = (compute(left, field)?, compute(right, field)?);
            let tests_null = is_null_literal(left) || is_null_literal(right);
            Ok(compare(*operator, &left_value, &right_value, tests_null))
        }
        Expression::In { value, items, ignore_case } => {
            let value = compute(value, field)?;
            let items: Vec<Value> =
                items.iter().map(|item| compute(item, field)).collect::<Result<_, _>>()?;
            Ok(is_in(&value, &items, *ignore_case))
        }
        Expression::Match { value, patterns } => match compute(value, field)? {
            Value::String(text) => {
                let matches = patterns.match_computed(&text).map(Value::Boolean);
                matches.map_err(|error| trouble(error.to_string()))
            }
            _ => Ok(Value::Null),
        },
        Expression::Arithmetic { operator, left, right } => {
            let (left, right) = (compute(left, field)?, compute(right, field)?);
            arithmetic(*operator, &left, &right).map_err(trouble)
        }
        Expression::Negate(inner) => {
            arithmetic(Arithmetic::Subtract, &Value::Integer(0), &compute(inner, field)?).map_err(trouble)
        }
        Expression::Call { function, ignore_case, arguments } => {
            let arguments: Vec<Value> =
                arguments.iter().map(|argument| compute(argument, field)).collect::<Result<_, _>>()?;
            functions::call(*function, *ignore_case, &arguments).map_err(trouble)
        }
    }
}

/// Whether the expression is the literal `null`, which makes `==` a test for null.
pub(super) fn is_null_literal(expression: &Node<Expression>) -> bool {
    matches!(expression.node, Expression::Literal(Value::Null))
}

/// `or` where `deciding` is true, `and` where it is false.
fn logic(
    items: &[Node<Expression>],
    deciding: bool,
    field: &mut dyn FnMut(&str) -> Value,
) -> Result<Value, Trouble> {
    let mut known = true;
    for item in items {
        match compute(item, field)? {
            Value::Boolean(truth) if truth == deciding => return Ok(Value::Boolean(deciding)),
            Value::Boolean(_) => {}
            _ => known = false,
        }
    }
    Ok(if known { Value::Boolean(!deciding) } else { Value::Null })
}

fn compare(operator: Comparison, left: &Value, right: &Value, tests_null: bool) -> Value {
    if tests_null && matches!(operator, Comparison::Equal | Comparison::NotEqual) {
        return Value::Boolean((left.is_null() && right.is_null()) == (operator == Comparison::Equal));
    }
    if left.is_null() || right.is_null() {
        return Value::Null;
    }
    Value::Boolean(match left.compare(right) {
        Some(order) => operator.holds(order),
        // Values of different kinds are just not equal.
        None => operator == Comparison::NotEqual,
    })
}

fn is_in(value: &Value, items: &[Value], ignore_case: bool) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    let equals = |item: &Value| match (value, item) {
        (Value::String(text), Value::String(item)) if ignore_case => functions::equals_folded(text, item),
        _ => value.compare(item).is_some_and(std::cmp::Ordering::is_eq),
    };
    Value::Boolean(items.iter().any(equals))
}

/// Whole numbers stay whole and divide towards zero; with a double the result is a double.
#[allow(clippy::float_cmp, reason = "only an exact zero is no divisor")]
pub(super) fn arithmetic(operator: Arithmetic, left: &Value, right: &Value) -> Result<Value, String> {
    if let (Some(left), Some(right)) = (left.whole(), right.whole()) {
        let result = match operator {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide | Arithmetic::Modulo if right == 0 => {
                return Err("a whole number cannot be divided by zero".to_owned());
            }
            Arithmetic::Divide => left.checked_div(right),
            Arithmetic::Modulo => left.checked_rem(right),
        };
        return result.and_then(Value::from_whole).ok_or_else(|| "the result is too large".to_owned());
    }
    let (Some(left), Some(right)) = (left.float(), right.float()) else { return Ok(Value::Null) };
    Ok(Value::Float(match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Modulo => left % right,
    }))
}

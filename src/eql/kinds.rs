//! The kinds of expressions, as far as they show without a mapping, and the checks that follow from them.

use super::Value;
use super::function::{Function, Kind};
use super::problems::Problems;
use super::syntax::{Comparison, Expression};
use crate::diagnostic::{Diagnostic, Node, TYPE_MISMATCH, WRONG_ARGUMENTS};

/// What an expression gives.
pub(super) fn kind_of(expression: &Node<Expression>) -> Kind {
    match &expression.node {
        Expression::Literal(value) => match value {
            Value::Null => Kind::Any,
            Value::Boolean(_) => Kind::Boolean,
            Value::String(_) => Kind::String,
            Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => Kind::Number,
        },
        Expression::Field(_) => Kind::Any,
        Expression::Arithmetic { .. } | Expression::Negate(_) => Kind::Number,
        Expression::Call { function, .. } => function.signature().result,
        Expression::Not(_)
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::Compare { .. }
        | Expression::In { .. }
        | Expression::Match { .. } => Kind::Boolean,
    }
}

/// Reports every operand in `expression` whose kind does not fit.
pub(super) fn check(expression: &Node<Expression>, problems: &mut Problems) {
    match &expression.node {
        Expression::Literal(_) | Expression::Field(_) => {}
        Expression::Not(inner) => want(inner, Kind::Boolean, "`not`", problems),
        Expression::And(items) => items.iter().for_each(|item| want(item, Kind::Boolean, "`and`", problems)),
        Expression::Or(items) => items.iter().for_each(|item| want(item, Kind::Boolean, "`or`", problems)),
        Expression::Compare { operator, left, right } => {
            check(left, problems);
            check(right, problems);
            check_sides(*operator, left, right, problems);
        }
        Expression::In { value, items, .. } => {
            check(value, problems);
            for item in items {
                want(item, kind_of(value), "the list", problems);
            }
        }
        Expression::Match { value, patterns, .. } => {
            want(value, Kind::String, "the pattern", problems);
            for pattern in &patterns.items {
                check_pattern(pattern, problems);
            }
        }
        Expression::Arithmetic { left, right, .. } => {
            want(left, Kind::Number, "arithmetic", problems);
            want(right, Kind::Number, "arithmetic", problems);
        }
        Expression::Negate(inner) => want(inner, Kind::Number, "`-`", problems),
        Expression::Call { function, arguments, .. } => {
            if *function == Function::CidrMatch {
                arguments.iter().take(1).for_each(|address| want_field(address, problems));
            }
            let signature = function.signature();
            let name = format!("`{}`", signature.name);
            let constants = function.constants_from();
            for (index, argument) in arguments.iter().enumerate() {
                if index >= constants && !Expression::is_constant(argument) {
                    let message = format!("{name} expects a constant here, as Elasticsearch does");
                    let problem = Diagnostic::error(WRONG_ARGUMENTS, argument.span, message);
                    problems.push(problem.hint("a text needs double quotes"));
                }
                let last = signature.parameters.len() - 1;
                want(argument, signature.parameters[index.min(last)], &name, problems);
            }
        }
    }
}

/// Checks an operand, and that it is what its place wants.
fn want(operand: &Node<Expression>, wanted: Kind, place: &str, problems: &mut Problems) {
    check(operand, problems);
    let found = kind_of(operand);
    if !found.fits(wanted) {
        let message = format!("{place} expects {}, found {}", wanted.words(), found.words());
        let problem = Diagnostic::error(TYPE_MISMATCH, operand.span, message);
        let is_predicate = matches!(operand.node, Expression::In { .. } | Expression::Match { .. });
        problems.push(if wanted == Kind::Number && is_predicate {
            problem.hint("`in`, `:`, `like` and `regex` look at what stands right before them: put that in parentheses")
        } else {
            problem
        });
    }
}

/// Reports an address that is computed: Elasticsearch has addresses in fields only.
fn want_field(address: &Node<Expression>, problems: &mut Problems) {
    if !matches!(address.node, Expression::Field(_) | Expression::Literal(Value::Null)) {
        let message = format!("`cidrMatch` expects an `ip` field, found {}", kind_of(address).words());
        problems.push(Diagnostic::error(TYPE_MISMATCH, address.span, message));
    }
}

fn check_pattern(pattern: &Node<Value>, problems: &mut Problems) {
    if pattern.node.as_str().is_none() {
        let message = format!("a pattern is a string, found {}", pattern.node.kind());
        let problem = Diagnostic::error(TYPE_MISMATCH, pattern.span, message);
        problems.push(if pattern.node.is_null() {
            problem.hint("whether a field has a value is asked by `== null`")
        } else {
            problem.hint("numbers and booleans are compared with `==` or `in`")
        });
    }
}

fn check_sides(
    operator: Comparison,
    left: &Node<Expression>,
    right: &Node<Expression>,
    problems: &mut Problems,
) {
    let (left_kind, right_kind) = (kind_of(left), kind_of(right));
    let span = left.span.to(right.span);
    if !left_kind.fits(right_kind) {
        let message =
            format!("`{}` compares {} with {}", operator.symbol(), left_kind.words(), right_kind.words());
        let problem = Diagnostic::error(TYPE_MISMATCH, span, message);
        let minus = [left, right].into_iter().any(|side| matches!(side.node, Expression::Arithmetic { .. }));
        problems.push(if minus && (left_kind == Kind::String || right_kind == Kind::String) {
            problem.hint("a name with `-`, `+`, `*` or `/` in it needs backticks: `` `user-agent` ``")
        } else {
            problem
        });
    } else if !matches!(operator, Comparison::Equal | Comparison::NotEqual)
        && (left_kind == Kind::Boolean || right_kind == Kind::Boolean)
    {
        let message = format!("`{}` expects numbers, strings or dates, found a boolean", operator.symbol());
        problems.push(Diagnostic::error(TYPE_MISMATCH, span, message));
    }
}

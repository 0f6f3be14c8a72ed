//! Syntax to meaning: every clause becomes a leaf, a constant or a script, as Elasticsearch's translator does it.

use super::cidr::Block;
use super::compute::{compute, is_null_literal};
use super::condition::{Condition, Leaf};
use super::function::Kind;
use super::kinds::{check, kind_of};
use super::problems::Problems;
use super::syntax::{Comparison, Expression, PatternKind};
use super::{Function, Patterns, Regex, RegexError, Value};
use crate::diagnostic::{
    CANNOT_COMPUTE, Diagnostic, FIELD_TO_FIELD, INVALID_REGEX, INVALID_VALUE, NOT_A_CONDITION, Node, Span,
    UNSUPPORTED_REGEX, WRONG_ARGUMENTS,
};

type Expr = Node<Expression>;

/// The meaning of `expression`, with every optional field for which `is_unmapped` holds taken for `null`.
///
/// # Errors
/// Every part that means nothing, or that cannot be run.
pub(super) fn normalize(
    expression: &Expr,
    is_unmapped: &dyn Fn(&str) -> bool,
) -> Result<Node<Condition>, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    check(expression, &mut problems);
    let mut normalizer = Normalizer { is_unmapped, problems: Problems::default() };
    let condition = normalizer.condition(&normalizer.resolved(expression));
    problems.add_others(normalizer.problems.sorted());
    if problems.is_empty() { Ok(condition) } else { Err(problems.sorted()) }
}

struct Normalizer<'a> {
    is_unmapped: &'a dyn Fn(&str) -> bool,
    problems: Problems,
}

impl Normalizer<'_> {
    fn condition(&mut self, expression: &Expr) -> Node<Condition> {
        let condition = match &expression.node {
            Expression::And(items) => Condition::all(self.conditions(items)),
            Expression::Or(items) => Condition::any(self.conditions(items)),
            Expression::Not(inner) => Condition::negated(self.condition(inner)),
            Expression::Field(field) => {
                Condition::Leaf(Leaf::Truth { field: Node::new(expression.span, field.name.clone()) })
            }
            _ if kind_of(expression) != Kind::Boolean && !is_null_literal(expression) => {
                let kind = kind_of(expression).words();
                let message = format!("expected a condition, found {kind}");
                self.problems.push(Diagnostic::error(NOT_A_CONDITION, expression.span, message));
                Condition::Constant(None)
            }
            _ if Expression::is_constant(expression) => self.constant_condition(expression),
            Expression::Compare { operator, left, right } => {
                self.comparison(expression, *operator, left, right)
            }
            Expression::In { value, items, ignore_case } => {
                self.membership(expression, value, items, *ignore_case)
            }
            Expression::Match { value, patterns } => self.matching(expression, value, patterns),
            Expression::Call { function, ignore_case, arguments } => {
                self.call(expression, *function, *ignore_case, arguments)
            }
            Expression::Literal(_) | Expression::Arithmetic { .. } | Expression::Negate(_) => {
                Condition::Constant(None)
            }
        };
        Node::new(expression.span, condition)
    }

    fn conditions(&mut self, items: &[Expr]) -> Vec<Node<Condition>> {
        items.iter().map(|item| self.condition(item)).collect()
    }

    fn constant_condition(&mut self, expression: &Expr) -> Condition {
        match self.constant(expression) {
            Value::Boolean(truth) => Condition::Constant(Some(truth)),
            _ => Condition::Constant(None),
        }
    }

    /// The value of an expression without fields.
    fn constant(&mut self, expression: &Expr) -> Value {
        compute(expression, &mut |_| Value::Null).unwrap_or_else(|trouble| {
            self.problems.push(Diagnostic::error(CANNOT_COMPUTE, trouble.span, trouble.reason));
            Value::Null
        })
    }

    fn comparison(&mut self, whole: &Expr, operator: Comparison, left: &Expr, right: &Expr) -> Condition {
        if operator == Comparison::NotEqual {
            let equal = self.comparison(whole, Comparison::Equal, left, right);
            return Condition::negated(Node::new(whole.span, equal));
        }
        if Expression::is_constant(left) {
            return self.comparison(whole, operator.flipped(), right, left);
        }
        if !Expression::is_constant(right) {
            let message = "a field cannot be compared with a field";
            let hint = if [left, right].into_iter().any(is_miscased_constant) {
                "`true`, `false` and `null` are in lower case"
            } else {
                "Elasticsearch compares fields with constants only; a text needs double quotes"
            };
            self.problems.push(Diagnostic::error(FIELD_TO_FIELD, whole.span, message).hint(hint));
            return Condition::Constant(None);
        }
        if operator == Comparison::Equal && is_null_literal(right) {
            return match field_of(left) {
                Some(field) => Condition::Leaf(Leaf::IsNull { field }),
                None => self.script(&equality(whole, left, right)),
            };
        }
        let value = self.constant(right);
        match (field_of(left), value) {
            (_, Value::Null) => Condition::Constant(None),
            (Some(field), value) => {
                Condition::Leaf(Leaf::Compare { field, operator, value: Node::new(right.span, value) })
            }
            (None, Value::Boolean(truth)) if is_call(left) => {
                let call = self.condition(left);
                if truth { call.node } else { Condition::negated(call) }
            }
            (None, _) => self.script(&compared(whole, operator, left, right)),
        }
    }

    fn membership(&mut self, whole: &Expr, value: &Expr, items: &[Expr], ignore_case: bool) -> Condition {
        if let Some(field) = items.iter().find(|item| !Expression::is_constant(item)) {
            let problem = Diagnostic::error(FIELD_TO_FIELD, field.span, "a list holds constants only")
                .hint("a text needs double quotes");
            self.problems.push(problem);
            return Condition::Constant(None);
        }
        if is_null_literal(value) {
            return Condition::Constant(None);
        }
        let values: Vec<_> = items.iter().map(|item| Node::new(item.span, self.constant(item))).collect();
        let values: Vec<_> = values.into_iter().filter(|item| !item.node.is_null()).collect();
        if values.is_empty() {
            return Condition::Constant(Some(false));
        }
        match field_of(value) {
            Some(field) => Condition::Leaf(Leaf::OneOf { field, values, ignore_case }),
            None => self.script(whole),
        }
    }

    fn matching(&mut self, whole: &Expr, value: &Expr, patterns: &Patterns) -> Condition {
        if is_null_literal(value) {
            return Condition::Constant(None);
        }
        let texts = patterns.texts().collect();
        match (field_of(value), patterns.kind) {
            (Some(field), PatternKind::Wildcard) => {
                Condition::Leaf(Leaf::Like { field, patterns: texts, ignore_case: patterns.ignore_case })
            }
            (Some(field), PatternKind::Regex) => self.regex(field, &texts, patterns.ignore_case),
            (None, _) => self.script(whole),
        }
    }

    /// Several patterns are one, joined by `|`, as Elasticsearch does it.
    fn regex(&mut self, field: Node<String>, patterns: &[Node<String>], ignore_case: bool) -> Condition {
        let texts: Vec<&str> = patterns.iter().map(|pattern| pattern.node.as_str()).collect();
        let span = patterns.iter().map(|pattern| pattern.span).reduce(Span::to).unwrap_or(field.span);
        match Regex::new(&texts.join("|"), ignore_case) {
            Ok(regex) => Condition::Leaf(Leaf::Regex { field, regex: Node::new(span, regex) }),
            Err(error) => {
                let message = format!("the regular expression cannot be used: {error}");
                self.problems.push(Diagnostic::error(INVALID_REGEX, span, message));
                Condition::Constant(None)
            }
        }
    }

    fn call(&mut self, whole: &Expr, function: Function, ignore_case: bool, arguments: &[Expr]) -> Condition {
        let Some((first, rest)) = arguments.split_first() else { return Condition::Constant(None) };
        let constants = rest.iter().all(Expression::is_constant);
        let (Some(field), true) = (field_of(first), constants) else {
            return self.computed_call(whole, first);
        };
        let values: Vec<_> = rest.iter().map(|item| Node::new(item.span, self.constant(item))).collect();
        if let Some(null) = values.iter().find(|value| value.node.is_null()) {
            // Only blocks and patterns have to be given; a text that is null makes the whole null.
            if matches!(function, Function::CidrMatch | Function::Wildcard) {
                let message = format!("`{}` expects strings, found null", function.signature().name);
                self.problems.push(Diagnostic::error(WRONG_ARGUMENTS, null.span, message));
            }
            return Condition::Constant(None);
        }
        let texts: Vec<_> =
            values.into_iter().map(|value| Node::new(value.span, value.node.to_string())).collect();
        match function {
            Function::CidrMatch => self.cidr(field, texts),
            Function::Wildcard => Condition::Leaf(Leaf::Like { field, patterns: texts, ignore_case }),
            _ => substring_test(field, function, ignore_case, texts),
        }
    }

    /// A call whose arguments are not a field and constants.
    fn computed_call(&mut self, whole: &Expr, first: &Expr) -> Condition {
        // A null text makes the call null, whatever the other arguments are.
        if is_null_literal(first) { Condition::Constant(None) } else { self.script(whole) }
    }

    /// Reports every pattern in an expression that computed values cannot be matched with.
    fn check_computed_patterns(&mut self, expression: &Expr) {
        Expression::each_match(expression, &mut |node, patterns| {
            let Some(error) = patterns.problem() else { return };
            let message = format!("the regular expression over a computed value cannot be used: {error}");
            let code = if matches!(error, RegexError::Unsupported { .. }) {
                UNSUPPORTED_REGEX
            } else {
                INVALID_REGEX
            };
            let hint = "over a computed value Elasticsearch reads it as Java does; `like` and the string functions often do";
            self.problems.push(Diagnostic::error(code, node.span, message).hint(hint));
        });
    }

    fn cidr(&mut self, field: Node<String>, texts: Vec<Node<String>>) -> Condition {
        let mut blocks = Vec::with_capacity(texts.len());
        for Node { span, node } in texts {
            if let Some(block) = Block::parse(&node) {
                blocks.push(Node::new(span, (node, block)));
            } else {
                let message = format!("expected a block of addresses, found `{node}`");
                self.problems.push(
                    Diagnostic::error(INVALID_VALUE, span, message)
                        .hint("a block is written as `10.0.0.0/8` or `2001:db8::/32`"),
                );
            }
        }
        Condition::Leaf(Leaf::Cidr { field, blocks })
    }

    fn script(&mut self, expression: &Expr) -> Condition {
        self.check_computed_patterns(expression);
        Condition::Leaf(Leaf::Script(Box::new(expression.clone())))
    }

    /// The same expression with `null` for every optional field that is not mapped.
    fn resolved(&self, expression: &Expr) -> Expr {
        let all = |items: &[Expr]| items.iter().map(|item| self.resolved(item)).collect();
        let one = |item: &Expr| Box::new(self.resolved(item));
        let node = match &expression.node {
            Expression::Field(field) if field.optional && (self.is_unmapped)(&field.name) => {
                Expression::Literal(Value::Null)
            }
            Expression::Literal(_) | Expression::Field(_) => expression.node.clone(),
            Expression::Not(inner) => Expression::Not(one(inner)),
            Expression::Negate(inner) => Expression::Negate(one(inner)),
            Expression::And(items) => Expression::And(all(items)),
            Expression::Or(items) => Expression::Or(all(items)),
            Expression::Compare { operator, left, right } => {
                Expression::Compare { operator: *operator, left: one(left), right: one(right) }
            }
            Expression::Arithmetic { operator, left, right } => {
                Expression::Arithmetic { operator: *operator, left: one(left), right: one(right) }
            }
            Expression::In { value, items, ignore_case } => {
                Expression::In { value: one(value), items: all(items), ignore_case: *ignore_case }
            }
            Expression::Match { value, patterns } => {
                Expression::Match { value: one(value), patterns: patterns.clone() }
            }
            Expression::Call { function, ignore_case, arguments } => {
                Expression::Call { function: *function, ignore_case: *ignore_case, arguments: all(arguments) }
            }
        };
        Node::new(expression.span, node)
    }
}

fn field_of(expression: &Expr) -> Option<Node<String>> {
    match &expression.node {
        Expression::Field(field) => Some(Node::new(expression.span, field.name.clone())),
        _ => None,
    }
}

/// Whether it is a bare name that looks like a constant of another language.
fn is_miscased_constant(expression: &Expr) -> bool {
    field_of(expression).is_some_and(|field| {
        ["true", "false", "null", "none", "nil"].iter().any(|name| field.node.eq_ignore_ascii_case(name))
    })
}

fn is_call(expression: &Expr) -> bool {
    matches!(expression.node, Expression::Call { .. })
}

fn equality(whole: &Expr, left: &Expr, right: &Expr) -> Expr {
    compared(whole, Comparison::Equal, left, right)
}

fn compared(whole: &Expr, operator: Comparison, left: &Expr, right: &Expr) -> Expr {
    let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
    Node::new(whole.span, Expression::Compare { operator, left, right })
}

/// `startsWith`, `endsWith` and `stringContains` of a field and a constant.
fn substring_test(
    field: Node<String>,
    function: Function,
    ignore_case: bool,
    texts: Vec<Node<String>>,
) -> Condition {
    let Some(Node { span, node: text }) = texts.into_iter().next() else { return Condition::Constant(None) };
    let pattern = match function {
        Function::StartsWith => {
            return Condition::Leaf(Leaf::Prefix { field, prefix: Node::new(span, text), ignore_case });
        }
        Function::EndsWith => format!("*{text}"),
        _ => format!("*{text}*"),
    };
    Condition::Leaf(Leaf::Lucene { field, pattern: Node::new(span, pattern), ignore_case })
}

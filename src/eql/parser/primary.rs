//! What operators stand between: constants, fields, calls, parentheses, and the predicates that follow them.

use super::{Expression, Failed, Keyword, Kind, Node, Parsed, Parser, Symbol, Token};
use crate::diagnostic::{
    ARRAY_INDEX, Diagnostic, Span, UNCLOSED_PARENTHESIS, UNEXPECTED_TOKEN, UNKNOWN_FUNCTION, WRONG_ARGUMENTS,
};
use crate::eql::syntax::{FieldName, PatternKind};
use crate::eql::{Function, Patterns, Value};

impl Parser<'_> {
    /// A primary and the predicate on it: `[not] in (…)`, `: …`, `like …`, `regex …`.
    pub(super) fn predicated(&mut self) -> Parsed<Node<Expression>> {
        let value = self.primary()?;
        let negated = self.at_keyword(Keyword::Not)
            && matches!(self.peek_after(1).kind, Kind::Keyword(Keyword::In) | Kind::InTilde);
        self.at += usize::from(negated);
        let (kind, ignore_case) = match self.peek().kind {
            Kind::Keyword(Keyword::In) => return self.membership(value, false, negated),
            Kind::InTilde => return self.membership(value, true, negated),
            Kind::Symbol(Symbol::Colon) | Kind::LikeTilde => (PatternKind::Wildcard, true),
            Kind::Keyword(Keyword::Like) => (PatternKind::Wildcard, false),
            Kind::Keyword(Keyword::Regex) => (PatternKind::Regex, false),
            Kind::RegexTilde => (PatternKind::Regex, true),
            _ => return Ok(value),
        };
        self.at += 1;
        let (patterns, end) = self.patterns()?;
        let span = value.span.to(end);
        Ok(Node::new(
            span,
            Expression::Match {
                value: Box::new(value),
                patterns: Box::new(Patterns::new(kind, patterns, ignore_case)),
            },
        ))
    }

    fn membership(
        &mut self,
        value: Node<Expression>,
        ignore_case: bool,
        negated: bool,
    ) -> Parsed<Node<Expression>> {
        self.at += 1;
        if !self.at_symbol(Symbol::LeftParenthesis) {
            return self.fail("a list in parentheses");
        }
        let (items, end) = self.list("a value", |parser| Ok(parser.or()))?;
        let span = value.span.to(end);
        let found = Node::new(span, Expression::In { value: Box::new(value), items, ignore_case });
        Ok(if negated { Node::new(span, Expression::Not(Box::new(found))) } else { found })
    }

    /// One constant, or a list of them.
    fn patterns(&mut self) -> Parsed<(Vec<Node<Value>>, Span)> {
        if self.at_symbol(Symbol::LeftParenthesis) {
            return self.list("a string", Self::constant);
        }
        let pattern = self.constant()?;
        let span = pattern.span;
        Ok((vec![pattern], span))
    }

    fn constant(&mut self) -> Parsed<Node<Value>> {
        let Token { span, kind } = self.peek();
        let value = match kind {
            Kind::Literal(value) => value.clone(),
            Kind::Keyword(Keyword::True) => Value::Boolean(true),
            Kind::Keyword(Keyword::False) => Value::Boolean(false),
            Kind::Keyword(Keyword::Null) => Value::Null,
            _ => return self.fail("a string"),
        };
        self.at += 1;
        Ok(Node::new(*span, value))
    }

    /// A list in parentheses, not empty, and where it ends.
    fn list<T>(&mut self, what: &str, read: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<(Vec<T>, Span)> {
        let open = self.peek().span;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.at_symbol(Symbol::RightParenthesis) {
                let hint = if items.is_empty() {
                    "a list holds one value at least"
                } else {
                    "take the last comma away"
                };
                let message = format!("expected {what}, found `)`");
                let problem = Diagnostic::error(UNEXPECTED_TOKEN, self.peek().span, message).hint(hint);
                self.problems.push(problem);
            } else {
                items.push(self.nested(&read)?);
            }
            if !self.eat(Symbol::Comma) {
                return Ok((items, self.close(open, "`,` or `)`")?));
            }
        }
    }

    /// Takes the `)` that belongs to `open`.
    fn close(&mut self, open: Span, expected: &str) -> Parsed<Span> {
        let span = self.peek().span;
        if self.eat(Symbol::RightParenthesis) {
            return Ok(span);
        }
        if self.gave_up {
            return Err(Failed);
        }
        if self.at_end() && !self.problems.is_full() {
            self.problems.push(Diagnostic::error(UNCLOSED_PARENTHESIS, open, "`(` is never closed"));
            return Err(Failed);
        }
        self.fail(expected)
    }

    fn primary(&mut self) -> Parsed<Node<Expression>> {
        let Token { span, kind } = self.peek();
        match kind {
            Kind::Symbol(Symbol::LeftParenthesis) => self.parenthesis(*span),
            Kind::TildeWord => self.call(),
            Kind::Word if self.peek_after(1).kind == Kind::Symbol(Symbol::LeftParenthesis) => self.call(),
            Kind::Word | Kind::QuotedName(_) | Kind::Symbol(Symbol::Question) => self.field(),
            Kind::Literal(_) | Kind::Keyword(Keyword::True | Keyword::False | Keyword::Null) => {
                let Node { span, node } = self.constant()?;
                Ok(Node::new(span, Expression::Literal(node)))
            }
            _ => self.fail("a field, a value, a function or `(`"),
        }
    }

    fn parenthesis(&mut self, open: Span) -> Parsed<Node<Expression>> {
        self.at += 1;
        let inner = self.nested(|parser| Ok(parser.or()))?;
        self.close(open, "`)`")?;
        Ok(inner)
    }

    /// `name(…)` or `name~(…)`.
    fn call(&mut self) -> Parsed<Node<Expression>> {
        let Token { span, kind } = self.peek();
        let ignore_case = *kind == Kind::TildeWord;
        let name = self.source(*span).trim_end_matches('~');
        self.at += 1;
        if !self.at_symbol(Symbol::LeftParenthesis) {
            return self.fail("`(` after the name of a function");
        }
        let (arguments, end) = if self.peek_after(1).kind == Kind::Symbol(Symbol::RightParenthesis) {
            self.at += 2;
            (Vec::new(), self.peek_before())
        } else {
            self.list("an argument", |parser| Ok(parser.or()))?
        };
        let Some(function) = Function::from_name(name) else {
            self.unknown_function(name, *span);
            return Err(Failed);
        };
        self.check_call(function, ignore_case, arguments.len(), *span);
        Ok(Node::new(span.to(end), Expression::Call { function, ignore_case, arguments }))
    }

    /// Where the token before the next one stands.
    fn peek_before(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn unknown_function(&mut self, name: &str, span: Span) {
        let problem = Diagnostic::error(UNKNOWN_FUNCTION, span, format!("there is no function `{name}`"));
        let problem = match (name, Function::nearest(name)) {
            ("match" | "matchLite", _) => {
                problem.hint("Elasticsearch's EQL has the `regex` operator instead")
            }
            (_, Some(nearest)) => problem.hint(format!("did you mean `{nearest}`?")),
            _ => problem,
        };
        self.problems.push(problem);
    }

    fn check_call(&mut self, function: Function, ignore_case: bool, given: usize, span: Span) {
        let signature = function.signature();
        let most = if signature.variadic { usize::MAX } else { signature.parameters.len() };
        if !(signature.required..=most).contains(&given) {
            let wanted = match (signature.required, most) {
                (least, usize::MAX) => format!("{least} arguments or more"),
                (least, most) if least == most => {
                    format!("{least} argument{}", if least == 1 { "" } else { "s" })
                }
                (least, most) => format!("{least} to {most} arguments"),
            };
            let message = format!("`{}` expects {wanted}, found {given}", signature.name);
            self.problems.push(Diagnostic::error(WRONG_ARGUMENTS, span, message));
        }
        if ignore_case && !signature.tilde {
            let message = format!("`{}` has no form that ignores case", signature.name);
            self.problems.push(Diagnostic::error(UNKNOWN_FUNCTION, span, message).hint("take the `~` away"));
        }
    }

    /// `[?]a.b.c`, each part bare or in backticks.
    fn field(&mut self) -> Parsed<Node<Expression>> {
        let start = self.peek().span;
        let optional = self.eat(Symbol::Question);
        let mut name = self.field_part()?;
        let mut end = self.peek_before();
        while self.eat(Symbol::Dot) {
            name.push('.');
            name.push_str(&self.field_part()?);
            end = self.peek_before();
        }
        let span = start.to(end);
        if self.at_symbol(Symbol::LeftBracket) {
            let problem =
                Diagnostic::error(ARRAY_INDEX, self.peek().span, "an element of an array cannot be queried")
                    .hint("a condition holds if any value of the field satisfies it: leave `[…]` away");
            self.problems.push(problem);
            return Err(Failed);
        }
        Ok(Node::new(span, Expression::Field(FieldName { name, optional })))
    }

    fn field_part(&mut self) -> Parsed<String> {
        let Token { span, kind } = self.peek();
        let part = match kind {
            Kind::Word => self.source(*span).to_owned(),
            Kind::QuotedName(name) => name.clone(),
            _ => return self.fail("the name of a field"),
        };
        self.at += 1;
        Ok(part)
    }
}

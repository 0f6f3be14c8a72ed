//! Conditions and operators, loosest first: `or`, `and`, `not`, comparisons, sums, products, signs.

use super::{Expression, Failed, Keyword, Kind, MAX_DEPTH, Node, Parsed, Parser, Symbol};
use crate::diagnostic::{Diagnostic, KEYWORD_CASE, UNEXPECTED_TOKEN};
use crate::eql::Value;
use crate::eql::syntax::{Arithmetic, Comparison};

impl Parser<'_> {
    /// `x or y or …`; always gives something, having reported what is wrong.
    pub(super) fn or(&mut self) -> Node<Expression> {
        let mut items = vec![self.and()];
        while self.eat_or() {
            items.push(self.and());
        }
        joined(items, Expression::Or)
    }

    fn and(&mut self) -> Node<Expression> {
        let mut items = vec![self.operand()];
        while self.eat_and() {
            items.push(self.operand());
        }
        joined(items, Expression::And)
    }

    /// One clause, up to `and`, `or`, a closing parenthesis, a comma or the end.
    fn operand(&mut self) -> Node<Expression> {
        let start = self.peek().span;
        match self.not() {
            Ok(clause) if self.ends_clause() => return clause,
            Ok(_) => self.unexpected("an operator, `and`, `or` or the end of the clause"),
            Err(Failed) => {}
        }
        self.resync();
        // Never looked at, as a problem has been reported.
        Node::new(start, Expression::Literal(Value::Null))
    }

    fn ends_clause(&self) -> bool {
        match &self.peek().kind {
            Kind::End | Kind::Keyword(Keyword::And | Keyword::Or) => true,
            Kind::Symbol(symbol) => matches!(
                symbol,
                Symbol::RightParenthesis
                    | Symbol::Comma
                    | Symbol::Pipe
                    | Symbol::DoublePipe
                    | Symbol::DoubleAmpersand
            ),
            Kind::Word => self.miscased("and") || self.miscased("or"),
            _ => false,
        }
    }

    /// Skips what is left of a clause, parentheses in it included.
    pub(super) fn resync(&mut self) {
        let mut open = 0_usize;
        while !self.at_end() && (open > 0 || !self.ends_clause()) {
            match self.peek().kind {
                Kind::Symbol(Symbol::LeftParenthesis | Symbol::LeftBracket) => open += 1,
                Kind::Symbol(Symbol::RightParenthesis | Symbol::RightBracket) => {
                    open = open.saturating_sub(1);
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    pub(super) fn eat_joiner(&mut self) -> bool {
        self.eat_and() || self.eat_or()
    }

    fn eat_and(&mut self) -> bool {
        self.eat_word(Keyword::And, Symbol::DoubleAmpersand)
    }

    fn eat_or(&mut self) -> bool {
        self.eat_word(Keyword::Or, Symbol::DoublePipe)
    }

    /// Takes a keyword, or, after saying what is right, one in capitals or its symbol in other languages.
    fn eat_word(&mut self, keyword: Keyword, symbol: Symbol) -> bool {
        if self.at_keyword(keyword) {
            self.at += 1;
            return true;
        }
        let name = keyword.text();
        if self.miscased(name) {
            let found = self.source(self.peek().span);
            let problem = Diagnostic::error(
                KEYWORD_CASE,
                self.peek().span,
                format!("expected `{name}`, found `{found}`"),
            )
            .hint("keywords are in lower case");
            self.problems.push(problem);
        } else if self.at_symbol(symbol) {
            let message = format!("expected `{name}`, found `{}`", symbol.text());
            self.problems.push(
                Diagnostic::error(UNEXPECTED_TOKEN, self.peek().span, message)
                    .hint(format!("EQL writes it as `{name}`")),
            );
        } else {
            return false;
        }
        self.at += 1;
        true
    }

    /// Whether the next token is that word in capitals.
    pub(super) fn miscased(&self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Word && self.source(token.span).eq_ignore_ascii_case(word)
    }

    fn not(&mut self) -> Parsed<Node<Expression>> {
        let start = self.peek().span;
        let capital = self.miscased("not")
            && !matches!(
                self.peek_after(1).kind,
                Kind::Symbol(Symbol::Dot | Symbol::Equal | Symbol::NotEqual | Symbol::Colon)
            );
        if !(self.at_keyword(Keyword::Not) || capital || self.at_symbol(Symbol::Exclamation)) {
            return self.comparison();
        }
        if !self.at_keyword(Keyword::Not) {
            let found = self.source(start);
            self.problems.push(
                Diagnostic::error(KEYWORD_CASE, start, format!("expected `not`, found `{found}`"))
                    .hint("negation is written `not`, in lower case"),
            );
        }
        self.at += 1;
        let inner = self.nested(Self::not)?;
        Ok(Node::new(start.to(inner.span), Expression::Not(Box::new(inner))))
    }

    fn comparison(&mut self) -> Parsed<Node<Expression>> {
        let left = self.additive()?;
        let Some(operator) = self.comparison_operator() else { return Ok(left) };
        let right = self.additive()?;
        let span = left.span.to(right.span);
        let next = self.peek().span;
        if self.comparison_operator().is_some() {
            let message =
                format!("comparisons cannot be chained, found a second one at `{}`", self.source(next));
            self.problems.push(
                Diagnostic::error(UNEXPECTED_TOKEN, next, message).hint("join two comparisons with `and`"),
            );
            return Err(Failed);
        }
        Ok(Node::new(span, Expression::Compare { operator, left: Box::new(left), right: Box::new(right) }))
    }

    /// Takes a comparison operator; `=` is taken for the `==` it was meant to be, after saying so.
    fn comparison_operator(&mut self) -> Option<Comparison> {
        let Kind::Symbol(symbol) = self.peek().kind else { return None };
        let operator = match symbol {
            Symbol::Equal => Comparison::Equal,
            Symbol::NotEqual => Comparison::NotEqual,
            Symbol::Less => Comparison::Less,
            Symbol::LessOrEqual => Comparison::LessOrEqual,
            Symbol::Greater => Comparison::Greater,
            Symbol::GreaterOrEqual => Comparison::GreaterOrEqual,
            Symbol::Assign => {
                self.problems.push(
                    Diagnostic::error(UNEXPECTED_TOKEN, self.peek().span, "expected `==`, found `=`")
                        .hint("`==` compares; `:` does so without regard to case and with wildcards"),
                );
                Comparison::Equal
            }
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    /// Sums, from the left.
    pub(super) fn additive(&mut self) -> Parsed<Node<Expression>> {
        self.chain(Self::multiplicative, |symbol| match symbol {
            Symbol::Plus => Some(Arithmetic::Add),
            Symbol::Minus => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    /// Products, from the left.
    fn multiplicative(&mut self) -> Parsed<Node<Expression>> {
        self.chain(Self::signed, |symbol| match symbol {
            Symbol::Star => Some(Arithmetic::Multiply),
            Symbol::Slash => Some(Arithmetic::Divide),
            Symbol::Percent => Some(Arithmetic::Modulo),
            _ => None,
        })
    }

    /// Operands of one precedence; the tree grows one level with each of them.
    fn chain(
        &mut self,
        operand: impl Fn(&mut Self) -> Parsed<Node<Expression>>,
        operator: impl Fn(Symbol) -> Option<Arithmetic>,
    ) -> Parsed<Node<Expression>> {
        let mut left = operand(self)?;
        let mut links = 0;
        while let Kind::Symbol(symbol) = self.peek().kind
            && let Some(operator) = operator(symbol)
        {
            links += 1;
            if self.depth + links > MAX_DEPTH {
                return self.too_deep();
            }
            self.at += 1;
            let right = operand(self)?;
            let span = left.span.to(right.span);
            let (boxed_left, boxed_right) = (Box::new(left), Box::new(right));
            left = Node::new(span, Expression::Arithmetic { operator, left: boxed_left, right: boxed_right });
        }
        Ok(left)
    }

    fn signed(&mut self) -> Parsed<Node<Expression>> {
        let start = self.peek().span;
        if self.eat(Symbol::Minus) {
            let inner = self.nested(Self::signed)?;
            return Ok(Node::new(start.to(inner.span), Expression::Negate(Box::new(inner))));
        }
        if self.eat(Symbol::Plus) {
            return self.nested(Self::signed);
        }
        self.predicated()
    }
}

/// One item as it is, several as a list.
fn joined(
    mut items: Vec<Node<Expression>>,
    make: impl Fn(Vec<Node<Expression>>) -> Expression,
) -> Node<Expression> {
    match (items.len(), items.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            items.extend(last);
            let span = items.iter().map(|item| item.span).reduce(crate::diagnostic::Span::to);
            Node::new(span.unwrap_or_default(), make(items))
        }
    }
}

//! Tokens to the syntax tree, by recursive descent; goes on after an error where a clause ends.

mod expression;
mod hints;
mod primary;

use super::lexer;
use super::problems::Problems;
use super::syntax::{Category, Expression, Pipe};
use super::token::{Keyword, Kind, Symbol, Token};
use super::{Value, compute};
use crate::diagnostic::{
    Diagnostic, NO_CATEGORY, Node, Span, TOO_DEEP, UNEXPECTED_TOKEN, UNSUPPORTED_PIPE, UNSUPPORTED_SEQUENCE,
};

/// How many parts may stand inside each other. The public rules need 10.
pub(super) const MAX_DEPTH: usize = 100;

/// What a text says, before its meaning is looked at.
pub(super) struct Statement {
    pub category: Node<Category>,
    pub condition: Node<Expression>,
    pub pipes: Vec<Node<Pipe>>,
}

/// Says that a part could not be read; why has been reported.
#[derive(Debug, Clone, Copy)]
struct Failed;

type Parsed<T> = Result<T, Failed>;

/// Reads a whole text: what could be read of it, and every problem of its form, up to [`super::problems::LIMIT`].
///
/// A clause that could not be read is `null`.
pub(super) fn statement(text: &str) -> (Option<Statement>, Problems) {
    let (tokens, problems) = lexer::tokens(text);
    let mut parser = Parser { text, tokens: &tokens, at: 0, depth: 0, gave_up: false, problems };
    let statement = parser.statement().ok();
    (statement, parser.problems)
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    /// Whether the rest was passed over, so that what it would have closed is open.
    gave_up: bool,
    problems: Problems,
}

impl<'t> Parser<'t> {
    fn statement(&mut self) -> Parsed<Statement> {
        if let Kind::Keyword(word @ (Keyword::Sequence | Keyword::Sample | Keyword::Join)) = self.peek().kind
        {
            let message = format!("a `{}` is not supported yet", word.text());
            let problem = Diagnostic::error(UNSUPPORTED_SEQUENCE, self.peek().span, message)
                .hint("only queries over single events run: `category where condition`");
            self.problems.push(problem);
            return Err(Failed);
        }
        let category = self.category()?;
        let condition = self.whole_condition();
        let mut pipes = Vec::new();
        while self.eat(Symbol::Pipe) {
            match self.pipe() {
                Ok(pipe) => pipes.push(pipe),
                Err(Failed) => self.skip_to_pipe(),
            }
        }
        Ok(Statement { category, condition, pipes })
    }

    fn category(&mut self) -> Parsed<Node<Category>> {
        let Token { span, kind } = self.peek();
        let category = match kind {
            Kind::Keyword(Keyword::Any) => Category::Any,
            Kind::Word => Category::Named(self.source(*span).to_owned()),
            Kind::Literal(Value::String(name)) => Category::Named(name.clone()),
            _ => return self.no_category(),
        };
        if !matches!(self.peek_after(1).kind, Kind::Keyword(Keyword::Where)) {
            return self.no_category();
        }
        let node = Node::new(*span, category);
        self.at += 2;
        Ok(node)
    }

    fn no_category<T>(&mut self) -> Parsed<T> {
        let begins_well = matches!(self.peek().kind, Kind::Keyword(Keyword::Any) | Kind::Word);
        if let Some(problem) = hints::other_language(self.text, self.peek().span) {
            // What else is odd about it is no help to its author.
            self.problems = Problems::default();
            self.problems.push(problem);
            return Err(Failed);
        }
        self.at += usize::from(begins_well);
        let expected = if begins_well { "`where` after the category" } else { "a category and `where`" };
        let message = format!("expected {expected}, found {}", self.describe_next());
        let problem = Diagnostic::error(NO_CATEGORY, self.peek().span, message)
            .hint("begin with `any where …`, or with one category such as `process where …`");
        self.problems.push(problem);
        Err(Failed)
    }

    /// The condition; anything after it that is no pipe is reported, and the clauses after that are read too.
    fn whole_condition(&mut self) -> Node<Expression> {
        let condition = self.or();
        while !self.at_end() && !self.at_symbol(Symbol::Pipe) {
            if self.at_symbol(Symbol::RightParenthesis) {
                let problem =
                    Diagnostic::error(UNEXPECTED_TOKEN, self.peek().span, "no `(` belongs to this `)`");
                self.problems.push(problem);
            } else {
                self.unexpected("`and`, `or` or the end of the query");
            }
            self.at += 1;
            if self.problems.is_full() {
                self.at = self.tokens.len() - 1;
            } else if self.eat_joiner() {
                self.or();
            } else {
                self.resync();
            }
        }
        condition
    }

    fn pipe(&mut self) -> Parsed<Node<Pipe>> {
        let span = self.peek().span;
        let name = self.source(span);
        let make = match name {
            "head" => Pipe::Head,
            "tail" => Pipe::Tail,
            "count" | "filter" | "sort" | "unique" | "unique_count" => {
                let problem =
                    Diagnostic::error(UNSUPPORTED_PIPE, span, format!("the pipe `{name}` is not supported"))
                        .hint("Elasticsearch has `head` and `tail` only");
                self.problems.push(problem);
                return Err(Failed);
            }
            _ => {
                let message = format!("expected a pipe, `head` or `tail`, found {}", self.describe_next());
                let problem = Diagnostic::error(UNEXPECTED_TOKEN, span, message);
                // As in Sigma's `field|contains: value`.
                self.problems.push(match hints::other_operator(name) {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                });
                return Err(Failed);
            }
        };
        self.at += 1;
        let start = self.peek().span;
        let size = self.additive()?;
        let number = if Expression::is_constant(&size) {
            compute::compute(&size, &mut |_| Value::Null).ok().and_then(|value| value.as_integer())
        } else {
            None
        };
        if let Some(number) = number.and_then(|number| u64::try_from(number).ok()) {
            return Ok(Node::new(span.to(size.span), make(number)));
        }
        let message = format!("expected a whole number of events, found `{}`", self.source(size.span));
        self.problems.push(Diagnostic::error(UNEXPECTED_TOKEN, start.to(size.span), message));
        Err(Failed)
    }

    fn skip_to_pipe(&mut self) {
        while !self.at_end() && !self.at_symbol(Symbol::Pipe) {
            self.at += 1;
        }
    }

    fn peek(&self) -> &'t Token {
        self.peek_after(0)
    }

    /// The token so many after the next; the end of the text past the last.
    fn peek_after(&self, count: usize) -> &'t Token {
        &self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    fn source(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn at_end(&self) -> bool {
        self.peek().kind == Kind::End
    }

    fn at_symbol(&self, symbol: Symbol) -> bool {
        self.peek().kind == Kind::Symbol(symbol)
    }

    fn at_keyword(&self, keyword: Keyword) -> bool {
        self.peek().kind == Kind::Keyword(keyword)
    }

    fn eat(&mut self, symbol: Symbol) -> bool {
        let found = self.at_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// Reports that the next token is not what is expected, unless the lexer has reported it.
    fn unexpected(&mut self, expected: &str) {
        if self.peek().kind == Kind::Invalid {
            return;
        }
        let message = format!("expected {expected}, found {}", self.describe_next());
        let problem = Diagnostic::error(UNEXPECTED_TOKEN, self.peek().span, message);
        let problem = match self.hint_for_next() {
            Some(hint) => problem.hint(hint),
            None => problem,
        };
        self.problems.push(problem);
    }

    fn fail<T>(&mut self, expected: &str) -> Parsed<T> {
        self.unexpected(expected);
        Err(Failed)
    }

    fn describe_next(&self) -> String {
        let Token { span, kind } = self.peek();
        match kind {
            Kind::End => "the end of the query".to_owned(),
            _ => format!("`{}`", hints::shortened(self.source(*span))),
        }
    }

    /// Reads a part one level deeper, unless it is too deep: then nothing more is read.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.too_deep();
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn too_deep<T>(&mut self) -> Parsed<T> {
        if !self.at_end() {
            let message = format!("the query is nested more than {MAX_DEPTH} levels deep");
            self.problems.push(Diagnostic::error(TOO_DEEP, self.peek().span, message));
            self.at = self.tokens.len() - 1;
            self.gave_up = true;
        }
        Err(Failed)
    }
}

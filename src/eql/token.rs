//! The tokens of EQL.

use super::Value;
use crate::diagnostic::Span;

/// One token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub span: Span,
    pub kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A bare name that is no keyword.
    Word,
    /// A name in backticks, unescaped.
    QuotedName(String),
    /// A name and `~`, for a function that ignores case.
    TildeWord,
    /// A string or a number.
    Literal(Value),
    Keyword(Keyword),
    /// `in~`, `like~`, `regex~`.
    InTilde,
    LikeTilde,
    RegexTilde,
    Symbol(Symbol),
    /// A text that is no token; the lexer has reported it.
    Invalid,
    /// The end of the text.
    End,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant),* }

        impl $name {
            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            pub(super) fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// The reserved words; lower-case only.
    Keyword {
        And = "and", Any = "any", By = "by", False = "false", In = "in", Join = "join", Like = "like",
        Maxspan = "maxspan", Not = "not", Null = "null", Of = "of", Or = "or", Regex = "regex",
        Sample = "sample", Sequence = "sequence", True = "true", Until = "until", Where = "where", With = "with",
    }
}

words! {
    /// Operators and punctuation. `&&`, `||` and `!` are no EQL, but are often written.
    Symbol {
        Equal = "==", NotEqual = "!=", LessOrEqual = "<=", GreaterOrEqual = ">=", Less = "<", Greater = ">",
        Assign = "=", Colon = ":", Plus = "+", Minus = "-", Star = "*", Slash = "/", Percent = "%",
        LeftParenthesis = "(", RightParenthesis = ")", LeftBracket = "[", RightBracket = "]",
        Comma = ",", Dot = ".", Question = "?", Pipe = "|",
        DoubleAmpersand = "&&", DoublePipe = "||", Exclamation = "!",
    }
}

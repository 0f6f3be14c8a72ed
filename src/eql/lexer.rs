//! Text to tokens, in one pass; what is no token is reported and stepped over.

use super::literal;
use super::problems::Problems;
use super::token::{Keyword, Kind, Symbol, Token};
use crate::diagnostic::{
    Diagnostic, Span, UNEXPECTED_CHARACTER, UNFINISHED_COMMENT, UNFINISHED_STRING, WRONG_QUOTES,
};

/// The tokens of `text`, the end of the text last, and the problems of their forms.
pub(super) fn tokens(text: &str) -> (Vec<Token>, Problems) {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), problems: Problems::default() };
    while lexer.at < text.len() {
        lexer.next();
    }
    lexer.push(text.len(), Kind::End);
    (lexer.tokens, lexer.problems)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    problems: Problems,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, start: usize, kind: Kind) {
        self.tokens.push(Token { span: Span::new(start, self.at), kind });
    }

    fn next(&mut self) {
        let start = self.at;
        let bytes = self.rest().as_bytes();
        let second = bytes.get(1).copied().unwrap_or_default();
        match (bytes[0], second) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => self.at += 1,
            (b'/', b'/') => self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len()),
            (b'/', b'*') => self.comment(),
            (b'"', _) => self.string(),
            (b'\'', _) => self.single_quoted(),
            (b'?', b'"' | b'\'') => self.question_quoted(),
            (b'`', _) => self.quoted_name(),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => self.number(),
            (first, _) if is_word_start(first) => self.word(),
            _ => self.symbol(start),
        }
    }

    /// Comments nest.
    fn comment(&mut self) {
        let (start, bytes) = (self.at, self.text.as_bytes());
        let mut depth = 0_usize;
        while self.at < bytes.len() {
            match (bytes[self.at], bytes.get(self.at + 1)) {
                (b'/', Some(b'*')) => (depth, self.at) = (depth + 1, self.at + 2),
                (b'*', Some(b'/')) => (depth, self.at) = (depth - 1, self.at + 2),
                _ => self.at += 1,
            }
            if depth == 0 {
                return;
            }
        }
        let problem =
            Diagnostic::error(UNFINISHED_COMMENT, Span::new(start, start + 2), "`/*` is never closed")
                .hint("comments nest: every `/*` needs a `*/` of its own");
        self.problems.push(problem);
        self.push(start, Kind::Invalid);
    }

    fn string(&mut self) {
        let start = self.at;
        let raw = self.rest().starts_with("\"\"\"");
        let end = if raw { literal::raw_end(self.rest()) } else { literal::quoted_end(self.rest(), '"') };
        let Some(length) = end else { return self.unfinished(if raw { "\"\"\"" } else { "\"" }) };
        self.at += length;
        let body = &self.text[start..self.at];
        let value = if raw {
            Some(body[3..length - 3].to_owned())
        } else {
            literal::unescape(&body[1..length - 1], start + 1, &mut self.problems)
        };
        let kind = value.map_or(Kind::Invalid, |text| Kind::Literal(super::Value::String(text)));
        self.push(start, kind);
    }

    /// Reports a string without its end, and takes the rest of the line for it.
    fn unfinished(&mut self, quotes: &str) {
        let start = self.at;
        self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
        let span = Span::new(start, start + quotes.len());
        let problem = Diagnostic::error(UNFINISHED_STRING, span, format!("`{quotes}` is never closed"))
            .hint("a string ends on the line it begins on; `\\n` stands for a line feed");
        self.problems.push(problem);
        self.push(start, Kind::Invalid);
    }

    /// Takes `'…'` as the string it was meant to be, after saying that it is none.
    fn single_quoted(&mut self) {
        let start = self.at;
        let Some(length) = literal::quoted_end(self.rest(), '\'') else { return self.unfinished("'") };
        self.at += length;
        let problem = Diagnostic::error(
            WRONG_QUOTES,
            Span::new(start, self.at),
            "expected a string in `\"`, found one in `'`",
        )
        .hint("write strings in double quotes: `\"…\"`");
        self.problems.push(problem);
        self.push(start, Kind::Invalid);
    }

    /// `?"…"` was a raw string once.
    fn question_quoted(&mut self) {
        let start = self.at;
        let quote = if self.rest().as_bytes()[1] == b'"' { '"' } else { '\'' };
        let length = literal::quoted_end(&self.rest()[1..], quote).unwrap_or(1);
        self.at += 1 + length;
        let span = Span::new(start, self.at);
        let problem =
            Diagnostic::error(WRONG_QUOTES, span, format!("`?{quote}` does not begin a string any more"))
                .hint("write raw strings in three double quotes: `\"\"\"…\"\"\"`");
        self.problems.push(problem);
        self.push(start, Kind::Invalid);
    }

    fn quoted_name(&mut self) {
        let start = self.at;
        let mut from = 1;
        while let Some(found) = self.rest()[from..].find('`') {
            let end = from + found + 1;
            if self.rest()[end..].starts_with('`') {
                from = end + 1;
                continue;
            }
            self.at += end;
            let name = self.text[start + 1..self.at - 1].replace("``", "`");
            return self.push(start, Kind::QuotedName(name));
        }
        self.unfinished("`");
    }

    fn number(&mut self) {
        let start = self.at;
        let length = literal::number_length(self.rest().as_bytes());
        self.at += length;
        let value = literal::number(&self.text[start..self.at]);
        self.push(start, Kind::Literal(value));
    }

    fn word(&mut self) {
        let start = self.at;
        self.at += 1 + self.rest().bytes().skip(1).take_while(|&byte| is_word_part(byte)).count();
        let word = &self.text[start..self.at];
        let keyword = Keyword::from_text(word);
        if !self.rest().starts_with('~') || word.starts_with(['_', '@']) {
            return self.push(start, keyword.map_or(Kind::Word, Kind::Keyword));
        }
        let kind = match keyword {
            Some(Keyword::In) => Kind::InTilde,
            Some(Keyword::Like) => Kind::LikeTilde,
            Some(Keyword::Regex) => Kind::RegexTilde,
            _ => Kind::TildeWord,
        };
        self.at += 1;
        self.push(start, kind);
    }

    fn symbol(&mut self, start: usize) {
        for length in [2, 1] {
            if let Some(symbol) = self.rest().get(..length).and_then(Symbol::from_text) {
                self.at += length;
                return self.push(start, Kind::Symbol(symbol));
            }
        }
        let end = self.rest().char_indices().find(|&(_, character)| begins_token(character));
        self.at += end.map_or(self.rest().len(), |(offset, _)| offset).max(1);
        let span = Span::new(start, self.at);
        let found = shortened(&self.text[start..self.at]);
        let mut problem = Diagnostic::error(UNEXPECTED_CHARACTER, span, format!("unexpected `{found}`"));
        if let Some(hint) = hint_for(found.chars().next()) {
            problem = problem.hint(hint);
        }
        self.problems.push(problem);
        self.push(start, Kind::Invalid);
    }
}

/// What to do about a character that no token begins with.
fn hint_for(character: Option<char>) -> Option<&'static str> {
    Some(match character? {
        '“' | '”' | '‘' | '’' => "write strings in plain double quotes: `\"…\"`",
        '~' => "`~` stands right behind `in`, `like`, `regex` or the name of a function, to ignore case",
        ';' => "a query ends without a `;`",
        character if character.is_alphabetic() => {
            "a name with other characters than a-z, A-Z, 0-9, `_` and `@` needs backticks"
        }
        _ => return None,
    })
}

/// At most 20 characters of `text`.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(20).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'@')
}

fn is_word_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn begins_token(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || character.is_ascii_whitespace()
        || "_@\"'`.=!<>:+-*/%()[],?|".contains(character)
}

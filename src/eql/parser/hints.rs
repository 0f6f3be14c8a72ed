//! What to do about the mistakes that are made often.

use super::{Keyword, Kind, Parser, Symbol};
use crate::diagnostic::{Diagnostic, OTHER_LANGUAGE, Span};

impl Parser<'_> {
    /// What to do where the next token is not expected.
    pub(super) fn hint_for_next(&self) -> Option<String> {
        let before = self.at.checked_sub(1).map(|at| &self.tokens[at].kind);
        let after_operator =
            matches!(before, Some(Kind::Symbol(Symbol::Colon | Symbol::Equal | Symbol::NotEqual)))
                || matches!(before, Some(Kind::LikeTilde | Kind::Keyword(Keyword::Like | Keyword::Regex)));
        let text = self.source(self.peek().span);
        match &self.peek().kind {
            Kind::Keyword(_) if matches!(before, Some(Kind::Symbol(Symbol::Dot | Symbol::Question))) => {
                Some(format!("`{text}` is a keyword; as part of a name it needs backticks: `` `{text}` ``"))
            }
            Kind::Keyword(Keyword::Not) => Some(self.misplaced_not()),
            Kind::Keyword(Keyword::Where) => Some("a query has one `where`".to_owned()),
            Kind::Keyword(Keyword::In | Keyword::Like | Keyword::Regex) | Kind::InTilde | Kind::LikeTilde => {
                Some(format!("`{text}` follows a field or a value; a field of that name needs backticks"))
            }
            Kind::Keyword(Keyword::And | Keyword::Or) => None,
            Kind::Keyword(_) => Some(format!(
                "`{text}` is a keyword; as the name of a field it needs backticks: `` `{text}` ``"
            )),
            Kind::Word if after_operator => Some(format!("write a string in double quotes: `\"{text}\"`")),
            Kind::Word if ["is", "exists"].contains(&text.to_ascii_lowercase().as_str()) => {
                Some("whether a field has a value is asked by `!= null`".to_owned())
            }
            Kind::Symbol(Symbol::Star) if after_operator => {
                Some("write a pattern in double quotes: `\"*\"`".to_owned())
            }
            Kind::Symbol(Symbol::LeftBracket) => {
                Some("lists are written in parentheses: `(\"a\", \"b\")`".to_owned())
            }
            Kind::Literal(_) if matches!(before, Some(Kind::Word | Kind::QuotedName(_))) => {
                Some("an operator is missing between field and value, or the name needs backticks".to_owned())
            }
            _ => None,
        }
    }

    fn misplaced_not(&self) -> String {
        let after = self.peek_after(1);
        match after.kind {
            Kind::Symbol(Symbol::Colon | Symbol::Equal | Symbol::LeftParenthesis)
            | Kind::LikeTilde
            | Kind::RegexTilde
            | Kind::Keyword(Keyword::Like | Keyword::Regex) => {
                "put `not` before the whole clause: `not field : \"value\"`; only `not in` stands after the field".to_owned()
            }
            _ => "put `not` before the whole clause, or write `field not in (…)`".to_owned(),
        }
    }
}

/// What to say of a text that is in another query language, if it looks so.
pub(super) fn other_language(text: &str, span: Span) -> Option<Diagnostic> {
    let trimmed = text.trim_start();
    let starts = |words: &[&str]| words.iter().any(|word| trimmed.starts_with(word));
    let (language, hint) = if starts(&["title:", "detection:", "logsource:", "---", "id:"])
        && (text.contains("detection:") || text.contains("logsource:"))
    {
        ("a Sigma rule", "Sigma rules need to be converted to EQL first")
    } else if starts(&["{"]) {
        ("JSON", "a Query DSL body is no EQL: write `category where condition`")
    } else if starts(&["FROM ", "from "]) && text.contains('|') {
        ("ES|QL", "write `category where condition`")
    } else if is_kql(text) {
        ("KQL or Lucene", "write `any where field : \"value\" and …`, with every value in double quotes")
    } else {
        return None;
    };
    let message = format!("expected EQL, found what looks like {language}");
    Some(Diagnostic::error(OTHER_LANGUAGE, span, message).hint(hint))
}

/// Whether the text begins with `field:` and has no `where`.
fn is_kql(text: &str) -> bool {
    let begin = text
        .trim_start()
        .trim_start_matches(['(', '!'])
        .trim_start_matches("not ")
        .trim_start_matches("NOT ");
    let name =
        begin.find(|character: char| !(character.is_ascii_alphanumeric() || "_.@-*".contains(character)));
    let colon = name.is_some_and(|end| end > 0 && begin[end..].trim_start().starts_with(':'));
    colon && !text.split_ascii_whitespace().any(|word| word == "where")
}

/// At most 40 characters of `text`, on one line.
pub(super) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

//! What to do about the mistakes that are made often.

use super::{Keyword, Kind, Parser, Symbol, Value};
use crate::diagnostic::{Diagnostic, OTHER_LANGUAGE, Span};

impl Parser<'_> {
    /// What to do where the next token is not expected.
    pub(super) fn hint_for_next(&self) -> Option<String> {
        let before = self.at.checked_sub(1).map(|at| &self.tokens[at].kind);
        let text = self.source(self.peek().span);
        match &self.peek().kind {
            Kind::Keyword(keyword) => self.hint_for_keyword(*keyword, before),
            Kind::InTilde | Kind::LikeTilde | Kind::RegexTilde => Some(follows_a_field(text)),
            Kind::Word if takes_constant(before) => {
                Some(format!("write a string in double quotes: `\"{text}\"`"))
            }
            Kind::Word => other_operator(text),
            Kind::Symbol(symbol) => hint_for_symbol(*symbol, before),
            Kind::Literal(Value::String(_))
                if matches!(before, Some(Kind::Keyword(Keyword::In) | Kind::InTilde)) =>
            {
                Some(format!("write `in ({text})`"))
            }
            Kind::Literal(value)
                if value.is_number()
                    && matches!(before, Some(Kind::Literal(number)) if number.is_number()) =>
            {
                Some("an address, a version or a date is written in double quotes".to_owned())
            }
            Kind::Literal(_) if matches!(before, Some(Kind::Word | Kind::QuotedName(_))) => {
                Some("an operator is missing between field and value, or the name needs backticks".to_owned())
            }
            _ => None,
        }
    }

    fn hint_for_keyword(&self, keyword: Keyword, before: Option<&Kind>) -> Option<String> {
        let text = keyword.text();
        match keyword {
            _ if matches!(before, Some(Kind::Symbol(Symbol::Dot | Symbol::Question))) => {
                Some(format!("`{text}` is a keyword; as part of a name it needs backticks: `` `{text}` ``"))
            }
            Keyword::And | Keyword::Or => None,
            Keyword::Not => Some(self.misplaced_not()),
            Keyword::Where => Some("a query has one `where`".to_owned()),
            Keyword::In | Keyword::Like | Keyword::Regex => Some(follows_a_field(text)),
            Keyword::With | Keyword::Maxspan | Keyword::By | Keyword::Until if self.at_clause_end(before) => {
                Some(format!("`{text}` belongs to sequences, which are not supported yet"))
            }
            _ => Some(format!(
                "`{text}` is a keyword; as the name of a field it needs backticks: `` `{text}` ``"
            )),
        }
    }

    /// Whether a clause could end before the next token.
    fn at_clause_end(&self, before: Option<&Kind>) -> bool {
        matches!(
            before,
            Some(
                Kind::Literal(_) | Kind::Word | Kind::QuotedName(_) | Kind::Symbol(Symbol::RightParenthesis)
            )
        ) && !matches!(
            self.peek_after(1).kind,
            Kind::Symbol(Symbol::Equal | Symbol::NotEqual | Symbol::Colon)
        )
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

fn takes_constant(before: Option<&Kind>) -> bool {
    matches!(before, Some(Kind::Symbol(Symbol::Colon | Symbol::Equal | Symbol::NotEqual)))
        || matches!(
            before,
            Some(Kind::LikeTilde | Kind::RegexTilde | Kind::Keyword(Keyword::Like | Keyword::Regex))
        )
}

fn follows_a_field(text: &str) -> String {
    format!("`{text}` follows a field or a value; a field of that name needs backticks")
}

fn hint_for_symbol(symbol: Symbol, before: Option<&Kind>) -> Option<String> {
    let after_joiner = matches!(before, Some(Kind::Keyword(Keyword::And | Keyword::Or | Keyword::Not)));
    let hint = match symbol {
        Symbol::Star if takes_constant(before) => "write a pattern in double quotes: `\"*\"`",
        Symbol::Slash if takes_constant(before) => "a regular expression is written as `field regex \"…\"`",
        Symbol::LeftBracket => "lists are written in parentheses: `(\"a\", \"b\")`",
        Symbol::Greater if matches!(before, Some(Kind::Symbol(Symbol::Less))) => {
            "`!=` says that two values differ"
        }
        Symbol::Assign if matches!(before, Some(Kind::Symbol(Symbol::Equal))) => "`==` is all that compares",
        Symbol::Less
        | Symbol::LessOrEqual
        | Symbol::Greater
        | Symbol::GreaterOrEqual
        | Symbol::Equal
        | Symbol::NotEqual
        | Symbol::Colon
            if after_joiner =>
        {
            "each comparison names its field: `field >= 1 and field <= 2`"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What to write instead of an operator that other languages have.
pub(super) fn other_operator(word: &str) -> Option<String> {
    let hint = match word.to_ascii_lowercase().as_str() {
        "in" | "like" | "regex" | "not" => {
            format!("keywords are in lower case: `{}`", word.to_ascii_lowercase())
        }
        "is" | "exists" => "whether a field has a value is asked by `!= null`".to_owned(),
        "eq" | "equals" => "`==` compares; `:` does so without regard to case and with wildcards".to_owned(),
        "ne" => "`!=` says that two values differ".to_owned(),
        "contains" => {
            "write `stringContains(field, \"…\")`, or `field : \"*…*\"` without regard to case".to_owned()
        }
        "startswith" => {
            "write `startsWith(field, \"…\")`, or `field : \"…*\"` without regard to case".to_owned()
        }
        "endswith" => "write `endsWith(field, \"…\")`, or `field : \"*…\"` without regard to case".to_owned(),
        "matches" | "re" | "rlike" => "a regular expression is written as `field regex \"…\"`".to_owned(),
        "cidr" => "write `cidrMatch(field, \"10.0.0.0/8\")`".to_owned(),
        _ => return None,
    };
    Some(hint)
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

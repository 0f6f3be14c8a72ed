//! Conditions of Kibana's query language, written so that a value can only ever be a value.
//!
//! The rules are those of `kbn-es-query/src/kuery/grammar` of elastic/kibana, 8.x and 9.x.

use std::fmt::{self, Display, Write};

use serde_json::Value;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Kql {
    /// The field has one of these values; no values, no match.
    Is {
        /// Its full name.
        field: String,
        /// Texts, numbers, booleans.
        values: Vec<Value>,
    },
    /// The field has any value.
    Exists(String),
    /// The field's value lies on this side of a bound.
    Range {
        /// Its full name.
        field: String,
        /// The side.
        bound: Bound,
        /// Text (a date, an address) or a number.
        value: Value,
    },
    /// The condition does not hold.
    Not(Box<Kql>),
    /// Every one of them holds.
    All(Vec<Kql>),
    /// At least one of them holds.
    Any(Vec<Kql>),
}

/// A side of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `<`
    Below,
    /// `<=`
    UpTo,
    /// `>`
    Above,
    /// `>=`
    From,
}

impl Bound {
    fn symbol(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::UpTo => "<=",
            Self::Above => ">",
            Self::From => ">=",
        }
    }
}

impl Kql {
    /// The condition that the field has this one value.
    #[must_use]
    pub fn is(field: &str, value: impl Into<Value>) -> Self {
        Self::Is { field: field.to_owned(), values: vec![value.into()] }
    }

    fn is_negation(&self) -> bool {
        match self {
            Self::Not(_) => true,
            Self::All(parts) | Self::Any(parts) => parts.len() == 1 && parts[0].is_negation(),
            _ => false,
        }
    }
}

impl Display for Kql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is { field, values } => write!(f, "{} : {}", name(field), list(values)),
            Self::Exists(field) => write!(f, "{} : *", name(field)),
            Self::Range { field, bound, value } => {
                write!(f, "{} {} {}", name(field), bound.symbol(), literal(value))
            }
            // `not not` is no KQL.
            Self::Not(inner) if inner.is_negation() => write!(f, "not ({inner})"),
            Self::Not(inner) => write!(f, "not {}", grouped(inner)),
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Kql], word: &str) -> fmt::Result {
    match parts {
        [only] => only.fmt(f),
        parts => f.write_str(&parts.iter().map(grouped).collect::<Vec<_>>().join(word)),
    }
}

/// In parentheses where it is made of several.
fn grouped(part: &Kql) -> String {
    match part {
        Kql::All(parts) | Kql::Any(parts) if parts.len() != 1 => format!("({part})"),
        _ => part.to_string(),
    }
}

/// One value as it is, several in parentheses.
fn list(values: &[Value]) -> String {
    match values {
        [only] => literal(only),
        several => format!("({})", several.iter().map(literal).collect::<Vec<_>>().join(" or ")),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => quoted_unless_plain(&other.to_string()),
    }
}

fn quoted_unless_plain(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if plain { text.to_owned() } else { quoted(text) }
}

/// Text in quotes: there only `\` and `"` mean anything. What could not be seen, or would reorder what is seen around
/// it, is written as `\u` and its number, which Kibana reads as the same character.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\\' | '"' => quoted.extend(['\\', character]),
            hidden if is_hidden(hidden) => escape(hidden, &mut quoted),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// A field's name: bare, with what KQL gives a meaning escaped.
fn name(field: &str) -> String {
    // A bare `… not ` would begin a negation, whatever stands before it.
    let lower = field.to_lowercase();
    if ["and", "or", "null", "true", "false"].contains(&lower.as_str()) || lower.ends_with("not") {
        return quoted(field);
    }
    let mut name = String::with_capacity(field.len());
    for character in field.chars() {
        match character {
            special if r#"\():<>"*{}"#.contains(special) => name.extend(['\\', special]),
            // Blanks would let a name hold a keyword.
            hidden if hidden.is_whitespace() || is_hidden(hidden) => escape(hidden, &mut name),
            plain => name.push(plain),
        }
    }
    name
}

fn escape(character: char, into: &mut String) {
    let mut units = [0; 2];
    for unit in character.encode_utf16(&mut units) {
        let _ = write!(into, "\\u{unit:04x}");
    }
}

/// Control characters, line separators, and those that reorder or hide text.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{Bound, Kql};
    use crate::kibana::read_back::kql;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn conditions_are_written_as_kibana_reads_them() {
        let both = Kql::All(vec![
            Kql::is("user.id", "AROA:i-1"),
            Kql::Not(Box::new(Kql::is("event.action", "ConsoleLogin"))),
        ]);
        for (condition, text) in [
            (Kql::is("user.id", "a"), r#"user.id : "a""#),
            (
                Kql::Is { field: "a".into(), values: vec![json!("x"), json!(5), json!(true)] },
                r#"a : ("x" or 5 or true)"#,
            ),
            (Kql::Exists("user.id".into()), "user.id : *"),
            (Kql::Range { field: "n".into(), bound: Bound::From, value: json!(3) }, "n >= 3"),
            (both.clone(), r#"user.id : "AROA:i-1" and not event.action : "ConsoleLogin""#),
            (
                Kql::Any(vec![both, Kql::is("x", 1)]),
                r#"(user.id : "AROA:i-1" and not event.action : "ConsoleLogin") or x : 1"#,
            ),
            (Kql::Not(Box::new(Kql::Any(vec![Kql::is("a", 1), Kql::is("b", 2)]))), "not (a : 1 or b : 2)"),
            (Kql::All(vec![Kql::is("a", 1)]), "a : 1"),
        ] {
            assert_eq!(condition.to_string(), text);
        }
    }

    #[test]
    fn hostile_values_stay_values() {
        for (value, text) in [
            (r#"a" or user.id : *"#, r#"f : "a\" or user.id : *""#),
            (r"a\", r#"f : "a\\""#),
            (r"\u0041", r#"f : "\\u0041""#),
            ("*", r#"f : "*""#),
            ("OR", r#"f : "OR""#),
            ("a\nb\t", r#"f : "a\u000ab\u0009""#),
            ("\u{202e}gnp", r#"f : "\u202egnp""#),
            ("</script>", r#"f : "</script>""#),
            ("", r#"f : """#),
        ] {
            assert_eq!(Kql::is("f", value).to_string(), text);
            assert_eq!(kql(text), Ok(Kql::is("f", value)), "{text}");
        }
    }

    #[test]
    fn odd_field_names_stay_names() {
        for field in ["or", "a b", "a:b", "not x", r#"a"b"#, "a*", "{a}", "a\nor\nb"] {
            let condition = Kql::is(field, "x");
            assert_eq!(kql(&condition.to_string()), Ok(condition));
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), r#"[ a-c"\\*()<>{}:\n\tuORorand0-9\u{202e}]{0,12}"#]
    }

    fn conditions() -> impl Strategy<Value = Kql> {
        let leaf =
            (r#"[a-c.@"\\ ornt:*]{1,6}"#, texts()).prop_map(|(field, value)| Kql::is(field.trim(), value));
        let leaf =
            leaf.prop_filter("a name", |kql| !matches!(kql, Kql::Is { field, .. } if field.is_empty()));
        leaf.prop_recursive(3, 12, 3, |inner| {
            let several = proptest::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                inner.prop_map(|one| Kql::Not(Box::new(one))),
                several.clone().prop_map(Kql::All),
                several.prop_map(Kql::Any),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_the_same(condition in conditions()) {
            let text = condition.to_string();
            prop_assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{}", text);
            prop_assert_eq!(kql(&text), Ok(condition), "{}", text);
        }
    }
}

//! Readers of KQL and rison for tests: what they read is what Kibana would.
//!
//! Each follows the grammar that its writer names, character for character.

use serde_json::{Map, Value};

use super::kql::{Bound, Kql};

/// Reads a whole KQL text.
///
/// # Errors
/// It is none, or says what [`Kql`] cannot.
pub fn kql(text: &str) -> Result<Kql, String> {
    let mut reader = Reader { rest: text };
    let condition = reader.alternatives()?;
    reader.end(condition)
}

/// Reads a whole rison text.
///
/// # Errors
/// It is none.
pub fn rison(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text };
    let value = reader.rison()?;
    reader.end(value)
}

struct Reader<'a> {
    rest: &'a str,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{a0}')
}

/// What follows a word of the language and the blanks after it, if `text` begins with them.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = &text[head.len()..];
    rest.starts_with(is_blank).then(|| rest.trim_start_matches(is_blank))
}

fn at_keyword(text: &str) -> bool {
    let blank_then =
        |word| text.starts_with(is_blank) && after_word(&text[first_len(text)..], word).is_some();
    blank_then("or") || blank_then("and") || after_word(text, "not").is_some()
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

impl Reader<'_> {
    fn end<T>(self, value: T) -> Result<T, String> {
        if self.rest.is_empty() { Ok(value) } else { Err(format!("left over: {}", self.rest)) }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(is_blank);
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("expected {token} at: {}", self.rest)) }
    }

    fn next(&mut self) -> Result<char, String> {
        let next = self.rest.chars().next().ok_or("the text ends")?;
        self.rest = &self.rest[next.len_utf8()..];
        Ok(next)
    }

    /// Blanks, a joining word, blanks.
    fn joined_by(&mut self, word: &str) -> bool {
        let trimmed = self.rest.trim_start_matches(is_blank);
        let rest = after_word(trimmed, word).filter(|_| trimmed.len() < self.rest.len());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn alternatives(&mut self) -> Result<Kql, String> {
        let mut parts = vec![self.conjunction()?];
        while self.joined_by("or") {
            parts.push(self.conjunction()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Kql::Any(parts) })
    }

    fn conjunction(&mut self) -> Result<Kql, String> {
        let mut parts = vec![self.negation()?];
        while self.joined_by("and") {
            parts.push(self.negation()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Kql::All(parts) })
    }

    fn negation(&mut self) -> Result<Kql, String> {
        if let Some(rest) = after_word(self.rest, "not") {
            self.rest = rest;
            return Ok(Kql::Not(Box::new(self.group()?)));
        }
        self.group()
    }

    fn group(&mut self) -> Result<Kql, String> {
        if !self.take("(") {
            return self.comparison();
        }
        self.blanks();
        let inner = self.alternatives()?;
        self.blanks();
        self.expect(")")?;
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Kql, String> {
        let Literal { text: field, .. } = self.literal()?;
        self.blanks();
        let bounds = [("<=", Bound::UpTo), (">=", Bound::From), ("<", Bound::Below), (">", Bound::Above)];
        for (symbol, bound) in bounds {
            if self.take(symbol) {
                self.blanks();
                return Ok(Kql::Range { field, bound, value: self.literal()?.value() });
            }
        }
        self.expect(":")?;
        self.blanks();
        if !self.take("(") {
            let literal = self.literal()?;
            let wildcard = literal.wildcard;
            return Ok(match literal.value() {
                Value::String(text) if wildcard && text == "*" => Kql::Exists(field),
                _ if wildcard => return Err("a wildcard".to_owned()),
                value => Kql::Is { field, values: vec![value] },
            });
        }
        let mut values = vec![self.literal()?.value()];
        while self.joined_by("or") {
            values.push(self.literal()?.value());
        }
        self.expect(")")?;
        Ok(Kql::Is { field, values })
    }

    fn literal(&mut self) -> Result<Literal, String> {
        if !self.take("\"") {
            return self.bare();
        }
        let mut units = Units::default();
        loop {
            if self.take("\"") {
                return Ok(Literal { text: units.text()?, quoted: true, wildcard: false });
            }
            if !self.escape(&mut units, "\\\"")? {
                units.push(self.next()?);
            }
        }
    }

    fn bare(&mut self) -> Result<Literal, String> {
        let special = r#"\():<>"*{}"#;
        let (mut units, mut wildcard) = (Units::default(), false);
        loop {
            if self.escape(&mut units, special)? {
                continue;
            }
            if self.take("*") {
                wildcard = true;
                units.push('*');
            } else if self.rest.starts_with(|c| !special.contains(c)) && !at_keyword(self.rest) {
                units.push(self.next()?);
            } else {
                break;
            }
        }
        let text = units.text()?.trim().to_owned();
        if text.is_empty() {
            Err(format!("no literal at: {}", self.rest))
        } else {
            Ok(Literal { text, quoted: false, wildcard })
        }
    }

    /// One escape; not one of these is no escape.
    fn escape(&mut self, units: &mut Units, escapable: &str) -> Result<bool, String> {
        let Some(rest) = self.rest.strip_prefix('\\') else { return Ok(false) };
        let Some(next) = rest.chars().next() else { return Ok(false) };
        let digits = rest.get(1..5).and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let length = match (next, digits) {
            ('t' | 'r' | 'n', _) => {
                units.push(match next {
                    't' => '\t',
                    'r' => '\r',
                    _ => '\n',
                });
                1
            }
            ('u', Some(unit)) => {
                units.0.push(unit);
                5
            }
            (next, _) if escapable.contains(next) => {
                units.push(next);
                next.len_utf8()
            }
            _ => return Err(format!("an odd escape: {rest}")),
        };
        self.rest = &rest[length..];
        Ok(true)
    }

    fn rison(&mut self) -> Result<Value, String> {
        if self.take("!(") {
            let mut items = Vec::new();
            while !self.take(")") {
                if !items.is_empty() {
                    self.expect(",")?;
                }
                items.push(self.rison()?);
            }
            return Ok(Value::Array(items));
        }
        if self.take("(") {
            let mut entries = Map::new();
            while !self.take(")") {
                if !entries.is_empty() {
                    self.expect(",")?;
                }
                let key = self.rison_text()?;
                self.expect(":")?;
                let value = self.rison()?;
                entries.insert(key, value);
            }
            return Ok(Value::Object(entries));
        }
        for (token, value) in [("!t", Value::Bool(true)), ("!f", Value::Bool(false)), ("!n", Value::Null)] {
            if self.take(token) {
                return Ok(value);
            }
        }
        if self.rest.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            let end = self.rest.find(|c: char| !(c == '-' || c.is_ascii_digit())).unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            self.rest = rest;
            return number.parse::<i64>().map(Value::from).map_err(|error| error.to_string());
        }
        self.rison_text().map(Value::String)
    }

    fn rison_text(&mut self) -> Result<String, String> {
        let mut text = String::new();
        if !self.take("'") {
            let end = self.rest.find(|c: char| " '!:(),*@$".contains(c)).unwrap_or(self.rest.len());
            let (bare, rest) = self.rest.split_at(end);
            self.rest = rest;
            return if bare.is_empty() { Err(format!("no value at: {rest}")) } else { Ok(bare.to_owned()) };
        }
        loop {
            match self.next()? {
                '\'' => return Ok(text),
                '!' => match self.next()? {
                    escaped @ ('!' | '\'') => text.push(escaped),
                    other => return Err(format!("an odd escape: {other}")),
                },
                plain => text.push(plain),
            }
        }
    }
}

struct Literal {
    text: String,
    quoted: bool,
    wildcard: bool,
}

impl Literal {
    fn value(self) -> Value {
        match self.text.as_str() {
            "true" if !self.quoted => Value::Bool(true),
            "false" if !self.quoted => Value::Bool(false),
            text => match text.parse::<i64>() {
                Ok(number) if !self.quoted => number.into(),
                _ => self.text.into(),
            },
        }
    }
}

/// JavaScript's texts are UTF-16, and so are KQL's escapes.
#[derive(Default)]
struct Units(Vec<u16>);

impl Units {
    fn push(&mut self, character: char) {
        self.0.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }

    fn text(self) -> Result<String, String> {
        String::from_utf16(&self.0).map_err(|error| error.to_string())
    }
}

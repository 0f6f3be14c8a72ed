//! A TOML document as owned values, each with the place where it stands.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Node, Span, UNUSABLE_NUMBER};

/// A value of a TOML document.
#[derive(Debug, Clone, PartialEq)]
pub enum TomlValue {
    /// Text, escapes resolved.
    Text(String),
    /// A whole number; within what JSON holds.
    Integer(i128),
    /// A finite number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a time or both, in RFC 3339 form.
    Datetime(String),
    /// A list, or an array of tables.
    Array(Vec<Node<TomlValue>>),
    /// A table, in whichever way it was written.
    Table(Table),
    /// A value that has been complained about already.
    Invalid,
}

/// The keys of a table in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The header, or the whole of an inline table.
    pub span: Span,
    /// Keys with their values.
    pub entries: Vec<Entry>,
}

/// One key of a table with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, without quotes.
    pub key: Node<String>,
    /// The value.
    pub value: Node<TomlValue>,
}

impl TomlValue {
    /// What the value is, for messages: "a string".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(_) => "a date or time",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
            Self::Invalid => "an unusable value",
        }
    }

    /// Whether there is nothing in it: `""`, `[]`, `{}`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Array(items) => items.is_empty(),
            Self::Table(table) => table.entries.is_empty(),
            _ => false,
        }
    }

    /// The same value in JSON; dates and times become strings.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) | Self::Datetime(text) => Value::String(text.clone()),
            Self::Integer(number) => integer_to_json(*number),
            Self::Float(number) => Value::from(*number),
            Self::Boolean(truth) => Value::Bool(*truth),
            Self::Array(items) => items.iter().map(|item| item.node.to_json()).collect(),
            Self::Table(table) => Value::Object(table.to_json()),
            Self::Invalid => Value::Null,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Table {
    /// The entry of `key`.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.node == key)
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node<TomlValue>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text of `key` with its place; nothing if it is missing or not text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Node<&str>> {
        let value = self.get(key)?;
        value.node.as_text().map(|text| Node::new(value.span, text))
    }

    /// The texts of the list `key` with their places; other values of the list are left out.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = Node<&str>> {
        self.items(key).filter_map(|item| item.node.as_text().map(|text| Node::new(item.span, text)))
    }

    /// The whole number of `key`; nothing if it is missing or not a whole number.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i128> {
        match self.get(key)?.node {
            TomlValue::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The truth of `key` with its place; nothing if it is missing or not a boolean.
    #[must_use]
    pub fn boolean(&self, key: &str) -> Option<Node<bool>> {
        let value = self.get(key)?;
        match value.node {
            TomlValue::Boolean(truth) => Some(Node::new(value.span, truth)),
            _ => None,
        }
    }

    /// The table `key`; nothing if it is missing or not a table.
    #[must_use]
    pub fn table(&self, key: &str) -> Option<&Table> {
        match &self.get(key)?.node {
            TomlValue::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The tables of the list `key`; other values of the list are left out.
    pub fn tables(&self, key: &str) -> impl Iterator<Item = &Table> {
        self.items(key).filter_map(|item| match &item.node {
            TomlValue::Table(table) => Some(table),
            _ => None,
        })
    }

    /// The same table in JSON, keys in the same order.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        self.entries.iter().map(|entry| (entry.key.node.clone(), entry.value.node.to_json())).collect()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = &Node<TomlValue>> {
        let items = match self.get(key).map(|value| &value.node) {
            Some(TomlValue::Array(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter()
    }
}

/// Copies what the parser found in `text`; numbers that JSON cannot hold go to `problems`.
pub(super) fn from_parsed(table: &DeTable<'_>, text: &str, problems: &mut Vec<Diagnostic>) -> Table {
    Copying { text, problems }.table(table, Span::default())
}

struct Copying<'a> {
    text: &'a str,
    problems: &'a mut Vec<Diagnostic>,
}

impl Copying<'_> {
    fn table(&mut self, table: &DeTable<'_>, span: Span) -> Table {
        let entries = table.iter().map(|(key, value)| Entry {
            key: Node::new(place(key), key.get_ref().to_string()),
            value: self.value(value),
        });
        Table { span, entries: entries.collect() }
    }

    fn value(&mut self, parsed: &Spanned<DeValue<'_>>) -> Node<TomlValue> {
        let span = place(parsed);
        let value = match parsed.get_ref() {
            DeValue::String(text) => TomlValue::Text(text.to_string()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) if fits_json(number) => TomlValue::Integer(number),
                _ => self.unusable(span),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(finite) if finite.is_finite() => TomlValue::Float(finite),
                _ => self.unusable(span),
            },
            DeValue::Boolean(truth) => TomlValue::Boolean(*truth),
            DeValue::Datetime(time) => TomlValue::Datetime(time.to_string()),
            DeValue::Array(items) => TomlValue::Array(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => TomlValue::Table(self.table(table, span)),
        };
        Node::new(span, value)
    }

    fn unusable(&mut self, span: Span) -> TomlValue {
        let number = self.text.get(span.start..span.end).unwrap_or_default();
        let problem =
            Diagnostic::error(UNUSABLE_NUMBER, span, format!("the number `{number}` has no JSON form")).hint(
                "JSON holds finite numbers, and whole ones from -2^63 to 2^64-1; a string holds anything",
            );
        self.problems.push(problem);
        TomlValue::Invalid
    }
}

fn place<T>(spanned: &Spanned<T>) -> Span {
    let range = spanned.span();
    Span::new(range.start, range.end)
}

fn fits_json(number: i128) -> bool {
    i64::try_from(number).is_ok() || u64::try_from(number).is_ok()
}

fn integer_to_json(number: i128) -> Value {
    i64::try_from(number)
        .map(Value::from)
        .or_else(|_| u64::try_from(number).map(Value::from))
        .unwrap_or(Value::Null)
}

//! One leaf, made ready for the values of one type of field.

use std::cmp::Ordering;

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::Value as Json;

use super::date::{self, Interval};
use super::kind::{Kind, text_of};
use super::texts::Texts;
use super::version::Version;
use crate::diagnostic::{Diagnostic, INVALID_VALUE, Node, TYPE_MISMATCH, UNSUPPORTED_DATE_MATH};
use crate::eql::syntax::Comparison;
use crate::eql::{Block, Leaf, Pattern, Regex, Value, has_wildcard, parse_address};

/// A test of one value.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Any value satisfies it.
    Exists,
    /// One of these texts.
    Texts(Texts),
    /// One of these texts or patterns.
    Like { plain: Texts, patterns: Vec<Pattern> },
    /// This pattern.
    Pattern(Pattern),
    /// This regular expression.
    Regex(Regex),
    /// The text begins so.
    Prefix { prefix: String, ignore_case: bool },
    /// The text stands so in byte order.
    TextOrder(Comparison, String),
    /// The version stands so.
    VersionOrder(Comparison, String),
    /// The number equals one of these.
    Numbers { values: Vec<Value>, whole: bool },
    /// The number stands so.
    NumberOrder { operator: Comparison, value: Value, whole: bool },
    /// The boolean is one of these.
    Booleans { yes: bool, no: bool },
    /// The time lies in one of these.
    Dates { intervals: Vec<Interval>, nanoseconds: bool },
    /// The time stands so.
    DateOrder { operator: Comparison, interval: Interval, nanoseconds: bool },
    /// The address lies in one of these.
    Blocks(Vec<Block>),
    /// The address stands so.
    AddressOrder(Comparison, u128),
    /// The value, of whatever type, stands so to one of these.
    Loose(Comparison, Vec<Value>),
}

/// Makes a leaf ready for values of `kind`.
///
/// # Errors
/// A constant that the type cannot read, an operator that it does not have, or a form that cannot be run yet.
pub(super) fn compile(leaf: &Leaf, kind: Kind) -> Result<Test, Box<Diagnostic>> {
    match leaf {
        Leaf::IsNull { .. } | Leaf::Script(_) => Ok(Test::Exists),
        Leaf::Truth { field } => truth(field, kind),
        Leaf::Compare { operator: Comparison::Equal, field, value } => {
            one_of(field, std::slice::from_ref(value), false, kind)
        }
        Leaf::Compare { field, operator, value } => ordered(field, *operator, value, kind),
        Leaf::OneOf { field, values, ignore_case } => one_of(field, values, *ignore_case, kind),
        Leaf::Like { field, patterns, ignore_case } => {
            want_text(field, kind, "a pattern")?;
            Ok(like(patterns.iter().map(|pattern| pattern.node.as_str()), *ignore_case))
        }
        Leaf::Lucene { field, pattern, ignore_case } => {
            want_text(field, kind, "a string function")?;
            Ok(Test::Pattern(Pattern::lucene(&pattern.node, *ignore_case)))
        }
        Leaf::Prefix { field, prefix, ignore_case } => {
            want_text(field, kind, "`startsWith`")?;
            Ok(Test::Prefix { prefix: prefix.node.clone(), ignore_case: *ignore_case })
        }
        Leaf::Regex { field, regex } => {
            want_text(field, kind, "a regular expression")?;
            Ok(Test::Regex(regex.node.clone()))
        }
        Leaf::Cidr { field, blocks } => match kind {
            Kind::Ip | Kind::Loose => Ok(Test::Blocks(blocks.iter().map(|block| block.node.1).collect())),
            _ => Err(mismatch(field, kind, "`cidrMatch`", "an `ip` field").into()),
        },
    }
}

fn mismatch(field: &Node<String>, kind: Kind, what: &str, wanted: &str) -> Diagnostic {
    let message = format!("{what} expects {wanted}, but `{}` holds {}", field.node, kind.words());
    Diagnostic::error(TYPE_MISMATCH, field.span, message)
}

fn want_text(field: &Node<String>, kind: Kind, what: &str) -> Result<(), Box<Diagnostic>> {
    match kind {
        Kind::Text | Kind::Loose => Ok(()),
        _ => Err(mismatch(field, kind, what, "a field of strings").into()),
    }
}

/// Patterns without wildcards are looked up, not tried one by one.
fn like<'p>(patterns: impl Iterator<Item = &'p str>, ignore_case: bool) -> Test {
    let (wild, plain): (Vec<&str>, Vec<&str>) = patterns.partition(|pattern| has_wildcard(pattern));
    Test::Like {
        plain: Texts::new(plain.into_iter().map(str::to_owned), ignore_case),
        patterns: wild.into_iter().map(|pattern| Pattern::eql(pattern, ignore_case)).collect(),
    }
}

fn truth(field: &Node<String>, kind: Kind) -> Result<Test, Box<Diagnostic>> {
    match kind {
        Kind::Boolean | Kind::Loose => Ok(Test::Booleans { yes: true, no: false }),
        _ => Err(mismatch(field, kind, "a bare condition", "a boolean field").into()),
    }
}

fn one_of(
    field: &Node<String>,
    values: &[Node<Value>],
    ignore_case: bool,
    kind: Kind,
) -> Result<Test, Box<Diagnostic>> {
    if ignore_case {
        want_text(field, kind, "a comparison without case")?;
    }
    let texts = || Texts::new(values.iter().map(|value| value.node.to_string()), ignore_case);
    Ok(match kind {
        Kind::Text | Kind::Version => Test::Texts(texts()),
        Kind::Loose if ignore_case => Test::Texts(texts()),
        Kind::Loose => {
            Test::Loose(Comparison::Equal, values.iter().map(|value| value.node.clone()).collect())
        }
        Kind::Integer | Kind::Float => {
            let values = values.iter().map(|value| number(value, field)).collect::<Result<_, _>>()?;
            Test::Numbers { values, whole: kind == Kind::Integer }
        }
        Kind::Boolean => {
            let values: Vec<bool> =
                values.iter().map(|value| boolean(value, field)).collect::<Result<_, _>>()?;
            Test::Booleans { yes: values.contains(&true), no: values.contains(&false) }
        }
        Kind::Date | Kind::DateNanos => {
            let intervals = values.iter().map(|value| interval(value, field)).collect::<Result<_, _>>()?;
            Test::Dates { intervals, nanoseconds: kind == Kind::DateNanos }
        }
        Kind::Ip => {
            let read = |value: &Node<Value>| value.node.as_str().and_then(Block::parse);
            let blocks = values
                .iter()
                .map(|value| read(value).ok_or_else(|| Box::new(unreadable(value, field, "an IP address"))));
            Test::Blocks(blocks.collect::<Result<_, _>>()?)
        }
    })
}

fn ordered(
    field: &Node<String>,
    operator: Comparison,
    value: &Node<Value>,
    kind: Kind,
) -> Result<Test, Box<Diagnostic>> {
    Ok(match kind {
        Kind::Text => Test::TextOrder(operator, value.node.to_string()),
        Kind::Loose => Test::Loose(operator, vec![value.node.clone()]),
        Kind::Integer | Kind::Float => {
            Test::NumberOrder { operator, value: number(value, field)?, whole: kind == Kind::Integer }
        }
        Kind::Date | Kind::DateNanos => {
            let interval = interval(value, field)?;
            Test::DateOrder { operator, interval, nanoseconds: kind == Kind::DateNanos }
        }
        Kind::Ip => {
            let address = value.node.as_str().and_then(parse_address);
            Test::AddressOrder(
                operator,
                address.ok_or_else(|| Box::new(unreadable(value, field, "an IP address")))?,
            )
        }
        Kind::Version => Test::VersionOrder(operator, value.node.to_string()),
        Kind::Boolean => {
            let what = format!("`{}`", operator.symbol());
            return Err(mismatch(
                field,
                kind,
                &what,
                "a field of numbers, strings, dates, addresses or versions",
            )
            .into());
        }
    })
}

fn unreadable(value: &Node<Value>, field: &Node<String>, wanted: &str) -> Diagnostic {
    let message = format!("`{}` expects {wanted}, found `{}`", field.node, value.node);
    Diagnostic::error(INVALID_VALUE, value.span, message)
}

fn number(value: &Node<Value>, field: &Node<String>) -> Result<Value, Box<Diagnostic>> {
    let read = match &value.node {
        Value::String(text) => Value::number_of(text),
        number if number.is_number() => Some(number.clone()),
        _ => None,
    };
    read.ok_or_else(|| unreadable(value, field, "a number").into())
}

fn boolean(value: &Node<Value>, field: &Node<String>) -> Result<bool, Box<Diagnostic>> {
    match &value.node {
        Value::Boolean(truth) => Ok(*truth),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err(unreadable(value, field, "`true` or `false`").into()),
    }
}

fn interval(value: &Node<Value>, field: &Node<String>) -> Result<Interval, Box<Diagnostic>> {
    let text = value.node.to_string();
    if date::is_date_math(&text) {
        let message = format!("the date math `{text}` is not supported yet");
        let problem = Diagnostic::error(UNSUPPORTED_DATE_MATH, value.span, message);
        return Err(problem.hint("write an absolute time").into());
    }
    date::parse(&text).ok_or_else(|| unreadable(value, field, "a date").into())
}

impl Test {
    /// Whether a value of an event satisfies it.
    pub fn holds(&self, value: &Json) -> bool {
        match self {
            Self::Exists => true,
            Self::Texts(texts) => texts.contains(&text_of(value)),
            Self::Like { plain, patterns } => {
                let text = text_of(value);
                plain.contains(&text) || patterns.iter().any(|pattern| pattern.matches(&text))
            }
            Self::Pattern(pattern) => pattern.matches(&text_of(value)),
            Self::Regex(regex) => regex.matches(&text_of(value)),
            Self::Prefix { prefix, ignore_case } => begins(&text_of(value), prefix, *ignore_case),
            Self::TextOrder(operator, wanted) => operator.holds(text_of(value).as_ref().cmp(wanted)),
            Self::VersionOrder(operator, wanted) => {
                operator.holds(Version::new(&text_of(value)).order(&Version::new(wanted)))
            }
            Self::Numbers { values, whole } => json_number(value, *whole).is_some_and(|found| {
                values.iter().any(|wanted| found.compare(wanted) == Some(Ordering::Equal))
            }),
            Self::NumberOrder { operator, value: wanted, whole } => {
                let order = json_number(value, *whole).and_then(|found| found.compare(wanted));
                order.is_some_and(|order| operator.holds(order))
            }
            Self::Booleans { yes, no } => {
                json_boolean(value).is_some_and(|truth| if truth { *yes } else { *no })
            }
            Self::Dates { intervals, nanoseconds } => json_date(value, *nanoseconds).is_some_and(|found| {
                intervals.iter().any(|wanted| wanted.start <= found && found <= wanted.end)
            }),
            Self::DateOrder { operator, interval, nanoseconds } => {
                json_date(value, *nanoseconds).is_some_and(|found| date_holds(*operator, found, interval))
            }
            Self::Blocks(blocks) => value
                .as_str()
                .and_then(parse_address)
                .is_some_and(|address| blocks.iter().any(|block| block.contains(address))),
            Self::AddressOrder(operator, wanted) => {
                let address = value.as_str().and_then(parse_address);
                address.is_some_and(|address| operator.holds(address.cmp(wanted)))
            }
            Self::Loose(operator, values) => values.iter().any(|wanted| loosely(*operator, value, wanted)),
        }
    }
}

fn begins(text: &str, prefix: &str, ignore_case: bool) -> bool {
    match text.as_bytes().get(..prefix.len()) {
        Some(start) if ignore_case => start.eq_ignore_ascii_case(prefix.as_bytes()),
        Some(start) => start == prefix.as_bytes(),
        None => false,
    }
}

/// The bound that leaves time open is taken at the end which keeps the whole of it on one side.
fn date_holds(operator: Comparison, found: DateTime<Utc>, wanted: &Interval) -> bool {
    match operator {
        Comparison::Less => found < wanted.start,
        Comparison::LessOrEqual => found <= wanted.end,
        Comparison::Greater => found > wanted.end,
        Comparison::GreaterOrEqual => found >= wanted.start,
        Comparison::Equal => wanted.start <= found && found <= wanted.end,
        Comparison::NotEqual => found < wanted.start || found > wanted.end,
    }
}

/// The number that a value stands for in a numeric field; texts are read, as Elasticsearch does on indexing.
pub(super) fn json_number(value: &Json, whole: bool) -> Option<Value> {
    let number = match value {
        Json::Number(number) => number
            .as_i64()
            .map(Value::Integer)
            .or_else(|| number.as_u64().map(Value::Unsigned))
            .or_else(|| number.as_f64().map(Value::Float))?,
        Json::String(text) => Value::number_of(text)?,
        _ => return None,
    };
    Some(match number {
        Value::Float(float) if whole => Value::Float(float.trunc()),
        number => number,
    })
}

pub(super) fn json_boolean(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::String(text) if text == "true" => Some(true),
        Json::String(text) if text == "false" || text.is_empty() => Some(false),
        _ => None,
    }
}

fn json_date(value: &Json, nanoseconds: bool) -> Option<DateTime<Utc>> {
    let instant = match value {
        Json::Number(number) => DateTime::from_timestamp_millis(number.as_i64()?)?,
        Json::String(text) => date::parse(text)?.start,
        _ => return None,
    };
    Some(if nanoseconds { instant } else { instant.trunc_subsecs(3) })
}

/// Numbers with numbers by value, everything else by its text.
fn loosely(operator: Comparison, found: &Json, wanted: &Value) -> bool {
    let order = if found.is_number() && wanted.is_number() {
        json_number(found, false).and_then(|found| found.compare(wanted))
    } else {
        match wanted {
            Value::String(wanted) => Some(text_of(found).as_ref().cmp(wanted)),
            wanted => Some(text_of(found).as_ref().cmp(&wanted.to_string())),
        }
    };
    order.is_some_and(|order| operator.holds(order))
}

//! The values of EQL expressions, with Elasticsearch's rules for comparing and for printing them.

use std::cmp::Ordering;
use std::fmt;

/// A literal of a query, or what an expression comes to for one document.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, or the value of a missing field.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number too large for [`Value::Integer`].
    Unsigned(u64),
    /// A number with a fraction or an exponent, or one too large for the others.
    Float(f64),
    /// A text.
    String(String),
}

impl Value {
    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, where it is one that fits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is a number of any kind.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Unsigned(_) | Self::Float(_))
    }

    /// What kind of value it is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(truth) => (*truth).into(),
            Self::Integer(number) => (*number).into(),
            Self::Unsigned(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::String(text) => text.as_str().into(),
        }
    }

    /// The order of two numbers, two strings or two booleans; none for anything else.
    ///
    /// Strings are ordered by UTF-16 code units, as Java orders them.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::String(left), Self::String(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
            (Self::Boolean(left), Self::Boolean(right)) => Some(left.cmp(right)),
            _ => compare_numbers(self, other),
        }
    }
}

/// The order of two numbers by their value, whatever their kinds.
fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left.whole(), right.whole()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.float()?.partial_cmp(&right.float()?),
    }
}

impl Value {
    /// A whole number of either kind.
    pub(super) fn whole(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(i128::from(*number)),
            Self::Unsigned(number) => Some(i128::from(*number)),
            _ => None,
        }
    }

    /// Any number, rounded to a double.
    #[allow(clippy::cast_precision_loss, reason = "numbers meet as doubles, as in Elasticsearch")]
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Unsigned(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The number that a text stands for where a number is wanted, as in `"10"` for a numeric field.
    #[must_use]
    pub fn number_of(text: &str) -> Option<Self> {
        let whole = text.parse().map(Self::Integer).or_else(|_| text.parse().map(Self::Unsigned));
        // Java knows neither `inf` nor `nan` by these names.
        let plain = !text
            .contains(|character: char| character.is_ascii_alphabetic() && !matches!(character, 'e' | 'E'));
        whole.ok().or_else(|| text.parse().ok().filter(|_| plain).map(Self::Float))
    }

    /// The smallest kind that holds a whole number.
    pub(super) fn from_whole(number: i128) -> Option<Self> {
        i64::try_from(number).map(Self::Integer).or_else(|_| u64::try_from(number).map(Self::Unsigned)).ok()
    }
}

/// As Java prints it: `1.0`, `true`, `null`.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Boolean(truth) => truth.fmt(out),
            Self::Integer(number) => number.fmt(out),
            Self::Unsigned(number) => number.fmt(out),
            Self::Float(number) => java_double(*number, out),
            Self::String(text) => out.write_str(text),
        }
    }
}

/// `Double.toString`: plain from 0.001 up to ten million, scientific outside.
fn java_double(number: f64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let size = number.abs();
    if number.is_nan() {
        out.write_str("NaN")
    } else if number.is_infinite() {
        out.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else if size == 0.0 || (1e-3..1e7).contains(&size) {
        write!(out, "{number:?}")
    } else {
        let text = format!("{number:E}");
        let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        write!(out, "{digits}{point}E{exponent}")
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::Value;

    #[test]
    fn numbers_of_all_kinds_meet() {
        let (small, large) = (Value::Integer(-1), Value::Unsigned(u64::MAX));
        assert_eq!(small.compare(&large), Some(Ordering::Less));
        assert_eq!(Value::Float(2.5).compare(&Value::Integer(2)), Some(Ordering::Greater));
        assert_eq!(Value::Integer(1).compare(&Value::String("1".into())), None);
        assert_eq!(Value::Null.compare(&Value::Null), None);
    }

    #[test]
    fn doubles_print_as_in_java() {
        for (number, text) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (1e7, "1.0E7"),
            (1.25e-5, "1.25E-5"),
            (9_999_999.0, "9999999.0"),
            (0.0, "0.0"),
        ] {
            assert_eq!(Value::Float(number).to_string(), text);
        }
    }
}

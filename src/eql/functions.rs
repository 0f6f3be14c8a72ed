//! What each function gives, as Elasticsearch's scripts compute it. Texts are UTF-16 there, and so are offsets.

use super::Function;
use super::cidr::{Block, parse_address};
use super::compute::arithmetic;
use super::syntax::Arithmetic;
use super::{Pattern, Value, has_wildcard};

/// The value of a call, or why it has none.
pub(super) fn call(function: Function, ignore_case: bool, arguments: &[Value]) -> Result<Value, String> {
    let at = |index: usize| arguments.get(index).unwrap_or(&Value::Null);
    let (first, second) = (at(0), at(1));
    Ok(match function {
        Function::Add => arithmetic(Arithmetic::Add, first, second)?,
        Function::Subtract => arithmetic(Arithmetic::Subtract, first, second)?,
        Function::Multiply => arithmetic(Arithmetic::Multiply, first, second)?,
        Function::Divide => arithmetic(Arithmetic::Divide, first, second)?,
        Function::Modulo => arithmetic(Arithmetic::Modulo, first, second)?,
        Function::Between => between(arguments, ignore_case),
        Function::CidrMatch => cidr_match(first, arguments.get(1..).unwrap_or_default()),
        Function::Concat => concat(arguments),
        Function::StartsWith => on_texts(first, second, ignore_case, <[u16]>::starts_with),
        Function::EndsWith => on_texts(first, second, ignore_case, <[u16]>::ends_with),
        Function::StringContains => on_texts(first, second, ignore_case, |text, part| {
            !text.is_empty() && !part.is_empty() && find(text, part, 0).is_some()
        }),
        Function::IndexOf => index_of(first, second, at(2), ignore_case),
        Function::Length => first.as_str().map_or(Value::Null, |text| size(text.encode_utf16().count())),
        Function::Number => number(first, second)?,
        Function::String if first.is_null() => Value::Null,
        Function::String => Value::String(first.to_string()),
        Function::Substring => substring(first, second, at(2)),
        Function::Wildcard => wildcard(first, arguments.get(1..).unwrap_or_default(), ignore_case),
    })
}

/// Java's `compareToIgnoreCase`: characters are equal if their upper or lower cases are.
pub(super) fn equals_folded(left: &str, right: &str) -> bool {
    left.chars().map(folded).eq(right.chars().map(folded))
}

/// A character's lower case by way of its upper case, where each is one character.
fn folded(character: char) -> char {
    let single = |mut cases: Box<dyn Iterator<Item = char>>, otherwise| match (cases.next(), cases.next()) {
        (Some(one), None) => one,
        _ => otherwise,
    };
    let upper = single(Box::new(character.to_uppercase()), character);
    single(Box::new(upper.to_lowercase()), upper)
}

/// The text as Java holds it, in lower case where case is ignored.
fn units(text: &str, ignore_case: bool) -> Vec<u16> {
    if ignore_case { text.to_lowercase().encode_utf16().collect() } else { text.encode_utf16().collect() }
}

fn text_of(units: &[u16]) -> Value {
    Value::String(String::from_utf16_lossy(units))
}

fn size(length: usize) -> Value {
    i64::try_from(length).map_or(Value::Null, Value::Integer)
}

/// The first place of `part` in `text`, at `from` or later.
fn find(text: &[u16], part: &[u16], from: usize) -> Option<usize> {
    if part.is_empty() {
        return (from <= text.len()).then_some(from);
    }
    text.get(from..)?.windows(part.len()).position(|window| window == part).map(|offset| from + offset)
}

fn find_last(text: &[u16], part: &[u16]) -> Option<usize> {
    text.windows(part.len()).rposition(|window| window == part)
}

fn on_texts(
    first: &Value,
    second: &Value,
    ignore_case: bool,
    test: impl Fn(&[u16], &[u16]) -> bool,
) -> Value {
    match (first, second) {
        (Value::String(whole), Value::String(part)) => {
            Value::Boolean(test(&units(whole, ignore_case), &units(part, ignore_case)))
        }
        _ => Value::Null,
    }
}

/// What stands between the first `left` and the next `right`, or the last one if greedy; empty if either is absent.
fn between(arguments: &[Value], ignore_case: bool) -> Value {
    let [Value::String(text), left, right, rest @ ..] = arguments else { return Value::Null };
    let (Some(left), Some(right)) = (left.as_str(), right.as_str()) else { return Value::Null };
    if text.is_empty() || left.is_empty() || right.is_empty() {
        return Value::String(text.clone());
    }
    let greedy = rest.first() == Some(&Value::Boolean(true));
    let original = units(text, false);
    let haystack = units(text, ignore_case);
    let (left, right) = (units(left, ignore_case), units(right, ignore_case));
    let inside = find(&haystack, &left, 0).and_then(|start| {
        let start = start + left.len();
        let end = if greedy { find_last(&haystack, &right) } else { find(&haystack, &right, start) };
        original.get(start..end?)
    });
    text_of(inside.unwrap_or_default())
}

fn cidr_match(address: &Value, blocks: &[Value]) -> Value {
    let Some(address) = address.as_str().and_then(parse_address) else { return Value::Null };
    let holds =
        |block: &Value| block.as_str().and_then(Block::parse).is_some_and(|block| block.contains(address));
    Value::Boolean(blocks.iter().any(holds))
}

fn concat(arguments: &[Value]) -> Value {
    if arguments.iter().any(Value::is_null) {
        return Value::Null;
    }
    Value::String(arguments.iter().map(ToString::to_string).collect())
}

fn index_of(text: &Value, part: &Value, start: &Value, ignore_case: bool) -> Value {
    let (Value::String(text), Value::String(part)) = (text, part) else { return Value::Null };
    let (text, part) = (units(text, ignore_case), units(part, ignore_case));
    let start = usize::try_from(start.as_integer().unwrap_or(0)).unwrap_or(0);
    find(&text, &part, start).map_or(Value::Null, size)
}

/// A whole number where the text is one, else a double; `0x` stands for base 16.
fn number(text: &Value, base: &Value) -> Result<Value, String> {
    let text = match text {
        Value::Null => return Ok(Value::Null),
        Value::String(text) => text,
        _ => return Ok(text.clone()),
    };
    let no_number = || format!("`{text}` is no number");
    let hexadecimal = text.strip_prefix("0x");
    let base = match base.as_integer() {
        None => {
            if hexadecimal.is_some() {
                16
            } else {
                10
            }
        }
        Some(base) => {
            u32::try_from(base).ok().filter(|base| (2..=36).contains(base)).ok_or_else(no_number)?
        }
    };
    let digits = hexadecimal.filter(|_| base == 16).unwrap_or(text);
    match i64::from_str_radix(digits, base) {
        Ok(number) => Ok(Value::Integer(number)),
        Err(_) if base == 10 => text.parse().map(Value::Float).map_err(|_| no_number()),
        Err(_) => Err(no_number()),
    }
}

/// Python's slice, negative offsets from the end.
fn substring(text: &Value, start: &Value, end: &Value) -> Value {
    let (Value::String(text), Some(start)) = (text, start.as_integer()) else { return Value::Null };
    let text = units(text, false);
    let place = |offset: i64| {
        let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        if offset < 0 { text.len().saturating_sub(distance) } else { text.len().min(distance) }
    };
    let (start, end) = (place(start), end.as_integer().map_or(text.len(), place));
    text_of(text.get(start..end).unwrap_or_default())
}

fn wildcard(text: &Value, patterns: &[Value], ignore_case: bool) -> Value {
    let Value::String(text) = text else { return Value::Null };
    let matches = |pattern: &Value| {
        pattern.as_str().is_some_and(|pattern| match has_wildcard(pattern) {
            true => Pattern::eql(pattern, ignore_case).matches(text),
            false if ignore_case => equals_folded(text, pattern),
            false => text == pattern,
        })
    };
    Value::Boolean(patterns.iter().any(matches))
}

#[cfg(test)]
mod tests {
    use super::{Function, Value, call};

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    fn number(number: i64) -> Value {
        Value::Integer(number)
    }

    #[test]
    fn functions_give_what_elasticsearch_gives() {
        use Function::{Between, Concat, IndexOf, Length, Number, String, StringContains, Substring};
        let truth = Value::Boolean;
        let path = || text("System Idle Process");
        let cases = [
            (Length, false, vec![text("é😀")], number(3)),
            (Length, false, vec![Value::Null], Value::Null),
            (Substring, false, vec![text("hello"), number(-3), number(-1)], text("ll")),
            (Substring, false, vec![text("hello"), number(3), number(1)], text("")),
            (Substring, false, vec![text("hello"), number(-9), number(99)], text("hello")),
            (IndexOf, false, vec![text("abcabc"), text("c"), number(3)], number(5)),
            (IndexOf, false, vec![text("abc"), text("x")], Value::Null),
            (IndexOf, false, vec![text("abc"), text(""), number(3)], number(3)),
            (IndexOf, false, vec![text("abc"), text(""), number(4)], Value::Null),
            (IndexOf, true, vec![text("ABC"), text("b"), number(-5)], number(1)),
            (Between, false, vec![path(), text("s"), text("e")], text("t")),
            (Between, true, vec![path(), text("s"), text("e")], text("yst")),
            (Between, false, vec![path(), text("s"), text("e"), truth(true)], text("tem Idle Proc")),
            (Between, false, vec![path(), text("x"), text("e")], text("")),
            (Between, false, vec![path(), text(""), text("e")], path()),
            (Concat, false, vec![text("a"), number(1), truth(true), Value::Float(1.0)], text("a1true1.0")),
            (Concat, false, vec![text("a"), Value::Null], Value::Null),
            (String, false, vec![Value::Float(1.0)], text("1.0")),
            (StringContains, false, vec![text("abc"), text("")], truth(false)),
            (StringContains, true, vec![text("aBc"), text("AB")], truth(true)),
            (StringContains, false, vec![text("abc"), text("*")], truth(false)),
            (Number, false, vec![text("0xff")], number(255)),
            (Number, false, vec![text("ff"), number(16)], number(255)),
            (Number, false, vec![text("1.5")], Value::Float(1.5)),
        ];
        for (function, ignore_case, arguments, expected) in cases {
            assert_eq!(call(function, ignore_case, &arguments), Ok(expected), "{function:?} {arguments:?}");
        }
        assert!(call(Number, false, &[text("x")]).is_err());
    }
}

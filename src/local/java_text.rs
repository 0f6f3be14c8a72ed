//! A JSON value as Java prints a parsed map: `{a=1, b=[x, y]}`, in the order a Java `HashMap` walks its keys.
//!
//! Elastic's CloudTrail pipeline stores parameters in this form (`request_parameters`, …), and rules search
//! it by wildcard, so the order of the keys matters. The order follows from `java.util.HashMap` as documented:
//! a table that doubles at three quarters, indexed by the string's hash with its high half folded in.

use serde_json::{Map, Value};

/// Puts the keys of every object in `value` into the order of a Java `HashMap` filled in the given order.
pub(super) fn order_keys(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(order_keys),
        Value::Object(object) => {
            object.values_mut().for_each(order_keys);
            let table = table_size(object.len());
            let mut entries: Vec<_> = std::mem::take(object).into_iter().collect();
            // Stable: keys that share a slot stay in the order they came in.
            entries.sort_by_cached_key(|(key, _)| spread(key) & (table - 1));
            object.extend(entries);
        }
        _ => {}
    }
}

/// Prints `value` as `Map.toString` and its kin do.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => write_object(object, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_object(object: &Map<String, Value>, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in object.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        out.push_str(key);
        out.push('=');
        write(value, out);
    }
    out.push('}');
}

/// Slots of the table after `length` keys were put in one by one.
fn table_size(length: usize) -> u32 {
    let mut size = 16_u32;
    while length > size as usize / 4 * 3 && size < 1 << 30 {
        size *= 2;
    }
    size
}

/// `String.hashCode` over UTF-16 units, high half folded into the low one.
fn spread(key: &str) -> u32 {
    let hash = key.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::{order_keys, spread, text};
    use serde_json::{Value, json};

    fn printed(mut value: Value) -> String {
        order_keys(&mut value);
        text(&value)
    }

    #[test]
    fn hashes_are_javas() {
        // Known values: "Aa" and "BB" are the textbook collision; the empty string hashes to 0.
        assert_eq!((spread(""), spread("Aa"), spread("BB")), (0, 2112, 2112));
    }

    #[test]
    fn keys_come_in_table_order_and_collisions_in_the_order_given() {
        // Single letters hash to their code: slots 1, 2, 3 of 16; `q` (113) shares slot 1 with `a` (97).
        assert_eq!(printed(json!({"c": 1, "b": true, "q": null, "a": "x"})), "{q=null, a=x, b=true, c=1}");
        assert_eq!(
            printed(json!({"b": [1, "y", {}], "a": {"d": 1.5, "c": []}})),
            "{a={c=[], d=1.5}, b=[1, y, {}]}"
        );
    }

    #[test]
    fn a_thirteenth_key_doubles_the_table() {
        // In 32 slots `q` (113) lies at 17 and `a` (97) at 1, in 16 both lie at 1.
        let keys = |letters: &str| -> Value {
            letters
                .chars()
                .map(|letter| (letter.to_string(), Value::from(0)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let order = |letters: &str| printed(keys(letters)).replace("=0", "").replace(", ", "");
        assert_eq!(order("qabcdefghijk"), "{qabcdefghijk}");
        assert_eq!(order("qabcdefghijkl"), "{abcdefghijklq}");
    }
}

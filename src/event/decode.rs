//! Documents decoded one by one, so that a hostile one cannot cost the others, nor itself: a document that no
//! JSON parser likes (half of a surrogate pair, nesting without end, numbers beyond every type) is still an event.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How deep a document is followed; what lies deeper is kept as its JSON text.
const MAX_DEPTH: usize = 300;

/// What was read, and whether something in it had to be replaced for that.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// What was read.
    pub value: T,
    /// Whether it has replacements.
    pub repaired: bool,
}

/// Decodes an object; anything else, or nothing, is an empty object.
#[must_use]
pub fn object(raw: Option<&RawValue>) -> Decoded<Map<String, Value>> {
    let Some(raw) = raw else { return Decoded { value: Map::new(), repaired: false } };
    if let Ok(value) = serde_json::from_str(raw.get()) {
        return Decoded { value, repaired: false };
    }
    match repaired(raw, MAX_DEPTH) {
        Value::Object(value) => Decoded { value, repaired: true },
        _ => Decoded { value: Map::new(), repaired: raw.get() != "null" },
    }
}

/// Decodes a whole text.
///
/// # Errors
/// It has not JSON's grammar.
pub fn value(text: &[u8]) -> serde_json::Result<Decoded<Value>> {
    // All at once is checked sooner than string by string.
    let read = match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(text),
    };
    read.map(|value| Decoded { value, repaired: false }).or_else(|error| {
        let raw: &RawValue = serde_json::from_slice(text).map_err(|_| error)?;
        Ok(Decoded { value: repaired(raw, MAX_DEPTH), repaired: true })
    })
}

/// Takes a value apart one level, where it cannot be decoded as a whole.
fn repaired(raw: &RawValue, depth: usize) -> Value {
    let text = raw.get();
    if depth == 0 {
        return Value::String(text.to_owned());
    }
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let value = match text.as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Level>(text).ok().map(|level| {
            let entries = level.0.into_iter();
            Value::Object(
                entries.map(|(key, value)| (key.0.into_owned(), repaired(value, depth - 1))).collect(),
            )
        }),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)
            .ok()
            .map(|items| items.into_iter().map(|item| repaired(item, depth - 1)).collect()),
        Some(b'"') => serde_json::from_str::<Lossy>(text).ok().map(|text| Value::String(text.0.into_owned())),
        _ => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The entries of one object, their values as they stand.
struct Level<'a>(Vec<(Lossy<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Level<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Level<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Level(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A string in which what is not Unicode is replaced by U+FFFD.
#[derive(Clone)]
struct Lossy<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Lossy<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Lossy<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Lossy(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Lossy(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoded, object, value};
    use crate::event::Event;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use serde_json::value::RawValue;
    use serde_json::{Map, Value, json};

    fn decode(text: &str) -> Decoded<Map<String, Value>> {
        let raw: &RawValue = serde_json::from_str(text).expect("a JSON text");
        object(Some(raw))
    }

    #[test]
    fn half_a_surrogate_pair_hides_nothing() {
        let decoded = decode(r#"{"user":{"name":"\ud800x","id":"i-1"},"\udc00k":1,"n":2}"#);
        assert!(decoded.repaired);
        let event = Event { source: decoded.value, ..Event::default() };
        assert_eq!(event.text("user.id").as_deref(), Some("i-1"));
        assert!(event.text("user.name").is_some_and(|name| name.ends_with('x') && name.contains('\u{fffd}')));
        assert_eq!(event.first("n"), Some(json!(2)));
    }

    #[test]
    fn numbers_beyond_every_type_keep_their_digits() {
        let decoded = decode(r#"{"a":1e999,"b":[1,-1e999],"c":1}"#);
        assert!(decoded.repaired);
        assert_eq!(Value::Object(decoded.value), json!({"a": "1e999", "b": [1, "-1e999"], "c": 1}));
        assert!(!decode(r#"{"a":12345678901234567890123}"#).repaired);
    }

    #[test]
    fn depth_without_end_costs_only_what_lies_deepest() {
        for depth in [100, 127, 128, 200, 299, 5_000] {
            let text = format!("{}{}{}", r#"{"a":"#.repeat(depth), r#""x""#, "}".repeat(depth));
            let text = format!(r#"{{"deep":{text},"id":"i-1"}}"#);
            let event = Event { source: decode(&text).value, ..Event::default() };
            assert_eq!(event.text("id").as_deref(), Some("i-1"), "{depth}");
            if depth < 299 {
                let path = format!("deep{}", ".a".repeat(depth));
                assert_eq!(event.source["deep"].pointer(&"/a".repeat(depth)), Some(&json!("x")), "{path}");
            }
        }
    }

    #[test]
    fn twice_the_same_key_is_one_value() {
        let decoded = decode(r#"{"a":1,"a":2}"#);
        assert_eq!(Value::Object(decoded.value), json!({"a": 2}));
        let broken = decode(r#"{"a":1,"a":2,"b":"\ud800"}"#);
        assert_eq!(broken.value.get("a"), Some(&json!(2)));
    }

    #[test]
    fn no_source_is_an_empty_document() {
        assert!(object(None).value.is_empty() && !object(None).repaired);
        assert!(decode("[1]").repaired);
        assert!(!decode("null").repaired);
    }

    #[test]
    fn a_whole_text_is_repaired_only_where_it_is_json() {
        for text in [
            r#"{"a":"\ud800","n":1e999}"#,
            r#" {"a":"\ud800","n":1e999}
"#,
        ] {
            let decoded = value(text.as_bytes()).unwrap();
            assert!(decoded.repaired);
            assert_eq!(decoded.value["n"], "1e999");
        }
        assert_eq!(value(b"[1]").unwrap(), Decoded { value: json!([1]), repaired: false });
        for text in
            [r#"{"a":"\ud80"}"#, r#"{"a":"\ud800"} {}"#, r#"{"a":"\ud800","#, r#"{"a":"\ud800","n":01}"#, ""]
        {
            assert!(value(text.as_bytes()).is_err(), "{text}");
        }
        assert!(value(b"{\"a\":\"\xff\"}").is_err());
    }

    proptest! {
        #[test]
        fn taking_apart_changes_nothing_that_is_sound(texts in proptest::collection::vec(any::<String>(), 1..5)) {
            let sound = json!({"list": texts, "in": {"side": texts, "n": [1.5, null, true]}});
            let text = sound.to_string().replacen('{', r#"{"bad":"\ud800","#, 1);
            let mut decoded = decode(&text);
            prop_assert!(decoded.repaired);
            decoded.value.shift_remove("bad");
            prop_assert_eq!(Value::Object(decoded.value), sound);
        }
    }
}

//! Reads some fields of a document without making the rest of it.
//!
//! What comes out is the document without what holds none of the fields: every way to spell their names, nested or
//! dotted, leads to the same values as in the whole, and of two equal keys the last one counts there too.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Keys of a document that is another's envelope, or is read as another document than it spells.
const ENVELOPES: &[&str] = &["Records", "_source", "eventName", "eventSource", "eventTime", "fields", "hits"];

/// Fields that are wanted, as keys of an object and of those below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// In order of length and name.
    keys: Vec<(String, Under)>,
}

/// What is wanted under a key.
#[derive(Debug, Clone, Default)]
struct Under {
    /// The value itself.
    value: bool,
    /// Fields below it.
    below: Wanted,
}

impl Wanted {
    /// Wants the fields of these full names.
    pub fn new<'f>(fields: impl IntoIterator<Item = &'f str>) -> Self {
        let mut wanted = Self::default();
        for field in fields {
            wanted.add(field);
        }
        wanted
    }

    fn add(&mut self, path: &str) {
        self.under(path).value = true;
        for (dot, _) in path.match_indices('.') {
            self.under(&path[..dot]).below.add(&path[dot + 1..]);
        }
    }

    fn under(&mut self, key: &str) -> &mut Under {
        let at = self.place(key).unwrap_or_else(|at| {
            self.keys.insert(at, (key.to_owned(), Under::default()));
            at
        });
        &mut self.keys[at].1
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.keys
            .binary_search_by(|(known, _)| known.len().cmp(&key.len()).then_with(|| known.as_str().cmp(key)))
    }

    fn get(&self, key: &str) -> Option<&(String, Under)> {
        self.place(key).ok().and_then(|at| self.keys.get(at))
    }

    /// The wanted part of the document `text`; none where it is an envelope, or no JSON object as far as that shows.
    pub fn part_of(&self, text: &[u8]) -> Option<Map<String, Value>> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let part = Object { wanted: self, is_top: true }.deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        match part {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// A value below which fields are wanted.
#[derive(Clone, Copy)]
struct Object<'w> {
    wanted: &'w Wanted,
    is_top: bool,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(found) = access.next_key_seed(Key(self))? {
            let Some((key, under)) = found else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = if under.value {
                access.next_value()?
            } else {
                access.next_value_seed(Object { wanted: &under.below, is_top: false })?
            };
            object.insert(key.clone(), value);
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Object { is_top: false, ..self })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// A key of an object below which fields are wanted.
struct Key<'w>(Object<'w>);

impl<'de, 'w> DeserializeSeed<'de> for Key<'w> {
    type Value = Option<&'w (String, Under)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'w> Visitor<'_> for Key<'w> {
    type Value = Option<&'w (String, Under)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let Self(Object { wanted, is_top }) = self;
        if is_top && ENVELOPES.contains(&key) {
            return Err(E::custom("an envelope"));
        }
        Ok(wanted.get(key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Wanted;

    fn part(text: &str) -> Option<Value> {
        Wanted::new(["a.b.c", "a.b", "x", "k.l"]).part_of(text.as_bytes()).map(Value::Object)
    }

    #[test]
    fn every_spelling_of_a_wanted_field_is_kept() {
        for (text, expected) in [
            (r#"{"a":{"b":{"c":1,"d":2},"z":3},"q":[1,{"x":2}]}"#, json!({"a": {"b": {"c": 1, "d": 2}}})),
            (
                r#"{"a.b":{"c":1},"a.b.c":2,"a":{"b.c":3}}"#,
                json!({"a.b": {"c": 1}, "a.b.c": 2, "a": {"b.c": 3}}),
            ),
            (
                r#"{"k":[{"l":1,"m":2},3,[{"l":4}]],"\u0078":"\u00e9"}"#,
                json!({"k": [{"l": 1}, null, [{"l": 4}]], "x": "é"}),
            ),
            (r#"{"x":1,"x":[2],"k":{"l":1},"k":3}"#, json!({"x": [2], "k": null})),
            (
                r#"{"x":18446744073709551616,"k":null}"#,
                json!({"x": 18_446_744_073_709_551_616_f64, "k": null}),
            ),
            ("{}", json!({})),
        ] {
            assert_eq!(part(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_to_be_read_whole_is_left() {
        for text in [
            "",
            "{",
            "[]",
            "3",
            r#"{"x":1}}"#,
            r#"{"_source":{"x":1}}"#,
            r#"{"x":1,"Rec\u006frds":[]}"#,
            r#"{"q":[}"#,
        ] {
            assert_eq!(part(text), None, "{text}");
        }
    }
}

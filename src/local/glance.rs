//! Reads some fields of a document without making the rest of it: their texts as they come, or the part that holds them.
//!
//! A part is the document without what holds none of the fields: every way to spell their names, nested or
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
    /// The value itself, as that of the field of this number.
    field: Option<usize>,
    /// Fields below it.
    below: Wanted,
}

impl Wanted {
    /// Wants the fields of these full names, numbered from 0 on.
    pub fn new<'f>(fields: impl IntoIterator<Item = &'f str>) -> Self {
        let mut wanted = Self::default();
        for (number, field) in fields.into_iter().enumerate() {
            wanted.add(field, number);
        }
        wanted
    }

    fn add(&mut self, path: &str, number: usize) {
        self.under(path).field = Some(number);
        for (dot, _) in path.match_indices('.') {
            self.under(&path[..dot]).below.add(&path[dot + 1..], number);
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

    /// Whether `holds` is true of some text of a wanted field in the document `text` (a boolean counts as its word);
    /// none where the document is an envelope, or no JSON object as far as that shows.
    ///
    /// Of two equal keys both are asked about.
    pub fn any_text(&self, text: &[u8], holds: &mut dyn FnMut(usize, &str) -> bool) -> Option<bool> {
        if text.first() != Some(&b'{') {
            return None;
        }
        let mut reader = serde_json::Deserializer::from_str(std::str::from_utf8(text).ok()?);
        let mut found = false;
        let top = Texts {
            under: &Under { field: None, below: Self::default() },
            top: Some(self),
            holds,
            found: &mut found,
        };
        let read = top.deserialize(&mut reader);
        if found {
            return Some(true);
        }
        read.ok()?;
        reader.end().ok()?;
        Some(false)
    }

    /// The wanted part of the document `text`; none where it is an envelope, or no JSON object as far as that shows.
    pub fn part_of(&self, text: &[u8]) -> Option<Map<String, Value>> {
        let mut reader = serde_json::Deserializer::from_str(std::str::from_utf8(text).ok()?);
        let part = Object { wanted: self, is_top: true }.deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        match part {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// A value whose texts are asked about.
struct Texts<'w, 'h> {
    under: &'w Under,
    /// The whole document's fields, where the value is the document.
    top: Option<&'w Wanted>,
    holds: &'h mut dyn FnMut(usize, &str) -> bool,
    /// Set where the answer is yes; nothing more is read then.
    found: &'h mut bool,
}

impl Texts<'_, '_> {
    fn ask<E: Error>(self, text: &str) -> Result<(), E> {
        if let Some(field) = self.under.field
            && (self.holds)(field, text)
        {
            *self.found = true;
            return Err(E::custom("found"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Texts<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let (wanted, is_top) = (self.top.unwrap_or(&self.under.below), self.top.is_some());
        while let Some(found) = access.next_key_seed(Key { wanted, is_top })? {
            match found {
                None => {
                    access.next_value::<IgnoredAny>()?;
                }
                Some((_, under)) => {
                    let (holds, found) = (&mut *self.holds, &mut *self.found);
                    access.next_value_seed(Texts { under, top: None, holds, found })?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        loop {
            let (holds, found) = (&mut *self.holds, &mut *self.found);
            let item = access.next_element_seed(Texts { under: self.under, top: None, holds, found })?;
            if item.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.ask(text)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.ask(if truth { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
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
        while let Some(found) = access.next_key_seed(Key { wanted: self.wanted, is_top: self.is_top })? {
            let Some((key, under)) = found else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = if under.field.is_some() {
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
struct Key<'w> {
    wanted: &'w Wanted,
    is_top: bool,
}

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
        if self.is_top && ENVELOPES.contains(&key) {
            return Err(E::custom("an envelope"));
        }
        Ok(self.wanted.get(key))
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

    fn texts(text: &str) -> (Option<bool>, Vec<(usize, String)>) {
        let mut asked = Vec::new();
        let answer = Wanted::new(["a.b", "x", "a.b.c"]).any_text(text.as_bytes(), &mut |field, text| {
            asked.push((field, text.to_owned()));
            text == "found"
        });
        (answer, asked)
    }

    #[test]
    fn every_text_of_a_wanted_field_is_asked_about() {
        let (answer, asked) = texts(
            r#"{"a":{"b":["p",["q",{"c":true}],7]},"z":"no","a.b":"\u0072","x":null,"x":"s","a":{"b.c":"t"}}"#,
        );
        let expected = [(0, "p"), (0, "q"), (2, "true"), (0, "r"), (1, "s"), (2, "t")];
        assert_eq!(answer, Some(false));
        assert_eq!(asked, expected.map(|(field, text)| (field, text.to_owned())));
        assert_eq!(texts(r#"{"x":"found","x":"more"#).0, Some(true));
        for whole in ["", "[]", "3", r#"{"x":1"#, r#"{"x":1}{}"#, r#"{"hits":1}"#] {
            assert_eq!(texts(whole).0, None, "{whole}");
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

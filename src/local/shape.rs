//! Which kind of document an object is (by its content, never by a file's name), and the event it tells of.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::cloudtrail;
use super::files::Located;
use super::split::Form;
use crate::event::Event;
use crate::event::decode::Decoded;

/// An event, and what it is called where it brings no id of its own.
#[derive(Debug)]
pub(super) struct Shaped {
    /// The event; its id is empty unless it brings one.
    pub event: Event,
    /// What follows the line it was found on in its id: nothing, or its place in the line's lists.
    pub place: Option<String>,
    /// Whether its document was read with replacements.
    pub repaired: bool,
}

impl Shaped {
    /// The event by its full name, found on `line` of `path`.
    pub fn located(self, path: &Arc<Path>, line: u64) -> Located {
        let Self { mut event, place, repaired } = self;
        if let Some(place) = place {
            event.id = format!("{line}{place}");
        }
        Located { event, path: Arc::clone(path), line, repaired }
    }
}

/// Where a document was found: what an event is called that brings no index and id of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The file's path as shown.
    pub path: &'a str,
    /// Its place on its line: nothing, or `:` and its number.
    pub place: &'a str,
}

/// The events of one document, in order; an error says what was found instead of an object.
///
/// A document that holds a list (`Records`, `hits.hits`) gives one result for each of its items.
pub(super) fn events(
    document: Decoded<Value>,
    form: Form,
    origin: Origin<'_>,
) -> Vec<Result<Shaped, String>> {
    let Decoded { value, repaired } = document;
    let found = shaped(value, form, origin).into_iter();
    found.map(|found| found.map(|shaped| Shaped { repaired, ..shaped })).collect()
}

fn shaped(document: Value, form: Form, origin: Origin<'_>) -> Vec<Result<Shaped, String>> {
    let mut object = match document {
        Value::Object(object) => object,
        other => return vec![Err(format!("expected an object, found {}", kind(&other)))],
    };
    if let Some((items, form)) = take_list(&mut object) {
        let numbered = items.into_iter().enumerate();
        return numbered
            .flat_map(|(at, item)| {
                let place = format!("{}:{}", origin.place, at + 1);
                shaped(item, form, Origin { place: &place, ..origin })
            })
            .collect();
    }
    if form == Form::Record || is_record(&object) {
        return vec![Ok(event(cloudtrail::document(object), Map::new(), origin))];
    }
    if is_hit(&object) {
        return vec![hit(object, origin)];
    }
    vec![Ok(event(object, Map::new(), origin))]
}

/// The documents inside a CloudTrail log file or a search response.
fn take_list(object: &mut Map<String, Value>) -> Option<(Vec<Value>, Form)> {
    if let Some(Value::Array(records)) = object.get_mut("Records") {
        return Some((std::mem::take(records), Form::Record));
    }
    match object.get_mut("hits")?.get_mut("hits")? {
        Value::Array(hits) => Some((std::mem::take(hits), Form::Any)),
        _ => None,
    }
}

/// Whether it is a CloudTrail record as AWS wrote it (the keys every version of the record has).
fn is_record(object: &Map<String, Value>) -> bool {
    let has = |key: &str| object.get(key).is_some_and(Value::is_string);
    has("eventTime") && has("eventName") && has("eventSource") && !object.contains_key("@timestamp")
}

/// Whether it is a search hit: a document in an envelope that says where it lies.
fn is_hit(object: &Map<String, Value>) -> bool {
    let has = |key: &str| object.get(key).is_some_and(Value::is_object);
    has("_source") || (has("fields") && object.contains_key("_index") && object.contains_key("_id"))
}

fn hit(mut hit: Map<String, Value>, origin: Origin<'_>) -> Result<Shaped, String> {
    let source = match hit.remove("_source") {
        Some(Value::Object(source)) => source,
        None | Some(Value::Null) => Map::new(),
        Some(other) => return Err(format!("expected an object in `_source`, found {}", kind(&other))),
    };
    let fields = match hit.remove("fields") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let mut shaped = event(source, fields, origin);
    if let Some(Value::String(index)) = hit.remove("_index") {
        shaped.event.index = index;
    }
    if let Some(Value::String(id)) = hit.remove("_id") {
        shaped = Shaped { event: Event { id, ..shaped.event }, place: None, ..shaped };
    }
    Ok(shaped)
}

fn event(source: Map<String, Value>, fields: Map<String, Value>, origin: Origin<'_>) -> Shaped {
    let event = Event { index: origin.path.to_owned(), id: String::new(), source, fields };
    Shaped { event, place: Some(origin.place.to_owned()), repaired: false }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Origin, events};
    use crate::event::Event;
    use crate::event::decode::Decoded;
    use crate::local::files::Located;
    use crate::local::split::Form;
    use serde_json::{Value, json};

    fn located(document: Value, repaired: bool) -> Vec<Result<Located, String>> {
        let document = Decoded { value: document, repaired };
        let found = events(document, Form::Any, Origin { path: "a.json", place: "" });
        let path = Arc::from(Path::new("a.json"));
        found.into_iter().map(|found| found.map(|shaped| shaped.located(&path, 3))).collect()
    }

    fn read(document: Value) -> Vec<Result<Event, String>> {
        located(document, false).into_iter().map(|found| found.map(|located| located.event)).collect()
    }

    fn one(document: Value) -> Event {
        let mut found = read(document);
        assert_eq!(found.len(), 1);
        found.remove(0).unwrap()
    }

    #[test]
    fn a_plain_document_is_called_by_its_place() {
        let event = one(json!({"user.id": "x"}));
        assert_eq!((event.index.as_str(), event.id.as_str()), ("a.json", "3"));
        assert_eq!(event.values("user.id"), [json!("x")]);
    }

    #[test]
    fn a_hit_keeps_its_index_id_and_returned_fields() {
        let event = one(json!({"_index": "logs-x", "_id": "77", "_score": null, "_source": {"a": 1},
            "fields": {"b": [2]}}));
        assert_eq!((event.index.as_str(), event.id.as_str()), ("logs-x", "77"));
        assert_eq!((event.values("a"), event.values("b")), (vec![json!(1)], vec![json!(2)]));
        assert!(event.values("_score").is_empty());
        let without_source = one(json!({"_index": "i", "_id": "1", "fields": {"b": [2]}}));
        assert_eq!(without_source.values("b"), [json!(2)]);
        assert_eq!(one(json!({"_source": {"a": 1}})).id, "3");
    }

    #[test]
    fn a_document_that_only_looks_like_an_envelope_stays_a_document() {
        assert_eq!(one(json!({"fields": {"a": 1}, "_id": "1"})).values("fields.a"), [json!(1)]);
        assert_eq!(one(json!({"hits": 3})).values("hits"), [json!(3)]);
        assert_eq!(one(json!({"_source": "x"})).values("_source"), [json!("x")]);
        let record_like = json!({"@timestamp": "2026-11-20T00:00:00Z", "eventTime": "x", "eventName": "y",
            "eventSource": "z"});
        assert_eq!(one(record_like).values("eventName"), [json!("y")]);
    }

    #[test]
    fn lists_inside_a_document_are_numbered() {
        let found = read(json!({"Records": [{"eventName": "A"}, 3], "x": 1}));
        let first = found[0].as_ref().unwrap();
        assert_eq!((first.id.as_str(), first.text("event.action").as_deref()), ("3:1", Some("A")));
        assert_eq!(found[1], Err("expected an object, found a number".to_owned()));
        let found = read(json!({"took": 1, "hits": {"hits": [{"_source": {"a": 1}}]}}));
        assert_eq!(found[0].as_ref().unwrap().id, "3:1");
    }

    #[test]
    fn each_event_of_a_document_with_replacements_says_so() {
        for document in [
            json!({"a": 1}),
            json!({"_id": "1", "_source": {"a": 1}}),
            json!({"Records": [{"eventName": "A"}, {}]}),
        ] {
            for repaired in [true, false] {
                let found = located(document.clone(), repaired);
                let says = |found: &Result<Located, String>| found.as_ref().unwrap().remark().is_some();
                assert!(found.iter().all(|found| says(found) == repaired), "{found:?}");
            }
        }
    }
}

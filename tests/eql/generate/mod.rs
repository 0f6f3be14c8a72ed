//! Random expressions and documents, over fields of every type in two indices that map them differently.

mod leaves;
mod scripts;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use stakeout::event::Event;
use stakeout::schema::{FieldForm, FieldType, Schema};

use leaves::{leaf, text};

/// Two indices that map `t` differently, and everything else alike; `only` is mapped in the first alone.
pub fn schema(one: &str, two: &str) -> Schema {
    let mut schema = Schema::new(vec![one.to_owned(), two.to_owned()]);
    for (name, field_type) in [
        ("k", FieldType::Keyword),
        ("w", FieldType::Wildcard),
        ("n", FieldType::Long),
        ("m", FieldType::Integer),
        ("o.k", FieldType::Keyword),
        ("f", FieldType::Float),
        ("b", FieldType::Boolean),
        ("d", FieldType::Date),
        ("i", FieldType::Ip),
        ("@timestamp", FieldType::Date),
        ("event.category", FieldType::Keyword),
    ] {
        schema.insert(name, FieldForm::everywhere(field_type));
    }
    let form = |field_type, exact: Option<&str>, index: &str| FieldForm {
        field_type,
        exact: exact.map(str::to_owned),
        indices: vec![index.to_owned()],
        searchable: true,
    };
    schema.insert("t", form(FieldType::Keyword, None, one));
    schema.insert("t", form(FieldType::Text, Some("t.keyword"), two));
    schema.insert("only", form(FieldType::Keyword, None, one));
    schema
}

fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|items| format!("({})", items.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|items| format!("({})", items.join(" or "))),
            inner.prop_map(|item| format!("not ({item})")),
        ]
    })
}

/// Nothing, one value, or an array of values.
fn values(one: impl Strategy<Value = Json> + Clone + 'static) -> impl Strategy<Value = Json> {
    prop_oneof![
        1 => Just(Json::Null),
        3 => one.clone(),
        1 => prop::collection::vec(one, 0..3).prop_map(Json::from),
    ]
}

/// A document of the index `one` or `two`.
pub fn event() -> impl Strategy<Value = Event> {
    let words = || values(text().prop_map(Json::from).boxed());
    let pick = |all: Vec<Json>| values(prop::sample::select(all).boxed());
    let source = (
        (words(), words(), words(), words(), prop::collection::vec(words(), 0..3)),
        pick(vec![json!(-1), json!(0), json!(1), json!(2), json!(7)]),
        pick(vec![json!(1), json!(i32::MAX), json!(i32::MIN)]),
        pick(vec![json!(0.5), json!(2.5), json!(-1.0), json!(1)]),
        pick(vec![json!(true), json!(false)]),
        pick(vec![
            json!("2026-11-23T00:00:01.500Z"),
            json!("2026-11-22T23:59:59.999Z"),
            json!("2026-11-23T23:59:59.999Z"),
            json!("2027-01-01T00:00:00.000Z"),
        ]),
        pick(vec![json!("10.0.0.1"), json!("10.0.0.200"), json!("2001:db8::1"), json!("192.168.0.1")]),
        prop::sample::select(vec!["one", "two"]),
        pick(vec![json!("process"), json!("file")]),
    );
    source.prop_map(|((k, t, w, only, o), n, m, f, b, d, i, index, category)| {
        let mut source = Map::new();
        let only = if index == "one" { only } else { Json::Null };
        for (name, value) in [
            ("k", k),
            ("t", t),
            ("w", w),
            ("only", only),
            ("n", n),
            ("m", m),
            ("f", f),
            ("b", b),
            ("d", d),
            ("i", i),
        ] {
            source.insert(name.to_owned(), value);
        }
        // The same field by a nested key, or by a dotted one where there is an object for each value.
        let objects: Vec<Json> = o.iter().map(|value| json!({"k": value})).collect();
        match objects.as_slice() {
            [only] => source.insert("o.k".into(), only["k"].clone()),
            _ => source.insert("o".into(), objects.into()),
        };
        source.insert("event".into(), json!({"category": category}));
        Event { index: index.to_owned(), source, ..Event::default() }
    })
}

/// A whole query.
pub fn query() -> impl Strategy<Value = String> {
    let category = prop::sample::select(vec!["any", "process"]);
    (category, expression()).prop_map(|(category, expression)| format!("{category} where {expression}"))
}

//! Random expressions and documents, over fields of every type in two indices that map them differently.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use stakeout::event::Event;
use stakeout::schema::{FieldForm, FieldType, Schema};

/// Two indices that map `t` differently, and everything else alike; `only` is mapped in the first alone.
pub fn schema(one: &str, two: &str) -> Schema {
    let mut schema = Schema::new(vec![one.to_owned(), two.to_owned()]);
    for (name, field_type) in [
        ("k", FieldType::Keyword),
        ("w", FieldType::Wildcard),
        ("n", FieldType::Long),
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

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "A", "ab", "Ab b", "a*b", "b\\a", "", "é", "É", "B?", "10", "true"])
}

fn pattern() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "*", "a*", "*B", "A?", "?", "*a*b*", "a", "AB", "", "*\\\\*", "É*", "a\\\\*", "\\\\A",
    ])
}

fn regex() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "A.*",
        ".*",
        "a\\*b",
        "[ab]+",
        "~(a.*)",
        ".*b.*&.*a",
        "<1-20>",
        "\\w{2}",
        "\\W|10",
        "@b",
        "\"a*b\"",
    ])
}

fn string_field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["k", "t", "w", "?only", "?nowhere"])
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn leaf() -> impl Strategy<Value = String> {
    let comparison = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let tilde = || prop::sample::select(vec!["", "~"]);
    let number = || prop::sample::select(vec!["-1", "0", "1", "2", "2.5"]);
    let date = || {
        prop::sample::select(vec![
            "2026-11-23",
            "2026-11-23T00:00:01Z",
            "2026-11-23T00:00:01.500Z",
            "2026",
            "1795392001500",
        ])
    };
    let address = || prop::sample::select(vec!["10.0.0.1", "10.0.0.200", "2001:db8::1", "::"]);
    let block =
        || prop::sample::select(vec!["10.0.0.0/8", "10.0.0.77/25", "::/0", "2001:db8::/32", "10.0.0.1"]);
    let any_field = || prop::sample::select(vec!["k", "t", "n", "f", "b", "d", "i", "?only", "?nowhere"]);
    prop_oneof![
        (string_field(), comparison(), text()).prop_map(|(f, op, v)| format!("{f} {op} {}", quoted(v))),
        (text(), comparison(), string_field()).prop_map(|(v, op, f)| format!("{} {op} {f}", quoted(v))),
        (string_field(), tilde(), prop::collection::vec(text(), 1..4)).prop_map(|(f, t, v)| {
            let items: Vec<_> = v.into_iter().map(quoted).collect();
            format!("{f} in{t} ({})", items.join(", "))
        }),
        (
            string_field(),
            prop::sample::select(vec![":", "like", "like~"]),
            prop::collection::vec(pattern(), 1..3)
        )
            .prop_map(|(f, op, v)| {
                let items: Vec<_> = v.into_iter().map(|pattern| format!("\"{pattern}\"")).collect();
                format!("{f} {op} ({})", items.join(", "))
            }),
        (string_field(), tilde(), prop::collection::vec(regex(), 1..3)).prop_map(|(f, t, v)| {
            let items: Vec<_> = v.into_iter().map(quoted).collect();
            format!("{f} regex{t} ({})", items.join(", "))
        }),
        (
            prop::sample::select(vec!["startsWith", "endsWith", "stringContains"]),
            tilde(),
            string_field(),
            pattern()
        )
            .prop_map(|(function, t, f, v)| format!("{function}{t}({f}, \"{v}\")")),
        (prop::sample::select(vec!["n", "f"]), comparison(), number())
            .prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        (comparison(), date()).prop_map(|(op, v)| format!("d {op} \"{v}\"")),
        (comparison(), address()).prop_map(|(op, v)| format!("i {op} \"{v}\"")),
        block().prop_map(|v| format!("cidrMatch(i, \"{v}\")")),
        block().prop_map(|v| format!("i == \"{v}\"")),
        (any_field(), prop::sample::select(vec!["==", "!="])).prop_map(|(f, op)| format!("{f} {op} null")),
        prop::sample::select(vec![
            "b",
            "b == true",
            "b != true",
            "b == false",
            "true",
            "false",
            "length(k) == 1",
            "length(?only) > 1",
            "length(k) != 1",
            "substring(t, 0, 1) == \"a\"",
            "concat(k, t) : \"a*\"",
            "n + f > 2",
            "n / 2 == 0",
            "length(k) == null",
            "null == (n > 1)",
            "startsWith(k, t)",
            "stringContains(k, \"a\") == false",
            "string(n) in (\"1\", \"2\")",
            "k == null",
            "indexOf(k, \"b\") != null",
            "length(?nowhere) > 0",
        ])
        .prop_map(str::to_owned),
    ]
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
        (words(), words(), words(), words()),
        pick(vec![json!(-1), json!(0), json!(1), json!(2), json!(7)]),
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
    source.prop_map(|((k, t, w, only), n, f, b, d, i, index, category)| {
        let mut source = Map::new();
        let only = if index == "one" { only } else { Json::Null };
        for (name, value) in
            [("k", k), ("t", t), ("w", w), ("only", only), ("n", n), ("f", f), ("b", b), ("d", d), ("i", i)]
        {
            source.insert(name.to_owned(), value);
        }
        source.insert("event".into(), json!({"category": category}));
        Event { index: index.to_owned(), source, ..Event::default() }
    })
}

/// A whole query.
pub fn query() -> impl Strategy<Value = String> {
    let category = prop::sample::select(vec!["any", "process"]);
    (category, expression()).prop_map(|(category, expression)| format!("{category} where {expression}"))
}

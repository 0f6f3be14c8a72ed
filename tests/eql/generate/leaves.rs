//! Random clauses of one field, and a few of every other kind.

use proptest::prelude::*;

use super::scripts;

pub(super) fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "A", "ab", "Ab b", "a*b", "b\\a", "", "é", "É", "B?", "10", "true"])
}

pub(super) fn pattern() -> impl Strategy<Value = &'static str> {
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

pub(super) fn string_field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["k", "t", "w", "o.k", "?only", "?nowhere"])
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// One clause.
pub(super) fn leaf() -> impl Strategy<Value = String> {
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
    let any_field =
        || prop::sample::select(vec!["k", "t", "n", "m", "f", "b", "d", "i", "o.k", "?only", "?nowhere"]);
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
        (comparison(), prop::sample::select(vec!["1", "1.5", "2147483648", "-99999999999", "1e300"]))
            .prop_map(|(op, v)| format!("m {op} {v}")),
        Just("m in (1, 2147483648, 1.5)".to_owned()),
        scripts::script(),
        scripts::script(),
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

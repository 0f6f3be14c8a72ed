//! Random clauses over computed values.

use proptest::prelude::*;

use super::leaves::{pattern, quoted, string_field, text};

fn number_field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["n", "f", "m", "length(k)", "indexOf(k, \"b\")"]).prop_map(str::to_owned)
}

/// A text that is computed.
fn computed_text() -> impl Strategy<Value = String> {
    let offset = || prop::sample::select(vec!["-2", "-1", "0", "1", "3"]);
    let field = string_field().prop_map(str::to_owned);
    field.prop_recursive(2, 6, 2, move |inner| {
        prop_oneof![
            (inner.clone(), offset()).prop_map(|(of, start)| format!("substring({of}, {start})")),
            (inner.clone(), offset(), offset())
                .prop_map(|(of, start, end)| format!("substring({of}, {start}, {end})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("concat({left}, {right})")),
            inner.clone().prop_map(|of| format!("concat({of}, 1, true)")),
            (inner.clone(), text(), text(), any::<bool>()).prop_map(|(of, left, right, greedy)| {
                format!("between({of}, {}, {}, {greedy})", quoted(left), quoted(right))
            }),
            inner.prop_map(|of| format!("between~({of}, \"A\", \"B\")")),
            prop::sample::select(vec!["string(n)", "string(f)", "string(b)", "string(k)"])
                .prop_map(str::to_owned),
        ]
    })
}

/// A number that is computed.
fn computed_number() -> impl Strategy<Value = String> {
    number_field().prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            (inner.clone(), prop::sample::select(vec!["+ 1", "- 2", "* 0.5", "/ 2", "% 3"]))
                .prop_map(|(left, right)| format!("({left} {right})")),
            inner.prop_map(|of| format!("(-{of})")),
            computed_text().prop_map(|of| format!("length({of})")),
            (computed_text(), text()).prop_map(|(of, part)| format!("indexOf~({of}, {})", quoted(part))),
        ]
    })
}

/// A clause over computed values.
pub(super) fn script() -> impl Strategy<Value = String> {
    let comparison = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let test = || prop::sample::select(vec!["startsWith", "endsWith~", "stringContains", "stringContains~"]);
    let answer = || prop::sample::select(vec!["", " == true", " == false", " != null"]);
    prop_oneof![
        (computed_text(), comparison(), text())
            .prop_map(|(of, op, v)| format!("concat({of}) {op} {}", quoted(v))),
        (computed_text(), pattern()).prop_map(|(of, v)| format!("substring({of}, 0) : \"{v}\"")),
        (computed_text(), text(), text()).prop_map(|(of, one, two)| format!(
            "concat({of}) in~ ({}, {})",
            quoted(one),
            quoted(two)
        )),
        (computed_number(), comparison(), prop::sample::select(vec!["0", "1", "2", "2.5", "-1"]))
            .prop_map(|(of, op, v)| format!("({of} + 0) {op} {v}")),
        (computed_number(), prop::sample::select(vec!["==", "!="]))
            .prop_map(|(of, op)| format!("({of} + 0) {op} null")),
        (test(), computed_text(), computed_text(), answer())
            .prop_map(|(function, of, part, answer)| format!("{function}(concat({of}), {part}){answer}")),
        (computed_number(), comparison()).prop_map(|(of, op)| format!("null == (({of} + 0) {op} 1)")),
    ]
}

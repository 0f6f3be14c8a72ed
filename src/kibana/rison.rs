//! Rison, the form in which Kibana keeps its state in a URL: JSON with fewer characters that a URL must escape.
//!
//! The rules are those of `js/rison.js` of Nanonid/rison, which Kibana uses.

use serde_json::Value;

/// The value as rison; not escaped for a URL yet.
#[must_use]
pub fn rison(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("!n"),
        Value::Bool(true) => text.push_str("!t"),
        Value::Bool(false) => text.push_str("!f"),
        // A plus sign is no part of a number in rison.
        Value::Number(number) => text.push_str(&number.to_string().replace('+', "")),
        Value::String(string) => write_text(string, text),
        Value::Array(items) => {
            text.push_str("!(");
            for (nth, item) in items.iter().enumerate() {
                text.push_str(if nth == 0 { "" } else { "," });
                write(item, text);
            }
            text.push(')');
        }
        Value::Object(entries) => {
            text.push('(');
            for (nth, (key, value)) in entries.iter().enumerate() {
                text.push_str(if nth == 0 { "" } else { "," });
                write_text(key, text);
                text.push(':');
                write(value, text);
            }
            text.push(')');
        }
    }
}

/// Bare where rison allows it, else in quotes with `!` before `!` and `'`.
fn write_text(string: &str, text: &mut String) {
    let special = |c: char| c.is_whitespace() || c.is_control() || "'!:(),*@$".contains(c);
    let bare = !string.is_empty()
        && !string.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && !string.contains(special);
    if bare {
        text.push_str(string);
        return;
    }
    text.push('\'');
    for character in string.chars() {
        text.extend(matches!(character, '!' | '\'').then_some('!'));
        text.push(character);
    }
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::rison;
    use crate::kibana::read_back;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn values_are_written_as_kibana_writes_them() {
        for (value, text) in [
            (
                json!({"time": {"from": "2026-11-24T00:00:00.000Z"}}),
                "(time:(from:'2026-11-24T00:00:00.000Z'))",
            ),
            (json!({"pause": true, "value": 60000, "none": null}), "(pause:!t,value:60000,none:!n)"),
            (json!([["@timestamp", "desc"]]), "!(!('@timestamp',desc))"),
            (json!({"query": "user.name : \"x\""}), "(query:'user.name : \"x\"')"),
            (json!("it's!"), "'it!'s!!'"),
            (json!(""), "''"),
            (json!("-1"), "'-1'"),
            (json!([]), "!()"),
            (json!({}), "()"),
        ] {
            assert_eq!(rison(&value), text);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), "[-a!'(),:*@$ 0-9\\\\]{0,8}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, move |inner| {
            let pairs = proptest::collection::vec((text.clone(), inner.clone()), 0..4);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Value::from),
                pairs.prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_the_same(value in values()) {
            prop_assert_eq!(read_back::rison(&rison(&value)), Ok(value));
        }
    }
}

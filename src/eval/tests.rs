//! The matcher as a whole: a rule, its deciding clauses, and fields that indices map differently.

use serde_json::{Value as Json, json};

use super::Matcher;
use crate::eql::Query;
use crate::event::Event;
use crate::schema::{FieldForm, FieldType, Schema};

const CONSOLE_LOGIN: &str = r#"info where (?event.dataset == "aws.cloudtrail" or ?data_stream.dataset == "aws.cloudtrail") and event.provider == "signin.amazonaws.com" and event.action in ("ConsoleLogin", "GetSigninToken") and event.outcome == "success" and aws.cloudtrail.user_identity.type == "AssumedRole" and stringContains (user.id, ":i-")"#;

fn matcher(text: &str, schema: &Schema) -> Matcher {
    Matcher::compile(&Query::parse(text).unwrap(), schema, "event.type").unwrap()
}

fn event(source: &Json) -> Event {
    Event { source: source.as_object().cloned().unwrap(), ..Event::default() }
}

fn login() -> Json {
    json!({
        "data_stream.dataset": "aws.cloudtrail",
        "event": {"type": ["info"], "provider": "signin.amazonaws.com", "action": "ConsoleLogin", "outcome": "success"},
        "aws": {"cloudtrail": {"user_identity": {"type": "AssumedRole"}}},
        "user.id": "AROAEXAMPLE:i-0123456789abcdef0"
    })
}

#[test]
fn the_clause_that_decided_is_named() {
    for schema in [Schema::ecs(), Schema::default()] {
        let matcher = matcher(CONSOLE_LOGIN, &schema);
        assert!(matcher.decide(&event(&login())).matches);
        let mut failed = login();
        failed["event"]["outcome"] = json!("failure");
        let decision = matcher.decide(&event(&failed));
        assert!(!decision.matches);
        assert_eq!(decision.clause, "event.outcome == \"success\"");
        assert_eq!(decision.values, [("event.outcome".to_owned(), vec![json!("failure")])]);
        let mut other = login();
        other["event"]["type"] = json!("start");
        assert_eq!(matcher.decide(&event(&other)).clause, "info");
        other = login();
        other["data_stream.dataset"] = json!("aws.guardduty");
        assert_eq!(
            matcher.decide(&event(&other)).clause,
            "?event.dataset == \"aws.cloudtrail\" or ?data_stream.dataset == \"aws.cloudtrail\""
        );
    }
    let negated = matcher("any where not (a == 1 or b == 2)", &Schema::default());
    let decision = negated.decide(&event(&json!({"b": 2})));
    assert_eq!((decision.matches, decision.clause.as_str()), (false, "b == 2"));
}

#[test]
fn each_index_types_its_own_values() {
    let form = |field_type, index: &str| FieldForm {
        indices: vec![index.to_owned()],
        ..FieldForm::everywhere(field_type)
    };
    let mut schema = Schema::new(vec!["text".into(), "number".into(), "none".into()]);
    schema.insert("x", form(FieldType::Keyword, "text"));
    schema.insert("x", form(FieldType::Integer, "number"));
    let above = matcher("any where x > 9", &schema);
    let null = matcher("any where x == null", &schema);
    for (index, value, is_above, is_null) in [
        ("number", json!(10), true, false),
        ("number", json!("10"), true, false),
        // Strings stand in the order of their bytes.
        ("text", json!("10"), false, false),
        ("text", json!("91"), true, false),
        // What is not mapped is not there, whatever the document holds.
        ("none", json!(10), false, true),
    ] {
        let event = Event { index: index.to_owned(), ..event(&json!({ "x": value })) };
        assert_eq!((above.matches(&event), null.matches(&event)), (is_above, is_null), "{index} {value}");
    }
}

#[test]
fn without_a_mapping_values_are_compared_loosely() {
    let schema = Schema::default();
    for (text, source, expected) in [
        ("any where a == 1", json!({"a": 1.0}), true),
        ("any where a == 1", json!({"a": "1"}), true),
        ("any where a == \"1\"", json!({"a": 1}), true),
        ("any where a == true", json!({"a": "true"}), true),
        ("any where a", json!({"a": true}), true),
        ("any where a > 9", json!({"a": 10}), true),
        ("any where a : \"T*\"", json!({"a": true}), true),
        ("any where not ?a : \"x\"", json!({}), true),
    ] {
        assert_eq!(matcher(text, &schema).matches(&event(&source)), expected, "{text} {source}");
    }
}

#[test]
fn types_that_do_not_fit_are_refused() {
    let mut schema = Schema::new(vec!["i".into()]);
    for (name, field_type) in [
        ("k", FieldType::Keyword),
        ("n", FieldType::Integer),
        ("d", FieldType::Date),
        ("i", FieldType::Ip),
        ("b", FieldType::Boolean),
        ("o", FieldType::Object),
    ] {
        schema.insert(name, FieldForm::everywhere(field_type));
    }
    for (text, code) in [
        ("n : \"1*\"", "E202"),
        ("k", "E202"),
        ("k + 1 == 2", "E202"),
        ("length(n) == 2", "E202"),
        ("cidrMatch(k, \"::/0\")", "E202"),
        ("b > \"x\"", "E202"),
        ("n == \"x\"", "E207"),
        ("d > \"yesterday\"", "E207"),
        ("d > \"now-1d\"", "E305"),
        ("i == \"x\"", "E207"),
        ("b == \"yes\"", "E207"),
        ("o == \"x\"", "E209"),
        ("n regex \"1.*\"", "E202"),
        ("n like \"1\"", "E202"),
    ] {
        let query = Query::parse(&format!("any where {text}")).unwrap();
        let problems = Matcher::compile(&query, &schema, "event.type").unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), [code], "{text}");
    }
}

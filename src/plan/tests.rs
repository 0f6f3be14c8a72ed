//! What single queries become.

use serde_json::{Value as Json, json};

use super::{Fidelity, Input, Plan};
use crate::diagnostic::Diagnostic;
use crate::eql::Query;
use crate::event::Event;
use crate::schema::{FieldForm, FieldType, Schema};

const CONSOLE_LOGIN: &str = r#"info where (?event.dataset == "aws.cloudtrail" or ?data_stream.dataset == "aws.cloudtrail") and event.provider == "signin.amazonaws.com" and event.action in ("ConsoleLogin", "GetSigninToken") and event.outcome == "success" and aws.cloudtrail.user_identity.type == "AssumedRole" and stringContains (user.id, ":i-")"#;

fn form(field_type: FieldType, exact: Option<&str>, indices: &[&str]) -> FieldForm {
    FieldForm {
        field_type,
        exact: exact.map(str::to_owned),
        indices: indices.iter().map(|index| (*index).to_owned()).collect(),
        searchable: true,
    }
}

fn schema(fields: &[(&str, FieldForm)]) -> Schema {
    let mut schema = Schema::new(vec!["a".into(), "b".into()]);
    schema.insert("@timestamp", FieldForm::everywhere(FieldType::Date));
    for (name, form) in fields {
        schema.insert(*name, form.clone());
    }
    schema
}

fn plan_with(text: &str, schema: &Schema, allow_expensive: bool) -> Result<Plan, Vec<Diagnostic>> {
    let query = Query::parse(text).unwrap();
    let patterns = ["logs-*".to_owned()];
    Plan::new(&Input {
        query: &query,
        schema,
        patterns: &patterns,
        category_field: "event.type",
        time_field: "event.ingested",
        fallback_time_field: Some("@timestamp"),
        allow_expensive,
    })
}

fn pushed(text: &str, schema: &Schema) -> Json {
    serde_json::to_value(&plan_with(text, schema, true).unwrap().pushed().query).unwrap()
}

fn codes(text: &str, schema: &Schema) -> Vec<&'static str> {
    plan_with(text, schema, true).unwrap_err().iter().map(|problem| problem.code.id).collect()
}

#[test]
fn the_console_login_rule_is_pushed_whole() {
    let plan = plan_with(CONSOLE_LOGIN, &Schema::ecs(), true).unwrap();
    assert_eq!(plan.pushed().fidelity, Fidelity::Exact);
    assert!(plan.residual().is_none() && plan.fields().is_empty() && plan.blind().is_empty());
    assert_eq!(plan.leaves().len(), 8);
    assert_eq!(
        serde_json::to_value(&plan.pushed().query).unwrap(),
        json!({"bool": {
            "filter": [
                {"term": {"event.type": "info"}},
                {"bool": {
                    "should": [
                        {"term": {"event.dataset": "aws.cloudtrail"}},
                        {"term": {"data_stream.dataset": "aws.cloudtrail"}}
                    ],
                    "minimum_should_match": 1
                }},
                {"term": {"event.provider": "signin.amazonaws.com"}},
                {"terms": {"event.action": ["ConsoleLogin", "GetSigninToken"]}},
                {"term": {"event.outcome": "success"}},
                {"term": {"aws.cloudtrail.user_identity.type": "AssumedRole"}},
                {"wildcard": {"user.id": {"value": "*:i-*"}}}
            ]
        }})
    );
}

#[test]
fn where_indices_differ_each_is_asked_in_its_own_form() {
    let schema = schema(&[
        ("u", form(FieldType::Keyword, None, &["a"])),
        ("u", form(FieldType::Text, Some("u.keyword"), &["b"])),
    ]);
    assert_eq!(
        pushed("any where u == \"x\"", &schema),
        json!({"bool": {
            "should": [
                {"bool": {"filter": [{"terms": {"_index": ["a"]}}, {"term": {"u": "x"}}]}},
                {"bool": {"filter": [{"terms": {"_index": ["b"]}}, {"term": {"u.keyword": "x"}}]}}
            ],
            "minimum_should_match": 1
        }})
    );
    assert_eq!(
        pushed("any where u == null", &schema),
        json!({"bool": {"must_not": [{"exists": {"field": "u"}}]}})
    );
}

#[test]
fn an_index_that_cannot_answer_is_blind_and_silences_no_other() {
    let mixed =
        schema(&[("u", form(FieldType::Keyword, None, &["a"])), ("u", form(FieldType::Text, None, &["b"]))]);
    let plan = plan_with("any where not u == \"x\"", &mixed, true).unwrap();
    assert_eq!(plan.blind().len(), 1);
    assert_eq!(
        (plan.blind()[0].indices.as_slice(), plan.blind()[0].field.as_str()),
        (["b".to_owned()].as_slice(), "u")
    );
    assert_eq!(
        serde_json::to_value(&plan.pushed().query).unwrap(),
        json!({"bool": {"must_not": [{"term": {"u": "x"}}, {"terms": {"_index": ["b"]}}]}})
    );
    let none = schema(&[("u", form(FieldType::Text, None, &["a", "b"]))]);
    assert_eq!(codes("any where u == \"x\"", &none), ["E209"]);
    let mismatch = schema(&[("u", FieldForm::everywhere(FieldType::Integer))]);
    assert_eq!(codes("any where u : \"x\"", &mismatch), ["E202"]);
    assert_eq!(codes("any where u == \"x\"", &mismatch), ["E207"]);
}

#[test]
fn fields_that_no_index_maps_are_errors_unless_optional() {
    let schema = schema(&[("user.name", FieldForm::everywhere(FieldType::Keyword))]);
    let problems = plan_with("any where user.nam == \"x\"", &schema, true).unwrap_err();
    assert_eq!(problems[0].message, "no index of `logs-*` maps the field `user.nam`");
    assert!(problems[0].hint.as_deref().unwrap().contains("did you mean `user.name`?"));
    assert_eq!(codes("process where true", &schema), ["E206"]);
    for (text, expected) in [
        ("any where ?x == \"a\"", json!({"match_none": {}})),
        ("any where ?x != \"a\"", json!({"match_all": {}})),
        ("any where ?x == null", json!({"match_all": {}})),
        ("any where not ?x : \"a\"", json!({"match_none": {}})),
        ("any where not startsWith(?x, \"a\")", json!({"match_none": {}})),
        ("any where not ?x > 1 or user.name == \"b\"", json!({"term": {"user.name": "b"}})),
        ("any where not ?x in (\"a\") and user.name == \"b\"", json!({"match_none": {}})),
    ] {
        assert_eq!(pushed(text, &schema), expected, "{text}");
    }
}

#[test]
fn what_is_not_exact_is_left_to_the_residual() {
    let schema = schema(&[
        ("k", FieldForm::everywhere(FieldType::Keyword)),
        ("n", FieldForm::everywhere(FieldType::Integer)),
    ]);
    let plan =
        plan_with("any where n > 1 and length(k) > 2 and not (length(k) == 4 or n == 7)", &schema, true)
            .unwrap();
    assert_eq!(
        serde_json::to_value(&plan.pushed().query).unwrap(),
        json!({"bool": {
            "filter": [{"range": {"n": {"gt": 1}}}, {"exists": {"field": "k"}}],
            "must_not": [{"term": {"n": 7}}]
        }})
    );
    assert_eq!(plan.fields(), ["k", "n"]);
    let residual = plan.residual().unwrap();
    let event =
        |k: &str| Event { source: json!({"k": k, "n": 2}).as_object().cloned().unwrap(), ..Event::default() };
    assert!(residual.matches(&event("abc")) && !residual.matches(&event("abcd")));
    let cheap = plan_with("any where not k : \"a*\" and k == \"b\"", &schema, false).unwrap();
    assert_eq!(cheap.pushed().fidelity, Fidelity::Superset);
    assert_eq!(serde_json::to_value(&cheap.pushed().query).unwrap(), json!({"term": {"k": "b"}}));
    assert!(cheap.leaves()[0].reason.contains("search.allow_expensive_queries"));
}

#[test]
fn constants_reach_elasticsearch_as_it_reads_them() {
    let schema = schema(&[
        ("k", FieldForm::everywhere(FieldType::Keyword)),
        ("d", FieldForm::everywhere(FieldType::Date)),
        ("i", FieldForm::everywhere(FieldType::Ip)),
    ]);
    for (text, expected) in [
        (
            r#"any where k : "c:\\*""#,
            json!({"wildcard": {"k": {"value": r"c:\\*", "case_insensitive": true}}}),
        ),
        (
            r#"any where k like ("*", "x")"#,
            json!({"bool": {"should": [{"exists": {"field": "k"}}, {"term": {"k": "x"}}], "minimum_should_match": 1}}),
        ),
        (
            r#"any where stringContains(k, "principal=\\*")"#,
            json!({"wildcard": {"k": {"value": r"*principal=\**"}}}),
        ),
        (r#"any where stringContains(k, "")"#, json!({"exists": {"field": "k"}})),
        (
            r#"any where startsWith~(k, "a*")"#,
            json!({"prefix": {"k": {"value": "a*", "case_insensitive": true}}}),
        ),
        (r#"any where k regex ("a.*", "b")"#, json!({"regexp": {"k": {"value": "a.*|b", "flags": "ALL"}}})),
        (r#"any where cidrMatch(i, "10.0.0.0/8", "::1")"#, json!({"terms": {"i": ["10.0.0.0/8", "::1"]}})),
        (
            r#"any where "2026-11-23" < d"#,
            json!({"range": {"d": {"gt": "2026-11-23", "format": "strict_date_optional_time||epoch_millis"}}}),
        ),
    ] {
        assert_eq!(pushed(text, &schema), expected, "{text}");
    }
}

#[test]
fn a_window_falls_back_to_the_timestamp() {
    let schema = schema(&[("k", FieldForm::everywhere(FieldType::Keyword))]);
    let plan = plan_with("any where k == \"x\"", &schema, true).unwrap();
    let at = |text: &str| text.parse().unwrap();
    let window = plan.window(at("2026-11-23T00:00:00Z"), at("2026-11-23T00:05:00.25Z"));
    let bounds = json!({"gte": "2026-11-23T00:00:00.000Z", "lt": "2026-11-23T00:05:00.251Z", "format": "strict_date_optional_time"});
    assert_eq!(
        serde_json::to_value(window).unwrap(),
        json!({"bool": {
            "filter": [{"term": {"k": "x"}}, {"bool": {
                "should": [
                    {"range": {"event.ingested": bounds}},
                    {"bool": {"filter": [{"range": {"@timestamp": bounds}}], "must_not": [{"exists": {"field": "event.ingested"}}]}}
                ],
                "minimum_should_match": 1
            }}]
        }})
    );
    assert_eq!((plan.time_field(), plan.fallback_time_field()), ("event.ingested", Some("@timestamp")));
}

#[test]
fn a_long_list_stays_flat_and_pipes_are_refused() {
    let schema = schema(&[("k", FieldForm::everywhere(FieldType::Keyword))]);
    let items: Vec<_> = (0..2609).map(|number| format!("\"*value {number}*\"")).collect();
    let query = pushed(&format!("any where k : ({})", items.join(", ")), &schema);
    assert_eq!(query["bool"]["should"].as_array().unwrap().len(), 2609);
    assert_eq!(codes("any where true | head 3", &schema), ["E302"]);
}

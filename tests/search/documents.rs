//! Rules of every kind, and documents of every form that some of them match.

use serde_json::{Value, json};
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::schema::Schema;

use crate::spell::{Choice, document};

/// Rules over the fields of [`fields`] and of CloudTrail records.
pub const RULES: &[&str] = &[
    "any where true",
    r#"any where k == "alpha""#,
    r#"any where k != "alpha" and w == "beta/gamma""#,
    r#"any where not k : "al*" and user.id != null"#,
    r#"any where k == null and w : "BETA*""#,
    r#"any where k in ("alpha", "4624") or w in~ ("é-delta", "BETA/gamma")"#,
    r#"any where k in~ ("ALPHA", "kelvin")"#,
    r#"any where w like "*gamma" and k like~ "*LPH*""#,
    r#"any where k regex "al[p]ha" or w regex~ "BETA/.*""#,
    r#"any where k regex "alpha""#,
    r#"any where k == "4624" or k == "true" or k == "1.0""#,
    r#"any where k : "46*" or k : "TRU*""#,
    r#"any where k == "1e999" or w == "-1e999""#,
    r#"any where startsWith(w, "beta") and endsWith~(w, "GAMMA")"#,
    r#"any where stringContains(k, "\\*")"#,
    r#"any where stringContains(w, "\"quo") or w == "tab\there""#,
    "any where n == 47 or n > 4000",
    r#"any where length(k) == 5 and k : "alpha""#,
    r#"any where concat(k, w) == "alphabeta/gamma""#,
    r#"any where cidrMatch(source.ip, "10.0.0.0/8")"#,
    r#"any where ?nowhere == "x" or ?k == "alpha" and ?w == null"#,
    r#"any where b or b == false and k == "beta""#,
    "any where false",
    r#"info where event.provider == "signin.amazonaws.com" and user.id : "*:i-*""#,
    r#"any where event.action in ("ConsoleLogin", "GetSigninToken") and event.outcome == "success""#,
    r#"any where event.dataset == "aws.cloudtrail" and event.provider : "*.AMAZONAWS.com""#,
    r#"any where aws.cloudtrail.request_parameters : "*userName=alpha*""#,
    r#"any where related.user == "alpha" or cloud.service.name == "signin""#,
    r#"any where aws.cloudtrail.flattened.request_parameters.userName == "alpha""#,
    r#"any where event.outcome == "failure" and aws.cloudtrail.error_code == "AccessDenied""#,
    r#"any where event.type == "creation" or tls.version == "1.2""#,
];

pub fn matchers(chosen: &[usize]) -> Vec<Matcher> {
    let matcher = |rule: &usize| {
        let query = Query::parse(RULES[rule % RULES.len()]).unwrap();
        Matcher::compile(&query, &Schema::ecs(), "event.type").unwrap()
    };
    chosen.iter().map(matcher).collect()
}

fn value(choice: Choice<'_>) -> Value {
    let texts = [
        "alpha",
        "Alpha",
        "ALPHA",
        "beta",
        "beta/gamma",
        "Beta/Gamma",
        "é-delta",
        "É-DELTA",
        "\u{212a}elvin",
        "kelvin",
        "4624",
        "true",
        "a*",
        "say \"quoted\"",
        "tab\there",
        "x\\*y",
        "",
        "1.0",
        "signin.amazonaws.com",
    ];
    let others = [
        json!(4624),
        json!(4.624e3),
        json!(1.0),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!({"deep": "alpha"}),
        json!(18_446_744_073_709_551_615_u64),
        json!(1e300),
    ];
    match choice(10) {
        0..6 => json!(texts[choice(texts.len())]),
        6..8 => others[choice(others.len())].clone(),
        _ => Value::Array((0..choice(3)).map(|_| json!(texts[choice(texts.len())])).collect()),
    }
}

fn fields(choice: Choice<'_>) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    for name in [
        "k",
        "w",
        "user.id",
        "event.provider",
        "event.action",
        "event.outcome",
        "event.type",
        "event.dataset",
    ] {
        if choice(3) > 0 {
            fields.push((name.to_owned(), value(choice)));
        }
    }
    for (name, values) in [
        ("n", [json!(47), json!("47"), json!(5000), json!(46)]),
        ("b", [json!(true), json!(false), json!("true"), json!(null)]),
        ("source.ip", [json!("10.1.2.3"), json!("::1"), json!("11.0.0.1"), json!(["10.0.0.1"])]),
        ("user.id", [json!("AROA:i-0a"), json!("AROA:x"), json!(["b", "AROA:i-1"]), json!("i-")]),
        (
            "event.provider",
            [json!("signin.amazonaws.com"), json!("iam.amazonaws.com"), json!("s"), json!("x")],
        ),
        ("event.type", [json!("info"), json!(["info"]), json!("creation"), json!(["creation", "info"])]),
    ] {
        if choice(3) == 0 {
            fields.retain(|(known, _)| known != name);
            fields.push((name.to_owned(), values[choice(4)].clone()));
        }
    }
    fields
}

fn record(choice: Choice<'_>) -> Value {
    let pick = |values: &[&str], choice: Choice<'_>| json!(values[choice(values.len())]);
    let mut record = json!({
        "eventVersion": "1.08", "eventTime": "2026-11-20T08:00:00Z",
        "eventName": pick(&["ConsoleLogin", "GetSigninToken", "CreateUser", "ListBuckets"], choice),
        "eventSource": pick(&["signin.amazonaws.com", "iam.amazonaws.com", "s3.amazonaws.com"], choice),
        "userIdentity": {"type": "AssumedRole", "principalId": pick(&["AROA:i-0a", "AROA:alpha", "AIDA"], choice),
            "sessionContext": {"sessionIssuer": {"userName": pick(&["alpha", "beta"], choice)}}},
        "requestParameters": {"userName": pick(&["alpha", "beta", ""], choice), "k": {"x": [1, "y"]}},
        "sourceIPAddress": pick(&["10.1.2.3", "ec2.amazonaws.com"], choice),
        "tlsDetails": {"tlsVersion": pick(&["TLSv1.2", "TLSv1.3"], choice)},
    });
    if choice(2) == 0 {
        record["responseElements"] = json!({"ConsoleLogin": pick(&["Success", "Failure"], choice)});
    }
    if choice(3) == 0 {
        record["errorCode"] = pick(&["AccessDenied", "Throttled"], choice);
    }
    record
}

/// A document of any form: plain, a hit, a record, or a list of them.
pub fn any_document(choice: Choice<'_>) -> Value {
    let plain = |choice: Choice<'_>| {
        let fields = fields(choice);
        document(&fields, choice)
    };
    match choice(12) {
        0 => json!({"_index": "logs", "_id": "77", "_source": plain(choice), "fields": {"k": ["alpha"]}}),
        1 => json!({"_source": plain(choice), "fields": {"event.dataset": ["aws.cloudtrail"]}}),
        2 | 3 => record(choice),
        4 => json!({"Records": [record(choice), record(choice), plain(choice)], "x": 1}),
        5 => {
            json!({"took": 1, "hits": {"total": 1, "hits": [{"_source": plain(choice)}, {"_id": "1", "_source": {}}]}})
        }
        6 => json!({"Records": 3, "hits": {"hits": "alpha"}, "k": "alpha"}),
        _ => plain(choice),
    }
}

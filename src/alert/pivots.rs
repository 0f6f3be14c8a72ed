//! The searches that an analyst starts from an alert: the rule's conditions with the alert's values, as KQL and links.

use std::cell::RefCell;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::document::time;
use super::places::Places;
use crate::diagnostic::Node;
use crate::eql::syntax::Comparison;
use crate::eql::{self, Condition, Leaf, bind};
use crate::kibana::{Bound, Kql, Search};
use crate::rule::Rule;
use crate::rule::triage::{Indices, Pivot, Values};

/// Longest value that is searched for, in characters: indices rarely index more of a keyword.
const LONGEST_VALUE: usize = 1024;

/// One search, as the alert carries it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FilledPivot {
    pub(super) label: String,
    pub(super) indices: Vec<String>,
    /// The field whose times lie between the next two.
    pub(super) time_field: &'static str,
    #[serde(serialize_with = "as_time")]
    pub(super) from: DateTime<Utc>,
    #[serde(serialize_with = "as_time")]
    pub(super) to: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Why there is no query, or no link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) withheld: Option<String>,
}

/// The searches of `rule` for an event at `moment`.
pub(super) fn pivots(
    rule: &Rule,
    values: &Values<'_>,
    moment: DateTime<Utc>,
    places: &Places,
) -> Vec<FilledPivot> {
    rule.triage.pivots.iter().map(|pivot| filled(pivot, rule, values, moment, places)).collect()
}

fn filled(
    pivot: &Pivot,
    rule: &Rule,
    values: &Values<'_>,
    moment: DateTime<Utc>,
    places: &Places,
) -> FilledPivot {
    let indices = match &pivot.indices {
        Indices::Rule => rule.index.clone(),
        Indices::Alerts => vec![places.alerts_alias().to_owned()],
        Indices::Patterns(patterns) => patterns.clone(),
    };
    let mut filled = FilledPivot {
        label: pivot.label.clone(),
        indices,
        time_field: pivot.indices.time_field(),
        from: moved(moment, -pivot.before),
        to: moved(moment, pivot.after),
        query: None,
        url: None,
        withheld: None,
    };
    match query(pivot, values) {
        Ok(query) => {
            let link = places.kibana.as_ref().map(|kibana| kibana.discover(&search(&filled, &query, rule)));
            match link.transpose() {
                Ok(url) => filled.url = url,
                Err(too_long) => filled.withheld = Some(too_long.to_string()),
            }
            filled.query = Some(query);
        }
        Err(reason) => filled.withheld = Some(reason),
    }
    filled
}

fn search(pivot: &FilledPivot, query: &str, rule: &Rule) -> Search {
    let columns = &rule.parameters.get("investigation_fields").unwrap_or(&Value::Null)["field_names"];
    let columns = columns.as_array().into_iter().flatten();
    Search {
        indices: pivot.indices.clone(),
        data_view: None,
        query: query.to_owned(),
        time_field: pivot.time_field,
        from: pivot.from,
        to: pivot.to,
        columns: columns.filter_map(|column| column.as_str().map(str::to_owned)).collect(),
    }
}

/// The condition in KQL, or why it cannot be said of this alert.
fn query(pivot: &Pivot, values: &Values<'_>) -> Result<String, String> {
    let too_long = RefCell::new(None);
    let lookup = |name: &str| {
        let value = values.get(name)?;
        let length = value.chars().count();
        if length > LONGEST_VALUE {
            too_long.replace(Some((name.to_owned(), length)));
            return None;
        }
        Some(value)
    };
    let bound = bind(&pivot.condition.condition, &lookup);
    if let Some((name, length)) = too_long.into_inner() {
        return Err(format!(
            "`{name}` is {length} characters long, and indices rarely index values of more than {LONGEST_VALUE}"
        ));
    }
    let condition = bound.map_err(|name| format!("this alert has no `{name}`"))?;
    kql(&condition).map(|kql| kql.to_string()).ok_or_else(|| "Kibana cannot say it".to_owned())
}

/// The same condition in KQL; none for what a rule's pivots may not say.
fn kql(condition: &Node<Condition>) -> Option<Kql> {
    let each = |items: &[Node<Condition>]| items.iter().map(kql).collect::<Option<Vec<Kql>>>();
    Some(match &condition.node {
        Condition::And(items) => Kql::All(each(items)?),
        Condition::Or(items) => Kql::Any(each(items)?),
        Condition::Not(inner) => match kql(inner)? {
            Kql::Not(twice) => *twice,
            once => Kql::Not(Box::new(once)),
        },
        Condition::Leaf(leaf) => leaf_kql(leaf)?,
        Condition::Constant(_) => return None,
    })
}

fn leaf_kql(leaf: &Leaf) -> Option<Kql> {
    Some(match leaf {
        Leaf::Truth { field } => Kql::is(&field.node, true),
        Leaf::IsNull { field } => Kql::Not(Box::new(Kql::Exists(field.node.clone()))),
        Leaf::OneOf { field, values, ignore_case: false } => {
            let values = values.iter().map(|value| json(&value.node)).collect::<Option<_>>()?;
            Kql::Is { field: field.node.clone(), values }
        }
        Leaf::Compare { field, operator, value } => {
            let (field, value) = (field.node.clone(), json(&value.node)?);
            let bound = match operator {
                Comparison::Equal => return Some(Kql::Is { field, values: vec![value] }),
                Comparison::NotEqual => {
                    return Some(Kql::Not(Box::new(Kql::Is { field, values: vec![value] })));
                }
                Comparison::Less => Bound::Below,
                Comparison::LessOrEqual => Bound::UpTo,
                Comparison::Greater => Bound::Above,
                Comparison::GreaterOrEqual => Bound::From,
            };
            Kql::Range { field, bound, value }
        }
        _ => return None,
    })
}

fn json(value: &eql::Value) -> Option<Value> {
    Some(match value {
        eql::Value::Null => return None,
        eql::Value::Boolean(truth) => (*truth).into(),
        eql::Value::Integer(number) => (*number).into(),
        eql::Value::Unsigned(number) => (*number).into(),
        eql::Value::Float(number) => (*number).into(),
        eql::Value::String(text) => text.clone().into(),
    })
}

/// Times that no calendar has stay where they are.
fn moved(moment: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    moment.checked_add_signed(by).unwrap_or(moment)
}

fn as_time<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    time(*at).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::{FilledPivot, pivots};
    use crate::alert::places::Places;
    use crate::event::Event;
    use crate::kibana::{Kql, read_back};
    use crate::rule::triage::Values;
    use crate::rule::{Rule, embedded, load_texts};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const MINIMAL: &str = include_str!("../../tests/rules/valid/minimal.toml");

    fn rule(condition: &str, more: &str) -> Rule {
        let pivot = format!(
            "\n[[stakeout.pivots]]\nlabel = \"l\"\nwhere = '''{condition}'''\nbefore = \"1h\"\n{more}\n"
        );
        let loaded = load_texts(&[("a.toml", &format!("{MINIMAL}{pivot}"))]);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).rules.remove(0)
    }

    fn found(rule: &Rule, source: Value, kibana: &str) -> Vec<FilledPivot> {
        let event = Event::of(source);
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-20T14:00:00Z").unwrap().to_utc();
        let places = Places { kibana: kibana.parse().ok(), alerts: Some("my-alerts".into()) };
        pivots(rule, &Values::read(&rule.triage.values, &event), at, &places)
    }

    fn one(condition: &str, source: Value) -> FilledPivot {
        found(&rule(condition, ""), source, "https://k").remove(0)
    }

    #[test]
    fn conditions_become_kql_with_the_alerts_values() {
        for (condition, query) in [
            (r#"user.id == "{user.id}""#, r#"user.id : "a""#),
            (r#"user.id == "x-{user.id}" and n > 3"#, r#"user.id : "x-a" and n > 3"#),
            (r#"user.id in ("{user.id}", "b") or b == true"#, r#"user.id : ("a" or "b") or b : true"#),
            ("source.ip != null and x == null", "source.ip : * and not x : *"),
            ("n <= 3 and n >= 1 and not n < 2.5", "n <= 3 and n >= 1 and not n < 2.5"),
        ] {
            assert_eq!(one(condition, json!({"user.id": "a"})).query.as_deref(), Some(query));
        }
        let other = one(r#"user.id == "{user.id}" and x != "b""#, json!({"user.id": "a"})).query.unwrap();
        assert!(read_back::kql(&other).is_ok() && other.contains(r#"not x : "b""#), "{other}");
    }

    #[test]
    fn times_and_places_are_the_rules() {
        let condition = r#"user.id == "{user.id}""#;
        let pivot = found(&rule(condition, "after = \"1d\""), json!({"user.id": "a"}), "").remove(0);
        assert_eq!(
            json!(pivot),
            json!({"label": "l", "indices": rule(condition, "").index, "query": "user.id : \"a\"",
            "time_field": "@timestamp", "from": "2026-11-20T13:00:00.000Z", "to": "2026-11-21T14:00:00.000Z"})
        );
        let of = |more| found(&rule(condition, more), json!({"user.id": "a"}), "https://k").remove(0);
        assert_eq!(of("indices = [\"alerts\"]").indices, ["my-alerts"]);
        let pivot = of("indices = [\"logs-x-*\"]");
        assert_eq!(pivot.indices, ["logs-x-*"]);
        assert!(pivot.url.is_some_and(|url| url.contains("logs-x-%2A")));
    }

    #[test]
    fn alerts_are_searched_by_the_time_of_their_events() {
        let rule = rule(r#"user.id == "{user.id}""#, "indices = \"alerts\"");
        let pivot = found(&rule, json!({"user.id": "a"}), "https://k").remove(0);
        assert_eq!(pivot.time_field, "kibana.alert.original_time");
        let url = percent_encoding::percent_decode_str(pivot.url.as_deref().unwrap()).decode_utf8().unwrap();
        for part in [
            r#""timeFieldName":"kibana.alert.original_time""#,
            r#""sort":[["kibana.alert.original_time","asc"]]"#,
            r#""timeRange":{"from":"2026-11-20T13:00:00.000Z","#,
        ] {
            assert!(url.contains(part), "{part}: {url}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_withheld_with_the_reason() {
        let condition = r#"user_agent.original == "{user_agent.original}""#;
        let absent = one(condition, json!({"user.id": "a"}));
        assert_eq!(absent.withheld.as_deref(), Some("this alert has no `user_agent.original`"));
        let long = one(condition, json!({"user_agent.original": "é".repeat(100_000)}));
        assert!(long.withheld.is_some_and(|reason| reason.contains("100000 characters")));
        assert_eq!((absent.query, absent.url, long.query, long.url), (None, None, None, None));
        let many = vec![format!("x == \"{}\"", "é".repeat(200)); 20].join(" or ");
        let many = one(&many, json!({}));
        assert!(many.query.is_some() && many.url.is_none());
        assert!(many.withheld.is_some_and(|reason| reason.contains("do not pass every proxy")));
    }

    #[test]
    fn the_seed_rules_searches_are_all_offered() {
        let rule = embedded().unwrap().rules.remove(0);
        let source = json!({"user.id": "AROAEXAMPLE00000000001:i-0a1b2c3d4e5f60001", "source.ip": "198.51.100.77",
            "aws.cloudtrail.user_identity.arn": "arn:aws:sts::111122223333:assumed-role/app-role/i-0a1b2c3d4e5f60001"});
        let pivots = found(&rule, source, "https://kibana.example.com/s/team");
        assert!(pivots.len() >= 12);
        for pivot in &pivots {
            assert_eq!(pivot.withheld, None, "{}", pivot.label);
            assert!(read_back::kql(pivot.query.as_deref().unwrap()).is_ok());
            assert!(
                pivot
                    .url
                    .as_ref()
                    .is_some_and(|url| url.starts_with("https://kibana.example.com/s/team/app/r?"))
            );
        }
        let person = found(&rule, json!({"user.id": "AROAEXAMPLE00000000001:i-smith@example.com"}), "");
        let withheld = person.iter().filter_map(|pivot| pivot.withheld.as_deref()).collect::<Vec<_>>();
        assert!(withheld.contains(&"this alert has no `instance_id`"), "{withheld:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn no_value_changes_what_is_searched(
            value in prop_oneof!["\\PC{1,40}", any::<String>(), r#"["'\\*()<>{}:a-cORor \n\u{202e}-]{1,30}"#],
        ) {
            prop_assume!(!value.is_empty());
            let rule = rule(r#"user.id == "{user.id}" and not x == "y""#, "");
            let pivot = found(&rule, json!({"user.id": value}), "https://k").remove(0);
            let expected = Kql::All(vec![Kql::is("user.id", value), Kql::Not(Box::new(Kql::is("x", "y")))]);
            prop_assert_eq!(read_back::kql(&pivot.query.unwrap()), Ok(expected));
        }
    }
}

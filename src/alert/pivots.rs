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
        Condition::Not(inner) => Kql::Not(Box::new(kql(inner)?)),
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

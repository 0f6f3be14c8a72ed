//! Query DSL answered in process, plainly and from its JSON: the judge of the laws where no node runs.

use serde_json::Value as Json;

use stakeout::eql::{Block, Regex, parse_address};
use stakeout::eval::date;
use stakeout::event::Event;
use stakeout::schema::{FieldType, Schema};

/// Whether an index mapped as `schema` says would return the event.
pub fn matches(query: &Json, event: &Event, schema: &Schema) -> bool {
    let (kind, body) = query.as_object().and_then(|object| object.iter().next()).expect("one kind");
    let every = |clauses: &str, wanted: bool| {
        let clauses = body.get(clauses).and_then(Json::as_array);
        clauses.is_none_or(|clauses| clauses.iter().all(|clause| matches(clause, event, schema) == wanted))
    };
    match kind.as_str() {
        "match_all" => true,
        "match_none" => false,
        "bool" => {
            let should = body.get("should").and_then(Json::as_array);
            every("filter", true)
                && every("must_not", false)
                && should.is_none_or(|should| should.iter().any(|clause| matches(clause, event, schema)))
        }
        "exists" => !tokens(body["field"].as_str().expect("a name"), event, schema).1.is_empty(),
        _ => {
            let (field, body) = body.as_object().and_then(|object| object.iter().next()).expect("one field");
            let (field_type, values) = tokens(field, event, schema);
            values.iter().any(|value| holds(kind, body, value, field_type))
        }
    }
}

/// The field's type in the event's index, and what is indexed of it there.
fn tokens(field: &str, event: &Event, schema: &Schema) -> (FieldType, Vec<Json>) {
    if field == "_index" {
        return (FieldType::Keyword, vec![event.index.clone().into()]);
    }
    let base = field.strip_suffix(".keyword").unwrap_or(field);
    let form = schema
        .forms(base)
        .into_iter()
        .find(|form| form.indices.is_empty() || form.indices.contains(&event.index))
        .filter(|form| base == field || form.exact.as_deref() == Some(field));
    let Some(form) = form else { return (FieldType::Other, Vec::new()) };
    let values = event.values(base);
    if base == field && form.field_type == FieldType::Text {
        let words = values.iter().flat_map(|value| {
            let text = value.as_str().unwrap_or_default().to_lowercase();
            text.split(|character: char| !character.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
        });
        return (FieldType::Text, words.map(Json::from).collect());
    }
    let field_type = if base == field { form.field_type } else { FieldType::Keyword };
    (field_type, values)
}

fn holds(kind: &str, body: &Json, value: &Json, field_type: FieldType) -> bool {
    let folds = body.get("case_insensitive").and_then(Json::as_bool).unwrap_or(false);
    let wanted = body.get("value").unwrap_or(body);
    let fold = |text: &str| if folds { text.to_ascii_lowercase() } else { text.to_owned() };
    let text = plain(value);
    match kind {
        "term" if folds => fold(&text) == fold(&plain(wanted)),
        "term" => equal(value, wanted, field_type),
        "terms" => body.as_array().expect("a list").iter().any(|wanted| equal(value, wanted, field_type)),
        "prefix" => fold(&text).starts_with(&fold(&plain(wanted))),
        "wildcard" => {
            let pattern: Vec<char> = plain(wanted).chars().collect();
            wildcard(&pattern, &text.chars().collect::<Vec<_>>(), folds)
        }
        "regexp" => Regex::new(&plain(wanted), folds).expect("a regular expression").matches(&text),
        "range" => body
            .as_object()
            .expect("bounds")
            .iter()
            .all(|(bound, wanted)| in_bound(bound, value, wanted, field_type)),
        other => panic!("no `{other}` query is made"),
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn equal(value: &Json, wanted: &Json, field_type: FieldType) -> bool {
    match field_type {
        FieldType::Ip => {
            let block = Block::parse(&plain(wanted)).expect("a block");
            parse_address(&plain(value)).is_some_and(|address| block.contains(address))
        }
        FieldType::Integer | FieldType::Long | FieldType::Float => value.as_f64() == wanted.as_f64(),
        _ => plain(value) == plain(wanted),
    }
}

fn in_bound(bound: &str, value: &Json, wanted: &Json, field_type: FieldType) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    if bound == "format" {
        return true;
    }
    let order = match field_type {
        FieldType::Date => {
            let wanted = date::parse(&plain(wanted)).expect("a date");
            let late = matches!(bound, "gt" | "lte");
            date::parse(&plain(value)).expect("a date").start.cmp(if late {
                &wanted.end
            } else {
                &wanted.start
            })
        }
        FieldType::Integer | FieldType::Long | FieldType::Float => {
            value.as_f64().expect("a number").total_cmp(&wanted.as_f64().expect("a number"))
        }
        FieldType::Ip => parse_address(&plain(value)).cmp(&parse_address(&plain(wanted))),
        _ => plain(value).cmp(&plain(wanted)),
    };
    match bound {
        "gt" => order == Greater,
        "gte" => order != Less,
        "lt" => order == Less,
        "lte" => order == Equal || order == Less,
        other => panic!("no bound `{other}` is made"),
    }
}

/// Lucene's wildcard query by its definition; an escaped character is not folded.
fn wildcard(pattern: &[char], text: &[char], folds: bool) -> bool {
    let same = |wanted: char, found: char| wanted == found || (folds && wanted.eq_ignore_ascii_case(&found));
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            wildcard(rest, text, folds) || (!text.is_empty() && wildcard(pattern, &text[1..], folds))
        }
        (['?', rest @ ..], [_, text @ ..]) => wildcard(rest, text, folds),
        (['\\', wanted, rest @ ..], [found, text @ ..]) => wanted == found && wildcard(rest, text, folds),
        ([wanted, rest @ ..], [found, text @ ..]) => same(*wanted, *found) && wildcard(rest, text, folds),
        _ => false,
    }
}

//! The table of cases (`tests/eql/cases.toml`): what each query selects of a few documents.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::schema::{FieldForm, FieldType, Schema};

const TABLE: &str = include_str!("cases.toml");

/// The table's groups, each with its fields, documents and queries.
#[derive(Deserialize)]
pub struct Table {
    pub group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    /// Elasticsearch's type of each field; `text` has an exact sub-field `keyword`.
    pub fields: Map<String, Json>,
    /// Each document by its id, as JSON.
    pub documents: Map<String, Json>,
    /// Queries without `any where`, and the ids of what they select, with blanks between.
    pub cases: Vec<(String, String)>,
}

impl Group {
    /// The fields' types in one index.
    pub fn schema(&self, index: &str) -> Schema {
        let mut schema = Schema::new(vec![index.to_owned()]);
        schema.insert("@timestamp", FieldForm::everywhere(FieldType::Date));
        for (name, field_type) in &self.fields {
            let field_type = FieldType::from_name(field_type.as_str().expect("a type"));
            let exact = (field_type == FieldType::Text).then(|| format!("{name}.keyword"));
            schema.insert(name, FieldForm { exact, ..FieldForm::everywhere(field_type) });
        }
        schema
    }

    /// The documents, in one index.
    pub fn events(&self, index: &str) -> Vec<Event> {
        let event = |(id, document): (&String, &Json)| {
            let source = serde_json::from_str(document.as_str().expect("JSON")).expect("an object");
            Event { index: index.to_owned(), id: id.clone(), source, fields: Map::new() }
        };
        self.documents.iter().map(event).collect()
    }
}

/// Reads the table.
pub fn table() -> Table {
    toml::from_str(TABLE).expect("the table is right")
}

#[test]
fn the_evaluator_selects_what_the_table_says() {
    let mut wrong = Vec::new();
    for group in table().group {
        let (schema, events) = (group.schema("index"), group.events("index"));
        for (condition, expected) in &group.cases {
            let text = format!("any where {condition}");
            let query = Query::parse(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
            let matcher = Matcher::compile(&query, &schema, "event.category").expect(&text);
            let selected = events.iter().filter(|event| matcher.matches(event));
            let found: BTreeSet<_> = selected.map(|event| event.id.as_str()).collect();
            if found != expected.split_whitespace().collect::<BTreeSet<_>>() {
                wrong.push(format!("{}: {condition}: expected `{expected}`, found {found:?}", group.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

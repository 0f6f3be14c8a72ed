//! The table of cases (`tests/eql/cases/*.toml`): what each query selects of a few documents.
#![allow(dead_code, reason = "every test program takes the part that it needs")]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use stakeout::event::Event;
use stakeout::schema::{FieldForm, FieldType, Schema};

/// One file of the table.
#[derive(Deserialize)]
struct Table {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    /// Elasticsearch's type of each field; `text` has an exact sub-field `keyword`.
    pub fields: Map<String, Json>,
    /// Each document by its id, as JSON.
    pub documents: Map<String, Json>,
    /// Queries, of which `any where` may be left out, and the ids of what they select, with blanks between.
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
            Event { index: index.to_owned(), id: id.clone(), source, ..Event::default() }
        };
        self.documents.iter().map(event).collect()
    }
}

/// The query of a case.
pub fn query(case: &str) -> String {
    if case.contains(" where ") { case.to_owned() } else { format!("any where {case}") }
}

/// The groups of all files, in order of the files' names.
pub fn groups() -> Vec<Group> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eql/cases");
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let table: Table =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        table.group
    };
    files.into_iter().flat_map(read).collect()
}

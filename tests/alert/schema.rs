//! Alerts as they are stored, held to the schemas: what they were first written with, and what was added since.

use boon::{Compiler, Schemas};
use serde_json::{Map, Value};

const WRITTEN: &str = include_str!("alert.schema.json");
const ADDED: &str = include_str!("added.schema.json");

/// Fails where an alert that is triaged, and that nobody has worked on, does not satisfy the schemas.
#[track_caller]
pub fn assert_satisfies_the_schemas(alert: &Value) {
    let added_fields = parsed(ADDED);
    let is_added = |field: &String| added_fields["properties"].get(field).is_some();
    let fields = alert.as_object().expect("an object").clone();
    let (added, written): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(|(field, _)| is_added(field));
    assert_satisfies(WRITTEN, &written.into());
    assert_satisfies(ADDED, &added.into());
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("a schema")
}

#[track_caller]
fn assert_satisfies(schema: &str, document: &Value) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", parsed(schema)).expect("a schema");
    let schema = compiler.compile("schema.json", &mut schemas).expect("a schema");
    if let Err(error) = schemas.validate(document, schema) {
        panic!("{error}\n{document:#}");
    }
}

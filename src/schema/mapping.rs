//! Field types from an Elasticsearch mapping, as `GET INDEX/_mapping` or an index template gives it.

use serde_json::{Map, Value};

use super::{FieldForm, FieldType, Schema};

impl Schema {
    /// The types of a mapping; what it does not name has ECS's.
    ///
    /// Takes `{"properties": …}`, `{"mappings": …}`, an index template, and the answer of `GET INDEX/_mapping`, where
    /// all indices count together.
    ///
    /// # Errors
    /// It is none of these.
    pub fn from_mapping(mapping: &Value) -> Result<Self, String> {
        let mut schema = Self::ecs();
        let found = properties(mapping);
        if found.is_empty() {
            return Err("expected a mapping with `properties`, found none".to_owned());
        }
        for properties in found {
            add(&mut schema, "", properties);
        }
        Ok(schema)
    }
}

/// Every `properties` object that stands where a mapping keeps its own.
fn properties(mapping: &Value) -> Vec<&Map<String, Value>> {
    let Value::Object(object) = mapping else { return Vec::new() };
    if let Some(Value::Object(own)) = object.get("properties") {
        return vec![own];
    }
    let below = ["mappings", "template", "index_template"].iter().find_map(|key| object.get(*key));
    match below {
        Some(below) => properties(below),
        None => object.values().filter_map(|index| index.get("mappings")).flat_map(properties).collect(),
    }
}

fn add(schema: &mut Schema, prefix: &str, fields: &Map<String, Value>) {
    for (name, field) in fields {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Some(Value::Object(below)) = field.get("properties") {
            add(schema, &path, below);
        }
        let Some(kind) = field.get("type").and_then(Value::as_str) else { continue };
        let field_type = FieldType::from_name(kind);
        let subfields = field.get("fields").and_then(Value::as_object);
        let exact = subfields.filter(|_| field_type == FieldType::Text).and_then(|all| exact(&path, all));
        let form = FieldForm { exact, ..FieldForm::everywhere(field_type) };
        if !schema.forms_told(&path).contains(&form) {
            schema.insert(&path, form);
        }
        if let Some(subfields) = subfields {
            add(schema, &path, subfields);
        }
    }
}

/// The sub-field that answers exact queries, `keyword` before others.
fn exact(path: &str, subfields: &Map<String, Value>) -> Option<String> {
    let is_exact = |field: &Value| {
        field
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| FieldType::from_name(kind).is_exact_string())
    };
    let mut names = subfields.iter().filter(|(_, field)| is_exact(field)).map(|(name, _)| name.as_str());
    let first = names.next()?;
    let name = if names.any(|name| name == "keyword") { "keyword" } else { first };
    Some(format!("{path}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::{FieldForm, FieldType, Schema};
    use serde_json::{Value, json};

    #[test]
    fn every_form_in_which_mappings_come() {
        let own = json!({"properties": {"a": {"properties": {"b": {"type": "ip"}}}, "c.d": {"type": "long"},
            "t": {"type": "text", "fields": {"raw": {"type": "keyword"}, "keyword": {"type": "keyword"}}}}});
        let forms: Vec<Value> = vec![
            own.clone(),
            json!({"mappings": own}),
            json!({"template": {"mappings": own}}),
            json!({"logs-1": {"mappings": own}, "logs-2": {"mappings": own}}),
        ];
        for mapping in forms {
            let schema = Schema::from_mapping(&mapping).unwrap();
            assert_eq!(schema.forms("a.b"), [FieldForm::everywhere(FieldType::Ip)]);
            assert_eq!(schema.forms("c.d"), [FieldForm::everywhere(FieldType::Long)]);
            assert_eq!(schema.forms("t")[0].exact.as_deref(), Some("t.keyword"));
            assert_eq!(schema.forms("t.raw"), [FieldForm::everywhere(FieldType::Keyword)]);
            assert_eq!(schema.forms("source.ip"), [FieldForm::everywhere(FieldType::Ip)], "ECS's");
        }
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for other in [json!({}), json!([]), json!({"a": 1}), json!("x")] {
            assert!(Schema::from_mapping(&other).is_err(), "{other}");
        }
    }
}

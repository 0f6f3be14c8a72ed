//! The types of fields in the indices of a rule, as a schema.

use std::collections::{BTreeMap, BTreeSet};

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::body::{Body, names, shown};
use super::call::Call;
use super::reason::Reason;
use super::{Cluster, ElasticError};
use crate::schema::{FieldForm, FieldType, Schema};

/// How many bytes of path and field names still go into the request line, where every version reads them.
const MAX_LINE: usize = 2_000;

/// What the indices say of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCapabilities {
    /// The fields' types by index, those of their parent objects among them.
    pub schema: Schema,
    /// Indices that did not answer, and why, in words: the schema knows nothing of them.
    pub missing: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answered {
    indices: Vec<String>,
    fields: Fields,
    #[serde(default)]
    failures: Vec<Failure>,
}

type Fields = BTreeMap<String, BTreeMap<String, Capability>>;

#[derive(Debug, Deserialize)]
struct Capability {
    #[serde(default)]
    searchable: bool,
    /// Absent: all indices that were asked.
    #[serde(default)]
    indices: Option<Vec<String>>,
    #[serde(default)]
    non_searchable_indices: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    #[serde(default)]
    indices: Vec<String>,
    failure: FailureReason,
}

#[derive(Debug, Deserialize)]
struct FailureReason {
    #[serde(default)]
    error: Reason,
}

impl Cluster {
    /// Asks for the types of `fields` (full names) in every index behind the patterns.
    ///
    /// A text field comes with the sub-field that answers exact queries, `.keyword` before others. The parents
    /// of each field are asked for too, since a `nested` or `flattened` one changes how the field is queried.
    /// A field that no index maps has no form.
    ///
    /// # Errors
    /// No answer, or not one index that could answer.
    pub async fn field_caps(
        &self,
        patterns: &[String],
        fields: &[String],
    ) -> Result<FieldCapabilities, ElasticError> {
        if patterns.is_empty() || fields.is_empty() {
            return Ok(FieldCapabilities { schema: Schema::new(Vec::new()), missing: None });
        }
        let asked = format!("asking for field types of {}", shown(patterns));
        let mut call = Call::new(Method::Post, format!("/{}/_field_caps", names(patterns)), asked)
            .param("include_unmapped", true)
            .param("ignore_unavailable", true)
            .param("allow_no_indices", true);
        let wanted: Vec<String> = wanted(fields).into_iter().collect();
        let line = wanted.join(",");
        call = match call.path.len() + line.len() {
            ..MAX_LINE => call.param("fields", line),
            _ => call.body(Body::Json(json!({ "fields": wanted }).to_string())),
        };
        let answered: Answered = self.call_in_time(&call, |answer| answer.json()).await?;
        Ok(FieldCapabilities { schema: schema(&answered, fields), missing: missing(&answered.failures) })
    }
}

/// The fields, all that lies right below them, and all their parents.
fn wanted(fields: &[String]) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for field in fields {
        wanted.insert(field.clone());
        wanted.insert(format!("{field}.*"));
        wanted.extend(field.match_indices('.').map(|(dot, _)| field[..dot].to_owned()));
    }
    wanted
}

fn missing(failures: &[Failure]) -> Option<String> {
    let words = |failure: &Failure| format!("{}: {}", shown(&failure.indices), failure.failure.error.words());
    (!failures.is_empty()).then(|| failures.iter().map(words).collect::<Vec<_>>().join("; "))
}

fn schema(answered: &Answered, fields: &[String]) -> Schema {
    let mut schema = Schema::new(answered.indices.clone());
    let everywhere: BTreeSet<&String> = answered.indices.iter().collect();
    for field in wanted(fields) {
        let types = answered.fields.get(&field).into_iter().flatten();
        for (name, capability) in types.filter(|(name, _)| *name != "unmapped") {
            let field_type = FieldType::from_name(name);
            let mapped = capability.indices(&everywhere);
            let shares = match field_type {
                FieldType::Text => by_exact_sub_field(&field, &mapped, &answered.fields),
                _ => vec![(None, mapped)],
            };
            let shares = shares.into_iter().flat_map(|share| by_searchable(share, capability));
            for (exact, indices, searchable) in shares {
                // A form of all indices needs no list.
                let all = indices.len() == everywhere.len();
                let indices = if all { Vec::new() } else { indices.into_iter().cloned().collect() };
                let exact = exact.cloned();
                schema.insert(&field, FieldForm { field_type, exact, indices, searchable });
            }
        }
    }
    schema
}

impl Capability {
    /// The indices that map the field with this type.
    fn indices<'a>(&'a self, everywhere: &BTreeSet<&'a String>) -> BTreeSet<&'a String> {
        self.indices.as_ref().map_or_else(|| everywhere.clone(), |indices| indices.iter().collect())
    }
}

/// Some indices, and the sub-field that answers exact queries there.
type Share<'a> = (Option<&'a String>, BTreeSet<&'a String>);

/// Splits the indices of a text field by the sub-field that answers exact queries there.
fn by_exact_sub_field<'a>(field: &str, mapped: &BTreeSet<&'a String>, fields: &'a Fields) -> Vec<Share<'a>> {
    let mut left = mapped.clone();
    let mut shares = Vec::new();
    for (name, sub) in exact_sub_fields(field, fields) {
        let (found, rest) = left.iter().copied().partition(|index| sub.indices(mapped).contains(index));
        shares.push((Some(name), found));
        left = rest;
    }
    shares.push((None, left));
    shares.retain(|(_, indices)| !indices.is_empty());
    shares
}

/// Splits once more where only some of the indices can search the field.
fn by_searchable<'a>(
    (exact, indices): Share<'a>,
    capability: &Capability,
) -> Vec<(Option<&'a String>, BTreeSet<&'a String>, bool)> {
    let Some(deaf) = &capability.non_searchable_indices else {
        return vec![(exact, indices, capability.searchable)];
    };
    let (deaf, able): (BTreeSet<_>, BTreeSet<_>) =
        indices.into_iter().partition(|index| deaf.contains(index));
    let mut shares = vec![(exact, able, true), (exact, deaf, false)];
    shares.retain(|(_, indices, _)| !indices.is_empty());
    shares
}

/// Sub-fields of exact strings that are searchable everywhere, `.keyword` first.
fn exact_sub_fields<'a>(field: &str, fields: &'a Fields) -> Vec<(&'a String, &'a Capability)> {
    let prefix = format!("{field}.");
    let is_below = |name: &str| name.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('.'));
    let mut found: Vec<_> = fields
        .iter()
        .filter(|(name, _)| is_below(name))
        .flat_map(|(name, types)| types.iter().map(move |(kind, capability)| (name, kind, capability)))
        .filter(|(_, kind, capability)| FieldType::from_name(kind).is_exact_string() && capability.searchable)
        .map(|(name, _, capability)| (name, capability))
        .collect();
    found.sort_by_key(|(name, _)| !name.ends_with(".keyword"));
    found
}

#[cfg(test)]
mod tests {
    use super::{Answered, missing, schema};
    use crate::schema::{FieldForm, FieldType, Schema};
    use serde_json::{Value, from_value, json};

    fn read(answer: Value, fields: &[&str]) -> Schema {
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        schema(&from_value::<Answered>(answer).expect("an answer"), &fields)
    }

    fn form(field_type: FieldType, exact: Option<&str>, indices: &[&str], searchable: bool) -> FieldForm {
        let indices = indices.iter().map(ToString::to_string).collect();
        FieldForm { field_type, exact: exact.map(str::to_owned), indices, searchable }
    }

    #[test]
    fn text_finds_its_exact_sub_field_in_each_index() {
        let schema = read(
            json!({"indices": ["a", "b", "c", "d"], "fields": {
                "f": {"text": {"searchable": true, "indices": ["a", "b", "d"]},
                      "keyword": {"searchable": true, "indices": ["c"]}},
                "f.raw": {"keyword": {"searchable": true, "indices": ["a", "b"]},
                          "unmapped": {"searchable": false, "indices": ["c", "d"]}},
                "f.keyword": {"keyword": {"searchable": true, "indices": ["a"]},
                              "unmapped": {"searchable": false, "indices": ["b", "c", "d"]}},
                "f.deep.raw": {"keyword": {"searchable": true}}}}),
            &["f"],
        );
        assert_eq!(
            schema.forms("f"),
            [
                form(FieldType::Keyword, None, &["c"], true),
                form(FieldType::Text, Some("f.keyword"), &["a"], true),
                form(FieldType::Text, Some("f.raw"), &["b"], true),
                form(FieldType::Text, None, &["d"], true),
            ]
        );
    }

    #[test]
    fn one_type_everywhere_has_no_list() {
        let schema = read(
            json!({"indices": ["a", "b"], "fields": {
                "t": {"text": {"searchable": true}},
                "t.keyword": {"keyword": {"searchable": true}},
                "n.k": {"keyword": {"searchable": true}},
                "n": {"nested": {"searchable": false}},
                "z": {"unmapped": {"searchable": false}}}}),
            &["t", "n.k", "z"],
        );
        assert_eq!(schema.forms("t"), [form(FieldType::Text, Some("t.keyword"), &[], true)]);
        assert_eq!(schema.forms("n"), [form(FieldType::Nested, None, &[], false)]);
        assert_eq!(schema.forms("n.k"), [FieldForm::everywhere(FieldType::Keyword)]);
        assert!(schema.forms("z").is_empty());
        assert_eq!(schema.indices, ["a", "b"]);
    }

    #[test]
    fn an_unsearchable_index_stands_apart() {
        let schema = read(
            json!({"indices": ["a", "b"], "fields": {
                "k": {"keyword": {"searchable": false, "indices": ["a", "b"], "non_searchable_indices": ["b"]}}}}),
            &["k"],
        );
        assert_eq!(
            schema.forms("k"),
            [form(FieldType::Keyword, None, &["a"], true), form(FieldType::Keyword, None, &["b"], false)]
        );
    }

    #[test]
    fn a_silent_index_is_named() {
        let answered: Answered =
            from_value(json!({"indices": [], "fields": {}, "failed_indices": 1, "failures": [
            {"indices": ["red"], "failure": {"error": {"type": "no_shard_available_action_exception",
             "reason": "index [red] has no active shard copy"}}}]}))
            .expect("an answer");
        let words = "`red`: no_shard_available_action_exception: index [red] has no active shard copy";
        assert_eq!(missing(&answered.failures).as_deref(), Some(words));
    }
}

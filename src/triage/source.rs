//! Where questions are asked: indices, the types of their fields, and what of them cannot be reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Input;
use crate::rule::TIMESTAMP;
use crate::rule::triage::{Indices, Triage};
use crate::schema::{FieldForm, FieldType, Schema};

/// The field that tells events from one another.
pub(super) const EVENT_ID: &str = "event.id";

/// Values longer than this are not indexed by ECS's fields, in characters.
pub(super) const LONGEST_INDEXED: usize = 1024;

/// Indices that questions are asked of.
#[derive(Debug, Clone)]
pub struct Source {
    /// Their patterns.
    pub patterns: Vec<String>,
    /// The types of the fields that [`wanted_fields`] names.
    pub schema: Schema,
    /// Whether the cluster answers expensive queries.
    pub allow_expensive: bool,
    /// What of the indices cannot be reached, in words; none where all can.
    pub unreachable: Option<String>,
}

/// The sources of a rule's questions.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    sources: Vec<(Indices, Result<Source, String>)>,
}

impl Sources {
    /// Adds the source that `indices` stands for, or why nothing is known of it.
    pub fn insert(&mut self, indices: Indices, source: Result<Source, String>) {
        self.sources.push((indices, source));
    }

    /// The source that `indices` stands for.
    #[must_use]
    pub fn get(&self, indices: &Indices) -> Option<&Result<Source, String>> {
        self.sources.iter().find(|(known, _)| known == indices).map(|(_, source)| source)
    }
}

impl Source {
    /// What conditions over it are lowered with.
    pub(super) fn input<'a>(&'a self, query: &'a crate::eql::Query) -> Input<'a> {
        Input {
            query,
            schema: &self.schema,
            patterns: &self.patterns,
            category_field: TIMESTAMP,
            time_field: TIMESTAMP,
            fallback_time_field: None,
            allow_expensive: self.allow_expensive,
        }
    }

    /// The same, where `fields` that lie within flattened ones are known as such: a mapping does not name them.
    #[must_use]
    pub fn with_flattened_leaves(mut self, fields: &[String]) -> Self {
        for field in fields {
            if !self.schema.forms(field).is_empty() {
                continue;
            }
            let forms: Vec<FieldForm> = parents(field).flat_map(|parent| self.schema.forms(parent)).collect();
            for form in forms.into_iter().filter(|form| form.field_type == FieldType::Flattened) {
                self.schema.insert(field, form);
            }
        }
        self
    }

    /// The name under which the values of `field` are read as the indices hold them; none where they differ in that, or
    /// where values that are read do not tell what the index compares (dates in forms of their own, rounded numbers,
    /// whole objects).
    pub(super) fn readable(&self, field: &str) -> Option<String> {
        let forms = self.schema.forms(field);
        let Some(form) = forms.first().filter(|_| forms.len() == 1) else {
            return forms.is_empty().then(|| field.to_owned());
        };
        match form.field_type {
            FieldType::Text => form.exact.clone(),
            FieldType::Flattened => self.is_in_flattened(field).then(|| field.to_owned()),
            FieldType::Keyword
            | FieldType::ConstantKeyword
            | FieldType::Wildcard
            | FieldType::Boolean
            | FieldType::Ip
            | FieldType::Integer
            | FieldType::Long => Some(field.to_owned()),
            _ => None,
        }
    }

    fn is_in_flattened(&self, field: &str) -> bool {
        parents(field).any(|parent| {
            self.schema.forms(parent).iter().any(|form| form.field_type == FieldType::Flattened)
        })
    }

    /// How many characters a value of `field` may have to be indexed, as far as mappings are made by templates: the
    /// keyword that Elasticsearch puts below a text field by itself holds no more than 256.
    pub(super) fn longest_indexed(&self, field: &str) -> usize {
        let is_below_text = |form: &FieldForm| form.field_type == FieldType::Text;
        if self.schema.forms(field).iter().any(is_below_text) { 256 } else { LONGEST_INDEXED }
    }

    /// The names under which the values of `field` can be counted; several where the indices differ.
    pub(super) fn countable(&self, field: &str) -> Vec<String> {
        let name = |form: FieldForm| match form.field_type {
            FieldType::Text => form.exact,
            FieldType::Object | FieldType::Nested | FieldType::Other => None,
            _ => Some(field.to_owned()),
        };
        let names: BTreeSet<String> = self.schema.forms(field).into_iter().filter_map(name).collect();
        names.into_iter().collect()
    }
}

/// The objects that a field lies in.
fn parents(field: &str) -> impl Iterator<Item = &str> {
    field.match_indices('.').map(|(dot, _)| &field[..dot])
}

/// The fields whose types have to be known, by where the questions are asked.
#[must_use]
pub fn wanted_fields(triage: &Triage) -> Vec<(Indices, Vec<String>)> {
    let mut wanted: BTreeMap<String, (Indices, BTreeSet<String>)> = BTreeMap::new();
    for question in triage.questions.iter().filter(|question| question.kind.is_searched()) {
        let new = || (question.indices.clone(), BTreeSet::new());
        let (_, fields) = wanted.entry(format!("{:?}", question.indices)).or_insert_with(new);
        fields.extend([question.indices.time_field(), EVENT_ID].map(str::to_owned));
        fields.extend(question.field.clone());
        let scope = triage.scope.iter().filter(|_| question.indices == Indices::Rule);
        for query in question.condition.iter().chain(scope) {
            fields.extend(query.fields().into_iter().map(|field| field.name));
        }
    }
    wanted.into_values().map(|(indices, fields)| (indices, fields.into_iter().collect())).collect()
}

//! Field types: what a cluster's indices say of the fields a rule names, or ECS's types where none is asked.

mod ecs;
mod mapping;

use std::collections::BTreeMap;

pub use ecs::{ECS_VERSION, ecs_fields, ecs_type};

/// The type of a field, as far as it changes how the field can be queried or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldType {
    /// `keyword`, and every other type that answers exact string queries the same way.
    Keyword,
    /// `constant_keyword`: exact strings, not in `_source`.
    ConstantKeyword,
    /// `wildcard`: exact strings, made for patterns.
    Wildcard,
    /// `text`, `match_only_text`: analysed; exact queries need a keyword sub-field.
    Text,
    /// `boolean`.
    Boolean,
    /// `date`: milliseconds.
    Date,
    /// `date_nanos`.
    DateNanos,
    /// `ip`.
    Ip,
    /// `byte`, `short`, `integer`: Elasticsearch takes constants of 32 bits for all of them.
    Integer,
    /// `long`.
    Long,
    /// `unsigned_long`.
    UnsignedLong,
    /// `half_float`, `float`, `double`, `scaled_float`.
    Float,
    /// `version`.
    Version,
    /// `flattened`: an object whose leaves are all keywords.
    Flattened,
    /// `object`: holds no values itself.
    Object,
    /// `nested`: its leaves cannot be reached by EQL.
    Nested,
    /// Anything else, such as `geo_point` or `binary`.
    Other,
}

impl FieldType {
    /// Reads Elasticsearch's name of a type.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "keyword" => Self::Keyword,
            "constant_keyword" => Self::ConstantKeyword,
            "wildcard" => Self::Wildcard,
            "text" | "match_only_text" | "search_as_you_type" | "annotated_text" => Self::Text,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "date_nanos" => Self::DateNanos,
            "ip" => Self::Ip,
            "byte" | "short" | "integer" => Self::Integer,
            "long" => Self::Long,
            "unsigned_long" => Self::UnsignedLong,
            "half_float" | "float" | "double" | "scaled_float" => Self::Float,
            "version" => Self::Version,
            "flattened" => Self::Flattened,
            "object" => Self::Object,
            "nested" => Self::Nested,
            _ => Self::Other,
        }
    }

    /// Whether exact string queries (`term`, `wildcard`, `prefix`, `regexp`) can be asked of it.
    #[must_use]
    pub fn is_exact_string(self) -> bool {
        matches!(self, Self::Keyword | Self::ConstantKeyword | Self::Wildcard)
    }

    /// Whether its values are strings to EQL: exact strings, and text.
    #[must_use]
    pub fn is_string(self) -> bool {
        self.is_exact_string() || self == Self::Text
    }

    /// Whether its values are times to EQL.
    #[must_use]
    pub fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::DateNanos)
    }
}

/// How some of the indices map one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldForm {
    /// The field's type there.
    pub field_type: FieldType,
    /// For a text field: the full name of the sub-field that answers exact queries, where there is one.
    pub exact: Option<String>,
    /// The indices that map it so; empty where all indices of the schema do.
    pub indices: Vec<String>,
    /// Whether it can be searched at all (`index: true`, or doc values).
    pub searchable: bool,
}

impl FieldForm {
    /// A searchable field of one type in all indices.
    #[must_use]
    pub fn everywhere(field_type: FieldType) -> Self {
        Self { field_type, exact: None, indices: Vec::new(), searchable: true }
    }
}

/// What is known of the fields that a rule names, over the indices that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// Every index that was asked, by concrete name; empty for [`Schema::ecs`].
    pub indices: Vec<String>,
    fields: BTreeMap<String, Vec<FieldForm>>,
    assume_ecs: bool,
}

impl Schema {
    /// A schema of the given indices that maps no field yet.
    #[must_use]
    pub fn new(indices: Vec<String>) -> Self {
        Self { indices, ..Self::default() }
    }

    /// ECS's own types, for use without a cluster; a field that ECS does not know counts as a keyword.
    #[must_use]
    pub fn ecs() -> Self {
        Self { assume_ecs: true, ..Self::default() }
    }

    /// Adds one way in which some indices map `field`.
    pub fn insert(&mut self, field: impl Into<String>, form: FieldForm) {
        self.fields.entry(field.into()).or_default().push(form);
    }

    /// Whether the type of `field` was told or is ECS's, rather than assumed.
    #[must_use]
    pub fn knows(&self, field: &str) -> bool {
        self.fields.contains_key(field) || (self.assume_ecs && ecs_type(field).is_some())
    }

    /// The field that is known, and whose name is nearest to `field`, if one is near.
    #[must_use]
    pub fn nearest(&self, field: &str) -> Option<&str> {
        let ecs = ecs_fields().map(|(name, _)| name).filter(|_| self.assume_ecs);
        let names = self.fields.keys().map(String::as_str).chain(ecs);
        let near = names
            .map(|name| (strsim::jaro_winkler(name, field), name))
            .filter(|(likeness, name)| *likeness > 0.9 && *name != field);
        near.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, name)| name)
    }

    /// The ways in which `field` was told to be mapped.
    fn forms_told(&self, field: &str) -> &[FieldForm] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// Every way in which the indices map `field`; empty where none does.
    #[must_use]
    pub fn forms(&self, field: &str) -> Vec<FieldForm> {
        match self.fields.get(field) {
            Some(forms) => forms.clone(),
            None if self.assume_ecs => {
                vec![FieldForm::everywhere(ecs_type(field).unwrap_or(FieldType::Keyword))]
            }
            None => Vec::new(),
        }
    }
}

//! How the values of a field compare, by its type; and the type it has in each index.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Span, UNANSWERABLE_FIELD};
use crate::event::Event;
use crate::schema::{FieldForm, FieldType, Schema};

/// How values are read and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Strings, by their bytes.
    Text,
    /// Whole numbers; fractions are cut off, as Elasticsearch does on indexing.
    Integer,
    /// Numbers.
    Float,
    /// `true` and `false`.
    Boolean,
    /// Times, to the millisecond.
    Date,
    /// Times, to the nanosecond.
    DateNanos,
    /// IP addresses, 128 bits.
    Ip,
    /// Versions: strings, except for their order.
    Version,
    /// Not known: numbers with numbers by value, everything else by its text.
    Loose,
}

impl Kind {
    /// How values of a type compare; none for a type whose values EQL cannot query.
    #[must_use]
    pub fn of(field_type: FieldType) -> Option<Self> {
        Some(match field_type {
            FieldType::Keyword
            | FieldType::ConstantKeyword
            | FieldType::Wildcard
            | FieldType::Text
            | FieldType::Flattened => Self::Text,
            FieldType::Boolean => Self::Boolean,
            FieldType::Date => Self::Date,
            FieldType::DateNanos => Self::DateNanos,
            FieldType::Ip => Self::Ip,
            FieldType::Integer | FieldType::Long | FieldType::UnsignedLong => Self::Integer,
            FieldType::Float => Self::Float,
            FieldType::Version => Self::Version,
            FieldType::Object | FieldType::Nested | FieldType::Other => return None,
        })
    }

    /// What the values are, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "strings",
            Self::Integer | Self::Float => "numbers",
            Self::Boolean => "booleans",
            Self::Date | Self::DateNanos => "dates",
            Self::Ip => "IP addresses",
            Self::Version => "versions",
            Self::Loose => "values",
        }
    }

    /// Whether the values are dates.
    #[must_use]
    pub fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::DateNanos)
    }
}

/// The text of a value as Elasticsearch would index it in a keyword field.
pub(super) fn text_of(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        Json::Bool(true) => Cow::Borrowed("true"),
        Json::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    }
}

/// Something for a field in each index; most often the same in all of them.
#[derive(Debug, Clone)]
pub(super) struct ByIndex<T> {
    field: String,
    /// The text field's exact sub-field, and what was made for the form.
    forms: Vec<(Option<String>, T)>,
    /// Which form each index has; an index with none does not map the field. Empty where all have the first.
    indices: HashMap<String, Option<usize>>,
}

impl<T> ByIndex<T> {
    /// Makes something for each form of `field`; forms for which it cannot be made count as unmapped.
    ///
    /// # Errors
    /// What the first failure says, where it can be made for no form.
    pub fn new(
        field: &str,
        span: Span,
        schema: &Schema,
        mut make: impl FnMut(Kind) -> Result<T, Box<Diagnostic>>,
    ) -> Result<Self, Box<Diagnostic>> {
        let mut found = Self { field: field.to_owned(), forms: Vec::new(), indices: HashMap::new() };
        let forms = schema.forms(field);
        if !schema.knows(field) || forms.is_empty() {
            found.forms.push((None, make(Kind::Loose)?));
            return Ok(found);
        }
        let mut failure = None;
        for form in &forms {
            match kind_of(form, field, span).and_then(&mut make) {
                Ok(item) => found.add(form, item),
                Err(problem) => failure = failure.or(Some(problem)),
            }
        }
        if let (true, Some(failure)) = (found.forms.is_empty(), failure) {
            return Err(failure);
        }
        if !found.indices.is_empty() {
            for index in &schema.indices {
                found.indices.entry(index.clone()).or_insert(None);
            }
        }
        Ok(found)
    }

    fn add(&mut self, form: &FieldForm, made: T) {
        let at = self.forms.len();
        self.indices.extend(form.indices.iter().map(|index| (index.clone(), Some(at))));
        self.forms.push((form.exact.clone(), made));
    }

    /// What was made for the event's index, and the name under which its values stand.
    pub fn get<'a>(&'a self, event: &Event) -> Option<(&'a str, &'a T)> {
        let at = match self.indices.get(&event.index) {
            Some(form) => (*form)?,
            None => 0,
        };
        let (exact, made) = self.forms.get(at)?;
        let exact = exact.as_deref().filter(|exact| event.fields.contains_key(*exact));
        Some((exact.unwrap_or(&self.field), made))
    }
}

/// How a form's values compare, or why they cannot be.
fn kind_of(form: &FieldForm, field: &str, span: Span) -> Result<Kind, Box<Diagnostic>> {
    Kind::of(form.field_type).ok_or_else(|| {
        let message = format!("`{field}` has a type whose values cannot be queried");
        Diagnostic::error(UNANSWERABLE_FIELD, span, message).into()
    })
}

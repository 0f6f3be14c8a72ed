//! One saved object: its type, pinned version, attributes and references, as a line of an export.

use serde_json::{Value, json};

/// The version of Kibana's object core that every export of 2023 to 2025 carries.
const CORE_VERSION: &str = "8.8.0";

/// The type of a saved object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `index-pattern`, which Kibana's pages call data view.
    DataView,
    /// `search`, which newer pages call Discover session.
    Search,
    /// `dashboard`.
    Dashboard,
}

impl Kind {
    /// Every type, in the order of the objects.
    pub const ALL: [Self; 3] = [Self::DataView, Self::Search, Self::Dashboard];

    /// The name of the type in Kibana.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::DataView => "index-pattern",
            Self::Search => "search",
            Self::Dashboard => "dashboard",
        }
    }

    /// The form of the attributes, as Kibana numbers it: the newest that 8.19 knows, since a newer one is refused there
    /// and an older one is brought up to date by 9.x.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::DataView => "8.0.0",
            Self::Search => "10.5.0",
            Self::Dashboard => "10.2.0",
        }
    }

    /// What a person calls it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::DataView => "data view",
            Self::Search => "saved search",
            Self::Dashboard => "dashboard",
        }
    }
}

/// A named pointer from one object to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The type of the other.
    pub kind: Kind,
    /// The id of the other.
    pub id: String,
    /// What the attributes call it.
    pub name: String,
}

impl Reference {
    pub(super) fn new(kind: Kind, id: &str, name: String) -> Self {
        Self { kind, id: id.to_owned(), name }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"type": self.kind.type_name(), "id": self.id, "name": self.name})
    }
}

/// One saved object.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedObject {
    /// Its type.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What it holds, in the form of [`Kind::version`].
    pub attributes: Value,
    /// What it points to.
    pub references: Vec<Reference>,
}

impl SavedObject {
    /// The object as an export has it. Without both versions Kibana would take it for the oldest form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let references: Vec<Value> = self.references.iter().map(Reference::to_json).collect();
        json!({
            "type": self.kind.type_name(),
            "id": self.id,
            "attributes": self.attributes,
            "references": references,
            "coreMigrationVersion": CORE_VERSION,
            "typeMigrationVersion": self.kind.version(),
        })
    }
}

/// JSON as the text in which Kibana keeps it.
pub(super) fn as_text(value: &Value) -> Value {
    Value::String(value.to_string())
}

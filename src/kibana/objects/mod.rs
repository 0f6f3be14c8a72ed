//! Kibana's saved objects over one alerts index in one space: a data view, a saved search and a dashboard, in the form
//! that Kibana 8.19 and 9.x import.

mod chart;
mod dashboard;
mod data_view;
mod import;
mod lens;
mod names;
mod object;
mod panels;
mod search;
mod space;

pub use import::{NotImported, Upload};
pub use names::Names;
pub use object::{Kind, Reference, SavedObject};
pub use space::Space;

use std::fmt::Write;

/// The time of an alert.
const TIME_FIELD: &str = "@timestamp";

/// Everything that Kibana gets for one alerts index in one space. The same arguments give the same objects, byte for
/// byte, so that an import over older ones only renews them.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedObjects {
    names: Names,
    objects: Vec<SavedObject>,
}

impl SavedObjects {
    /// The objects over the alerts behind `alias`, for `space`.
    #[must_use]
    pub fn new(space: &Space, alias: &str) -> Self {
        let names = Names::new(space, alias);
        let objects = vec![
            data_view::data_view(&names, alias),
            search::search(&names, alias),
            dashboard::dashboard(&names, alias),
        ];
        Self { names, objects }
    }

    /// The ids of the objects.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The objects; one that is referred to comes before those that refer to it.
    #[must_use]
    pub fn objects(&self) -> &[SavedObject] {
        &self.objects
    }

    /// One object a line, as Kibana's import takes them.
    #[must_use]
    pub fn ndjson(&self) -> String {
        self.objects.iter().fold(String::new(), |mut lines, object| {
            // A string takes every line.
            let _ = writeln!(lines, "{}", object.to_json());
            lines
        })
    }
}

//! What Kibana shows: its saved objects over an alerts index.

mod objects;

pub use objects::{Kind, Names, NotImported, Reference, SavedObject, SavedObjects, Space, Upload};

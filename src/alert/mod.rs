//! A match becomes an alert: its id, its document in Kibana's field names, and the index that takes it.
//!
#![doc = include_str!("fields.md")]

mod commands;
mod copy_place;
mod data_stream;
mod document;
mod external;
mod given_name;
mod guide;
mod identity;
mod index;
mod pivots;
mod places;
mod reason;
mod rule_fields;
#[cfg(test)]
mod schema_test;
mod security;

pub use copy_place::CopyPlace;
pub use data_stream::DataStream;
pub use document::{AlertBuilder, AlertDocument, Found, Run};
pub use identity::{AlertId, alert_id};
pub use index::{AlertIndex, TEMPLATE_VERSION};
pub use places::Places;
pub use reason::reason;
pub use security::SecurityAlerts;

//! Links into Kibana and what they are made of: KQL, rison and addresses, escaped so that no value changes a query's
//! meaning or breaks a link. Knows nothing of rules and alerts.
//!
//! A value is escaped three times, in this order: as a KQL string, as JSON or rison, as a part of a URL.

mod address;
mod kql;
mod link;
#[cfg(test)]
pub mod read_back;
mod rison;

pub use address::KibanaAddress;
pub use kql::{Bound, Kql};
pub use link::{LONGEST_LINK, Search, TooLong};
pub use rison::rison;

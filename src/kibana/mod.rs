//! What Kibana shows: its saved objects over an alerts index, cases, and links into it with the KQL, rison and addresses that
//! they are made of, escaped so that no value changes a query's meaning or breaks a link.
//!
//! A value is escaped three times, in this order: as a KQL string, as JSON or rison, as a part of a URL.

mod address;
mod cases;
mod kql;
mod link;
mod objects;
#[cfg(test)]
pub mod read_back;
mod rison;

pub use address::KibanaAddress;
pub use cases::{
    COMMENTS_A_PAGE, LONGEST_TEXT, NewCase, OpenCase, case_length, case_tag, cases_in, cases_path,
    comments_in, fitted,
};
pub use kql::{Bound, Kql};
pub use link::{LONGEST_LINK, Search, TooLong};
pub use objects::{Kind, Names, NotImported, Reference, SavedObject, SavedObjects, Space, Upload};
pub use rison::rison;

//! Everything that talks to the cluster: points in time, pages, bulk writes, guarded documents, retries, errors.
//!
//! Every request goes through one path (`call`), so that each failure says which address was asked, what for,
//! what came back and what to do. Every request of this module can safely be sent twice: searches read, alerts
//! are created under fixed ids, documents are put under a guard. That is why a lost answer may be retried.
//!
//! Every future here may be dropped at any await: the request in flight is abandoned, nothing is left to undo.
//! A point in time left open ends by itself after its keep-alive.

mod address;
mod arrived;
mod body;
mod bulk;
mod bulk_update;
mod call;
mod cause;
mod clock;
mod cluster;
mod connection;
mod document;
mod documents;
mod error;
mod existence;
mod expensive;
mod field_caps;
mod fingerprint;
mod hint;
mod index;
mod info;
mod known_ids;
mod multi_search;
mod node;
mod observe;
mod page;
mod page_size;
mod point_in_time;
mod present_ids;
mod privileges;
mod proxy;
mod reason;
mod resent;
mod resolve;
mod retry;
mod shards;
mod tried;
mod trust;

#[cfg(test)]
#[expect(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "nothing but a tool of tests"
)]
pub mod fake;
#[cfg(test)]
mod tls_test;

pub use bulk::{BulkItem, ItemOutcome};
pub use bulk_update::PartialDocument;
pub use clock::Ambient;
pub use cluster::Cluster;
pub use connection::{Auth, CaCertificate, ClientFiles, Connection, DEFAULT_TIMEOUT, DEFAULT_URL, MAX_PEM};
pub use document::{Guard, Put, Versioned};
pub use documents::{PutItem, PutOutcome};
pub use error::ElasticError;
pub use existence::{Existence, Presence};
pub use field_caps::FieldCapabilities;
pub use index::{Ensured, Member};
pub use info::{Info, SUPPORTED_VERSIONS};
pub use multi_search::SearchItem;
pub use observe::{Observed, Observer, Operation};
pub use page::Page;
pub use point_in_time::{Opening, PointInTime};
pub use privileges::{Granted, Privileges};
pub use resent::{Resent, counted};
pub use resolve::PatternMatch;
pub use retry::RetryPolicy;

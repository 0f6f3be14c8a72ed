//! Files in the place of a cluster: events read from them, alerts and state kept in them.
//!
//! Clock-free and synchronous. [`EventFiles`] hands out events and what could not be read, or with a
//! [`Search`] only those that rules match; [`AlertFile`] takes
//! alerts, each id once; [`StateFile`] remembers how far a run came. Everything a run writes lies beside the
//! alert file.

mod alert_ids;
mod alerts;
mod categories;
mod cloudtrail;
mod durable;
mod feed;
mod files;
mod glance;
mod grammar;
mod java_text;
mod known;
mod lines;
mod open;
mod outlet;
mod pool;
mod problem;
mod scanner;
mod search;
mod shape;
mod sieve;
mod split;
mod state;
mod turn;
mod walk;
mod window;

pub use alert_ids::AlertIds;
pub use alerts::{AlertFile, AlertFileError, Appended, Found};
pub use files::{EventFiles, EventReader, Located, MAX_DOCUMENT_BYTES};
pub use pool::{Next, Searching};
pub use problem::{ProblemKind, ReadProblem};
pub use search::{Hit, Search, Tally};
pub use state::{Loaded, StateError, StateFile};

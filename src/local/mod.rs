//! Files in the place of a cluster: events read from them, alerts and state kept in them.
//!
//! Clock-free and synchronous. [`EventFiles`] hands out events and what could not be read; [`AlertFile`] takes
//! alerts, each id once; [`StateFile`] remembers how far a run came. Everything a run writes lies beside the
//! alert file.

mod alert_ids;
mod alerts;
mod categories;
mod cloudtrail;
mod durable;
mod files;
mod grammar;
mod java_text;
mod known;
mod open;
mod problem;
mod shape;
mod split;
mod state;
mod walk;
mod window;

pub use alert_ids::AlertIds;
pub use alerts::{AlertFile, AlertFileError, Appended, Found};
pub use files::{EventFiles, EventReader, Fingerprint, Located, MAX_DOCUMENT_BYTES};
pub use problem::{ProblemKind, ReadProblem};
pub use state::{Loaded, StateError, StateFile};

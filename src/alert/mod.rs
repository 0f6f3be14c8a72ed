//! A match becomes an alert: its id, its document in Kibana's field names, and the index that takes it.

mod document;
mod identity;
mod index;
mod reason;

pub use document::{AlertBuilder, AlertDocument, Found, Run};
pub use identity::{AlertId, alert_id};
pub use index::{AlertIndex, TEMPLATE_VERSION};
pub use reason::reason;

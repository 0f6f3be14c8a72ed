//! Fires: every rule on its own interval, no two runs of a rule at once, until told to stop.

mod cases;
mod clock;
mod daemon;
mod pulse;
mod service;
mod shutdown;
mod triage;

pub use cases::open_cases;
pub use clock::utc_now;
pub use daemon::{Signs, run};
pub use pulse::Pulse;
pub use service::tell_systemd;
pub use shutdown::{GRACE, stop_on_signals};
pub use triage::triage;

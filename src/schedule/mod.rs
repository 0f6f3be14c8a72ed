//! Fires: every rule on its own interval, no two runs of a rule at once and none kept waiting by another, until told to stop.

mod cases;
mod clock;
mod group;
mod pulse;
mod reach;
mod reload;
mod rounds;
mod service;
mod shutdown;
mod timetable;
mod triage;
mod under_way;
mod work;

pub use cases::open_cases;
pub use clock::utc_now;
pub use pulse::{Pulse, stir};
pub use reload::{Reload, hangups, reload};
pub use service::{tell_ready, tell_reloading, tell_systemd};
pub use shutdown::{GRACE, stop_on_signals};
pub use timetable::{Signs, run};
pub use triage::triage;
pub use work::Work;

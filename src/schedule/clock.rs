//! The one place where the local time is read.

use chrono::{DateTime, Utc};

/// The local time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock that everything else is handed")]
pub fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

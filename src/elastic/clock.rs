//! The time and the waiting of this module, injectable, so that nothing else here asks a clock.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::observe::{Observed, Observer};

/// A wait that is under way.
type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the module takes from its surroundings.
#[derive(Clone)]
pub struct Ambient {
    /// The local time.
    pub now: fn() -> DateTime<Utc>,
    sleep: Arc<dyn Fn(Duration) -> Waiting + Send + Sync>,
    observer: Observer,
}

impl Ambient {
    /// The given clock, and `sleep` for the waits between two attempts.
    pub fn new<F, S>(now: fn() -> DateTime<Utc>, sleep: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Duration) -> F + Send + Sync + 'static,
    {
        Self {
            now,
            sleep: Arc::new(move |duration| Box::pin(sleep(duration))),
            observer: Observer::default(),
        }
    }

    /// The same, with someone who is told what becomes of requests.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Self {
        Self { observer, ..self }
    }

    /// Tells what became of a request.
    pub(super) fn tell(&self, observed: Observed<'_>) {
        self.observer.tell(observed);
    }

    /// Waits.
    pub(super) fn sleep(&self, duration: Duration) -> Waiting {
        (self.sleep)(duration)
    }
}

impl Default for Ambient {
    /// The machine's clock and tokio's timer.
    #[expect(clippy::disallowed_methods, reason = "what is used where nobody hands down a clock")]
    fn default() -> Self {
        Self::new(Utc::now, tokio::time::sleep)
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Ambient")
    }
}

/// How far the sender's clock is ahead of ours by a `Date` header, in whole seconds.
pub(super) fn offset_by_header(date: &str, local: DateTime<Utc>) -> Option<TimeDelta> {
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    // The header is cut to the second, so ours is too.
    TimeDelta::try_seconds(date.timestamp() - local.timestamp())
}

/// Reads a `Retry-After` header: seconds, or a date.
pub(super) fn retry_after(text: &str, local: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.to_utc() - local).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{offset_by_header, retry_after};
    use chrono::{DateTime, TimeDelta, Utc};
    use std::time::Duration;

    fn local() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_492_800, 900_000_000).expect("a time")
    }

    #[test]
    fn compares_whole_seconds() {
        let header = "Tue, 24 Nov 2026 04:00:07 GMT";
        assert_eq!(offset_by_header(header, local()), Some(TimeDelta::seconds(7)));
        assert_eq!(offset_by_header("yesterday", local()), None);
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        assert_eq!(retry_after("3", local()), Some(Duration::from_secs(3)));
        let date = "Tue, 24 Nov 2026 04:00:10 GMT";
        assert_eq!(retry_after(date, local()), Some(Duration::from_millis(9100)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 03:00:10 GMT", local()), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", local()), None);
    }
}

//! Sending again: exponential waits with jitter, a bounded number of times, as the error itself allows.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder, Retryable};

use super::{Ambient, ElasticError, Observed, resent};

/// How often and how fast a failed request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included.
    pub attempts: usize,
    /// The wait after the first attempt; it doubles each time, and jitter is added.
    pub first_delay: Duration,
    /// The longest wait; a `Retry-After` beyond it is left to the caller, with the error.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts within about five seconds.
    fn default() -> Self {
        Self { attempts: 5, first_delay: Duration::from_millis(200), longest_delay: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// No second attempt.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    fn builder(self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.longest_delay)
            .with_factor(2.0)
            .with_max_times(self.attempts.saturating_sub(1))
            .with_jitter()
    }

    /// The waits between the attempts.
    pub(super) fn delays(self) -> ExponentialBackoff {
        self.builder().build()
    }

    fn allows(self, error: &ElasticError) -> bool {
        error.is_retryable() && error.retry_after().is_none_or(|wait| wait <= self.longest_delay)
    }

    /// Runs `attempt`, which is told its number from 1, until it succeeds, fails for good or has had all attempts.
    pub(super) async fn run<T, F, A>(self, ambient: &Ambient, mut attempt: A) -> Result<T, ElasticError>
    where
        F: Future<Output = Result<T, ElasticError>>,
        A: FnMut(usize) -> F,
    {
        let mut attempts = 0;
        let (ambient, observer) = (ambient.clone(), ambient);
        let counted = || {
            attempts += 1;
            attempt(attempts)
        };
        let result = counted
            .retry(self.builder())
            .sleep(move |delay| ambient.sleep(delay))
            .when(|error: &ElasticError| self.allows(error))
            .adjust(|error: &ElasticError, delay| Some(error.retry_after().unwrap_or_default().max(delay?)))
            .notify(|error: &ElasticError, wait| {
                let kind = error.kind();
                resent::note(&kind, 1);
                observer.tell(Observed::Again { reason: &kind, times: 1 });
                tracing::debug!(reason = %error, ?wait, "sent again");
            })
            .await;
        result.map_err(|error| error.after_attempts(attempts))
    }
}

//! How often requests had to be sent again, and why: counted beside the work that sends them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// Requests (and items of bulk requests) that were sent again, by reason; reads as `HTTP 429 ×3, timed out ×1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resent(BTreeMap<String, u64>);

tokio::task_local! {
    static COUNTS: RefCell<Resent>;
}

impl Resent {
    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    fn add(&mut self, reason: &str, times: u64) {
        *self.0.entry(reason.to_owned()).or_default() += times;
    }
}

impl fmt::Display for Resent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (reason, times)) in self.0.iter().enumerate() {
            write!(out, "{}{reason} ×{times}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Does `work` and returns with its result what was sent again for it; work inside of other work counts for both.
pub async fn counted<F: Future>(work: F) -> (F::Output, Resent) {
    let scope = async {
        let output = work.await;
        (output, COUNTS.with(RefCell::take))
    };
    let (output, resent) = COUNTS.scope(RefCell::default(), scope).await;
    for (reason, times) in &resent.0 {
        note(reason, *times);
    }
    (output, resent)
}

/// Counts what is sent again, for whoever wants to know.
pub(super) fn note(reason: &str, times: u64) {
    let _ = COUNTS.try_with(|counts| counts.borrow_mut().add(reason, times));
}

#[cfg(test)]
mod tests {
    use super::{counted, note};
    use crate::elastic::fake::{Act, Fake};

    const GREETING: &str = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;

    #[tokio::test]
    async fn requests_are_counted_by_reason() {
        let busy = Act::json(429, r#"{"error":"\u001b[31mbusy"}"#);
        let acts = vec![busy.clone(), Act::Close, busy, Act::json(200, GREETING), Act::json(200, GREETING)];
        let fake = Fake::start(acts).await;
        let (_, resent) = counted(fake.cluster.info()).await;
        assert_eq!(
            (resent.total(), resent.to_string().as_str()),
            (3, "HTTP 429 ×2, the connection broke off ×1")
        );
        let (_, resent) = counted(fake.cluster.info()).await;
        assert_eq!((resent.total(), resent.to_string().as_str()), (0, ""));
    }

    #[tokio::test]
    async fn work_inside_of_work_counts_for_both() {
        note("nobody asks", 1);
        let inner = async { note("timed out", 2) };
        let outer = async {
            note("HTTP 503", 1);
            counted(inner).await.1
        };
        let (inner, outer) = counted(outer).await;
        assert_eq!(inner.to_string(), "timed out ×2");
        assert_eq!(outer.to_string(), "HTTP 503 ×1, timed out ×2");
    }
}

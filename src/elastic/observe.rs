//! What becomes of requests, told to whoever counts it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a request does, as far as its time is worth being told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It searches.
    Search,
    /// It writes many documents.
    Bulk,
    /// Anything else.
    Other,
}

impl Operation {
    /// By the end of the request's path.
    pub(super) fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("_search" | "_msearch") => Self::Search,
            Some("_bulk") => Self::Bulk,
            _ => Self::Other,
        }
    }

    /// Its name, to count by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Bulk => "bulk",
            Self::Other => "other",
        }
    }
}

/// Something that became of a request. Reasons are a few words of our own, never the cluster's: they can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed<'a> {
    /// A request was sent once.
    Sent {
        /// What it does.
        operation: Operation,
        /// From sending it to the end of its answer.
        took: Duration,
        /// Why there is no answer of use, if there is none.
        failure: Option<&'a str>,
    },
    /// Requests, or documents of bulk requests, are sent again.
    Again {
        /// Why.
        reason: &'a str,
        /// How many.
        times: u64,
    },
}

type Tell = dyn Fn(Observed<'_>) + Send + Sync;

/// Whoever is told what becomes of requests, or nobody.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<Tell>>);

impl Observer {
    /// `tell` is called for each request and must not wait.
    #[must_use]
    pub fn new(tell: impl Fn(Observed<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, observed: Observed<'_>) {
        if let Some(tell) = &self.0 {
            tell(observed);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Observer(someone)" } else { "Observer(nobody)" })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{Observed, Observer, Operation};
    use crate::elastic::fake::{Act, Fake};
    use crate::elastic::{Ambient, Cluster, Connection, RetryPolicy};

    #[test]
    fn requests_are_told_apart_by_their_path() {
        for (path, operation) in [
            ("/_search", Operation::Search),
            ("/alerts/_search", Operation::Search),
            ("/_msearch", Operation::Search),
            ("/alerts/_bulk", Operation::Bulk),
            ("/", Operation::Other),
            ("/_search/scroll", Operation::Other),
        ] {
            assert_eq!(Operation::of(path), operation, "{path}");
        }
    }

    #[tokio::test]
    async fn each_attempt_and_each_repetition_is_told() {
        let greeting = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;
        let fake = Fake::start(vec![Act::json(429, r#"{"error":"busy"}"#), Act::json(200, greeting)]).await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        let observer = Observer::new(move |observed| {
            let words = match observed {
                Observed::Sent { operation, failure, .. } => format!("{} {failure:?}", operation.as_str()),
                Observed::Again { reason, times } => format!("again {reason} {times}"),
            };
            notes.lock().expect("no panic").push(words);
        });
        let ambient = Ambient::new(|| chrono::DateTime::UNIX_EPOCH, |_| std::future::ready(()));
        let retry = RetryPolicy { first_delay: Duration::ZERO, ..RetryPolicy::default() };
        let connection = Connection { urls: vec![fake.url.clone()], retry, ..Connection::default() };
        let cluster = Cluster::with_ambient(&connection, ambient.observed_by(observer)).expect("a cluster");
        cluster.info().await.expect("an answer");
        let heard = heard.lock().expect("no panic");
        assert_eq!(*heard, ["other Some(\"HTTP 429\")", "again HTTP 429 1", "other None"]);
    }
}

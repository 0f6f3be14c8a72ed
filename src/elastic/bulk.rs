//! Bulk creation: every item comes back with its own outcome, whatever happens on the way.

use std::collections::{BTreeMap, VecDeque};

use elasticsearch::http::Method;
use memchr::memchr2;
use serde::Deserialize;
use serde_json::Value;

use super::body::{Body, segment};
use super::call::{Answer, Call};
use super::error::Cause;
use super::reason::Reason;
use super::{Cluster, ElasticError, Observed, resent};
use crate::diagnostic::sanitize;

#[cfg(test)]
mod tests;

/// The size of a request that is aimed at, in bytes; one large document may exceed it alone.
const MAX_BYTES: usize = 8 << 20;

/// A request of this size may be larger than what stands before a cluster takes, in bytes.
const MAYBE_TOO_LARGE: usize = 256 << 10;

/// How many documents go into one request.
const MAX_ITEMS: usize = 1_000;

/// The status of a document that was created; what a pipeline drops has 200.
const CREATED: u16 = 201;

/// Why items are sent again, to count by.
const BUSY: &str = "alerts not taken at the moment";

/// One document to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkItem {
    /// Its id.
    pub id: String,
    /// The document as JSON text.
    pub document: String,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It was created now.
    Created,
    /// A document with its id exists: written before, or by an earlier attempt whose answer was lost.
    Exists,
    /// It was not written, or nobody knows, for a reason outside the document: the same item may be sent again.
    Retryable(String),
    /// The document itself was refused.
    Rejected {
        /// The item's HTTP status, such as 400, or 413 for a document larger than the cluster takes.
        status: u16,
        /// Elasticsearch's type of the error.
        error_type: String,
        /// Why, in words, without control characters.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Answered {
    items: Vec<BTreeMap<String, ItemAnswer>>,
}

#[derive(Deserialize)]
struct ItemAnswer {
    #[serde(rename = "_id")]
    id: String,
    status: u16,
    #[serde(default)]
    error: Option<Reason>,
    /// Whether a data stream has taken the document among its failures instead.
    #[serde(default)]
    failure_store: Option<String>,
}

/// Where documents are created; nothing else than that is made by it.
#[derive(Debug, Clone, Copy)]
enum Target<'a> {
    Alias(&'a str),
    DataStream(&'a str),
}

/// How far one item has come.
#[derive(Clone)]
enum State {
    Waiting,
    /// The cluster could not take it at the moment.
    Busy(String),
    Done(ItemOutcome),
}

/// What one request came to.
enum Sent {
    Settled(Vec<State>),
    TooLarge,
}

impl Cluster {
    /// Creates documents in `target`, an alias with a write index; the outcomes are in the order of the items.
    ///
    /// Items that the cluster could not take at the moment are sent again, alone, with the waits and attempts of
    /// the connection's settings. Where a request fails as a whole, its items and all later ones come back as
    /// [`ItemOutcome::Retryable`] with the error's words. `target` is never created by this: without the alias,
    /// every item is [`ItemOutcome::Retryable`].
    ///
    /// # Errors
    /// A request failed as a whole, and its answer asks to be left alone; some of the documents may be there.
    pub async fn bulk_create(
        &self,
        target: &str,
        items: &[BulkItem],
    ) -> Result<Vec<ItemOutcome>, ElasticError> {
        self.create(Target::Alias(target), items).await
    }

    /// The same for a data stream, which this makes where an index template has one of that name; an index of its
    /// name is never made.
    ///
    /// # Errors
    /// As those of [`Cluster::bulk_create`].
    pub async fn bulk_create_in_stream(
        &self,
        stream: &str,
        items: &[BulkItem],
    ) -> Result<Vec<ItemOutcome>, ElasticError> {
        self.create(Target::DataStream(stream), items).await
    }

    async fn create(&self, target: Target<'_>, items: &[BulkItem]) -> Result<Vec<ItemOutcome>, ElasticError> {
        let mut states = vec![State::Waiting; items.len()];
        let outcomes = |states: Vec<State>, reason: &str| {
            states.into_iter().map(|state| state.outcome(reason)).collect()
        };
        let mut delays = self.retry().delays();
        loop {
            match self.send_open(target, items, &mut states).await {
                Ok(()) => {}
                Err(error) if error.retry_after().is_some() => return Err(error),
                Err(error) => return Ok(outcomes(states, &error.to_string())),
            }
            let busy = states.iter().filter(|state| matches!(state, State::Busy(_))).count() as u64;
            match delays.next().filter(|_| busy > 0) {
                Some(wait) => {
                    resent::note(BUSY, busy);
                    self.ambient().tell(Observed::Again { reason: BUSY, times: busy });
                    tracing::debug!(items = busy, ?wait, "sent again");
                    self.ambient().sleep(wait).await;
                }
                None => return Ok(outcomes(states, "not sent")),
            }
        }
    }

    /// Sends every item that is not done, in as many requests as it takes.
    async fn send_open(
        &self,
        target: Target<'_>,
        items: &[BulkItem],
        states: &mut [State],
    ) -> Result<(), ElasticError> {
        let open = (0..items.len()).filter(|at| !matches!(states[*at], State::Done(_)));
        let mut work: VecDeque<Vec<usize>> = chunks(items, open).into();
        while let Some(mut chunk) = work.pop_front() {
            let settled = match self.send_chunk(target, items, &chunk).await? {
                Sent::Settled(settled) => settled,
                Sent::TooLarge if chunk.len() > 1 => {
                    work.push_front(chunk.split_off(chunk.len() / 2));
                    work.push_front(chunk);
                    continue;
                }
                Sent::TooLarge => vec![too_large(&items[chunk[0]])],
            };
            for (at, state) in chunk.into_iter().zip(settled) {
                states[at] = state;
            }
        }
        Ok(())
    }

    async fn send_chunk(
        &self,
        target: Target<'_>,
        items: &[BulkItem],
        chunk: &[usize],
    ) -> Result<Sent, ElasticError> {
        let lines = lines(items, chunk);
        let is_large = lines.len() >= MAYBE_TOO_LARGE;
        let (name, only_there) = target.named();
        let asked = format!("creating {} documents in `{name}`", chunk.len());
        let call = Call::new(Method::Post, format!("/{}/_bulk", segment(name)), asked)
            .param(only_there, true)
            .param("filter_path", "items.*._id,items.*.status,items.*.error,items.*.failure_store")
            .body(Body::Lines(lines))
            .accepts(&[413]);
        // Halves are tried before the same is sent again; a single document gets every attempt.
        let again = |error: &ElasticError| !(is_large && error.is_broken_off() && chunk.len() > 1);
        let sent = self.call_while(&call, again, |answer| match answer.status {
            413 => Ok(Sent::TooLarge),
            _ => settle(answer, items, chunk).map(Sent::Settled),
        });
        match sent.await {
            // Who refuses a request for its size may close the connection before the 413 is read.
            Err(error) if is_large && error.is_broken_off() && self.info().await.is_ok() => {
                tracing::debug!(%error, "taken for too large, as the cluster answers otherwise");
                Ok(Sent::TooLarge)
            }
            result => result,
        }
    }
}

impl<'a> Target<'a> {
    /// Its name, and the parameter without which another thing of that name could be made.
    fn named(self) -> (&'a str, &'static str) {
        match self {
            Self::Alias(name) => (name, "require_alias"),
            Self::DataStream(name) => (name, "require_data_stream"),
        }
    }
}

impl State {
    /// The outcome to report, where `reason` says why an item was never settled.
    fn outcome(self, reason: &str) -> ItemOutcome {
        match self {
            Self::Done(outcome) => outcome,
            Self::Busy(reason) => ItemOutcome::Retryable(reason),
            Self::Waiting => ItemOutcome::Retryable(reason.to_owned()),
        }
    }
}

/// Groups the items so that no request grows too large.
fn chunks(items: &[BulkItem], open: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for at in open {
        let size = items[at].document.len() + items[at].id.len();
        match chunks.last_mut() {
            Some(chunk) if bytes + size <= MAX_BYTES && chunk.len() < MAX_ITEMS => chunk.push(at),
            _ => {
                bytes = 0;
                chunks.push(vec![at]);
            }
        }
        bytes += size;
    }
    chunks
}

/// The body of one request: a line that says what to do, and the document on a line of its own.
fn lines(items: &[BulkItem], chunk: &[usize]) -> String {
    let items = || chunk.iter().map(|at| &items[*at]);
    let mut lines = String::with_capacity(items().map(|item| item.document.len() + item.id.len() + 30).sum());
    for item in items() {
        lines.push_str(r#"{"create":{"_id":"#);
        lines.push_str(&Value::from(item.id.as_str()).to_string());
        lines.push_str("}}\n");
        let document = item.document.as_str();
        if memchr2(b'\n', b'\r', document.as_bytes()).is_none() {
            lines.push_str(document);
        } else {
            // Between JSON tokens a line break is a blank; inside a string it cannot stand.
            lines.extend(document.chars().map(|char| if matches!(char, '\n' | '\r') { ' ' } else { char }));
        }
        lines.push('\n');
    }
    lines
}

/// Pairs the answer with what was sent; an answer about other items is worth nothing.
fn settle(answer: &Answer, items: &[BulkItem], chunk: &[usize]) -> Result<Vec<State>, ElasticError> {
    let Answered { items: answers } = answer.json()?;
    let unexpected = |words: String| Err(answer.error(Cause::Unexpected(words)));
    if answers.len() != chunk.len() {
        return unexpected(format!(
            "expected the outcomes of {} items, found {}",
            chunk.len(),
            answers.len()
        ));
    }
    let mut states = Vec::with_capacity(chunk.len());
    for (at, answer) in chunk.iter().zip(answers) {
        let sent = &items[*at].id;
        match answer.into_values().next() {
            // A failure has an id of its own.
            Some(item) if item.id == *sent || item.is_failure() => states.push(item.state()),
            Some(item) => {
                return unexpected(format!("expected the outcome of `{sent}`, found `{}`", item.id));
            }
            None => return unexpected(format!("expected the outcome of `{sent}`, found nothing")),
        }
    }
    Ok(states)
}

impl ItemAnswer {
    fn is_failure(&self) -> bool {
        self.failure_store.as_deref() == Some("used")
    }

    fn state(self) -> State {
        let rejected = |error_type: &str, reason: &str| {
            let (error_type, reason) = (error_type.to_owned(), reason.to_owned());
            State::Done(ItemOutcome::Rejected { status: self.status, error_type, reason })
        };
        if self.is_failure() {
            return rejected(
                "failure_store",
                "it was put among the failures of the data stream, which say why",
            );
        }
        if (200..300).contains(&self.status) && self.status != CREATED {
            return rejected("not_created", "an ingest pipeline seems to have dropped it");
        }
        let error = self.error.unwrap_or_default();
        let reason = sanitize(&format!("HTTP {} {}", self.status, error.words()));
        let blocked = error.is("cluster_block_exception");
        State::Done(match self.status {
            CREATED => ItemOutcome::Created,
            409 => ItemOutcome::Exists,
            429 | 502..=504 => return State::Busy(reason),
            401 | 403 | 404 | 500.. => ItemOutcome::Retryable(reason),
            _ if blocked => ItemOutcome::Retryable(reason),
            status => ItemOutcome::Rejected {
                status,
                error_type: sanitize(&error.error_type.clone().unwrap_or_default()),
                reason: sanitize(&error.words()),
            },
        })
    }
}

fn too_large(item: &BulkItem) -> State {
    State::Done(ItemOutcome::Rejected {
        status: 413,
        error_type: "content_too_long".to_owned(),
        reason: format!(
            "the document has {} bytes, more than the cluster or a proxy before it takes",
            item.document.len()
        ),
    })
}

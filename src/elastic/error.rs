//! What a failed request says: which address, what was asked, what came back, what to do.

use std::fmt;
use std::time::Duration;

use super::arrived::MAX_ANSWER;
use super::cause::Unreachable;
use super::hint::hint;
use super::reason::{self, Reason};
use crate::bounded;
use crate::diagnostic::sanitize;

/// A request that failed, or settings that no request can be made with.
///
/// Its words hold no credentials, and no control characters of what the cluster sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ElasticError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    asked: String,
    /// Where it was asked, ready to be read; empty where nowhere.
    place: String,
    attempts: usize,
    cause: Cause,
    /// What other nodes came to, each with its place.
    others: Vec<String>,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Cause {
    /// The settings cannot be used.
    Settings(String),
    /// No whole answer came.
    Unreachable(Unreachable, String),
    /// An answer with an error status.
    Status {
        /// The HTTP status.
        status: u16,
        /// Elasticsearch's root causes; empty where something else answered.
        causes: Vec<Reason>,
        /// What else stood in the body, cut short.
        excerpt: String,
        /// How long the sender asks to wait.
        retry_after: Option<Duration>,
    },
    /// An answer that is not JSON, or broke off.
    NotJson {
        /// The HTTP status.
        status: u16,
        /// Whether it begins as JSON and ends too early.
        broke_off: bool,
        /// Its beginning.
        excerpt: String,
    },
    /// An answer of more bytes than are taken; of how many where that is known.
    TooLarge(Option<u64>),
    /// JSON that is not the answer to this request.
    Unexpected(String),
    /// Shards that did not answer, where their answer is needed.
    Shards(String),
    /// The point in time has ended.
    PointInTimeLost(String),
    /// An answer that leads to this address instead.
    Redirected(String),
    /// A server that cannot be worked with.
    Unsupported(String),
}

impl ElasticError {
    pub(super) fn new(asked: impl Into<String>, place: impl Into<String>, cause: Cause) -> Self {
        let (asked, place) = (asked.into(), place.into());
        Self(Box::new(Failure { asked, place, attempts: 1, cause, others: Vec::new() }))
    }

    pub(super) fn settings(message: impl Into<String>) -> Self {
        Self::new("connection settings", "", Cause::Settings(message.into()))
    }

    pub(super) fn after_attempts(mut self, attempts: usize) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(super) fn with_others(mut self, others: Vec<String>) -> Self {
        self.0.others = others;
        self
    }

    /// Where it was asked.
    pub(super) fn place(&self) -> &str {
        &self.0.place
    }

    /// What went wrong, without what was asked and where.
    pub(super) fn what(&self) -> String {
        self.0.cause.words()
    }

    /// Whether the node that was asked is the hindrance, so that another one may well answer.
    pub(super) fn is_of_the_node(&self) -> bool {
        match &self.0.cause {
            Cause::Unreachable(why, _) => *why != Unreachable::Request,
            Cause::Redirected(_) => true,
            _ => self.is_retryable(),
        }
    }

    pub(super) fn causes(&self) -> &[Reason] {
        match &self.0.cause {
            Cause::Status { causes, .. } => causes,
            _ => &[],
        }
    }

    /// Whether the same request may well succeed later, with nothing changed by anyone.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.0.cause {
            Cause::Unreachable(why, _) => why.may_pass(),
            Cause::Status { status, .. } => matches!(status, 408 | 429 | 502 | 503 | 504) && !self.is_lost(),
            Cause::NotJson { broke_off, .. } => *broke_off,
            Cause::Shards(_) => true,
            Cause::Settings(_)
            | Cause::TooLarge(_)
            | Cause::Unexpected(_)
            | Cause::PointInTimeLost(_)
            | Cause::Redirected(_)
            | Cause::Unsupported(_) => false,
        }
    }

    /// How long the cluster, or what stands before it, asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.0.cause {
            Cause::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What went wrong in a few words of our own, to count by: `HTTP 429`, `timed out`.
    #[must_use]
    pub fn kind(&self) -> String {
        match &self.0.cause {
            Cause::Status { status, .. } => format!("HTTP {status}"),
            Cause::Unreachable(why, _) => why.words().to_owned(),
            Cause::NotJson { broke_off: true, .. } => "the answer broke off".to_owned(),
            Cause::Shards(_) => "shards did not answer".to_owned(),
            Cause::PointInTimeLost(_) => "the point in time has ended".to_owned(),
            Cause::TooLarge(_) => "the answer is too large".to_owned(),
            Cause::NotJson { .. } | Cause::Unexpected(_) => "another answer than expected".to_owned(),
            Cause::Redirected(_) => "leads elsewhere".to_owned(),
            Cause::Settings(_) | Cause::Unsupported(_) => "cannot be worked with".to_owned(),
        }
    }

    /// Whether no whole answer came: refused, unknown host, TLS, time-out, broken off.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self.0.cause, Cause::Unreachable(..))
    }

    /// Whether the connection ended in the middle, as it does where a request is larger than the other side takes.
    pub(super) fn is_broken_off(&self) -> bool {
        matches!(self.0.cause, Cause::Unreachable(Unreachable::BrokenOff, _))
    }

    /// Whether the point in time has ended: a new one must be opened and its window read from the beginning.
    #[must_use]
    pub fn is_point_in_time_lost(&self) -> bool {
        matches!(self.0.cause, Cause::PointInTimeLost(_)) || self.is_lost()
    }

    /// Whether a smaller request, or one for a smaller answer, may succeed.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.status() == Some(413)
            || matches!(self.0.cause, Cause::TooLarge(_))
            || self.causes().iter().any(Reason::is_too_large)
    }

    /// Whether the same work in smaller parts may succeed where all of it at once did not: too large, too slow, or broken
    /// off by whoever had enough of it.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.is_too_large()
            || self.is_broken_off()
            || self.is_timed_out()
            || matches!(self.status(), Some(408 | 504))
    }

    /// Whether nothing came within the time that a request may take.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        matches!(self.0.cause, Cause::Unreachable(Unreachable::TimedOut, _))
    }

    /// The HTTP status of the answer, where it was an error.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.0.cause {
            Cause::Status { status, .. } | Cause::NotJson { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Elasticsearch's type of the first root cause, such as `security_exception`.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        self.causes().first()?.error_type.as_deref()
    }

    /// How often the request was sent.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.0.attempts
    }

    /// What to do about it, where that is known; also part of the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        hint(&self.0.cause)
    }

    fn is_lost(&self) -> bool {
        self.causes().iter().any(Reason::is_context_missing)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&sanitize(&self.asked))?;
        if !self.place.is_empty() {
            write!(out, " at {}", sanitize(&self.place))?;
        }
        write!(out, ": {}", sanitize(&self.cause.words()))?;
        if self.attempts > 1 {
            write!(out, " (after {} attempts)", self.attempts)?;
        }
        if let Some(hint) = hint(&self.cause) {
            write!(out, "; {}", sanitize(&hint))?;
        }
        if self.others.is_empty() {
            return Ok(());
        }
        write!(out, "; tried besides: {}", sanitize(&self.others.join("; ")))
    }
}

impl Cause {
    fn words(&self) -> String {
        match self {
            Self::Settings(words)
            | Self::Unexpected(words)
            | Self::Shards(words)
            | Self::PointInTimeLost(words)
            | Self::Unsupported(words) => words.clone(),
            Self::Redirected(target) => format!("the address redirects to `{target}`"),
            Self::TooLarge(None) => format!("the answer is larger than {}", bounded::size(MAX_ANSWER)),
            Self::TooLarge(Some(found)) => {
                format!("the answer has {found} bytes, more than {}", bounded::size(MAX_ANSWER))
            }
            Self::Unreachable(why, detail) if detail.is_empty() => why.words().to_owned(),
            Self::Unreachable(why, detail) => format!("{} ({detail})", why.words()),
            Self::Status { status, causes, excerpt, .. } => match (causes.as_slice(), excerpt.as_str()) {
                ([], "") => format!("HTTP {status} with an empty body"),
                ([], excerpt) => format!("HTTP {status}, not from Elasticsearch: `{excerpt}`"),
                (causes, _) => format!("HTTP {status} {}", reason::words(causes)),
            },
            Self::NotJson { status, broke_off: true, excerpt } => {
                format!("HTTP {status}, but the answer broke off: expected JSON, found `{excerpt}`")
            }
            Self::NotJson { status, excerpt, .. } => {
                format!("HTTP {status}, but expected JSON, found `{excerpt}`")
            }
        }
    }
}

//! One thing that was looked at, and what came of it.

use std::fmt::Display;

use serde::Serialize;

use crate::diagnostic::sanitize;

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and should be looked after.
    Warning,
    /// Something that is needed is not there.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about, such as `privileges` or an index pattern.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What was asked for it.
    pub asked: String,
    /// What to do; none where nothing is to be done, or `found` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn new(subject: impl Display, state: State, asked: impl Display, found: impl Display) -> Self {
        Self {
            subject: sanitize(&subject.to_string()),
            state,
            found: sanitize(&found.to_string()),
            asked: sanitize(&asked.to_string()),
            advice: None,
        }
    }

    /// Something that is as it should be.
    pub(super) fn ok(subject: impl Display, asked: impl Display, found: impl Display) -> Self {
        Self::new(subject, State::Ok, asked, found)
    }

    /// Something that works, with what should be done about it.
    pub(super) fn warning(
        subject: impl Display,
        asked: impl Display,
        found: impl Display,
        advice: impl Display,
    ) -> Self {
        Self::new(subject, State::Warning, asked, found).with_advice(advice)
    }

    /// Something needed that is not there, with what should be done about it.
    pub(super) fn missing(
        subject: impl Display,
        asked: impl Display,
        found: impl Display,
        advice: impl Display,
    ) -> Self {
        Self::new(subject, State::Missing, asked, found).with_advice(advice)
    }

    /// A request that failed; its error says what to do where that is known.
    pub(super) fn failed(subject: impl Display, asked: impl Display, error: impl Display) -> Self {
        Self::new(subject, State::Missing, asked, error)
    }

    fn with_advice(mut self, advice: impl Display) -> Self {
        self.advice = Some(sanitize(&advice.to_string()));
        self
    }
}

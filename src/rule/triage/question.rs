//! One question of a rule's triage.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::words::{ANSWER_WORDS, When, Words};
use crate::eql::Query;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionKind {
    /// How many events, first and last, on how many days.
    Count,
    /// The same, and the values of a field.
    Terms,
    /// When the first and the last was; how many there are is not asked, which makes it cheap among very many.
    FirstLast,
    /// Whether there is any, and when the last was; as cheap.
    Exists,
    /// How many of the events have the value that the alert's event has in a field.
    Compare,
    /// Whether the alert's own event satisfies the condition; nothing is searched.
    Event,
}

impl QuestionKind {
    const ALL: [(&'static str, Self); 6] = [
        ("count", Self::Count),
        ("terms", Self::Terms),
        ("first_last", Self::FirstLast),
        ("exists", Self::Exists),
        ("compare", Self::Compare),
        ("event", Self::Event),
    ];

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Its name in rule files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// What it does not find out of what a sentence may say.
    #[must_use]
    pub fn unknown_words(self) -> &'static [&'static str] {
        match self {
            Self::FirstLast => &["count", "days", "distinct", "top", "total"],
            Self::Exists => &["count", "days", "distinct", "first", "top", "total"],
            Self::Count | Self::Terms | Self::Compare | Self::Event => &[],
        }
    }

    /// Whether it tells only that there is an event, not how many.
    #[must_use]
    pub fn tells_presence_alone(self) -> bool {
        matches!(self, Self::FirstLast | Self::Exists)
    }

    /// Whether it searches; otherwise the alert's own event answers.
    #[must_use]
    pub fn is_searched(self) -> bool {
        self != Self::Event
    }
}

/// Where a question is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indices {
    /// In the rule's own indices.
    Rule,
    /// Among the alerts.
    Alerts,
    /// In these.
    Patterns(Vec<String>),
}

impl Indices {
    /// The field there that holds an event's time: an alert's `@timestamp` is when it was made.
    #[must_use]
    pub fn time_field(&self) -> &'static str {
        match self {
            Self::Alerts => "kibana.alert.original_time",
            Self::Rule | Self::Patterns(_) => "@timestamp",
        }
    }
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct TriageQuestion {
    /// Its name, unlike any other of the rule: lower case letters, digits and `_`.
    pub id: String,
    /// The question in words.
    pub question: String,
    /// The part of the guide that it answers.
    pub guide_step: Option<String>,
    /// What is asked.
    pub kind: QuestionKind,
    /// Which events are meant, as a query over any category with placeholders; none for every event, which only a
    /// question to the alert's own event may say.
    pub condition: Option<Query>,
    /// The field of [`QuestionKind::Terms`] and [`QuestionKind::Compare`].
    pub field: Option<String>,
    /// How long before the alert's event the time asked for begins; less than nothing for after it.
    pub before: TimeDelta,
    /// How long after the alert's event it ends; less than nothing for before it.
    pub after: TimeDelta,
    /// Where it is asked.
    pub indices: Indices,
    /// Whether the alert's own event, or the alert itself, counts among what is found: alerts of the same hour can then
    /// share a search over a long stretch of time.
    pub with_itself: bool,
    /// What is said where something was found.
    pub say: Words,
    /// What is said where nothing was.
    pub say_none: Words,
    /// What the answer is evidence of.
    pub evidence: Vec<Evidence>,
}

impl TriageQuestion {
    /// The names of what its answer and its words depend on: declared values and the alert's fields.
    pub(super) fn inputs(&self) -> BTreeSet<String> {
        let sentences =
            [&self.say, &self.say_none].into_iter().chain(self.evidence.iter().map(|one| &one.say));
        let words = sentences.flat_map(Words::names).filter(|name| !ANSWER_WORDS.contains(name));
        let mut names: BTreeSet<String> = words.map(str::to_owned).collect();
        names.extend(self.condition.iter().flat_map(Query::placeholders).map(|name| name.node));
        if matches!(self.kind, QuestionKind::Compare | QuestionKind::Event) {
            names.extend(self.field.clone());
        }
        if self.kind == QuestionKind::Event {
            names.extend(self.condition.iter().flat_map(Query::fields).map(|field| field.name));
        }
        names
    }
}

/// What an answer is evidence of.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// When it counts.
    pub when: When,
    /// Ten times the decimal logarithm of how much likelier the answer is in an attack than in ordinary work.
    pub weight: i32,
    /// Evidence of one group says the same thing: only the strongest of each sign counts.
    pub group: String,
    /// Whether it alone decides for the top grade.
    pub is_final: bool,
    /// What is said of it.
    pub say: Words,
}

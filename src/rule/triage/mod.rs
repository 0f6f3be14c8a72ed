//! What a rule asks about each of its alerts and what the answers mean: checked when it is read, ready to be asked.

mod check;
mod command;
mod expected;
mod grade;
mod pivot;
mod question;
mod read;
mod value;
mod words;

pub use command::{Effect, ResponseCommand, ShellText, Withheld};
pub use expected::{Expected, load_expected, read_expected};
pub use grade::{Grade, Grades};
pub use pivot::Pivot;
pub use question::{Evidence, Indices, QuestionKind, TriageQuestion};
pub use value::{ValueForm, Values};
pub use words::{ANSWER_WORDS, Measure, When, Words};

pub(super) use read::read;

use crate::eql::Query;

/// The triage of a rule's alerts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Triage {
    /// Values read from each event, by name.
    pub values: Vec<ValueForm>,
    /// What every question to the rule's own indices is limited to, besides what it says itself.
    pub scope: Option<Query>,
    /// The questions, in the order of the file.
    pub questions: Vec<TriageQuestion>,
    /// What the score comes to in words.
    pub grades: Grades,
    /// What is expected to happen, and so no surprise.
    pub expected: Vec<Expected>,
    /// The searches that an analyst starts from an alert, in the order of the file.
    pub pivots: Vec<Pivot>,
    /// The commands that answer an alert, in the order of the file.
    pub commands: Vec<ResponseCommand>,
}

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

use std::collections::BTreeSet;

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

impl Triage {
    /// The names of what the answers and their words depend on: declared values and the alert's fields.
    #[must_use]
    pub fn inputs(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.questions.iter().flat_map(TriageQuestion::inputs).collect();
        names.extend(self.expected.iter().flat_map(Expected::inputs));
        names
    }

    /// The fields of an alert that its triage reads; `expected` is what the operator declared besides the rule.
    #[must_use]
    pub fn fields(&self, expected: &[Expected]) -> BTreeSet<String> {
        let mut names = self.inputs();
        names.extend(expected.iter().flat_map(Expected::inputs));
        names.extend(self.values.iter().map(|value| value.from.clone()));
        names
    }
}

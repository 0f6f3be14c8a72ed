//! The triage of an alert: the questions of its rule as searches, and their answers as sentences and a verdict.
//!
//! `Triage (of a rule) + Sources → Prepared`, `Prepared + Case → Batch → Reading or Search → Outcome → Answer → Verdict`.
//! Nothing here knows a rule. A question that could not be asked or answered in full says so and is never held in
//! anyone's favour.

mod aggs;
mod answer;
mod batch;
mod case;
mod due;
mod fitted;
mod group;
mod outcome;
mod prepare;
mod reading;
mod record;
mod section;
mod share;
mod source;
mod speech;
mod tally;
mod unasked;
mod verdict;

pub use answer::{Answer, Status};
pub use batch::{Batch, Search};
pub use case::Case;
pub use due::{Times, after as due_after};
pub use group::{APART, PRINCIPALS, Principal, groups};
pub use outcome::{Outcome, Tallied};
pub use prepare::{Plan, Prepared};
pub use reading::{READ, Reading};
pub use record::{ASKED_AT, DUE, Record, StoredTriage};
pub use source::{Source, Sources, wanted_fields};
pub use speech::markdown;
pub use verdict::{Verdict, Weighed};

#[cfg(test)]
mod tests;

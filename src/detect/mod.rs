//! Where the stages meet: a rule's windows are read, matched, alerted on and remembered.

mod alerted;
mod audit;
mod backfill;
mod begun;
mod cases;
mod copies;
mod cycle;
mod kibana;
mod pass;
mod phase;
mod progress;
mod question;
mod report;
mod runner;
mod search;
mod seen;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod triage;
mod written;

pub use alerted::{Alerted, Silent};
pub use audit::{Audit, AuditReport, Missing, Unread, Why};
pub use backfill::BackfillRange;
pub use begun::Begun;
pub use cases::{CaseOpener, CasesError, CasesReport};
pub use copies::Copies;
pub use cycle::{Cycle, Gone, Open};
pub use kibana::{KibanaClient, KibanaError};
pub use pass::{PassError, WindowReport};
pub use progress::{Audience, Met, Progress, Watch};
pub use question::{PrepareError, Question};
pub use report::{Hindrance, RuleReport};
pub use runner::{ReadyError, Runner, Settings, look_back, overlap};
pub use search::{search_all_for, search_for};
pub use seen::Seen;
pub use sink::{Outcome, Show, Sink, SinkError, install, renew_template};
pub use source::{Page, ReadError, Reader, Source};
pub use triage::{TriageReport, Triager};

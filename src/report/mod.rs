//! Alert documents become one self-contained page that is read without Kibana, network or script.

mod alert;
mod card;
mod file;
mod guide;
mod markdown;
mod overview;
mod page;
mod read;
mod sets;
mod shown;
mod spill;
mod tally;
mod timeline;

pub use alert::{Alert, Answer, Command, Evidence, Pivot, Verdict};
pub use file::{ReportFile, ReportFileError};
pub use page::{About, FilesRead, Report, RuleRun, Standing, Summary};

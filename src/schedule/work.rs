//! What runs, as one value: it is replaced as a whole when something new is taken up.

use std::sync::Arc;

use crate::detect::{CaseOpener, Runner, Triager};
use crate::rule::Rule;

/// The rules, and what they are run with.
#[derive(Debug, Clone)]
pub struct Work {
    /// The rules; no two have one id.
    pub rules: Vec<Arc<Rule>>,
    /// What runs them.
    pub runner: Arc<Runner>,
    /// Who asks about their alerts, if anyone does.
    pub triager: Option<Arc<Triager>>,
    /// Who opens cases for their alerts, if anyone does.
    pub cases: Option<Arc<CaseOpener>>,
}

//! The figures of what goes on beside the rules' runs: when it last went well.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use prometheus::{GaugeVec, Opts, Registry, Result};

use super::registered;
use super::rules::seconds;

/// What goes on beside the rules' runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Questions about alerts are asked.
    Triage,
    /// Cases are opened.
    Cases,
}

#[derive(Debug)]
pub(super) struct Rounds {
    triage: Last,
    cases: Last,
}

/// When something last went well; without a figure where it is not wished for.
#[derive(Debug)]
struct Last {
    gauge: GaugeVec,
    is_wished: Mutex<bool>,
}

impl Rounds {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let last = |name, help| -> Result<Last> {
            let gauge = registered(registry, GaugeVec::new(Opts::new(name, help), &[])?)?;
            Ok(Last { gauge, is_wished: Mutex::default() })
        };
        Ok(Self {
            triage: last(
                "stakeout_triage_last_success_timestamp_seconds",
                "When all alerts that were due were last asked about; first when triage began, absent without it.",
            )?,
            cases: last(
                "stakeout_cases_last_success_timestamp_seconds",
                "When every alert that should have a case last had it; first when the opening of cases began, absent without it.",
            )?,
        })
    }

    /// Notes whether it is wished for: it counts from its first round on.
    pub(super) fn goes_on(&self, what: Beside, is_wished: bool, now: DateTime<Utc>) {
        let last = self.of(what);
        let mut was_wished = last.is_wished.lock().unwrap_or_else(PoisonError::into_inner);
        match (*was_wished, is_wished) {
            (false, true) => last.set(now),
            (true, false) => drop(last.gauge.remove_label_values::<&str>(&[])),
            _ => {}
        }
        *was_wished = is_wished;
    }

    pub(super) fn went_well(&self, what: Beside, now: DateTime<Utc>) {
        self.of(what).set(now);
    }

    fn of(&self, what: Beside) -> &Last {
        match what {
            Beside::Triage => &self.triage,
            Beside::Cases => &self.cases,
        }
    }
}

impl Last {
    fn set(&self, now: DateTime<Utc>) {
        self.gauge.with_label_values::<&str>(&[]).set(seconds(now.timestamp_millis()));
    }
}

//! The figures of what was taken up anew while the process runs: rules and settings.

use chrono::{DateTime, Utc};
use prometheus::{Gauge, IntCounterVec, Opts, Registry, Result};

use super::registered;
use super::rules::seconds;

const TAKEN: &str = "taken";
const REFUSED: &str = "refused";

#[derive(Debug)]
pub(super) struct Reloads {
    times: IntCounterVec,
    taken_at: Gauge,
    refused: Gauge,
}

impl Reloads {
    /// What was read at the start counts as taken at `started`.
    pub(super) fn new(registry: &Registry, started: DateTime<Utc>) -> Result<Self> {
        let times = Opts::new(
            "stakeout_reloads_total",
            "Times that rules and settings were read anew while running: with all of them taken, or with some refused.",
        );
        let times = registered(registry, IntCounterVec::new(times, &["result"])?)?;
        for result in [TAKEN, REFUSED] {
            times.with_label_values(&[result]);
        }
        let gauge = |name, help| registered(registry, Gauge::new(name, help)?);
        let figures = Self {
            times,
            taken_at: gauge(
                "stakeout_last_reload_taken_timestamp_seconds",
                "When rules and settings were last read with all of them taken; first at the start.",
            )?,
            refused: gauge(
                "stakeout_last_reload_refused",
                "Rule files and other places that were refused when they were last read, so that what was in force before stays.",
            )?,
        };
        figures.taken_at.set(seconds(started.timestamp_millis()));
        Ok(figures)
    }

    /// Counts that everything was read anew at `now`, and `refused` of it refused.
    pub(super) fn reloaded(&self, refused: u32, now: DateTime<Utc>) {
        let result = if refused == 0 { TAKEN } else { REFUSED };
        self.times.with_label_values(&[result]).inc();
        self.refused.set(f64::from(refused));
        if refused == 0 {
            self.taken_at.set(seconds(now.timestamp_millis()));
        }
    }
}

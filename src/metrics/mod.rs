//! What a running process did and how it stands, as figures in Prometheus's text format.
//!
//! Labels are bounded: a rule's id and name, a request's kind, reasons in a few words of our own. Nothing of an event, an
//! answer or a setting is among them. Seconds and counts only; names end in their unit, those of counters in `_total`.

mod beside;
mod delays;
mod reloads;
mod requests;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, Opts, Registry, TextEncoder};

use self::beside::Rounds;
use self::delays::Delays;
use self::reloads::Reloads;
use self::requests::Requests;
use self::rules::Rules;
use crate::alert::AlertDocument;
use crate::detect::RuleReport;
use crate::elastic::Observed;
use crate::rule::Rule;

pub use self::beside::Beside;
pub use prometheus::{Error, Result};

/// The `Content-Type` of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures, shared by all clones; or, by default, nobody who counts.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Option<Arc<Figures>>);

#[derive(Debug)]
struct Figures {
    registry: Registry,
    reachable: Gauge,
    rules: Rules,
    requests: Requests,
    delays: Delays,
    reloads: Reloads,
    rounds: Rounds,
}

impl Metrics {
    /// All figures of `rules` from their beginning; a rule that has not run yet has read until `started`.
    ///
    /// # Errors
    /// Two figures of one name.
    pub fn of(rules: &[Arc<Rule>], started: DateTime<Utc>) -> Result<Self> {
        let registry = Registry::new();
        let build = GaugeVec::new(
            Opts::new("stakeout_build_info", "What is running; the value is always 1."),
            &["version"],
        )?;
        registered(&registry, build.clone())?.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let reachable = Gauge::new(
            "stakeout_elasticsearch_up",
            "Whether the cluster answered and the alerts index was there when a run last asked (1) or not (0).",
        )?;
        registered(&registry, reachable.clone())?;
        Ok(Self(Some(Arc::new(Figures {
            rules: Rules::of(rules, started, &registry)?,
            requests: Requests::new(&registry)?,
            delays: Delays::new(&registry)?,
            reloads: Reloads::new(&registry, started)?,
            rounds: Rounds::new(&registry)?,
            reachable,
            registry,
        }))))
    }

    /// Counts that everything was read anew at `now`, with `refused` places refused; `rules` are counted for from now on,
    /// and no others.
    pub fn reloaded(&self, rules: &[Arc<Rule>], refused: u32, now: DateTime<Utc>) {
        if let Some(figures) = &self.0 {
            figures.rules.renew(rules, now);
            figures.reloads.reloaded(refused, now);
        }
    }

    /// Counts a run of a rule that ended at `now`.
    pub fn ran(&self, report: &RuleReport, now: DateTime<Utc>) {
        if let Some(figures) = &self.0 {
            figures.rules.ran(report, now);
        }
    }

    /// Counts what became of a request.
    pub fn observed(&self, observed: Observed<'_>) {
        if let Some(figures) = &self.0 {
            figures.requests.observed(observed);
        }
    }

    /// Counts how late an alert that is new is, and how late its event arrived.
    pub fn alerted(&self, alert: &AlertDocument) {
        if let Some(figures) = &self.0 {
            figures.delays.alerted(alert);
        }
    }

    /// Notes that a round of what goes on beside the runs begins at `now`, or that it is not wished for.
    pub fn goes_on(&self, what: Beside, is_wished: bool, now: DateTime<Utc>) {
        if let Some(figures) = &self.0 {
            figures.rounds.goes_on(what, is_wished, now);
        }
    }

    /// Notes that such a round left nothing undone at `now`.
    pub fn went_well(&self, what: Beside, now: DateTime<Utc>) {
        if let Some(figures) = &self.0 {
            figures.rounds.went_well(what, now);
        }
    }

    /// Notes whether runs can be made: whether the cluster answers and the alerts index is there.
    pub fn reaches(&self, reachable: bool) {
        if let Some(figures) = &self.0 {
            figures.reachable.set(f64::from(u8::from(reachable)));
        }
    }

    /// Every figure as of `now`; empty where nobody counts.
    ///
    /// # Errors
    /// The figures contradict each other.
    pub fn text(&self, now: DateTime<Utc>) -> Result<String> {
        let Some(figures) = &self.0 else { return Ok(String::new()) };
        figures.rules.stand(now);
        TextEncoder::new().encode_to_string(&figures.registry.gather())
    }
}

/// Makes a figure part of the text.
fn registered<C: Collector + Clone + 'static>(registry: &Registry, figure: C) -> Result<C> {
    registry.register(Box::new(figure.clone()))?;
    Ok(figure)
}

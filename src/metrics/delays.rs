//! How late events arrive and alerts are made, by the times that each new alert holds: nothing more is asked for it.

use prometheus::{Histogram, HistogramOpts, Registry, Result};

use super::registered;
use crate::alert::AlertDocument;
use crate::eval::date::moment;

/// Upper ends of the classes of time, in seconds: up to a day.
const BUCKETS: [f64; 13] =
    [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 21_600.0, 86_400.0];

#[derive(Debug)]
pub(super) struct Delays {
    ingest: Histogram,
    alert: Histogram,
}

impl Delays {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let histogram = |name, help| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            registered(registry, Histogram::with_opts(options)?)
        };
        Ok(Self {
            ingest: histogram(
                "stakeout_ingest_delay_seconds",
                "Time from an event's @timestamp to its event.ingested, of events that were alerted on.",
            )?,
            alert: histogram(
                "stakeout_alert_delay_seconds",
                "Time from an event's @timestamp to the making of its alert.",
            )?,
        })
    }

    pub(super) fn alerted(&self, alert: &AlertDocument) {
        let body = &alert.body;
        let Some(happened) = body.get("kibana.alert.original_time").and_then(moment) else { return };
        let nested = || body.get("event").and_then(|event| event.get("ingested"));
        let ingested = body.get("event.ingested").or_else(nested).and_then(moment);
        let made = body.get("@timestamp").and_then(moment);
        for (histogram, then) in [(&self.ingest, ingested), (&self.alert, made)] {
            if let Some(delay) = then.and_then(|then| (then - happened).to_std().ok()) {
                histogram.observe(delay.as_secs_f64());
            }
        }
    }
}

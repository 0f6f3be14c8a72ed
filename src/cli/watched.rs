//! What a process shows of itself while it runs: figures and signs of life, over HTTP and to systemd.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::connect::given;
use super::ready::Readiness;
use super::serve::{Door, Told};
use crate::detect::{Audience, Met, Progress, Watch};
use crate::elastic::Observer;
use crate::metrics::Metrics;
use crate::rule::Rule;
use crate::schedule::{self, Pulse, Signs, Work};

/// The figures and signs of life of a process, and where they are told.
pub struct Watched {
    signs: Signs,
    progress: Arc<Progress>,
    door: Option<Door>,
    readiness: Option<Arc<Readiness>>,
}

impl Watched {
    /// As the arguments say; the port is taken now. Nothing is counted where nobody can ask for it.
    ///
    /// # Errors
    /// It cannot listen there, or the settings of the cluster cannot be used.
    pub fn of(args: &RunArgs, rules: &[Arc<Rule>], started: DateTime<Utc>) -> anyhow::Result<Self> {
        let address = given(args.listen.as_deref()).filter(|_| !args.once && args.backfill.is_none());
        let (mut metrics, mut door, mut readiness) = (Metrics::default(), None, None);
        if let Some(address) = address {
            door = Some(Door::open(address)?);
            readiness = Some(Arc::new(Readiness::of(&args.places)?));
            metrics = Metrics::of(rules, started)?;
        }
        let progress = Arc::<Progress>::default();
        let pulse = Arc::new(Pulse::new(args.places.connection.request_timeout));
        Ok(Self { signs: Signs { metrics, pulse }, progress, door, readiness })
    }

    /// Counts what becomes of requests, and lets each tell that the run it belongs to gets on.
    pub fn observer(&self) -> Observer {
        let metrics = self.signs.metrics.clone();
        Observer::new(move |observed| {
            metrics.observed(observed);
            schedule::stir();
        })
    }

    /// The figures.
    pub fn metrics(&self) -> Metrics {
        self.signs.metrics.clone()
    }

    /// Who is asked whether runs can be made; none where nobody can ask.
    pub fn readiness(&self) -> Option<Arc<Readiness>> {
        self.readiness.clone()
    }

    /// What passes are handed.
    pub fn watch(&self, stop: CancellationToken) -> Watch {
        let metrics = self.signs.metrics.clone();
        let audience = if self.door.is_some() {
            Audience::new(false, move |alert, met| {
                if met == Met::Created {
                    metrics.alerted(alert);
                }
            })
        } else {
            Audience::default()
        };
        Watch { stop, progress: self.progress.clone(), audience, patience: None }
    }

    /// Begins to tell, until `stop` is cancelled, and returns what the timetable notes.
    pub fn tell(&mut self, work: &watch::Receiver<Work>, stop: &CancellationToken) -> Signs {
        let rules = work.borrow().rules.len();
        tokio::spawn(schedule::tell_systemd(rules, self.signs.pulse.clone(), stop.clone()));
        if let Some((door, readiness)) = self.door.take().zip(self.readiness.clone()) {
            let told = Told { signs: self.signs.clone(), readiness, work: work.clone() };
            tokio::spawn(door.serve(told, stop.clone()));
        }
        self.signs.clone()
    }
}

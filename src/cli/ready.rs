//! Whether runs can be made now: the cluster answers, and the alerts index is there. That it takes alerts is not tried: where
//! it does not, windows are owed.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::Mutex;

use super::args::PlaceArgs;
use super::connect;
use crate::elastic::Cluster;

/// For how long an answer holds, so that probes cost the cluster nothing that counts.
const HOLDS: Duration = Duration::from_secs(5);

/// Longest time of one request: whoever probes does not wait for longer.
const LONGEST: Duration = Duration::from_secs(2);

/// The cluster and the write alias of the alerts; none where alerts go to a file.
pub type Place = Option<(Cluster, String)>;

/// Asks the cluster by two small requests, of its own connections and never more often than an answer holds.
pub struct Readiness {
    place: std::sync::Mutex<Place>,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Of the places that the arguments name.
    ///
    /// # Errors
    /// The settings of the cluster cannot be used.
    pub fn of(args: &PlaceArgs) -> anyhow::Result<Self> {
        Ok(Self { place: std::sync::Mutex::new(place(args)?), last: Mutex::default() })
    }

    /// Asks at `place` from now on.
    pub fn moves_to(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Whether runs can be made, and if not, why.
    pub async fn ask(&self) -> Result<(), String> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((cluster, alias)) = place else { return Ok(()) };
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = last.as_ref()
            && at.elapsed() < HOLDS
        {
            return answer.clone();
        }
        let answer = asked(&cluster, &alias).await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// The place that the arguments name.
///
/// # Errors
/// The settings of the cluster cannot be used.
pub fn place(args: &PlaceArgs) -> anyhow::Result<Place> {
    if !args.events.is_empty() {
        return Ok(None);
    }
    let cluster = connect::impatient(&args.connection, LONGEST).context("for `/readyz`")?;
    Ok(Some((cluster, args.alerts_index.alias().to_owned())))
}

async fn asked(cluster: &Cluster, alias: &str) -> Result<(), String> {
    let is_there = async {
        cluster.info().await?;
        cluster.alias_indices(alias).await
    };
    match is_there.await {
        Ok(indices) if indices.is_empty() => Err(format!(
            "no alerts index: nothing stands behind the alias `{alias}`; `stakeout setup` makes it"
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

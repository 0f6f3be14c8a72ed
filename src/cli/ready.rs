//! Whether alerts can be written now: the cluster answers, and the alerts index is there.

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

/// Asks the cluster by two small requests, of its own connections and never more often than an answer holds.
pub struct Readiness {
    /// The cluster and the write alias of the alerts; none where alerts go to a file.
    place: Option<(Cluster, String)>,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Of the places that the arguments name.
    ///
    /// # Errors
    /// The settings of the cluster cannot be used.
    pub fn of(args: &PlaceArgs) -> anyhow::Result<Self> {
        let place = if args.events.is_empty() {
            let cluster = connect::impatient(&args.connection, LONGEST).context("for `/readyz`")?;
            Some((cluster, args.alerts_index.alias().to_owned()))
        } else {
            None
        };
        Ok(Self { place, last: Mutex::default() })
    }

    /// Whether alerts can be written, and if not, why.
    pub async fn ask(&self) -> Result<(), String> {
        let Some((cluster, alias)) = &self.place else { return Ok(()) };
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = last.as_ref()
            && at.elapsed() < HOLDS
        {
            return answer.clone();
        }
        let answer = asked(cluster, alias).await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
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

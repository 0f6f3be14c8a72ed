//! The async part of a command: begun once, told to stop by a signal, and given up after a grace.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Ending;
use crate::detect::Watch;
use crate::schedule;

/// Runs `body` to its end; the token it is given is cancelled by a signal to stop.
pub fn run<F>(body: impl FnOnce(CancellationToken) -> F) -> Ending
where
    F: Future<Output = Ending>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ending::Wrong(anyhow!(error).context("the runtime could not be started")),
    };
    let ending = runtime.block_on(async {
        match schedule::stop_on_signals().context("signals cannot be caught") {
            Ok(stop) => body(stop).await,
            Err(error) => Ending::Wrong(error),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    ending
}

/// The task's result, unless it was told to stop and does not come to an end in time.
pub async fn within_grace<T>(task: JoinHandle<T>, watch: &Watch) -> Option<T> {
    let stopped = async {
        watch.stop.cancelled().await;
        tokio::time::sleep(schedule::GRACE).await;
    };
    tokio::select! {
        ended = task => ended.ok(),
        () = stopped => None,
    }
}

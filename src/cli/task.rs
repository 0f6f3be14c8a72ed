//! The async part of a command: begun once, told to stop by a signal, and given up after a grace.

use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Ending;
use crate::detect::Watch;
use crate::schedule;

/// Most threads for tasks, however many processors there are: tasks wait for the cluster far longer than they compute.
const MOST_WORKERS: usize = 4;

/// Most threads for what holds one up: names being looked up, and rule files being read.
const MOST_BLOCKING: usize = 16;

/// A runtime of few threads, so that a limit on a service's threads suits every machine.
///
/// # Errors
/// The system refuses what it needs.
pub fn runtime() -> anyhow::Result<Runtime> {
    let workers = available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).max_blocking_threads(MOST_BLOCKING).enable_all();
    builder.build().context("the runtime could not be started")
}

/// Runs `body` to its end; the token it is given is cancelled by a signal to stop.
pub fn run<F>(body: impl FnOnce(CancellationToken) -> F) -> Ending
where
    F: Future<Output = Ending>,
{
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Ending::Wrong(error),
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

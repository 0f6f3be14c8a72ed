//! What goes on beside the rules' runs, round after round: a fault of the program ends one round and no more.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Time between two rounds.
pub(super) const EVERY: Duration = Duration::from_secs(30);

/// Goes through rounds of `what`, one each `every`, until `stop` is cancelled. Each is handed what the one before has left;
/// after a fault of the program the next begins anew.
pub(super) async fn rounds<S, F>(
    what: &str,
    every: Duration,
    stop: &CancellationToken,
    mut round: impl FnMut(S) -> F,
) where
    S: Default + Send + 'static,
    F: Future<Output = S> + Send + 'static,
{
    let mut left = S::default();
    while !stop.is_cancelled() {
        left = match tokio::spawn(round(left)).await {
            Ok(left) => left,
            Err(error) => {
                tracing::error!(%error, "a fault of the program ended a round of {what}; the next begins in {every:?}");
                S::default()
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::rounds;

    #[tokio::test]
    async fn a_fault_in_one_round_costs_no_other() {
        let (stop, begun) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let round = |left: u32| {
            let (stop, begun) = (stop.clone(), begun.clone());
            async move {
                let mut begun = begun.lock().expect("no panic while it is held");
                begun.push(left);
                let number = begun.len();
                drop(begun);
                assert_ne!(number, 2, "a fault of the program");
                if number == 4 {
                    stop.cancel();
                }
                left + 1
            }
        };
        rounds("tests", Duration::ZERO, &stop, round).await;
        assert_eq!(*begun.lock().expect("no panic while it is held"), [0, 1, 0, 1]);
    }
}

//! Waiting for something that happens elsewhere: by asking again and again, never by a sleep that hopes.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(25);

/// Asks until there is an answer; panics with `what` if there is none within `limit`.
pub fn eventually<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "still waiting after {limit:?}: {what}");
        pause();
    }
}

/// Asks until it is so; panics with `what` if it is not within `limit`.
pub fn until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    eventually(limit, what, || holds().then_some(()));
}

#[expect(clippy::disallowed_methods, reason = "the pause between two questions")]
pub(super) fn pause() {
    std::thread::sleep(PAUSE);
}

//! Printing: results to stdout, words for people to stderr; a reader that went away ends it quietly.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::log;

/// Whether a result was lost: that stdout takes nothing more is so for the whole process, whoever of it writes.
static IS_LOST: AtomicBool = AtomicBool::new(false);

/// Whether a result could not be written though nobody had stopped reading, as on a full disk.
pub fn is_lost() -> bool {
    IS_LOST.load(Ordering::Relaxed)
}

/// Says once that results are lost.
fn lose(reason: &str) -> bool {
    if !IS_LOST.swap(true, Ordering::Relaxed) {
        say(&format!("error: the result could not be written: {reason}"));
    }
    false
}

/// Writes a result to stdout; false where nobody reads any more, or it cannot be written.
pub fn result(line: &str) -> bool {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
        Err(error) => lose(&error.to_string()),
    }
}

/// Writes a result as one line of JSON.
pub fn json(value: &impl Serialize) -> bool {
    match serde_json::to_string(value) {
        Ok(line) => result(&line),
        Err(error) => lose(&error.to_string()),
    }
}

/// What went wrong and why, cause after cause; a cause that was said with its effect is not said again.
pub fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        _ if said.ends_with(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

/// Says what went wrong.
pub fn fail(error: &anyhow::Error) {
    say(&format!("error: {}", told(error)));
}

/// Writes words for people to stderr, or as a line of the log where that is JSON; only errors where nothing else is wanted.
/// Nobody listening is no failure.
pub fn say(words: &str) {
    if log::settled(words) {
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::told;
    use crate::local::AlertFileError;

    #[test]
    fn a_cause_is_said_once() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let error = AlertFileError::Io { doing: "open", path: "a".into(), source };
        let outer: anyhow::Result<()> = Err(error).context("no alerts").context("nothing runs");
        assert_eq!(told(&outer.unwrap_err()), "nothing runs: no alerts: cannot open `a`: entity not found");
    }
}

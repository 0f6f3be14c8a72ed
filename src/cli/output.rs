//! Printing: results to stdout, words for people to stderr; a reader that went away ends it quietly.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use super::log;

/// Writes a result to stdout; false where nobody reads any more.
pub fn result(line: &str) -> bool {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
        Err(error) => {
            say(&format!("error: the result could not be written: {error}"));
            false
        }
    }
}

/// Writes a result as one line of JSON.
pub fn json(value: &impl Serialize) -> bool {
    match serde_json::to_string(value) {
        Ok(line) => result(&line),
        Err(error) => {
            say(&format!("error: the result could not be written as JSON: {error}"));
            false
        }
    }
}

/// Writes words for people to stderr, or as a line of the log where that is JSON; nobody listening is no failure.
pub fn say(words: &str) {
    if log::said(words) {
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}

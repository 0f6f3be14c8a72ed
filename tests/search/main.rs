//! Searching files gives what reading all of them and trying every event gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod documents;
mod files;
mod laws;
mod spell;

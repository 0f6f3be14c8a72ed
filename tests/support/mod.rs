//! What the tests on a real node share: where the node is, a client, a name of one's own on it, nodes that may be broken.
//!
//! | variable | set by `tests/run` to | meaning |
//! |---|---|---|
//! | `ELASTICSEARCH_TEST_URL` | the node it started | tests on a shared node use it; without it they are skipped and say so |
//! | `STAKEOUT_TEST_NODE` | `tests/node/run` | starts a node of a test's own (`VERSION PORT DIR`) |
//! | `STAKEOUT_TEST_NODE_VERSION` | the version under test | the version of those nodes |
//! | `STAKEOUT_TEST_NODE_DIR` | a temporary folder | where they keep their files; `tests/run` kills what is left there |
//! | `STAKEOUT_REQUIRE_NODE` | `1` | a node test that would be skipped fails |
//! | `STAKEOUT_TEST_TRIALS`, `STAKEOUT_TEST_SEED` | | how many random questions are asked of the node, and which |
//! | `STAKEOUT_TEST_FAULT_RUNS`, `STAKEOUT_TEST_AT_ONCE` | | how many random fault runs there are, and how many of them side by side |
//! | `STAKEOUT_TEST_BURST` | | how large a burst is |
//! | `STAKEOUT_TEST_PROMTOOL` | | where `promtool` is, if not on the path; without it figures are checked by the suite alone |
//!
//! A test file that needs a node is named `…_node.rs`: `tests/run` runs those again for every further version.
#![allow(dead_code, unused_imports, reason = "every test file takes the part that it needs")]

mod client;
mod cluster;
pub mod exposition;
pub mod front;
pub mod kibana_alerts;
mod own_node;
pub mod past;
pub mod program;
pub mod story;
mod wait;
pub mod watched;

pub use client::{Client, Document, Reply};
pub use cluster::Cluster;
pub use own_node::OwnNode;
pub use wait::{eventually, until};

use std::io::Write;
use std::process::Command;
use std::sync::Once;

/// The address of the node that the tests share, without a slash at the end.
///
/// `None` after a line on stderr that says so; a panic where the node is required.
pub fn cluster_url() -> Option<String> {
    static SAID: Once = Once::new();
    required("ELASTICSEARCH_TEST_URL", &SAID).map(|url| url.trim_end_matches('/').to_owned())
}

/// The program under test, with nothing of this process's environment but the path.
pub fn stakeout() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stakeout"));
    command.env_clear().envs(setting("PATH").map(|path| ("PATH", path)));
    command
}

/// The variable `name`, or `None` after saying once what is skipped for want of it.
fn required(name: &str, said: &Once) -> Option<String> {
    let value = setting(name);
    if value.is_none() {
        assert!(
            setting("STAKEOUT_REQUIRE_NODE").is_none_or(|flag| flag != "1"),
            "`{name}` is not set, but STAKEOUT_REQUIRE_NODE=1 asks for the tests that need it"
        );
        // Not by `eprintln!`, which the test harness swallows for a test that passes.
        said.call_once(|| drop(writeln!(std::io::stderr(), "skipped: no {name} (tests/run sets it)")));
    }
    value
}

/// An environment variable that is there and not empty.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where their node is")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

//! A part of a shared node that belongs to one test, gone when the test ends.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::client::Client;
use super::cluster_url;

/// A client of a node together with a token that no other test has. On drop, every index, data stream, index template
/// and component template whose name contains the token is deleted (an alias goes with its index).
#[derive(Debug)]
pub struct Cluster {
    client: Client,
    token: String,
}

impl Cluster {
    /// The shared node; `None` where there is none, see [`cluster_url`].
    pub fn connect() -> Option<Self> {
        cluster_url().map(|url| Self::at(Client::new(url)))
    }

    /// A token of one's own on the node of `client`.
    pub fn at(client: Client) -> Self {
        Self { client, token: token() }
    }

    /// `name` with the test's token, for an index, alias or template: `filebeat` becomes `filebeat-t1f3-0-9c41b2d7`.
    pub fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.token)
    }

    /// What only this test's names contain.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn clean(&self) -> Option<()> {
        let any = format!("*{}*", self.token);
        let found =
            self.client.send("GET", &format!("/_resolve/index/{any}?expand_wildcards=all"), None).ok()?;
        for kind in ["data_streams", "indices"] {
            let path = if kind == "indices" { "" } else { "/_data_stream" };
            for item in found.body[kind].as_array()? {
                // A data stream's own indices go with it.
                if let (Some(name), Value::Null) = (item["name"].as_str(), &item["data_stream"]) {
                    self.client.send("DELETE", &format!("{path}/{name}"), None).ok()?;
                }
            }
        }
        // In this order: a component template that is in use cannot be deleted.
        for kind in ["_index_template", "_component_template"] {
            self.client.send("DELETE", &format!("/{kind}/{any}"), None).ok()?;
        }
        Some(())
    }
}

impl Deref for Cluster {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A node that is gone has nothing left to clean; a panic here would hide the test's own.
        let _ = self.clean();
    }
}

/// Unique in this process by the counter, on this machine by the process id, on a shared node by chance.
fn token() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().build_hasher().finish() >> 32;
    format!("t{:x}-{counter}-{random:08x}", std::process::id())
}

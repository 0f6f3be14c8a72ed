//! One cluster, reached over one or several addresses.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;

use super::node::{Node, nodes};
use super::{Ambient, Connection, ElasticError, RetryPolicy};

/// A cluster to send requests to; cheap to clone, and shared by all clones.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    nodes: Vec<Arc<Node>>,
    current: AtomicUsize,
    timeout: Duration,
    retry: RetryPolicy,
    ambient: Ambient,
    clock_offset: Mutex<Option<TimeDelta>>,
    expensive: Mutex<Option<bool>>,
}

impl Cluster {
    /// Prepares to reach a cluster; sends nothing yet.
    ///
    /// # Errors
    /// Settings that contradict each other or cannot be used, all said without their secrets.
    pub fn connect(connection: &Connection) -> Result<Self, ElasticError> {
        Self::with_ambient(connection, Ambient::default())
    }

    /// The same, with another clock and another way to wait.
    ///
    /// # Errors
    /// As [`Cluster::connect`].
    pub fn with_ambient(connection: &Connection, ambient: Ambient) -> Result<Self, ElasticError> {
        let nodes = nodes(connection).map_err(ElasticError::settings)?.into_iter().map(Arc::new).collect();
        Ok(Self::over(nodes, connection.timeout, connection.retry, ambient))
    }

    fn over(nodes: Vec<Arc<Node>>, timeout: Duration, retry: RetryPolicy, ambient: Ambient) -> Self {
        let (current, clock_offset, expensive) = (AtomicUsize::new(0), Mutex::new(None), Mutex::new(None));
        let shared = Shared { nodes, current, timeout, retry, ambient, clock_offset, expensive };
        Self { shared: Arc::new(shared) }
    }

    /// Each address by itself, without the others to fall back on.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        let Shared { nodes, timeout, retry, ambient, .. } = &*self.shared;
        let alone = |node: &Arc<Node>| Self::over(vec![node.clone()], *timeout, *retry, ambient.clone());
        nodes.iter().map(alone).collect()
    }

    /// The addresses, without credentials, as messages show them.
    #[must_use]
    pub fn addresses(&self) -> Vec<&str> {
        self.shared.nodes.iter().map(|node| node.address.as_str()).collect()
    }

    /// The addresses whose requests cross a network without encryption.
    #[must_use]
    pub fn open_addresses(&self) -> Vec<&str> {
        self.shared.nodes.iter().filter(|node| node.is_open()).map(|node| node.address.as_str()).collect()
    }

    /// How far the cluster's clock was ahead of this machine's at the last answer that told, in whole seconds.
    ///
    /// Answers tell by their `Date` header, which proxies and Elastic Cloud send and a bare node does not; see
    /// [`Cluster::measure_clock`].
    #[must_use]
    pub fn clock_offset(&self) -> Option<TimeDelta> {
        *self.shared.clock_offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_clock_offset(&self, offset: TimeDelta) {
        *self.shared.clock_offset.lock().unwrap_or_else(PoisonError::into_inner) = Some(offset);
    }

    /// Whether the cluster answered expensive queries when it was last asked; none before it was.
    #[must_use]
    pub fn expensive_queries(&self) -> Option<bool> {
        *self.shared.expensive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_expensive_queries(&self, allowed: bool) {
        *self.shared.expensive.lock().unwrap_or_else(PoisonError::into_inner) = Some(allowed);
    }

    /// The node to ask now.
    pub(super) fn node(&self) -> &Node {
        &self.shared.nodes[self.shared.current.load(Ordering::Relaxed) % self.shared.nodes.len()]
    }

    /// Every node once, from the one to ask now.
    pub(super) fn nodes_from_now(&self) -> impl Iterator<Item = &Node> {
        let (nodes, current) = (&self.shared.nodes, self.shared.current.load(Ordering::Relaxed));
        nodes.iter().cycle().skip(current % nodes.len()).take(nodes.len()).map(AsRef::as_ref)
    }

    /// Leaves a node that failed, unless another request has left it already.
    pub(super) fn leave(&self, node: &Node) {
        if std::ptr::eq(self.node(), node) {
            self.shared.current.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.shared.timeout
    }

    pub(super) fn retry(&self) -> RetryPolicy {
        self.shared.retry
    }

    pub(super) fn ambient(&self) -> &Ambient {
        &self.shared.ambient
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The clients would print their credentials.
        out.debug_struct("Cluster").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Cluster;
    use crate::elastic::Connection;

    #[test]
    fn the_default_address_is_this_machine() {
        let cluster = Cluster::connect(&Connection::default()).expect("a cluster");
        assert_eq!(cluster.addresses(), ["http://localhost:9200"]);
    }

    #[test]
    fn only_what_leaves_the_machine_is_open() {
        for (url, open) in [
            ("http://localhost:9200", false),
            ("http://127.0.0.1:9200", false),
            ("http://[::1]:9200", false),
            ("https://es.example", false),
            ("http://es.example:9200", true),
        ] {
            let connection = Connection { urls: vec![url.to_owned()], ..Connection::default() };
            let cluster = Cluster::connect(&connection).expect("a cluster");
            assert_eq!(!cluster.open_addresses().is_empty(), open, "{url}");
        }
    }

    #[test]
    fn a_failed_node_is_left_once() {
        let urls = vec!["http://a:1".to_owned(), "http://b:2".to_owned()];
        let cluster = Cluster::connect(&Connection { urls, ..Connection::default() }).expect("a cluster");
        let first = cluster.node();
        cluster.leave(first);
        cluster.leave(first);
        assert_eq!(cluster.node().address, "http://b:2");
        cluster.leave(cluster.node());
        assert_eq!(cluster.node().address, "http://a:1");
    }
}

//! What an answer says of shards and remote clusters that did not take part, in words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reason::Reason;

/// How many failures are told one by one.
const MAX_SHOWN: usize = 5;

/// The `_shards` of an answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shards {
    #[serde(default)]
    total: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    failures: Vec<ShardFailure>,
}

/// One failure; Elasticsearch groups equal ones.
#[derive(Debug, Deserialize)]
struct ShardFailure {
    #[serde(default)]
    shard: Option<i64>,
    #[serde(default)]
    index: Option<String>,
    #[serde(default)]
    reason: Reason,
}

impl Shards {
    /// How many shards there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Which shards are missing, and why; none where all took part.
    pub(super) fn missing(&self) -> Option<String> {
        if self.failed == 0 && self.failures.is_empty() {
            return None;
        }
        let count = format!("{} of {} shards failed", self.failed, self.total);
        let mut shown: Vec<String> = self.failures.iter().take(MAX_SHOWN).map(ShardFailure::words).collect();
        match self.failures.len().checked_sub(shown.len()) {
            Some(more) if more > 0 => shown.push(format!("and {more} more")),
            _ => {}
        }
        Some(if shown.is_empty() { count } else { format!("{count}: {}", shown.join("; ")) })
    }

    /// Whether a smaller page could have had all of them.
    pub(super) fn is_too_large(&self) -> bool {
        self.failures.iter().any(|failure| failure.reason.is_too_large())
    }

    /// Whether the point in time is gone on one of them.
    pub(super) fn is_context_missing(&self) -> bool {
        self.failures.iter().any(|failure| failure.reason.is_context_missing())
    }
}

impl ShardFailure {
    fn words(&self) -> String {
        let index = self.index.as_deref().unwrap_or("?");
        match self.shard {
            Some(shard) if shard >= 0 => format!("`{index}` shard {shard}: {}", self.reason.words()),
            _ => format!("`{index}`: {}", self.reason.words()),
        }
    }
}

/// The `_clusters` of an answer, where remote clusters were asked.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Clusters {
    #[serde(default)]
    skipped: u64,
    #[serde(default)]
    partial: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    details: BTreeMap<String, ClusterDetail>,
}

#[derive(Debug, Deserialize)]
struct ClusterDetail {
    #[serde(default)]
    status: String,
    #[serde(default)]
    failures: Vec<ShardFailure>,
}

impl Clusters {
    /// Which remote clusters did not answer in full, and why.
    pub(super) fn missing(&self) -> Option<String> {
        let count = self.skipped + self.partial + self.failed;
        if count == 0 {
            return None;
        }
        let named = |(name, detail): (&String, &ClusterDetail)| {
            let name = if name == "(local)" { "this cluster" } else { name };
            let why = detail.failures.first().map(|failure| format!(": {}", failure.reason.words()));
            let whole = matches!(detail.status.as_str(), "successful" | "running");
            (!whole).then(|| format!("`{name}` {}{}", detail.status, why.unwrap_or_default()))
        };
        let named: Vec<String> = self.details.iter().filter_map(named).collect();
        let words = format!("{count} of the clusters asked did not answer in full");
        Some(if named.is_empty() { words } else { format!("{words}: {}", named.join("; ")) })
    }
}

/// What of a search did not answer in full, and why; none where every shard did.
pub(super) fn not_whole(shards: &Shards, clusters: &Clusters, timed_out: bool) -> Option<String> {
    let mut missing: Vec<String> = [shards.missing(), clusters.missing()].into_iter().flatten().collect();
    missing.extend(timed_out.then(|| "the search timed out in the cluster".to_owned()));
    (!missing.is_empty()).then(|| missing.join("; "))
}

#[cfg(test)]
mod tests {
    use super::{Clusters, Shards};
    use serde_json::{from_value, json};

    #[test]
    fn names_index_shard_and_reason() {
        let shards: Shards = from_value(json!({"total": 2, "successful": 1, "failed": 1, "failures": [
            {"shard": 0, "index": "red", "node": null,
             "reason": {"type": "no_shard_available_action_exception", "reason": null}}]}))
        .expect("shards");
        let words = "1 of 2 shards failed: `red` shard 0: no_shard_available_action_exception";
        assert_eq!(shards.missing().as_deref(), Some(words));
        let whole: Shards = from_value(json!({"total": 2, "successful": 2, "failed": 0})).expect("shards");
        assert_eq!(whole.missing(), None);
    }

    #[test]
    fn names_a_skipped_cluster() {
        let clusters: Clusters = from_value(json!({"total": 2, "successful": 1, "skipped": 1, "details": {
            "(local)": {"status": "successful"},
            "far": {"status": "skipped", "failures": [{"shard": -1, "index": null,
                "reason": {"type": "connect_transport_exception", "reason": "unable to connect"}}]}}}))
        .expect("clusters");
        let words = "1 of the clusters asked did not answer in full: \
            `far` skipped: connect_transport_exception: unable to connect";
        assert_eq!(clusters.missing().as_deref(), Some(words));
    }
}

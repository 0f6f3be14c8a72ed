//! The cluster itself: does it answer, in which version, with which clock, and what it refuses.

use chrono::TimeDelta;

use super::{Checkup, Finding};

/// Clocks that differ by less are alike.
const ALIKE: TimeDelta = TimeDelta::seconds(10);

impl Checkup {
    /// Whether Elasticsearch answers, in a version that can be worked with.
    pub(super) async fn connection(&self) -> Finding {
        let (subject, asked) = ("connection", "GET /");
        match self.cluster.info().await {
            Ok(info) if info.is_serverless() => {
                Finding::ok(subject, asked, "Elastic Cloud Serverless answers")
            }
            Ok(info) => {
                let at = self.cluster.addresses().join(", ");
                let found = format!(
                    "Elasticsearch {} of cluster `{}` answers at {at}",
                    info.version, info.cluster_name
                );
                Finding::ok(subject, asked, found)
            }
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    /// Whether events and credentials cross a network in the open.
    pub(super) fn encryption(&self) -> Option<Finding> {
        let open = self.cluster.open_addresses();
        (!open.is_empty()).then(|| {
            let found = format!("not encrypted: {}", open.join(", "));
            Finding::warning("encryption", "the address", found, "use https, or keep the way to it private")
        })
    }

    /// How far this machine's clock is off; the cluster's is used.
    pub(super) async fn time(&self) -> Finding {
        let (subject, asked) = ("clock", "GET /_nodes/_local/stats/http");
        match self.cluster.measure_clock().await {
            Ok(offset) => {
                let seconds = offset.as_seconds_f64();
                let side = if seconds > 0.0 { "behind" } else { "ahead of" };
                let found = format!("this machine's clock is {:.1} s {side} the cluster's", seconds.abs());
                if offset.abs() < ALIKE {
                    return Finding::ok(subject, asked, found);
                }
                let advice = "set it right; until then the cluster's time is used and nothing is lost";
                Finding::warning(subject, asked, found, advice)
            }
            Err(error) => {
                let found = format!("this machine's clock has to be trusted: {error}");
                Finding::warning(subject, asked, found, "grant the cluster privilege `monitor`")
            }
        }
    }

    /// Whether patterns and regular expressions are answered by the cluster.
    pub(super) async fn expensive_queries(&self) -> Finding {
        let (subject, asked) = ("search.allow_expensive_queries", "GET /_cluster/settings");
        match self.cluster.allows_expensive_queries().await {
            Ok(true) => Finding::ok(subject, asked, "true, or not to be read and taken as true"),
            Ok(false) => Finding::warning(
                subject,
                asked,
                "false: patterns and regular expressions are evaluated here, over more events",
                "nothing is missed; for less traffic set it to true (`PUT _cluster/settings`)",
            ),
            Err(error) => Finding::failed(subject, asked, error),
        }
    }
}

//! What answers at the address: version, name, flavour, and how far its clock is off.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use elasticsearch::http::Method;
use serde::Deserialize;

use super::call::{Answer, Call};
use super::error::Cause;
use super::{Cluster, ElasticError};

/// The versions that can be worked with.
pub const SUPPORTED_VERSIONS: &str = "8.0 or later, tested with 8.19 and 9.2";

/// What a cluster says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The cluster's name.
    pub cluster_name: String,
    /// What tells the cluster from all others; empty where it is not told.
    pub cluster_uuid: String,
    /// The version as it is written, such as `8.19.0`.
    pub version: String,
    /// `default`, or `serverless`, whose version number says nothing.
    pub flavor: String,
}

impl Info {
    /// Whether it is Elastic Cloud Serverless, which has no nodes, shards or versions to speak of.
    #[must_use]
    pub fn is_serverless(&self) -> bool {
        self.flavor == "serverless"
    }
}

#[derive(Deserialize)]
struct Greeting {
    #[serde(default)]
    cluster_name: String,
    #[serde(default)]
    cluster_uuid: String,
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    number: String,
    #[serde(default)]
    build_flavor: String,
    #[serde(default)]
    distribution: Option<String>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: BTreeMap<String, NodeTime>,
}

#[derive(Deserialize)]
struct NodeTime {
    timestamp: i64,
}

impl Cluster {
    /// Asks what answers at the address.
    ///
    /// # Errors
    /// No answer, or a server other than Elasticsearch in a supported version.
    pub async fn info(&self) -> Result<Info, ElasticError> {
        self.call(&Call::new(Method::Get, "/", "asking for the version"), |answer| {
            let Greeting { cluster_name, cluster_uuid, version } = answer.json()?;
            check(&version).map_err(|words| answer.error(Cause::Unsupported(words)))?;
            Ok(Info { cluster_name, cluster_uuid, version: version.number, flavor: version.build_flavor })
        })
        .await
    }

    /// Compares the clock of the node that answers with this machine's, to a fraction of the round trip.
    ///
    /// Needs the cluster privilege `monitor`. The result is kept for [`Cluster::clock_offset`].
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn measure_clock(&self) -> Result<TimeDelta, ElasticError> {
        let call = Call::new(Method::Get, "/_nodes/_local/stats/http", "asking for the cluster's time");
        let call = call.param("filter_path", "nodes.*.timestamp");
        let before = (self.ambient().now)();
        let time = self.call(&call, read_time).await?;
        let after = (self.ambient().now)();
        let offset = time - (before + (after - before) / 2);
        self.set_clock_offset(TimeDelta::seconds(offset.num_seconds()));
        Ok(offset)
    }
}

fn check(version: &Version) -> Result<(), String> {
    if let Some(other) = &version.distribution {
        return Err(format!("expected Elasticsearch, found `{other}` {}", version.number));
    }
    let major = version.number.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(8..) => Ok(()),
        _ if version.build_flavor == "serverless" => Ok(()),
        _ => Err(format!("expected Elasticsearch {SUPPORTED_VERSIONS}, found `{}`", version.number)),
    }
}

fn read_time(answer: &Answer) -> Result<DateTime<chrono::Utc>, ElasticError> {
    let Nodes { nodes } = answer.json()?;
    let time = nodes.into_values().next().and_then(|node| DateTime::from_timestamp_millis(node.timestamp));
    time.ok_or_else(|| answer.error(Cause::Unexpected("no node told its time".to_owned())))
}

#[cfg(test)]
mod tests {
    use crate::elastic::fake::{Act, Fake};
    use chrono::TimeDelta;

    #[tokio::test]
    async fn old_and_foreign_servers_are_refused() {
        let versions = [
            (r#"{"number":"7.17.9","build_flavor":"default"}"#, "found `7.17.9`"),
            (r#"{"number":"2.11.0","distribution":"opensearch"}"#, "found `opensearch` 2.11.0"),
            (r#"{"number":"next"}"#, "8.0 or later"),
        ];
        for (version, words) in versions {
            let body = format!(r#"{{"cluster_name":"c","version":{version}}}"#);
            let fake = Fake::start(vec![Act::json(200, &body)]).await;
            let error = fake.cluster.info().await.expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
        let body = r#"{"cluster_name":"c","version":{"number":"8.11.0","build_flavor":"serverless"}}"#;
        let fake = Fake::start(vec![Act::json(200, body)]).await;
        assert!(fake.cluster.info().await.expect("info").is_serverless());
    }

    #[tokio::test]
    async fn every_answer_tells_the_time() {
        let body = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;
        let date = "date: Tue, 24 Nov 2026 03:59:50 GMT\r\n";
        let fake = Fake::start(vec![Act::with(200, date, body)]).await;
        assert_eq!(fake.cluster.clock_offset(), None);
        fake.cluster.info().await.expect("info");
        assert_eq!(fake.cluster.clock_offset(), Some(TimeDelta::seconds(-10)));
    }
}

//! Points in time: one unmoving view of all indices of a rule, read page by page.

use std::time::Duration;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::body::{Body, names, shown};
use super::call::Call;
use super::page_size::PageSize;
use super::shards::Shards;
use super::{Cluster, ElasticError};

/// An open point in time, and how far it has been read.
#[derive(Debug)]
pub struct PointInTime {
    pub(super) id: String,
    /// The patterns it was opened on, for messages.
    pub(super) shown: String,
    pub(super) keep_alive: String,
    pub(super) after: Option<Box<RawValue>>,
    pub(super) size: PageSize,
    /// Which shards it does not cover, and why, in words: what lies in them stays owed.
    pub missing: Option<String>,
}

/// What opening a point in time came to.
#[derive(Debug)]
pub enum Opening {
    /// It is open.
    Opened(PointInTime),
    /// No index stands behind any of the patterns.
    NoIndices,
}

#[derive(Deserialize)]
struct Opened {
    id: String,
    /// Told since 8.16.
    #[serde(default, rename = "_shards")]
    shards: Option<Shards>,
}

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "_shards")]
    shards: Shards,
}

impl Cluster {
    /// Opens a point in time over every index behind the patterns; indices without a living shard are left out
    /// and told in [`PointInTime::missing`].
    ///
    /// `keep_alive` is the time between two pages after which the cluster may end it.
    ///
    /// # Errors
    /// No answer, no permission, or not one shard that could answer.
    pub async fn open_point_in_time(
        &self,
        patterns: &[String],
        keep_alive: Duration,
    ) -> Result<Opening, ElasticError> {
        if patterns.is_empty() {
            return Ok(Opening::NoIndices);
        }
        let keep_alive = format!("{}s", keep_alive.as_secs().max(1));
        let shown = shown(patterns);
        let call = || {
            Call::new(
                Method::Post,
                format!("/{}/_pit", names(patterns)),
                format!("opening a point in time on {shown}"),
            )
            .param("keep_alive", &keep_alive)
            .param("ignore_unavailable", true)
        };
        let partial = call().param("allow_partial_search_results", true);
        let opened = match self.call_in_time(&partial, |answer| answer.json()).await {
            // Versions before 8.16 open over every shard or not at all.
            Err(error) if is_unknown_parameter(&error) => {
                self.call_in_time(&call(), |answer| answer.json()).await?
            }
            result => result?,
        };
        let Opened { id, shards } = opened;
        let missing = shards.as_ref().and_then(Shards::missing);
        let size = PageSize::new();
        let mut pit = PointInTime { id, shown, keep_alive, after: None, size, missing };
        if shards.is_some_and(|shards| shards.total() == 0) {
            return Ok(Opening::NoIndices);
        }
        if pit.missing.is_some() {
            self.name_missing(&mut pit).await?;
        }
        Ok(Opening::Opened(pit))
    }

    /// Ends a point in time; a failure is only logged, since it ends by itself.
    pub async fn close_point_in_time(&self, pit: PointInTime) {
        let call = Call::new(Method::Delete, "/_pit", format!("closing the point in time on {}", pit.shown))
            .body(Body::Json(json!({ "id": pit.id }).to_string()))
            .accepts(&[404]);
        if let Err(error) = self.call_while(&call, |_| false, |_| Ok(())).await {
            tracing::debug!(%error, "a point in time is left to end by itself");
        }
    }

    /// Opening tells only how many shards are missing; a search without hits tells which.
    async fn name_missing(&self, pit: &mut PointInTime) -> Result<(), ElasticError> {
        let asked = format!("asking which shards of {} are missing", pit.shown);
        let body = json!({"pit": {"id": pit.id}, "size": 0, "track_total_hits": false});
        let call = Call::new(Method::Post, "/_search", asked)
            .param("allow_partial_search_results", true)
            .body(Body::Json(body.to_string()));
        let probe: Probe = self.call_in_time(&call, |answer| answer.json()).await?;
        if let Some(words) = probe.shards.missing() {
            pit.missing = Some(words);
        }
        Ok(())
    }
}

fn is_unknown_parameter(error: &ElasticError) -> bool {
    let names_it = |reason: &str| reason.contains("unrecognized") && reason.contains("allow_partial");
    error.status() == Some(400)
        && error.causes().iter().any(|cause| cause.sentence.as_deref().is_some_and(names_it))
}

#[cfg(test)]
mod tests {
    use super::Opening;
    use crate::elastic::fake::{Act, Fake};
    use std::time::Duration;

    #[tokio::test]
    async fn versions_that_open_all_or_nothing_are_asked_their_way() {
        let unknown = r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":
            "request [/a/_pit] contains unrecognized parameter: [allow_partial_search_results]"}]},"status":400}"#;
        let fake = Fake::start(vec![Act::json(400, unknown), Act::json(200, r#"{"id":"x"}"#)]).await;
        let opening = fake.cluster.open_point_in_time(&["a".into()], Duration::from_mins(1)).await;
        let Ok(Opening::Opened(pit)) = opening else { panic!("{opening:?}") };
        assert_eq!(pit.missing, None);
        assert_eq!(fake.seen()[1].line, "POST /a/_pit?keep_alive=60s&ignore_unavailable=true");
    }

    #[tokio::test]
    async fn a_pattern_of_a_remote_cluster_stays_a_path() {
        let answer = r#"{"id":"x","_shards":{"total":0,"successful":0,"failed":0}}"#;
        let fake = Fake::start(vec![Act::json(200, answer)]).await;
        let patterns = ["far:logs-*".to_owned(), "logs-*".to_owned()];
        let opening = fake.cluster.open_point_in_time(&patterns, Duration::from_mins(1)).await;
        assert!(matches!(opening, Ok(Opening::NoIndices)), "{opening:?}");
        assert!(fake.seen()[0].line.starts_with("POST /far%3Alogs-*,logs-*/_pit?"));
    }
}

//! Which of some ids exist already in an index or behind an alias.

use std::collections::HashSet;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::body::{Body, segment};
use super::call::{Answer, Call};
use super::error::Cause;
use super::shards::Shards;
use super::{Cluster, ElasticError};

/// How many ids go into one request.
const MAX_IDS: usize = 5_000;

/// The ids that were found, and whether every shard answered.
type Part = (Vec<String>, bool);

#[derive(Deserialize)]
struct Found {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(default)]
    hits: Hits,
}

/// `filter_path` leaves out what is empty.
#[derive(Default, Deserialize)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
}

impl Cluster {
    /// Which of `ids` exist in `index`, an index or alias; none where it does not exist yet.
    ///
    /// A document written within the last refresh interval may be missing from the answer: creating it again
    /// under the same id is then answered with a conflict.
    ///
    /// # Errors
    /// No answer, no permission, or a shard that did not answer.
    pub async fn known_ids(&self, index: &str, ids: &[String]) -> Result<HashSet<String>, ElasticError> {
        Ok(self.ask_for_known(index, ids, whole).await?.0)
    }

    /// The same of the shards that answer, and whether all did.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn known_ids_where_readable(
        &self,
        index: &str,
        ids: &[String],
    ) -> Result<(HashSet<String>, bool), ElasticError> {
        self.ask_for_known(index, ids, whole_or_part).await
    }

    async fn ask_for_known(
        &self,
        index: &str,
        ids: &[String],
        read: fn(&Answer) -> Result<Part, ElasticError>,
    ) -> Result<(HashSet<String>, bool), ElasticError> {
        let (mut known, mut all_whole) = (HashSet::new(), true);
        for chunk in ids.chunks(MAX_IDS) {
            let mut left: Vec<&String> = chunk.iter().collect();
            // Behind an alias several indices may hold the same id, and crowd out others.
            loop {
                let (found, is_whole) = self.call(&search(index, &left), read).await?;
                all_whole &= is_whole;
                let full = found.len() >= left.len() && !left.is_empty();
                known.extend(found);
                left.retain(|id| !known.contains(*id));
                if !full || left.is_empty() {
                    break;
                }
            }
        }
        Ok((known, all_whole))
    }
}

fn search(index: &str, ids: &[&String]) -> Call {
    let body = json!({
        "size": ids.len(), "query": {"ids": {"values": ids}}, "_source": false, "track_total_hits": false,
        "sort": ["_doc"]
    });
    let asked = format!("looking for known ids in `{index}`");
    Call::new(Method::Post, format!("/{}/_search", segment(index)), asked)
        .param("ignore_unavailable", true)
        .param("filter_path", "hits.hits._id,_shards,timed_out")
        .body(Body::Json(body.to_string()))
}

fn whole(answer: &Answer) -> Result<Part, ElasticError> {
    let found: Found = answer.json()?;
    match found.missing() {
        Some(missing) => Err(answer.error(Cause::Shards(missing))),
        None => Ok((found.ids(), true)),
    }
}

fn whole_or_part(answer: &Answer) -> Result<Part, ElasticError> {
    let found: Found = answer.json()?;
    let missing = found.missing();
    if let Some(missing) = &missing {
        tracing::debug!(missing, "not all of the alerts can be searched: they are asked for one by one");
    }
    Ok((found.ids(), missing.is_none()))
}

impl Found {
    fn missing(&self) -> Option<String> {
        let timed_out = || self.timed_out.then(|| "the search timed out in the cluster".to_owned());
        self.shards.missing().or_else(timed_out)
    }

    fn ids(self) -> Vec<String> {
        self.hits.hits.into_iter().map(|hit| hit.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::elastic::fake::{Act, Fake, attempts};

    #[tokio::test]
    async fn ids_in_several_indices_do_not_crowd_out_others() {
        let first = r#"{"timed_out":false,"_shards":{"total":2,"failed":0},"hits":{"hits":[{"_id":"a"},{"_id":"a"}]}}"#;
        let second = r#"{"timed_out":false,"_shards":{"total":2,"failed":0},"hits":{"hits":[{"_id":"b"}]}}"#;
        let fake = Fake::start(vec![Act::json(200, first), Act::json(200, second)]).await;
        let known = fake.cluster.known_ids("alerts", &["a".into(), "b".into()]).await.expect("ids");
        assert_eq!(known.len(), 2);
        assert!(fake.seen()[1].body.contains(r#""values":["b"]"#));
    }

    #[tokio::test]
    async fn a_missing_shard_is_an_error() {
        let body = r#"{"timed_out":false,"_shards":{"total":2,"failed":1,"failures":[]}}"#;
        let fake = Fake::start_with(vec![Act::json(200, body)], attempts(1)).await;
        let error = fake.cluster.known_ids("alerts", &["a".into()]).await.expect_err("an error");
        assert!(error.to_string().contains("1 of 2 shards failed"), "{error}");
        let part = r#"{"timed_out":false,"_shards":{"total":2,"failed":1},"hits":{"hits":[{"_id":"a"}]}}"#;
        let fake = Fake::start_with(vec![Act::json(200, part)], attempts(1)).await;
        let known = fake.cluster.known_ids_where_readable("alerts", &["a".into(), "b".into()]).await;
        assert_eq!(known.expect("a part"), (["a".to_owned()].into(), false));
    }

    #[tokio::test]
    async fn no_ids_are_not_asked_for() {
        let fake = Fake::start(Vec::new()).await;
        assert!(fake.cluster.known_ids("alerts", &[]).await.expect("ids").is_empty());
        assert!(fake.seen().is_empty());
    }
}

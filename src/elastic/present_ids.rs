//! Which of some ids exist in some indices right now: what was written a moment ago counts, and an index that cannot
//! answer is an error, never an absence.

use std::collections::HashSet;
use std::fmt::Write;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::body::Body;
use super::call::{Answer, Call};
use super::error::Cause;
use super::reason::Reason;
use super::{Cluster, ElasticError};

/// How many documents one request asks for.
const MAX_DOCUMENTS: usize = 1_000;

#[derive(Deserialize)]
struct Answers {
    docs: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(default, rename = "found")]
    exists: bool,
    #[serde(default)]
    error: Option<Reason>,
}

impl Cluster {
    /// Which of `ids` exist in any of `indices`, each a concrete name.
    ///
    /// Unlike [`Cluster::known_ids`] it does not depend on a refresh, and does not pass over a closed index; it asks
    /// for each document by itself, so it is for few of them.
    ///
    /// # Errors
    /// No answer, no permission, or an index that cannot answer for a document.
    pub async fn present_ids(
        &self,
        indices: &[String],
        ids: &[String],
    ) -> Result<HashSet<String>, ElasticError> {
        let mut present = HashSet::new();
        let asked: Vec<(&String, &String)> =
            indices.iter().flat_map(|index| ids.iter().map(move |id| (index, id))).collect();
        for chunk in asked.chunks(MAX_DOCUMENTS) {
            let documents: Vec<_> =
                chunk.iter().map(|(index, id)| json!({"_index": index, "_id": id})).collect();
            let call = Call::new(Method::Post, "/_mget", "asking for alerts by their ids")
                .param("_source", false)
                .body(Body::Json(json!({ "docs": documents }).to_string()));
            present.extend(self.call(&call, read).await?);
        }
        Ok(present)
    }
}

fn read(answer: &Answer) -> Result<Vec<String>, ElasticError> {
    let Answers { docs } = answer.json()?;
    if let Some((index, reason)) =
        docs.iter().find_map(|found| found.error.as_ref().map(|reason| (&found.index, reason)))
    {
        let mut words = format!("`{index}` cannot answer: {}", reason.words());
        let refusals = docs.iter().filter(|found| found.error.is_some()).count();
        if refusals > 1 {
            let _ = write!(words, " (and so for {refusals} documents)");
        }
        return Err(answer.error(Cause::Shards(words)));
    }
    Ok(docs.into_iter().filter(|found| found.exists).map(|found| found.id).collect())
}

#[cfg(test)]
mod tests {
    use crate::elastic::fake::{Act, Fake, attempts};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn an_id_in_any_index_is_present() {
        let body = r#"{"docs":[{"_index":"a","_id":"x","found":false},{"_index":"a","_id":"y","found":false},
            {"_index":"b","_id":"x","found":true},{"_index":"b","_id":"y","found":false}]}"#;
        let fake = Fake::start(vec![Act::json(200, body)]).await;
        let present = fake.cluster.present_ids(&names(&["a", "b"]), &names(&["x", "y"])).await.expect("ids");
        assert_eq!(present.into_iter().collect::<Vec<_>>(), ["x"]);
        assert_eq!(fake.seen()[0].line, "POST /_mget?_source=false");
    }

    #[tokio::test]
    async fn an_index_that_cannot_answer_is_an_error() {
        let body = r#"{"docs":[{"_index":"a","_id":"x","found":false},{"_index":"b","_id":"x","error":
            {"root_cause":[],"type":"index_closed_exception","reason":"closed"}}]}"#;
        let fake = Fake::start_with(vec![Act::json(200, body)], attempts(1)).await;
        let error = fake.cluster.present_ids(&names(&["a", "b"]), &names(&["x"])).await.expect_err("closed");
        assert!(error.to_string().contains("`b` cannot answer: index_closed_exception"), "{error}");
    }

    #[tokio::test]
    async fn where_there_is_no_index_nothing_is_asked() {
        let fake = Fake::start(Vec::new()).await;
        assert!(fake.cluster.present_ids(&[], &names(&["x"])).await.expect("ids").is_empty());
        assert!(fake.seen().is_empty());
    }
}

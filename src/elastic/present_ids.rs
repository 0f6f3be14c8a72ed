//! Which of some ids exist in some indices right now: what was written a moment ago counts, and an index that cannot
//! answer is an error, never an absence.

use std::collections::{BTreeMap, HashSet};
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
        Ok(self.ask_for_ids(indices, ids, all_answer).await?.into_iter().flatten().collect())
    }

    /// The same of those indices that answer, and why each of the others, such as a closed one, does not.
    ///
    /// # Errors
    /// No answer or no permission.
    pub async fn present_ids_where_readable(
        &self,
        indices: &[String],
        ids: &[String],
    ) -> Result<(HashSet<String>, BTreeMap<String, ElasticError>), ElasticError> {
        let (mut present, mut silent) = (HashSet::new(), BTreeMap::new());
        for (found, unanswered) in self.ask_for_ids(indices, ids, some_answer).await? {
            present.extend(found);
            for (index, error) in unanswered {
                silent.entry(index).or_insert(error);
            }
        }
        Ok((present, silent))
    }

    async fn ask_for_ids<T>(
        &self,
        indices: &[String],
        ids: &[String],
        read: fn(&Answer) -> Result<T, ElasticError>,
    ) -> Result<Vec<T>, ElasticError> {
        let mut answers = Vec::new();
        let asked: Vec<(&String, &String)> =
            indices.iter().flat_map(|index| ids.iter().map(move |id| (index, id))).collect();
        for chunk in asked.chunks(MAX_DOCUMENTS) {
            let documents: Vec<_> =
                chunk.iter().map(|(index, id)| json!({"_index": index, "_id": id})).collect();
            let call = Call::new(Method::Post, "/_mget", "asking for alerts by their ids")
                .param("_source", false)
                .body(Body::Json(json!({ "docs": documents }).to_string()));
            answers.push(self.call(&call, read).await?);
        }
        Ok(answers)
    }
}

fn all_answer(answer: &Answer) -> Result<Vec<String>, ElasticError> {
    let (found, unanswered) = some_answer(answer)?;
    unanswered.into_values().next().map_or(Ok(found), Err)
}

/// What is there, and why each index does not answer that does not.
fn some_answer(answer: &Answer) -> Result<(Vec<String>, BTreeMap<String, ElasticError>), ElasticError> {
    let Answers { docs } = answer.json()?;
    let mut refused: BTreeMap<&str, (&Reason, usize)> = BTreeMap::new();
    for found in &docs {
        if let Some(reason) = &found.error {
            refused.entry(&found.index).or_insert((reason, 0)).1 += 1;
        }
    }
    let error = |(index, (reason, times)): (&str, (&Reason, usize))| {
        let mut words = format!("`{index}` cannot answer: {}", reason.words());
        if times > 1 {
            let _ = write!(words, " (and so for {times} documents)");
        }
        (index.to_owned(), answer.error(Cause::Shards(words)))
    };
    let unanswered = refused.into_iter().map(error).collect();
    Ok((docs.into_iter().filter(|found| found.exists).map(|found| found.id).collect(), unanswered))
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
        let body = body.replacen("false", "true", 1);
        let fake = Fake::start(vec![Act::json(200, &body)]).await;
        let some = fake.cluster.present_ids_where_readable(&names(&["a", "b"]), &names(&["x"])).await;
        let (present, silent) = some.expect("ids");
        assert_eq!(present.into_iter().collect::<Vec<_>>(), ["x"]);
        assert_eq!(silent.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[tokio::test]
    async fn where_there_is_no_index_nothing_is_asked() {
        let fake = Fake::start(Vec::new()).await;
        assert!(fake.cluster.present_ids(&[], &names(&["x"])).await.expect("ids").is_empty());
        assert!(fake.seen().is_empty());
    }
}

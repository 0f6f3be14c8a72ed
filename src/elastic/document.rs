//! Single documents under a guard: of two writers, one is told that the other was faster.

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::body::{Body, segment};
use super::call::{Answer, Call};
use super::error::Cause;
use super::reason::root_causes;
use super::{Cluster, ElasticError};

/// A document and the state it was read in.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned {
    /// The document.
    pub source: Value,
    /// The number of the last operation on it.
    pub seq_no: u64,
    /// The term of the shard that did it.
    pub primary_term: u64,
}

/// The state a document must be in to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// It does not exist.
    Create,
    /// Nobody has written it since it was read in this state.
    Unchanged {
        /// As [`Versioned::seq_no`].
        seq_no: u64,
        /// As [`Versioned::primary_term`].
        primary_term: u64,
    },
}

/// What a guarded write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is written; the state it is in now, for the next guard.
    Done {
        /// As [`Versioned::seq_no`].
        seq_no: u64,
        /// As [`Versioned::primary_term`].
        primary_term: u64,
    },
    /// It was in another state, and is left as it is.
    Conflict,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default, rename = "found")]
    exists: bool,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(rename = "_source")]
    source: Option<Value>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "_seq_no")]
    seq_no: u64,
    #[serde(rename = "_primary_term")]
    primary_term: u64,
}

/// An answer to a write, and which attempt it answers.
enum PutAnswer {
    Written(Written),
    Conflict { attempt: usize },
}

impl Cluster {
    /// Reads a document, its latest state; none where it or its index does not exist.
    ///
    /// # Errors
    /// No answer, no permission, or an index that cannot be read.
    pub async fn get_document(&self, index: &str, id: &str) -> Result<Option<Versioned>, ElasticError> {
        let asked = format!("reading `{id}` of `{index}`");
        self.call(&Call::new(Method::Get, path(index, id), asked).accepts(&[404]), read_found).await
    }

    /// Writes a document if it is in the guard's state.
    ///
    /// Where an answer was lost and the next attempt finds a conflict, the document is read again: if it is
    /// what was to be written, the lost attempt had written it, and the put is done. Two writers that may write
    /// equal documents and need to know whose it is must therefore put something of their own into them.
    ///
    /// # Errors
    /// No answer, no permission, or a document that the index refuses.
    pub async fn put_document(
        &self,
        index: &str,
        id: &str,
        document: &Value,
        guard: Guard,
    ) -> Result<Put, ElasticError> {
        let asked = format!("writing `{id}` of `{index}`");
        let call = Call::new(Method::Put, path(index, id), asked)
            .body(Body::Json(document.to_string()))
            .accepts(&[409]);
        let call = match guard {
            Guard::Create => call.param("op_type", "create"),
            Guard::Unchanged { seq_no, primary_term } => {
                call.param("if_seq_no", seq_no).param("if_primary_term", primary_term)
            }
        };
        let put = |answer: &Answer| match answer.status {
            409 => Ok(PutAnswer::Conflict { attempt: answer.attempt }),
            _ => answer.json().map(PutAnswer::Written),
        };
        match self.call(&call, put).await? {
            PutAnswer::Written(Written { seq_no, primary_term }) => Ok(Put::Done { seq_no, primary_term }),
            PutAnswer::Conflict { attempt: 1 } => Ok(Put::Conflict),
            PutAnswer::Conflict { .. } => Ok(match self.get_document(index, id).await? {
                Some(found) if found.source == *document => {
                    Put::Done { seq_no: found.seq_no, primary_term: found.primary_term }
                }
                _ => Put::Conflict,
            }),
        }
    }
}

fn path(index: &str, id: &str) -> String {
    format!("/{}/_doc/{}", segment(index), segment(id))
}

fn read_found(answer: &Answer) -> Result<Option<Versioned>, ElasticError> {
    if answer.status == 404 {
        return absent(answer).map(|()| None);
    }
    let found: Found = answer.json()?;
    match (found.exists, found.seq_no, found.primary_term, found.source) {
        (true, Some(seq_no), Some(primary_term), Some(source)) => {
            Ok(Some(Versioned { source, seq_no, primary_term }))
        }
        _ => {
            Err(answer.error(Cause::Unexpected("expected a document with its state, found less".to_owned())))
        }
    }
}

/// Tells a missing document or index from a 404 of something that is not Elasticsearch.
fn absent(answer: &Answer) -> Result<(), ElasticError> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let no_document = body["found"] == false || body["result"] == "not_found";
    let no_index = || root_causes(&answer.body).iter().any(|cause| cause.is("index_not_found_exception"));
    if no_document || no_index() { Ok(()) } else { Err(answer.status_error()) }
}

#[cfg(test)]
mod tests {
    use super::{Guard, Put};
    use crate::elastic::fake::{Act, Fake};
    use serde_json::json;

    const CONFLICT: &str =
        r#"{"error":{"root_cause":[{"type":"version_conflict_engine_exception"}]},"status":409}"#;
    const GUARD: Guard = Guard::Unchanged { seq_no: 4, primary_term: 1 };

    fn found(source: &str) -> Act {
        Act::json(200, &format!(r#"{{"found":true,"_seq_no":5,"_primary_term":1,"_source":{source}}}"#))
    }

    #[tokio::test]
    async fn a_lost_answer_is_not_taken_for_another_writer() {
        for (there, expected) in
            [(r#"{"me":1}"#, Put::Done { seq_no: 5, primary_term: 1 }), (r#"{"me":2}"#, Put::Conflict)]
        {
            let fake = Fake::start(vec![Act::Close, Act::json(409, CONFLICT), found(there)]).await;
            let put = fake.cluster.put_document("state", "rule", &json!({"me": 1}), GUARD).await;
            assert_eq!(put.expect("an outcome"), expected);
        }
    }

    #[tokio::test]
    async fn the_first_answer_is_taken_as_it_is() {
        let fake = Fake::start(vec![Act::json(409, CONFLICT)]).await;
        let put = fake.cluster.put_document("state", "a/b", &json!({"me": 1}), GUARD).await;
        assert_eq!(put.expect("an outcome"), Put::Conflict);
        assert_eq!(fake.seen()[0].line, "PUT /state/_doc/a%2Fb?if_seq_no=4&if_primary_term=1");
    }

    #[tokio::test]
    async fn a_404_of_something_else_is_no_missing_document() {
        let fake = Fake::start(vec![Act::with(404, "", "<html>nothing here</html>")]).await;
        let error = fake.cluster.get_document("state", "rule").await.expect_err("an error");
        assert!(error.to_string().contains("not from Elasticsearch"), "{error}");
    }
}

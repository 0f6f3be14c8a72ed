//! Many guarded documents in one request: each is read or written, or comes back with its own reason.

use std::collections::BTreeMap;
use std::fmt::Write;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Body, segment};
use super::call::{Answer, Call};
use super::error::Cause;
use super::reason::Reason;
use super::{Cluster, ElasticError, Guard, Put, Versioned};
use crate::diagnostic::sanitize;

/// How many documents go into one request.
const MAX_DOCUMENTS: usize = 1_000;

/// The parts of an answer that are read.
const FOUND: &str = "docs._id,docs.found,docs._seq_no,docs._primary_term,docs._source,docs.error";

/// One document to write.
#[derive(Debug, Clone, PartialEq)]
pub struct PutItem {
    /// Its id.
    pub id: String,
    /// The document.
    pub document: Value,
    /// The state it must be in.
    pub guard: Guard,
}

/// What became of one write: what it came to, or why nobody knows, in words.
pub type PutOutcome = Result<Put, String>;

#[derive(Deserialize)]
struct Answers {
    docs: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default, rename = "found")]
    exists: bool,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(rename = "_source")]
    source: Option<Value>,
    #[serde(default)]
    error: Option<Reason>,
}

#[derive(Deserialize)]
struct Outcomes {
    items: Vec<BTreeMap<String, Outcome>>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "_id")]
    id: String,
    status: u16,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(default)]
    error: Option<Reason>,
}

impl Cluster {
    /// Reads documents, their latest state, in the order of `ids`: none where one or the index does not exist, and a reason
    /// in words where nobody knows. `fields` are the only ones that are wanted.
    ///
    /// # Errors
    /// No answer or no permission.
    pub async fn get_documents(
        &self,
        index: &str,
        ids: &[&str],
        fields: &[&str],
    ) -> Result<Vec<Result<Option<Versioned>, String>>, ElasticError> {
        let mut all = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MAX_DOCUMENTS) {
            let asked = format!("reading {} documents of `{index}`", chunk.len());
            let call = Call::new(Method::Post, format!("/{}/_mget", segment(index)), asked)
                .param("_source_includes", fields.join(","))
                .param("filter_path", FOUND)
                .body(Body::Json(json!({ "ids": chunk }).to_string()));
            all.extend(self.call(&call, |answer| read_all(answer, chunk)).await?);
        }
        Ok(all)
    }

    /// Writes each document that is in its guard's state; the outcomes are in the order of `items`.
    ///
    /// An answer that was lost is asked for again, and then every document that was written the first time is a conflict:
    /// who needs to know whose the other state is reads it and compares.
    ///
    /// # Errors
    /// No answer or no permission: some may have been written.
    pub async fn put_documents(
        &self,
        index: &str,
        items: &[PutItem],
    ) -> Result<Vec<PutOutcome>, ElasticError> {
        let mut all = Vec::with_capacity(items.len());
        for chunk in items.chunks(MAX_DOCUMENTS) {
            let asked = format!("writing {} documents of `{index}`", chunk.len());
            let parts = ["_id", "status", "_seq_no", "_primary_term", "error"];
            let parts: Vec<String> = parts.iter().map(|part| format!("items.*.{part}")).collect();
            let call = Call::new(Method::Post, format!("/{}/_bulk", segment(index)), asked)
                .param("filter_path", parts.join(","))
                .body(Body::Lines(lines(chunk)));
            all.extend(self.call(&call, |answer| settle(answer, chunk)).await?);
        }
        Ok(all)
    }
}

fn lines(items: &[PutItem]) -> String {
    let mut lines = String::new();
    for PutItem { id, document, guard } in items {
        let action = match guard {
            Guard::Create => json!({"create": {"_id": id}}),
            Guard::Unchanged { seq_no, primary_term } => {
                json!({"index": {"_id": id, "if_seq_no": seq_no, "if_primary_term": primary_term}})
            }
        };
        let _ = writeln!(lines, "{action}\n{document}");
    }
    lines
}

fn read_all(answer: &Answer, ids: &[&str]) -> Result<Vec<Result<Option<Versioned>, String>>, ElasticError> {
    let Answers { docs } = answer.json()?;
    let names = docs.iter().map(|found| found.id.as_str());
    paired(answer, ids.iter().copied(), names)?;
    Ok(docs.into_iter().map(versioned).collect())
}

fn versioned(found: Found) -> Result<Option<Versioned>, String> {
    match found {
        Found { error: Some(error), .. } if error.is("index_not_found_exception") => Ok(None),
        Found { error: Some(error), .. } => Err(sanitize(&error.words())),
        Found { exists: false, .. } => Ok(None),
        Found { seq_no: Some(seq_no), primary_term: Some(primary_term), source: Some(source), .. } => {
            Ok(Some(Versioned { source, seq_no, primary_term }))
        }
        _ => Err("expected a document with its state, found less".to_owned()),
    }
}

fn settle(answer: &Answer, items: &[PutItem]) -> Result<Vec<PutOutcome>, ElasticError> {
    let Outcomes { items: outcomes } = answer.json()?;
    let outcomes: Vec<Outcome> = outcomes.into_iter().filter_map(|one| one.into_values().next()).collect();
    let names = outcomes.iter().map(|outcome| outcome.id.as_str());
    paired(answer, items.iter().map(|item| item.id.as_str()), names)?;
    Ok(outcomes.into_iter().map(put).collect())
}

fn put(outcome: Outcome) -> PutOutcome {
    match outcome {
        Outcome { status: 409, .. } => Ok(Put::Conflict),
        Outcome { status: 200..300, seq_no: Some(seq_no), primary_term: Some(primary_term), .. } => {
            Ok(Put::Done { seq_no, primary_term })
        }
        Outcome { status, error, .. } => {
            Err(sanitize(&format!("HTTP {status} {}", error.unwrap_or_default().words())))
        }
    }
}

/// An answer about other documents is worth nothing.
fn paired<'a>(
    answer: &Answer,
    asked: impl Iterator<Item = &'a str>,
    found: impl Iterator<Item = &'a str>,
) -> Result<(), ElasticError> {
    if asked.eq(found) {
        return Ok(());
    }
    let words = "expected the documents that were asked for, found others";
    Err(answer.error(Cause::Unexpected(words.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::PutItem;
    use crate::elastic::fake::{Act, Fake, attempts};
    use crate::elastic::{Guard, Put, Versioned};
    use serde_json::json;

    fn item(id: &str, guard: Guard) -> PutItem {
        PutItem { id: id.into(), document: json!({"n": 1}), guard }
    }

    #[tokio::test]
    async fn every_document_is_read_or_says_why_not() {
        let body = r#"{"docs":[{"_index":"s","_id":"a","found":true,"_seq_no":4,"_primary_term":1,"_source":{"n":1}},
            {"_index":"s","_id":"b","found":false},
            {"_index":"s","_id":"c","error":{"type":"index_not_found_exception","reason":"no such index"}},
            {"_index":"s","_id":"d","error":{"type":"no_shard_available_action_exception","reason":"r"}}]}"#;
        let fake = Fake::start(vec![Act::json(200, body)]).await;
        let found = fake.cluster.get_documents("s", &["a", "b", "c", "d"], &["n"]).await.expect("answers");
        assert_eq!(found[0], Ok(Some(Versioned { source: json!({"n": 1}), seq_no: 4, primary_term: 1 })));
        assert_eq!((&found[1], &found[2]), (&Ok(None), &Ok(None)));
        assert!(found[3].as_ref().is_err_and(|words| words.contains("no_shard_available")), "{found:?}");
        assert!(fake.seen()[0].line.starts_with("POST /s/_mget?_source_includes=n&filter_path=docs._id"));
    }

    #[tokio::test]
    async fn every_write_is_done_or_a_conflict_or_says_why_not() {
        let body = r#"{"items":[{"index":{"_id":"a","status":200,"_seq_no":7,"_primary_term":2}},
            {"create":{"_id":"b","status":409,"error":{"type":"version_conflict_engine_exception"}}},
            {"index":{"_id":"c","status":429,"error":{"type":"es_rejected_execution_exception","reason":"busy"}}}]}"#;
        let fake = Fake::start(vec![Act::json(200, body)]).await;
        let old = Guard::Unchanged { seq_no: 6, primary_term: 2 };
        let items = [item("a", old), item("b", Guard::Create), item("c", old)];
        let outcomes = fake.cluster.put_documents("s", &items).await.expect("outcomes");
        assert_eq!(outcomes[0], Ok(Put::Done { seq_no: 7, primary_term: 2 }));
        assert_eq!(outcomes[1], Ok(Put::Conflict));
        assert!(outcomes[2].as_ref().is_err_and(|words| words.contains("HTTP 429")), "{outcomes:?}");
        let lines: Vec<String> = fake.seen()[0].body.lines().map(str::to_owned).collect();
        assert_eq!(lines[0], r#"{"index":{"_id":"a","if_seq_no":6,"if_primary_term":2}}"#);
        assert_eq!((lines[1].as_str(), lines[2].as_str()), (r#"{"n":1}"#, r#"{"create":{"_id":"b"}}"#));
    }

    #[tokio::test]
    async fn answers_about_other_documents_are_none() {
        let found = r#"{"docs":[{"_index":"s","_id":"z","found":false}]}"#;
        let fake = Fake::start_with(vec![Act::json(200, found)], attempts(1)).await;
        assert!(fake.cluster.get_documents("s", &["a"], &["n"]).await.is_err());
        let fake = Fake::start_with(vec![Act::json(200, r#"{"items":[]}"#)], attempts(1)).await;
        assert!(fake.cluster.put_documents("s", &[item("a", Guard::Create)]).await.is_err());
    }
}

//! Bulk updates: parts of documents put over those that exist, every other field left as it is.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::call::{Answer, Call};
use super::error::Cause;
use super::reason::Reason;
use super::{Cluster, ElasticError};
use crate::diagnostic::sanitize;

/// The size of a request that is aimed at, in bytes; one large part may exceed it alone.
const MAX_BYTES: usize = 5 << 20;

/// How often an update is made anew where somebody else changes the same document.
const CONFLICTS: u8 = 5;

/// One part of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialDocument {
    /// The index that holds the document, by its own name.
    pub index: String,
    /// Its id.
    pub id: String,
    /// The fields to set; objects are merged, everything else is replaced.
    pub fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct Answered {
    items: Vec<BTreeMap<String, ItemAnswer>>,
}

#[derive(Deserialize)]
struct ItemAnswer {
    status: u16,
    #[serde(default)]
    error: Option<Reason>,
}

impl Cluster {
    /// Puts each part over its document; the outcomes, in the order of the parts, are nothing or why one was not set.
    ///
    /// Sending the same again changes nothing, so a lost answer is asked for again. A document that does not exist is
    /// not made.
    pub async fn bulk_update(&self, parts: Vec<PartialDocument>) -> Vec<Result<(), String>> {
        let mut outcomes = Vec::with_capacity(parts.len());
        let mut rest: Vec<String> = parts.into_iter().map(lines).collect();
        while !rest.is_empty() {
            let count = fitting(&rest);
            let chunk: Vec<String> = rest.drain(..count).collect();
            match self.send_parts(&chunk).await {
                Ok(settled) => outcomes.extend(settled),
                Err(error) => outcomes.extend(chunk.iter().map(|_| Err(error.to_string()))),
            }
        }
        outcomes
    }

    async fn send_parts(&self, chunk: &[String]) -> Result<Vec<Result<(), String>>, ElasticError> {
        let call = Call::new(Method::Post, "/_bulk", format!("updating {} documents", chunk.len()))
            .param("filter_path", "items.*.status,items.*.error")
            .body(Body::Lines(chunk.concat()));
        self.call(&call, |answer| settle(answer, chunk.len())).await
    }
}

/// How many of the parts go into one request.
fn fitting(parts: &[String]) -> usize {
    let mut bytes = 0;
    let fit = parts.iter().take_while(|part| {
        bytes += part.len();
        bytes <= MAX_BYTES
    });
    fit.count().max(1)
}

fn lines(part: PartialDocument) -> String {
    let action = json!({"update": {"_index": part.index, "_id": part.id, "retry_on_conflict": CONFLICTS}});
    format!("{action}\n{{\"doc\":{}}}\n", Value::Object(part.fields))
}

fn settle(answer: &Answer, count: usize) -> Result<Vec<Result<(), String>>, ElasticError> {
    let Answered { items } = answer.json()?;
    if items.len() != count {
        let words = format!("expected the outcomes of {count} updates, found {}", items.len());
        return Err(answer.error(Cause::Unexpected(words)));
    }
    let outcome = |item: BTreeMap<String, ItemAnswer>| match item.into_values().next() {
        Some(item) if (200..300).contains(&item.status) => Ok(()),
        Some(item) => {
            Err(sanitize(&format!("HTTP {} {}", item.status, item.error.unwrap_or_default().words())))
        }
        None => Err("no outcome".to_owned()),
    };
    Ok(items.into_iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::{PartialDocument, fitting};
    use crate::elastic::fake::{Act, Fake, attempts};
    use serde_json::{Map, json};

    fn part(id: &str) -> PartialDocument {
        let fields = Map::from_iter([("a.b".to_owned(), json!("x\ny"))]);
        PartialDocument { index: "alerts-000001".into(), id: id.into(), fields }
    }

    #[tokio::test]
    async fn every_part_has_its_own_outcome() {
        let answer = r#"{"items":[{"update":{"status":200}},
            {"update":{"status":404,"error":{"type":"document_missing_exception","reason":"r"}}}]}"#;
        let fake = Fake::start(vec![Act::json(200, answer)]).await;
        let outcomes = fake.cluster.bulk_update(vec![part("a"), part("b")]).await;
        assert_eq!(outcomes[0], Ok(()));
        assert!(
            outcomes[1].as_ref().is_err_and(|reason| reason.contains("document_missing")),
            "{outcomes:?}"
        );
        assert_eq!(fake.seen()[0].body.lines().count(), 4);
        assert!(fake.seen()[0].body.contains(r#""_index":"alerts-000001","_id":"b","retry_on_conflict":5"#));
    }

    #[tokio::test]
    async fn a_request_that_fails_is_the_outcome_of_its_parts() {
        let fake = Fake::start_with(vec![Act::json(200, r#"{"items":[]}"#)], attempts(1)).await;
        assert!(fake.cluster.bulk_update(vec![part("a")]).await[0].is_err());
        assert!(fake.cluster.bulk_update(Vec::new()).await.is_empty());
    }

    #[test]
    fn requests_stay_small_unless_one_part_is_large() {
        let (small, large) = ("x".repeat(2 << 20), "x".repeat(9 << 20));
        assert_eq!(fitting(&[small.clone(), small.clone(), small.clone()]), 2);
        assert_eq!(fitting(&[large.clone(), small]), 1);
    }
}

//! Several searches in one request: every one comes back with its own answer or error.

use std::fmt::Write;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Body, shown};
use super::call::{Answer, Call};
use super::error::Cause;
use super::reason::Reason;
use super::shards::{Clusters, Shards, not_whole};
use super::{Cluster, ElasticError};

/// One search of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchItem {
    /// The index patterns; those that match nothing are no error.
    pub indices: Vec<String>,
    /// The body.
    pub body: Value,
}

#[derive(Deserialize)]
struct Answered {
    responses: Vec<Value>,
}

impl Cluster {
    /// Asks `searches` in one request; the answers, each as the cluster gave it or with its `error`, are in their order.
    ///
    /// `filter_path` says which parts of an answer are wanted, below `responses`. Searches that the cluster could not
    /// take at the moment are asked again, alone, with the waits and attempts of the connection's settings.
    ///
    /// # Errors
    /// No answer at all, or one to something else.
    pub async fn multi_search(
        &self,
        searches: &[SearchItem],
        filter_path: &[&str],
    ) -> Result<Vec<Value>, ElasticError> {
        let mut answers = vec![Value::Null; searches.len()];
        let mut open: Vec<usize> = (0..searches.len()).collect();
        let mut delays = self.retry().delays();
        while !open.is_empty() {
            let asked: Vec<&SearchItem> = open.iter().map(|at| &searches[*at]).collect();
            for (at, answer) in open.iter().zip(self.ask(&asked, filter_path).await?) {
                answers[*at] = answer;
            }
            open.retain(|at| is_busy(&answers[*at]));
            match delays.next().filter(|_| !open.is_empty()) {
                Some(delay) => self.ambient().sleep(delay).await,
                None => break,
            }
        }
        Ok(answers)
    }

    /// The same, where an answer that is not whole is none: one search that failed, timed out or lacks shards is an error.
    ///
    /// # Errors
    /// As [`Cluster::multi_search`], and what is missing.
    pub async fn whole_multi_search(
        &self,
        searches: &[SearchItem],
        filter_path: &[&str],
    ) -> Result<Vec<Value>, ElasticError> {
        let answers = self.multi_search(searches, filter_path).await?;
        let lacking = searches.iter().zip(&answers).find_map(|(search, answer)| {
            let asked = format!("searching {}", shown(&search.indices));
            lacking(answer)
                .map(|words| ElasticError::new(asked, self.node().place.as_str(), Cause::Shards(words)))
        });
        lacking.map_or(Ok(answers), Err)
    }

    async fn ask(&self, searches: &[&SearchItem], filter_path: &[&str]) -> Result<Vec<Value>, ElasticError> {
        let mut lines = String::new();
        for search in searches {
            let header =
                json!({"index": search.indices, "ignore_unavailable": true, "allow_no_indices": true});
            let _ = writeln!(lines, "{header}\n{}", search.body);
        }
        let parts = ["status", "error", "timed_out", "_shards", "_clusters"].iter().chain(filter_path);
        let parts: Vec<String> = parts.map(|part| format!("responses.{part}")).collect();
        let first = searches.first().map(|search| shown(&search.indices)).unwrap_or_default();
        let asked = format!("asking {} searches at once, the first of {first}", searches.len());
        let call = Call::new(Method::Post, "/_msearch", asked)
            .param("filter_path", parts.join(","))
            .body(Body::Lines(lines));
        self.call(&call, |answer| read(answer, searches.len())).await
    }
}

fn read(answer: &Answer, count: usize) -> Result<Vec<Value>, ElasticError> {
    let Answered { responses } = answer.json()?;
    if responses.len() == count {
        return Ok(responses);
    }
    let words = format!("expected the answers to {count} searches, found {}", responses.len());
    Err(answer.error(Cause::Unexpected(words)))
}

/// What an answer lacks, in words; none where it is whole.
fn lacking(answer: &Value) -> Option<String> {
    if let Some(error) = answer.get("error") {
        let reason = Reason::deserialize(error).unwrap_or_default().words();
        return Some(format!("HTTP {} {reason}", answer["status"].as_u64().unwrap_or_default()));
    }
    let shards = Shards::deserialize(&answer["_shards"]).unwrap_or_default();
    let clusters = Clusters::deserialize(&answer["_clusters"]).unwrap_or_default();
    not_whole(&shards, &clusters, answer["timed_out"] == true)
}

fn is_busy(answer: &Value) -> bool {
    answer.get("error").is_some() && matches!(answer["status"].as_u64(), Some(429 | 502..=504))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::SearchItem;
    use crate::elastic::fake::{Act, Fake, attempts};

    fn searches(count: usize) -> Vec<SearchItem> {
        let search = |at: usize| SearchItem { indices: vec!["logs-*".into()], body: json!({"size": at}) };
        (0..count).map(search).collect()
    }

    #[tokio::test]
    async fn only_what_the_cluster_could_not_take_is_asked_again() {
        let first = r#"{"responses":[{"status":200},{"status":429,"error":{"type":"busy"}},{"status":400,"error":{}}]}"#;
        let second = r#"{"responses":[{"status":200,"timed_out":false}]}"#;
        let fake = Fake::start(vec![Act::json(200, first), Act::json(200, second)]).await;
        let answers = fake.cluster.multi_search(&searches(3), &["aggregations"]).await.expect("answers");
        let statuses: Vec<_> = answers.iter().map(|answer| answer["status"].as_u64()).collect();
        assert_eq!(statuses, [Some(200), Some(200), Some(400)]);
        assert_eq!(fake.seen()[1].body.lines().last(), Some(r#"{"size":1}"#));
        assert!(fake.seen()[0].line.contains("responses.aggregations"));
        assert_eq!(fake.waits().len(), 1);
    }

    #[tokio::test]
    async fn what_stays_busy_comes_back_with_its_error() {
        let busy = Act::json(200, r#"{"responses":[{"status":429,"error":{"type":"busy"}}]}"#);
        let fake = Fake::start_with(vec![busy.clone(), busy], attempts(2)).await;
        let answers = fake.cluster.multi_search(&searches(1), &[]).await.expect("answers");
        assert_eq!(answers[0]["error"]["type"], "busy");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_whole_is_none_where_that_is_asked_for() {
        for (answer, words) in [
            (
                r#"{"status":400,"error":{"type":"odd","reason":"no such thing"}}"#,
                "HTTP 400 odd: no such thing",
            ),
            (r#"{"status":200,"timed_out":true,"_shards":{"total":1,"failed":0}}"#, "timed out"),
            (r#"{"status":200,"timed_out":false,"_shards":{"total":2,"failed":1}}"#, "1 of 2 shards failed"),
        ] {
            let whole = r#"{"status":200,"timed_out":false,"_shards":{"total":1,"failed":0}}"#;
            let body = format!(r#"{{"responses":[{whole},{answer}]}}"#);
            let fake = Fake::start_with(vec![Act::json(200, &body)], attempts(1)).await;
            let error = fake.cluster.whole_multi_search(&searches(2), &[]).await.expect_err("not whole");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_to_other_searches_is_none() {
        let fake = Fake::start_with(vec![Act::json(200, r#"{"responses":[]}"#)], attempts(1)).await;
        let error = fake.cluster.multi_search(&searches(2), &[]).await.expect_err("an error");
        assert!(error.to_string().contains("expected the answers to 2 searches, found 0"), "{error}");
        assert!(fake.cluster.multi_search(&[], &[]).await.expect("nothing").is_empty());
    }
}

//! Whether anything matches: many questions in one request, each answered for every shard or not at all.

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
use crate::diagnostic::sanitize;

/// Searches that the cluster may work on at the same time: detection is not the only thing it does.
const AT_ONCE: usize = 5;

/// How long one search may take in the cluster: one that is slow must not keep the others' answers.
const PATIENCE: &str = "10s";

/// The parts of an answer that say whether it is whole and whether there was a match.
const PARTS: &str = "responses.error,responses.timed_out,responses._shards.total,responses._shards.failed,\
    responses._shards.failures,responses._clusters,responses.hits.total.value";

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Existence {
    /// The index patterns; those that match nothing are no error.
    pub indices: Vec<String>,
    /// What a document must match.
    pub query: Value,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Every shard answered in full, and nothing matches.
    Nothing,
    /// Something matches.
    Something,
    /// Nobody knows, and why, in words: an error, a shard that failed, a time-out, a remote cluster that was skipped.
    Unknown(String),
}

#[derive(Deserialize)]
struct Answered {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    error: Option<Reason>,
    timed_out: Option<bool>,
    #[serde(rename = "_shards")]
    shards: Option<Shards>,
    #[serde(default, rename = "_clusters")]
    clusters: Clusters,
    hits: Option<Hits>,
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

impl Cluster {
    /// Asks in one request whether anything matches each of `questions`; the answers are in their order.
    ///
    /// A request that takes too long, or is larger than the way there allows, is not sent again: its questions may well be
    /// answered in smaller parts.
    ///
    /// # Errors
    /// No answer at all, or one to something else.
    pub async fn any_matches(&self, questions: &[Existence]) -> Result<Vec<Presence>, ElasticError> {
        let Some(first) = questions.first() else { return Ok(Vec::new()) };
        let first = shown(&first.indices);
        let asked = format!("asking {} questions at once, the first of {first}", questions.len());
        let call = Call::new(Method::Post, "/_msearch", asked)
            .param("max_concurrent_searches", AT_ONCE)
            .param("filter_path", PARTS)
            .body(Body::Lines(lines(questions)));
        let again = |error: &ElasticError| !error.is_too_much();
        self.call_while(&call, again, |answer| read(answer, questions.len())).await
    }
}

/// The windows of these searches never come again, so that keeping the answers would be in vain.
fn lines(questions: &[Existence]) -> String {
    let mut lines = String::new();
    for question in questions {
        let header = json!({"index": question.indices, "ignore_unavailable": true, "allow_no_indices": true,
            "allow_partial_search_results": true, "request_cache": false});
        let body = json!({"size": 0, "track_total_hits": 1, "timeout": PATIENCE, "query": question.query});
        let _ = writeln!(lines, "{header}\n{body}");
    }
    lines
}

fn read(answer: &Answer, count: usize) -> Result<Vec<Presence>, ElasticError> {
    let Answered { responses } = answer.json()?;
    if responses.len() == count {
        return Ok(responses.into_iter().map(presence).collect());
    }
    let words = format!("expected the answers to {count} questions, found {}", responses.len());
    Err(answer.error(Cause::Unexpected(words)))
}

/// A match is one whatever else is missing: who reads the matches finds out what that is.
fn presence(response: Response) -> Presence {
    let Response { error, timed_out, shards, clusters, hits } = response;
    if let Some(error) = error {
        return Presence::Unknown(sanitize(&error.words()));
    }
    let (Some(timed_out), Some(shards), Some(hits)) = (timed_out, shards, hits) else {
        return Presence::Unknown("the answer lacks a part".to_owned());
    };
    match not_whole(&shards, &clusters, timed_out) {
        _ if hits.total.value > 0 => Presence::Something,
        Some(words) => Presence::Unknown(sanitize(&words)),
        None => Presence::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Existence, Presence};
    use crate::elastic::fake::{Act, Fake, attempts};

    const SHARDS: &str = r#""timed_out":false,"_shards":{"total":2,"failed":0}"#;

    fn questions(count: usize) -> Vec<Existence> {
        let question = |at| Existence { indices: vec!["logs-*".into()], query: json!({"term": {"n": at}}) };
        (0..count).map(question).collect()
    }

    async fn asked(responses: &[&str]) -> Vec<Presence> {
        let body = format!(r#"{{"responses":[{}]}}"#, responses.join(","));
        let fake = Fake::start_with(vec![Act::json(200, &body)], attempts(1)).await;
        fake.cluster.any_matches(&questions(responses.len())).await.expect("answers")
    }

    #[tokio::test]
    async fn only_a_whole_answer_without_a_match_means_nothing() {
        let found = asked(&[
            &format!(r#"{{{SHARDS},"hits":{{"total":{{"value":0}}}}}}"#),
            &format!(r#"{{{SHARDS},"hits":{{"total":{{"value":1}}}}}}"#),
            r#"{"timed_out":false,"_shards":{"total":2,"failed":1,"failures":[{"shard":1,"index":"red",
                "reason":{"type":"no_shard_available_action_exception"}}]},"hits":{"total":{"value":0}}}"#,
            r#"{"timed_out":true,"_shards":{"total":2,"failed":0},"hits":{"total":{"value":0}}}"#,
            &format!(
                r#"{{{SHARDS},"_clusters":{{"total":2,"skipped":1}},"hits":{{"total":{{"value":0}}}}}}"#
            ),
            r#"{"error":{"type":"too_many_nested_clauses","reason":"1024"},"status":400}"#,
            r#"{"timed_out":true,"_shards":{"total":2,"failed":0},"hits":{"total":{"value":1}}}"#,
            &format!("{{{SHARDS}}}"),
            r#"{"hits":{"total":{"value":0}}}"#,
        ])
        .await;
        let words = |at: usize| match &found[at] {
            Presence::Unknown(words) => words.as_str(),
            other => panic!("{at}: {other:?}"),
        };
        assert_eq!((&found[0], &found[1]), (&Presence::Nothing, &Presence::Something));
        assert!(words(2).contains("`red` shard 1"), "{}", words(2));
        assert!(words(3).contains("timed out"), "{}", words(3));
        assert!(words(4).contains("clusters"), "{}", words(4));
        assert!(words(5).contains("too_many_nested_clauses"), "{}", words(5));
        assert_eq!(found[6], Presence::Something);
        assert!([7, 8].iter().all(|at| words(*at).contains("lacks a part")));
    }

    #[tokio::test]
    async fn each_question_is_a_search_without_hits() {
        let whole = format!(r#"{{"responses":[{{{SHARDS},"hits":{{"total":{{"value":0}}}}}}]}}"#);
        let fake = Fake::start(vec![Act::json(200, &whole)]).await;
        fake.cluster.any_matches(&questions(1)).await.expect("answers");
        let seen = &fake.seen()[0];
        assert!(
            seen.line.starts_with("POST /_msearch?max_concurrent_searches=5&filter_path=responses.error")
        );
        let lines: Vec<Value> =
            seen.body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((&lines[0]["index"], &lines[0]["request_cache"]), (&json!(["logs-*"]), &json!(false)));
        assert_eq!((&lines[1]["size"], &lines[1]["track_total_hits"]), (&json!(0), &json!(1)));
        assert_eq!(lines[1]["query"], json!({"term": {"n": 0}}));
    }

    #[tokio::test]
    async fn what_is_too_much_at_once_is_not_sent_again() {
        for act in [Act::Close, Act::with(413, "", ""), Act::with(504, "", "")] {
            let fake = Fake::start(vec![act]).await;
            assert!(fake.cluster.any_matches(&questions(2)).await.is_err());
            assert_eq!((fake.seen().len(), fake.waits().len()), (1, 0));
        }
    }

    #[tokio::test]
    async fn answers_to_other_questions_are_none() {
        let fake = Fake::start_with(vec![Act::json(200, r#"{"responses":[]}"#)], attempts(1)).await;
        let error = fake.cluster.any_matches(&questions(2)).await.expect_err("an error");
        assert!(error.to_string().contains("expected the answers to 2 questions, found 0"), "{error}");
        assert!(fake.cluster.any_matches(&[]).await.expect("nothing").is_empty());
    }
}

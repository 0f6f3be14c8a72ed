//! Pages of a point in time: each complete, or saying in words what it lacks.

use elasticsearch::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::body::Body;
use super::call::{Answer, Call, unwritable};
use super::error::Cause;
use super::shards::{Clusters, Shards, not_whole};
use super::{Cluster, ElasticError, PointInTime};
use crate::event::{Event, decode};

/// Some events of a window.
#[derive(Debug, Default)]
pub struct Page {
    /// What was read, in no order that means anything.
    pub events: Vec<Event>,
    /// Whether another page may hold more.
    pub more: bool,
    /// What is missing from this page, and why, in words; none where every shard answered in full.
    pub partial: Option<String>,
    /// The size of the answer in bytes.
    pub bytes: usize,
    /// Documents (`index`/`id`) that were not proper JSON and were read with replacements.
    pub repaired: Vec<String>,
}

#[derive(Serialize)]
struct Request<'a> {
    pit: Pit<'a>,
    size: usize,
    query: &'a Value,
    /// The order of the shards themselves: no field that could be missing, and the cheapest to follow.
    sort: [SortByDocument; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    search_after: Option<&'a RawValue>,
    track_total_hits: bool,
    _source: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [String],
}

#[derive(Serialize)]
struct Pit<'a> {
    id: &'a str,
    keep_alive: &'a str,
}

#[derive(Serialize)]
struct SortByDocument {
    _shard_doc: &'static str,
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(default)]
    pit_id: Option<String>,
    timed_out: bool,
    #[serde(default)]
    terminated_early: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(default, rename = "_clusters")]
    clusters: Clusters,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(borrow, default, rename = "_source")]
    source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fields: Option<&'a RawValue>,
    #[serde(borrow)]
    sort: &'a RawValue,
}

/// What one answer holds, and what it moves in the point in time.
struct Read {
    page: Page,
    pit_id: Option<String>,
    after: Option<Box<RawValue>>,
    too_large: bool,
}

impl Cluster {
    /// Reads the next page of what `query` matches, at most `limit` events (10,000 in any case); fewer where
    /// documents are large. `fields` are full names whose values are wanted as the index has them.
    ///
    /// Reads on after a partial page too; a window of which any page was partial is not done.
    ///
    /// # Errors
    /// No answer, a query that the cluster refuses, or a point in time that has ended
    /// ([`ElasticError::is_point_in_time_lost`]): then the window must be read again from a new one.
    pub async fn next_page(
        &self,
        pit: &mut PointInTime,
        query: &Value,
        fields: &[String],
        limit: usize,
    ) -> Result<Page, ElasticError> {
        loop {
            let size = pit.size.ask(limit);
            let call = request(pit, query, fields, size)?;
            let hopeless = |error: &ElasticError| error.is_too_large() && size > 1;
            let result = self.call_while(&call, |error| !hopeless(error), |answer| read(answer, size)).await;
            let too_large = match &result {
                Ok(read) => read.too_large,
                Err(error) => error.is_too_large(),
            };
            if too_large && pit.size.halve(size) {
                // Memory that is short now may be free in a moment.
                self.ambient().sleep(self.retry().first_delay).await;
                continue;
            }
            let Read { page, pit_id, after, .. } = result?;
            pit.id = pit_id.unwrap_or_else(|| std::mem::take(&mut pit.id));
            pit.after = after.or(pit.after.take());
            pit.size.learn(page.events.len(), page.bytes);
            return Ok(page);
        }
    }
}

fn request(pit: &PointInTime, query: &Value, fields: &[String], size: usize) -> Result<Call, ElasticError> {
    let asked = format!("reading a page of {}", pit.shown);
    let body = Request {
        pit: Pit { id: &pit.id, keep_alive: &pit.keep_alive },
        size,
        query,
        sort: [SortByDocument { _shard_doc: "asc" }],
        search_after: pit.after.as_deref(),
        track_total_hits: false,
        _source: true,
        fields,
    };
    let body = serde_json::to_string(&body).map_err(|error| unwritable(&asked, &error))?;
    Ok(Call::new(Method::Post, "/_search", asked)
        .param("allow_partial_search_results", true)
        .body(Body::Json(body)))
}

fn read(answer: &Answer, size: usize) -> Result<Read, ElasticError> {
    let found: Found<'_> = answer.json()?;
    let partial = partial(&found);
    if found.shards.is_context_missing() {
        let words = partial.unwrap_or_default();
        return Err(answer.error(Cause::PointInTimeLost(format!("the point in time has ended: {words}"))));
    }
    let hits = &found.hits.hits;
    let mut page = Page {
        // After a shard failed, the others' next documents may still be ahead.
        more: hits.len() >= size || (partial.is_some() && !hits.is_empty()),
        partial,
        bytes: answer.body.len(),
        events: Vec::with_capacity(hits.len()),
        repaired: Vec::new(),
    };
    for hit in hits {
        add(&mut page, hit);
    }
    let after = hits.last().map(|hit| hit.sort.to_owned());
    let too_large = found.shards.is_too_large();
    Ok(Read { page, pit_id: found.pit_id, after, too_large })
}

fn add(page: &mut Page, hit: &Hit<'_>) {
    let source = decode::object(hit.source);
    let fields = decode::object(hit.fields);
    if source.repaired || fields.repaired {
        page.repaired.push(format!("`{}`/`{}`", hit.index, hit.id));
    }
    let (index, id) = (hit.index.clone(), hit.id.clone());
    page.events.push(Event { index, id, source: source.value, fields: fields.value });
}

fn partial(found: &Found<'_>) -> Option<String> {
    let missing = not_whole(&found.shards, &found.clusters, found.timed_out);
    let early = found.terminated_early.then(|| "the search was ended early".to_owned());
    let missing: Vec<String> = [missing, early].into_iter().flatten().collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

#[cfg(test)]
mod tests {
    use crate::elastic::fake::{Act, Fake};
    use crate::elastic::{ElasticError, Opening, Page, PointInTime};
    use serde_json::{Value, json};
    use std::time::Duration;

    const OPENED: &str = r#"{"id":"p1","_shards":{"total":2,"successful":2,"skipped":0,"failed":0}}"#;

    async fn opened(mut acts: Vec<Act>) -> (Fake, PointInTime) {
        acts.insert(0, Act::json(200, OPENED));
        let fake = Fake::start(acts).await;
        match fake.cluster.open_point_in_time(&["logs-*".into()], Duration::from_mins(1)).await {
            Ok(Opening::Opened(pit)) => (fake, pit),
            other => panic!("{other:?}"),
        }
    }

    fn answer(more: &str, hits: &str) -> String {
        format!(r#"{{"pit_id":"p2",{more}"hits":{{"hits":[{hits}]}}}}"#)
    }

    const WHOLE: &str = r#""timed_out":false,"_shards":{"total":2,"successful":2,"failed":0},"#;

    fn hit(n: usize) -> String {
        format!(r#"{{"_index":"i","_id":"{n}","_source":{{"n":{n}}},"fields":{{"n":[{n}]}},"sort":[{n}]}}"#)
    }

    async fn page(fake: &Fake, pit: &mut PointInTime) -> Result<Page, ElasticError> {
        fake.cluster.next_page(pit, &json!({"match_all": {}}), &["n".into()], 2).await
    }

    #[tokio::test]
    async fn follows_the_last_document_and_the_renewed_id() {
        let first = answer(WHOLE, &format!("{},{}", hit(1), hit(9_007_199_254_740_993)));
        let (fake, mut pit) = opened(vec![Act::json(200, &first), Act::json(200, &answer(WHOLE, ""))]).await;
        let read = page(&fake, &mut pit).await.expect("a page");
        assert!(read.more && read.partial.is_none());
        assert_eq!(read.events[0].source.get("n"), Some(&json!(1)));
        let last = page(&fake, &mut pit).await.expect("a page");
        assert!(!last.more && last.events.is_empty());
        let sent: Value = serde_json::from_str(&fake.seen()[2].body).expect("JSON");
        assert_eq!(sent["search_after"], json!([9_007_199_254_740_993_u64]));
        assert_eq!(sent["pit"]["id"], "p2");
        assert_eq!(sent["sort"], json!([{"_shard_doc": "asc"}]));
    }

    #[tokio::test]
    async fn what_is_missing_is_told() {
        let shards = r#""timed_out":true,"terminated_early":true,"_shards":{"total":2,"failed":1,"failures":[{"shard":1,
            "index":"red","reason":{"type":"no_shard_available_action_exception","reason":null}}]},
            "_clusters":{"total":1,"skipped":1,"details":{"far":{"status":"skipped"}}},"#;
        let (fake, mut pit) = opened(vec![Act::json(200, &answer(shards, &hit(1)))]).await;
        let read = page(&fake, &mut pit).await.expect("a page");
        assert!(read.more);
        let words = read.partial.expect("partial");
        for part in ["`red` shard 1", "`far` skipped", "timed out", "ended early"] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[tokio::test]
    async fn an_ended_point_in_time_is_an_error_of_its_own() {
        let some = r#""timed_out":false,"_shards":{"total":2,"failed":1,"failures":[{"shard":1,"index":"a",
            "reason":{"type":"search_context_missing_exception","reason":"No search context found for id [3]"}}]},"#;
        let all = r#"{"error":{"root_cause":[{"type":"no_shard_available_action_exception","reason":null},
            {"type":"search_context_missing_exception","reason":"No search context found"}]},"status":503}"#;
        for act in [Act::json(200, &answer(some, &hit(1))), Act::json(404, all), Act::json(503, all)] {
            let (fake, mut pit) = opened(vec![act]).await;
            let error = page(&fake, &mut pit).await.expect_err("lost");
            assert!(error.is_point_in_time_lost() && !error.is_retryable(), "{error}");
        }
    }

    #[tokio::test]
    async fn a_page_that_is_too_large_is_halved() {
        let breaker =
            r#"{"error":{"root_cause":[{"type":"circuit_breaking_exception","reason":"Data too large"}]}}"#;
        let window = r#""timed_out":false,"_shards":{"total":2,"failed":1,"failures":[{"shard":1,"index":"a","reason":
            {"type":"illegal_argument_exception","reason":"Result window is too large, from + size"}}]},"#;
        for too_large in
            [Act::json(429, breaker), Act::json(200, &answer(window, &hit(1))), Act::json(413, "")]
        {
            let (fake, mut pit) = opened(vec![too_large, Act::json(200, &answer(WHOLE, &hit(1)))]).await;
            let read = page(&fake, &mut pit).await.expect("a page");
            assert_eq!((read.events.len(), read.more, read.partial), (1, true, None));
            let sizes: Vec<Value> = fake.seen()[1..].iter().map(|seen| size_of(&seen.body)).collect();
            assert_eq!(sizes, [2, 1]);
        }
    }

    fn size_of(body: &str) -> Value {
        serde_json::from_str::<Value>(body).expect("JSON")["size"].clone()
    }

    #[tokio::test]
    async fn one_broken_document_costs_nothing() {
        let broken = r#"{"_index":"i","_id":"b","_source":{"u":"\ud800","id":7},"sort":[5]}"#;
        let body = answer(WHOLE, &format!("{broken},{}", hit(1)));
        let (fake, mut pit) = opened(vec![Act::json(200, &body)]).await;
        let read = page(&fake, &mut pit).await.expect("a page");
        assert_eq!(read.repaired, ["`i`/`b`"]);
        assert_eq!(read.events.len(), 2);
        assert_eq!(read.events[0].source.get("id"), Some(&json!(7)));
    }
}

//! Bulk requests against a cluster that answers as told.

use super::{BulkItem, ItemOutcome, MAX_BYTES, chunks, lines};
use crate::elastic::fake::{Act, Fake, attempts};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

fn items(ids: &[&str]) -> Vec<BulkItem> {
    ids.iter().map(|id| BulkItem { id: (*id).to_owned(), document: "{\n\"a\": 1}".to_owned() }).collect()
}

fn answer(items: &[(&str, u16, &str)]) -> Act {
    let item = |(id, status, kind): &(&str, u16, &str)| {
        let error = if kind.is_empty() {
            String::new()
        } else {
            format!(r#","error":{{"type":"{kind}","reason":"r\u001b"}}"#)
        };
        format!(r#"{{"create":{{"_id":"{id}","status":{status}{error}}}}}"#)
    };
    let items: Vec<String> = items.iter().map(item).collect();
    Act::json(200, &format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(",")))
}

#[tokio::test]
async fn mixed_outcomes_stay_with_their_items_and_only_busy_ones_are_sent_again() {
    let fake = Fake::start(vec![
        answer(&[
            ("a", 201, ""),
            ("b", 409, "version_conflict_engine_exception"),
            ("c", 429, "es_rejected_execution_exception"),
            ("d", 400, "document_parsing_exception"),
            ("e", 403, "cluster_block_exception"),
            ("f", 503, "unavailable_shards_exception"),
        ]),
        answer(&[("c", 201, ""), ("f", 503, "unavailable_shards_exception")]),
        answer(&[("f", 201, "")]),
    ])
    .await;
    let outcomes =
        fake.cluster.bulk_create("alerts", &items(&["a", "b", "c", "d", "e", "f"])).await.expect("outcomes");
    assert_eq!(outcomes[..3], [ItemOutcome::Created, ItemOutcome::Exists, ItemOutcome::Created]);
    let ItemOutcome::Rejected { status: 400, error_type, reason } = &outcomes[3] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(error_type, "document_parsing_exception");
    assert!(!reason.contains('\u{1b}'));
    assert!(matches!(&outcomes[4], ItemOutcome::Retryable(reason) if reason.contains("cluster_block")));
    assert_eq!(outcomes[5], ItemOutcome::Created);
    assert_eq!(fake.seen()[1].body.lines().count(), 4);
    assert_eq!(fake.waits().len(), 2);
    assert!(fake.seen()[0].line.contains("require_alias=true"));
    assert!(fake.seen()[0].head.contains("content-type: application/x-ndjson"));
}

#[tokio::test]
async fn what_is_not_created_is_rejected_though_its_status_is_no_error() {
    let dropped = r#"{"create":{"_id":"a","status":200}}"#;
    let failure = r#"{"create":{"_id":"lEu8jZYB_ZAKuDfZNouU","status":201,"failure_store":"used"}}"#;
    let created = r#"{"create":{"_id":"c","status":201,"failure_store":"not_applicable_or_unknown"}}"#;
    let body = format!(r#"{{"items":[{dropped},{failure},{created}]}}"#);
    let fake = Fake::start(vec![Act::json(200, &body)]).await;
    let outcomes =
        fake.cluster.bulk_create_in_stream("logs-a-b", &items(&["a", "b", "c"])).await.expect("outcomes");
    let kind = |outcome: &ItemOutcome| match outcome {
        ItemOutcome::Rejected { status, error_type, .. } => format!("{status} {error_type}"),
        other => format!("{other:?}"),
    };
    assert_eq!(
        outcomes.iter().map(kind).collect::<Vec<_>>(),
        ["200 not_created", "201 failure_store", "Created"]
    );
    assert!(fake.seen()[0].line.contains("items.*.failure_store"));
}

#[tokio::test]
async fn a_request_that_is_to_wait_longer_than_it_can_is_an_error() {
    let busy = Act::with(429, "retry-after: 60\r\n", "");
    let fake = Fake::start(vec![busy]).await;
    let error =
        fake.cluster.bulk_create("alerts", &items(&["a"])).await.expect_err("a wish to be left alone");
    assert_eq!((error.retry_after(), fake.seen().len()), (Some(std::time::Duration::from_mins(1)), 1));
}

#[tokio::test]
async fn nothing_but_a_data_stream_is_made() {
    let fake = Fake::start(vec![answer(&[("a", 201, "")])]).await;
    assert_eq!(
        fake.cluster.bulk_create_in_stream("logs-a-b", &items(&["a"])).await.expect("outcomes"),
        [ItemOutcome::Created]
    );
    let line = &fake.seen()[0].line;
    assert!(line.contains("require_data_stream=true") && !line.contains("require_alias"), "{line}");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let fake =
        Fake::start(vec![Act::Close, answer(&[("a", 409, "version_conflict_engine_exception")])]).await;
    assert_eq!(
        fake.cluster.bulk_create("alerts", &items(&["a"])).await.expect("outcomes"),
        [ItemOutcome::Exists]
    );
    assert_eq!(fake.seen()[0].body, fake.seen()[1].body);
}

#[tokio::test]
async fn items_that_stay_busy_come_back() {
    let busy = answer(&[("a", 429, "es_rejected_execution_exception")]);
    let fake = Fake::start_with(vec![busy.clone(), busy], attempts(2)).await;
    let outcomes = fake.cluster.bulk_create("alerts", &items(&["a"])).await.expect("outcomes");
    assert!(matches!(&outcomes[0], ItemOutcome::Retryable(reason) if reason.contains("es_rejected")));
}

#[tokio::test]
async fn an_answer_about_other_items_settles_nothing() {
    for wrong in [answer(&[("a", 201, "")]), answer(&[("b", 201, ""), ("a", 201, "")]), Act::json(200, "{}")]
    {
        let fake = Fake::start(vec![wrong]).await;
        let outcomes = fake.cluster.bulk_create("alerts", &items(&["a", "b"])).await.expect("outcomes");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, ItemOutcome::Retryable(_))), "{outcomes:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_together_is_sent_apart() {
    let large = || Act::with(413, "", "");
    let acts = vec![large(), answer(&[("a", 201, "")]), large(), answer(&[("b", 201, "")]), large()];
    let fake = Fake::start(acts).await;
    let outcomes = fake.cluster.bulk_create("alerts", &items(&["a", "b", "c"])).await.expect("outcomes");
    assert_eq!(outcomes[..2], [ItemOutcome::Created, ItemOutcome::Created]);
    assert!(matches!(outcomes[2], ItemOutcome::Rejected { status: 413, .. }), "{outcomes:?}");
}

#[tokio::test]
async fn a_failed_request_leaves_its_items_and_the_later_ones_owed() {
    let large = "x".repeat(MAX_BYTES);
    let items: Vec<BulkItem> = ["a", "b", "c"]
        .map(|id| BulkItem { id: id.into(), document: format!("{{\"x\":\"{large}\"}}") })
        .into();
    let denied = r#"{"error":{"root_cause":[{"type":"security_exception","reason":"denied"}]},"status":403}"#;
    let fake = Fake::start(vec![answer(&[("a", 201, "")]), Act::json(403, denied)]).await;
    let outcomes = fake.cluster.bulk_create("alerts", &items).await.expect("outcomes");
    assert_eq!(outcomes[0], ItemOutcome::Created);
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, ItemOutcome::Retryable(reason) if reason.contains("lack the privilege")));
    }
    assert_eq!(fake.seen().len(), 2);
}

const GREETING: &str = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;

fn large(ids: &[&str]) -> Vec<BulkItem> {
    let document = format!("{{\"x\":\"{}\"}}", "x".repeat(super::MAYBE_TOO_LARGE));
    ids.iter().map(|id| BulkItem { id: (*id).to_owned(), document: document.clone() }).collect()
}

#[tokio::test]
async fn a_connection_that_ends_on_a_large_request_alone_means_too_large() {
    let alive = || Act::json(200, GREETING);
    let acts = vec![Act::Close, alive(), answer(&[("a", 201, "")]), Act::Close, Act::Close, alive()];
    let fake = Fake::start_with(acts, attempts(2)).await;
    let outcomes = fake.cluster.bulk_create("alerts", &large(&["a", "b"])).await.expect("outcomes");
    assert_eq!(outcomes[0], ItemOutcome::Created);
    assert!(matches!(outcomes[1], ItemOutcome::Rejected { status: 413, .. }), "{outcomes:?}");
}

#[tokio::test]
async fn a_cluster_that_is_gone_refuses_no_document() {
    let fake = Fake::start_with(vec![Act::Close, Act::Close, Act::Close], attempts(2)).await;
    let outcomes = fake.cluster.bulk_create("alerts", &large(&["a"])).await.expect("outcomes");
    assert!(matches!(outcomes[0], ItemOutcome::Retryable(_)), "{outcomes:?}");
}

proptest! {
    #[test]
    fn chunks_keep_the_order_and_the_limits(sizes in proptest::collection::vec(0usize..3_000_000, 0..20)) {
        let items: Vec<BulkItem> =
            sizes.iter().map(|size| BulkItem { id: "i".into(), document: "x".repeat(*size) }).collect();
        let chunks = chunks(&items, 0..items.len());
        prop_assert_eq!(chunks.concat(), (0..items.len()).collect::<Vec<_>>());
        for chunk in chunks {
            let bytes: usize = chunk.iter().map(|at| sizes[*at] + 1).sum();
            prop_assert!(bytes <= MAX_BYTES || chunk.len() == 1);
        }
    }

    #[test]
    fn every_line_is_one_json_text(id: String) {
        let items = [BulkItem { id: id.clone(), document: "{\r\n\"a\":\n\"b\\n\"}".to_owned() }];
        let text = lines(&items, &[0]);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        prop_assert_eq!(lines.len(), 2);
        prop_assert_eq!(lines[0]["create"]["_id"].as_str(), Some(id.as_str()));
        prop_assert_eq!(lines[1]["a"].as_str(), Some("b\n"));
    }
}

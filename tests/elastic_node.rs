//! What the cluster module means, checked on a real node: set `ELASTICSEARCH_TEST_URL` to its address.

mod support;

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::time::Duration;

use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::Transport;
use serde_json::{Value, json};
use stakeout::elastic::{
    BulkItem, Cluster, Connection, ElasticError, Ensured, Guard, ItemOutcome, Opening, PointInTime, Put,
    RetryPolicy,
};
use stakeout::event::Event;
use stakeout::schema::{FieldForm, FieldType};

/// A setting that keeps an index off every node but the one named.
const NOWHERE: &str = "index.routing.allocation.include._name";

/// A node, and a prefix of names that are this test's own.
#[derive(Clone)]
struct Node {
    raw: Transport,
    cluster: Cluster,
    prefix: String,
}

impl Node {
    fn name(&self, rest: &str) -> String {
        format!("{}-{rest}", self.prefix)
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sent = self.raw.send(method, path, headers, None::<&()>, Some(body.to_owned()), None).await;
        let response = sent.expect("an answer");
        let status = response.status_code();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn index(&self, rest: &str, mut settings: Value, properties: Value) -> String {
        let name = self.name(rest);
        settings["number_of_replicas"] = json!(0);
        let body = json!({"settings": settings, "mappings": {"properties": properties}});
        // An index that may live nowhere would be waited for in vain.
        let waits = if settings.get(NOWHERE).is_some() { "?wait_for_active_shards=0" } else { "" };
        self.ask(Method::Put, &format!("/{name}{waits}"), &body.to_string()).await;
        name
    }

    /// Indexes documents with ids of their own, and makes them searchable.
    async fn fill(&self, index: &str, documents: impl Iterator<Item = (String, Value)>) {
        let line =
            |(id, document): (String, Value)| format!("{}\n{document}\n", json!({"index": {"_id": id}}));
        let lines: String = documents.map(line).collect();
        let answer = self.ask(Method::Post, &format!("/{index}/_bulk?refresh=true"), &lines).await;
        assert_eq!(answer["errors"], false, "{answer}");
    }

    async fn open(&self, patterns: &[String]) -> PointInTime {
        let opened = self.cluster.open_point_in_time(patterns, Duration::from_mins(1)).await;
        match opened.expect("a point in time") {
            Opening::Opened(pit) => pit,
            Opening::NoIndices => panic!("no indices"),
        }
    }

    /// Reads every page; their number and what was missing come along.
    async fn read(
        &self,
        pit: &mut PointInTime,
        query: &Value,
        limit: usize,
    ) -> (Vec<Event>, usize, Option<String>) {
        let (mut events, mut pages, mut partial) = (Vec::new(), 0, None);
        loop {
            let page = self.cluster.next_page(pit, query, &["n".into(), "user.id".into()], limit).await;
            let page = page.expect("a page");
            events.extend(page.events);
            pages += 1;
            partial = partial.or(page.partial);
            if !page.more {
                return (events, pages, partial);
            }
        }
    }
}

/// Runs a test on the node, if there is one, and removes what it left.
async fn on_node<F: Future<Output = ()> + Send + 'static>(name: &str, test: impl FnOnce(Node) -> F) {
    let Some(url) = support::cluster_url() else { return };
    let own = support::Cluster::at(support::Client::new(url.clone()));
    let prefix = format!("{}-{name}", own.name("stakeout-it"));
    let raw = Transport::single_node(&url).expect("an address");
    let retry = RetryPolicy { first_delay: Duration::from_millis(20), ..RetryPolicy::default() };
    let connection = Connection { urls: vec![url], retry, ..Connection::default() };
    let cluster = Cluster::connect(&connection).expect("a connection");
    let node = Node { raw, cluster, prefix };
    let result = tokio::spawn(test(node.clone())).await;
    let all = format!("{}-*", node.prefix);
    let found = node.ask(Method::Get, &format!("/_resolve/index/{all}?expand_wildcards=all"), "").await;
    for index in found["indices"].as_array().expect("a list") {
        node.ask(Method::Delete, &format!("/{}", index["name"].as_str().expect("a name")), "").await;
    }
    result.expect("the test");
}

fn everything() -> Value {
    json!({"match_all": {}})
}

#[tokio::test]
async fn the_node_says_what_it_is() {
    on_node("info", |node| async move {
        let info = node.cluster.info().await.expect("info");
        assert!(info.version.starts_with("8.") || info.version.starts_with("9."), "{info:?}");
        assert!(!info.is_serverless());
        let offset = node.cluster.measure_clock().await.expect("a time");
        // The node runs on the same machine.
        assert!(offset.num_seconds().abs() <= 2, "{offset}");
        let kept = node.cluster.clock_offset().map(|offset| offset.num_seconds());
        assert_eq!(kept, Some(offset.num_seconds()));
    })
    .await;
}

#[tokio::test]
async fn text_and_keyword_indices_are_told_apart() {
    on_node("caps", |node| async move {
        let text = json!({
            "user": {"properties": {"id": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}},
            "n": {"type": "long"}, "bare": {"type": "text"},
            "deaf": {"type": "keyword", "index": false, "doc_values": false},
            "list": {"type": "nested", "properties": {"k": {"type": "keyword"}}}, "flat": {"type": "flattened"}});
        let keyword = json!({"user": {"properties": {"id": {"type": "keyword"}}}, "n": {"type": "long"},
            "deaf": {"type": "keyword"}});
        let a = node.index("a", json!({}), text).await;
        let b = node.index("b", json!({}), keyword).await;
        let fields = ["user.id", "n", "bare", "deaf", "list.k", "flat.x", "none"].map(str::to_owned);
        let caps = node.cluster.field_caps(&[node.name("*"), "stakeout-no-such".into()], &fields).await;
        let caps = caps.expect("types");
        assert_eq!(caps.missing, None);
        assert_eq!(caps.schema.indices, [a.clone(), b.clone()]);
        let form = |field_type, exact: Option<&str>, index: &str, searchable| FieldForm {
            field_type,
            exact: exact.map(str::to_owned),
            indices: vec![index.to_owned()],
            searchable,
        };
        let types = |field| caps.schema.forms(field);
        let text = form(FieldType::Text, Some("user.id.keyword"), &a, true);
        assert_eq!(types("user.id"), [form(FieldType::Keyword, None, &b, true), text]);
        assert_eq!(types("n"), [FieldForm::everywhere(FieldType::Long)]);
        assert_eq!(types("bare"), [form(FieldType::Text, None, &a, true)]);
        let deaf = [form(FieldType::Keyword, None, &b, true), form(FieldType::Keyword, None, &a, false)];
        assert_eq!(types("deaf"), deaf);
        assert_eq!(types("list")[0].field_type, FieldType::Nested);
        assert_eq!(types("flat")[0].field_type, FieldType::Flattened);
        assert!(types("none").is_empty());
        // So many that they no longer fit into the request line.
        let many: Vec<String> = (0..300).map(|n| format!("a.field.that.nobody.has.{n}")).chain(fields).collect();
        let more = node.cluster.field_caps(&[node.name("*")], &many).await.expect("types");
        assert_eq!(more.schema, caps.schema);
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_document_of_every_index_once() {
    on_node("pages", |node| async move {
        let typed = json!({"n": {"type": "long"}, "user": {"properties": {"id": {"type": "keyword"}}}});
        let a = node.index("a", json!({"number_of_shards": 3}), typed).await;
        let b = node.index("b", json!({}), json!({})).await;
        let documents =
            |from: u64| (from..from + 3_000).map(|n| (n.to_string(), json!({"n": n, "user.id": "u"})));
        node.fill(&a, documents(0)).await;
        // Ids of the two indices overlap; they are other documents all the same.
        node.fill(&b, documents(2_000)).await;
        let mut pit = node.open(&[node.name("*")]).await;
        assert_eq!(pit.missing, None);
        // What is indexed later is not in this point in time.
        node.fill(&a, documents(9_000)).await;
        let (events, pages, partial) = node.read(&mut pit, &everything(), 700).await;
        assert_eq!((events.len(), partial), (6_000, None));
        assert!(pages > 8, "{pages}");
        let distinct: HashSet<_> =
            events.iter().map(|event| (event.index.clone(), event.id.clone())).collect();
        assert_eq!(distinct.len(), 6_000);
        assert!(events.iter().all(|event| event.fields["n"].is_array() && event.source["n"].is_number()));
        node.cluster.close_point_in_time(pit).await;
        let mut pit = node.open(&[node.name("*")]).await;
        let some = json!({"range": {"n": {"gte": 2_990, "lt": 9_000}}});
        let (events, _, _) = node.read(&mut pit, &some, 100).await;
        let numbers: BTreeSet<u64> = events.iter().filter_map(|event| event.source["n"].as_u64()).collect();
        assert_eq!(numbers, (2_990..5_000).collect());
        node.cluster.close_point_in_time(pit).await;
    })
    .await;
}

#[tokio::test]
async fn pages_shrink_to_what_an_index_allows_and_to_large_documents() {
    on_node("large", |node| async move {
        let index = node.index("a", json!({"max_result_window": 100}), json!({"n": {"type": "long"}})).await;
        let filler = "x".repeat(40_000);
        let documents = (0..600_u64).map(|n| (n.to_string(), json!({"n": n, "filler": filler})));
        node.fill(&index, documents).await;
        let mut pit = node.open(&[index]).await;
        let (events, pages, partial) = node.read(&mut pit, &everything(), 10_000).await;
        assert_eq!((events.len(), partial), (600, None));
        assert!(pages >= 6, "{pages}");
        node.cluster.close_point_in_time(pit).await;
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_no_proper_json_is_still_an_event() {
    on_node("broken", |node| async move {
        let index = node.index("a", json!({}), json!({"blob": {"type": "object", "enabled": false}})).await;
        let deep = format!("{}1{}", r#"{"a":"#.repeat(400), "}".repeat(400));
        let sources = [
            r#"{"n":1,"blob":{"agent":"\ud800"}}"#.to_owned(),
            r#"{"n":2,"blob":{"size":1e999}}"#.to_owned(),
            format!(r#"{{"n":3,"blob":{deep}}}"#),
        ];
        for (id, source) in sources.iter().enumerate() {
            node.ask(Method::Put, &format!("/{index}/_doc/{id}?refresh=true"), source).await;
        }
        let mut pit = node.open(&[index]).await;
        let page = node.cluster.next_page(&mut pit, &everything(), &["n".into()], 10).await.expect("a page");
        let numbers: Vec<&Value> = page.events.iter().map(|event| &event.source["n"]).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(page.repaired.len(), 3);
        node.cluster.close_point_in_time(pit).await;
    })
    .await;
}

#[tokio::test]
async fn an_ended_point_in_time_and_a_wrong_query_are_told_apart() {
    on_node("lost", |node| async move {
        let a = node.index("a", json!({}), json!({})).await;
        node.fill(&a, [("1".to_owned(), json!({"n": 1}))].into_iter()).await;
        let mut pit = node.open(std::slice::from_ref(&a)).await;
        let wrong = node.cluster.next_page(&mut pit, &json!({"no_such": {}}), &[], 10).await;
        let wrong = wrong.expect_err("an unknown query");
        assert!(!wrong.is_point_in_time_lost() && !wrong.is_retryable(), "{wrong}");
        node.ask(Method::Delete, "/_pit", &json!({"id": id_of(&pit)}).to_string()).await;
        let lost = node.cluster.next_page(&mut pit, &everything(), &[], 10).await.expect_err("an ended one");
        assert!(lost.is_point_in_time_lost() && !lost.is_retryable(), "{lost}");
        node.cluster.close_point_in_time(pit).await;
    })
    .await;
}

/// The id is private; its Debug output holds it.
fn id_of(pit: &PointInTime) -> String {
    let shown = format!("{pit:?}");
    shown.split('"').nth(1).expect("an id").to_owned()
}

#[tokio::test]
async fn a_red_index_is_named_and_silences_nothing_else() {
    on_node("red", |node| async move {
        let red = node.index("red", json!({NOWHERE: "nowhere"}), json!({"n": {"type": "long"}})).await;
        let green = node.index("green", json!({}), json!({"n": {"type": "long"}})).await;
        node.fill(&green, [("1".to_owned(), json!({"n": 1}))].into_iter()).await;
        let patterns = [node.name("*")];
        let caps = node.cluster.field_caps(&patterns, &["n".into()]).await.expect("types");
        assert_eq!(caps.schema.forms("n"), [FieldForm::everywhere(FieldType::Long)]);
        assert!(caps.missing.is_some_and(|words| words.contains(&red)));
        let mut pit = node.open(&patterns).await;
        let missing = pit.missing.clone().expect("a missing shard");
        assert!(missing.contains(&format!("`{red}` shard 0: no_shard_available")), "{missing}");
        let (events, _, partial) = node.read(&mut pit, &everything(), 10).await;
        assert_eq!(events.len(), 1);
        assert!(partial.is_some_and(|words| words.contains(&red)));
        let matched = node.cluster.resolve(&patterns).await.expect("matches");
        assert_eq!(matched[0].open, [green, red.clone()]);
        let alone = node.cluster.open_point_in_time(&[red], Duration::from_mins(1)).await;
        let error = alone.expect_err("no shard at all");
        assert!(error.is_retryable() && error.to_string().contains("no_shard_available"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn closed_and_missing_indices_are_noticed() {
    on_node("closed", |node| async move {
        let open = node.index("open", json!({}), json!({})).await;
        let closed = node.index("closed", json!({}), json!({})).await;
        let alias = node.name("alias");
        node.ask(Method::Put, &format!("/{closed}/_alias/{alias}"), "").await;
        node.ask(Method::Post, &format!("/{closed}/_close"), "").await;
        let names = [node.name("*"), node.name("zz-*"), node.name("zz"), alias, open.clone()];
        let matched = node.cluster.resolve(&names).await.expect("matches");
        assert_eq!((&matched[0].open, &matched[0].closed), (&vec![open.clone()], &vec![closed.clone()]));
        assert!(matched[1].is_empty() && matched[2].is_empty());
        assert_eq!((matched[3].open.len(), &matched[3].closed), (0, &vec![closed]));
        assert_eq!(matched[4].open, std::slice::from_ref(&open));
        let excluding = [names[0].clone(), format!("-{}", node.name("clo*"))];
        let matched = node.cluster.resolve(&excluding).await.expect("matches");
        assert_eq!((matched.len(), &matched[0].open), (1, &vec![open]));
        let opening = node.cluster.open_point_in_time(&names[1..3], Duration::from_mins(1)).await;
        assert!(matches!(opening, Ok(Opening::NoIndices)), "{opening:?}");
        let caps = node.cluster.field_caps(&names[1..3], &["n".into()]).await.expect("types");
        assert!(caps.schema.indices.is_empty() && caps.missing.is_none());
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_each_increment_counts_once() {
    on_node("guard", |node| async move {
        let index = node.name("state");
        assert_eq!(node.cluster.get_document(&index, "rule").await.expect("nothing"), None);
        let first = node.cluster.put_document(&index, "rule", &json!({"count": 0}), Guard::Create).await;
        assert!(matches!(first, Ok(Put::Done { .. })), "{first:?}");
        let second = node.cluster.put_document(&index, "rule", &json!({"count": 9}), Guard::Create).await;
        assert!(matches!(second, Ok(Put::Conflict)), "{second:?}");
        let writer = || tokio::spawn(increment(node.clone(), index.clone()));
        let (one, two) = (writer(), writer());
        one.await.expect("a writer");
        two.await.expect("a writer");
        let end = node.cluster.get_document(&index, "rule").await.expect("an answer").expect("a document");
        assert_eq!(end.source["count"], 50);
    })
    .await;
}

/// Counts up 25 times, each time until it was the faster one.
async fn increment(node: Node, index: String) {
    for _ in 0..25 {
        loop {
            let found =
                node.cluster.get_document(&index, "rule").await.expect("an answer").expect("a document");
            let next = json!({"count": found.source["count"].as_u64().expect("a number") + 1});
            let guard = Guard::Unchanged { seq_no: found.seq_no, primary_term: found.primary_term };
            let put = node.cluster.put_document(&index, "rule", &next, guard).await.expect("an answer");
            if matches!(put, Put::Done { .. }) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn alerts_are_created_once_under_an_alias() {
    on_node("bulk", |node| async move {
        let (index, alias) = (node.name("000001"), node.name("alerts"));
        let item = |id: String, n: Value| BulkItem { id, document: json!({"n": n}).to_string() };
        let items: Vec<BulkItem> = (0..1_500).map(|n| item(n.to_string(), json!(n))).collect();
        let early = node.cluster.bulk_create(&alias, &items[..1]).await.expect("outcomes");
        assert!(
            matches!(&early[0], ItemOutcome::Retryable(words) if words.contains("not an alias")),
            "{early:?}"
        );
        assert!(!node.cluster.index_exists(&alias).await.expect("an answer"));
        let ensured = ensure_twice_at_once(&node, &index, &alias).await;
        assert!(ensured.iter().all(Result::is_ok), "{ensured:?}");
        let again = node.cluster.ensure_index_with_alias(&index, &alias).await;
        assert!(matches!(again, Ok(Ensured::AlreadyThere)), "{again:?}");
        assert_eq!(node.cluster.alias_indices(&alias).await.expect("indices"), std::slice::from_ref(&index));
        let first = node.cluster.bulk_create(&alias, &items).await.expect("outcomes");
        assert!(first.iter().all(|outcome| *outcome == ItemOutcome::Created));
        let mixed = [items[7].clone(), item("bad".into(), json!("no number")), item("new".into(), json!(1))];
        let second = node.cluster.bulk_create(&alias, &mixed).await.expect("outcomes");
        assert_eq!((&second[0], &second[2]), (&ItemOutcome::Exists, &ItemOutcome::Created));
        let ItemOutcome::Rejected { status: 400, error_type, reason } = &second[1] else {
            panic!("{second:?}")
        };
        assert!(error_type == "document_parsing_exception" && reason.contains("no number"), "{reason}");
        node.ask(Method::Post, &format!("/{index}/_refresh"), "").await;
        let ids: Vec<String> = (1_400..1_600).map(|n: u32| n.to_string()).collect();
        let known = node.cluster.known_ids(&alias, &ids).await.expect("ids");
        assert_eq!(known, ids[..100].iter().cloned().collect());
        assert!(node.cluster.known_ids(&node.name("zz"), &ids).await.expect("ids").is_empty());
    })
    .await;
}

async fn ensure_twice_at_once(node: &Node, index: &str, alias: &str) -> [Result<Ensured, ElasticError>; 2] {
    let ensure = || {
        let (cluster, index, alias) = (node.cluster.clone(), index.to_owned(), alias.to_owned());
        tokio::spawn(async move { cluster.ensure_index_with_alias(&index, &alias).await })
    };
    let (one, two) = (ensure(), ensure());
    [one.await.expect("a task"), two.await.expect("a task")]
}

#[tokio::test]
async fn an_index_in_the_place_of_the_alias_is_an_error_that_helps() {
    on_node("taken", |node| async move {
        let taken = node.index("alerts", json!({}), json!({})).await;
        let error = node.cluster.ensure_index_with_alias(&node.name("000001"), &taken).await;
        let error = error.expect_err("the name is taken");
        assert!(error.to_string().contains("choose another alerts index"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_write_block_is_no_fault_of_the_document() {
    on_node("block", |node| async move {
        let (index, alias) = (node.name("000001"), node.name("alerts"));
        node.cluster.ensure_index_with_alias(&index, &alias).await.expect("an alias");
        node.ask(Method::Put, &format!("/{index}/_settings"), r#"{"index.blocks.write": true}"#).await;
        let items = [BulkItem { id: "1".into(), document: "{}".into() }];
        let outcomes = node.cluster.bulk_create(&alias, &items).await.expect("outcomes");
        assert!(
            matches!(&outcomes[0], ItemOutcome::Retryable(words) if words.contains("block")),
            "{outcomes:?}"
        );
        let put = node.cluster.put_document(&index, "1", &json!({}), Guard::Create).await;
        assert!(put.expect_err("a block").to_string().contains("blocked for writing"));
    })
    .await;
}

#[tokio::test]
async fn index_templates_come_and_go() {
    on_node("template", |node| async move {
        let name = node.name("template");
        assert_eq!(node.cluster.index_template(&name).await.expect("an answer"), None);
        let template = json!({"index_patterns": [node.name("t-*")], "template":
            {"mappings": {"dynamic": false, "properties": {"k": {"type": "keyword"}}}}});
        node.cluster.put_index_template(&name, &template).await.expect("an answer");
        let kept = node.cluster.index_template(&name).await.expect("an answer").expect("a template");
        assert_eq!(kept["index_patterns"], template["index_patterns"]);
        let wrong =
            node.cluster.put_index_template(&name, &json!({"nothing": 1})).await.expect_err("refused");
        assert_eq!(wrong.status(), Some(400), "{wrong}");
        node.ask(Method::Delete, &format!("/_index_template/{name}"), "").await;
        assert_eq!(node.cluster.index_template(&name).await.expect("an answer"), None);
    })
    .await;
}

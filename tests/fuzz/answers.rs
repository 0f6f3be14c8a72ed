//! Any answer of a cluster is read, or refused in a line that says who answered and what was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use stakeout::elastic::{
    BulkItem, Cluster, Connection, ElasticError, Existence, Guard, ItemOutcome, Opening, PartialDocument,
    Privileges, PutItem, RetryPolicy, SearchItem,
};
use tokio::runtime::Runtime;

use super::mutate::{Random, mutated_structure};
use super::run::fuzz;
use super::said::assert_is_a_line;

/// Between the status and the body of an input.
const BORDER: char = '|';

/// Answers that each request of ours may get, more or less.
const BODIES: &[&str] = &[
    r#"{"cluster_name":"c","version":{"number":"9.2.0","build_flavor":"default"}}"#,
    r#"{"id":"p1","_shards":{"total":2,"successful":1,"skipped":0,"failed":1,"failures":[{"index":"a","reason":{"type":"t","reason":"r"}}]}}"#,
    r#"{"pit_id":"p2","timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"hits":[{"_index":"i","_id":"1","_source":{"n":1,"u":"\ud800"},"fields":{"n":[1]},"sort":[9007199254740993]}]}}"#,
    r#"{"errors":true,"items":[{"create":{"_id":"a","status":201}},{"create":{"_id":"b","status":400,"error":{"type":"document_parsing_exception","reason":"no","caused_by":{"type":"x","reason":"y"}}}}]}"#,
    r#"{"docs":[{"_index":"s","_id":"a","found":true,"_seq_no":4,"_primary_term":1,"_source":{"n":1}},{"_index":"s","_id":"b","error":{"type":"index_not_found_exception","reason":"none"}}]}"#,
    r#"{"responses":[{"status":200,"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"hits":[]}},{"status":429,"error":{"type":"busy"}}]}"#,
    r#"{"indices":["a","b"],"fields":{"user.id":{"keyword":{"searchable":true,"indices":["a"]},"text":{"indices":["b"],"non_searchable_indices":["b"]}}},"failures":[{"indices":["c"],"failure":{"error":{"type":"t"}}}]}"#,
    r#"{"indices":[{"name":"a","attributes":["open"]}],"aliases":[{"name":"b","indices":["a"]}],"data_streams":[{"name":"d","backing_indices":[".ds-d-1"]}]}"#,
    r#"{"username":"u","cluster":{"monitor":false},"index":{"logs-*":{"read":true}}}"#,
    r#"{"error":{"root_cause":[{"type":"security_exception","reason":"action [x] is unauthorized"}],"type":"search_phase_execution_exception","reason":"all shards failed","failed_shards":[{"shard":0,"index":"i","reason":{"type":"t","reason":"r"}}]},"status":403}"#,
    r#"{"found":true,"_seq_no":5,"_primary_term":1,"_source":{"me":1}}"#,
    r#"{"items":[{"index":{"_id":"a","status":200,"_seq_no":7,"_primary_term":2}},{"update":{"status":200}}]}"#,
    r#"{"a-000001":{"aliases":{"a":{"is_write_index":true}},"settings":{"index":{"blocks":{"write":"true"}}}}}"#,
    "<html>log in</html>",
    "",
];

/// A server that gives every request the same answer, which is changed between two.
struct Server {
    url: String,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answer = Arc::new(Mutex::new(Vec::new()));
        let shared = answer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer: Vec<u8> = shared.lock().expect("no panic").clone();
                let _ = answer_one(&stream, &answer);
            }
        });
        Self { url, answer }
    }

    fn answers(&self, status: &str, body: &str) {
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        *self.answer.lock().expect("no panic") = answer.into_bytes();
    }
}

fn answer_one(mut stream: &TcpStream, answer: &[u8]) -> Option<()> {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    stream.write_all(answer).ok()
}

fn input(random: &mut Random) -> String {
    let statuses = ["200", "200", "200", "200", "400", "401", "404", "409", "413", "429", "503"];
    let (status, whole) = (*random.pick(&statuses), random.below(4) == 0);
    let body = if whole { (*random.pick(BODIES)).to_owned() } else { mutated_structure(BODIES, random) };
    format!("{status}{BORDER}{body}")
}

#[test]
fn any_answer_is_read_or_refused_in_a_line() {
    let server = Server::start();
    let retry = RetryPolicy { attempts: 1, first_delay: Duration::ZERO, longest_delay: Duration::ZERO };
    let connection = Connection { urls: vec![server.url.clone()], retry, ..Connection::default() };
    let cluster = Cluster::connect(&connection).expect("a connection");
    let runtime = Runtime::new().expect("a runtime");
    fuzz(90, input, |input| {
        let (status, body) = input.split_once(BORDER).unwrap_or(("200", input));
        let is_status = status.len() == 3 && status.bytes().all(|digit| digit.is_ascii_digit());
        let status = if is_status && status >= "200" { status } else { "200" };
        runtime.block_on(async {
            page(&cluster, &server, status, body).await;
            reads(&cluster).await;
            writes(&cluster).await;
        });
    });
}

#[track_caller]
fn told<T>(result: Result<T, ElasticError>) -> Option<T> {
    result.map_err(|error| assert_is_a_line(&error.to_string())).ok()
}

/// A point in time is opened by an answer that is right, and read by the one that is tried.
async fn page(cluster: &Cluster, server: &Server, status: &str, body: &str) {
    server.answers("200", r#"{"id":"p1","_shards":{"total":1,"successful":1,"failed":0}}"#);
    let opening = cluster.open_point_in_time(&["i".into()], Duration::from_mins(1)).await;
    server.answers(status, body);
    let Ok(Opening::Opened(mut pit)) = opening else { panic!("{opening:?}") };
    let page = cluster.next_page(&mut pit, &json!({"match_all": {}}), &["n".into()], 1).await;
    if let Some(page) = told(page) {
        page.partial.iter().for_each(|words| assert_is_a_line(words));
    }
    told(cluster.open_point_in_time(&["i".into()], Duration::from_mins(1)).await);
}

async fn reads(cluster: &Cluster) {
    let (indices, ids) = (["i".to_owned()], ["a".to_owned(), "b".to_owned()]);
    told(cluster.info().await);
    told(cluster.get_document("s", "a").await);
    if let Some(found) = told(cluster.get_documents("s", &["a", "b"], &["n"]).await) {
        assert_eq!(found.len(), 2);
    }
    told(cluster.known_ids("alerts", &ids).await);
    told(cluster.present_ids(&indices, &ids).await);
    let search = |size: usize| SearchItem { indices: vec!["i".into()], body: json!({ "size": size }) };
    if let Some(all) = told(cluster.multi_search(&[search(0), search(1)], &[]).await) {
        assert_eq!(all.len(), 2);
    }
    let question = Existence { indices: indices.to_vec(), query: json!({"match_all": {}}) };
    told(cluster.any_matches(&[question]).await);
    told(cluster.field_caps(&indices, &["user.id".into()]).await);
    told(cluster.resolve(&["a".into(), "b*".into()]).await);
    told(cluster.has_privileges(&Privileges::default()).await);
    told(cluster.alias_indices("a").await);
    told(cluster.index_blocks("a").await);
    told(cluster.created("a").await);
    told(cluster.index_template("a").await);
}

async fn writes(cluster: &Cluster) {
    let item = |id: &str| BulkItem { id: id.into(), document: "{}".into() };
    let outcomes = told(cluster.bulk_create("alerts", &[item("a"), item("b")]).await).unwrap_or_default();
    assert!([0, 2].contains(&outcomes.len()));
    for outcome in outcomes {
        if let ItemOutcome::Retryable(reason) = outcome {
            assert_is_a_line(&reason);
        }
    }
    let put = |id: &str| PutItem { id: id.into(), document: json!({"n": 1}), guard: Guard::Create };
    told(cluster.put_documents("s", &[put("a"), put("b")]).await);
    told(cluster.put_document("s", "a", &json!({"n": 1}), Guard::Create).await);
    let part = PartialDocument { index: "i".into(), id: "a".into(), fields: serde_json::Map::new() };
    for outcome in cluster.bulk_update(vec![part]).await {
        outcome.err().iter().for_each(|reason| assert_is_a_line(reason));
    }
}

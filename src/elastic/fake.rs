//! A server for tests that gives answers written by hand, for faults that no real node makes on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Ambient, Cluster, Connection, RetryPolicy};

/// The time at which its clocks stand still, in seconds.
const NOW: i64 = 1_795_492_800;

/// What the server does with one request.
#[derive(Clone)]
pub enum Act {
    /// Sends these bytes and closes.
    Raw(String),
    /// Closes without an answer.
    Close,
    /// Never answers, and keeps the connection.
    Hang,
}

impl Act {
    /// A JSON answer.
    pub fn json(status: u16, body: &str) -> Self {
        Self::with(status, "content-type: application/json\r\n", body)
    }

    /// An answer with these header lines.
    pub fn with(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Raw(format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and target.
    pub line: String,
    /// The header lines.
    pub head: String,
    pub body: String,
}

/// The server and what it has seen.
pub struct Fake {
    pub cluster: Cluster,
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Fake {
    /// Starts a server that acts as listed, one request after the other.
    pub async fn start(acts: Vec<Act>) -> Self {
        Self::start_with(acts, Connection::default()).await
    }

    /// The same, with other settings than the default; the address and the waits are the server's own.
    pub async fn start_with(acts: Vec<Act>, mut connection: Connection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, acts, seen.clone()));
        connection.urls.insert(0, url.clone());
        let (cluster, waits) = cluster(&connection);
        Self { cluster, url, seen, waits }
    }

    /// Starts a server that answers each request by what it asks, many at a time.
    pub async fn answering(
        mut connection: Connection,
        answer: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve_all(listener, Arc::new(answer), seen.clone()));
        connection.urls.insert(0, url.clone());
        let (cluster, waits) = cluster(&connection);
        Self { cluster, url, seen, waits }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Every wait between two attempts so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().expect("no panic").clone()
    }
}

/// A cluster whose clock stands still, and whose waits are noted instead of waited.
pub fn cluster(connection: &Connection) -> (Cluster, Arc<Mutex<Vec<Duration>>>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let noted = waits.clone();
    let sleep = move |wait| {
        noted.lock().expect("no panic").push(wait);
        std::future::ready(())
    };
    let ambient = Ambient::new(|| DateTime::from_timestamp(NOW, 0).expect("a time"), sleep);
    (Cluster::with_ambient(connection, ambient).expect("a connection"), waits)
}

/// Settings with a number of attempts.
pub fn attempts(attempts: usize) -> Connection {
    let retry = RetryPolicy { attempts, ..RetryPolicy::default() };
    Connection { retry, ..Connection::default() }
}

/// What a sound cluster answers to who reads it: each pattern has one index, every field is there, and no page has an event,
/// though something seems to have happened.
pub fn sound(seen: &Seen) -> Act {
    let path = seen.line.split(['?', ' ']).nth(1).unwrap_or_default();
    let shards = json!({"total": 1, "failed": 0});
    let body = match path.rsplit('/').next().unwrap_or_default() {
        "" => json!({"cluster_name": "c", "version": {"number": "9.2.0"}}),
        "stats" => json!({"nodes": {"n": {"timestamp": NOW * 1000}}}),
        "_field_caps" => json!({"indices": ["index-1"], "fields": fields(&seen.line)}),
        "_msearch" => {
            let loud = json!({"timed_out": false, "_shards": shards, "hits": {"total": {"value": 1}}});
            json!({"responses": vec![loud; seen.body.lines().count() / 2]})
        }
        "_pit" => json!({"id": "pit", "_shards": shards}),
        "_search" => json!({"timed_out": false, "_shards": shards, "hits": {"hits": []}}),
        names if path.starts_with("/_resolve/") => {
            let name = |pattern: &str| json!({"name": pattern.replace('*', "1"), "attributes": ["open"]});
            json!({"indices": names.split(',').map(name).collect::<Vec<_>>(), "aliases": [], "data_streams": []})
        }
        _ => json!({}),
    };
    Act::json(200, &body.to_string())
}

/// The fields that a request line asks for, without their parents.
fn fields(line: &str) -> serde_json::Map<String, Value> {
    let asked = line.split("fields=").nth(1).unwrap_or_default().split('&').next().unwrap_or_default();
    let asked: Vec<String> =
        asked.replace("%2C", ",").replace("%40", "@").split(',').map(str::to_owned).collect();
    let is_parent = |field: &str| {
        asked.iter().any(|other| other.starts_with(&format!("{field}.")) && !other.ends_with('*'))
    };
    let leaves = asked.iter().filter(|field| !field.ends_with('*') && !is_parent(field));
    let kind = |field: &str| {
        if field.ends_with("timestamp") || field.ends_with("ingested") { "date" } else { "keyword" }
    };
    leaves.map(|field| (field.clone(), json!({kind(field): {"searchable": true}}))).collect()
}

async fn serve(listener: TcpListener, acts: Vec<Act>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut kept = Vec::new();
    for act in acts {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let Some(request) = read(&mut stream).await else { return };
        seen.lock().expect("no panic").push(request);
        kept.extend(does(act, stream).await);
    }
    // Later requests find nobody, but those that hang go on hanging.
    drop(listener);
    std::future::pending::<()>().await;
}

async fn serve_all(
    listener: TcpListener,
    answer: Arc<dyn Fn(&Seen) -> Act + Send + Sync>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (answer, seen) = (answer.clone(), seen.clone());
        tokio::spawn(async move {
            let Some(request) = read(&mut stream).await else { return };
            let act = answer(&request);
            seen.lock().expect("no panic").push(request);
            if let Some(_kept) = does(act, stream).await {
                std::future::pending::<()>().await;
            }
        });
    }
}

/// Answers; the stream, where it is to hang.
async fn does(act: Act, mut stream: TcpStream) -> Option<TcpStream> {
    match act {
        Act::Raw(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
            None
        }
        Act::Close => None,
        Act::Hang => Some(stream),
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while bytes.len() < end + 4 + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    let (line, head) = head.split_once("\r\n").unwrap_or((&head, ""));
    Some(Seen { line: line.trim_end_matches(" HTTP/1.1").to_owned(), head: head.to_owned(), body })
}

//! A server for tests that gives answers written by hand, for faults that no real node makes on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Ambient, Cluster, Connection, RetryPolicy};

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
    let ambient = Ambient::new(|| DateTime::from_timestamp(1_795_492_800, 0).expect("a time"), sleep);
    (Cluster::with_ambient(connection, ambient).expect("a connection"), waits)
}

/// Settings with a number of attempts.
pub fn attempts(attempts: usize) -> Connection {
    let retry = RetryPolicy { attempts, ..RetryPolicy::default() };
    Connection { retry, ..Connection::default() }
}

async fn serve(listener: TcpListener, acts: Vec<Act>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut kept = Vec::new();
    for act in acts {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let Some(request) = read(&mut stream).await else { return };
        seen.lock().expect("no panic").push(request);
        match act {
            Act::Raw(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Act::Close => drop(stream),
            Act::Hang => kept.push(stream),
        }
    }
    // Later requests find nobody, but those that hang go on hanging.
    drop(listener);
    std::future::pending::<()>().await;
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

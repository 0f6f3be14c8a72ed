//! A blocking client for the tests' own requests, apart from the client under test, so that both cannot be wrong alike.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

/// Large enough for few requests, small enough for a node with a small heap.
const BULK_BYTES: usize = 4 << 20;

/// Speaks JSON with one node. Usable in async tests as well: it blocks the thread and needs no runtime.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    url: String,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` where it is no JSON.
    pub body: Value,
}

/// One document to index; the node makes the id where there is none.
#[derive(Debug)]
pub struct Document {
    /// `_id`.
    pub id: Option<String>,
    /// `_source`.
    pub source: Value,
}

impl From<Value> for Document {
    fn from(source: Value) -> Self {
        Self { id: None, source }
    }
}

impl<Id: Into<String>> From<(Id, Value)> for Document {
    fn from((id, source): (Id, Value)) -> Self {
        Self { id: Some(id.into()), source }
    }
}

impl Client {
    /// A client of the node at `url` (`http://host:port`).
    pub fn new(url: impl Into<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            // A node that was killed leaves connections that look alive.
            .max_idle_connections(0)
            .build()
            .into();
        Self { agent, url: url.into() }
    }

    /// The node's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request and returns whatever the node answers; an error if it does not answer.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, ureq::Error> {
        self.send_text(method, path, "application/json", body.map(Value::to_string))
    }

    /// `GET`; panics unless the answer is a success.
    pub fn get(&self, path: &str) -> Value {
        self.expect("GET", path, None)
    }

    /// `PUT`; panics unless the answer is a success.
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.expect("PUT", path, Some(body))
    }

    /// `POST`; panics unless the answer is a success.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.expect("POST", path, Some(body))
    }

    /// `DELETE`; panics unless the answer is a success.
    pub fn delete(&self, path: &str) -> Value {
        self.expect("DELETE", path, None)
    }

    /// Indexes documents in as many requests as it takes and returns their number; panics if one is refused.
    pub fn bulk<D: Into<Document>>(&self, index: &str, documents: impl IntoIterator<Item = D>) -> usize {
        let (mut sent, mut lines) = (0, String::new());
        for document in documents {
            let Document { id, source } = document.into();
            let action = id.map_or_else(|| json!({ "index": {} }), |id| json!({ "index": { "_id": id } }));
            writeln!(lines, "{action}\n{source}").expect("a string takes every line");
            sent += 1;
            if lines.len() >= BULK_BYTES {
                self.send_bulk(index, std::mem::take(&mut lines));
            }
        }
        if !lines.is_empty() {
            self.send_bulk(index, lines);
        }
        sent
    }

    /// Searches `index` once for each body and returns the answers in that order; panics if one is refused.
    pub fn multi_search(&self, index: &str, bodies: &[Value]) -> Vec<Value> {
        let mut lines = String::new();
        for body in bodies {
            writeln!(lines, "{{}}\n{body}").expect("a string takes every line");
        }
        let path = format!("/{index}/_msearch");
        let reply = self
            .send_text("POST", &path, "application/x-ndjson", Some(lines))
            .unwrap_or_else(|error| panic!("POST {path}: {error}"));
        let answers = reply.body["responses"].as_array();
        answers.unwrap_or_else(|| panic!("POST {path}: {} {}", reply.status, reply.body)).clone()
    }

    /// Makes everything indexed so far searchable. `pattern` may hold wildcards.
    pub fn refresh(&self, pattern: &str) {
        // By `GET`, as this request takes no body.
        self.get(&format!("/{pattern}/_refresh"));
    }

    /// The number of searchable documents.
    pub fn count(&self, pattern: &str) -> u64 {
        self.get(&format!("/{pattern}/_count"))["count"].as_u64().expect("a count is a number")
    }

    fn expect(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let reply = self.send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert!((200..300).contains(&reply.status), "{method} {path}: {} {}", reply.status, reply.body);
        reply.body
    }

    fn send_bulk(&self, index: &str, lines: String) {
        let path = format!("/{index}/_bulk");
        let reply = self
            .send_text("POST", &path, "application/x-ndjson", Some(lines))
            .unwrap_or_else(|error| panic!("POST {path}: {error}"));
        let items = reply.body["items"].as_array();
        let items = items.unwrap_or_else(|| panic!("POST {path}: {} {}", reply.status, reply.body));
        let refused = items.iter().find(|item| !item["index"]["error"].is_null());
        assert!(refused.is_none(), "POST {path}: refused: {refused:?}");
    }

    pub(super) fn send_text(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Option<String>,
    ) -> Result<Reply, ureq::Error> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let response = match body {
            Some(body) => self.agent.run(request.header("content-type", content).body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let status = response.status().as_u16();
        let text = response.into_body().into_with_config().limit(256 << 20).read_to_string()?;
        Ok(Reply { status, body: serde_json::from_str(&text).unwrap_or_default() })
    }
}

//! The one path that every request takes: sent, timed, checked, and explained when it fails.

use std::fmt::Display;
use std::time::Instant;

use elasticsearch::http::Method;
use reqwest::Response;
use reqwest::header::{DATE, HeaderName, LOCATION, RETRY_AFTER};
use serde::Deserialize;

use super::body::Body;
use super::cause::Unreachable;
use super::error::Cause;
use super::node::Node;
use super::reason::{root_causes, shorten};
use super::tried::Tried;
use super::{Cluster, ElasticError, Observed, Operation, arrived, clock};

/// How much of a body that is not Elasticsearch's is shown, in characters.
const EXCERPT: usize = 120;

/// One request.
pub(super) struct Call {
    pub(super) method: Method,
    /// The path below the address, its names encoded.
    pub(super) path: String,
    /// The query string.
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) body: Body,
    /// What it is for, as in "opening a point in time on `logs-*`".
    pub(super) asked: String,
    /// Error statuses that are answers to this request.
    pub(super) accepts: &'static [u16],
}

impl Call {
    /// A request without parameters and body.
    pub(super) fn new(method: Method, path: impl Into<String>, asked: impl Into<String>) -> Self {
        let (path, asked) = (path.into(), asked.into());
        Self { method, path, params: Vec::new(), body: Body::Empty, asked, accepts: &[] }
    }

    pub(super) fn param(mut self, name: &'static str, value: impl Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    pub(super) fn accepts(mut self, statuses: &'static [u16]) -> Self {
        self.accepts = statuses;
        self
    }

    /// An error of this request that lies in its answer.
    pub(super) fn error(&self, place: &str, cause: Cause) -> ElasticError {
        ElasticError::new(&self.asked, place, cause)
    }
}

/// What came back, with a status that the request accepts.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    /// Who answered.
    place: String,
    asked: String,
    /// Which attempt this answers, from 1.
    pub(super) attempt: usize,
}

impl Answer {
    /// Reads the body.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ElasticError> {
        serde_json::from_str(&self.body).map_err(|error| {
            self.error(if error.is_data() {
                Cause::Unexpected(format!(
                    "the answer is not as expected: {}",
                    shorten(&error.to_string(), EXCERPT)
                ))
            } else {
                Cause::NotJson {
                    status: self.status,
                    broke_off: error.is_eof(),
                    excerpt: excerpt(&self.body),
                }
            })
        })
    }

    /// An error that lies in this answer.
    pub(super) fn error(&self, cause: Cause) -> ElasticError {
        ElasticError::new(&self.asked, &self.place, cause)
    }

    /// The error that the body of an accepted error status tells.
    pub(super) fn status_error(&self) -> ElasticError {
        self.error(status_cause(self.status, &self.body, None))
    }
}

impl Cluster {
    /// Sends a request, again if need be, and reads its answer.
    pub(super) async fn call<T>(
        &self,
        call: &Call,
        read: impl Fn(&Answer) -> Result<T, ElasticError>,
    ) -> Result<T, ElasticError> {
        self.call_while(call, |_| true, read).await
    }

    /// The same, but what timed out is not sent again: the time is gone, and other work waits.
    pub(super) async fn call_in_time<T>(
        &self,
        call: &Call,
        read: impl Fn(&Answer) -> Result<T, ElasticError>,
    ) -> Result<T, ElasticError> {
        self.call_while(call, |error| !error.is_timed_out(), read).await
    }

    /// The same, but only errors for which `again` holds are worth another attempt.
    pub(super) async fn call_while<T>(
        &self,
        call: &Call,
        again: impl Fn(&ElasticError) -> bool,
        read: impl Fn(&Answer) -> Result<T, ElasticError>,
    ) -> Result<T, ElasticError> {
        let (read, again, tried) = (&read, &again, &Tried::default());
        // An error that must not be tried again leaves the retry loop as a success.
        let attempt = |number| async move {
            match self.send(call, number, tried).await.and_then(|answer| read(&answer)) {
                Err(error) if !again(&error) => Ok(Err(error.after_attempts(number))),
                result => result.map(Ok),
            }
        };
        let result = self.retry().run(self.ambient(), attempt).await.and_then(|result| result);
        result.map_err(|error| tried.beside(error))
    }

    /// Sends a request once; where a node itself is the hindrance, and will be, to each of the others too.
    async fn send(&self, call: &Call, attempt: usize, tried: &Tried) -> Result<Answer, ElasticError> {
        let mut nodes = self.nodes_from_now().peekable();
        while let Some(node) = nodes.next() {
            let result = self.send_to(node, call, attempt).await;
            let Err(error) = &result else { return result };
            if error.is_of_the_node() {
                self.leave(node);
                tried.note(error);
            }
            if error.is_retryable() || !error.is_of_the_node() || nodes.peek().is_none() {
                return result;
            }
        }
        Err(ElasticError::settings("there is no address to ask"))
    }

    async fn send_to(&self, node: &Node, call: &Call, attempt: usize) -> Result<Answer, ElasticError> {
        let started = Instant::now();
        let result = self.exchange(node, call, attempt).await;
        let failure = result.as_ref().err().map(ElasticError::kind);
        self.ambient().tell(Observed::Sent {
            operation: Operation::of(&call.path),
            took: started.elapsed(),
            failure: failure.as_deref(),
        });
        tracing::debug!(
            address = node.address, method = ?call.method, path = call.path, asked = call.asked, attempt,
            ok = result.is_ok(), "request"
        );
        result
    }

    async fn exchange(&self, node: &Node, call: &Call, attempt: usize) -> Result<Answer, ElasticError> {
        let refused = |cause| call.error(&node.place, cause);
        let response = node.send(call, self.timeout()).await.map_err(refused)?;
        self.note_clock(&response);
        if let Some(target) = redirect(&response) {
            return Err(refused(Cause::Redirected(target)));
        }
        let status = response.status().as_u16();
        let wait = header(&response, &RETRY_AFTER);
        let wait = wait.and_then(|text| clock::retry_after(text, (self.ambient().now)()));
        let body = arrived::text(response, |error| node.unreachable(error)).await.map_err(refused)?;
        if !(200..300).contains(&status) && !call.accepts.contains(&status) {
            return Err(refused(status_cause(status, &body, wait)));
        }
        let (place, asked) = (node.place.clone(), call.asked.clone());
        Ok(Answer { status, body, place, asked, attempt })
    }

    fn note_clock(&self, response: &Response) {
        let local = (self.ambient().now)();
        if let Some(offset) = header(response, &DATE).and_then(|date| clock::offset_by_header(date, local)) {
            self.set_clock_offset(offset);
        }
    }
}

fn header<'r>(response: &'r Response, name: &HeaderName) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Where an answer leads away to, without what may be secret in it; none where it is an answer.
fn redirect(response: &Response) -> Option<String> {
    let location = header(response, &LOCATION).filter(|_| response.status().is_redirection())?;
    let Ok(target) = response.url().join(location) else { return Some("an address that is none".to_owned()) };
    let origin = target.origin().ascii_serialization();
    Some(shorten(&format!("{origin}{}", target.path().trim_end_matches('/')), EXCERPT))
}

fn status_cause(status: u16, body: &str, retry_after: Option<std::time::Duration>) -> Cause {
    let causes = root_causes(body);
    let excerpt = if causes.is_empty() { excerpt(body) } else { String::new() };
    Cause::Status { status, causes, excerpt, retry_after }
}

fn excerpt(body: &str) -> String {
    shorten(body.trim(), EXCERPT)
}

/// A request that could not be written as JSON.
pub(super) fn unwritable(asked: &str, error: &serde_json::Error) -> ElasticError {
    ElasticError::new(asked, "", Cause::Unreachable(Unreachable::Request, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::SecretString;

    use crate::elastic::fake::{Act, Fake, attempts, cluster};
    use crate::elastic::{Auth, Connection, ElasticError, SearchItem};

    const GREETING: &str = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;

    async fn fails(act: Act) -> ElasticError {
        Fake::start_with(vec![act], attempts(1)).await.cluster.info().await.expect_err("an error")
    }

    /// Each fault, the words that its message must hold, and whether another attempt is worth it.
    #[tokio::test]
    async fn every_fault_says_what_came_back_and_what_to_do() {
        let denied = r#"{"error":{"root_cause":[{"type":"security_exception","reason":"action [x] is unauthorized"}]}}"#;
        let cut = &GREETING[..20];
        let faults = [
            (Act::Close, vec!["connection broke off"], true),
            (
                Act::Raw("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"x".into()),
                vec!["connection broke off"],
                true,
            ),
            (Act::Raw("SSH-2.0-OpenSSH\r\n".into()), vec!["connection broke off"], true),
            (Act::json(200, cut), vec!["the answer broke off", "`{\"cluster_name", "proxy"], true),
            (
                Act::with(200, "", "<html>\u{1b}[31mlog in"),
                vec!["expected JSON, found `<html>\\u{1b}[31mlog in`"],
                false,
            ),
            (Act::json(200, r#"{"version":7}"#), vec!["the answer is not as expected"], false),
            (
                Act::json(403, denied),
                vec!["HTTP 403 security_exception: action [x]", "lack the privilege"],
                false,
            ),
            (Act::json(401, r#"{"error":"missing"}"#), vec!["HTTP 401 missing", "API key"], false),
            (Act::with(404, "", "nope"), vec!["HTTP 404, not from Elasticsearch: `nope`"], false),
            (Act::with(413, "", ""), vec!["HTTP 413 with an empty body", "http.max_content_length"], false),
            (Act::json(429, r#"{"error":"busy"}"#), vec!["HTTP 429 busy", "overloaded"], true),
            (Act::with(502, "", "bad gateway"), vec!["HTTP 502", "a proxy answers"], true),
            (
                Act::json(503, r#"{"error":{"type":"t","reason":"all shards failed"}}"#),
                vec!["all shards failed"],
                true,
            ),
        ];
        for (act, words, retryable) in faults {
            let error = fails(act).await;
            let message = error.to_string();
            assert!(message.starts_with("asking for the version at `http://127.0.0.1:"), "{message}");
            for word in words {
                assert!(message.contains(word), "{word}: {message}");
            }
            assert_eq!(error.is_retryable(), retryable, "{message}");
            assert!(!message.contains('\u{1b}'), "{message:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_with_the_number_of_attempts() {
        let fake = Fake::start_with(Vec::new(), attempts(3)).await;
        // The server has nothing to do and ends; its port refuses from now on.
        while tokio::net::TcpStream::connect(fake.url.trim_start_matches("http://")).await.is_ok() {
            tokio::task::yield_now().await;
        }
        let error = fake.cluster.info().await.expect_err("an error");
        assert!(error.to_string().contains("connection refused (after 3 attempts); check that"), "{error}");
        assert!(error.is_unreachable());
        assert_eq!(fake.waits().len(), 2);
    }

    #[tokio::test]
    async fn an_unknown_host_is_told() {
        let urls = vec!["http://es.invalid:9200".to_owned()];
        let (cluster, _) = cluster(&Connection { urls, ..attempts(1) });
        let error = cluster.info().await.expect_err("an error");
        assert!(error.to_string().contains("check the host name"), "{error}");
    }

    #[tokio::test]
    async fn silence_times_out() {
        let timeout = Duration::from_millis(50);
        let connection = Connection { timeout, ..attempts(1) };
        let fake = Fake::start_with(vec![Act::Hang], connection).await;
        let error = fake.cluster.info().await.expect_err("an error");
        assert!(error.to_string().contains("timed out; "), "{error}");
        assert!(error.is_retryable());
    }

    #[tokio::test]
    async fn a_passing_fault_is_survived() {
        let acts =
            vec![Act::Close, Act::with(503, "", ""), Act::json(200, "{\"cl"), Act::json(200, GREETING)];
        let fake = Fake::start(acts).await;
        assert_eq!(fake.cluster.info().await.expect("info").version, "9.2.0");
        assert_eq!(fake.seen().len(), 4);
        assert!(fake.seen()[0].head.contains(concat!("user-agent: stakeout/", env!("CARGO_PKG_VERSION"))));
    }

    #[tokio::test]
    async fn retry_after_is_obeyed_or_left_to_the_caller() {
        let wait = |header: &str| Act::with(429, header, r#"{"error":"busy"}"#);
        let fake = Fake::start(vec![wait("retry-after: 7\r\n"), Act::json(200, GREETING)]).await;
        fake.cluster.info().await.expect("info");
        assert_eq!(fake.waits(), [Duration::from_secs(7)]);
        let fake = Fake::start(vec![wait("retry-after: 600\r\n"), Act::json(200, GREETING)]).await;
        let error = fake.cluster.info().await.expect_err("an error");
        assert_eq!(error.retry_after(), Some(Duration::from_mins(10)));
        assert!(fake.waits().is_empty());
    }

    #[tokio::test]
    async fn the_next_address_is_asked_when_one_fails() {
        let second = Fake::start(vec![Act::json(200, GREETING)]).await;
        let connection = Connection { urls: vec![second.url.clone()], ..Connection::default() };
        let first = Fake::start_with(vec![Act::Close], connection).await;
        assert_eq!(first.cluster.info().await.expect("info").cluster_name, "c");
        assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
    }

    #[tokio::test]
    async fn a_redirect_is_told_and_not_followed() {
        for status in [301, 302, 303, 307, 308] {
            let target = Fake::start(vec![Act::json(200, GREETING)]).await;
            let location = target.url.replace("://", "://u:hunter2@");
            let away = Act::with(status, &format!("location: {location}/login?token=hunter2\r\n"), "");
            let fake = Fake::start_with(vec![away], attempts(1)).await;
            let searches = [SearchItem { indices: vec!["logs-*".into()], body: serde_json::json!({}) }];
            let error = fake.cluster.multi_search(&searches, &[]).await.expect_err("an error").to_string();
            assert!(error.contains(&format!("redirects to `{}/login`", target.url)), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
            assert_eq!((fake.seen().len(), target.seen().len()), (1, 0), "{status}");
        }
    }

    #[tokio::test]
    async fn a_node_that_leads_elsewhere_is_left_for_the_next() {
        let second = Fake::start(vec![Act::json(200, GREETING)]).await;
        let connection = Connection { urls: vec![second.url.clone()], ..attempts(1) };
        let away = Act::with(302, "location: http://127.0.0.1:9/\r\n", "");
        let first = Fake::start_with(vec![away], connection).await;
        assert_eq!(first.cluster.info().await.expect("info").cluster_name, "c");
        assert!(first.waits().is_empty(), "another node is asked at once");
    }

    #[tokio::test]
    async fn every_node_that_was_tried_is_named() {
        let second = Fake::start(vec![Act::Close]).await;
        let connection = Connection { urls: vec![second.url.clone()], ..attempts(2) };
        let first = Fake::start_with(vec![Act::with(503, "", "gone")], connection).await;
        let error = first.cluster.info().await.expect_err("an error").to_string();
        let last = format!("at `{}`: the connection broke off", second.url);
        let before = format!("`{}`: HTTP 503, not from Elasticsearch: `gone`", first.url);
        assert!(error.contains(&last) && error.ends_with(&before), "{error}");
    }

    #[tokio::test]
    async fn credentials_are_sent_and_never_shown() {
        const SECRET: &str = "hunter2-secret";
        let secret = || SecretString::from(SECRET);
        let ways = [
            (Auth::ApiKey(secret()), "authorization: ApiKey hunter2-secret"),
            (
                Auth::ApiKey(SecretString::from("id:hunter2-secret")),
                "authorization: ApiKey aWQ6aHVudGVyMi1zZWNyZXQ=",
            ),
            (Auth::Bearer(secret()), "authorization: Bearer hunter2-secret"),
            (
                Auth::Basic { username: "u".into(), password: secret() },
                "authorization: Basic dTpodW50ZXIyLXNlY3JldA==",
            ),
        ];
        for (auth, header) in ways {
            let connection = Connection { auth, ..attempts(1) };
            let fake =
                Fake::start_with(vec![Act::json(401, r#"{"error":"unable to authenticate"}"#)], connection)
                    .await;
            let error = fake.cluster.info().await.expect_err("an error");
            assert!(fake.seen()[0].head.contains(header), "{}", fake.seen()[0].head);
            let shown = format!("{error} {error:?} {error:#?} {:?}", fake.cluster);
            assert!(!shown.contains(SECRET) && !shown.contains("aHVudGVyMi"), "{shown}");
        }
    }
}

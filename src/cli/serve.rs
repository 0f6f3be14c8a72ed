//! What a watching process tells over HTTP: its figures, whether it runs, whether its cluster is there. It reads nothing of
//! a request but the method and the path, and changes nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::ready::Readiness;
use crate::metrics;
use crate::schedule::{Signs, Work};

/// Connections that are served at the same time.
const AT_ONCE: usize = 128;

/// Longest time of a connection, which carries one request.
const LONGEST: Duration = Duration::from_secs(15);

/// Longest time until a request's head is there.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Most bytes of a request's head; hyper takes no less.
const LONGEST_HEAD: usize = 8 << 10;

/// Pause after a connection that could not be taken, as when no file is left to be opened.
const PAUSE: Duration = Duration::from_millis(100);

const PATHS: &str = "/metrics /healthz /readyz";

/// Where it listens before anything is served; the port is taken, or the command is wrong.
pub struct Door(std::net::TcpListener);

/// What is told.
pub struct Told {
    /// The figures, and whether the timetable runs.
    pub signs: Signs,
    /// Whether runs can be made.
    pub readiness: Arc<Readiness>,
    /// What runs, and so the time as figures see it.
    pub work: watch::Receiver<Work>,
}

impl Door {
    /// Listens at `address`: a port, or an IP address (or `localhost`) and a port. A port alone is one of this machine.
    ///
    /// # Errors
    /// It is no address, or cannot be listened at.
    pub fn open(address: &str) -> anyhow::Result<Self> {
        let socket = parsed(address)?;
        let listener = std::net::TcpListener::bind(socket)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .with_context(|| format!("`--listen` (or STAKEOUT_LISTEN): cannot listen at `{socket}`"))?;
        Ok(Self(listener))
    }

    /// Answers until `stop` is cancelled.
    pub async fn serve(self, told: Told, stop: CancellationToken) {
        let listener = match TcpListener::from_std(self.0) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "nothing is served"),
        };
        if let Ok(address) = listener.local_addr() {
            tracing::info!("serving {PATHS} at http://{address}");
        }
        let (told, mut connections) = (Arc::new(told), Connections::default());
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    connections.take(one(stream, told.clone()));
                    // Who has asked is answered before others can crowd it out.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Connections that are served. Where there are too many the oldest is closed: it has had its time, and whoever probes is not
/// kept waiting by those who only connect.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    oldest_first: VecDeque<AbortHandle>,
}

impl Connections {
    fn take(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.oldest_first.retain(|task| !task.is_finished());
        if self.oldest_first.len() >= AT_ONCE
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            oldest.abort();
        }
        self.oldest_first.push_back(self.tasks.spawn(connection));
    }
}

/// The address that `--listen` names: a port alone is one of this machine.
///
/// # Errors
/// It is none.
pub fn parsed(address: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(port) = address.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let spelled = address.replacen("localhost:", "127.0.0.1:", 1);
    spelled.parse().map_err(|_| {
        anyhow!(
            "`--listen` (or STAKEOUT_LISTEN): expected a port or `IP:PORT`, found `{address}`; `0.0.0.0:PORT` is every \
             address of this machine"
        )
    })
}

/// Serves one request.
async fn one(stream: TcpStream, told: Arc<Told>) {
    let service = service_fn(|request: Request<_>| {
        let told = told.clone();
        async move { Ok::<_, Infallible>(told.answer(request.method(), request.uri().path()).await) }
    });
    let mut server = http1::Builder::new();
    server.keep_alive(false).max_buf_size(LONGEST_HEAD);
    server.timer(TokioTimer::new()).header_read_timeout(LONGEST_WAIT);
    let ended = tokio::time::timeout(LONGEST, server.serve_connection(TokioIo::new(stream), service)).await;
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request could not be served"),
        Err(_) => tracing::debug!("a request took too long"),
    }
}

impl Told {
    fn now(&self) -> DateTime<Utc> {
        self.work.borrow().runner.now()
    }

    async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "expected GET or HEAD".to_owned());
        }
        match path {
            "/metrics" => match self.signs.metrics.text(self.now()) {
                Ok(figures) => response(StatusCode::OK, metrics::CONTENT_TYPE, figures),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            },
            "/healthz" => health(self.signs.pulse.beat()),
            "/readyz" => health(self.readiness.ask().await),
            _ => text(StatusCode::NOT_FOUND, format!("expected one of {PATHS}")),
        }
    }
}

fn health(answer: Result<(), String>) -> Response<Full<Bytes>> {
    match answer {
        Ok(()) => text(StatusCode::OK, "ok".to_owned()),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

fn text(status: StatusCode, words: String) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", words + "\n")
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        for (given, meant) in [
            ("9464", "127.0.0.1:9464"),
            ("localhost:9464", "127.0.0.1:9464"),
            ("0.0.0.0:9464", "0.0.0.0:9464"),
            ("[::1]:9464", "[::1]:9464"),
        ] {
            assert_eq!(parsed(given).expect("an address").to_string(), meant, "{given}");
        }
        for wrong in ["", ":9464", "65536", "metrics.example:80", "http://127.0.0.1:1"] {
            let error = parsed(wrong).expect_err("no address").to_string();
            assert!(error.contains("expected a port or `IP:PORT`"), "{error}");
        }
    }
}

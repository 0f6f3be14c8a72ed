//! One address of a cluster and the client that sends to it alone, so that an error can name it.

use std::net::IpAddr;
use std::time::Duration;

use elasticsearch::http::headers::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, USER_AGENT,
};
use elasticsearch::http::{Method, Url};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::Connection;
use super::address::Address;
use super::body::packed;
use super::call::Call;
use super::cause::{Unreachable, Way, explain};
use super::error::Cause;
use super::proxy::Proxy;
use super::trust::Trust;

const AGENT: &str = concat!("stakeout/", env!("CARGO_PKG_VERSION"));

/// An address, and how it is reached.
pub(super) struct Node {
    url: Url,
    /// The address as messages show it.
    pub(super) address: String,
    /// Where messages say that something was asked: the address, and the proxy that leads there.
    pub(super) place: String,
    client: Client,
    way: Way,
    compression: bool,
}

/// The nodes of a connection.
pub(super) fn nodes(connection: &Connection) -> Result<Vec<Node>, String> {
    let (addresses, trust) = (connection.addresses()?, Trust::of(connection)?);
    let (login, proxy) = (connection.login(&addresses)?, connection.proxy()?);
    let node = |address: Address| {
        let proxy = Proxy::of(&address.url, proxy.as_ref())?;
        Node::new(address, &trust, proxy, login.clone(), connection.compression)
    };
    addresses.into_iter().map(node).collect()
}

impl Node {
    fn new(
        address: Address,
        trust: &Trust,
        proxy: Option<Proxy>,
        login: Option<HeaderValue>,
        compression: bool,
    ) -> Result<Self, String> {
        let shown = address.shown();
        check_pin(trust, &address, proxy.as_ref())?;
        let place = match &proxy {
            Some(proxy) => format!("`{shown}` through the proxy `{}`", proxy.shown),
            None => format!("`{shown}`"),
        };
        let way = Way { by_proxy: proxy.is_some(), with_certificate: trust.has_identity() };
        // A redirect would carry the body, and perhaps the credentials, to whoever it names.
        let builder = Client::builder().redirect(Policy::none()).no_gzip().no_proxy();
        let builder = builder.default_headers(headers(login, compression));
        let builder = proxy.into_iter().fold(builder, |builder, proxy| builder.proxy(proxy.into_inner()));
        let client = trust.applied(builder)?.build();
        let client = client.map_err(|error| format!("no client for `{shown}`: {}", innermost(&error)))?;
        Ok(Self { url: address.url, address: shown, place, client, way, compression })
    }

    /// Whether what is sent crosses a network in the open.
    pub(super) fn is_open(&self) -> bool {
        self.url.scheme() == "http" && !is_this_machine(&self.url)
    }

    /// Sends a request; gives the head of the answer.
    pub(super) async fn send(&self, call: &Call, timeout: Duration) -> Result<Response, Cause> {
        let unmade = |why: String| Cause::Unreachable(Unreachable::Request, why);
        let url =
            self.url.join(call.path.trim_start_matches('/')).map_err(|error| unmade(error.to_string()))?;
        let mut request = self.client.request(method(call.method), url).timeout(timeout).query(&call.params);
        if let Some((text, kind)) = call.body.text() {
            request = request.header(CONTENT_TYPE, kind);
            request = if self.compression {
                let packed = packed(text).map_err(|error| unmade(error.to_string()))?;
                request.header(CONTENT_ENCODING, "gzip").body(packed)
            } else {
                request.body(text.to_owned())
            };
        }
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// Why no whole answer came.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Cause {
        let (why, detail) = explain(error, self.way);
        Cause::Unreachable(why, detail)
    }
}

/// A fingerprint binds a connection only where it is by TLS from end to end.
fn check_pin(trust: &Trust, address: &Address, proxy: Option<&Proxy>) -> Result<(), String> {
    if !trust.is_pinned() {
        return Ok(());
    }
    if address.url.scheme() != "https" {
        let shown = address.shown();
        return Err(format!("a certificate's fingerprint means nothing for `{shown}`: expected https"));
    }
    match proxy.filter(|proxy| proxy.is_https) {
        Some(proxy) => Err(format!(
            "with a certificate's fingerprint nobody else is trusted, the proxy `{}` neither: expected a proxy at `http://`, \
             or the file of the cluster's authority instead of its fingerprint",
            proxy.shown
        )),
        None => Ok(()),
    }
}

fn headers(login: Option<HeaderValue>, compression: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(USER_AGENT, AGENT);
    set(ACCEPT, "application/json");
    // Packing costs both sides more time than it saves on a local network.
    set(ACCEPT_ENCODING, if compression { "gzip" } else { "identity" });
    headers.extend(login.map(|login| (AUTHORIZATION, login)));
    headers
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Put => reqwest::Method::PUT,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
        Method::Head => reqwest::Method::HEAD,
    }
}

/// A proxy of the environment is of no use for an address of this machine, and often in its way.
pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;
    use elasticsearch::http::Url;

    #[test]
    fn what_is_this_machine() {
        for (url, local) in
            [("http://[::1]:9200", true), ("http://127.9.9.9", true), ("https://es.example", false)]
        {
            assert_eq!(is_this_machine(&Url::parse(url).expect("a URL")), local, "{url}");
        }
    }
}

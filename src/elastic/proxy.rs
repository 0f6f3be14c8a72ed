//! Which proxy leads to an address: the one that is named, else the one of the environment.

use elasticsearch::http::Url;
use elasticsearch::http::headers::HeaderValue;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::ExposeSecret;

use super::address::{Address, parse_url};
use super::node::is_this_machine;

/// A proxy, and how to log in to it.
pub(super) struct Proxy {
    /// Its address as messages show it.
    pub(super) shown: String,
    pub(super) is_https: bool,
    inner: reqwest::Proxy,
}

impl Proxy {
    /// The proxy for `url`: a `named` one is for every address, one of the environment for none of this machine.
    pub(super) fn of(url: &Url, named: Option<&Address>) -> Result<Option<Self>, String> {
        match named {
            Some(named) => Self::named(named).map(Some),
            None if is_this_machine(url) => Ok(None),
            None => Self::of_environment(url, &Matcher::from_env()),
        }
    }

    fn named(address: &Address) -> Result<Self, String> {
        let proxy = Self::at(address)?;
        let Some((user, password)) = &address.credentials else { return Ok(proxy) };
        Ok(Self { inner: proxy.inner.basic_auth(user, password.expose_secret()), ..proxy })
    }

    fn of_environment(url: &Url, environment: &Matcher) -> Result<Option<Self>, String> {
        let Some(found) = url.as_str().parse::<Uri>().ok().and_then(|url| environment.intercept(&url)) else {
            return Ok(None);
        };
        let address = parse_url(&found.uri().to_string())
            .map_err(|error| format!("the proxy that the environment names: {error}"))?;
        let proxy = Self::at(&address)?;
        let Some(login) = found.basic_auth().and_then(|login| HeaderValue::from_bytes(login.as_bytes()).ok())
        else {
            return Ok(Some(proxy));
        };
        Ok(Some(Self { inner: proxy.inner.custom_http_auth(login), ..proxy }))
    }

    fn at(address: &Address) -> Result<Self, String> {
        let shown = address.shown();
        let inner = reqwest::Proxy::all(address.url.clone())
            .map_err(|error| format!("the proxy `{shown}` cannot be used: {}", error.without_url()))?;
        Ok(Self { shown, is_https: address.url.scheme() == "https", inner })
    }

    pub(super) fn into_inner(self) -> reqwest::Proxy {
        self.inner
    }
}

#[cfg(test)]
mod tests {
    use elasticsearch::http::Url;
    use hyper_util::client::proxy::matcher::Matcher;

    use super::Proxy;
    use crate::elastic::address::parse_url;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn the_named_proxy_is_for_every_address() {
        let named = parse_url("http://u:hunter2@px.example:3128").expect("an address");
        for address in ["https://es.example", "http://127.0.0.1:9200"] {
            let proxy = Proxy::of(&url(address), Some(&named)).expect("a proxy").expect("one");
            assert_eq!(proxy.shown, "http://px.example:3128");
        }
    }

    #[test]
    fn the_environment_says_which_proxy_leads_where() {
        let environment = || {
            Matcher::builder()
                .https("http://u:hunter2@px.example:3128")
                .http("socks5://px.example")
                .no("inside.example")
                .build()
        };
        let of = |address| Proxy::of_environment(&url(address), &environment());
        let shown = |address| of(address).expect("a proxy").map(|proxy| proxy.shown);
        assert_eq!(shown("https://es.example").as_deref(), Some("http://px.example:3128"));
        assert_eq!(shown("https://es.inside.example"), None);
        let refused = of("http://es.example").err().expect("no proxy for HTTP");
        assert!(refused.contains("the proxy that the environment names") && refused.contains("socks5://"));
    }
}

//! One address of a cluster and the client that sends to it alone, so that an error can name it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use elasticsearch::auth::{ClientCertificate, Credentials};
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::Url;
use elasticsearch::http::headers::AUTHORIZATION;
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use super::Connection;
use super::address::Address;
use super::connection::header;
use super::error::Cause;
use super::fingerprint::Fingerprint;

/// An address, and how it is reached.
pub(super) struct Node {
    pub(super) url: Url,
    /// The address as messages show it.
    pub(super) address: String,
    transport: OnceCell<Transport>,
    /// How the transport is made once the server has shown its authority; none where it was made at once.
    pinned: Option<(Fingerprint, Arc<Trust>)>,
}

/// Who asks, whom is trusted, and through whom.
struct Trust {
    credentials: Option<Credentials>,
    authorities: Vec<u8>,
    identity: Option<Vec<u8>>,
    proxy: Option<Address>,
    compression: bool,
}

/// The nodes of a connection.
pub(super) fn nodes(connection: &Connection) -> Result<Vec<Node>, String> {
    let addresses = connection.addresses()?;
    let trust = Arc::new(Trust {
        credentials: connection.credentials(&addresses)?,
        authorities: connection.ca_pem()?.unwrap_or_default(),
        identity: connection.identity()?,
        proxy: connection.proxy()?,
        compression: connection.compression,
    });
    let pin = connection.fingerprint()?;
    addresses.into_iter().map(|address| Node::new(address, pin, &trust)).collect()
}

impl Node {
    fn new(address: Address, pin: Option<Fingerprint>, trust: &Arc<Trust>) -> Result<Self, String> {
        let shown = address.shown();
        // Made in any case, so that settings that cannot be used are found at once.
        let made = transport(&address.url, trust, &[])?;
        let pinned = match pin {
            Some(_) if address.url.scheme() != "https" => {
                return Err(format!(
                    "a certificate's fingerprint means nothing for `{shown}`: expected https"
                ));
            }
            Some(pin) => Some((pin, trust.clone())),
            None => None,
        };
        let transport = if pinned.is_some() { OnceCell::new() } else { OnceCell::new_with(Some(made)) };
        Ok(Self { url: address.url, address: shown, transport, pinned })
    }

    /// Whether what is sent crosses a network in the open.
    pub(super) fn is_open(&self) -> bool {
        self.url.scheme() == "http" && !is_this_machine(&self.url)
    }

    /// What sends requests; with a fingerprint, looks first whether the server has it.
    pub(super) async fn transport(&self, timeout: Duration) -> Result<&Transport, Cause> {
        let make = || async {
            let Some((pin, trust)) = &self.pinned else {
                return Err(Cause::Settings("there is no client".to_owned()));
            };
            let authority = pin.authority(&self.url, timeout).await?;
            transport(&self.url, trust, &authority).map_err(Cause::Settings)
        };
        self.transport.get_or_try_init(make).await
    }
}

fn transport(url: &Url, trust: &Trust, pinned: &[u8]) -> Result<Transport, String> {
    let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url.clone()))
        .request_body_compression(trust.compression);
    builder = match (&trust.identity, &trust.credentials) {
        (None, None) => builder,
        (None, Some(credentials)) => builder.auth(credentials.clone()),
        (Some(identity), credentials) => {
            let builder = builder.auth(ClientCertificate::Pem(identity.clone()).into());
            // The client knows one way to log in; a certificate may be asked for besides another.
            match credentials.as_ref().map(header).transpose()? {
                Some(header) => builder.header(AUTHORIZATION, header),
                None => builder,
            }
        }
    };
    let authorities = [&trust.authorities, pinned].concat();
    let has_authorities = !authorities.is_empty();
    if has_authorities {
        let unreadable = |error| format!("the CA certificate cannot be used: {error}; expected PEM");
        let certificate = Certificate::from_pem(&authorities).map_err(unreadable)?;
        builder = builder.cert_validation(CertificateValidation::Full(certificate));
    }
    builder = match &trust.proxy {
        Some(proxy) => {
            let (user, password) = proxy.credentials.as_ref().map_or((None, None), |(user, password)| {
                (Some(user.as_str()), Some(password.expose_secret()))
            });
            builder.proxy(proxy.url.clone(), user, password)
        }
        None if is_this_machine(url) => builder.disable_proxy(),
        None => builder,
    };
    builder.build().map_err(|error| {
        let what = match (&trust.identity, has_authorities) {
            (Some(_), _) => "the client certificate or its key cannot be used",
            (None, true) => "the CA certificate cannot be used",
            (None, false) => "the HTTP client cannot start",
        };
        format!("{what}: {}", innermost(&error))
    })
}

/// A proxy of the environment is of no use for an address of this machine, and often in its way.
fn is_this_machine(url: &Url) -> bool {
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

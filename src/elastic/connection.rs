//! How to reach a cluster: plain settings, checked as a whole before anything is sent.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use elasticsearch::http::headers::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::RetryPolicy;
use super::address::{Address, parse_cloud_id, parse_url, redact};
use crate::bounded;

/// The address used where none is given.
pub const DEFAULT_URL: &str = "http://localhost:9200";

/// The largest file of certificates: a bundle of every public authority has a fifth of it.
pub const MAX_PEM: u64 = 1 << 20;

/// How long one request may take, the reading of its answer included.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// How to prove who asks; exactly one way.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// No credentials, or those in the URL.
    #[default]
    None,
    /// An API key: as Kibana shows it encoded, or `id:key`.
    ApiKey(SecretString),
    /// A user of the cluster.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// An `OAuth2` or JWT access token, or a service account's token.
    Bearer(SecretString),
}

/// Certificates of the authorities that sign the cluster's own certificate, as PEM.
#[derive(Clone)]
pub enum CaCertificate {
    /// The PEM text.
    Pem(Vec<u8>),
    /// A file that holds it.
    File(PathBuf),
}

impl fmt::Debug for CaCertificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(pem) => write!(out, "Pem({} bytes)", pem.len()),
            Self::File(path) => write!(out, "File({})", path.display()),
        }
    }
}

/// The files of a client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificate, and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

impl ClientFiles {
    /// The PEM text of both, one after the other, as HTTP clients take it.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn pem(&self) -> Result<Vec<u8>, String> {
        Ok([self.certificate_pem()?, b"\n".to_vec(), self.key_pem()?].concat())
    }

    pub(super) fn certificate_pem(&self) -> Result<Vec<u8>, String> {
        read(&self.certificate, "the client certificate")
    }

    pub(super) fn key_pem(&self) -> Result<Vec<u8>, String> {
        read(&self.key, "the client certificate's key")
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    bounded::read(path, MAX_PEM)
        .map_err(|error| format!("{what} `{}` cannot be read: {error}", path.display()))
}

/// How to reach a cluster.
#[derive(Clone)]
pub struct Connection {
    /// Addresses of its nodes, or of a proxy; the next is asked when one fails. Empty: [`DEFAULT_URL`].
    pub urls: Vec<String>,
    /// The Cloud ID, instead of addresses.
    pub cloud_id: Option<String>,
    /// Who asks.
    pub auth: Auth,
    /// Authorities trusted besides the public ones.
    pub ca_certificate: Option<CaCertificate>,
    /// The SHA-256 of a certificate that the cluster must show, or that is among the authorities, and whose holder alone is
    /// then trusted, as hexadecimal digits.
    pub ca_fingerprint: Option<String>,
    /// A certificate and its key, both PEM files, by which the cluster knows who asks.
    pub client_certificate: Option<ClientFiles>,
    /// A proxy through which every request goes, whatever the environment names.
    pub proxy: Option<String>,
    /// Whether bodies are packed with gzip, both ways: less to send, more to compute.
    pub compression: bool,
    /// The longest one request may take.
    pub timeout: Duration,
    /// How often and how fast a failed request is sent again.
    pub retry: RetryPolicy,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            cloud_id: None,
            auth: Auth::None,
            ca_certificate: None,
            ca_fingerprint: None,
            client_certificate: None,
            proxy: None,
            compression: false,
            timeout: DEFAULT_TIMEOUT,
            retry: RetryPolicy::default(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connection")
            .field("urls", &self.urls.iter().map(|url| redact(url)).collect::<Vec<_>>())
            .field("cloud_id", &self.cloud_id)
            .field("auth", &self.auth)
            .field("ca_certificate", &self.ca_certificate)
            .field("ca_fingerprint", &self.ca_fingerprint)
            .field("client_certificate", &self.client_certificate)
            .field("proxy", &self.proxy.as_deref().map(redact))
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish()
    }
}

impl Connection {
    /// Every address, in the order given.
    pub(super) fn addresses(&self) -> Result<Vec<Address>, String> {
        match (&self.cloud_id, self.urls.as_slice()) {
            (Some(_), [_, ..]) => Err("expected either a Cloud ID or addresses, found both".to_owned()),
            (Some(id), []) => Ok(vec![parse_cloud_id(id)?]),
            (None, []) => Ok(vec![parse_url(DEFAULT_URL)?]),
            (None, urls) => urls.iter().map(|url| parse_url(url)).collect(),
        }
    }

    /// The one way to prove who asks, from the settings or the addresses, as a header.
    pub(super) fn login(&self, addresses: &[Address]) -> Result<Option<HeaderValue>, String> {
        let mut in_urls = addresses.iter().filter_map(|address| address.credentials.as_ref());
        let Some((username, password)) = in_urls.next() else { return self.auth.header() };
        let same = |(user, word): &(String, SecretString)| {
            user == username && word.expose_secret() == password.expose_secret()
        };
        if !in_urls.all(same) {
            return Err("the addresses carry different credentials; give one user for all of them".to_owned());
        }
        if !matches!(self.auth, Auth::None) {
            let named = self.auth.name();
            return Err(format!(
                "expected one way to authenticate, found {named} and credentials in the address"
            ));
        }
        Auth::Basic { username: username.clone(), password: password.clone() }.header()
    }

    /// The header by which it signs in, from the settings or the addresses; none without credentials.
    ///
    /// # Errors
    /// An address is none, or the credentials are several, halved, or cannot be sent; no secret is shown.
    pub fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        self.login(&self.addresses()?)
    }

    /// The proxy, and how to log in to it.
    pub(super) fn proxy(&self) -> Result<Option<Address>, String> {
        let proxy = self.proxy.as_deref().map(parse_url).transpose();
        proxy.map_err(|error| format!("the proxy: {error}"))
    }
}

impl Auth {
    /// The header by which a server knows who asks; none without credentials.
    ///
    /// # Errors
    /// They cannot be sent; the secret is not shown.
    fn header(&self) -> Result<Option<HeaderValue>, String> {
        let Some(text) = self.words()? else { return Ok(None) };
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| "the credentials hold characters that no header can".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Checks what would otherwise fail deep in the HTTP client, where the message could show the secret.
    fn words(&self) -> Result<Option<SecretString>, String> {
        let encoded = |left: &str, right: &str| BASE64_STANDARD.encode(format!("{left}:{right}"));
        let words = match self {
            Self::None => return Ok(None),
            Self::ApiKey(key) => match token(key, self)?.split_once(':') {
                Some((id, key)) if !id.is_empty() && !key.is_empty() => {
                    format!("ApiKey {}", encoded(id, key))
                }
                Some(_) => {
                    return Err("expected the API key as `id:key` or encoded, found an empty half".to_owned());
                }
                None => format!("ApiKey {}", token(key, self)?),
            },
            Self::Bearer(key) => format!("Bearer {}", token(key, self)?),
            Self::Basic { username, .. } if username.is_empty() || username.contains(':') => {
                return Err(format!("expected a user name without `:`, found `{username}`"));
            }
            Self::Basic { username, password } if password.expose_secret().is_empty() => {
                return Err(format!("the password of `{username}` is empty"));
            }
            Self::Basic { username, password } => {
                format!("Basic {}", encoded(username, password.expose_secret()))
            }
        };
        Ok(Some(SecretString::from(words)))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey(_) => "an API key",
            Self::Basic { .. } => "a user name and password",
            Self::Bearer(_) => "a bearer token",
        }
    }
}

/// A secret that goes into a header as it is; files often end it with a line feed.
fn token<'a>(secret: &'a SecretString, auth: &Auth) -> Result<&'a str, String> {
    let text = secret.expose_secret().trim();
    if text.is_empty() {
        return Err(format!("{} is given, but empty", auth.name()));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let name = auth.name();
        return Err(format!(
            "{name} holds blanks or characters outside ASCII; expected one word, copied whole"
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Auth, CaCertificate, Connection};
    use crate::elastic::Cluster;
    use secrecy::SecretString;

    const SECRET: &str = "hunter2-secret";

    fn basic() -> Auth {
        Auth::Basic { username: "elastic".into(), password: SecretString::from(SECRET) }
    }

    fn refused(connection: &Connection) -> String {
        let error = Cluster::connect(connection).expect_err("refused");
        let all = format!("{error} {error:?} {error:#?} {connection:?}");
        assert!(!all.contains(SECRET), "{all}");
        error.to_string()
    }

    #[test]
    fn one_way_to_authenticate_and_one_place_to_go() {
        let url = format!("https://elastic:{SECRET}@host:9200");
        let both = Connection { urls: vec![url.clone()], auth: basic(), ..Connection::default() };
        assert!(refused(&both).contains("credentials in the address"));
        let other = format!("https://kibana:{SECRET}@host:9201");
        let two = Connection { urls: vec![url, other], ..Connection::default() };
        assert!(refused(&two).contains("different credentials"));
        let places = Connection {
            urls: vec!["http://host".into()],
            cloud_id: Some("mine:ZXUuZXhhbXBsZSRhYmMkZGVm".into()),
            ..Connection::default()
        };
        assert!(refused(&places).contains("found both"));
    }

    #[test]
    fn secrets_that_cannot_be_sent_are_refused_unseen() {
        let broken = SecretString::from(format!("{SECRET}\r\nX-Injected: 1"));
        let empty = SecretString::from(" \n");
        for auth in [Auth::Bearer(broken.clone()), Auth::ApiKey(broken), Auth::Bearer(empty)] {
            refused(&Connection { auth, ..Connection::default() });
        }
        let half = Auth::ApiKey(SecretString::from(format!("{SECRET}:")));
        assert!(refused(&Connection { auth: half, ..Connection::default() }).contains("empty half"));
        let colon = Auth::Basic { username: "a:b".into(), password: SecretString::from(SECRET) };
        assert!(refused(&Connection { auth: colon, ..Connection::default() }).contains("without `:`"));
    }

    #[test]
    fn a_broken_authority_is_named() {
        let missing = CaCertificate::File("/nonexistent/ca.pem".into());
        let connection = Connection { ca_certificate: Some(missing), ..Connection::default() };
        assert!(refused(&connection).contains("`/nonexistent/ca.pem` cannot be read"));
        for pem in ["no certificate at all", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            let pem = CaCertificate::Pem(pem.as_bytes().to_vec());
            let connection = Connection { ca_certificate: Some(pem), ..Connection::default() };
            assert!(refused(&connection).contains("CA certificate"), "{}", refused(&connection));
        }
    }

    #[test]
    fn nothing_shown_of_a_working_connection_holds_a_secret() {
        let url = format!("https://elastic:{SECRET}@host:9200");
        let in_url = Connection { urls: vec![url], ..Connection::default() };
        let ways = [
            basic(),
            Auth::ApiKey(SecretString::from(format!("id:{SECRET}"))),
            Auth::ApiKey(SecretString::from(SECRET)),
            Auth::Bearer(SecretString::from(format!("{SECRET}\n"))),
        ];
        let ways = ways.map(|auth| Connection { auth, ..Connection::default() });
        for connection in ways.iter().chain([&in_url]) {
            let cluster = Cluster::connect(connection).expect("a connection");
            let all = format!("{connection:?} {connection:#?} {cluster:?} {cluster:#?}");
            assert!(!all.contains(SECRET), "{all}");
        }
    }
}

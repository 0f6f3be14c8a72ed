//! Why no whole answer came, read from the chain of errors of the HTTP client.

use std::error::Error;
use std::io;

use tokio_rustls::rustls;
use tokio_rustls::rustls::{AlertDescription, CertificateError};

use super::fingerprint::NotPinned;
use super::reason::shorten;

/// How much of a cause is shown, in characters; a certificate may name hundreds of hosts.
const DETAIL: usize = 200;

/// How many of a server's certificates are named.
const MOST_SHOWN: usize = 4;

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// The proxy does not answer itself.
    ProxyGone,
    /// The proxy asks who is there.
    ProxyLogin,
    /// The proxy does not lead to the address.
    ProxyRefuses,
    /// Nothing listens at the port.
    Refused,
    /// The host name is not known.
    Dns,
    /// Nobody trusted has signed the certificate.
    UnknownIssuer,
    /// The certificate is for another host.
    OtherHost,
    /// The certificate's time is over, or has not come.
    Expired,
    /// An authority's certificate stands where a server's should.
    AuthorityAsServer,
    /// No certificate that is shown has the fingerprint.
    PinAbsent,
    /// The fingerprint is that of the server's certificate, not of its authority's.
    PinIsLeaf,
    /// The certificate with the fingerprint has not signed the server's.
    PinUnsigned,
    /// The server asks for a certificate, and none is given.
    NoClientCertificate,
    /// The server refuses the certificate that is given.
    ClientCertificate,
    /// TLS failed for another reason.
    Tls,
    /// It took too long.
    TimedOut,
    /// The connection ended in the middle.
    BrokenOff,
    /// The request could not even be built.
    Request,
    /// None of these; the words say more.
    Other,
}

/// What lies between here and a node, which decides what a failure means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) by_proxy: bool,
    /// Whether the client shows a certificate of its own.
    pub(super) with_certificate: bool,
}

impl Unreachable {
    /// Whether it may be over by itself at the next attempt.
    pub(super) fn may_pass(self) -> bool {
        matches!(
            self,
            Self::ProxyGone
                | Self::ProxyRefuses
                | Self::Refused
                | Self::Dns
                | Self::TimedOut
                | Self::BrokenOff
                | Self::Other
        )
    }

    /// The reason in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::ProxyGone => "the proxy does not answer",
            Self::ProxyLogin => "the proxy asks for a login",
            Self::ProxyRefuses => "the proxy does not lead there",
            Self::Refused => "connection refused",
            Self::Dns => "the host name is not known",
            Self::UnknownIssuer => "the certificate is signed by an authority that is not trusted",
            Self::OtherHost => "the certificate is for another host",
            Self::Expired => "the certificate is not valid at this time",
            Self::AuthorityAsServer => "the certificate is an authority's, not a server's",
            Self::PinAbsent => "no certificate of the server has the fingerprint",
            Self::PinIsLeaf => "the fingerprint is not that of an authority",
            Self::PinUnsigned => "the server is not signed by the certificate with the fingerprint",
            Self::NoClientCertificate => "the server asks for a client certificate",
            Self::ClientCertificate => "the server does not take the client certificate",
            Self::Tls => "TLS failed",
            Self::TimedOut => "timed out",
            Self::BrokenOff => "the connection broke off",
            Self::Request => "the request could not be made",
            Self::Other => "no answer",
        }
    }
}

/// Reads the chain of causes; the words are empty where the reason says it all.
pub(super) fn explain(error: &reqwest::Error, way: Way) -> (Unreachable, String) {
    let chain = chain(error);
    let tls = chain.iter().find_map(|link| link.tls);
    if let Some(not_pinned) = tls.and_then(not_pinned) {
        return of_pin(not_pinned);
    }
    let why = match tls {
        _ if error.is_timeout() => Unreachable::TimedOut,
        Some(tls) => of_tls(tls, way),
        None => of_connection(&chain, way),
    };
    let detail = match why {
        Unreachable::Refused | Unreachable::TimedOut | Unreachable::ProxyLogin => String::new(),
        // The last cause says the most; the outer ones repeat the URL.
        _ => chain.last().map(|link| shorten(&link.words, DETAIL)).unwrap_or_default(),
    };
    (why, detail)
}

struct Link<'e> {
    words: String,
    io: Option<io::ErrorKind>,
    tls: Option<&'e rustls::Error>,
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> Vec<Link<'e>> {
    let errors = std::iter::successors(Some(error), |error| (*error).source());
    let link = |error: &'e (dyn Error + 'static)| Link {
        words: error.to_string(),
        io: error.downcast_ref().map(io::Error::kind),
        tls: tls(error),
    };
    errors.map(link).collect()
}

/// The error of TLS in errors of input and output, which do not name what they wrap as their source.
fn tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(outer) => tls(outer.get_ref()?),
        None => error.downcast_ref(),
    }
}

fn of_tls(error: &rustls::Error, way: Way) -> Unreachable {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::AlertReceived(alert) => of_alert(*alert, way),
        _ => Unreachable::Tls,
    }
}

fn not_pinned(error: &rustls::Error) -> Option<&NotPinned> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

fn of_pin(why: &NotPinned) -> (Unreachable, String) {
    match why {
        NotPinned::Absent { expected, shown } => {
            let shown: Vec<String> =
                shown.iter().take(MOST_SHOWN).map(|shown| format!("`{shown}`")).collect();
            (Unreachable::PinAbsent, format!("expected `{expected}`, found {}", shown.join(", ")))
        }
        NotPinned::Leaf => (Unreachable::PinIsLeaf, String::new()),
        NotPinned::Unsigned => (Unreachable::PinUnsigned, String::new()),
    }
}

fn of_certificate(error: &CertificateError) -> Unreachable {
    match error {
        // Authorities of one name, as Elasticsearch makes them for each cluster, differ in their keys alone.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Unreachable::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Unreachable::OtherHost
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Unreachable::Expired,
        CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            Unreachable::AuthorityAsServer
        }
        _ => Unreachable::Tls,
    }
}

/// What a server says before it hangs up; most of it is about the client's certificate, or that there is none.
fn of_alert(alert: AlertDescription, way: Way) -> Unreachable {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate if !way.with_certificate => {
            Unreachable::NoClientCertificate
        }
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError
            if way.with_certificate =>
        {
            Unreachable::ClientCertificate
        }
        _ => Unreachable::Tls,
    }
}

fn of_connection(chain: &[Link], way: Way) -> Unreachable {
    let says = |word: &str| chain.iter().any(|link| link.words.to_ascii_lowercase().contains(word));
    let io =
        |kinds: &[io::ErrorKind]| chain.iter().any(|link| link.io.is_some_and(|kind| kinds.contains(&kind)));
    let is_refused = io(&[io::ErrorKind::ConnectionRefused]);
    let is_unknown = says("dns error") || says("failed to lookup address");
    if way.by_proxy && (is_refused || is_unknown) {
        Unreachable::ProxyGone
    } else if is_refused {
        Unreachable::Refused
    } else if is_unknown {
        Unreachable::Dns
    } else if says("proxy authorization required") {
        Unreachable::ProxyLogin
    } else if says("tunnel error") && !io(&[io::ErrorKind::TimedOut]) {
        Unreachable::ProxyRefuses
    } else if says("handshake") {
        Unreachable::Tls
    } else if io(&[io::ErrorKind::TimedOut]) {
        Unreachable::TimedOut
    } else if io(&[io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::UnexpectedEof])
        || ["connection reset", "connection closed", "incomplete message", "reading a body", "invalid http"]
            .into_iter()
            .any(says)
    {
        Unreachable::BrokenOff
    } else if says("builder error") || says("relative url") {
        Unreachable::Request
    } else {
        Unreachable::Other
    }
}

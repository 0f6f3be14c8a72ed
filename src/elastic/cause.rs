//! Why no whole answer came, read from the chain of errors of the HTTP client.

use std::error::Error;
use std::io;

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreachable {
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

impl Unreachable {
    /// Whether it may be over by itself at the next attempt.
    pub(super) fn may_pass(self) -> bool {
        !matches!(self, Self::UnknownIssuer | Self::OtherHost | Self::Expired | Self::Tls | Self::Request)
    }

    /// The reason in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Dns => "the host name is not known",
            Self::UnknownIssuer => "the certificate is signed by an authority that is not trusted",
            Self::OtherHost => "the certificate is for another host",
            Self::Expired => "the certificate is not valid at this time",
            Self::Tls => "TLS failed",
            Self::TimedOut => "timed out",
            Self::BrokenOff => "the connection broke off",
            Self::Request => "the request could not be made",
            Self::Other => "no answer",
        }
    }
}

/// Reads the chain of causes; the words are empty where the reason says it all.
pub(super) fn explain(error: &elasticsearch::Error) -> (Unreachable, String) {
    let chain = chain(error);
    let why = if error.is_timeout() { Unreachable::TimedOut } else { classify(&chain) };
    let detail = match why {
        Unreachable::Refused | Unreachable::TimedOut => String::new(),
        _ => innermost(&chain),
    };
    (why, detail)
}

struct Link {
    words: String,
    io: Option<io::ErrorKind>,
}

fn chain(error: &(dyn Error + 'static)) -> Vec<Link> {
    let mut links = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
        links.push(Link { words: error.to_string(), io });
        next = error.source();
    }
    links
}

fn classify(chain: &[Link]) -> Unreachable {
    let says = |word: &str| chain.iter().any(|link| link.words.to_ascii_lowercase().contains(word));
    let io = |kind: io::ErrorKind| chain.iter().any(|link| link.io == Some(kind));
    if io(io::ErrorKind::ConnectionRefused) {
        Unreachable::Refused
    } else if says("dns error") || says("failed to lookup address") {
        Unreachable::Dns
    } else if says("unknownissuer") || says("unknown issuer") {
        Unreachable::UnknownIssuer
    } else if says("not valid for name") || says("notvalidforname") {
        Unreachable::OtherHost
    } else if says("certificate expired") || says("certificate not valid yet") {
        Unreachable::Expired
    } else if says("certificate") || says("received corrupt message") || says("handshake") {
        Unreachable::Tls
    } else if io(io::ErrorKind::TimedOut) {
        Unreachable::TimedOut
    } else if [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::UnexpectedEof]
        .into_iter()
        .any(io)
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

/// The last cause says the most; the outer ones repeat the URL.
fn innermost(chain: &[Link]) -> String {
    chain.last().map(|link| super::reason::shorten(&link.words, 200)).unwrap_or_default()
}

//! Trust by fingerprint: the authority whose certificate has it is taken from what the server itself shows, as Elastic's
//! agents do.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use elasticsearch::http::Url;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::cause::Unreachable;
use super::error::Cause;

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl FromStr for Fingerprint {
    type Err = String;

    /// Takes 64 hexadecimal digits, as Elasticsearch prints them at its first start, or pairs of them with `:` between.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text.trim().chars().filter(|digit| *digit != ':').collect();
        let wrong =
            || format!("expected a certificate's SHA-256 as 64 hexadecimal digits, found `{}`", text.trim());
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(wrong());
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// The certificate with this fingerprint among those that the server at `url` shows, as PEM. Nothing is sent to it
    /// but a greeting.
    pub(super) async fn authority(self, url: &Url, timeout: Duration) -> Result<Vec<u8>, Cause> {
        let shown = tokio::time::timeout(timeout, chain(url)).await;
        let shown = shown.unwrap_or(Err(Cause::Unreachable(Unreachable::TimedOut, String::new())))?;
        if let Some(certificate) = shown.iter().find(|certificate| Self::of(certificate) == self) {
            return Ok(pem(certificate));
        }
        let found: Vec<String> =
            shown.iter().map(|certificate| format!("`{}`", Self::of(certificate))).collect();
        Err(Cause::Unsupported(format!(
            "expected a certificate with the fingerprint `{self}`, found {}: this is another server, or its authority was \
             renewed, or it does not show it (then give the authority's file)",
            found.join(", ")
        )))
    }
}

/// The certificates that the server at `url` shows.
async fn chain(url: &Url) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Unreachable::Refused,
            _ => Unreachable::Other,
        };
        Cause::Unreachable(why, error.to_string())
    })?;
    let looker = Arc::new(Looker { provider: ring::default_provider(), shown: Mutex::default() });
    let tls = |error: &dyn fmt::Display| Cause::Unreachable(Unreachable::Tls, error.to_string());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(&error))?
        .dangerous()
        .with_custom_certificate_verifier(looker.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host).map_err(|error| tls(&error))?;
    let greeted = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let shown = std::mem::take(&mut *looker.shown.lock().unwrap_or_else(PoisonError::into_inner));
    match (shown.is_empty(), greeted) {
        (false, _) => Ok(shown),
        (true, Err(error)) => Err(tls(&error)),
        (true, Ok(_)) => Err(tls(&"the server shows no certificate")),
    }
}

fn pem(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let text = BASE64_STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n").into_bytes()
}

/// Notes what a server shows, and trusts none of it.
#[derive(Debug)]
struct Looker {
    provider: CryptoProvider,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

fn only_looked_at() -> Error {
    Error::General("only looked at".to_owned())
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(end_entity).chain(intermediates);
        let all = all.map(|certificate| certificate.clone().into_owned()).collect();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Err(only_looked_at())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_looked_at())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_looked_at())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn hexadecimal_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(plain.parse::<Fingerprint>(), colons.parse());
        assert_eq!(plain.parse::<Fingerprint>().map(|found| found.to_string()), Ok(plain.clone()));
        for wrong in ["", "ab", &plain[1..], &format!("{}zz", &plain[2..]), &"ä".repeat(32)] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    impl std::fmt::Debug for Fingerprint {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(out, "{self}")
        }
    }
}

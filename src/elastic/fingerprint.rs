//! Trust by fingerprint: in each handshake the certificate that has it is looked for in what the server shows, and the
//! server has to be signed by that one alone, so that no connection is trusted on the word of another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

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

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

/// Why a server is not the one that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotPinned {
    /// It shows no certificate with the fingerprint.
    Absent {
        /// The fingerprint that is given.
        expected: Fingerprint,
        /// Those of the certificates that it shows.
        shown: Vec<Fingerprint>,
    },
    /// The fingerprint is that of its own certificate, which another one has signed.
    Leaf,
    /// It shows the certificate, and is not signed by it.
    Unsigned,
}

impl fmt::Display for NotPinned {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

impl std::error::Error for NotPinned {}

impl From<NotPinned> for Error {
    fn from(why: NotPinned) -> Self {
        CertificateError::Other(OtherError(Arc::new(why))).into()
    }
}

/// Trusts whoever is signed by the certificate that has the fingerprint, and nobody else.
#[derive(Debug)]
pub(super) struct Pinned {
    pin: Fingerprint,
    /// Certificates among which it is looked for, too, as a server need not show its authority's.
    given: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    pub(super) fn new(
        pin: Fingerprint,
        given: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { pin, given, provider }
    }

    /// What only the holder of `root` can have signed is trusted.
    fn verifier(&self, root: &CertificateDer<'_>) -> Result<Arc<WebPkiServerVerifier>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = || std::iter::once(end_entity).chain(intermediates);
        let Some(root) = shown().chain(&self.given).find(|one| Fingerprint::of(one) == self.pin) else {
            let shown = shown().map(Fingerprint::of).collect();
            return Err(NotPinned::Absent { expected: self.pin, shown }.into());
        };
        let signed_by = self.verifier(root)?;
        let verified =
            signed_by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                if root == end_entity { NotPinned::Leaf } else { NotPinned::Unsigned }.into()
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
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
}

//! Whom a connection trusts and by what it is known: certificates and keys, from PEM files.

use std::sync::Arc;

use reqwest::{Certificate, ClientBuilder};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

use super::Connection;
use super::connection::{CaCertificate, ClientFiles, MAX_PEM};
use super::fingerprint::{Fingerprint, Pinned};
use crate::bounded;

/// Whom a connection trusts, and by what it is known.
pub(super) struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    pin: Option<Fingerprint>,
    identity: Option<Identity>,
}

/// The client's own certificate, those that lead to its authority, and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pem: Vec<u8>,
}

impl Trust {
    /// What the settings of a connection say.
    ///
    /// # Errors
    /// A file that cannot be read or used, by its name.
    pub(super) fn of(connection: &Connection) -> Result<Self, String> {
        Ok(Self {
            authorities: connection.ca_certificate.as_ref().map_or(Ok(Vec::new()), authorities)?,
            pin: connection.ca_fingerprint.as_deref().map(str::parse).transpose()?,
            identity: connection.client_certificate.as_ref().map(Identity::read).transpose()?,
        })
    }

    /// Whether the server must show a certificate of a given fingerprint.
    pub(super) fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    /// Whether the client has a certificate of its own.
    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// A client that trusts the authorities besides the public ones; with a fingerprint, whoever has it alone.
    pub(super) fn applied(&self, builder: ClientBuilder) -> Result<ClientBuilder, String> {
        if let Some(pin) = self.pin {
            return Ok(builder.use_preconfigured_tls(self.pinned(pin)?));
        }
        let unusable = |error: reqwest::Error| format!("the certificates cannot be used: {error}");
        let mut builder = builder;
        for authority in &self.authorities {
            builder = builder.add_root_certificate(Certificate::from_der(authority).map_err(unusable)?);
        }
        match &self.identity {
            Some(identity) => {
                Ok(builder.identity(reqwest::Identity::from_pem(&identity.pem).map_err(unusable)?))
            }
            None => Ok(builder),
        }
    }

    fn pinned(&self, pin: Fingerprint) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let pinned = Pinned::new(pin, self.authorities.clone(), provider.clone());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be used: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned));
        match &self.identity {
            None => Ok(config.with_no_client_auth()),
            Some(Identity { chain, key, .. }) => config
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| format!("the client certificate cannot be used: {error}")),
        }
    }
}

fn authorities(given: &CaCertificate) -> Result<Vec<CertificateDer<'static>>, String> {
    let (pem, named) = match given {
        CaCertificate::Pem(pem) => (pem.clone(), "the CA certificate".to_owned()),
        CaCertificate::File(path) => {
            let named = format!("the CA certificate `{}`", path.display());
            (bounded::read(path, MAX_PEM).map_err(|error| format!("{named} cannot be read: {error}"))?, named)
        }
    };
    let certificates = certificates(&pem, &named)?;
    for certificate in &certificates {
        let added = RootCertStore::empty().add(certificate.clone());
        added.map_err(|error| format!("{named} cannot be used: {error}"))?;
    }
    Ok(certificates)
}

/// The certificates of a PEM text, of which there has to be one at least.
fn certificates(pem: &[u8], named: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(format!("{named} holds no certificate: expected PEM, `-----BEGIN CERTIFICATE-----`"))
        }
        Ok(certificates) => Ok(certificates),
        // Its own words show bytes.
        Err(_) => Err(format!("{named} is broken: expected whole PEM, up to `-----END CERTIFICATE-----`")),
    }
}

impl Identity {
    fn read(files: &ClientFiles) -> Result<Self, String> {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let chain =
            certificates(&files.certificate_pem()?, &format!("the client certificate `{certificate}`"))?;
        let (pem, named) = (files.key_pem()?, format!("the client certificate's key `{key}`"));
        let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| no_key(&pem, &named))?;
        match CertifiedKey::from_der(chain.clone(), private.clone_key(), &ring::default_provider()) {
            Ok(_) => Ok(Self { chain, key: private, pem: files.pem()? }),
            Err(Error::InconsistentKeys(_)) => {
                Err(format!("{named} is not that of the certificate `{certificate}`"))
            }
            Err(error) => Err(format!("{named} cannot be used: {error}")),
        }
    }
}

/// Why a text holds no private key that can be used.
fn no_key(pem: &[u8], named: &str) -> String {
    let text = String::from_utf8_lossy(pem);
    if text.contains("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return format!(
            "{named} is encrypted, which is not taken: decrypt it into a file that only its owner may read \
             (`openssl pkey -in KEY -out PLAIN`)"
        );
    }
    format!("{named} holds no private key: expected PEM, `-----BEGIN PRIVATE KEY-----`")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::Trust;
    use crate::elastic::{CaCertificate, ClientFiles, Connection};

    const ENCRYPTED: &str =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

    /// A certificate and its key.
    fn made() -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["stakeout".to_owned()]).expect("parameters");
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    #[test]
    fn each_file_that_cannot_be_used_is_named_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let ((certificate, key), (_, other)) = (made(), made());
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let client = |certificate: &str, key: &str| {
            let files =
                ClientFiles { certificate: write("client.pem", certificate), key: write("client.key", key) };
            Trust::of(&Connection { client_certificate: Some(files), ..Connection::default() })
        };
        let authority = |text: &str| {
            let file = CaCertificate::File(write("ca.pem", text));
            Trust::of(&Connection { ca_certificate: Some(file), ..Connection::default() })
        };
        for (trust, words) in [
            (authority(""), ["ca.pem` holds no certificate", "BEGIN CERTIFICATE"]),
            (authority(&key), ["ca.pem` holds no certificate", "BEGIN CERTIFICATE"]),
            (authority(&certificate[..60]), ["ca.pem` is broken", "END CERTIFICATE"]),
            (client(&certificate, ENCRYPTED), ["client.key` is encrypted", "openssl pkey"]),
            (client(&certificate, ""), ["client.key` holds no private key", "BEGIN PRIVATE KEY"]),
            (client(&certificate, &other), ["client.key` is not that of the certificate", "client.pem"]),
            (client("", &key), ["client.pem` holds no certificate", "BEGIN CERTIFICATE"]),
        ] {
            let error = trust.err().unwrap_or_else(|| panic!("{words:?}"));
            assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
        }
        assert!(client(&certificate, &key).is_ok());
    }
}

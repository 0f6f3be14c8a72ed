//! TLS against a server of the test's own: whom it trusts, and what it says where it does not.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::fake::{attempts, cluster};
use super::{CaCertificate, Connection, ElasticError};

/// A server that speaks https only.
struct TlsServer {
    address: String,
    authority: Vec<u8>,
}

/// Starts a server whose certificate names `host`.
async fn serve(host: &str) -> TlsServer {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    let certificate = certificate.signed_by(&key, &authority).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let body = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    TlsServer { address, authority: authority.pem().into_bytes() }
}

/// Starts a server that speaks plain http, as it answers a TLS greeting; gives its address as https.
async fn serve_plain() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut greeting = [0; 4096];
            let _ = stream.read(&mut greeting).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

async fn greet(url: String, authority: Option<Vec<u8>>) -> Result<String, ElasticError> {
    let ca_certificate = authority.map(CaCertificate::Pem);
    let (cluster, _) = cluster(&Connection { urls: vec![url], ca_certificate, ..attempts(2) });
    cluster.info().await.map(|info| info.version)
}

#[tokio::test]
async fn the_given_authority_is_trusted_and_no_other() {
    let (server, other) = (serve("127.0.0.1").await, serve("127.0.0.1").await);
    let url = format!("https://{}", server.address);
    let both = [other.authority.clone(), server.authority].concat();
    assert_eq!(greet(url.clone(), Some(both)).await.expect("info"), "9.2.0");
    for authority in [None, Some(other.authority)] {
        let error = greet(url.clone(), authority).await.expect_err("an unknown authority");
        let message = error.to_string();
        assert!(message.contains("certificate") && !error.is_retryable(), "{message}");
        assert_eq!(error.attempts(), 1, "{message}");
    }
}

#[tokio::test]
async fn an_unknown_authority_comes_with_advice() {
    let server = serve("127.0.0.1").await;
    let error = greet(format!("https://{}", server.address), None).await.expect_err("an unknown authority");
    assert!(error.to_string().contains("`ELASTICSEARCH_CA_CERT`"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let server = serve("es.example").await;
    let url = format!("https://{}", server.address);
    let error = greet(url, Some(server.authority)).await.expect_err("another host");
    assert!(error.to_string().contains("the certificate is for another host"), "{error}");
}

#[tokio::test]
async fn the_wrong_scheme_comes_with_advice() {
    let server = serve("127.0.0.1").await;
    let error = greet(format!("http://{}", server.address), None).await.expect_err("http to an https port");
    assert!(error.to_string().contains("may expect https"), "{error}");
    let error = greet(serve_plain().await, None).await.expect_err("https to an http port");
    assert!(error.to_string().contains("speaks https"), "{error}");
}

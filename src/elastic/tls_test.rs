//! TLS against servers of the test's own: whom a connection trusts, whom it shows itself to, and what it says where it does
//! not get on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::fake::{Act, Fake, attempts, cluster};
use super::{CaCertificate, ClientFiles, Cluster, Connection, ElasticError};

const HOST: &str = "127.0.0.1";

struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a server shows, and the key to the first of it.
#[derive(Clone)]
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn signs(&self, host: &str) -> Shown {
        self.signs_with(&CertificateParams::new(vec![host.to_owned()]).expect("parameters"))
    }

    fn signs_with(&self, params: &CertificateParams) -> Shown {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Shown { chain: vec![certificate.der().clone()], key: key.serialize_der() }
    }

    /// The authority's certificate in the place of a server's.
    fn as_server(&self) -> Shown {
        Shown { chain: vec![self.der()], key: self.0.key().serialize_der() }
    }
}

impl Shown {
    fn of_nobody() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { chain: vec![certificate.der().clone()], key: key.serialize_der() }
    }

    fn beside(mut self, authority: &Authority) -> Self {
        self.chain.push(authority.der());
        self
    }

    fn acceptor(self, clients: Option<&Authority>) -> TlsAcceptor {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.der()).expect("an authority");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), default_provider().into());
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let config = builder.with_single_cert(self.chain, PrivateKeyDer::Pkcs8(self.key.into()));
        TlsAcceptor::from(Arc::new(config.expect("a server")))
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// A server that speaks https only.
struct TlsServer {
    url: String,
    port: u16,
    requests: Arc<AtomicUsize>,
}

/// Starts a server that shows these, one after the other, and the last of them from then on.
async fn serve(shown: &[Shown], clients: Option<&Authority>) -> TlsServer {
    let acceptors: Vec<TlsAcceptor> = shown.iter().map(|shown| shown.clone().acceptor(clients)).collect();
    let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let acceptor = &acceptors[number.min(acceptors.len() - 1)];
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            let body = r#"{"cluster_name":"c","version":{"number":"9.2.0"}}"#;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    TlsServer { url: format!("https://{HOST}:{port}"), port, requests }
}

/// Starts a server that speaks plain http, as it answers a TLS greeting; gives its address as https.
async fn serve_plain() -> String {
    let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

/// A proxy that leads every tunnel to one port, whatever name was asked for.
async fn tunnel_to(port: u16) -> String {
    let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect((HOST, port)).await.expect("the server");
            let _ = client.read(&mut [0; 4096]).await;
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    url
}

fn to(url: &str) -> Connection {
    Connection { urls: vec![url.to_owned()], ..attempts(2) }
}

fn trusting(authority: &Authority, connection: Connection) -> Connection {
    Connection { ca_certificate: Some(CaCertificate::Pem(authority.pem())), ..connection }
}

fn pinned(certificate: &CertificateDer<'_>, connection: Connection) -> Connection {
    Connection { ca_fingerprint: Some(fingerprint(certificate)), ..connection }
}

fn asking(connection: &Connection) -> Cluster {
    cluster(connection).0
}

async fn greet(connection: &Connection) -> Result<String, ElasticError> {
    asking(connection).info().await.map(|info| info.version)
}

/// The message, in which these words stand.
async fn refuses(connection: &Connection, words: &[&str]) -> ElasticError {
    let error = greet(connection).await.expect_err("an error");
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "{word}: {message}");
    }
    error
}

#[tokio::test]
async fn the_given_authority_is_trusted_and_no_other() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = serve(&[authority.signs(HOST)], None).await;
    let both = CaCertificate::Pem([other.pem(), authority.pem()].concat());
    let trusted = Connection { ca_certificate: Some(both), ..to(&server.url) };
    assert_eq!(greet(&trusted).await.expect("info"), "9.2.0");
    for connection in [to(&server.url), trusting(&other, to(&server.url))] {
        let words = ["an authority that is not trusted", "`ELASTICSEARCH_CA_CERT`"];
        let error = refuses(&connection, &words).await;
        assert!(!error.is_retryable() && error.attempts() == 1, "{error}");
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_do_says_why() {
    let authority = Authority::new();
    let mut old = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
    old.not_after = date_time_ymd(2020, 1, 1);
    for (shown, words) in [
        (authority.signs("es.example"), ["the certificate is for another host", "es.example"]),
        (authority.signs_with(&old), ["not valid at this time", "this machine's clock"]),
        (authority.as_server(), ["is an authority's, not a server's", "a certificate of its own"]),
    ] {
        let server = serve(&[shown], None).await;
        refuses(&trusting(&authority, to(&server.url)), &words).await;
        assert_eq!(server.requests.load(Ordering::SeqCst), 0, "{words:?}");
    }
}

#[tokio::test]
async fn the_wrong_scheme_comes_with_advice() {
    let server = serve(&[Shown::of_nobody()], None).await;
    refuses(&to(&server.url.replace("https", "http")), &["may expect https"]).await;
    refuses(&to(&serve_plain().await), &["speaks https"]).await;
}

#[tokio::test]
async fn a_fingerprint_binds_each_connection_to_its_holder_alone() {
    let (authority, other) = (Authority::new(), Authority::new());
    let right = authority.signs(HOST).beside(&authority);
    let server = serve(&[right, other.signs(HOST)], None).await;
    let cluster = asking(&trusting(&other, pinned(&authority.der(), to(&server.url))));
    assert_eq!(cluster.info().await.expect("info").version, "9.2.0");
    let error = cluster.info().await.expect_err("another server").to_string();
    let (expected, found) = (fingerprint(&authority.der()), "found `");
    for words in ["no certificate of the server has the fingerprint", &expected, found, "another server"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 1, "nothing is sent to another server");
}

#[tokio::test]
async fn whoever_has_the_fingerprint_is_found_where_it_is_shown_or_given() {
    let (authority, nobody) = (Authority::new(), Shown::of_nobody());
    let silent = serve(&[authority.signs(HOST)], None).await;
    greet(&trusting(&authority, pinned(&authority.der(), to(&silent.url)))).await.expect("info");
    refuses(&pinned(&authority.der(), to(&silent.url)), &["or it does not show it"]).await;
    let alone = serve(std::slice::from_ref(&nobody), None).await;
    greet(&pinned(&nobody.chain[0], to(&alone.url))).await.expect("info");
}

#[tokio::test]
async fn a_fingerprint_that_does_not_do_says_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let leaf = authority.signs(HOST);
    for (pin, shown, words) in [
        (leaf.chain[0].clone(), leaf, ["not that of an authority", "the authority that signed"]),
        (authority.der(), other.signs(HOST).beside(&authority), ["is not signed by", "another server"]),
        (authority.der(), authority.signs("es.example").beside(&authority), ["another host", "es.example"]),
        (authority.der(), authority.as_server(), ["is an authority's", "a certificate of its own"]),
    ] {
        let server = serve(&[shown], None).await;
        let error = refuses(&pinned(&pin, to(&server.url)), &words).await;
        assert_eq!((error.attempts(), server.requests.load(Ordering::SeqCst)), (1, 0), "{error}");
    }
}

#[tokio::test]
async fn a_fingerprint_goes_by_the_proxy_that_alone_knows_the_way() {
    let authority = Authority::new();
    let server = serve(&[authority.signs("es.invalid").beside(&authority)], None).await;
    let proxy = tunnel_to(server.port).await;
    let by = |proxy: &str| Connection { proxy: Some(proxy.to_owned()), ..to("https://es.invalid:9200") };
    greet(&pinned(&authority.der(), by(&proxy))).await.expect("info");
    let direct = pinned(&authority.der(), to("https://es.invalid:9200"));
    refuses(&direct, &["the host name is not known", "check the host name"]).await;
    let error = Cluster::connect(&pinned(&authority.der(), by("https://px.example"))).expect_err("refused");
    assert!(error.to_string().contains("the proxy `https://px.example` neither"), "{error}");
}

#[tokio::test]
async fn a_proxy_in_the_way_is_named_with_what_it_said() {
    let by = |proxy: &str, url: &str| Connection { proxy: Some(proxy.to_owned()), ..to(url) };
    let (tls, plain) = ("https://es.invalid:9200", "http://es.invalid:9200");
    for (status, url, words, sent) in [
        (407, tls, "the proxy asks for a login; give user name and password", 1),
        (403, tls, "the proxy does not lead there", 2),
        (407, plain, "HTTP 407 with an empty body; give user name and password", 1),
    ] {
        let proxy = Fake::start(vec![Act::with(status, "", ""), Act::with(status, "", "")]).await;
        let at = format!("at `{url}` through the proxy `{}`: ", proxy.url);
        refuses(&by(&proxy.url, url), &[&at, words]).await;
        assert_eq!(proxy.seen().len(), sent, "{words}");
    }
    for url in [tls, plain] {
        for proxy in ["http://127.0.0.1:9", "http://px.invalid:3128"] {
            let words =
                [&format!("the proxy `{proxy}`"), "the proxy does not answer", "check the proxy's address"];
            refuses(&by(proxy, url), &words.map(|word| word)).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_who_is_there_is_told_and_may_refuse() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let folder = tempfile::tempdir().expect("a folder");
    let files = |name: &str, authority: &Authority| {
        let (certificate, key) = (folder.path().join(name), folder.path().join(format!("{name}.key")));
        let own = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["stakeout".to_owned()]).expect("parameters");
        let signed = params.signed_by(&own, &authority.0).expect("a certificate");
        std::fs::write(&certificate, signed.pem()).expect("a file");
        std::fs::write(&key, own.serialize_pem()).expect("a file");
        ClientFiles { certificate, key }
    };
    let server = serve(&[authority.signs(HOST).beside(&authority)], Some(&clients)).await;
    let (known, unknown) = (files("known", &clients), files("unknown", &others));
    for connection in [trusting(&authority, to(&server.url)), pinned(&authority.der(), to(&server.url))] {
        let with = |files: &ClientFiles| Connection {
            client_certificate: Some(files.clone()),
            ..connection.clone()
        };
        greet(&with(&known)).await.expect("info");
        refuses(&connection, &["asks for a client certificate", "`ELASTICSEARCH_CLIENT_CERT`"]).await;
        refuses(&with(&unknown), &["does not take the client certificate", "that the server trusts"]).await;
    }
}

#[tokio::test]
async fn a_node_that_cannot_be_trusted_is_left_for_the_next_at_once() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut old = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
    old.not_after = date_time_ymd(2020, 1, 1);
    let good = serve(&[authority.signs(HOST).beside(&authority)], None).await;
    let expired = serve(&[authority.signs_with(&old).beside(&authority)], None).await;
    let foreign = serve(&[other.signs(HOST).beside(&other)], None).await;
    let bad = [expired.url, foreign.url, serve_plain().await];
    let urls = |good: Option<&TlsServer>| Connection {
        urls: bad.iter().cloned().chain(good.map(|good| good.url.clone())).collect(),
        ..attempts(1)
    };
    for connection in [trusting(&authority, urls(Some(&good))), pinned(&authority.der(), urls(Some(&good)))] {
        assert_eq!(greet(&connection).await.expect("info"), "9.2.0");
    }
    assert_eq!(foreign.requests.load(Ordering::SeqCst), 0);
    let words = ["TLS failed", "not valid at this time", "not trusted", "tried besides"];
    let error = refuses(&trusting(&authority, urls(None)), &words).await;
    assert!(bad.iter().all(|url| error.to_string().contains(url)), "{error}");
}

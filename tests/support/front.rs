//! A stand-in before a real node: it answers some paths itself, hands the others on, and notes what it was sent; on request
//! it speaks TLS, and may ask who is there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::client::Client;

/// What the stand-in answers itself, by the beginning of the path: the status and the body.
pub type Answers = Vec<(&'static str, u16, Value)>;

/// The stand-in; it lives as long as the process.
#[derive(Debug)]
pub struct Front {
    port: u16,
    is_tls: bool,
    heads: Arc<Mutex<Vec<String>>>,
}

/// An authority that signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
    der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// The certificate itself, of which a fingerprint is made.
    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A certificate for these names.
    pub fn signs(&self, names: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let certificate = CertificateParams::new(names).expect("parameters").signed_by(&key, &self.0);
        let certificate = certificate.expect("a certificate");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }
}

impl Front {
    /// Starts one before the node at `url`.
    pub fn before(url: &str, answers: Answers) -> Self {
        Self::start(url, answers, None)
    }

    /// Starts one that speaks TLS with a certificate of `authority` for `names`; with `clients`, only with whom that
    /// authority knows.
    pub fn with_tls(url: &str, authority: &Authority, names: &[&str], clients: Option<&Authority>) -> Self {
        let identity = authority.signs(names);
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.der().into()).expect("an authority");
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let chain = vec![identity.der.into(), authority.der().into()];
        let config = builder.with_single_cert(chain, PrivateKeyDer::Pkcs8(identity.key_der.into()));
        Self::start(url, Vec::new(), Some(Arc::new(config.expect("a server"))))
    }

    fn start(url: &str, answers: Answers, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let is_tls = tls.is_some();
        let shared = Arc::new((Client::new(url), answers, heads.clone()));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (shared, tls) = (shared.clone(), tls.clone());
                std::thread::spawn(move || {
                    let (node, answers, heads) = &*shared;
                    let server = tls.map(|tls| ServerConnection::new(tls).expect("a server"));
                    match server {
                        None => serve(connection, node, answers, heads),
                        Some(server) => serve(StreamOwned::new(server, connection), node, answers, heads),
                    }
                });
            }
        });
        Self { port, is_tls, heads }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http{}://127.0.0.1:{}", if self.is_tls { "s" } else { "" }, self.port)
    }

    /// The heads of all requests so far: request line and headers, as they came.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers requests until the other side is gone.
fn serve<S: Read + Write>(
    stream: S,
    node: &Client,
    answers: &Answers,
    heads: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (head, body) = request(&mut stream)?;
        heads.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
        let mut words = head.split_whitespace();
        let (method, path) = (words.next()?, words.next()?);
        let own =
            answers.iter().find(|(start, ..)| path == *start || (*start != "/" && path.starts_with(start)));
        let (status, answer) = if let Some((_, status, answer)) = own {
            (*status, answer.to_string())
        } else {
            let kind = if path.contains("_msearch") || path.contains("_bulk") { "x-ndjson" } else { "json" };
            let body = (!body.is_empty()).then_some(body);
            let sent = node.send_text(method, path, &format!("application/{kind}"), body).ok()?;
            (sent.status, sent.body.to_string())
        };
        let answer = if method == "HEAD" { String::new() } else { answer };
        let length = answer.len();
        let text = format!(
            "HTTP/1.1 {status} .\r\nx-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{answer}"
        );
        stream.get_mut().write_all(text.as_bytes()).ok()?;
        stream.get_mut().flush().ok()?;
    }
}

/// Reads a request's head, and the body that it announces.
fn request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim().split_once(':') {
            _ if line.trim().is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            _ => {}
        }
        head.push_str(&line);
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    Some((head, String::from_utf8(bytes).ok()?))
}

/// A proxy that leads every tunnel to one port of this machine, whatever name was asked for.
pub fn tunnel_to(port: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let noted = heads.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let noted = noted.clone();
            std::thread::spawn(move || tunnel(&connection, port, &noted));
        }
    });
    (url, heads)
}

fn tunnel(client: &TcpStream, port: u16, heads: &Mutex<Vec<String>>) -> Option<()> {
    let (head, _) =
        request(&mut BufReader::with_capacity(1, client)).filter(|(head, _)| head.starts_with("CONNECT "))?;
    heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let (mut to_client, mut to_server) = (client, &server);
    to_client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::copy(&mut &*client, &mut to_server);
            let _ = server.shutdown(std::net::Shutdown::Write);
        });
        let _ = std::io::copy(&mut &server, &mut to_client);
        let _ = client.shutdown(std::net::Shutdown::Both);
    });
    Some(())
}

//! A stand-in before a real node: it answers some paths itself, and hands the others on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::Value;

use super::client::Client;

/// What the stand-in answers itself, by the beginning of the path: the status and the body.
pub type Answers = Vec<(&'static str, u16, Value)>;

/// The stand-in; it lives as long as the process.
#[derive(Debug)]
pub struct Front {
    url: String,
}

impl Front {
    /// Starts one before the node at `url`.
    pub fn before(url: &str, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new((Client::new(url), answers));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(&connection, &shared.0, &shared.1));
            }
        });
        Self { url: format!("http://{address}") }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Answers requests until the other side is gone.
fn serve(connection: &TcpStream, node: &Client, answers: &Answers) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(connection), connection);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let body = body(&mut reader)?;
        let own =
            answers.iter().find(|(start, ..)| path == *start || (*start != "/" && path.starts_with(start)));
        let (status, answer) = if let Some((_, status, answer)) = own {
            (*status, answer.to_string())
        } else {
            let kind = if path.contains("_msearch") || path.contains("_bulk") { "x-ndjson" } else { "json" };
            let body = (!body.is_empty()).then_some(body);
            let sent = node.send_text(&method, &path, &format!("application/{kind}"), body).ok()?;
            (sent.status, sent.body.to_string())
        };
        let answer = if method == "HEAD" { String::new() } else { answer };
        write!(
            writer,
            "HTTP/1.1 {status} .\r\nx-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .ok()?;
    }
}

/// Reads the headers and the body that they announce.
fn body(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
        }
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

//! As much of HTTP/1.1 as a proxy of one's own needs: one request and one answer a connection.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// An answer, its body decoded.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Further header lines, without those that tell the length.
    pub headers: String,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a request; none where the other side ended before it was whole.
    pub fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader)?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (mut length, mut content_type) = (0, String::new());
        for (name, value) in headers(&mut reader)? {
            match name.as_str() {
                "content-length" => length = value.parse().ok()?,
                "content-type" => content_type = value,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self { method, target, content_type, body })
    }

    /// Sends it to `address` and reads the whole answer.
    pub fn send(&self, address: &str) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(address)?;
        let Self { method, target, content_type, body } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        if !body.is_empty() {
            let length = body.len();
            write!(head, "content-type: {content_type}\r\ncontent-length: {length}\r\n").expect("a string");
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(body)?;
        let mut reader = BufReader::new(stream);
        Answer::read(&mut reader, method == "HEAD").ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Answer {
    /// An answer of the proxy's own.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: format!("content-type: {content_type}\r\n"), body: body.into() }
    }

    /// Sends it, but no more than `bytes` of its body; the head tells the whole length.
    pub fn write(&self, mut stream: &TcpStream, bytes: usize) {
        let head = format!(
            "HTTP/1.1 {} X\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
            self.status,
            self.headers,
            self.body.len()
        );
        // A daemon that was killed hears no answer.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&self.body[..bytes.min(self.body.len())]);
    }

    fn read(reader: &mut impl BufRead, without_body: bool) -> Option<Self> {
        let status = line(reader)?.split(' ').nth(1)?.parse().ok()?;
        let (mut kept, mut length, mut chunked) = (String::new(), None, false);
        for (name, value) in headers(reader)? {
            match name.as_str() {
                "content-length" => length = Some(value.parse::<u64>().ok()?),
                "transfer-encoding" => chunked = value == "chunked",
                "connection" => {}
                _ => write!(kept, "{name}: {value}\r\n").ok()?,
            }
        }
        let mut body = Vec::new();
        if without_body {
            // What the head tells is the length of the body that a `GET` would have.
        } else if chunked {
            read_chunks(reader, &mut body)?;
        } else {
            let wanted = length.unwrap_or(u64::MAX);
            reader.take(wanted).read_to_end(&mut body).ok()?;
            (length.is_none() || body.len() as u64 == wanted).then_some(())?;
        }
        Some(Self { status, headers: kept, body })
    }
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let size = u64::from_str_radix(line(reader)?.trim(), 16).ok()?;
        reader.take(size).read_to_end(body).ok()?;
        line(reader)?;
        if size == 0 {
            return Some(());
        }
    }
}

fn headers(reader: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Some(headers);
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
}

//! Bodies and paths of requests.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What must not be read as part of a URL: an index name may hold `:` (remote cluster), `<`, `/` (date math).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.').remove(b'*');

/// What is sent.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// One JSON text.
    Json(String),
    /// JSON texts, one a line.
    Lines(String),
}

impl Body {
    /// The text and its media type.
    pub(super) fn text(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Empty => None,
            Self::Json(text) => Some((text, "application/json")),
            Self::Lines(text) => Some((text, "application/x-ndjson")),
        }
    }
}

/// A text as gzip.
pub(super) fn packed(text: &str) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes())?;
    packer.finish()
}

/// One name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// Several index names or patterns as one segment of a path.
pub(super) fn names<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| segment(name.as_ref())).collect::<Vec<_>>().join(",")
}

/// Names as they are shown in messages.
pub(super) fn shown<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(names(&["logs-*", "far:b", "<a-{now/d}>"]), "logs-*,far%3Ab,%3Ca-%7Bnow%2Fd%7D%3E");
        assert_eq!(names(&["a/../_all?x#y"]), "a%2F..%2F_all%3Fx%23y");
    }
}

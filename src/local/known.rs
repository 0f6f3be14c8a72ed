//! The ids an alert file holds, read without keeping its documents.

use std::collections::HashSet;
use std::io::{self, BufRead, ErrorKind, Read};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::files::MAX_DOCUMENT_BYTES;
use crate::bounded;

/// What an id is known by.
pub(super) fn key(id: &str) -> u128 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(16).fold(0, |key, &byte| key << 8 | u128::from(byte))
}

/// What a file of alert lines holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub known: HashSet<u128>,
    pub alerts: u64,
    pub unknown_lines: u64,
    pub first_unknown_line: Option<u64>,
    /// Bytes of whole lines (with the line feed that may have to be added).
    pub whole_bytes: u64,
    /// Whether the last line is a whole document without its line feed.
    pub lacks_line_feed: bool,
    /// A last line that is no whole document.
    pub cut_off: Vec<u8>,
}

/// Reads all lines; one that is longer than a document may be is an error.
pub(super) fn scan(lines: impl BufRead) -> io::Result<Scan> {
    scan_up_to(lines, MAX_DOCUMENT_BYTES)
}

fn scan_up_to(mut lines: impl BufRead, most: usize) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut line = Vec::new();
    let mut number = 0;
    while lines.by_ref().take(most as u64 + 1).read_until(b'\n', &mut line)? > 0 {
        number += 1;
        if line.len() > most {
            let words = format!("line {number} is longer than {}", bounded::size(most as u64));
            return Err(io::Error::new(ErrorKind::FileTooLarge, words));
        }
        let is_ended = line.ends_with(b"\n");
        if !is_ended && serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() {
            scan.cut_off = line;
            break;
        }
        scan.lacks_line_feed = !is_ended;
        scan.whole_bytes += line.len() as u64 + u64::from(!is_ended);
        scan.take(&line, number);
        line.clear();
    }
    Ok(scan)
}

impl Scan {
    fn take(&mut self, line: &[u8], number: u64) {
        if line.trim_ascii().is_empty() {
            return;
        }
        if let Some(id) = serde_json::from_slice::<Alert>(line).ok().and_then(Alert::id) {
            self.alerts += 1;
            self.known.insert(key(&id));
        } else {
            self.unknown_lines += 1;
            self.first_unknown_line.get_or_insert(number);
        }
    }
}

/// The one field that matters, flat or nested.
#[derive(Deserialize)]
struct Alert {
    #[serde(rename = "kibana.alert.uuid")]
    flat: Option<String>,
    #[serde(rename = "kibana.alert")]
    half: Option<Uuid>,
    kibana: Option<Kibana>,
}

#[derive(Deserialize)]
struct Kibana {
    alert: Option<Uuid>,
}

#[derive(Deserialize)]
struct Uuid {
    uuid: Option<String>,
}

impl Alert {
    fn id(self) -> Option<String> {
        let nested = self.kibana.and_then(|kibana| kibana.alert);
        self.flat.or_else(|| self.half.or(nested).and_then(|alert| alert.uuid))
    }
}

#[cfg(test)]
mod tests {
    use super::{key, scan, scan_up_to};

    #[test]
    fn a_line_without_end_is_refused_by_its_number() {
        let line = "{\"kibana.alert.uuid\":\"a\"}\n";
        let text = format!("{line}{line}");
        assert_eq!(scan_up_to(text.as_bytes(), line.len()).unwrap().alerts, 2);
        let error = scan_up_to(format!("{text}{}", "x".repeat(99)).as_bytes(), line.len()).unwrap_err();
        assert_eq!(error.to_string(), "line 3 is longer than 26 bytes");
    }

    #[test]
    fn ids_are_found_flat_and_nested() {
        let text = concat!(
            r#"{"kibana.alert.uuid":"a","x":{"y":[1,{}]}}"#,
            "\n\r\n",
            r#"{"kibana":{"alert":{"uuid":"b","z":1}}}"#,
            "\n",
            r#"{"kibana.alert":{"uuid":"c"}}"#,
            "\n",
            "not json\n",
            r#"{"kibana.alert.uuid":7}"#,
            "\n",
            r#"{"kibana.alert.uuid":"d"}"#
        );
        let scan = scan(text.as_bytes()).unwrap();
        assert_eq!(scan.known, ["a", "b", "c", "d"].map(key).into());
        assert_eq!((scan.alerts, scan.unknown_lines, scan.first_unknown_line), (4, 2, Some(5)));
        assert!(scan.lacks_line_feed && scan.cut_off.is_empty());
        assert_eq!(scan.whole_bytes, text.len() as u64 + 1);
    }

    #[test]
    fn a_cut_off_line_is_no_part_of_the_whole_ones() {
        let line = "{\"kibana.alert.uuid\":\"a\"}\n";
        let text = format!("{line}{line}");
        for cut in line.len() + 1..text.len() - 1 {
            let scan = scan(&text.as_bytes()[..cut]).unwrap();
            assert_eq!((scan.whole_bytes, scan.alerts), (line.len() as u64, 1));
            assert_eq!(scan.cut_off, &text.as_bytes()[line.len()..cut]);
        }
    }
}

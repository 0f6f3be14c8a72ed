//! From the bytes of an answer to its text: unpacked, and never more than an answer may have.

use std::io::Read;

use elasticsearch::http::headers::CONTENT_ENCODING;
use flate2::read::MultiGzDecoder;
use reqwest::Response;

use super::cause::Unreachable;
use super::error::Cause;

/// The most bytes of an answer, unpacked: a page aims at a hundredth of it, and one document can have a tenth.
pub(super) const MAX_ANSWER: u64 = 1 << 30;

/// The most bytes that are set aside before any has come.
const LARGE: u64 = 64 << 20;

/// The text of an answer's body.
///
/// # Errors
/// It is larger than an answer may be, cannot be unpacked, or ends too early, which `unreachable` explains.
pub(super) async fn text(
    mut response: Response,
    unreachable: impl Fn(&reqwest::Error) -> Cause,
) -> Result<String, Cause> {
    let announced = response.content_length().unwrap_or_default();
    if announced > MAX_ANSWER {
        return Err(Cause::TooLarge(Some(announced)));
    }
    let packing = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let is_packed = packing.is_some_and(|packing| packing.eq_ignore_ascii_case("gzip"));
    let mut bytes = Vec::with_capacity(usize::try_from(announced.min(LARGE)).unwrap_or_default());
    while let Some(part) = response.chunk().await.map_err(|error| unreachable(&error))? {
        bytes.extend_from_slice(&part);
        if bytes.len() as u64 > MAX_ANSWER {
            return Err(Cause::TooLarge(None));
        }
    }
    Ok(text_of(if is_packed { unpacked(&bytes, MAX_ANSWER)? } else { bytes }))
}

fn unpacked(packed: &[u8], most: u64) -> Result<Vec<u8>, Cause> {
    // Elasticsearch's answers shrink to a fifth or less.
    let room = (packed.len() as u64).saturating_mul(4).min(LARGE);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    let read = MultiGzDecoder::new(packed).take(most + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 > most {
        return Err(Cause::TooLarge(None));
    }
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => {
            Err(Cause::Unreachable(Unreachable::BrokenOff, format!("its gzip cannot be unpacked: {error}")))
        }
    }
}

/// Documents may hold bytes that are not UTF-8; one of them must not cost the whole answer.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::{Cause, text_of, unpacked};
    use crate::elastic::fake::{Act, Fake, attempts};
    use crate::elastic::{BulkItem, Connection};

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn bytes_that_are_no_text_spoil_nothing_else() {
        assert_eq!(text_of(b"{\"a\":\"\xff\"}".to_vec()), "{\"a\":\"\u{fffd}\"}");
    }

    #[test]
    fn a_body_is_unpacked_whole_or_refused() {
        let (text, bytes) = ([b'x'; 5000], packed(&[b'x'; 5000]));
        assert_eq!(unpacked(&bytes, 5000).ok().as_deref(), Some(&text[..]));
        assert!(matches!(unpacked(&bytes, 4999), Err(Cause::TooLarge(None))));
        assert!(matches!(unpacked(&bytes[..bytes.len() - 9], 5000), Err(Cause::Unreachable(..))));
        assert!(matches!(unpacked(b"plain", 5000), Err(Cause::Unreachable(..))));
    }

    #[tokio::test]
    async fn an_answer_that_announces_too_much_is_not_read() {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{{", (1_u64 << 30) + 1);
        let fake = Fake::start_with(vec![Act::Raw(head)], attempts(1)).await;
        let error = fake.cluster.info().await.expect_err("too large");
        assert!(error.is_too_large() && !error.is_retryable());
        let message = error.to_string();
        assert!(
            message.contains("the answer has 1073741825 bytes, more than 1 GiB; no answer of"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn bodies_are_packed_both_ways_only_where_that_is_asked_for() {
        let items = [BulkItem { id: "a".into(), document: "{}".into() }];
        for compression in [false, true] {
            let answer = Act::json(200, r#"{"errors":false,"items":[{"create":{"_id":"a","status":201}}]}"#);
            let connection = Connection { compression, ..attempts(1) };
            let fake = Fake::start_with(vec![answer], connection).await;
            fake.cluster.bulk_create("alerts", &items).await.expect("outcomes");
            let (head, body) = (fake.seen()[0].head.to_lowercase(), fake.seen()[0].body.clone());
            assert_eq!(head.contains("content-encoding: gzip"), compression, "{head}");
            assert_eq!(head.contains("accept-encoding: gzip"), compression, "{head}");
            assert_eq!(body.contains("create"), !compression, "{body}");
        }
    }
}

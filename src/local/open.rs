//! Opens a file or standard input as plain bytes: gzip and zstd are found by their first bytes and undone.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::problem::{ProblemKind, ReadProblem};

/// Standard input's name among paths.
pub(super) const STDIN: &str = "-";

/// Layers of compression that are undone (a `.gz` of a `.gz` does occur).
const MAX_LAYERS: usize = 3;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Formats that are told by name instead of line by line.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (b"PAR1", "a Parquet file"),
    (&[0xff, 0xfe], "UTF-16 text"),
    (&[0xfe, 0xff], "UTF-16 text"),
];

/// Bytes looked at to tell the format.
const HEAD: usize = 512;

/// A stream of bytes.
pub(super) type Bytes = Box<dyn BufRead + Send>;

/// What lies behind a path.
pub(super) enum Opened {
    /// Plain text in a file, from `start` on: any part of it can be read at any time.
    Text { file: File, start: u64 },
    /// Bytes that come one after the other.
    Stream(Bytes),
}

/// The plain bytes behind `path`.
pub(super) fn open(path: &Path) -> Result<Bytes, ReadProblem> {
    if path == Path::new(STDIN) {
        return plain(Box::new(BufReader::new(io::stdin())), path);
    }
    plain(Box::new(BufReader::with_capacity(64 * 1024, file(path)?)), path)
}

/// As [`open`], but a file of plain text is left to be read anywhere.
pub(super) fn open_anywhere(path: &Path) -> Result<Opened, ReadProblem> {
    if path == Path::new(STDIN) {
        return open(path).map(Opened::Stream);
    }
    let file = file(path)?;
    let mut head = [0; HEAD];
    // A pipe has no places, and a file that cannot be read is told by the stream.
    let text = match read_at(&file, &mut head, 0) {
        Ok(length) if !is_compressed(&head[..length]) => Some(text_start(&head[..length], path)?),
        _ => None,
    };
    match text {
        Some(start) => Ok(Opened::Text { file, start: start as u64 }),
        None => plain(Box::new(BufReader::with_capacity(64 * 1024, file)), path).map(Opened::Stream),
    }
}

/// Reads what stands at `offset`; fewer bytes than there is room for do not mean the end, none do.
#[cfg(unix)]
pub(super) fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, room, offset)
}

/// Nowhere else can a file be read without a place of its own that its readers share.
#[cfg(not(unix))]
pub(super) fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

fn file(path: &Path) -> Result<File, ReadProblem> {
    let problem = |error: &io::Error| ReadProblem::of_file(path, ProblemKind::Unreadable, error.to_string());
    let file = File::open(path).map_err(|error| problem(&error))?;
    if file.metadata().map_err(|error| problem(&error))?.is_dir() {
        return Err(ReadProblem::of_file(path, ProblemKind::Unsupported, "expected a file, found a folder"));
    }
    Ok(file)
}

fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(GZIP) || head.starts_with(ZSTD) || is_skippable_frame(head)
}

/// Undoes compression and a byte order mark; refuses what holds no text.
fn plain(mut bytes: Bytes, path: &Path) -> Result<Bytes, ReadProblem> {
    let unreadable =
        |error: io::Error| ReadProblem::of_file(path, ProblemKind::Unreadable, error.to_string());
    for _ in 0..MAX_LAYERS {
        let (head, whole) = peek(bytes);
        if head.starts_with(GZIP) {
            bytes = Box::new(BufReader::new(MultiGzDecoder::new(whole)));
        } else if head.starts_with(ZSTD) || is_skippable_frame(&head) {
            let decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(unreadable)?;
            bytes = Box::new(BufReader::new(decoder));
        } else {
            return text(&head, whole, path);
        }
    }
    Err(ReadProblem::of_file(path, ProblemKind::Unsupported, "compressed too many times over"))
}

fn text(head: &[u8], mut whole: Bytes, path: &Path) -> Result<Bytes, ReadProblem> {
    // `head` is what a stream in memory still holds, so this reads no file.
    whole.consume(text_start(head, path)?);
    Ok(whole)
}

/// Where the text begins, behind a byte order mark; refuses what is none.
fn text_start(head: &[u8], path: &Path) -> Result<usize, ReadProblem> {
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        let reason = format!("expected JSON text (plain, gzip or zstd), found {name}");
        return Err(ReadProblem::of_file(path, ProblemKind::Unsupported, reason));
    }
    if head.starts_with(UTF8_MARK) {
        return Ok(UTF8_MARK.len());
    }
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if head.contains(&0) && !matches!(first, Some(b'{' | b'[')) {
        let reason = "expected JSON text (plain, gzip or zstd), found binary data";
        return Err(ReadProblem::of_file(path, ProblemKind::Unsupported, reason));
    }
    Ok(0)
}

/// A zstd frame that carries other data, which may come before the first real one.
fn is_skippable_frame(head: &[u8]) -> bool {
    matches!(head, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50)
}

/// The first bytes, and the stream with them still in it.
fn peek(mut bytes: Bytes) -> (Vec<u8>, Bytes) {
    let mut head = Vec::new();
    // Up to a fixed length, since a pipe may give few bytes at first.
    let read = bytes.by_ref().take(HEAD as u64).read_to_end(&mut head);
    let start = io::Cursor::new(head.clone());
    // Damage this early must not cost what came before it.
    let whole: Bytes = match read {
        Ok(_) => Box::new(start.chain(bytes)),
        Err(error) => Box::new(start.chain(BufReader::new(Damaged(Some(error))))),
    };
    (head, whole)
}

/// A stream that ends in an error.
struct Damaged(Option<io::Error>);

impl Read for Damaged {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

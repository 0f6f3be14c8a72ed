//! A sliding view of a byte stream: what lies between the mark and the cursor is kept, and can be read again.

use std::io::{BufRead, ErrorKind};

/// Bytes of room that are kept once a long document was let go.
const ROOM: usize = 256 * 1024;

/// A place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    at: usize,
    /// Counted from 1.
    pub line: u64,
    /// Bytes since the line began.
    pub column: u64,
}

/// The stream, the kept bytes, and two places in them.
pub(super) struct Window<R> {
    source: R,
    bytes: Vec<u8>,
    mark: Cursor,
    cursor: Cursor,
    ended: bool,
    failure: Option<std::io::Error>,
    /// Bytes that came before the kept ones.
    dropped: u64,
}

impl<R: BufRead> Window<R> {
    pub fn new(source: R) -> Self {
        let start = Cursor { at: 0, line: 1, column: 0 };
        Self {
            source,
            bytes: Vec::new(),
            mark: start,
            cursor: start,
            ended: false,
            failure: None,
            dropped: 0,
        }
    }

    /// Bytes of the stream before the cursor.
    pub fn offset(&self) -> u64 {
        self.dropped + self.cursor.at as u64
    }

    /// What was read of the stream and lies behind the cursor.
    pub fn into_rest(mut self) -> Vec<u8> {
        self.bytes.split_off(self.cursor.at)
    }

    /// The byte under the cursor; none at the end of the stream, or where reading failed.
    pub fn byte(&mut self) -> Option<u8> {
        if self.cursor.at == self.bytes.len() && !self.ended {
            self.fill();
        }
        self.bytes.get(self.cursor.at).copied()
    }

    /// Moves over the byte under the cursor.
    pub fn advance(&mut self) {
        let Some(byte) = self.byte() else { return };
        self.cursor.at += 1;
        self.cursor.column += 1;
        if byte == b'\n' {
            self.cursor.line += 1;
            self.cursor.column = 0;
        }
    }

    /// What was read and lies before the cursor.
    pub fn at_hand(&self) -> &[u8] {
        &self.bytes[self.cursor.at..]
    }

    /// Moves over so many of the bytes at hand.
    pub fn advance_over(&mut self, count: usize) {
        let bytes = &self.bytes[self.cursor.at..self.cursor.at + count];
        match memchr::memrchr(b'\n', bytes) {
            None => self.cursor.column += count as u64,
            Some(last) => {
                self.cursor.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.cursor.column = (count - last - 1) as u64;
            }
        }
        self.cursor.at += count;
    }

    /// Where the cursor stands.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Where the kept bytes begin.
    pub fn mark(&self) -> Cursor {
        self.mark
    }

    /// Forgets what lies before the cursor.
    pub fn set_mark(&mut self) {
        self.mark = self.cursor;
    }

    /// Goes back to the mark.
    pub fn rewind(&mut self) {
        self.cursor = self.mark;
    }

    /// The kept bytes up to the cursor.
    pub fn marked(&self) -> &[u8] {
        &self.bytes[self.mark.at..self.cursor.at]
    }

    /// Why reading stopped before the end, told once.
    pub fn take_failure(&mut self) -> Option<std::io::Error> {
        self.failure.take()
    }

    fn fill(&mut self) {
        self.compact();
        let read = loop {
            match self.source.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        match read {
            Ok(chunk) => {
                let count = chunk.len();
                self.bytes.extend_from_slice(chunk);
                self.source.consume(count);
                self.ended = count == 0;
            }
            Err(error) => (self.failure, self.ended) = (Some(error), true),
        }
    }

    fn compact(&mut self) {
        // A long document is moved once in its own length at most, not at every chunk.
        if self.mark.at > self.bytes.len() / 2 || self.mark.at == self.bytes.len() {
            self.bytes.drain(..self.mark.at);
            self.dropped += self.mark.at as u64;
            self.cursor.at -= self.mark.at;
            self.mark.at = 0;
            if self.bytes.capacity() > ROOM.max(2 * self.bytes.len()) {
                self.bytes.shrink_to(ROOM);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::Window;

    const CHUNK: usize = 1000;

    #[test]
    fn what_is_marked_survives_refills_and_can_be_read_again() {
        let text = "a\n".repeat(CHUNK);
        let mut window = Window::new(BufReader::with_capacity(CHUNK, text.as_bytes()));
        for _ in 0..CHUNK / 2 {
            window.advance();
        }
        window.set_mark();
        let marked = window.mark();
        while window.byte().is_some() {
            window.advance();
        }
        assert_eq!(window.marked().len(), text.len() - CHUNK / 2);
        assert_eq!(window.cursor().line, CHUNK as u64 + 1);
        window.rewind();
        assert_eq!((window.cursor().line, window.cursor().column), (marked.line, marked.column));
        assert_eq!(window.byte(), Some(b'a'));
    }

    #[test]
    fn a_stream_of_many_short_documents_keeps_no_more_than_a_few_chunks() {
        let mut window =
            Window::new(BufReader::with_capacity(CHUNK, std::io::repeat(b'x').take(50 * CHUNK as u64)));
        while window.byte().is_some() {
            window.advance();
            window.set_mark();
            assert!(window.bytes.len() <= 2 * CHUNK);
        }
    }
}

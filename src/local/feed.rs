//! A stream read into one buffer that is looked at in place: large pieces for searching, small ones for splitting.

use std::io::{self, BufRead, ErrorKind, Read};

/// Bytes that are handed on at once to who reads byte by byte, and may give some of them back.
const SLICE: usize = 8 * 1024;

/// The stream and what was read of it.
pub(super) struct Feed<R> {
    source: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    ended: bool,
    failure: Option<io::Error>,
}

impl<R: Read> Feed<R> {
    /// Reads `source` into `buffer`, whose length is what is read at once.
    pub fn new(source: R, buffer: Vec<u8>) -> Self {
        Self { source, buffer, at: 0, end: 0, ended: false, failure: None }
    }

    /// What was read and not gone over.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    /// Goes over some of the rest.
    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Reads more behind the rest; the buffer grows where the rest fills it. False at the end, or where reading fails.
    pub fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.end, 0);
            (self.at, self.end) = (0, self.end - self.at);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((2 * self.end).max(SLICE), 0);
        }
        let read = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(count) => {
                self.end += count;
                self.ended = count == 0;
            }
            Err(error) => (self.failure, self.ended) = (Some(error), true),
        }
        !self.ended
    }

    /// Puts back what was read last and not gone over.
    pub fn give_back(&mut self, bytes: &[u8]) {
        if self.buffer[..self.at].ends_with(bytes) {
            self.at -= bytes.len();
            return;
        }
        let rest = [bytes, self.rest()].concat();
        (self.at, self.end) = (0, rest.len());
        self.buffer.resize(self.buffer.len().max(self.end), 0);
        self.buffer[..self.end].copy_from_slice(&rest);
    }

    /// The buffer, for another stream.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

impl<R: Read> Read for Feed<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(room)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Feed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end && !self.fill() {
            return self.failure.take().map_or(Ok(&[]), Err);
        }
        Ok(&self.buffer[self.at..self.end.min(self.at + SLICE)])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Read};

    use super::Feed;

    #[test]
    fn the_rest_stays_in_place_and_grows() {
        let text: Vec<u8> = (0..100).collect();
        let mut feed = Feed::new(&text[..], vec![0; 10]);
        assert!(feed.rest().is_empty() && feed.fill());
        assert_eq!(feed.rest(), &text[..10]);
        feed.skip(4);
        assert!(feed.fill());
        assert_eq!(feed.rest(), &text[4..14]);
        while feed.fill() {}
        assert_eq!(feed.rest(), &text[4..]);
    }

    #[test]
    fn what_is_given_back_comes_again() {
        let text: Vec<u8> = (0..100).collect();
        for (taken, back) in [(10, 3), (10, 10), (25, 1), (25, 17), (100, 60)] {
            let mut feed = Feed::new(&text[..], vec![0; 10]);
            let mut seen = vec![0; taken];
            feed.read_exact(&mut seen).unwrap();
            feed.give_back(&seen[taken - back..]);
            let mut all = Vec::new();
            feed.read_to_end(&mut all).unwrap();
            assert_eq!(all, &text[taken - back..], "{taken} {back}");
        }
    }

    #[test]
    fn a_failure_comes_after_what_was_read_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("broken"))
            }
        }
        let mut feed = Feed::new((&b"abc"[..]).chain(Broken), vec![0; 10]);
        while feed.fill() {}
        assert_eq!(feed.fill_buf().unwrap(), b"abc");
        feed.consume(3);
        assert_eq!(feed.fill_buf().unwrap_err().to_string(), "broken");
        assert!(feed.fill_buf().unwrap().is_empty());
    }
}

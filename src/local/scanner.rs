//! Goes over one stream of text: lines that cannot hold a match are passed over, everything else is split and read.
//!
//! What is found is what splitting the whole stream and trying every document would find. Only lines that are neither
//! a match nor could be part of one, whole or broken, are passed over without a word.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use memchr::memmem;
use serde_json::Value;

use super::feed::Feed;
use super::files::{MAX_DOCUMENT_BYTES, told};
use super::lines::{self, Stop};
use super::outlet::Outlet;
use super::problem::ProblemKind;
use super::search::{Found, Search};
use super::shape::{self, Origin};
use super::split::{Broken, Form, Piece, Place, Splitter};
use super::turn::LONG;
use crate::event::decode::{self, Decoded};

/// Bytes that are split before lines are tried again, at first; doubled each time that other text turns up.
const PATIENCE: u64 = 4 * 1024;

/// The longest line that is held to be looked at in place; a longer one is split, which holds one document at a time.
const MAX_LINE: usize = 1024 * 1024;

/// The longest stretch that is split before lines are tried again.
const MAX_PATIENCE: u64 = 1024 * 1024;

/// The file that a stream is of.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub path: Arc<Path>,
    /// The path as events show it.
    pub shown: Arc<str>,
}

impl Named {
    /// The file at `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), shown: path.display().to_string().into() }
    }
}

/// What a scanner came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Line feeds gone over.
    pub lines: u64,
    /// Whether it went on to the end of the stream, whatever its bound was.
    pub to_the_end: bool,
}

/// Goes over one stream, or the part of it up to a bound.
pub(super) struct Scanner<'a, R> {
    feed: Feed<R>,
    search: &'a Search,
    file: &'a Named,
    /// Bytes up to which lines may begin.
    bound: Option<usize>,
    /// Lines gone over.
    lines: u64,
    patience: u64,
    starts: Vec<usize>,
    /// Room for lines in lower case.
    folded: Vec<u8>,
    out: Outlet<'a>,
}

impl<'a, R: Read> Scanner<'a, R> {
    /// Goes over `feed`, which stands at the beginning of a line and before a document.
    ///
    /// With a `bound`, lines that begin so many bytes on or later are left, unless a document reaches over it.
    pub fn new(
        feed: Feed<R>,
        search: &'a Search,
        file: &'a Named,
        bound: Option<usize>,
        out: Outlet<'a>,
    ) -> Self {
        let (starts, folded) = (Vec::new(), Vec::new());
        Self { feed, search, file, bound, lines: 0, patience: PATIENCE, starts, folded, out }
    }

    /// Goes over all of it; an early end, and no extent, where nobody takes what is found any more.
    pub fn run(mut self) -> (Option<Extent>, Feed<R>) {
        let to_the_end = self.alternate();
        self.out.flush();
        let extent = Extent { lines: self.lines, to_the_end };
        ((!self.out.is_closed()).then_some(extent), self.feed)
    }

    /// Lines as long as there are any, then documents of other forms until a line can be tried again; whether that was
    /// so up to the end.
    fn alternate(&mut self) -> bool {
        loop {
            if self.sweep() == Stop::Done {
                return false;
            }
            self.bound = None;
            if self.split() {
                return true;
            }
        }
    }

    /// Goes over lines that are documents of their own.
    fn sweep(&mut self) -> Stop {
        let mut swept = 0;
        loop {
            let run = lines::run(self.feed.rest(), self.bound.unwrap_or(usize::MAX), &mut self.starts);
            self.look_at_lines(run.end);
            self.feed.skip(run.end);
            self.lines += self.starts.len() as u64;
            self.out.batch.bytes += run.end as u64;
            self.bound = self.bound.map(|bound| bound.saturating_sub(run.end));
            swept += run.end as u64;
            if swept > self.patience {
                self.patience = PATIENCE;
            }
            self.out.tell();
            if self.out.is_closed() {
                return Stop::Done;
            }
            let is_too_long = self.feed.rest().len() >= MAX_LINE;
            if run.stop != Stop::Short || is_too_long || !self.feed.fill() {
                return run.stop;
            }
        }
    }

    /// Reads those of the lines up to `end` that may hold a match.
    fn look_at_lines(&mut self, end: usize) {
        let (rest, search) = (self.feed.rest(), self.search);
        let block = &rest[..end];
        let mut hits = search.sieve.hits(block, &mut self.folded);
        let is_blank = |line: usize| block[self.starts[line]] != b'{';
        let (mut line, mut looked_at) = (0, 0);
        let mut at = 0;
        while let Some(hit) = hits.next(at) {
            line += self.starts[line..].partition_point(|start| *start <= hit) - 1;
            let first = line;
            line += 1;
            // Blank lines belong to the one before them: what they are followed by may be told of.
            while line < self.starts.len() && is_blank(line) {
                line += 1;
            }
            at = self.starts.get(line).copied().unwrap_or(end);
            if !is_blank(first) {
                looked_at += 1;
                let mut reader = Reading { search, file: self.file, out: &mut self.out, is_followed: false };
                // Behind the bound there may be more of them.
                let blanks = rest[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                reader.line(&rest[self.starts[first]..at + blanks], self.lines + first as u64 + 1);
            }
            if line == self.starts.len() {
                break;
            }
        }
        let documents = (0..self.starts.len()).filter(|line| !is_blank(*line)).count();
        self.out.batch.tally.passed_over += (documents - looked_at) as u64;
    }

    /// Goes over documents however they lie; true at the end of the stream.
    fn split(&mut self) -> bool {
        let before = self.lines;
        let mut reader =
            Reading { search: self.search, file: self.file, out: &mut self.out, is_followed: false };
        let mut splitter = Splitter::new(&mut self.feed, MAX_DOCUMENT_BYTES);
        loop {
            let ended = !reader.next(&mut splitter, before);
            if reader.out.is_closed() {
                return true;
            }
            if ended || splitter.offset() >= self.patience && splitter.is_at_line() {
                let offset = splitter.offset();
                let (rest, lines) = splitter.into_rest();
                self.lines += lines;
                self.out.batch.bytes += offset;
                self.feed.give_back(&rest);
                self.patience = (2 * self.patience).min(MAX_PATIENCE);
                return ended;
            }
        }
    }
}

/// Whether the splitter may find a list of documents in it.
fn may_hold_list(text: &[u8]) -> bool {
    [&b"\"Records\""[..], b"\"hits\""].iter().any(|key| memmem::find(text, key).is_some())
}

/// Reads documents and tries the rules on them.
struct Reading<'a, 'b> {
    search: &'a Search,
    file: &'a Named,
    out: &'b mut Outlet<'a>,
    /// Whether what is begun at the end is the next document, and nothing to tell of.
    is_followed: bool,
}

impl Reading<'_, '_> {
    /// Reads one line (and blank ones behind it) that begins with `{`, ends with `}`, and is followed by a `{`.
    fn line(&mut self, text: &[u8], number: u64) {
        if !self.may_match(text, Form::Any) {
            self.out.batch.tally.passed_over += 1;
            return;
        }
        if text.len() >= LONG && !self.out.wait() {
            return;
        }
        if !may_hold_list(text)
            && let Ok(document) = decode::value(text)
        {
            return self.document(document, Form::Any, Place { line: number, record: None }, text);
        }
        // Several documents, a list of them, or a broken one: as if it were read with what follows it.
        let text = [text, b"{"].concat();
        self.is_followed = true;
        let mut splitter = Splitter::new(&text[..], MAX_DOCUMENT_BYTES);
        while splitter.offset() < text.len() as u64 - 1 {
            self.next(&mut splitter, number - 1);
            splitter.is_at_line();
        }
        self.is_followed = false;
    }

    /// Reads the splitter's next document, in a file with `before` lines before it; false at the end.
    fn next<S: std::io::BufRead>(&mut self, splitter: &mut Splitter<S>, before: u64) -> bool {
        match splitter.next_with(&mut || self.out.wait()) {
            None => return false,
            Some(Ok(Piece { place, form, text })) => {
                let place = Place { line: place.line + before, ..place };
                if !self.may_match(text, form) {
                    self.out.batch.tally.passed_over += 1;
                    return true;
                }
                match decode::value(text) {
                    Ok(document) => self.document(document, form, place, text),
                    Err(error) => {
                        self.problem(place, ProblemKind::NotJson, format!("not JSON: {error}"), text);
                    }
                }
            }
            Some(Err(broken)) => {
                let place = Place { line: broken.place.line + before, ..broken.place };
                self.tell(Broken { place, ..broken });
            }
        }
        true
    }

    /// Whether the document need be read whole.
    fn may_match(&self, text: &[u8], form: Form) -> bool {
        // A record is read as another document than it spells.
        let shows = form == Form::Any;
        self.search.sieve.admits(text, form) && !(shows && self.search.sees_through(text, &self.file.shown))
    }

    fn document(&mut self, document: Decoded<Value>, form: Form, place: Place, text: &[u8]) {
        let suffix = place.suffix();
        for found in shape::events(document, form, Origin { path: &self.file.shown, place: &suffix }) {
            match found {
                Ok(shaped) => {
                    self.out.batch.tally.events += 1;
                    let rules = self.search.judge(&shaped.event);
                    if !rules.is_empty() {
                        let found = Found::Match { shaped, line: place.line, rules, bytes: text.len() };
                        self.out.add(found, text.len());
                    }
                }
                Err(reason) => self.problem(place, ProblemKind::NotAnObject, reason, text),
            }
        }
    }

    fn problem(&mut self, place: Place, kind: ProblemKind, reason: String, text: &[u8]) {
        self.tell(Broken::new(place, kind, reason, text));
    }

    fn tell(&mut self, broken: Broken) {
        if self.is_followed && broken.kind == ProblemKind::Unfinished {
            return;
        }
        self.out.add(Found::Problem(told(broken, &self.file.path)), 0);
    }
}

//! Cuts a byte stream into JSON documents, holding one of them at a time, and finds its feet after a broken one.
//!
//! A document may take a line, several lines, or share one. The items of a list of documents (a top-level
//! array, CloudTrail's `{"Records":[…]}`, a search response's `hits.hits`) are handed out one by one.

use std::io::BufRead;

use super::grammar::{Grammar, Step};
use super::problem::ProblemKind;
use super::turn::LONG;
use super::window::{Cursor, Window};

/// Bytes of a broken document that are shown.
const EXCERPT: usize = 160;

/// What the place of a document in its file says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing: the document speaks for itself.
    Any,
    /// An item of `Records`: a CloudTrail record.
    Record,
}

/// Where a document begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Counted from 1.
    pub line: u64,
    /// Its number in its list or on its line, where the line alone does not tell it from another.
    pub record: Option<u64>,
}

impl Place {
    /// What follows the line in the document's name.
    pub fn suffix(self) -> String {
        self.record.map_or_else(String::new, |record| format!(":{record}"))
    }
}

/// One document, whole as far as its brackets go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub place: Place,
    pub form: Form,
    pub text: &'a [u8],
}

/// A part of the stream that is no document.
#[derive(Debug)]
pub(super) struct Broken {
    pub place: Place,
    pub kind: ProblemKind,
    pub reason: String,
    /// How it begins.
    pub excerpt: String,
}

impl Broken {
    /// What is wrong with the document `text` at `place`.
    pub fn new(place: Place, kind: ProblemKind, reason: String, text: &[u8]) -> Self {
        Self { place, kind, reason, excerpt: excerpt(text) }
    }
}

/// A list whose items are handed out.
#[derive(Debug, Clone, Copy)]
struct List {
    /// Brackets open inside it.
    depth: usize,
    form: Form,
    items: u64,
    /// Where the document that holds it begins on its line.
    column: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Before a document.
    Between,
    /// In a document; `hits` while inside its top-level `hits`.
    Document { hits: bool },
    /// In a list of documents.
    Listing(List),
    /// After the list, in what is left of the document that held it.
    Tail,
}

enum Outcome {
    Document,
    Item(List),
    Closed,
    Fault(String),
    TooLong,
    End,
    Left,
}

/// The stream and where it stands.
pub(super) struct Splitter<R> {
    window: Window<R>,
    grammar: Grammar,
    phase: Phase,
    /// The line the last document began on, and how many began there.
    begun: (u64, u64),
    limit: usize,
}

impl<R: BufRead> Splitter<R> {
    /// Splits `source`; a document longer than `limit` bytes is refused.
    pub fn new(source: R, limit: usize) -> Self {
        let (window, grammar) = (Window::new(source), Grammar::new());
        Self { window, grammar, phase: Phase::Between, begun: (0, 0), limit }
    }

    /// The next document, or why there is none at its place; nothing at the end of the stream.
    pub fn next(&mut self) -> Option<Result<Piece<'_>, Broken>> {
        self.next_with(&mut || true)
    }

    /// As [`Splitter::next`]; before it holds more of a long document than its first bytes, it asks `may_go_on`, and
    /// leaves the stream there if not.
    pub fn next_with(&mut self, may_go_on: &mut dyn FnMut() -> bool) -> Option<Result<Piece<'_>, Broken>> {
        loop {
            if matches!(self.phase, Phase::Between) {
                match self.begin() {
                    Some(Ok(())) => {}
                    Some(Err(broken)) => return Some(Err(broken)),
                    None => return None,
                }
            }
            match self.run(may_go_on) {
                Outcome::Document => {
                    let place = self.place();
                    self.phase = Phase::Between;
                    return Some(Ok(Piece { place, form: Form::Any, text: self.window.marked() }));
                }
                Outcome::Item(list) => {
                    let place = self.place();
                    self.phase = Phase::Listing(List { items: list.items + 1, ..list });
                    return Some(Ok(Piece { place, form: list.form, text: self.window.marked() }));
                }
                Outcome::Closed => self.phase = Phase::Between,
                Outcome::Fault(reason) => return Some(Err(self.fail(ProblemKind::NotJson, reason))),
                Outcome::TooLong => {
                    let reason = format!("a document longer than {} bytes", self.limit);
                    return Some(Err(self.fail(ProblemKind::TooLong, reason)));
                }
                Outcome::End => return Some(Err(self.end())),
                Outcome::Left => return None,
            }
        }
    }

    /// Whether no document is begun and a line is: goes over blanks up to there. The stream may be left here.
    pub fn is_at_line(&mut self) -> bool {
        if !matches!(self.phase, Phase::Between) {
            return false;
        }
        while self.window.cursor().column > 0
            && self.window.byte().is_some_and(|byte| byte.is_ascii_whitespace())
        {
            self.pass_blank();
        }
        self.window.cursor().column == 0
    }

    /// Bytes of the stream gone over.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// What was read of the stream and not gone over, and the lines gone over.
    pub fn into_rest(self) -> (Vec<u8>, u64) {
        let lines = self.window.cursor().line - 1;
        (self.window.into_rest(), lines)
    }

    /// Goes to the next document; an error where the line begins none.
    fn begin(&mut self) -> Option<Result<(), Broken>> {
        while self.window.byte().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.pass_blank();
        }
        self.window.set_mark();
        let Some(byte) = self.window.byte() else {
            let failure = self.window.take_failure()?;
            return Some(Err(self.fail(ProblemKind::Unreadable, failure.to_string())));
        };
        let line = self.window.mark().line;
        self.begun = (line, if self.begun.0 == line { self.begun.1 + 1 } else { 1 });
        if matches!(byte, b'{' | b'[') {
            self.grammar = Grammar::new();
            self.phase = Phase::Document { hits: false };
            return Some(Ok(()));
        }
        let mut broken = self.fail(ProblemKind::NotJson, String::new());
        (broken.kind, broken.reason) = not_a_document(&broken.excerpt);
        Some(Err(broken))
    }

    /// Moves over a blank between two documents; of blanks without end no more is kept than of a document's beginning.
    fn pass_blank(&mut self) {
        self.window.advance();
        if self.window.marked().len() >= LONG {
            self.window.set_mark();
        }
    }

    /// Reads on until a document or an item is whole, or cannot be.
    fn run(&mut self, may_go_on: &mut dyn FnMut() -> bool) -> Outcome {
        let mut is_long = false;
        loop {
            self.glide();
            if self.is_outside() {
                self.window.set_mark();
            }
            let held = self.window.marked().len();
            if held > self.limit {
                return Outcome::TooLong;
            }
            if held >= LONG && !std::mem::replace(&mut is_long, true) && !may_go_on() {
                return Outcome::Left;
            }
            let Some(byte) = self.window.byte() else { return Outcome::End };
            let opens = matches!(byte, b'{' | b'[') && self.grammar.before_value();
            match self.grammar.step(byte) {
                Err(expected) => return Outcome::Fault(self.fault(expected, byte)),
                Ok(Step::Taken) => self.window.advance(),
                Ok(Step::Ended) => {
                    self.window.advance();
                    if let Some(outcome) = self.ended() {
                        return outcome;
                    }
                }
                Ok(Step::EndedBefore) => {
                    if let Some(outcome) = self.ended() {
                        return outcome;
                    }
                }
            }
            if opens {
                self.opened(byte);
            }
        }
    }

    /// Goes over bytes at hand that neither end nor begin anything to hand out.
    fn glide(&mut self) {
        let depth = self.grammar.depth();
        let (opens, closes) = match self.phase {
            Phase::Between => return,
            // The lists that are looked for are the first, second or third bracket.
            Phase::Document { .. } => (3, 1),
            Phase::Listing(list) if depth <= list.depth => return,
            Phase::Listing(list) => (0, list.depth),
            Phase::Tail => (0, 0),
        };
        if depth > 0 {
            // No further than up to where a document is too long.
            let room = (self.limit + 1).saturating_sub(self.window.marked().len());
            let bytes = self.window.at_hand();
            let taken = self.grammar.glide(&bytes[..bytes.len().min(room)], opens, closes);
            self.window.advance_over(taken);
        }
    }

    /// Whether what comes is no part of a document to hand out.
    fn is_outside(&self) -> bool {
        match self.phase {
            Phase::Between | Phase::Document { .. } => false,
            Phase::Listing(list) => self.grammar.depth() == list.depth && self.grammar.between_values(),
            Phase::Tail => true,
        }
    }

    /// Sees whether the bracket just opened holds the documents.
    fn opened(&mut self, bracket: u8) {
        let Phase::Document { hits } = self.phase else { return };
        let form = match (bracket, self.grammar.depth()) {
            (b'{', 2) if self.follows_key("hits") => return self.phase = Phase::Document { hits: true },
            (b'[', 1) => Form::Any,
            (b'[', 2) if self.follows_key("Records") => Form::Record,
            (b'[', 3) if hits && self.follows_key("hits") => Form::Any,
            _ => return,
        };
        let (depth, column) = (self.grammar.depth(), self.window.mark().column);
        self.phase = Phase::Listing(List { depth, form, items: 0, column });
    }

    /// Whether the bracket just read is the value of the key `name`.
    fn follows_key(&self, name: &str) -> bool {
        let before = &self.window.marked()[..self.window.marked().len() - 1];
        let Some(before) = before.trim_ascii_end().strip_suffix(b":") else { return false };
        let Some(before) = before.trim_ascii_end().strip_suffix(b"\"") else { return false };
        let Some(before) = before.strip_suffix(name.as_bytes()) else { return false };
        before.ends_with(b"\"") && !before.ends_with(b"\\\"")
    }

    /// What the end of a value means where it stands.
    fn ended(&mut self) -> Option<Outcome> {
        let depth = self.grammar.depth();
        match self.phase {
            Phase::Document { .. } if depth == 0 => return Some(Outcome::Document),
            Phase::Document { hits: true } if depth == 1 => self.phase = Phase::Document { hits: false },
            Phase::Listing(list) if depth == list.depth => return Some(Outcome::Item(list)),
            Phase::Listing(list) if depth < list.depth && depth > 0 => self.phase = Phase::Tail,
            Phase::Listing(_) | Phase::Tail if depth == 0 => return Some(Outcome::Closed),
            _ => {}
        }
        None
    }

    /// Where the document or item at the mark begins.
    fn place(&self) -> Place {
        let line = self.window.mark().line;
        match self.phase {
            Phase::Listing(list) => Place { line, record: Some(list.items + 1) },
            _ => Place { line, record: (self.begun.1 > 1).then_some(self.begun.1) },
        }
    }

    fn fault(&self, expected: &str, found: u8) -> String {
        let column = self.window.cursor().column + 1;
        let found = match found {
            b'\n' => "the end of the line".to_owned(),
            byte if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
            byte => format!("the byte 0x{byte:02x}"),
        };
        format!("not JSON at column {column}: expected {expected}, found {found}")
    }

    /// The stream ended inside a document.
    fn end(&mut self) -> Broken {
        // A document over several lines is read again line by line first; the failure is told after that.
        let is_on_one_line = self.window.mark().line == self.window.cursor().line;
        if is_on_one_line && let Some(failure) = self.window.take_failure() {
            return self.fail(ProblemKind::Unreadable, failure.to_string());
        }
        self.fail(ProblemKind::Unfinished, "the file ends inside a document".to_owned())
    }

    /// Leaves the broken document: goes on with the line after the one it began on.
    fn fail(&mut self, kind: ProblemKind, reason: String) -> Broken {
        let (start, place) = (self.window.mark(), self.place());
        // Where only a comma or a bracket is missing, what comes may be the next document.
        if self.is_outside() && matches!(self.window.byte(), Some(b'{' | b'[')) {
            self.phase = Phase::Between;
            return Broken { place, kind, reason, excerpt: String::new() };
        }
        let spans_lines = self.window.cursor().line != start.line;
        // Lines after the first may be whole documents that a cut-off first line has swallowed.
        if spans_lines && kind != ProblemKind::TooLong {
            self.window.rewind();
        }
        let excerpt = self.finish_line();
        let is_listing = matches!(self.phase, Phase::Listing(_));
        if let Phase::Listing(list) = &mut self.phase {
            list.items += 1;
        } else {
            self.phase = Phase::Between;
        }
        let lost = if spans_lines || is_listing { self.seek(start) } else { 0 };
        let reason = match lost {
            0 => reason,
            1 => format!("{reason}; 1 more line belongs to it"),
            lines => format!("{reason}; {lines} more lines belong to it"),
        };
        Broken { place, kind, reason, excerpt }
    }

    /// Goes to the next line, and returns how the marked part begins.
    fn finish_line(&mut self) -> String {
        let mut head: Option<String> = None;
        loop {
            if head.is_some() {
                self.window.set_mark();
            } else if self.window.marked().len() > EXCERPT {
                head = Some(excerpt(self.window.marked()));
            }
            match self.window.byte() {
                None => break,
                Some(b'\n') => {
                    head.get_or_insert_with(|| excerpt(self.window.marked()));
                    self.window.advance();
                    break;
                }
                Some(_) => self.window.advance(),
            }
        }
        let head = head.unwrap_or_else(|| excerpt(self.window.marked()));
        self.window.set_mark();
        head
    }

    /// Goes to the next line that begins a document as far from the margin as the broken one did, and counts
    /// the lines passed over.
    fn seek(&mut self, broken: Cursor) -> u64 {
        let (mut column, mut lost) = (broken.column, 0);
        loop {
            self.window.set_mark();
            while self.window.byte().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                self.window.advance();
            }
            let Some(byte) = self.window.byte() else {
                self.phase = Phase::Between;
                return lost;
            };
            let here = self.window.cursor().column;
            if let Phase::Listing(list) = self.phase
                && (matches!(byte, b']' | b'}') && here < broken.column || here == 0 && broken.column > 0)
            {
                self.phase = Phase::Between;
                column = list.column;
            }
            // What begins a line has left every document behind, however far from the margin the broken one began.
            if matches!(byte, b'{' | b'[') && (here == column || here == 0) {
                self.window.set_mark();
                if let Phase::Listing(list) = self.phase {
                    self.grammar.reopen(list.depth);
                }
                return lost;
            }
            lost += u64::from(!self.finish_line().is_empty());
        }
    }
}

/// The first line of `text`, cut to what is shown.
fn excerpt(text: &[u8]) -> String {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = &line[..line.len().min(EXCERPT)];
    String::from_utf8_lossy(line).trim().to_owned()
}

/// Why a line that begins with neither bracket is no document.
fn not_a_document(line: &str) -> (ProblemKind, String) {
    let found = match serde_json::from_str(line) {
        Ok(serde_json::Value::String(_)) => "a string",
        Ok(serde_json::Value::Number(_)) => "a number",
        Ok(serde_json::Value::Bool(_)) => "a boolean",
        Ok(serde_json::Value::Null) => "null",
        _ => return (ProblemKind::NotJson, "not JSON: expected `{` or `[`".to_owned()),
    };
    (ProblemKind::NotAnObject, format!("expected an object, found {found}"))
}

#[cfg(test)]
mod tests;

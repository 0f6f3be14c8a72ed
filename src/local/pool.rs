//! Searches files with all cores and hands out what is found in their order.
//!
//! Work is cut into files, and large files of plain text into parts. Each piece of work has a channel of its own, and
//! the channels are read in order; all of them are short, so that little is held whatever is found.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::feed::Feed;
use super::open::{Bytes, Opened, open_anywhere, read_at};
use super::outlet::Outlet;
use super::problem::{ProblemKind, ReadProblem};
use super::scanner::{Extent, Named, Scanner};
use super::search::{Batch, Hit, Search, Tally};
use super::turn::{LONG, Ticket, Turn};
use super::walk::Walk;

/// How much is read at once, and how large files are cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Bytes that are read and searched at once: they stay in a core's cache.
    pub chunk: usize,
    /// Bytes of one part of a large file.
    pub part: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { chunk: 256 * 1024, part: 4 * 1024 * 1024 }
    }
}

/// Bytes read at once behind a part, for the rest of its last line.
const TAIL: usize = 16 * 1024;

/// Batches that one piece of work may be ahead of who takes them.
const AHEAD: usize = 2;

/// More threads than this wait for memory and files rather than compute.
const MAX_WORKERS: usize = 16;

/// What is found in files, in order of path and place.
pub struct Searching {
    jobs: Receiver<Job>,
    current: Option<Job>,
    /// Finds to hand out before anything else, each with the bytes of text it keeps in memory.
    ready: VecDeque<(Result<Hit, ReadProblem>, usize)>,
    /// Bytes of the find that was handed out last.
    weight: usize,
    turn: Arc<Turn>,
    /// Lines of the current file before the current piece of work.
    lines: u64,
    /// Whether the current file was gone over to its end.
    is_over: bool,
    tally: Tally,
    bytes: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// A match, or something that could not be read.
    Found(Box<Result<Hit, ReadProblem>>),
    /// Nothing yet.
    Waiting,
    /// Nothing any more.
    End,
}

/// One piece of work, as its results are taken.
struct Job {
    path: Arc<Path>,
    /// Whether a file begins with it.
    is_first: bool,
    /// Its place in the order of work.
    number: u64,
    messages: Receiver<Message>,
}

enum Message {
    Batch(Batch),
    End(Extent),
    Failed(ReadProblem),
}

impl Searching {
    /// Starts to search `files`.
    pub(super) fn start(files: Walk, search: &Arc<Search>, sizes: Sizes) -> Self {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        let (sender, jobs) = sync_channel(workers);
        let turn = Arc::new(Turn::default());
        let plan = Plan { files, open: None, jobs: sender, sizes, turn: Arc::clone(&turn), begun: 0 };
        let plan = Arc::new(Mutex::new(plan));
        let mut ready = VecDeque::new();
        for worker in 0..workers {
            let (plan, search) = (Arc::clone(&plan), Arc::clone(search));
            let started = thread::Builder::new().spawn(move || work(&plan, &search, sizes.chunk));
            if let (0, Err(error)) = (worker, started) {
                let reason = format!("no thread could be started: {error}");
                ready.push_back((Err(ReadProblem::of_file("", ProblemKind::Unreadable, reason)), 0));
            }
        }
        let (tally, lines, bytes) = (Tally::default(), 0, 0);
        Self { jobs, current: None, ready, weight: 0, turn, lines, is_over: false, tally, bytes }
    }

    /// What was gone over so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Bytes of text gone over so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of text that the find handed out last keeps in memory, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// What comes next, if it comes within `patience`.
    ///
    /// Long documents are found one at a time: the next one is read when what was handed out before is done with, which
    /// asking for more says.
    pub fn next_within(&mut self, patience: Duration) -> Next {
        let begun = Instant::now();
        if std::mem::take(&mut self.weight) >= LONG {
            self.turn.release();
        }
        loop {
            if let Some((ready, weight)) = self.ready.pop_front() {
                self.weight = weight;
                return Next::Found(Box::new(ready));
            }
            let Some(job) = &self.current else {
                match self.jobs.recv_timeout(patience) {
                    Ok(job) => self.begin(job),
                    Err(RecvTimeoutError::Timeout) => return Next::Waiting,
                    Err(RecvTimeoutError::Disconnected) => return Next::End,
                }
                continue;
            };
            match job.messages.recv_timeout(patience) {
                Ok(message) => {
                    self.take(message);
                    if self.ready.is_empty() && begun.elapsed() > patience {
                        return Next::Waiting;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Next::Waiting,
                Err(RecvTimeoutError::Disconnected) => self.lost(),
            }
        }
    }

    fn begin(&mut self, job: Job) {
        if job.is_first {
            (self.lines, self.is_over) = (0, false);
        }
        let number = job.number;
        // A part that another one has gone over is dropped, and its worker stops.
        self.current = (!self.is_over).then_some(job);
        self.turn.give_to(number);
    }

    fn take(&mut self, message: Message) {
        let Some(job) = &self.current else { return };
        match message {
            Message::Batch(batch) => {
                self.tally.add(batch.tally);
                self.bytes += batch.bytes;
                for found in batch.found {
                    let weight = found.bytes();
                    self.ready.push_back((found.settled(&job.path, self.lines), weight));
                }
            }
            Message::End(extent) => {
                self.tally.files += u64::from(job.is_first);
                self.lines += extent.lines;
                self.is_over = extent.to_the_end;
                self.current = None;
            }
            Message::Failed(problem) => {
                self.ready.push_back((Err(problem), 0));
                self.is_over = true;
                self.current = None;
            }
        }
    }

    /// The worker ended without a word, which only a fault of this program can bring about.
    fn lost(&mut self) {
        if let Some(job) = self.current.take() {
            let reason = "it could not be searched to its end";
            let problem = ReadProblem::of_file(&*job.path, ProblemKind::Unreadable, reason);
            self.ready.push_back((Err(problem), 0));
        }
    }
}

impl Drop for Searching {
    fn drop(&mut self) {
        self.turn.end();
    }
}

impl Iterator for Searching {
    type Item = Result<Hit, ReadProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_within(Duration::from_hours(1)) {
                Next::Found(found) => return Some(*found),
                Next::Waiting => {}
                Next::End => return None,
            }
        }
    }
}

/// What is left to do.
struct Plan {
    files: Walk,
    open: Option<Parts>,
    jobs: SyncSender<Job>,
    sizes: Sizes,
    turn: Arc<Turn>,
    /// Pieces of work that were begun.
    begun: u64,
}

/// A large file of which parts are left.
struct Parts {
    file: Arc<File>,
    named: Named,
    next: u64,
    /// Its size when it was opened.
    size: u64,
    is_first: bool,
    /// Set by the worker that goes on to the end by itself.
    is_over: Arc<AtomicBool>,
}

/// One piece of work, as it is done.
enum Work {
    File(PathBuf),
    Part { file: Arc<File>, named: Named, start: u64, end: u64, is_first: bool, is_over: Arc<AtomicBool> },
    Stream(Bytes, Named),
    Failure(ReadProblem),
}

/// Where the results of a piece of work go.
struct Results {
    sender: SyncSender<Message>,
    ticket: Ticket,
}

impl Results {
    /// Hands on how a piece of work ended; where nobody takes it, nobody misses it.
    fn end(&self, message: Message) {
        let _ = self.sender.send(message);
    }
}

impl Plan {
    /// The next piece of work, and where its results go.
    fn next(&mut self) -> Option<(Work, Results)> {
        let (path, is_first, work) = self.cut()?;
        let (sender, messages) = sync_channel(AHEAD);
        self.begun += 1;
        let ticket = Ticket::new(&self.turn, self.begun);
        self.jobs.send(Job { path, is_first, number: self.begun, messages }).ok()?;
        Some((work, Results { sender, ticket }))
    }

    fn cut(&mut self) -> Option<(Arc<Path>, bool, Work)> {
        loop {
            if let Some(parts) = &mut self.open {
                if let Some(part) = parts.next(self.sizes.part) {
                    return Some(part);
                }
                self.open = None;
            }
            let path = match self.files.next()? {
                Ok(path) => path,
                Err(problem) => return Some((problem.path.as_path().into(), true, Work::Failure(problem))),
            };
            let named = Named::new(&path);
            let size = fs::metadata(&path).map_or(0, |found| if found.is_file() { found.len() } else { 0 });
            if size <= self.sizes.part {
                return Some((named.path, true, Work::File(path)));
            }
            match open_anywhere(&path) {
                Ok(Opened::Text { file, start }) => {
                    let (file, is_over) = (Arc::new(file), Arc::new(AtomicBool::new(false)));
                    self.open = Some(Parts { file, named, next: start, size, is_first: true, is_over });
                }
                Ok(Opened::Stream(bytes)) => {
                    return Some((Arc::clone(&named.path), true, Work::Stream(bytes, named)));
                }
                Err(problem) => return Some((named.path, true, Work::Failure(problem))),
            }
        }
    }
}

impl Parts {
    fn next(&mut self, size: u64) -> Option<(Arc<Path>, bool, Work)> {
        if self.next == u64::MAX || self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        let start = self.next;
        // The last part goes on as far as the file does by then.
        let end = if start + size < self.size { start + size } else { u64::MAX };
        self.next = end;
        let is_first = std::mem::replace(&mut self.is_first, false);
        let (file, named, is_over) = (Arc::clone(&self.file), self.named.clone(), Arc::clone(&self.is_over));
        Some((
            Arc::clone(&self.named.path),
            is_first,
            Work::Part { file, named, start, end, is_first, is_over },
        ))
    }
}

/// Does pieces of work until there are none, or nobody takes the results.
fn work(plan: &Mutex<Plan>, search: &Search, chunk: usize) {
    let mut buffer = Vec::new();
    loop {
        let next = plan.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((work, out)) = next else { return };
        // A long line has made it grow.
        if buffer.len() != chunk {
            buffer = vec![0; chunk];
        }
        buffer = work.run(search, buffer, &out);
    }
}

impl Work {
    fn run(self, search: &Search, buffer: Vec<u8>, out: &Results) -> Vec<u8> {
        match self {
            Self::Failure(problem) => fail(problem, buffer, out),
            Self::Stream(bytes, named) => scan(Feed::new(bytes, buffer), search, &named, None, out).1,
            Self::File(path) => {
                let named = Named::new(&path);
                match open_anywhere(&path) {
                    Ok(Opened::Text { file, start }) => {
                        let part = Part { file: Arc::new(file), at: start, end: u64::MAX };
                        scan(Feed::new(part, buffer), search, &named, None, out).1
                    }
                    Ok(Opened::Stream(bytes)) => scan(Feed::new(bytes, buffer), search, &named, None, out).1,
                    Err(problem) => fail(problem, buffer, out),
                }
            }
            Self::Part { file, named, start, end, is_first, is_over } => {
                // A line belongs to the part in which it begins.
                let at = if is_first { start } else { start - 1 };
                let mut feed = Feed::new(Part { file, at, end }, buffer);
                let begun = if is_first { Some(0) } else { next_line(&mut feed, end - at) };
                let bound = begun.map(|begun| usize::try_from(end - at - begun).unwrap_or(usize::MAX));
                let bound = bound.filter(|bound| *bound > 0);
                if bound.is_none() {
                    out.end(Message::End(Extent { lines: 0, to_the_end: false }));
                    return feed.into_buffer();
                }
                let (extent, buffer) = scan(feed, search, &named, bound, out);
                is_over.fetch_or(extent.is_some_and(|extent| extent.to_the_end), Ordering::Relaxed);
                buffer
            }
        }
    }
}

fn fail(problem: ReadProblem, buffer: Vec<u8>, out: &Results) -> Vec<u8> {
    out.end(Message::Failed(problem));
    buffer
}

/// Goes over the rest of a line; how many bytes it had, if it ends within `limit`.
fn next_line<R: Read>(feed: &mut Feed<R>, limit: u64) -> Option<u64> {
    let mut gone = 0;
    loop {
        let rest = feed.rest();
        let (count, found) = match memchr::memchr(b'\n', rest) {
            Some(at) => (at + 1, true),
            None => (rest.len(), false),
        };
        gone += count as u64;
        feed.skip(count);
        if found {
            return (gone < limit).then_some(gone);
        }
        if gone >= limit || !feed.fill() {
            return None;
        }
    }
}

fn scan<R: Read>(
    feed: Feed<R>,
    search: &Search,
    named: &Named,
    bound: Option<usize>,
    out: &Results,
) -> (Option<Extent>, Vec<u8>) {
    let mut send = |batch| match out.sender.send(Message::Batch(batch)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let outlet = Outlet::new(out.ticket.clone(), &mut send);
    let (extent, feed) = Scanner::new(feed, search, named, bound, outlet).run();
    if let Some(extent) = extent {
        out.end(Message::End(extent));
    }
    (extent, feed.into_buffer())
}

/// A file from a place on: read in large pieces up to its end, and in small ones behind it.
struct Part {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Part {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = if left == 0 { TAIL } else { left };
        let length = room.len().min(most);
        let count = read_at(&self.file, &mut room[..length], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

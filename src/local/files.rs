//! Events from files: whatever can be read is handed out, whatever cannot is told, one by one.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::open::open;
use super::pool::{Searching, Sizes};
use super::problem::{ProblemKind, ReadProblem};
use super::search::Search;
use super::shape::{self, Origin};
use super::split::{Broken, Piece, Splitter};
use super::walk::Walk;
use crate::diagnostic::sanitize;
use crate::event::{Event, decode};

/// Bytes of text one document may have: what Elasticsearch takes in one request by default.
pub const MAX_DOCUMENT_BYTES: usize = 100 * 1024 * 1024;

/// An event and where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The event. Its index is the file's path and its id `LINE` or `LINE:RECORD`, unless it brings its own.
    pub event: Event,
    /// The file; `-` for standard input.
    pub path: Arc<Path>,
    /// The line it begins on, counted from 1.
    pub line: u64,
    /// Whether something in its document had to be replaced to read it.
    pub repaired: bool,
}

impl Located {
    /// What is to be said of the document, if anything.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let place = format!("{}:{}", sanitize(&self.path.display().to_string()), self.line);
        self.repaired.then(|| format!("{place}: is no proper JSON and was read with replacements"))
    }
}

/// Files and folders to read events from.
///
/// Formats are told by content: ECS documents (keys nested or dotted), hits and whole search responses of
/// Elasticsearch, CloudTrail records and log files (mapped to ECS); one a line, several lines each, or in an
/// array; plain, gzip or zstd. One document is held at a time, and may have [`MAX_DOCUMENT_BYTES`].
#[derive(Debug, Clone, Default)]
pub struct EventFiles {
    paths: Vec<PathBuf>,
    own: HashSet<PathBuf>,
    sizes: Sizes,
}

impl EventFiles {
    /// Reads `paths`: files, folders (with all below them, hidden files too), `-` for standard input.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { paths: paths.into_iter().collect(), own: HashSet::new(), sizes: Sizes::default() }
    }

    /// Leaves out files this program writes, which may lie in a folder of events: its alerts would match again.
    #[must_use]
    pub fn without(mut self, own: impl IntoIterator<Item = PathBuf>) -> Self {
        self.own.extend(own.into_iter().filter_map(|path| real_path(&path)));
        self
    }

    /// Searches in chunks and parts of so many bytes, so that a small file is enough to try what lies across two.
    #[must_use]
    pub fn in_pieces(mut self, chunk: usize, part: u64) -> Self {
        self.sizes = Sizes { chunk, part };
        self
    }

    /// Starts over with the first file. Every pass reads everything; standard input can be read once.
    #[must_use]
    pub fn read(&self) -> EventReader {
        let files = self.walk();
        EventReader { files, current: None, ready: VecDeque::new(), limit: MAX_DOCUMENT_BYTES }
    }

    /// Searches the files, the first one first, and hands out what is found in the order of [`EventFiles::read`].
    ///
    /// The matches are those that trying every event would find. Of what cannot be read, a line is left out that begins
    /// with `{`, ends with `}`, and holds nothing that is looked for: see [`Search`].
    #[must_use]
    pub fn search(&self, search: &Arc<Search>) -> Searching {
        Searching::start(self.walk(), search, self.sizes)
    }

    /// What the files look like now, without reading them.
    ///
    /// Taken before a pass, and equal to the one before the next: nothing was written, replaced, added or
    /// removed in between, and the next pass would read the same events. (Only events dated after the earlier
    /// pass's window are new to the later one.)
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.walk().map(|file| file.map(|path| Stamp::of(&path))).collect())
    }

    fn walk(&self) -> Walk {
        Walk::new(self.paths.clone(), self.own.clone())
    }
}

/// The path as [`Walk`] meets it, for a file that may not exist yet.
fn real_path(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(path).or_else(|_| fs::canonicalize(parent).map(|parent| parent.join(name))).ok()
}

/// Which files there are, and size, time and identity of each; compare with `==`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<Result<Stamp, ReadProblem>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let found = fs::metadata(path).ok();
        let bytes = found.as_ref().map_or(0, fs::Metadata::len);
        let modified = found.as_ref().and_then(|found| found.modified().ok());
        Self { path: path.to_owned(), bytes, modified, inode: found.as_ref().map_or(0, inode) }
    }
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// Hands out the events of all files, in order of path and place.
pub struct EventReader {
    files: Walk,
    current: Option<OpenFile>,
    /// Events of the last document that are still to hand out.
    ready: VecDeque<Result<Located, ReadProblem>>,
    limit: usize,
}

impl Iterator for EventReader {
    type Item = Result<Located, ReadProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            if let Some(file) = &mut self.current {
                match file.next() {
                    Some(found) => self.ready = found,
                    None => self.current = None,
                }
                continue;
            }
            match self.files.next()?.and_then(|path| OpenFile::new(&path, self.limit)) {
                Ok(file) => self.current = Some(file),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}

struct OpenFile {
    path: Arc<Path>,
    /// The path as events and messages show it.
    shown: String,
    splitter: Splitter<Box<dyn BufRead + Send>>,
}

impl OpenFile {
    fn new(path: &Path, limit: usize) -> Result<Self, ReadProblem> {
        let splitter = Splitter::new(open(path)?, limit);
        Ok(Self { path: path.into(), shown: path.display().to_string(), splitter })
    }

    fn next(&mut self) -> Option<VecDeque<Result<Located, ReadProblem>>> {
        let (path, shown) = (&self.path, &self.shown);
        Some(match self.splitter.next()? {
            Ok(piece) => located(&piece, path, shown),
            Err(broken) => VecDeque::from([Err(told(broken, path))]),
        })
    }
}

fn located(piece: &Piece<'_>, path: &Arc<Path>, shown: &str) -> VecDeque<Result<Located, ReadProblem>> {
    let place = piece.place;
    let problem = |kind, reason| Err(told(Broken::new(place, kind, reason, piece.text), path));
    let document = match decode::value(piece.text) {
        Ok(document) => document,
        Err(error) => return VecDeque::from([problem(ProblemKind::NotJson, format!("not JSON: {error}"))]),
    };
    let suffix = place.suffix();
    shape::events(document, piece.form, Origin { path: shown, place: &suffix })
        .into_iter()
        .map(|found| match found {
            Ok(shaped) => Ok(shaped.located(path, place.line)),
            Err(reason) => problem(ProblemKind::NotAnObject, reason),
        })
        .collect()
}

pub(super) fn told(broken: Broken, path: &Path) -> ReadProblem {
    let Broken { place, kind, reason, excerpt } = broken;
    let (reason, excerpt) = (sanitize(&reason), sanitize(&excerpt));
    ReadProblem { path: path.to_owned(), line: place.line, record: place.record, kind, reason, excerpt }
}

//! Paths as given → the files behind them: folders walked to the bottom, in sorted order, each file once.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};
use std::{io, vec};

use super::open::STDIN;
use super::problem::{ProblemKind, ReadProblem};

/// Hands out files in reading order, or why a path gives none; a folder is listed when its turn comes.
pub(super) struct Walk {
    named: vec::IntoIter<PathBuf>,
    /// Files the program writes itself.
    own: HashSet<PathBuf>,
    /// Files and folders met so far, by their real paths: links may lead to one twice, or round in a ring.
    seen: HashSet<PathBuf>,
    /// Folders that are being gone through, each inside the one before it.
    folders: Vec<Folder>,
    found: VecDeque<Result<PathBuf, ReadProblem>>,
}

struct Folder {
    real: PathBuf,
    children: vec::IntoIter<(PathBuf, io::Result<FileType>)>,
}

impl Walk {
    /// Walks through `named`, and leaves out `own`, which are real paths.
    pub fn new(named: Vec<PathBuf>, own: HashSet<PathBuf>) -> Self {
        let named = named.into_iter();
        Self { named, own, seen: HashSet::new(), folders: Vec::new(), found: VecDeque::new() }
    }

    /// A path somebody named: it is read whatever it is (a pipe too).
    fn named(&mut self, path: PathBuf) {
        if path == Path::new(STDIN) {
            return self.found.push_back(Ok(path));
        }
        if let Err(error) = fs::metadata(&path) {
            return self.problem(&path, ProblemKind::Unreadable, error.to_string());
        }
        // A shell's `<(…)` has no real path.
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if self.own.contains(&real) {
            let reason = "it is written by this program, and not read as events";
            return self.problem(&path, ProblemKind::Unsupported, reason);
        }
        if !self.seen.insert(real.clone()) {
            return;
        }
        if path.is_dir() { self.folder(&path, real) } else { self.found.push_back(Ok(path)) }
    }

    fn folder(&mut self, path: &Path, real: PathBuf) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.problem(path, ProblemKind::Unreadable, error.to_string()),
        };
        let mut children = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => children.push((entry.path(), entry.file_type())),
                Err(error) => self.problem(path, ProblemKind::Unreadable, error.to_string()),
            }
        }
        children.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        self.folders.push(Folder { real, children: children.into_iter() });
    }

    fn child(&mut self, path: PathBuf, real: PathBuf, kind: FileType) {
        if self.own.contains(&real) || !self.seen.insert(real.clone()) {
            return;
        }
        if kind.is_dir() {
            self.folder(&path, real);
        } else if kind.is_file() {
            self.found.push_back(Ok(path));
        } else {
            // Reading a pipe that nobody writes to would wait for ever.
            let reason = "expected a file, found a pipe, socket or device";
            self.problem(&path, ProblemKind::Unsupported, reason);
        }
    }

    fn problem(&mut self, path: &Path, kind: ProblemKind, reason: impl Into<String>) {
        self.found.push_back(Err(ReadProblem::of_file(path, kind, reason)));
    }
}

impl Iterator for Walk {
    type Item = Result<PathBuf, ReadProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Some(found);
            }
            let Some(folder) = self.folders.last_mut() else {
                let path = self.named.next()?;
                self.named(path);
                continue;
            };
            match folder.children.next() {
                None => {
                    self.folders.pop();
                }
                Some((path, kind)) => match behind(&path, &folder.real, kind) {
                    Ok((real, kind)) => self.child(path, real, kind),
                    Err(error) => self.problem(&path, ProblemKind::Unreadable, error.to_string()),
                },
            }
        }
    }
}

/// The real path and kind of what lies in the folder of that real path; only links have to be asked for theirs.
fn behind(path: &Path, folder: &Path, kind: io::Result<FileType>) -> io::Result<(PathBuf, FileType)> {
    let kind = kind?;
    if kind.is_symlink() {
        return Ok((fs::canonicalize(path)?, fs::metadata(path)?.file_type()));
    }
    Ok((path.file_name().map_or_else(|| folder.to_owned(), |name| folder.join(name)), kind))
}

//! Paths as given → the files behind them: folders walked to the bottom, in sorted order, each file once.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::open::STDIN;
use super::problem::{ProblemKind, ReadProblem};

/// Files in reading order, or why a path gives none.
pub(super) fn files(paths: &[PathBuf], own: &HashSet<PathBuf>) -> Vec<Result<PathBuf, ReadProblem>> {
    let mut walk = Walk { own, seen: HashSet::new(), found: Vec::new() };
    for path in paths {
        walk.named(path);
    }
    walk.found
}

struct Walk<'a> {
    /// Files the program writes itself.
    own: &'a HashSet<PathBuf>,
    /// Files and folders met so far, by their real paths: links may lead to one twice, or round in a ring.
    seen: HashSet<PathBuf>,
    found: Vec<Result<PathBuf, ReadProblem>>,
}

impl Walk<'_> {
    /// A path somebody named: it is read whatever it is (a pipe too).
    fn named(&mut self, path: &Path) {
        if path == Path::new(STDIN) {
            return self.found.push(Ok(path.to_owned()));
        }
        if let Err(error) = fs::metadata(path) {
            return self.problem(path, ProblemKind::Unreadable, error.to_string());
        }
        // A shell's `<(…)` has no real path.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.own.contains(&real) {
            let reason = "it is written by this program, and not read as events";
            return self.problem(path, ProblemKind::Unsupported, reason);
        }
        if !self.seen.insert(real) {
            return;
        }
        if path.is_dir() { self.folder(path) } else { self.found.push(Ok(path.to_owned())) }
    }

    fn folder(&mut self, path: &Path) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.problem(path, ProblemKind::Unreadable, error.to_string()),
        };
        let mut children = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => children.push(entry.path()),
                Err(error) => self.problem(path, ProblemKind::Unreadable, error.to_string()),
            }
        }
        children.sort_unstable();
        for child in children {
            self.child(&child);
        }
    }

    fn child(&mut self, path: &Path) {
        let Some(real) = self.real(path) else { return };
        if self.own.contains(&real) || !self.seen.insert(real) {
            return;
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => self.folder(path),
            Ok(found) if found.is_file() => self.found.push(Ok(path.to_owned())),
            // Reading a pipe that nobody writes to would wait for ever.
            Ok(_) => self.problem(
                path,
                ProblemKind::Unsupported,
                "expected a file, found a pipe, socket or device",
            ),
            Err(error) => self.problem(path, ProblemKind::Unreadable, error.to_string()),
        }
    }

    fn real(&mut self, path: &Path) -> Option<PathBuf> {
        fs::canonicalize(path)
            .map_err(|error| self.problem(path, ProblemKind::Unreadable, error.to_string()))
            .ok()
    }

    fn problem(&mut self, path: &Path, kind: ProblemKind, reason: impl Into<String>) {
        self.found.push(Err(ReadProblem::of_file(path, kind, reason)));
    }
}

//! Where paths lead: the rule files below them, each once, and what cannot be walked.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::load::{named, unreadable};
use super::report::Report;
use crate::diagnostic::{Diagnostic, Span, UNREADABLE_RULES};

/// The folder in which Elastic keeps rules that it gave up; it is passed over inside other folders.
pub const DEPRECATED_FOLDER: &str = "_deprecated";

/// The most rule files: a folder with more was hardly meant, and each rule is asked for on its own.
pub(super) const MOST_FILES: usize = 10_000;

/// Every file that `paths` lead to, as [`load`](super::load()) reads them, and every place that cannot be read or has none.
#[must_use]
pub fn places(paths: &[PathBuf]) -> Vec<PathBuf> {
    let walk = Walk::below(paths);
    let unreadable = walk.reports.iter().map(|report| PathBuf::from(&report.origin));
    unreadable.chain(walk.files.iter().cloned()).collect()
}

/// The files that paths lead to, each once.
#[derive(Default)]
pub(super) struct Walk {
    pub files: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
    /// How often a rule file was met, or a folder that had been met before.
    met: usize,
    pub reports: Vec<Report>,
    pub passed_over: Vec<PathBuf>,
}

impl Walk {
    /// Walks everything below the paths.
    pub(super) fn below(paths: &[PathBuf]) -> Self {
        let mut walk = Self::default();
        for path in paths {
            if walk.is_over() {
                break;
            }
            walk.start(path);
        }
        walk
    }

    /// Takes a path that was asked for.
    fn start(&mut self, path: &Path) {
        let (met, problems) = (self.met, self.reports.len());
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                self.folder(path);
                if (self.met, self.reports.len()) == (met, problems) {
                    self.reports.push(without_rules(path));
                }
            }
            Ok(_) => self.file(path),
            Err(error) => self.reports.push(unreadable(&named(path), &error)),
        }
    }

    fn folder(&mut self, folder: &Path) {
        if !self.is_new(folder) {
            self.met += 1;
            return;
        }
        let listing = fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut paths = match listing {
            Ok(paths) => paths,
            Err(error) => return self.reports.push(unreadable(&named(folder), &error)),
        };
        paths.sort();
        for path in paths {
            if self.is_over() {
                return;
            }
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() && path.ends_with(DEPRECATED_FOLDER) => {
                    self.passed_over.push(path);
                }
                Ok(found) if found.is_dir() && !is_behind_links(&path) => self.folder(&path),
                Ok(found) if !found.is_dir() && is_rule_file(&path) => self.file(&path),
                Err(error) if is_rule_file(&path) => self.reports.push(unreadable(&named(&path), &error)),
                _ => {}
            }
        }
    }

    fn file(&mut self, path: &Path) {
        self.met += 1;
        if self.is_new(path) {
            if self.files.len() == MOST_FILES {
                self.reports.push(too_many(path));
            }
            self.files.push(path.to_owned());
        }
    }

    /// Whether there are more files than can be meant; the rest is not even looked for.
    pub(super) fn is_over(&self) -> bool {
        self.files.len() > MOST_FILES
    }

    /// Whether nothing has led to this place before; links may lead to it twice, or in a circle.
    fn is_new(&mut self, path: &Path) -> bool {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.seen.insert(place)
    }
}

fn too_many(path: &Path) -> Report {
    let message = format!("there are more than {MOST_FILES} rule files, this one is the first too many");
    let problem = Diagnostic::error(UNREADABLE_RULES, Span::default(), message);
    Report::new(&named(path), "", vec![problem.hint("name the folder that holds the rules and nothing else")])
}

fn without_rules(folder: &Path) -> Report {
    let problem = Diagnostic::error(UNREADABLE_RULES, Span::default(), "the folder holds no rule file");
    Report::new(&named(folder), "", vec![problem.hint("rule files end in `.toml`")])
}

/// Whether it is one of the folders in which Kubernetes keeps what a mounted folder shows by links, which stay as these
/// folders come and go.
fn is_behind_links(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."))
}

fn is_rule_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

//! Loads rules from files and folders: all of them, or every reason why not.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::convert::{self, Reading};
use super::file::MAX_BYTES;
use super::model::Rule;
use super::report::{Report, RuleErrors};
use crate::diagnostic::{DUPLICATE_RULE_ID, Diagnostic, FILE_TOO_LARGE, Node, Span, UNREADABLE_RULES};

/// The folder in which Elastic keeps rules that it gave up; it is passed over inside other folders.
pub const DEPRECATED_FOLDER: &str = "_deprecated";

/// Rules that can run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The rules, in the order of the paths given, folders sorted by path.
    pub rules: Vec<Rule>,
    /// What the reader should know about them.
    pub warnings: Vec<Report>,
    /// Folders named [`DEPRECATED_FOLDER`] that were passed over.
    pub passed_over: Vec<PathBuf>,
}

/// Loads every rule of `paths`: files of any name, and folders with every `*.toml` below them.
///
/// # Errors
/// Every problem of every file, if any is an error: a path that cannot be read, a folder without a rule file, a
/// file that is no rule, two rules with one id.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, RuleErrors> {
    let mut walk = Walk::default();
    for path in paths {
        walk.start(path);
    }
    let mut readings = Vec::new();
    for path in &walk.files {
        let origin = path.display().to_string();
        match read_limited(path) {
            Ok(bytes) => readings.push((origin.clone(), convert::read(&origin, &bytes))),
            Err(problem) => walk.reports.push(Report::new(&origin, "", vec![problem])),
        }
    }
    let loaded = together(readings, walk.reports)?;
    Ok(Loaded { passed_over: walk.passed_over, ..loaded })
}

/// Loads rules from texts that are at hand, each with the name it has in messages.
///
/// # Errors
/// Every problem of every text, if any is an error.
pub fn load_texts(texts: &[(&str, &str)]) -> Result<Loaded, RuleErrors> {
    let read = |(name, text): &(&str, &str)| ((*name).to_owned(), convert::read(name, text.as_bytes()));
    together(texts.iter().map(read).collect(), Vec::new())
}

/// Joins what was read, each with its name: no two rules may have one id.
fn together(readings: Vec<(String, Reading)>, mut reports: Vec<Report>) -> Result<Loaded, RuleErrors> {
    let mut loaded = Loaded::default();
    let mut by_id: HashMap<String, String> = HashMap::new();
    for (origin, mut reading) in readings {
        if let Some(id) = reading.file.root.table("rule").and_then(|rule| rule.text("rule_id")) {
            match by_id.get(id.node) {
                Some(first) => reading.reports.push(taken(&origin, &reading.file.text, &id, first)),
                None => drop(by_id.insert(id.node.to_owned(), origin)),
            }
        }
        reports.extend(reading.reports);
        loaded.rules.extend(reading.rule);
    }
    if reports.iter().any(|report| report.errors() > 0) {
        return Err(RuleErrors { reports });
    }
    loaded.warnings = reports;
    Ok(loaded)
}

fn taken(origin: &str, text: &str, id: &Node<&str>, first: &str) -> Report {
    let message = format!("the rule id `{}` is taken already by `{first}`", id.node);
    let problem = Diagnostic::error(DUPLICATE_RULE_ID, id.span, message)
        .hint("give the copy an id of its own, or leave one of the two out");
    Report::new(origin, text, vec![problem])
}

/// The files that paths lead to, each once.
#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
    /// How often a rule file was met, or a folder that had been met before.
    met: usize,
    reports: Vec<Report>,
    passed_over: Vec<PathBuf>,
}

impl Walk {
    /// Takes a path that was asked for.
    fn start(&mut self, path: &Path) {
        let (met, problems) = (self.met, self.reports.len());
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                self.folder(path);
                if (self.met, self.reports.len()) == (met, problems) {
                    self.fault(path, "the folder holds no rule file", Some("rule files end in `.toml`"));
                }
            }
            Ok(_) => self.file(path),
            Err(error) => self.unreadable(path, &error),
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
            Err(error) => return self.unreadable(folder, &error),
        };
        paths.sort();
        for path in paths {
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() && path.ends_with(DEPRECATED_FOLDER) => {
                    self.passed_over.push(path)
                }
                Ok(found) if found.is_dir() => self.folder(&path),
                Ok(_) if is_rule_file(&path) => self.file(&path),
                Err(error) if is_rule_file(&path) => self.unreadable(&path, &error),
                _ => {}
            }
        }
    }

    fn file(&mut self, path: &Path) {
        self.met += 1;
        if self.is_new(path) {
            self.files.push(path.to_owned());
        }
    }

    /// Whether nothing has led to this place before; links may lead to it twice, or in a circle.
    fn is_new(&mut self, path: &Path) -> bool {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.seen.insert(place)
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.fault(path, &format!("cannot be read: {error}"), None);
    }

    fn fault(&mut self, path: &Path, message: &str, hint: Option<&str>) {
        let problem = Diagnostic::error(UNREADABLE_RULES, Span::default(), message);
        let problem = match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        };
        self.reports.push(Report::new(&path.display().to_string(), "", vec![problem]));
    }
}

fn is_rule_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// The bytes of a file that is not too large to be a rule.
fn read_limited(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let unreadable = |error: io::Error| {
        Diagnostic::error(UNREADABLE_RULES, Span::default(), format!("cannot be read: {error}"))
    };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the file is larger than {} KiB, too large for a rule file", MAX_BYTES / 1024);
        return Err(Diagnostic::error(FILE_TOO_LARGE, Span::default(), message));
    }
    Ok(bytes)
}

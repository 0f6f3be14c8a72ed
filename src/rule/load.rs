//! Loads rules from files and folders: all of them, or every reason why not; or each by itself.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::convert::{self, Reading};
use super::file::MAX_BYTES;
use super::model::Rule;
use super::report::{Report, RuleErrors};
use super::walk::Walk;
use crate::bounded;
use crate::diagnostic::{DUPLICATE_RULE_ID, Diagnostic, FILE_TOO_LARGE, Node, Span, UNREADABLE_RULES};

#[cfg(test)]
mod tests;

/// So many files are read faster than a thread is started for them.
const FEW: usize = 64;

/// Threads that read many files.
const THREADS: usize = 4;

/// Rules that can run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The rules, in the order of the paths given, folders sorted by path.
    pub rules: Vec<Rule>,
    /// What the reader should know about them.
    pub warnings: Vec<Report>,
    /// Folders named [`DEPRECATED_FOLDER`](super::DEPRECATED_FOLDER) that were passed over.
    pub passed_over: Vec<PathBuf>,
}

/// What paths lead to, where a broken file costs no other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The rules that were read and can run, and their warnings, as [`load`] has them.
    pub loaded: Loaded,
    /// Rules that were known and not read again. No two rules, read or known, have one id.
    pub known: Vec<Arc<Rule>>,
    /// The places that give no rule, and why.
    pub refused: Vec<Refused>,
}

/// A place that gives no rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The file or folder.
    pub place: PathBuf,
    /// The id of the rule in it, as far as it can be read.
    pub rule_id: Option<String>,
    /// Why.
    pub reports: Vec<Report>,
}

impl Refused {
    /// Whether nothing could be read at all: a place that is not there, or has no rule file.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.reports
            .iter()
            .flat_map(|report| &report.problems)
            .any(|problem| problem.code == UNREADABLE_RULES)
    }
}

/// Loads every rule of `paths`: files of any name, and folders with every `*.toml` below them.
///
/// # Errors
/// Every problem of every file, if any is an error: a path that cannot be read, a folder without a rule file, a
/// file that is no rule, two rules with one id.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, RuleErrors> {
    let mut walk = Walk::below(paths);
    let readings = read_found(&mut walk);
    let loaded = together(readings, walk.reports)?;
    Ok(Loaded { passed_over: walk.passed_over, ..loaded })
}

/// Loads the rules of `paths` as [`load`] does, each by itself. Where several files have one id, none of them is taken. A
/// file of which `known` tells the rule is not read. Where there are more files than can be meant, every path is refused.
#[must_use]
pub fn load_each(paths: &[PathBuf], known: impl Fn(&Path) -> Option<Arc<Rule>>) -> Found {
    let mut walk = Walk::below(paths);
    if walk.is_over() {
        return Found { refused: all_of(paths, &walk.reports), ..Found::default() };
    }
    let mut rules = Vec::new();
    walk.files.retain(|path| match known(path) {
        Some(rule) => {
            rules.push(rule);
            false
        }
        None => true,
    });
    let readings = read_found(&mut walk);
    let unreadable = |report: Report| Refused {
        place: PathBuf::from(&report.origin),
        rule_id: None,
        reports: vec![report],
    };
    let mut found = Found { refused: walk.reports.into_iter().map(unreadable).collect(), ..Found::default() };
    found.loaded.passed_over = walk.passed_over;
    let mut holders: HashMap<String, Vec<String>> = HashMap::new();
    for rule in
        readings.iter().filter_map(|(_, reading)| reading.rule.as_ref()).chain(rules.iter().map(Arc::as_ref))
    {
        holders.entry(rule.rule_id.clone()).or_default().push(rule.origin.clone());
    }
    for rule in rules {
        if holders.get(&rule.rule_id).is_some_and(|holders| holders.len() > 1) {
            // The other file tells why.
            let (place, rule_id) = (PathBuf::from(&rule.origin), Some(rule.rule_id.clone()));
            found.refused.push(Refused { place, rule_id, reports: Vec::new() });
        } else {
            found.known.push(rule);
        }
    }
    for (origin, mut reading) in readings {
        let id = reading.file.root.table("rule").and_then(|rule| rule.text("rule_id"));
        let rule_id = id.as_ref().map(|id| id.node.to_owned());
        let others = rule_id.as_ref().and_then(|id| holders.get(id));
        let other = others.and_then(|holders| holders.iter().find(|holder| **holder != origin));
        match (reading.rule, id.zip(other)) {
            (Some(rule), None) => {
                found.loaded.rules.push(rule);
                found.loaded.warnings.extend(reading.reports);
            }
            (rule, twice) => {
                if let Some((id, other)) = twice.filter(|_| rule.is_some()) {
                    reading.reports.push(taken(&origin, &reading.file.text, &id, other));
                }
                found.refused.push(Refused { place: origin.into(), rule_id, reports: reading.reports });
            }
        }
    }
    found
}

/// Refuses every path, as nobody knows which rules lie behind the place where the walk ended; the first says why.
fn all_of(paths: &[PathBuf], reports: &[Report]) -> Vec<Refused> {
    let refused = |(number, path): (usize, &PathBuf)| Refused {
        place: path.clone(),
        rule_id: None,
        reports: if number == 0 { reports.to_vec() } else { Vec::new() },
    };
    paths.iter().enumerate().map(refused).collect()
}

/// Reads every file that was found; those that cannot be read are among the walk's reports.
fn read_found(walk: &mut Walk) -> Vec<Named> {
    let mut readings = Vec::new();
    if walk.is_over() {
        return readings;
    }
    for read in read_all(&walk.files) {
        match read {
            Ok(reading) => readings.push(reading),
            Err(report) => walk.reports.push(report),
        }
    }
    readings
}

/// A rule file's name in messages, and what was read in it.
type Named = (String, Reading);

/// Reads the files, in their order; many of them on several processors.
fn read_all(files: &[PathBuf]) -> Vec<Result<Named, Report>> {
    if files.len() <= FEW {
        return files.iter().map(|path| read_one(path)).collect();
    }
    let share = files.len().div_ceil(THREADS).max(FEW);
    thread::scope(|scope| {
        let read = |some: &[PathBuf]| some.iter().map(|path| read_one(path)).collect::<Vec<_>>();
        let threads: Vec<_> = files.chunks(share).map(|some| scope.spawn(move || read(some))).collect();
        let ended =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|fault| resume_unwind(fault)));
        ended.flatten().collect()
    })
}

fn read_one(path: &Path) -> Result<Named, Report> {
    let origin = named(path);
    match bounded::read(path, MAX_BYTES) {
        Ok(bytes) => {
            let reading = convert::read(&origin, &bytes);
            Ok((origin, reading))
        }
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(too_large(&origin)),
        Err(error) => Err(unreadable(&origin, &error)),
    }
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

pub(super) fn unreadable(origin: &str, error: &io::Error) -> Report {
    let problem = Diagnostic::error(UNREADABLE_RULES, Span::default(), format!("cannot be read: {error}"));
    Report::new(origin, "", vec![problem])
}

fn too_large(origin: &str) -> Report {
    let message = format!("the file is larger than {} KiB, too large for a rule file", MAX_BYTES / 1024);
    Report::new(origin, "", vec![Diagnostic::error(FILE_TOO_LARGE, Span::default(), message)])
}

/// A path as messages name it.
pub(super) fn named(path: &Path) -> String {
    path.display().to_string()
}

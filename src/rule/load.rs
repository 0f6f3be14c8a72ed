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
/// file of which `known` tells the rule is not read.
#[must_use]
pub fn load_each(paths: &[PathBuf], known: impl Fn(&Path) -> Option<Arc<Rule>>) -> Found {
    let mut walk = Walk::below(paths);
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::rule::places;
    use crate::rule::walk::MOST_FILES;

    const RULE: &str = include_str!("../../tests/rules/valid/minimal.toml");

    /// A folder with files of these names and texts.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    fn with_id(id: &str) -> String {
        RULE.replace("0b9d8f0a-6c1e-4b5e-9d0a-0c6f1f6f0a11", id)
    }

    fn refused(paths: &[PathBuf]) -> String {
        load(paths).expect_err("an error").render(false)
    }

    const OTHER: &str = "aaaaaaaa-6c1e-4b5e-9d0a-0c6f1f6f0a11";
    const THIRD: &str = "bbbbbbbb-6c1e-4b5e-9d0a-0c6f1f6f0a11";

    #[test]
    fn folders_are_walked_in_order_and_other_files_left_alone() {
        let (other, third) = (with_id(OTHER), with_id(THIRD));
        let folder =
            folder(&[("b.toml", RULE), ("a/c.TOML", &other), ("a/readme.md", "#"), ("z/z/z.toml", &third)]);
        let loaded = load(&[folder.path().to_owned()]).unwrap_or_else(|errors| panic!("{errors}"));
        let ids: Vec<_> = loaded.rules.iter().map(|rule| &rule.rule_id[..8]).collect();
        assert_eq!(ids, ["aaaaaaaa", "0b9d8f0a", "bbbbbbbb"]);
    }

    #[test]
    fn many_files_keep_their_order_and_their_problems() {
        let count = 3 * FEW;
        let id = |number: usize| with_id(&format!("{number:08}-6c1e-4b5e-9d0a-0c6f1f6f0a11"));
        let mut files: Vec<(String, String)> =
            (0..count).map(|number| (format!("{number:04}.toml"), id(number))).collect();
        let written = |files: &[(String, String)]| {
            folder(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
        };
        let whole = written(&files);
        let loaded = load(&[whole.path().to_owned()]).unwrap_or_else(|errors| panic!("{errors}"));
        let ids: Vec<String> = loaded.rules.iter().map(|rule| rule.rule_id[..8].to_owned()).collect();
        assert_eq!(ids, (0..count).map(|number| format!("{number:08}")).collect::<Vec<_>>());
        for number in [1, count - 1] {
            files[number].1.insert_str(0, "nonsense");
        }
        let broken = written(&files);
        let said = refused(&[broken.path().to_owned()]);
        assert!(said.contains("0001.toml") && said.contains(&format!("{:04}.toml", count - 1)), "{said}");
    }

    #[test]
    fn more_files_than_can_be_meant_are_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |number: usize| folder.path().join(format!("{number:05}.toml"));
        for number in 0..MOST_FILES {
            fs::hard_link(path(0), path(number)).or_else(|_| fs::write(path(number), "")).expect("a file");
        }
        fs::write(path(MOST_FILES), "").expect("a file");
        let said = refused(&[folder.path().to_owned()]);
        assert!(said.contains("more than 10000 rule files") && said.contains("10000.toml"), "{said}");
        assert!(said.ends_with("1 problem in 1 file"), "{said}");
    }

    #[test]
    fn deprecated_rules_are_passed_over_unless_asked_for() {
        let other = with_id(OTHER);
        let folder = folder(&[("a.toml", RULE), ("_deprecated/b.toml", &other)]);
        let loaded = load(&[folder.path().to_owned()]).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!((loaded.rules.len(), loaded.passed_over.len()), (1, 1));
        let loaded = load(&loaded.passed_over).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.rules[0].rule_id, OTHER);
    }

    #[test]
    fn a_file_reached_twice_is_one_rule() {
        let folder = folder(&[("a/b.toml", RULE)]);
        let file = folder.path().join("a/b.toml");
        let paths = [
            folder.path().join("a"),
            folder.path().to_owned(),
            file.clone(),
            folder.path().join("a/../a/b.toml"),
        ];
        let loaded = load(&paths).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.rules.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_come_to_an_end_and_dead_ones_are_said() {
        let folder = folder(&[("a.toml", RULE)]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).expect("a link");
        let loaded = load(&[folder.path().to_owned()]).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.rules.len(), 1);
        std::os::unix::fs::symlink("nowhere", folder.path().join("dead.toml")).expect("a link");
        assert!(refused(&[folder.path().to_owned()]).contains("dead.toml"));
    }

    #[test]
    fn two_rules_with_one_id_name_both_files() {
        let folder = folder(&[("a.toml", RULE), ("b.toml", RULE)]);
        let shown = refused(&[folder.path().to_owned()]);
        assert!(shown.contains("is taken already by") && shown.contains("a.toml`"), "{shown}");
        assert!(shown.contains("b.toml:4:11"), "{shown}");
        assert!(shown.ends_with("1 problem in 1 file"), "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_kubernetes_mounts_shows_its_files_by_their_lasting_names() {
        let folder = folder(&[("..2026_11_24/a.toml", RULE), ("..2026_11_25/a.toml", RULE)]);
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, folder.path().join(name)).expect("a link");
        };
        link("..2026_11_25", "..data");
        link("..data/a.toml", "a.toml");
        let loaded = load(&[folder.path().to_owned()]).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.rules.len(), 1);
        assert_eq!(Path::new(&loaded.rules[0].origin), folder.path().join("a.toml"));
    }

    #[test]
    fn a_broken_file_costs_no_other() {
        let (other, third) = (with_id(OTHER), with_id(THIRD));
        let broken = third.replace("[rule]", "[rule]\nnane = 1");
        let folder = folder(&[
            ("a.toml", RULE),
            ("b.toml", &other),
            ("c.toml", &broken),
            ("d.toml", "= 1"),
            ("e/f.toml", &other),
        ]);
        let missing = folder.path().join("missing");
        let found = load_each(&[folder.path().to_owned(), missing.clone()], |_| None);
        let ids: Vec<_> = found.loaded.rules.iter().map(|rule| &rule.rule_id[..8]).collect();
        assert_eq!(ids, ["0b9d8f0a"]);
        let refused: Vec<_> = found
            .refused
            .iter()
            .map(|refused| {
                let place = refused.place.strip_prefix(folder.path()).expect("below the folder");
                (place.to_str().expect("a name"), refused.rule_id.as_deref())
            })
            .collect();
        let expected = [
            ("missing", None),
            ("b.toml", Some(OTHER)),
            ("c.toml", Some(THIRD)),
            ("d.toml", None),
            ("e/f.toml", Some(OTHER)),
        ];
        assert_eq!(refused, expected);
        let said: Vec<String> =
            found.refused.iter().map(|refused| crate::rule::render_all(&refused.reports, false)).collect();
        for (said, words) in said.iter().zip([
            "cannot be read",
            "f.toml`",
            "unknown key `nane`",
            "d.toml:1:1",
            "is taken already by",
        ]) {
            assert!(said.contains(words), "{words}: {said}");
        }
        let places = places(&[folder.path().to_owned(), missing.clone()]);
        assert_eq!((places.len(), &places[0]), (6, &missing));
    }

    #[test]
    fn a_file_whose_rule_is_known_is_not_read() {
        let folder = folder(&[("a.toml", RULE), ("b.toml", "= 1")]);
        let paths = [folder.path().to_owned()];
        let rule = Arc::new(load_each(&paths, |_| None).loaded.rules.remove(0));
        fs::write(folder.path().join("a.toml"), "= 1").expect("a file");
        let known = |path: &Path| path.ends_with("a.toml").then(|| rule.clone());
        let found = load_each(&paths, known);
        assert!(found.loaded.rules.is_empty() && Arc::ptr_eq(&found.known[0], &rule));
        assert_eq!(found.refused.len(), 1);
        // Another file has its id.
        fs::write(folder.path().join("b.toml"), RULE).expect("a file");
        let found = load_each(&paths, known);
        assert!(found.known.is_empty() && found.loaded.rules.is_empty());
        let said: Vec<String> =
            found.refused.iter().map(|refused| crate::rule::render_all(&refused.reports, false)).collect();
        assert!(said[0].is_empty() && said[1].contains("a.toml`"), "{said:?}");
    }

    #[test]
    fn every_problem_of_every_file_is_shown_and_counted() {
        let folder = folder(&[("a.toml", "[rule]\nnane = 1\n"), ("b.toml", "= 1"), ("c.toml", RULE)]);
        let shown = refused(&[folder.path().to_owned(), folder.path().join("missing.toml")]);
        for part in ["unknown key `nane`", "b.toml:1:1", "missing.toml\n", "cannot be read"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(shown.ends_with(" in 3 files"), "{shown}");
    }

    #[test]
    fn folders_without_rules_and_files_too_large_are_refused() {
        let large = format!("{RULE}#{}", "x".repeat(usize::try_from(MAX_BYTES).expect("a size")));
        let folder = folder(&[("none/readme.md", ""), ("large.toml", &large)]);
        let shown = refused(&[folder.path().join("none"), folder.path().join("large.toml")]);
        assert!(shown.contains("the folder holds no rule file"), "{shown}");
        assert!(shown.contains("too large for a rule file"), "{shown}");
        assert!(shown.ends_with("2 problems in 2 files"), "{shown}");
    }

    #[test]
    fn texts_at_hand_are_loaded_like_files() {
        assert_eq!(
            load_texts(&[("a", RULE), ("b", &with_id(OTHER))]).map(|loaded| loaded.rules.len()),
            Ok(2)
        );
        assert!(load_texts(&[("a", RULE), ("b", RULE)]).is_err());
    }
}

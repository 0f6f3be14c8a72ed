//! Loads rules from files and folders: all of them, or every reason why not.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::convert::{self, Reading};
use super::file::MAX_BYTES;
use super::model::Rule;
use super::report::{Report, RuleErrors};
use crate::bounded;
use crate::diagnostic::{DUPLICATE_RULE_ID, Diagnostic, FILE_TOO_LARGE, Node, Span, UNREADABLE_RULES};

/// The folder in which Elastic keeps rules that it gave up; it is passed over inside other folders.
pub const DEPRECATED_FOLDER: &str = "_deprecated";

/// The most rule files: a folder with more was hardly meant, and each rule is asked for on its own.
const MOST_FILES: usize = 10_000;

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
    if walk.is_over() {
        return Err(RuleErrors { reports: walk.reports });
    }
    let mut readings = Vec::new();
    for read in read_all(&walk.files) {
        match read {
            Ok(reading) => readings.push(reading),
            Err(report) => walk.reports.push(report),
        }
    }
    let loaded = together(readings, walk.reports)?;
    Ok(Loaded { passed_over: walk.passed_over, ..loaded })
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
                Ok(found) if found.is_dir() => self.folder(&path),
                Ok(_) if is_rule_file(&path) => self.file(&path),
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
    fn is_over(&self) -> bool {
        self.files.len() > MOST_FILES
    }

    /// Whether nothing has led to this place before; links may lead to it twice, or in a circle.
    fn is_new(&mut self, path: &Path) -> bool {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.seen.insert(place)
    }
}

fn unreadable(origin: &str, error: &io::Error) -> Report {
    let problem = Diagnostic::error(UNREADABLE_RULES, Span::default(), format!("cannot be read: {error}"));
    Report::new(origin, "", vec![problem])
}

fn too_large(origin: &str) -> Report {
    let message = format!("the file is larger than {} KiB, too large for a rule file", MAX_BYTES / 1024);
    Report::new(origin, "", vec![Diagnostic::error(FILE_TOO_LARGE, Span::default(), message)])
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

/// A path as messages name it.
fn named(path: &Path) -> String {
    path.display().to_string()
}

fn is_rule_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

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

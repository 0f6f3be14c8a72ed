//! Files and folders of rules, good and broken.

use std::fs;

use super::*;
use crate::rule::walk::MOST_FILES;
use crate::rule::{Renewal, places};

const RULE: &str = include_str!("../../../tests/rules/valid/minimal.toml");

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
fn too_many_files_refuse_every_path_and_end_no_rule() {
    let folder = folder(&[("a/known.toml", RULE), ("z/behind.toml", &with_id(OTHER))]);
    let paths = ["a", "z"].map(|name| folder.path().join(name));
    let old: Vec<Arc<Rule>> = load_each(&paths, |_| None).loaded.rules.into_iter().map(Arc::new).collect();
    assert_eq!(old.len(), 2);
    for number in 0..MOST_FILES {
        fs::write(paths[0].join(format!("{number:05}.toml")), "= 1").expect("a file");
    }
    let known = |path: &Path| old.iter().find(|rule| Path::new(&rule.origin) == path).cloned();
    let found = load_each(&paths, known);
    let refused: Vec<_> = found.refused.iter().map(|refused| refused.place.clone()).collect();
    assert_eq!(refused, paths);
    let reports: Vec<&Report> = found.refused.iter().flat_map(|refused| &refused.reports).collect();
    assert_eq!(reports.len(), 1, "the files themselves are not read");
    let renewal = Renewal::of(&old, found);
    assert_eq!((renewal.held.len(), renewal.removed.len()), (2, 0));
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
    assert_eq!(load_texts(&[("a", RULE), ("b", &with_id(OTHER))]).map(|loaded| loaded.rules.len()), Ok(2));
    assert!(load_texts(&[("a", RULE), ("b", RULE)]).is_err());
}

//! The stages stand in one order and import only downward; the pure ones stay free of clock, environment and async.
//!
//! Works on tokens, so comments and strings do not count and the inside of a macro does.

#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/rules.rs"]
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use rules::{ORDER, violations};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below `folder`, in a stable order.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    let nested =
        entries.into_iter().flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn imports_point_downward_and_pure_stages_are_pure() {
    let root = source();
    let files = rust_files(&root);
    assert!(files.len() > 3, "the sources are where they are looked for");
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let name = file.strip_prefix(&root).expect("below the root");
            violations(name, &fs::read_to_string(file).expect("a readable file"))
        })
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_top_level_module_has_its_place() {
    for entry in fs::read_dir(source()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a plain name").to_owned();
        let known = ["lib", "main"].contains(&name.as_str()) || ORDER.contains(&name.as_str());
        assert!(known, "`src/{name}` has no place in the order; give it one in tests/architecture/rules.rs");
    }
}

#[test]
fn the_table_in_lib_rs_tells_what_there_is_in_order() {
    let text = fs::read_to_string(source().join("lib.rs")).expect("lib.rs");
    let names = |start: &str, end: char| -> Vec<String> {
        let rest = text.lines().filter_map(|line| line.strip_prefix(start));
        rest.filter_map(|rest| rest.split_once(end)).map(|(name, _)| name.to_owned()).collect()
    };
    let (rows, mut modules) = (names("//! | [`", '`'), names("pub mod ", ';'));
    modules.sort_by_key(|module| ORDER.iter().position(|name| name == module));
    assert!(!modules.is_empty());
    assert_eq!(rows, modules, "the rows of the table (left) are the modules in their order (right)");
}

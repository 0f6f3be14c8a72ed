//! What the README and the handbook say is there: files that links lead to, chapters, flags and variables.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use support::program::stakeout;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the chapters, in order.
fn chapters() -> Vec<String> {
    let files = std::fs::read_dir(root().join("src/guide")).expect("a folder");
    let names = files.map(|file| file.expect("an entry").file_name().into_string().expect("a plain name"));
    let mut chapters: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
    chapters.retain(|name| name != "links");
    chapters.sort();
    chapters
}

fn chapter(name: &str) -> PathBuf {
    root().join("src/guide").join(name).with_extension("md")
}

/// Where the inline links of a text lead, and the link definitions.
fn targets(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let defined = text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(defined.map(|(_, target)| target)).map(str::to_owned).collect()
}

/// The anchors of a text's headings, as GitHub and rustdoc make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor = |title: &str| title.trim().to_lowercase().chars().filter(kept).collect::<String>();
    headings.map(|title| anchor(title).replace(' ', "-")).collect()
}

/// What is wrong with a link in the file at `path`.
fn broken(path: &Path, target: &str) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("http://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let there = if file.is_empty() { path.to_owned() } else { path.parent().expect("a folder").join(file) };
    let is_there = there.exists() && (anchor.is_empty() || anchors(&read(&there)).contains(anchor));
    (!is_there).then(|| format!("{}: `{target}` leads nowhere", path.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let own = ["README.md", "CHANGELOG.md", ".github/SECURITY.md"].map(|file| root().join(file));
    let files: Vec<PathBuf> = own.into_iter().chain(chapters().iter().map(|name| chapter(name))).collect();
    let found: Vec<(PathBuf, String)> = files
        .iter()
        .flat_map(|path| targets(&read(path)).into_iter().map(|target| (path.clone(), target)))
        .collect();
    assert!(found.len() > 20, "{found:?}");
    let broken: Vec<String> = found.iter().filter_map(|(path, target)| broken(path, target)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(broken_for_sure().is_some());
}

/// A link that leads nowhere is told.
fn broken_for_sure() -> Option<String> {
    broken(&root().join("README.md"), "README.md#no-such-heading")
}

#[test]
fn every_chapter_is_in_the_readme_and_in_the_documentation() {
    let (readme, module) = (read(&root().join("README.md")), read(&root().join("src/guide/mod.rs")));
    let links = read(&root().join("src/guide/links.md"));
    assert!(chapters().len() > 5);
    for name in chapters() {
        assert!(readme.contains(&format!("](src/guide/{name}.md)")), "the README does not name `{name}`");
        let said = format!(
            "pub mod {name} {{\n    #![doc = include_str!(\"links.md\")]\n    #![doc = include_str!(\"{name}.md\")]\n}}"
        );
        assert!(module.contains(&said), "src/guide/mod.rs does not have `{name}`");
        assert!(links.contains(&format!("[{name}]: crate::guide::{name}\n")), "links.md: `{name}`");
    }
}

#[test]
fn chapters_read_the_same_in_both_places() {
    let links = read(&root().join("src/guide/links.md"));
    for name in chapters() {
        let text = read(&chapter(&name));
        let (body, defined): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| !(line.starts_with('[') && line.contains("]: ")));
        for target in targets(&body.join("\n")) {
            let is_the_same = target.starts_with("https://") || target.starts_with('#');
            assert!(is_the_same, "{name}: `{target}`: give it a label, and that a place in links.md");
        }
        for line in defined {
            let label = line.split_once("]: ").expect("a definition").0;
            assert!(links.contains(&format!("{label}]: ")), "{name}: `{label}]` is not in links.md");
        }
        // One without a language would be compiled as an example in Rust.
        let fences: Vec<&str> =
            body.iter().map(|line| line.trim()).filter(|line| line.starts_with("```")).collect();
        assert_eq!(fences.len() % 2, 0, "{name}");
        assert!(fences.iter().step_by(2).all(|fence| fence.len() > 3), "{name}: {fences:?}");
    }
}

/// The commands that the program says it has.
fn commands() -> Vec<String> {
    let help = stakeout(&["--help"]).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // Further lines of a description are indented by more.
    let lines = listed.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let names = lines.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_readme_names_every_command_flag_and_variable() {
    let readme = read(&root().join("README.md"));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let (mut flags, mut variables) = (BTreeSet::new(), BTreeSet::new());
    assert!(commands().len() > 8, "{:?}", commands());
    for command in commands() {
        assert!(readme.contains(&format!("`stakeout {command}")), "the README does not name `{command}`");
        let help = stakeout(&[&command, "--help"]).stdout;
        let words = help.split(|c| !is_part(c)).filter(|word| word.starts_with("--") && word.len() > 2);
        flags.extend(words.map(str::to_owned));
        let named = help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next());
        variables.extend(named.map(str::to_owned));
    }
    assert!(flags.len() > 40 && variables.len() > 15, "{flags:?} {variables:?}");
    for flag in flags.iter().filter(|flag| *flag != "--help" && *flag != "--version") {
        assert!(readme.contains(flag.as_str()), "the README does not name `{flag}`");
    }
    for variable in &variables {
        // Said once for all of them.
        let name = variable.strip_suffix("_FILE").unwrap_or(variable);
        assert!(readme.contains(name), "the README does not name `{variable}`");
    }
}

#[test]
fn every_dependency_says_what_it_is_needed_for() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("TOML");
    let names = |kind: &str| -> BTreeSet<String> {
        manifest[kind].as_table().expect("a table").keys().cloned().collect()
    };
    let text = read(&chapter("building"));
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let told: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(told, names("dependencies"), "the table of src/guide/building.md, and Cargo.toml");
    let number = format!("{} crates are named in `Cargo.toml`", told.len());
    assert!(text.contains(&number), "src/guide/building.md: expected `{number}`");
    for name in names("dev-dependencies") {
        assert!(text.contains(&format!("`{name}`")), "src/guide/building.md: `{name}`, which tests use");
    }
}

#[test]
fn the_first_rule_of_the_handbook_passes_its_own_examples() {
    let text = read(&chapter("rules"));
    let rule = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a rule");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stopped.toml");
    std::fs::write(&path, rule).expect("written");
    let ended = stakeout(&["test", &path.display().to_string()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.lines().len(), 2, "{ended:?}");
}

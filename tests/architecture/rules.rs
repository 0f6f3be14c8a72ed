//! What a stage may import and use, and what is wrong with a source text in this light.

use std::path::Path;

use super::paths::{FoundPath, paths};

/// The stages from low to high. A stage imports only stages before its own.
pub const ORDER: [&str; 22] = [
    "guide",
    "bounded",
    "diagnostic",
    "event",
    "schema",
    "dsl",
    "eql",
    "eval",
    "rule",
    "plan",
    "triage",
    "elastic",
    "local",
    "kibana",
    "alert",
    "report",
    "checkpoint",
    "detect",
    "metrics",
    "check",
    "schedule",
    "cli",
];

/// Stages that stand lower and are none of a stage's business all the same.
const STRANGERS: [(&str, &[&str]); 12] = [
    ("eql", &["dsl"]),
    ("eval", &["dsl"]),
    ("rule", &["dsl"]),
    ("plan", &["rule"]),
    ("elastic", &["eql", "eval", "rule", "plan", "triage"]),
    ("local", &["eql", "eval", "rule", "plan", "triage", "elastic"]),
    ("kibana", &["dsl", "eql", "eval", "rule", "plan", "triage", "elastic", "local"]),
    ("alert", &["elastic", "local"]),
    ("report", &["dsl", "eql", "eval", "plan", "triage", "elastic", "local", "kibana"]),
    ("checkpoint", &["rule"]),
    ("metrics", &["dsl", "eql", "plan", "triage", "local", "kibana", "report"]),
    ("schedule", &["dsl", "eql", "eval", "plan"]),
];

/// Stages that are synchronous and know neither clock nor environment.
const PURE: [&str; 10] =
    ["guide", "eql", "eval", "dsl", "plan", "rule", "triage", "kibana", "alert", "report"];

/// Stages that are told the time. They may measure how long something took.
const TOLD_THE_TIME: [&str; 12] = [
    "eql", "eval", "dsl", "plan", "rule", "triage", "kibana", "alert", "report", "detect", "metrics", "check",
];

const CLOCKS: [&[&str]; 3] = [&["SystemTime", "now"], &["Utc", "now"], &["Local", "now"]];
const IMPURE: [&[&str]; 6] =
    [&["async"], &["await"], &["tokio"], &["std", "env"], &["env", "var"], &["Instant", "now"]];

/// Everything that is wrong with the file `name` (below `src`), each as `src/name:line: what`.
pub fn violations(name: &Path, text: &str) -> Vec<String> {
    let modules = module_path(name);
    let own = modules.first().map_or("", String::as_str);
    let found = paths(text, modules.len());
    let wrong = |path: &FoundPath| {
        let what = import(own, &path.segments).or_else(|| impurity(own, &path.segments))?;
        Some(format!("src/{}:{}: {what}", name.display(), path.line))
    };
    found.iter().filter_map(wrong).collect()
}

/// `dsl/range.rs` is `dsl::range`, `dsl/mod.rs` is `dsl`; `lib.rs` and `main.rs` are the root.
fn module_path(name: &Path) -> Vec<String> {
    let plain = name.with_extension("");
    let parts = plain.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect()
}

/// What is wrong with the path as an import into stage `own`. The root itself (`own` empty) may name every stage.
fn import(own: &str, path: &[String]) -> Option<String> {
    if own.is_empty() || path.first()? != "crate" {
        return None;
    }
    let Some(other) = path.get(1) else {
        return Some("`crate` itself is no import: name the stage".to_owned());
    };
    let place = |stage: &str| ORDER.iter().position(|name| *name == stage);
    let Some(theirs) = place(other) else {
        return Some(format!("`crate::{other}` is no stage: import from the stage that has it"));
    };
    if other != own && place(own).is_none_or(|ours| theirs > ours) {
        return Some(format!("`{own}` must not import `{other}`, which stands above it"));
    }
    let strangers = STRANGERS.iter().filter(|(stage, _)| *stage == own).flat_map(|(_, others)| *others);
    strangers
        .copied()
        .find(|stranger| stranger == other)
        .map(|_| format!("`{own}` must know nothing of `{other}`"))
}

/// What is wrong with the path in a stage that has to be pure.
fn impurity(own: &str, path: &[String]) -> Option<String> {
    let banned =
        |lists: &[&[&str]]| lists.iter().any(|words| path.windows(words.len()).any(|part| part == *words));
    let said = path.join("::");
    if TOLD_THE_TIME.contains(&own) && banned(&CLOCKS) {
        return Some(format!("`{said}`: `{own}` is told the time, it reads no clock"));
    }
    if PURE.contains(&own) && banned(&IMPURE) {
        return Some(format!("`{said}`: `{own}` is synchronous and free of clock and environment"));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ORDER, PURE, STRANGERS, violations};

    #[track_caller]
    fn refused(name: &str, text: &str, expected: &[&str]) {
        assert_eq!(violations(Path::new(name), text), expected);
    }

    #[test]
    fn refuses_upward_imports_wherever_they_hide() {
        let upward = "`eql` must not import `rule`, which stands above it";
        refused(
            "eql/parse.rs",
            "use std::fmt;\nuse crate::rule::Rule;",
            &[&format!("src/eql/parse.rs:2: {upward}")],
        );
        refused(
            "eql/parse.rs",
            "use crate::{event::Event, rule};",
            &[&format!("src/eql/parse.rs:1: {upward}")],
        );
        refused("eql/parse.rs", "fn f() { g!(crate::rule::X) }", &[&format!("src/eql/parse.rs:1: {upward}")]);
        refused("eql/parse.rs", "use super::super::rule::Rule;", &[&format!("src/eql/parse.rs:1: {upward}")]);
        refused("eql.rs", "mod tests { use super::super::rule; }", &[&format!("src/eql.rs:1: {upward}")]);
    }

    #[test]
    fn refuses_what_a_stage_knows_nothing_of() {
        refused(
            "plan/mod.rs",
            "use crate::rule::Rule;",
            &["src/plan/mod.rs:1: `plan` must know nothing of `rule`"],
        );
        refused(
            "local/mod.rs",
            "type A = crate::elastic::A;",
            &["src/local/mod.rs:1: `local` must know nothing of `elastic`"],
        );
        refused("cli/run.rs", "use crate::rule::Rule; use crate::detect::pass;", &[]);
    }

    #[test]
    fn refuses_a_way_around_the_stages() {
        let expected = "src/eval/mod.rs:1: `crate::*` is no stage: import from the stage that has it";
        refused("eval/mod.rs", "use crate::*;", &[expected]);
        refused(
            "eval/mod.rs",
            "use crate as all;",
            &["src/eval/mod.rs:1: `crate` itself is no import: name the stage"],
        );
        refused("lib.rs", "pub use crate::cli::main;", &[]);
    }

    #[test]
    fn refuses_clocks_environment_and_async_in_pure_stages() {
        let clock = "src/alert/mod.rs:1: `chrono::Utc::now`: `alert` is told the time, it reads no clock";
        refused("alert/mod.rs", "fn f() { chrono::Utc::now(); }", &[clock]);
        for text in
            ["async fn f() {}", "use tokio::fs;", "use std::{env, fmt};", "fn f() { std::env::var(N); }"]
        {
            assert_eq!(violations(Path::new("rule/mod.rs"), text).len(), 1, "{text}");
            assert_eq!(violations(Path::new("elastic/mod.rs"), text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(violations(Path::new("detect/mod.rs"), "fn f() { SystemTime::now(); }").len(), 1);
        assert_eq!(violations(Path::new("detect/mod.rs"), "fn f() { Instant::now(); }").len(), 0);
        assert_eq!(violations(Path::new("dsl/mod.rs"), "fn f() { Instant::now(); }").len(), 1);
    }

    #[test]
    fn names_only_stages_and_forbids_only_what_the_order_allows() {
        let place = |stage: &str| ORDER.iter().position(|name| *name == stage).expect("a stage");
        for (stage, strangers) in STRANGERS {
            assert!(strangers.iter().all(|stranger| place(stranger) < place(stage)), "{stage}");
        }
        assert!(PURE.iter().all(|stage| place(stage) < ORDER.len()));
    }
}

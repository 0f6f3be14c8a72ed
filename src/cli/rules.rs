//! Which rules a command is about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;

use super::output;
use crate::rule::{self, Found, Refused, Rule};

/// The rules of the given files and folders, or those compiled in.
///
/// # Errors
/// Any of them is broken: the error holds every problem of every file, ready to be read.
pub fn load(paths: &[PathBuf], color: bool) -> anyhow::Result<Vec<Arc<Rule>>> {
    let loaded = if paths.is_empty() { rule::embedded() } else { rule::load(paths) };
    let loaded = loaded.map_err(|errors| anyhow!("the rules cannot be used\n{}", errors.render(color)))?;
    for warning in &loaded.warnings {
        output::say(&warning.render(color));
    }
    for folder in &loaded.passed_over {
        tracing::info!("passed over `{}`", folder.display());
    }
    Ok(loaded.rules.into_iter().map(Arc::new).collect())
}

/// The same, each rule by itself, where a broken one costs no other, and a file of which `known` tells the rule is not read.
pub fn each(paths: &[PathBuf], known: impl Fn(&Path) -> Option<Arc<Rule>>) -> Found {
    if !paths.is_empty() {
        return rule::load_each(paths, known);
    }
    match rule::embedded() {
        Ok(loaded) => Found { loaded, ..Found::default() },
        Err(errors) => Found {
            refused: vec![Refused { place: PathBuf::new(), rule_id: None, reports: errors.reports }],
            ..Found::default()
        },
    }
}

/// The rules that `wanted` names: files and folders, and ids or names of built-in rules; without any, those compiled in.
///
/// # Errors
/// There is no such rule, or a file is broken.
pub fn chosen(wanted: &[String], color: bool) -> anyhow::Result<Vec<Arc<Rule>>> {
    let (paths, names): (Vec<&String>, Vec<&String>) = wanted.iter().partition(|one| Path::new(one).exists());
    let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    let mut rules = if paths.is_empty() && !names.is_empty() { Vec::new() } else { load(&paths, color)? };
    for name in names {
        rules.push(built_in(name, color)?);
    }
    Ok(rules)
}

/// The rule that `wanted` names: a file, or the id or name of a built-in rule.
///
/// # Errors
/// There is no such rule, or its file is broken.
pub fn find(wanted: &str, color: bool) -> anyhow::Result<Arc<Rule>> {
    if Path::new(wanted).exists() {
        let mut rules = load(&[PathBuf::from(wanted)], color)?;
        return match rules.len() {
            1 => Ok(rules.remove(0)),
            number => Err(anyhow!("`{wanted}` holds {number} rules: name one file")),
        };
    }
    built_in(wanted, color)
}

fn built_in(wanted: &str, color: bool) -> anyhow::Result<Arc<Rule>> {
    let rules = load(&[], color)?;
    let names: Vec<String> = rules.iter().map(|rule| format!("  {} {}", rule.rule_id, rule.name)).collect();
    rules.into_iter().find(|rule| rule.rule_id == wanted || rule.name == wanted).ok_or_else(|| {
        anyhow!(
            "`{wanted}` is neither a file nor a built-in rule; the built-in rules are:\n{}",
            names.join("\n")
        )
    })
}

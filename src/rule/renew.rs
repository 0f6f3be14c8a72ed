//! What becomes of the rules in force when their files have changed: a broken file leaves its rule as it was.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::load::{Found, Refused};
use super::model::Rule;

/// The rules in force from now on, and how they differ from those before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Renewal {
    /// All of them. One that did not change is the very same as before.
    pub rules: Vec<Arc<Rule>>,
    /// Those whose id is new.
    pub added: Vec<Arc<Rule>>,
    /// Those that were there in another form.
    pub changed: Vec<Arc<Rule>>,
    /// Those that are no more.
    pub removed: Vec<Arc<Rule>>,
    /// How many were there in the same form.
    pub kept: usize,
    /// Those that stay in their old form, as the new one was refused.
    pub held: Vec<Arc<Rule>>,
}

impl Renewal {
    /// Puts what was found in the place of `old`, of which the known rules are, except where something was refused: a rule
    /// with the id or from the place of what was refused stays, unless another file has it. If nothing else is left, all
    /// rules stay.
    #[must_use]
    pub fn of(old: &[Arc<Rule>], found: Found) -> Self {
        let Found { loaded, known, refused } = found;
        let by_id: HashMap<&str, &Arc<Rule>> = old.iter().map(|rule| (rule.rule_id.as_str(), rule)).collect();
        let mut renewal = Self { kept: known.len(), rules: known, ..Self::default() };
        for rule in loaded.rules {
            match by_id.get(rule.rule_id.as_str()) {
                Some(same) if ***same == rule => {
                    renewal.kept += 1;
                    renewal.rules.push(Arc::clone(same));
                }
                before => {
                    let rule = Arc::new(rule);
                    let news = if before.is_some() { &mut renewal.changed } else { &mut renewal.added };
                    news.push(rule.clone());
                    renewal.rules.push(rule);
                }
            }
        }
        let found: HashSet<String> = renewal.rules.iter().map(|rule| rule.rule_id.clone()).collect();
        let others = old.iter().filter(|rule| !found.contains(&rule.rule_id)).cloned();
        (renewal.held, renewal.removed) =
            others.partition(|rule| refused.iter().any(|refused| refused.concerns(rule)));
        if renewal.rules.is_empty() && renewal.held.is_empty() {
            // To watch with nothing is never what is meant.
            renewal.held = std::mem::take(&mut renewal.removed);
        }
        renewal.rules.extend(renewal.held.iter().cloned());
        renewal
    }

    /// Whether the rules are those before.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl Refused {
    /// Whether `rule` is, or may be, an earlier form of what was refused.
    fn concerns(&self, rule: &Rule) -> bool {
        self.rule_id.as_ref() == Some(&rule.rule_id) || Path::new(&rule.origin).starts_with(&self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Loaded, load_texts};

    const RULE: &str = include_str!("../../tests/rules/valid/minimal.toml");

    /// A rule of the file `origin` whose id begins with `id` and whose name is `name`.
    fn rule(origin: &str, id: char, name: &str) -> Rule {
        let id = RULE.replace("0b9d8f0a-6c1e", &format!("{id}b9d8f0a-6c1e"));
        let mut loaded = load_texts(&[(origin, &id)]).unwrap_or_else(|errors| panic!("{errors}"));
        let mut rule = loaded.rules.remove(0);
        name.clone_into(&mut rule.name);
        rule
    }

    fn in_force(rules: &[(&str, char, &str)]) -> Vec<Arc<Rule>> {
        rules.iter().map(|(origin, id, name)| Arc::new(rule(origin, *id, name))).collect()
    }

    fn refused(place: &str, id: Option<char>) -> Refused {
        let rule_id = id.map(|id| rule("", id, "").rule_id);
        Refused { place: place.into(), rule_id, reports: Vec::new() }
    }

    fn found(rules: Vec<Rule>, refused: &[Refused]) -> Found {
        let loaded = Loaded { rules, ..Loaded::default() };
        Found { loaded, known: Vec::new(), refused: refused.to_vec() }
    }

    fn names(rules: &[Arc<Rule>]) -> Vec<&str> {
        rules.iter().map(|rule| rule.name.as_str()).collect()
    }

    #[test]
    fn rules_begin_change_end_and_stay() {
        let old = in_force(&[("d/a", 'a', "same"), ("d/b", 'b', "before"), ("d/c", 'c', "gone")]);
        let now = vec![rule("d/a", 'a', "same"), rule("d/b", 'b', "after"), rule("d/d", 'd', "new")];
        let renewal = Renewal::of(&old, found(now, &[]));
        assert_eq!(names(&renewal.rules), ["same", "after", "new"]);
        assert_eq!(names(&renewal.added), ["new"]);
        assert_eq!(names(&renewal.changed), ["after"]);
        assert_eq!(names(&renewal.removed), ["gone"]);
        assert_eq!(renewal.kept, 1);
        assert!(Arc::ptr_eq(&renewal.rules[0], &old[0]), "what did not change is the very same");
        assert!(!renewal.is_nothing());
    }

    #[test]
    fn a_rule_that_is_known_is_kept() {
        let old = in_force(&[("d/a", 'a', "a"), ("d/b", 'b', "b")]);
        let known = vec![old[0].clone()];
        let renewal = Renewal::of(&old, Found { known, ..Found::default() });
        assert_eq!((names(&renewal.rules), renewal.kept, names(&renewal.removed)), (vec!["a"], 1, vec!["b"]));
    }

    #[test]
    fn what_was_refused_leaves_its_rule_as_it_was() {
        let old = in_force(&[("d/a", 'a', "a"), ("d/b", 'b', "b"), ("d/c", 'c', "c"), ("e/f", 'f', "f")]);
        for (refused, held) in [
            // By its id, though it is in another file; by its file, where no id can be read; by its folder.
            (refused("d/other", Some('a')), vec!["a"]),
            (refused("d/b", None), vec!["b"]),
            (refused("d/b", Some('9')), vec!["b"]),
            (refused("d", None), vec!["a", "b", "c"]),
            // Not by a name that only begins like it.
            (refused("d/", Some('f')), vec!["a", "b", "c", "f"]),
            (refused("e/ff", Some('c')), vec!["c"]),
        ] {
            let renewal = Renewal::of(&old, found(Vec::new(), std::slice::from_ref(&refused)));
            assert_eq!(names(&renewal.held), held, "{refused:?}");
            assert_eq!(names(&renewal.rules), held, "{refused:?}");
            assert_eq!(renewal.removed.len() + held.len(), old.len());
        }
    }

    #[test]
    fn the_last_rules_stay() {
        let old = in_force(&[("d/a", 'a', "a")]);
        let renewal = Renewal::of(&old, found(Vec::new(), &[refused("d/b", None)]));
        assert_eq!((names(&renewal.rules), names(&renewal.held)), (vec!["a"], vec!["a"]));
        assert!(renewal.removed.is_empty());
    }

    #[test]
    fn a_rule_that_another_file_has_is_taken_from_there() {
        let old = in_force(&[("d/a", 'a', "before")]);
        let renewal =
            Renewal::of(&old, found(vec![rule("d/moved", 'a', "after")], &[refused("d/a", Some('a'))]));
        assert_eq!(names(&renewal.rules), ["after"]);
        assert_eq!((renewal.held.len(), renewal.removed.len()), (0, 0));
    }
}

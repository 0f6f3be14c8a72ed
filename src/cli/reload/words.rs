//! What a person reads of a reload: what is refused and why, what needs a restart, and one line of what was taken.

use std::sync::Arc;

use super::news::News;
use crate::cli::output;
use crate::diagnostic::sanitize;
use crate::rule::{Renewal, Rule};

/// So many rules are named of a kind.
const NAMED: usize = 10;

impl News {
    /// Says all of it.
    pub(super) fn say(&self, color: bool) {
        for refusal in &self.refusals {
            output::say(&format!("warning: refused, and what was in force stays:\n{refusal}"));
        }
        for warning in &self.warnings {
            output::say(&warning.render(color));
        }
        if !self.at_restart.is_empty() {
            let names = self.at_restart.join("`, `");
            tracing::warn!("changed, and taken at the next start alone: `{names}`");
        }
        let Renewal { added, changed, removed, kept, .. } = &self.renewal;
        tracing::info!(
            added = added.len(),
            changed = changed.len(),
            removed = removed.len(),
            kept,
            refused = self.refusals.len(),
            "{}",
            line(&self.renewal, &self.taken)
        );
    }
}

/// What became of the rules, and the settings that were taken.
fn line(renewal: &Renewal, taken: &[&str]) -> String {
    let Renewal { added, changed, removed, held, kept, .. } = renewal;
    let mut words: Vec<String> =
        [("added", added), ("changed", changed), ("removed", removed), ("stays as it was", held)]
            .into_iter()
            .filter(|(_, rules)| !rules.is_empty())
            .map(|(what, rules)| format!("{what}: {}", names(rules)))
            .collect();
    words.push(format!("{kept} rules kept"));
    if !taken.is_empty() {
        words.push(format!("settings: {}", taken.join(", ")));
    }
    if renewal.is_nothing() && taken.is_empty() {
        words.insert(0, "nothing new".to_owned());
    }
    format!("reloaded; {}", words.join("; "))
}

fn names(rules: &[Arc<Rule>]) -> String {
    let mut names: Vec<String> =
        rules.iter().take(NAMED).map(|rule| format!("`{}`", sanitize(&rule.name))).collect();
    if rules.len() > NAMED {
        names.push(format!("and {} more", rules.len() - NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{NAMED, line};
    use crate::rule::{Renewal, Rule, embedded};

    fn rules(names: impl Iterator<Item = String>) -> Vec<Arc<Rule>> {
        let rule = embedded().expect("the built-in rules").rules.remove(0);
        names.map(|name| Arc::new(Rule { name, ..rule.clone() })).collect()
    }

    #[test]
    fn one_line_says_what_became_of_the_rules() {
        let some = |names: &[&str]| rules(names.iter().map(ToString::to_string));
        let renewal = Renewal {
            added: some(&["a", "b\n"]),
            changed: some(&["c"]),
            held: some(&["d"]),
            kept: 7,
            ..Renewal::default()
        };
        assert_eq!(
            line(&renewal, &["kibana"]),
            "reloaded; added: `a`, `b\\u{a}`; changed: `c`; stays as it was: `d`; 7 rules kept; settings: kibana"
        );
        assert_eq!(
            line(&Renewal { kept: 2, ..Renewal::default() }, &[]),
            "reloaded; nothing new; 2 rules kept"
        );
        let many = Renewal { added: rules((0..NAMED + 3).map(|n| n.to_string())), ..Renewal::default() };
        assert!(line(&many, &[]).contains("`9`, and 3 more; 0 rules kept"), "{}", line(&many, &[]));
    }
}

//! What the one who asks may do, against what is needed.

use std::collections::BTreeMap;

use super::{Checkup, Finding};
use crate::elastic::{Granted, Privileges};
use crate::rule::triage::Indices;

/// On the cluster: its greeting, clock and settings.
const ON_CLUSTER: &[&str] = &["monitor"];

/// On what rules read: searches, points in time; indices behind patterns, field types.
const ON_EVENTS: &[&str] = &["read", "view_index_metadata"];

/// On the alerts and checkpoints: known alerts and checkpoints read, written, and made searchable.
const ON_ALERTS: &[&str] = &["read", "view_index_metadata", "index", "maintenance"];

impl Checkup {
    /// What is needed to run the rules, once the alerts index is made.
    fn needed(&self) -> Privileges {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let patterns = self.rules.iter().flat_map(|rule| &rule.index).chain(self.asked_besides());
        let patterns = patterns.filter(|pattern| !pattern.starts_with('-'));
        let mut indices: BTreeMap<String, Vec<String>> =
            patterns.map(|pattern| (pattern.clone(), own(ON_EVENTS))).collect();
        indices.insert(format!("{}*", self.index.alias()), own(ON_ALERTS));
        Privileges { cluster: own(ON_CLUSTER), indices }
    }

    /// The patterns that only questions of triage ask.
    fn asked_besides(&self) -> impl Iterator<Item = &String> {
        let questions = self.rules.iter().flat_map(|rule| &rule.triage.questions);
        questions.flat_map(|question| match &question.indices {
            Indices::Patterns(patterns) => patterns.as_slice(),
            Indices::Rule | Indices::Alerts => &[],
        })
    }

    fn is_asked_besides(&self, pattern: &str) -> bool {
        let is_read = self.rules.iter().any(|rule| rule.index.iter().any(|read| read == pattern));
        !is_read && self.asked_besides().any(|asked| asked == pattern)
    }

    /// One finding for all that is granted, or one for each place where something is not.
    pub(super) async fn privileges(&self) -> Vec<Finding> {
        let (subject, asked) = ("privileges", "POST /_security/user/_has_privileges");
        match self.cluster.has_privileges(&self.needed()).await {
            Ok(Granted::NoSecurity) => vec![Finding::warning(
                subject,
                asked,
                "this cluster has no security: whoever reaches it may read and change everything",
                "switch it on (`xpack.security.enabled`) unless the network protects it",
            )],
            Ok(Granted::To { username, missing }) => {
                let mut findings = lacking(&missing).into_iter().map(|(place, privileges)| {
                    let found = format!("`{username}` lacks {} on {place}", privileges.join(", "));
                    let advice = "grant it; `stakeout setup --print DIR` writes the whole role";
                    if self.is_asked_besides(place.trim_matches('`')) {
                        let found = format!("{found}, so that questions of triage go without an answer");
                        return Finding::warning(subject, asked, found, advice.to_owned());
                    }
                    Finding::missing(subject, asked, found, advice.to_owned())
                });
                let first = findings.next();
                let all = || Finding::ok(subject, asked, format!("`{username}` has all that the rules need"));
                std::iter::once(first.unwrap_or_else(all)).chain(findings).collect()
            }
            Err(error) => vec![Finding::failed(subject, asked, error)],
        }
    }
}

/// Places in words, and what is missing there.
fn lacking(missing: &Privileges) -> Vec<(String, Vec<String>)> {
    let cluster = (!missing.cluster.is_empty()).then(|| ("the cluster".to_owned(), missing.cluster.clone()));
    let indices = missing.indices.iter().map(|(name, privileges)| (format!("`{name}`"), privileges.clone()));
    cluster.into_iter().chain(indices).collect()
}

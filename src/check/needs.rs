//! Which privileges the rules need, and the requests for a role and an API key that have no others.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::alert::AlertIndex;
use crate::elastic::Privileges;
use crate::rule::Rule;
use crate::rule::triage::Indices;

/// On the cluster: its greeting, clock and settings.
const ON_CLUSTER: &[&str] = &["monitor"];

/// On what rules read: searches, points in time; indices behind patterns, field types.
const ON_EVENTS: &[&str] = &["read", "view_index_metadata"];

/// On what rules read in remote clusters: the same, which those have to grant.
const ON_REMOTE: &[&str] = &["read", "read_cross_cluster", "view_index_metadata"];

/// On the alerts and checkpoints: known alerts and checkpoints read, written, and made searchable.
const ON_ALERTS: &[&str] = &["read", "view_index_metadata", "index", "maintenance"];

/// On the cluster and on the alerts, for who makes the place that alerts are kept in.
const TO_SET_UP: (&str, &str) = ("manage_index_templates", "manage");

/// In Kibana, for who imports the data view, the saved search and the dashboard.
const TO_IMPORT: &str = "feature_savedObjectsManagement.all";

/// What is needed to run rules, once the alerts index is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// What the cluster itself has to grant.
    pub here: Privileges,
    /// Patterns in remote clusters, by the clusters' names.
    pub remote: BTreeMap<String, Vec<String>>,
}

impl Needs {
    /// What `rules` need whose alerts go to `index`.
    #[must_use]
    pub fn of(rules: &[Arc<Rule>], index: &AlertIndex) -> Self {
        let patterns = rules.iter().flat_map(|rule| rule.index.iter().chain(asked_besides(rule)));
        let mut indices = BTreeMap::new();
        let mut remote: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pattern in patterns.filter(|pattern| !pattern.starts_with('-')) {
            match remote_pattern(pattern) {
                Some((cluster, pattern)) => {
                    let patterns = remote.entry(cluster.to_owned()).or_default();
                    patterns.push(pattern.to_owned());
                    patterns.sort();
                    patterns.dedup();
                }
                None => _ = indices.insert(pattern.clone(), own(ON_EVENTS)),
            }
        }
        indices.insert(all_of(index), own(ON_ALERTS));
        Self { here: Privileges { cluster: own(ON_CLUSTER), indices }, remote }
    }

    /// Adds what something that is only done where it is wished for needs on `name`.
    pub fn add(&mut self, name: &str, privileges: &[&str]) {
        self.here.indices.insert(name.to_owned(), own(privileges));
    }

    /// The role, as the security API takes it.
    #[must_use]
    pub fn role(&self) -> Value {
        let mut by_privileges: Vec<(&Vec<String>, Vec<&String>)> = Vec::new();
        for (name, privileges) in &self.here.indices {
            match by_privileges.iter_mut().find(|(known, _)| *known == privileges) {
                Some((_, names)) => names.push(name),
                None => by_privileges.push((privileges, vec![name])),
            }
        }
        let indices: Vec<Value> = by_privileges
            .into_iter()
            .map(|(privileges, names)| json!({"names": names, "privileges": privileges}))
            .collect();
        let mut role = Map::new();
        role.insert("cluster".to_owned(), json!(self.here.cluster));
        role.insert("indices".to_owned(), indices.into());
        if !self.remote.is_empty() {
            let remote = self.remote.iter().map(
                |(cluster, names)| json!({"clusters": [cluster], "names": names, "privileges": ON_REMOTE}),
            );
            role.insert("remote_indices".to_owned(), remote.collect());
        }
        role.into()
    }

    /// The request for an API key with the privileges of the role.
    #[must_use]
    pub fn api_key(&self) -> Value {
        json!({
            "name": "stakeout",
            "role_descriptors": {"stakeout": self.role()},
            "metadata": {"application": "stakeout"},
        })
    }
}

/// The role of who makes the place for alerts, and in a space of Kibana what shows them.
#[must_use]
pub fn setup_role(index: &AlertIndex, space: &str) -> Value {
    let (on_cluster, on_alerts) = TO_SET_UP;
    json!({
        "cluster": [on_cluster],
        "indices": [{"names": [all_of(index)], "privileges": [on_alerts]}],
        "applications": [{
            "application": "kibana-.kibana",
            "privileges": [TO_IMPORT],
            "resources": [format!("space:{space}")],
        }],
    })
}

/// What making the place for alerts needs, its template only where there is none.
pub(super) fn to_set_up(index: &AlertIndex, with_template: bool) -> Privileges {
    let (on_cluster, on_alerts) = TO_SET_UP;
    let cluster = if with_template { own(&[on_cluster]) } else { Vec::new() };
    Privileges { cluster, indices: BTreeMap::from([(all_of(index), own(&[on_alerts]))]) }
}

/// The patterns that only questions of triage ask.
pub(super) fn asked_besides(rule: &Rule) -> impl Iterator<Item = &String> {
    rule.triage.questions.iter().flat_map(|question| match &question.indices {
        Indices::Patterns(patterns) => patterns.as_slice(),
        Indices::Rule | Indices::Alerts => &[],
    })
}

/// The cluster and the pattern of `far:logs-*`; none for a pattern of this cluster, in which `<…>` and `::` may stand.
pub(super) fn remote_pattern(pattern: &str) -> Option<(&str, &str)> {
    let (cluster, rest) = pattern.split_once(':')?;
    (!cluster.is_empty() && !cluster.contains('<') && !rest.starts_with(':')).then_some((cluster, rest))
}

/// The alerts' indices and that of the checkpoints.
fn all_of(index: &AlertIndex) -> String {
    format!("{}*", index.alias())
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Needs, remote_pattern, setup_role};
    use crate::alert::AlertIndex;
    use crate::rule::{self, Rule};

    const ROLE: &str = include_str!("../../docker/role.json");
    const API_KEY: &str = include_str!("../../docker/api-key.json");
    const SETUP_ROLE: &str = include_str!("../../docker/setup-role.json");

    fn index() -> AlertIndex {
        "stakeout-alerts".parse().expect("a name")
    }

    fn built_in() -> Vec<Arc<Rule>> {
        rule::embedded().expect("rules").rules.into_iter().map(Arc::new).collect()
    }

    fn json(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_files_for_docker_are_those_of_the_built_in_rules() {
        let needs = Needs::of(&built_in(), &index());
        assert_eq!(needs.role(), json(ROLE));
        assert_eq!(needs.api_key(), json(API_KEY));
        assert_eq!(setup_role(&index(), "default"), json(SETUP_ROLE));
    }

    #[test]
    fn the_role_of_other_rules_has_their_patterns_and_no_others() {
        let mut rule = Rule::clone(&built_in()[0]);
        rule.index = ["mine-*", "-mine-old-*", "far:logs-*", "far:b", "far:logs-*", "-far:c"]
            .map(String::from)
            .to_vec();
        rule.triage.questions.clear();
        let made = Needs::of(&[Arc::new(rule)], &index()).role();
        assert_eq!(
            made["indices"],
            json!([
                {"names": ["mine-*"], "privileges": ["read", "view_index_metadata"]},
                {"names": ["stakeout-alerts*"],
                 "privileges": ["read", "view_index_metadata", "index", "maintenance"]},
            ])
        );
        assert_eq!(
            made["remote_indices"],
            json!([{"clusters": ["far"], "names": ["b", "logs-*"],
                "privileges": ["read", "read_cross_cluster", "view_index_metadata"]}])
        );
    }

    #[test]
    fn what_is_a_pattern_of_a_remote_cluster() {
        for (pattern, expected) in [
            ("far:logs-*", Some(("far", "logs-*"))),
            ("*:logs-*", Some(("*", "logs-*"))),
            ("far:<logs-{now/d}>", Some(("far", "<logs-{now/d}>"))),
            ("<logs-{now/d{yyyy.MM.dd|+12:00}}>", None),
            ("logs::failures", None),
            ("logs-*", None),
        ] {
            assert_eq!(remote_pattern(pattern), expected, "{pattern}");
        }
    }
}

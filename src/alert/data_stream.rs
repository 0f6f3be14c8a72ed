//! The data stream that takes copies of the alerts for Elastic's rule *External Alerts*: a name of Elastic's scheme for
//! logs, which that rule reads, and which no rule of ours may read.

use std::str::FromStr;

use super::index::{IN_NO_NAME, is_in_no_name};
use crate::diagnostic::sanitize;
use crate::eql::Pattern;
use crate::rule::Rule;
use crate::rule::triage::Indices;

/// Longest dataset and namespace, in bytes: Elasticsearch's own limits for both fields.
const LONGEST_PART: usize = 100;

/// A data stream `logs-DATASET-NAMESPACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataStream {
    name: String,
    /// Where the namespace begins in the name.
    namespace_at: usize,
}

impl FromStr for DataStream {
    type Err = String;

    /// Takes a name of [Elastic's data stream naming scheme](https://www.elastic.co/docs/reference/ecs/ecs-data_stream)
    /// whose type is `logs`.
    fn from_str(name: &str) -> Result<Self, String> {
        let refusal = |reason: &str| {
            Err(format!("`{}` cannot be a data stream for copies of the alerts: {reason}", sanitize(name)))
        };
        let parts = name.strip_prefix("logs-").and_then(|rest| rest.split_once('-'));
        match parts {
            None | Some(("", _) | (_, "")) => {
                refusal("expected `logs-DATASET-NAMESPACE`, such as `logs-stakeout.alerts-default`")
            }
            Some((dataset, namespace)) if dataset.len().max(namespace.len()) > LONGEST_PART => {
                refusal("expected at most 100 bytes each for dataset and namespace")
            }
            Some(_) if name.to_lowercase() != name => refusal("expected lower case only"),
            Some(_) if name.contains(is_in_no_name) => refusal(IN_NO_NAME),
            Some((_, namespace)) => {
                Ok(Self { name: name.to_owned(), namespace_at: name.len() - namespace.len() })
            }
        }
    }
}

impl DataStream {
    /// Its whole name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dataset in its name.
    #[must_use]
    pub fn dataset(&self) -> &str {
        &self.name["logs-".len()..self.namespace_at - 1]
    }

    /// The namespace in its name.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.name[self.namespace_at..]
    }

    /// The pattern of `rule`, or of a question of its triage, that reads this data stream: such a rule would find its own
    /// alerts again. None where no pattern does.
    #[must_use]
    pub fn read_by<'a>(&self, rule: &'a Rule) -> Option<&'a str> {
        let questions = rule.triage.questions.iter().filter_map(|question| match &question.indices {
            Indices::Patterns(patterns) => Some(patterns),
            Indices::Rule | Indices::Alerts => None,
        });
        std::iter::once(&rule.index).chain(questions).find_map(|patterns| self.selected_by(patterns))
    }

    /// The pattern that selects it; one with `-` in front takes out what those before it have selected.
    fn selected_by<'a>(&self, patterns: &'a [String]) -> Option<&'a str> {
        patterns.iter().fold(None, |selected, pattern| match pattern.strip_prefix('-') {
            Some(excluded) if self.matches(excluded) => None,
            None if self.matches(pattern) => selected.or(Some(pattern.as_str())),
            _ => selected,
        })
    }

    /// A pattern selects the data stream by its own name, or the indices behind it.
    fn matches(&self, pattern: &str) -> bool {
        let pattern = if pattern == "_all" { "*" } else { pattern };
        let compiled = Pattern::eql(pattern, false);
        compiled.matches(&self.name)
            || (pattern.starts_with('.') && compiled.matches(&format!(".ds-{}-2026.01.01-000001", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::DataStream;

    fn stream() -> DataStream {
        "logs-stakeout.alerts-prod-eu".parse().unwrap()
    }

    #[test]
    fn a_name_has_three_parts() {
        let stream = stream();
        assert_eq!(
            (stream.name(), stream.dataset(), stream.namespace()),
            ("logs-stakeout.alerts-prod-eu", "stakeout.alerts", "prod-eu")
        );
    }

    #[test]
    fn other_names_are_refused() {
        let long = format!("logs-a-{}", "b".repeat(101));
        for name in [
            "",
            "logs",
            "logs-a",
            "logs--a",
            "logs-a-",
            "metrics-a-b",
            "logs-A-b",
            "logs-a-*",
            "logs-a-b c",
            &long,
        ] {
            assert!(name.parse::<DataStream>().is_err(), "{name}");
        }
        assert!(!"logs-a-\u{1b}".parse::<DataStream>().unwrap_err().contains('\u{1b}'));
    }

    #[test]
    fn patterns_select_it_as_elasticsearch_reads_them() {
        for (patterns, selected) in [
            (&["filebeat-*", "logs-aws.cloudtrail-*"][..], None),
            (&["filebeat-*", "logs-*"], Some("logs-*")),
            (&["*"], Some("*")),
            (&["_all"], Some("_all")),
            (&["logs-stakeout.alerts-prod-eu"], Some("logs-stakeout.alerts-prod-eu")),
            (&["logs-*", "-logs-stakeout*"], None),
            (&["logs-*", "-logs-other-*"], Some("logs-*")),
            (&["-logs-stakeout*", "logs-*"], Some("logs-*")),
            (&["elsewhere:logs-*"], None),
            (&[".ds-logs-*"], Some(".ds-logs-*")),
        ] {
            let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(stream().selected_by(&patterns), selected, "{patterns:?}");
        }
    }
}

//! Another place that takes a copy of each alert, for who works elsewhere: what is written there, and which rules would
//! find it again.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::data_stream::DataStream;
use super::document::AlertDocument;
use super::external::external_copy;
use super::security::{SecurityAlerts, security_copy};
use crate::eql::Pattern;
use crate::rule::Rule;
use crate::rule::triage::Indices;

/// Longest text that a keyword holds, in bytes; a document with a longer one is refused.
pub(super) const LONGEST_KEYWORD: usize = 32_766;

/// Another place that takes a copy of each alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyPlace {
    /// A data stream, for Elastic's rule *External Alerts*.
    External(DataStream),
    /// Kibana's own alerts of a space.
    Security(SecurityAlerts),
}

impl CopyPlace {
    /// What it is written to and read by: the data stream, or the alias.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::External(stream) => stream.name(),
            Self::Security(alerts) => alerts.alias(),
        }
    }

    /// Whether it takes alerts of `rule`. Those of a building block are only parts of others: Elastic's rule would make
    /// whole ones of them, Kibana's page tells them by their mark.
    #[must_use]
    pub fn takes(&self, rule: &Rule) -> bool {
        match self {
            Self::External(_) => rule.building_block_type.is_none(),
            Self::Security(_) => true,
        }
    }

    /// Whether it may hold copies of alerts that are new: Kibana keeps its own when ours are deleted, and an id in one of
    /// its earlier indices hinders no second one in the next.
    #[must_use]
    pub fn outlives_alerts(&self) -> bool {
        matches!(self, Self::Security(_))
    }

    /// The copy of `alert`, to be written at `now`, the time on the cluster's clock.
    #[must_use]
    pub fn copy(&self, alert: &AlertDocument, now: DateTime<Utc>) -> Map<String, Value> {
        match self {
            Self::External(stream) => external_copy(alert, stream, now),
            Self::Security(alerts) => security_copy(alert, alerts.space()),
        }
    }

    /// The pattern of `rule`, or of a question of its triage, that reads this place: such a rule would find its own alerts
    /// again. None where no pattern does.
    #[must_use]
    pub fn read_by<'a>(&self, rule: &'a Rule) -> Option<&'a str> {
        let questions = rule.triage.questions.iter().filter_map(|question| match &question.indices {
            Indices::Patterns(patterns) => Some(patterns),
            Indices::Rule | Indices::Alerts => None,
        });
        std::iter::once(&rule.index).chain(questions).find_map(|patterns| self.selected_by(patterns))
    }

    /// The pattern that selects it by any of its names; one with `-` in front takes out what those before it have selected.
    fn selected_by<'a>(&self, patterns: &'a [String]) -> Option<&'a str> {
        self.names().iter().find_map(|name| {
            patterns.iter().fold(None, |selected, pattern| match pattern.strip_prefix('-') {
                Some(excluded) if name.is_meant_by(excluded) => None,
                None if name.is_meant_by(pattern) => selected.or(Some(pattern.as_str())),
                _ => selected,
            })
        })
    }

    fn names(&self) -> Vec<Name> {
        let hidden = |start, number| Name { start, number: Some(number) };
        match self {
            Self::External(stream) => {
                let behind = format!(".ds-{}-", stream.name());
                vec![Name::plain(stream.name()), hidden(behind, "2026.01.01-000001")]
            }
            Self::Security(alerts) => {
                let behind = alerts.behind().map(|start| hidden(start, "000001"));
                alerts.aliases().iter().map(|alias| Name::plain(alias)).chain(behind).collect()
            }
        }
    }
}

/// A name that reads a place.
struct Name {
    /// All of it, or what the names of hidden indices begin with.
    start: String,
    /// What may follow in a hidden index's name.
    number: Option<&'static str>,
}

impl Name {
    fn plain(name: &str) -> Self {
        Self { start: name.to_owned(), number: None }
    }

    /// Whether a pattern selects it; hidden indices only one that begins with a dot.
    fn is_meant_by(&self, pattern: &str) -> bool {
        let pattern = if pattern == "_all" { "*" } else { pattern };
        let compiled = Pattern::eql(pattern, false);
        let Some(number) = self.number else { return compiled.matches(&self.start) };
        let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || b".-*".contains(&byte));
        pattern.starts_with('.')
            && (compiled.matches(&format!("{}{number}", self.start))
                || pattern.strip_prefix(&self.start).is_some_and(is_number))
    }
}

#[cfg(test)]
mod tests {
    use super::{CopyPlace, SecurityAlerts};
    use crate::rule::{Rule, embedded};

    fn stream() -> CopyPlace {
        CopyPlace::External("logs-stakeout.alerts-prod-eu".parse().unwrap())
    }

    fn security() -> CopyPlace {
        CopyPlace::Security(SecurityAlerts::of("soc".parse().unwrap()))
    }

    fn assert_selected(place: &CopyPlace, cases: &[(&[&str], Option<&str>)]) {
        for (patterns, selected) in cases {
            let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(place.selected_by(&patterns), *selected, "{patterns:?}");
        }
    }

    #[test]
    fn patterns_select_a_data_stream_as_elasticsearch_reads_them() {
        assert_selected(
            &stream(),
            &[
                (&["filebeat-*", "logs-aws.cloudtrail-*"], None),
                (&["filebeat-*", "logs-*"], Some("logs-*")),
                (&["*"], Some("*")),
                (&["_all"], Some("_all")),
                (&["logs-stakeout.alerts-prod-eu"], Some("logs-stakeout.alerts-prod-eu")),
                (&["logs-*", "-logs-stakeout*"], None),
                (&["logs-*", "-logs-other-*"], Some("logs-*")),
                (&["-logs-stakeout*", "logs-*"], Some("logs-*")),
                (&["elsewhere:logs-*"], None),
                (&[".ds-logs-*"], Some(".ds-logs-*")),
                (
                    &[".ds-logs-stakeout.alerts-prod-eu-2027.02.03-000004"],
                    Some(".ds-logs-stakeout.alerts-prod-eu-2027.02.03-000004"),
                ),
                (&[".alerts-security*"], None),
            ],
        );
    }

    #[test]
    fn patterns_select_kibanas_alerts_by_each_of_their_names() {
        assert_selected(
            &security(),
            &[
                (&["filebeat-*", "logs-*", ".ds-logs-*", "security*"], None),
                (&["*"], Some("*")),
                (&["logs-*", "_all"], Some("_all")),
                (&["*", "-.alerts-*"], Some("*")),
                (&["*", "-.alerts-*", "-.siem-signals-*"], None),
                (&[".alerts-security.alerts-soc"], Some(".alerts-security.alerts-soc")),
                (&[".alerts-security*"], Some(".alerts-security*")),
                (&["*alerts-security*"], Some("*alerts-security*")),
                (
                    &[".alerts-security.alerts-default", ".internal.alerts-security.alerts-soc-eu-000001"],
                    None,
                ),
                (&[".siem-signals-*"], Some(".siem-signals-*")),
                (&[".internal.alerts-security*"], Some(".internal.alerts-security*")),
                (
                    &[".internal.alerts-security.alerts-soc-000017"],
                    Some(".internal.alerts-security.alerts-soc-000017"),
                ),
                (&[".reindexed-v8-internal.alerts-*"], Some(".reindexed-v8-internal.alerts-*")),
                (&["elsewhere:*"], None),
            ],
        );
    }

    #[test]
    fn a_question_of_the_triage_reads_it_too() {
        let mut rule = embedded().unwrap().rules.remove(0);
        assert_eq!((stream().read_by(&rule), security().read_by(&rule)), (None, None));
        let question = &mut rule.triage.questions[0];
        question.indices = crate::rule::triage::Indices::Patterns(vec![".alerts-*".into()]);
        assert_eq!((stream().read_by(&rule), security().read_by(&rule)), (None, Some(".alerts-*")));
    }

    #[test]
    fn parts_of_other_alerts_go_where_they_are_told_from_whole_ones() {
        let whole = embedded().unwrap().rules.remove(0);
        let part = Rule { building_block_type: Some("default".into()), ..whole.clone() };
        for (rule, external) in [(&whole, true), (&part, false)] {
            assert_eq!((stream().takes(rule), security().takes(rule)), (external, true));
        }
    }
}

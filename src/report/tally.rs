//! Counts of a report: by severity, by grade, by who, where and what.

use std::collections::BTreeMap;

use super::alert::Alert;
use super::shown::fitted;
use super::timeline::Timeline;
use crate::rule::RuleSeverity;

/// Severities from the worst; the last stands for none.
pub const SEVERITIES: [Option<RuleSeverity>; 5] = [
    Some(RuleSeverity::Critical),
    Some(RuleSeverity::High),
    Some(RuleSeverity::Medium),
    Some(RuleSeverity::Low),
    None,
];

/// Grades of a verdict from the worst, in words.
pub const GRADES: [(&str, &str); 3] = [
    ("theft_likely", "Theft likely"),
    ("unexplained", "Unexplained: treat as compromised"),
    ("fits_habit", "Fits a habit: confirm with the owner"),
];

/// A value, and what is said with it, where that is known.
type Named = (String, Option<String>);

/// One kind of value that is counted.
struct Kind {
    title: &'static str,
    /// The value of an alert.
    of: fn(&Alert) -> Option<Named>,
    /// Whether the same value with something else said of it is another one.
    is_told_apart: bool,
}

const KINDS: [Kind; 4] = [
    Kind { title: "Principal", of: principal, is_told_apart: true },
    Kind { title: "Instance", of: |alert| Some((alert.instance.clone()?, None)), is_told_apart: false },
    Kind { title: "Source address", of: source, is_told_apart: false },
    Kind { title: "Action", of: |alert| Some((alert.action.clone()?, None)), is_told_apart: false },
];

/// How often each value came, by what was said with it.
type Counts = BTreeMap<String, BTreeMap<Option<String>, u64>>;

/// Everything that is counted over all alerts of a report.
#[derive(Debug, Default)]
pub struct Tally {
    /// All alerts.
    pub alerts: u64,
    /// By severity, in the order of [`SEVERITIES`].
    pub severities: [u64; 5],
    /// By grade, in the order of [`GRADES`]; others and none are not counted.
    pub grades: [u64; 3],
    /// Over time.
    pub timeline: Timeline,
    counts: [Counts; 4],
}

/// The counts of one kind of value.
#[derive(Debug, PartialEq)]
pub struct Ranking {
    /// What the values are.
    pub title: &'static str,
    /// The most frequent ones, most first.
    pub top: Vec<(String, u64)>,
    /// How many other values there are.
    pub others: u64,
    /// How many alerts have those.
    pub alerts_of_others: u64,
    /// How many alerts have no such value.
    pub without: u64,
}

impl Tally {
    /// Counts an alert in.
    pub fn add(&mut self, alert: &Alert) {
        let severity = severity_rank(alert.severity);
        self.alerts += 1;
        self.severities[severity] += 1;
        self.timeline.add(alert.millis, severity);
        if let Some(grade) = grade_rank(alert) {
            self.grades[grade] += 1;
        }
        for (kind, counts) in KINDS.iter().zip(&mut self.counts) {
            if let Some((value, with)) = (kind.of)(alert) {
                let with = with.as_deref().map(fitted);
                *counts.entry(fitted(&value)).or_default().entry(with).or_default() += 1;
            }
        }
    }

    /// The `most` frequent values of each kind.
    pub fn rankings(&self, most: usize) -> Vec<Ranking> {
        let kinds = KINDS.iter().zip(&self.counts);
        kinds.map(|(kind, counts)| kind.ranking(counts, self.alerts, most)).collect()
    }

    /// How many values of the kind with this title there are.
    pub fn distinct(&self, title: &str) -> u64 {
        let mut kinds = KINDS.iter().zip(&self.counts);
        kinds
            .find(|(kind, _)| kind.title == title)
            .map_or(0, |(kind, counts)| kind.values(counts).len() as u64)
    }
}

impl Kind {
    /// The values in words. Where nothing is said with one, it is taken for the only one of that name, if it has no other.
    fn values(&self, counts: &Counts) -> Vec<(String, u64)> {
        let values = counts.iter().flat_map(|(value, by_words)| {
            let mut words = by_words.keys().flatten();
            let first = words.next().map_or("", String::as_str);
            if !self.is_told_apart || words.next().is_none() {
                return vec![(format!("{value}{first}"), by_words.values().sum())];
            }
            let each = by_words.iter();
            each.map(|(words, count)| (format!("{value}{}", words.as_deref().unwrap_or_default()), *count))
                .collect()
        });
        values.collect()
    }

    fn ranking(&self, counts: &Counts, alerts: u64, most: usize) -> Ranking {
        let mut top = self.values(counts);
        top.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        let with: u64 = top.iter().map(|(_, count)| count).sum();
        let others = top.len().saturating_sub(most) as u64;
        top.truncate(most);
        let shown: u64 = top.iter().map(|(_, count)| count).sum();
        Ranking { title: self.title, others, alerts_of_others: with - shown, without: alerts - with, top }
    }
}

/// A name means nothing without its account.
fn principal(alert: &Alert) -> Option<Named> {
    let name = alert.principal.clone()?;
    Some((name, alert.account.as_ref().map(|account| format!(" in {account}"))))
}

/// An address is one, whatever is known of its network.
fn source(alert: &Alert) -> Option<Named> {
    let address = alert.source.clone()?;
    Some((address, alert.network.as_ref().map(|network| format!(" ({network})"))))
}

/// The place of a severity in [`SEVERITIES`].
pub fn severity_rank(severity: Option<RuleSeverity>) -> usize {
    SEVERITIES.iter().position(|one| *one == severity).unwrap_or(SEVERITIES.len() - 1)
}

/// The place of an alert's grade in [`GRADES`].
pub fn grade_rank(alert: &Alert) -> Option<usize> {
    let grade = &alert.verdict.as_ref()?.grade;
    GRADES.iter().position(|(name, _)| name == grade)
}

#[cfg(test)]
mod tests {
    use super::{Alert, Tally};
    use crate::rule::RuleSeverity;

    #[test]
    fn the_most_frequent_come_first_and_the_rest_is_counted() {
        let mut tally = Tally::default();
        for (action, count) in [("b", 2), ("a", 2), ("c", 5), ("d", 1)] {
            for _ in 0..count {
                let severity = Some(RuleSeverity::High);
                tally.add(&Alert { action: Some(action.to_owned()), severity, ..Alert::default() });
            }
        }
        tally.add(&Alert::default());
        let rankings = tally.rankings(2);
        let actions = &rankings[3];
        assert_eq!(actions.top, [("c".to_owned(), 5), ("a".to_owned(), 2)]);
        assert_eq!((actions.others, actions.alerts_of_others, actions.without), (2, 3, 1));
        assert_eq!((rankings[0].without, tally.distinct("Action")), (11, 4));
        assert_eq!((tally.alerts, tally.severities), (11, [0, 10, 0, 0, 1]));
    }

    #[test]
    fn the_same_name_is_one_principal_unless_it_is_in_two_accounts() {
        let mut tally = Tally::default();
        let mut principals = |account: Option<&str>| {
            let (principal, account) = (Some("admin".to_owned()), account.map(str::to_owned));
            tally.add(&Alert { principal, account, ..Alert::default() });
            (tally.distinct("Principal"), tally.rankings(9)[0].top.clone())
        };
        assert_eq!(principals(None), (1, vec![("admin".to_owned(), 1)]));
        assert_eq!(principals(Some("1")), (1, vec![("admin in 1".to_owned(), 2)]));
        let (distinct, top) = principals(Some("2"));
        assert_eq!((distinct, top.iter().map(|(_, count)| count).sum::<u64>()), (3, 3), "{top:?}");
    }

    #[test]
    fn an_address_is_one_with_its_network_and_without() {
        let mut tally = Tally::default();
        for network in [None, Some("EXAMPLE, NL"), Some("EXAMPLE, DE"), None] {
            let (source, network) = (Some("198.51.100.7".to_owned()), network.map(str::to_owned));
            tally.add(&Alert { source, network, ..Alert::default() });
        }
        assert_eq!(tally.distinct("Source address"), 1);
        assert_eq!(tally.rankings(9)[2].top, [("198.51.100.7 (EXAMPLE, DE)".to_owned(), 4)]);
    }
}

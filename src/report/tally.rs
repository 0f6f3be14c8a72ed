//! Counts of a report: by severity, by grade, by who, where and what.

use std::collections::HashMap;

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

/// Reads one count's value out of an alert.
type Of = fn(&Alert) -> Option<String>;

/// What is counted: a title, and the value of an alert.
const COUNTED: [(&str, Of); 4] = [
    ("Principal", principal),
    ("Instance", |alert| alert.instance.clone()),
    ("Source address", source),
    ("Action", |alert| alert.action.clone()),
];

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
    values: [HashMap<String, u64>; 4],
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
        for ((_, of), counts) in COUNTED.iter().zip(&mut self.values) {
            if let Some(value) = of(alert) {
                *counts.entry(fitted(&value)).or_default() += 1;
            }
        }
    }

    /// The `most` frequent values of each kind.
    pub fn rankings(&self, most: usize) -> Vec<Ranking> {
        let kinds = COUNTED.iter().zip(&self.values);
        kinds.map(|((title, _), counts)| ranking(title, counts, self.alerts, most)).collect()
    }

    /// How many values of the kind with this title there are.
    pub fn distinct(&self, title: &str) -> u64 {
        let mut kinds = COUNTED.iter().zip(&self.values);
        kinds.find(|((name, _), _)| *name == title).map_or(0, |(_, counts)| counts.len() as u64)
    }
}

fn ranking(title: &'static str, counts: &HashMap<String, u64>, alerts: u64, most: usize) -> Ranking {
    let mut ranked: Vec<(&String, u64)> = counts.iter().map(|(value, count)| (value, *count)).collect();
    ranked.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
    let with: u64 = counts.values().sum();
    let top: Vec<(String, u64)> =
        ranked.iter().take(most).map(|(value, count)| ((*value).clone(), *count)).collect();
    let shown: u64 = top.iter().map(|(_, count)| count).sum();
    Ranking {
        title,
        others: (ranked.len() - top.len()) as u64,
        alerts_of_others: with - shown,
        without: alerts - with,
        top,
    }
}

/// A name means nothing without its account.
fn principal(alert: &Alert) -> Option<String> {
    let name = alert.principal.clone()?;
    Some(alert.account.as_ref().map_or(name.clone(), |account| format!("{name} in {account}")))
}

fn source(alert: &Alert) -> Option<String> {
    let address = alert.source.clone()?;
    Some(alert.network.as_ref().map_or(address.clone(), |network| format!("{address} ({network})")))
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
    fn the_same_name_in_two_accounts_is_two_principals() {
        let mut tally = Tally::default();
        for account in ["1", "2"] {
            let (principal, account) = (Some("admin".to_owned()), Some(account.to_owned()));
            tally.add(&Alert { principal, account, ..Alert::default() });
        }
        assert_eq!(tally.distinct("Principal"), 2);
    }
}

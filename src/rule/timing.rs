//! When rules run instead of as their files say: `RULE=10m`, `RULE=off`, where `*` is every rule.
//!
//! Another interval opens no gap: a rule's windows overlap by as much as before at least, so its look-back grows with the
//! interval and never shrinks.

use std::str::FromStr;
use std::time::Duration;

use super::model::{Rule, Schedule};
use super::time_span::parse_span;

/// What stands for every rule.
const EVERY: &str = "*";

/// What stands for never.
const OFF: &str = "off";

/// When one rule runs, or every one for which nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The rule's id or name, or what stands for every rule.
    rule: String,
    /// None for never.
    interval: Option<Duration>,
}

impl FromStr for Timing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A name may hold the sign itself.
        let Some((rule, interval)) = text.rsplit_once('=').filter(|(rule, _)| !rule.trim().is_empty()) else {
            return Err(format!("expected `RULE=INTERVAL`, found `{text}`"));
        };
        let interval = match interval.trim() {
            OFF => None,
            span => Some(parse_span(span).map_err(|reason| format!("{reason}; or `{OFF}`"))?),
        };
        Ok(Self { rule: rule.trim().to_owned(), interval })
    }
}

impl Timing {
    /// Whether it is about every rule.
    #[must_use]
    pub fn is_of_every_rule(&self) -> bool {
        self.rule == EVERY
    }

    /// The id or name of the rule that it is about.
    #[must_use]
    pub fn named(&self) -> &str {
        &self.rule
    }

    /// Whether it is about this very rule.
    #[must_use]
    pub fn names(&self, rule: &Rule) -> bool {
        self.rule == rule.rule_id || self.rule == rule.name
    }

    /// The rule as `timings` have it run, of which one that names it goes before one for every rule, and a later before an
    /// earlier one; none where it does not run.
    #[must_use]
    pub fn applied(timings: &[Self], rule: Rule) -> Option<Rule> {
        let last = |fits: &dyn Fn(&&Self) -> bool| timings.iter().rev().find(fits);
        let Some(timing) =
            last(&|timing| timing.names(&rule)).or_else(|| last(&|timing| timing.is_of_every_rule()))
        else {
            return Some(rule);
        };
        let schedule = rule.schedule.each(timing.interval?);
        Some(Rule { schedule, ..rule })
    }
}

impl Schedule {
    /// The same at another interval.
    #[must_use]
    fn each(self, interval: Duration) -> Self {
        Self { look_back: self.look_back.max(interval.saturating_add(self.overlap())), interval }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::Timing;
    use crate::rule::{Rule, Schedule, load_texts};

    const RULE: &str = include_str!("../../tests/rules/valid/minimal.toml");

    fn rule() -> Rule {
        load_texts(&[("", RULE)]).unwrap_or_else(|errors| panic!("{errors}")).rules.remove(0)
    }

    fn timings(texts: &[String]) -> Vec<Timing> {
        texts.iter().map(|text| text.parse().expect("a timing")).collect()
    }

    fn interval(texts: &[String]) -> Option<u64> {
        Timing::applied(&timings(texts), rule()).map(|rule| rule.schedule.interval.as_secs())
    }

    #[test]
    fn what_names_a_rule_goes_before_what_is_for_all_and_the_last_word_counts() {
        let (id, name) = (rule().rule_id, rule().name);
        let text = |rule: &str, interval: &str| format!("{rule}={interval}");
        for (texts, expected) in [
            (vec![], Some(rule().schedule.interval.as_secs())),
            (vec![text("*", "10m")], Some(600)),
            (vec![text("another", "10m")], Some(rule().schedule.interval.as_secs())),
            (vec![text(&id, "1m"), text("*", "10m")], Some(60)),
            (vec![text("*", "off"), text(&name, "30s")], Some(30)),
            (vec![text(&id, "1m"), text(&name, "off")], None),
            (vec![text("*", "off")], None),
        ] {
            assert_eq!(interval(&texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn a_name_may_hold_the_sign_that_ends_it() {
        let timing: Timing = " a = b = 5m".parse().expect("a timing");
        assert_eq!((timing.named(), timing.interval), ("a = b", Some(Duration::from_mins(5))));
        for wrong in ["", "5m", "=5m", " =5m", "a=", "a=0m", "a=5", "a=on"] {
            assert!(wrong.parse::<Timing>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_interval_opens_a_gap(interval in 1_u64..100_000, more in 0_u64..100_000, other in 1_u64..400_000) {
            let [interval, more, other] = [interval, more, other].map(Duration::from_secs);
            let before = Schedule { look_back: interval + more, interval };
            let after = before.each(other);
            prop_assert_eq!(after.interval, other);
            prop_assert!(after.overlap() >= before.overlap() && after.look_back >= before.look_back);
        }
    }
}

//! Sentences with placeholders, and the conditions under which an answer is evidence: text → typed, nothing unknown.

use std::fmt;

use crate::eql::syntax::Comparison;
use crate::eql::{Piece, pieces};

/// What a sentence may say of an answer, besides the event's values.
pub const ANSWER_WORDS: [&str; 9] =
    ["count", "days", "distinct", "first", "from", "last", "top", "total", "until"];

/// A sentence with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    text: String,
}

impl Words {
    /// The sentence of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The names of its placeholders.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        pieces(&self.text).filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
    }

    /// The sentence with what `value` gives for each name; a dash where it gives nothing.
    #[must_use]
    pub fn filled(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let fill = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name(name) => value(name).unwrap_or_else(|| "–".to_owned()),
        };
        pieces(&self.text).map(fill).collect()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A number of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// `count`: the events found.
    Count,
    /// `days`: the days on which there were any, in UTC.
    Days,
    /// `distinct`: the different values of the question's field.
    Distinct,
    /// `total`: the events compared with, of which `count` have the event's value.
    Total,
}

impl Measure {
    const ALL: [(&'static str, Self); 4] =
        [("count", Self::Count), ("days", Self::Days), ("distinct", Self::Distinct), ("total", Self::Total)];
}

/// When an answer is evidence: comparisons that all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    comparisons: Vec<(Measure, Comparison, u64)>,
}

impl When {
    /// Reads `count >= 1 and days < 3`.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let comparisons = words.split(|word| *word == "and").map(|words| match words {
            [measure, operator, number] => {
                Ok((measure_of(measure)?, operator_of(operator)?, number_of(number)?))
            }
            other => Err(format!(
                "expected comparisons such as `count >= 1`, joined by `and`, found `{}`",
                other.join(" ")
            )),
        });
        Ok(Self { comparisons: comparisons.collect::<Result<_, _>>()? })
    }

    /// Whether it holds for the numbers that `measure` gives.
    pub fn holds(&self, measure: impl Fn(Measure) -> u64) -> bool {
        self.comparisons.iter().all(|(what, operator, number)| operator.holds(measure(*what).cmp(number)))
    }

    /// Whether finding more can never undo it, so that it holds even if only a part was seen.
    #[must_use]
    pub fn stands_on_a_part(&self) -> bool {
        let only_grows = |operator: &Comparison, number: u64| match operator {
            Comparison::Greater | Comparison::GreaterOrEqual => true,
            Comparison::NotEqual => number == 0,
            _ => false,
        };
        self.comparisons.iter().all(|(_, operator, number)| only_grows(operator, *number))
    }

    /// Whether each comparison asks for no more than whether there was any event.
    #[must_use]
    pub fn asks_for_presence_alone(&self) -> bool {
        let alike = |(what, operator, number): &(Measure, Comparison, u64)| {
            *what == Measure::Count
                && operator.holds(1.cmp(number)) == operator.holds(u64::MAX.cmp(number))
                && *number <= 1
        };
        self.comparisons.iter().all(alike)
    }

    /// The numbers that it compares.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        self.comparisons.iter().map(|(measure, ..)| *measure)
    }
}

fn measure_of(word: &str) -> Result<Measure, String> {
    Measure::ALL
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, measure)| measure)
        .ok_or_else(|| format!("expected `count`, `days`, `distinct` or `total`, found `{word}`"))
}

fn operator_of(word: &str) -> Result<Comparison, String> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let all = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
    let found = all.into_iter().find(|operator| operator.symbol() == word);
    found.ok_or_else(|| format!("expected one of `== != < <= > >=`, found `{word}`"))
}

fn number_of(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("expected a whole number, found `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, count: u64, total: u64) -> bool {
        let measure = |what| match what {
            Measure::Count => count,
            Measure::Total => total,
            Measure::Days | Measure::Distinct => 3,
        };
        When::parse(text).expect("a condition").holds(measure)
    }

    #[test]
    fn comparisons_are_joined_by_and() {
        assert!(holds("count == 0 and total >= 20", 0, 20));
        assert!(!holds("count == 0 and total >= 20", 0, 19));
        assert!(!holds("count == 0 and total >= 20", 1, 20));
        assert!(holds("days <= 3 and distinct != 2 and count > 4 and total < 9", 5, 8));
    }

    #[test]
    fn other_texts_are_refused_in_words() {
        for (text, part) in [
            ("", "expected comparisons"),
            ("count", "expected comparisons"),
            ("count >= 1 or days > 2", "expected comparisons"),
            ("count >= 1 and", "expected comparisons"),
            ("sum >= 1", "`count`, `days`, `distinct` or `total`, found `sum`"),
            ("count => 1", "found `=>`"),
            ("count >= -1", "found `-1`"),
        ] {
            let problem = When::parse(text).expect_err("a problem");
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn whether_there_is_any_is_told_from_how_many() {
        let presence = |text| When::parse(text).expect("a condition").asks_for_presence_alone();
        for text in ["count == 0", "count != 0", "count >= 1", "count > 0", "count < 1", "count <= 0"] {
            assert!(presence(text), "{text}");
        }
        for text in ["count == 1", "count >= 2", "count <= 1", "count > 1", "count != 1", "days >= 1"] {
            assert!(!presence(text), "{text}");
        }
    }

    #[test]
    fn a_lower_bound_stands_on_a_part() {
        let stands = |text| When::parse(text).expect("a condition").stands_on_a_part();
        assert!(stands("count >= 1 and days > 2") && stands("count != 0"));
        assert!(!stands("count == 0") && !stands("count >= 1 and days < 3") && !stands("total != 5"));
    }

    #[test]
    fn sentences_are_filled() {
        let words = Words::new("seen {count} times since {first}; {x} {8}");
        assert_eq!(words.names().collect::<Vec<_>>(), ["count", "first", "x"]);
        let value = |name: &str| (name != "x").then(|| format!("<{name}>"));
        assert_eq!(words.filled(value), "seen <count> times since <first>; – {8}");
    }
}

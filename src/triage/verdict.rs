//! What the answers come to: the evidence for and against, a score, a grade. Severity is another matter, and stays.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::answer::{Answer, Status};
use super::case::Case;
use super::due::window_of;
use super::prepare::Prepared;
use super::speech::said;
use crate::eval::Matcher;
use crate::rule::triage::{Evidence, Expected, Grade};
use crate::schema::Schema;

/// What it weighs that something was declared beforehand.
const DECLARED: i32 = -20;

/// The group of what was declared.
const DECLARED_GROUP: &str = "declared";

/// One thing that speaks for or against an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// What it is about; of one group the strongest of each sign counts.
    pub group: String,
    /// Ten times the decimal logarithm of how much likelier it is in an attack.
    pub weight: i32,
    /// In words.
    pub text: String,
}

/// What the answers come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the grade.
    pub grade: String,
    /// The sum of the weights.
    pub score: i32,
    /// In words.
    pub text: String,
    /// What counts, the strongest for an attack first.
    pub evidence: Vec<Weighed>,
    /// The questions without a full answer: they count neither way.
    pub unknown: Vec<String>,
}

impl Verdict {
    /// Weighs the answers, which are in the order of the questions; `expected` is what the operator declared besides
    /// the rule.
    #[must_use]
    pub fn of(
        prepared: &Prepared<'_>,
        answers: &[Answer],
        case: &Case<'_>,
        now: DateTime<Utc>,
        expected: &[Expected],
    ) -> Self {
        let mut scale = Scale::default();
        let mut unknown = Vec::new();
        for (question, answer) in prepared.questions().zip(answers) {
            if answer.status != Status::Answered {
                unknown.push(question.id.clone());
            }
            let span = window_of(question, case.times.at, now);
            for evidence in question.evidence.iter().filter(|evidence| counts(evidence, answer)) {
                let text = said(&evidence.say, answer, span, case);
                let group = evidence.group.clone();
                scale.add(Weighed { group, weight: evidence.weight, text }, evidence.is_final);
            }
        }
        let declared = prepared.triage().expected.iter().chain(expected);
        for reason in declared.filter(|one| covers(one, case)).map(|one| &one.reason) {
            let text = format!("declared: {reason}");
            scale.add(Weighed { group: DECLARED_GROUP.to_owned(), weight: DECLARED, text }, false);
        }
        let decided = scale.decided;
        let evidence = scale.settled();
        let score = evidence.iter().map(|one| one.weight).sum();
        let grade = prepared.triage().grades.of(score, decided);
        Self {
            grade: grade.map(|grade| grade.name.clone()).unwrap_or_default(),
            text: words(grade, score, decided, &evidence, unknown.len()),
            score,
            evidence,
            unknown,
        }
    }

    /// As it stands in the alert.
    pub(super) fn to_json(&self) -> Value {
        let one = |one: &Weighed| json!({"group": one.group, "weight": one.weight, "text": one.text});
        json!({
            "grade": self.grade, "score": self.score, "text": self.text, "unknown": self.unknown,
            "evidence": self.evidence.iter().map(one).collect::<Vec<_>>(),
        })
    }
}

/// Whether an answer is that evidence. What was seen only in part excuses nothing.
fn counts(evidence: &Evidence, answer: &Answer) -> bool {
    let reliable = match answer.status {
        Status::Answered => true,
        Status::Partial => evidence.weight > 0 && evidence.when.stands_on_a_part(),
        Status::NotAsked | Status::NotInData | Status::Failed => false,
    };
    reliable && evidence.when.holds(|measure| answer.measure(measure))
}

fn covers(expected: &Expected, case: &Case<'_>) -> bool {
    let condition = &expected.condition;
    (expected.from..expected.until).contains(&case.times.at)
        && Matcher::of_condition(&condition.text, &condition.condition, &Schema::ecs())
            .is_ok_and(|matcher| matcher.matches(case.values.event()))
}

/// The strongest evidence of each group and sign.
#[derive(Default)]
struct Scale {
    strongest: BTreeMap<(String, bool), Weighed>,
    decided: bool,
}

impl Scale {
    fn add(&mut self, weighed: Weighed, is_final: bool) {
        self.decided |= is_final;
        let key = (weighed.group.clone(), weighed.weight < 0);
        match self.strongest.get(&key) {
            Some(known) if known.weight.abs() >= weighed.weight.abs() => {}
            _ => drop(self.strongest.insert(key, weighed)),
        }
    }

    fn settled(self) -> Vec<Weighed> {
        let mut evidence: Vec<Weighed> = self.strongest.into_values().filter(|one| one.weight != 0).collect();
        evidence
            .sort_by(|left, right| right.weight.cmp(&left.weight).then_with(|| left.group.cmp(&right.group)));
        evidence
    }
}

/// The verdict in a sentence: the grade, the score and the strongest reasons on each side.
fn words(grade: Option<&Grade>, score: i32, decided: bool, evidence: &[Weighed], unknown: usize) -> String {
    let named = grade.map_or("no grade", |grade| grade.say.as_str());
    let side = |wanted: fn(&i32) -> bool, most: usize| {
        let texts = evidence.iter().filter(|one| wanted(&one.weight)).map(|one| one.text.as_str());
        let mut texts: Vec<&str> = texts.collect();
        if wanted(&-1) {
            texts.reverse();
        }
        texts.truncate(most);
        texts.join("; ")
    };
    let (plus, minus) = (side(|weight| *weight > 0, 3), side(|weight| *weight < 0, 3));
    let mut text = format!("{named} (score {score})");
    if decided {
        text.push_str(", decided by what it did");
    }
    for (label, side) in [("for an attack", plus), ("against", minus)] {
        if !side.is_empty() {
            text = format!("{text}; {label}: {side}");
        }
    }
    match unknown {
        0 => text,
        1 => format!("{text}; 1 question without a full answer"),
        more => format!("{text}; {more} questions without a full answer"),
    }
}

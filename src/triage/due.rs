//! When an alert's questions are asked again: events come late, and what follows an alert takes its time.

use chrono::{DateTime, TimeDelta, Utc};

use super::speech::Span;
use crate::rule::triage::{Triage, TriageQuestion};

/// How long after an event its record may still be on its way.
const DELIVERY: TimeDelta = TimeDelta::minutes(15);

/// When questions are asked again after the event, unless nothing is open any more.
const STEPS: [TimeDelta; 4] =
    [TimeDelta::minutes(15), TimeDelta::hours(1), TimeDelta::hours(4), TimeDelta::minutes(12 * 60 + 15)];

/// When the questions about an event of the time `at` are due next, after they were asked at `asked_at`; none where
/// every stretch of time that they ask for has passed and been delivered.
#[must_use]
pub fn after(triage: &Triage, at: DateTime<Utc>, asked_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let searched = triage.questions.iter().filter(|question| question.kind.is_searched());
    let last = searched.map(|question| at + question.after + DELIVERY).max()?;
    if asked_at >= last {
        return None;
    }
    let steps = STEPS.into_iter().map(|step| at + step).filter(|step| *step < last);
    // Beyond the steps, once a day until the last.
    let days = (1..=90).map(|day| at + TimeDelta::days(day)).filter(|step| *step < last);
    steps.chain(days).chain([last]).find(|step| *step > asked_at)
}

/// Whether a question, asked at `asked_at`, was asked late enough to be answered for good.
#[must_use]
pub fn is_settled(question: &TriageQuestion, at: DateTime<Utc>, asked_at: DateTime<Utc>) -> bool {
    !question.kind.is_searched() || asked_at >= at + question.after + DELIVERY
}

/// The time that a question is about, as it is told.
pub(super) fn window_of(question: &TriageQuestion, at: DateTime<Utc>, now: DateTime<Utc>) -> Span {
    Span { from: at - question.before, until: (at + question.after).min(now.max(at)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::triage::{Indices, QuestionKind, Words};

    fn triage(after: &[TimeDelta]) -> Triage {
        let question = |after: &TimeDelta| TriageQuestion {
            id: "a".into(),
            question: "a".into(),
            guide_step: None,
            kind: QuestionKind::Count,
            condition: None,
            field: None,
            before: TimeDelta::hours(1),
            after: *after,
            indices: Indices::Rule,
            with_itself: false,
            say: Words::new(""),
            say_none: Words::new(""),
            evidence: Vec::new(),
        };
        Triage { questions: after.iter().map(question).collect(), ..Triage::default() }
    }

    fn steps(after: &[TimeDelta]) -> Vec<i64> {
        let (triage, at) = (triage(after), DateTime::UNIX_EPOCH);
        let mut asked_at = at + TimeDelta::minutes(5);
        let next = || {
            asked_at = super::after(&triage, at, asked_at)?;
            Some((asked_at - at).num_minutes())
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn questions_are_asked_again_until_nothing_is_open() {
        assert_eq!(steps(&[TimeDelta::hours(12), TimeDelta::zero()]), [15, 60, 240, 735]);
        assert_eq!(steps(&[TimeDelta::minutes(15)]), [15, 30]);
        assert_eq!(steps(&[TimeDelta::zero()]), [15]);
        assert_eq!(steps(&[TimeDelta::days(-1)]), [0; 0]);
        assert_eq!(steps(&[TimeDelta::days(2)]), [15, 60, 240, 735, 1440, 2880, 2895]);
        assert_eq!(steps(&[]), [0; 0]);
    }

    #[test]
    fn an_old_alert_is_asked_once() {
        let at = DateTime::UNIX_EPOCH;
        assert_eq!(after(&triage(&[TimeDelta::hours(12)]), at, at + TimeDelta::days(3)), None);
    }

    #[test]
    fn a_question_is_settled_once_its_time_was_delivered() {
        let triage = triage(&[TimeDelta::hours(1)]);
        let settled = |minutes| {
            is_settled(
                &triage.questions[0],
                DateTime::UNIX_EPOCH,
                DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
            )
        };
        assert!(!settled(74) && settled(75));
    }
}

//! When an alert's questions are asked again: events come late, and what follows an alert takes its time.

use chrono::{DateTime, TimeDelta, Utc};

use super::speech::Span;
use crate::rule::triage::{Triage, TriageQuestion};

/// How long after an event its record may still be on its way.
const DELIVERY: TimeDelta = TimeDelta::minutes(15);

/// When questions are asked again after the event, unless nothing is open any more.
const STEPS: [TimeDelta; 4] =
    [TimeDelta::minutes(15), TimeDelta::hours(1), TimeDelta::hours(4), TimeDelta::minutes(12 * 60 + 15)];

/// The times of an alert's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When it arrived, as far as that is known.
    pub arrived: DateTime<Utc>,
}

impl Times {
    /// From when on a question is answered for good: its stretch has passed, and its events have been delivered. Where the
    /// alert's own event was held up, others may have been, and come with it or after.
    fn settled(self, question: &TriageQuestion) -> DateTime<Utc> {
        let ended = self.at + question.after;
        let held_up = self.arrived - self.at > DELIVERY;
        if held_up { ended.max(self.arrived) + DELIVERY } else { ended + DELIVERY }
    }
}

/// When the questions about an event are due next, after they were asked at `asked_at`; none where every stretch of time
/// that they ask for has passed and been delivered.
#[must_use]
pub fn after(triage: &Triage, times: Times, asked_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = times.at;
    let searched = triage.questions.iter().filter(|question| question.kind.is_searched());
    let last = searched.map(|question| times.settled(question)).max()?;
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
pub fn is_settled(question: &TriageQuestion, times: Times, asked_at: DateTime<Utc>) -> bool {
    !question.kind.is_searched() || asked_at >= times.settled(question)
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

    /// An event of the first moment that arrived so many minutes later.
    fn happened(late: i64) -> Times {
        Times { at: DateTime::UNIX_EPOCH, arrived: DateTime::UNIX_EPOCH + TimeDelta::minutes(late) }
    }

    fn steps(after: &[TimeDelta]) -> Vec<i64> {
        let (triage, at) = (triage(after), DateTime::UNIX_EPOCH);
        let mut asked_at = at + TimeDelta::minutes(5);
        let next = || {
            asked_at = super::after(&triage, happened(0), asked_at)?;
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
        assert_eq!(after(&triage(&[TimeDelta::hours(12)]), happened(0), at + TimeDelta::days(3)), None);
    }

    #[test]
    fn a_question_is_settled_once_its_time_was_delivered() {
        let triage = triage(&[TimeDelta::hours(1)]);
        let settled = |late, minutes| {
            is_settled(
                &triage.questions[0],
                happened(late),
                DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
            )
        };
        assert!(!settled(0, 74) && settled(0, 75));
        assert!(!settled(180, 194) && settled(180, 195));
        assert!(settled(10, 75), "as late as usual");
        let next =
            |asked_at| after(&triage, happened(180), DateTime::UNIX_EPOCH + TimeDelta::minutes(asked_at));
        assert_eq!(next(181), Some(DateTime::UNIX_EPOCH + TimeDelta::minutes(195)));
        assert_eq!(next(195), None);
    }
}

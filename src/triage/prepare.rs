//! A rule's questions fitted to the fields of the indices, then to one alert, and the answers read back.

use chrono::{DateTime, Utc};

use super::answer::{Answer, Status};
use super::batch::{Batch, Slot};
use super::case::Case;
use super::due;
use super::fitted::{Fitted, Put};
use super::outcome::{Found, Outcome};
use super::record::StoredTriage;
use super::source::Sources;
use super::speech::{Span, said};
use super::unasked::{failed, not_asked, not_in_data, values_fit};
use crate::eql::bind;
use crate::eval::Matcher;
use crate::rule::triage::{Triage, TriageQuestion};
use crate::schema::Schema;

/// A rule's questions, fitted to what can be asked.
#[derive(Debug)]
pub struct Prepared<'r> {
    triage: &'r Triage,
    questions: Vec<Ready<'r>>,
}

#[derive(Debug)]
struct Ready<'r> {
    question: &'r TriageQuestion,
    way: Result<Way<'r>, Answer>,
}

impl Ready<'_> {
    /// Puts the question into `batch`.
    ///
    /// # Errors
    /// The answer, where there is nothing to search.
    fn put(&self, case: &Case<'_>, now: DateTime<Utc>, batch: &mut Batch) -> Result<Put, Answer> {
        match &self.way {
            Err(answer) => Err(answer.clone()),
            Ok(Way::Event) => Err(of_event(self.question, case)),
            Ok(Way::Search(fitted)) => fitted.ask(case, now, batch),
        }
    }
}

/// How a question is answered.
#[derive(Debug)]
enum Way<'r> {
    Event,
    Search(Box<Fitted<'r>>),
}

/// What became of the questions of one alert before any search is sent.
#[derive(Debug)]
pub struct Plan {
    entries: Vec<Entry>,
}

#[cfg(test)]
impl Plan {
    /// Where each question is asked, in order.
    pub(super) fn slots(&self) -> Vec<Option<Slot>> {
        let slot = |entry: &Entry| match entry {
            Entry::Known(_) => None,
            Entry::Open(put, _) => put.slots.first().cloned(),
        };
        self.entries.iter().map(slot).collect()
    }
}

#[derive(Debug)]
enum Entry {
    Known(Answer),
    /// It is asked; the second is what an earlier triage found, for where nothing is found out now.
    Open(Put, Option<Answer>),
}

impl<'r> Prepared<'r> {
    /// Fits the questions of `triage` to `sources`; without any source, every search is impossible for the reason
    /// `unsearchable`.
    #[must_use]
    pub fn new(triage: &'r Triage, sources: Option<&'r Sources>, unsearchable: &str) -> Self {
        let ready = |question: &'r TriageQuestion| {
            let way = match (question.kind.is_searched(), sources) {
                (false, _) => Ok(Way::Event),
                (true, Some(sources)) => {
                    Fitted::new(triage, question, sources).map(|one| Way::Search(Box::new(one)))
                }
                (true, None) => Err(Answer::without(Status::NotAsked, format!("not asked: {unsearchable}"))),
            };
            Ready { question, way }
        };
        Self { triage, questions: triage.questions.iter().map(ready).collect() }
    }

    /// The triage that it was made from.
    #[must_use]
    pub fn triage(&self) -> &'r Triage {
        self.triage
    }

    /// The questions, in the order of the file.
    pub(super) fn questions(&self) -> impl Iterator<Item = &'r TriageQuestion> {
        self.questions.iter().map(|ready| ready.question)
    }

    /// Puts the alert's open questions into `batch`; those that `stored` has settled are not asked again.
    #[must_use]
    pub fn plan(
        &self,
        case: &Case<'_>,
        now: DateTime<Utc>,
        stored: &StoredTriage,
        batch: &mut Batch,
    ) -> Plan {
        let entry = |ready: &Ready<'_>| {
            let known = stored.answers.get(&ready.question.id);
            let is_settled = |answer: &&Answer| {
                answer.status == Status::Answered
                    && stored
                        .asked_at
                        .is_some_and(|asked_at| due::is_settled(ready.question, case.times, asked_at))
            };
            if let Some(known) = known.filter(is_settled) {
                return Entry::Known(known.clone());
            }
            let earlier = known.filter(|answer| answer.status.has_numbers()).cloned();
            match (ready.put(case, now, batch), earlier) {
                (Ok(put), earlier) => Entry::Open(put, earlier),
                (Err(answer), Some(earlier)) if !answer.status.has_numbers() => {
                    Entry::Known(earlier.kept(&answer.text))
                }
                (Err(answer), _) => Entry::Known(answer),
            }
        };
        Plan { entries: self.questions.iter().map(entry).collect() }
    }

    /// Reads the answers, in the order of the questions; `outcomes` are those of the batch's searches, in order.
    #[must_use]
    pub fn answers(&self, plan: Plan, case: &Case<'_>, outcomes: &[Outcome]) -> Vec<Answer> {
        let answer = |(entry, ready): (Entry, &Ready<'_>)| match entry {
            Entry::Known(answer) => answer,
            Entry::Open(put, earlier) => match found(&put.slots, outcomes) {
                Ok(found) => spoken(ready.question, with_partial(found, put.partial), put.span, case),
                Err(reason) => match earlier {
                    Some(earlier) => earlier.kept(&reason),
                    None => Answer::without(Status::Failed, format!("failed: {reason}")),
                },
            },
        };
        plan.entries.into_iter().zip(&self.questions).map(answer).collect()
    }
}

/// What the shares of a question found together; where only some of them answered, in part.
fn found(slots: &[Slot], outcomes: &[Outcome]) -> Result<Found, String> {
    let (mut all, mut failure): (Option<Found>, Option<String>) = (None, None);
    for slot in slots {
        match outcomes.get(slot.search).unwrap_or(&Outcome::Owed).found(slot) {
            Ok(found) => {
                all = Some(match all {
                    Some(known) => known.with(found),
                    None => found,
                });
            }
            Err(reason) => failure = failure.or(Some(reason)),
        }
    }
    match (all, failure) {
        (Some(found), failure) => Ok(with_partial(found, failure)),
        (None, failure) => Err(failure.unwrap_or_else(|| "no index was asked".to_owned())),
    }
}

fn with_partial(found: Found, partial: Option<String>) -> Found {
    Found { partial: found.partial.or(partial), ..found }
}

/// An answer with its words.
fn spoken(question: &TriageQuestion, found: Found, span: Span, case: &Case<'_>) -> Answer {
    let partial = found.partial.clone();
    let mut answer = Answer::of(found);
    let words = if answer.count == 0 { &question.say_none } else { &question.say };
    answer.text = said(words, &answer, span, case);
    if let Some(reason) = partial {
        answer.text = format!("{} (partial: {reason})", answer.text);
    }
    answer
}

/// The answer of the alert's own event.
fn of_event(question: &TriageQuestion, case: &Case<'_>) -> Answer {
    let event = case.values.event();
    let matches = match &question.condition {
        None => true,
        Some(query) => {
            let fields = query.fields();
            if !fields.is_empty() && fields.iter().all(|field| !event.any(&field.name, |_| true)) {
                return not_in_data(&fields[0].name);
            }
            if let Err(answer) = values_fit(query, case, usize::MAX) {
                return answer;
            }
            let matcher = bind(&query.condition, &|name| case.values.get(name))
                .map_err(|name| not_asked(&name))
                .and_then(|condition| {
                    Matcher::of_condition(&query.text, &condition, &Schema::ecs())
                        .map_err(|problems| failed(&problems))
                });
            match matcher {
                Ok(matcher) => matcher.matches(event),
                Err(answer) => return answer,
            }
        }
    };
    let values = question.field.iter().flat_map(|field| event.values(field));
    let top = values.filter_map(|value| value.as_str().map(str::to_owned)).collect();
    let count = u64::from(matches);
    let found = Found { count, days: count, top, ..Found::default() };
    spoken(question, found, Span { from: case.times.at, until: case.times.at }, case)
}

//! A rule's questions fitted to the fields of the indices, then to one alert, and the answers read back.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::Value;

use super::answer::{Answer, Status};
use super::batch::{Batch, Edge, Part, Shared, Slot, is_far};
use super::case::Case;
use super::outcome::{Found, Outcome};
use super::record::StoredTriage;
use super::share::Share;
use super::source::{ALERT_TIME, EVENT_TIME, Source, Sources};
use super::speech::{Span, said};
use super::{aggs, due};
use crate::diagnostic::{Diagnostic, Node};
use crate::eql::syntax::Comparison;
use crate::eql::{Condition, Leaf, Query, Value as Constant, bind};
use crate::eval::Matcher;
use crate::plan::{Fidelity, filter};
use crate::rule::triage::{Indices, QuestionKind, Triage, TriageQuestion};
use crate::schema::Schema;

/// Values longer than this are not indexed by ECS's fields, in characters.
const LONGEST_INDEXED: usize = 1024;

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

/// How a question is answered.
#[derive(Debug)]
enum Way<'r> {
    Event,
    Search(Box<Asked<'r>>),
}

#[derive(Debug)]
struct Asked<'r> {
    source: &'r Source,
    query: &'r Query,
    subject: Node<Condition>,
    rest: Node<Condition>,
    scope: Option<Lowered>,
    /// The indices, in shares that count alike.
    shares: Vec<Share>,
    /// Which of the indices cannot count what is asked, in words.
    blind: Option<String>,
}

/// What became of the questions of one alert before any search is sent.
#[derive(Debug)]
pub struct Plan {
    entries: Vec<Entry>,
}

impl Entry {
    /// The same, with the numbers of an earlier triage at hand in case that nothing is found out now.
    fn after(self, stored: Option<&Answer>) -> Self {
        match self {
            Self::Open { slots, span, partial, .. } => {
                let earlier = stored.filter(|answer| answer.status.has_numbers()).cloned();
                Self::Open { slots, span, partial, earlier }
            }
            known @ Self::Known(_) => known,
        }
    }
}

#[cfg(test)]
impl Plan {
    /// Where each question is asked, in order.
    pub(super) fn slots(&self) -> Vec<Option<Slot>> {
        let slot = |entry: &Entry| match entry {
            Entry::Known(_) => None,
            Entry::Open { slots, .. } => slots.first().copied(),
        };
        self.entries.iter().map(slot).collect()
    }
}

#[derive(Debug)]
enum Entry {
    Known(Answer),
    /// `earlier` is what an earlier triage found.
    Open {
        slots: Vec<Slot>,
        span: Span,
        partial: Option<String>,
        earlier: Option<Answer>,
    },
}

/// A condition as JSON, and where it cannot be asked.
#[derive(Debug, Clone)]
struct Lowered {
    query: Value,
    partial: Option<String>,
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
                    asked(triage, question, sources).map(|one| Way::Search(Box::new(one)))
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
            let known = stored.answers.get(&ready.question.id).filter(|answer| {
                answer.status == Status::Answered
                    && stored
                        .asked_at
                        .is_some_and(|asked_at| due::is_settled(ready.question, case.at, asked_at))
            });
            if let Some(known) = known {
                return Entry::Known(known.clone());
            }
            match &ready.way {
                Err(answer) => Entry::Known(answer.clone()),
                Ok(Way::Event) => Entry::Known(of_event(ready.question, case)),
                Ok(Way::Search(asked)) => {
                    let asked = asked.ask(ready.question, case, now, batch);
                    let earlier = stored.answers.get(&ready.question.id);
                    asked.map_or_else(Entry::Known, |entry| entry.after(earlier))
                }
            }
        };
        Plan { entries: self.questions.iter().map(entry).collect() }
    }

    /// Reads the answers, in the order of the questions; `outcomes` are those of the batch's searches, in order.
    #[must_use]
    pub fn answers(&self, plan: Plan, case: &Case<'_>, outcomes: &[Outcome]) -> Vec<Answer> {
        let answer = |(entry, ready): (Entry, &Ready<'_>)| match entry {
            Entry::Known(answer) => answer,
            Entry::Open { slots, span, partial, earlier } => match found(&slots, outcomes) {
                Ok(found) => spoken(ready.question, with_partial(found, partial), span, case),
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
        match outcomes.get(slot.search).unwrap_or(&Outcome::Owed).found(*slot) {
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
            if let Err(answer) = values_fit(query, case) {
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
    spoken(question, found, Span { from: case.at, until: case.at }, case)
}

/// Fits a question to the fields of its source.
fn asked<'r>(
    triage: &'r Triage,
    question: &'r TriageQuestion,
    sources: &'r Sources,
) -> Result<Asked<'r>, Answer> {
    let missing = || Answer::without(Status::NotInData, "not in this data: no index to ask".to_owned());
    let source = sources.get(&question.indices).ok_or_else(missing)?;
    let source =
        source.as_ref().map_err(|reason| Answer::without(Status::Failed, format!("failed: {reason}")))?;
    if source.schema.indices.is_empty() {
        return Err(missing());
    }
    let query = question.condition.as_ref().ok_or_else(missing)?;
    let scope = triage.scope.as_ref().filter(|_| question.indices == Indices::Rule);
    let named = scope.into_iter().chain([query]).flat_map(Query::fields);
    let unmapped = |name: &str| source.schema.forms(name).is_empty();
    if let Some(field) = named.filter(|field| !field.optional).find(|field| unmapped(&field.name)) {
        return Err(not_in_data(&field.name));
    }
    if let Some(field) = question.field.as_ref().filter(|field| source.countable(field).is_empty()) {
        return Err(not_in_data(field));
    }
    // A comparison asks for one value, and counts no others.
    let counted = question.field.as_deref().filter(|_| question.kind == QuestionKind::Terms);
    let (shares, blind) = source.shares(counted);
    let condition = query.condition_without(&unmapped).map_err(|problems| failed(&problems))?;
    let (subject, rest) = split(condition);
    if !matches!(subject.node, Condition::Leaf(_)) {
        return Err(query.fields().first().map_or_else(missing, |field| not_in_data(&field.name)));
    }
    let scope = scope.map(|scope| {
        let condition = scope.condition_without(&unmapped).map_err(|problems| failed(&problems))?;
        lowered(source, scope, &condition)
    });
    Ok(Asked { source, query, subject, rest, scope: scope.transpose()?, shares, blind })
}

/// The first part of a condition, and the others.
fn split(condition: Node<Condition>) -> (Node<Condition>, Node<Condition>) {
    let span = condition.span;
    match condition.node {
        Condition::And(mut items) if !items.is_empty() => {
            let subject = items.remove(0);
            (subject, Node::new(span, Condition::all(items)))
        }
        _ => (condition, Node::new(span, Condition::Constant(Some(true)))),
    }
}

impl Asked<'_> {
    /// Puts the question into the batch, or says why it is not asked.
    fn ask(
        &self,
        question: &TriageQuestion,
        case: &Case<'_>,
        now: DateTime<Utc>,
        batch: &mut Batch,
    ) -> Result<Entry, Answer> {
        values_fit(self.query, case)?;
        let (from, to) = window(question, case.at);
        if now < from {
            let text = format!("not asked: not before {}", super::speech::time(from));
            return Err(Answer::without(Status::NotAsked, text));
        }
        let bound = |condition: &Node<Condition>| {
            let bound = bind(condition, &|name| case.values.get(name)).map_err(|name| not_asked(&name))?;
            lowered(self.source, self.query, &bound)
        };
        let (subject, rest) = (bound(&self.subject)?, bound(&self.rest)?);
        let same = self.same(question, case)?;
        let scope = self.scope.iter();
        let shared: Vec<&Value> =
            std::iter::once(&subject).chain(scope.clone()).map(|one| &one.query).collect();
        let is_alerts = question.indices == Indices::Alerts;
        let time_field = if is_alerts { ALERT_TIME } else { EVENT_TIME };
        let parts = [Some(&subject), Some(&rest), same.as_ref()].into_iter().flatten().chain(scope);
        let partial = parts.filter_map(|part| part.partial.as_ref());
        let partial = partial.chain(&self.blind).chain(&self.source.unreachable).next().cloned();
        let mut shared = Shared {
            indices: Vec::new(),
            time_field,
            subject: serde_json::to_string(&shared).unwrap_or_default(),
            around: (!is_far(from, to, case.at)).then_some(case.at),
        };
        let no_rest = self.rest.node == Condition::Constant(Some(true));
        let same = same.map(|same| same.query);
        let mut part = Part {
            filters: if no_rest { Vec::new() } else { vec![rest.query] },
            must_not: if to < case.at || question.with_itself {
                Vec::new()
            } else {
                case.own(&question.indices, self.source)
            },
            from,
            to,
            aggs: Value::Null,
        };
        let mut slots = Vec::with_capacity(self.shares.len());
        for share in &self.shares {
            shared.indices.clone_from(&share.indices);
            let edges = edges(question.kind);
            if edges.is_empty() {
                part.aggs = aggs::counted(question.kind, share, time_field, same.clone());
                slots.push(batch.add(shared.clone(), part.clone()));
            }
            slots.extend(edges.iter().map(|edge| batch.add_edge(&shared, &part, *edge)));
        }
        Ok(Entry::Open { slots, span: Span { from, until: to.min(now) }, partial, earlier: None })
    }

    /// What selects the events with the alert's own value, for a comparison.
    fn same(&self, question: &TriageQuestion, case: &Case<'_>) -> Result<Option<Lowered>, Answer> {
        let field = question.field.as_ref().filter(|_| question.kind == QuestionKind::Compare);
        let Some(field) = field else { return Ok(None) };
        let value = case.values.get(field).ok_or_else(|| not_asked(field))?;
        too_long(field, &value)?;
        let span = self.query.expression.span;
        let leaf = Leaf::Compare {
            field: Node::new(span, field.clone()),
            operator: Comparison::Equal,
            value: Node::new(span, Constant::String(value)),
        };
        lowered(self.source, self.query, &Node::new(span, Condition::Leaf(leaf))).map(Some)
    }
}

/// The ends that a question of a kind asks for; none where its events are counted.
fn edges(kind: QuestionKind) -> &'static [Edge] {
    match kind {
        QuestionKind::FirstLast => &[Edge::First, Edge::Last],
        QuestionKind::Exists => &[Edge::Last],
        _ => &[],
    }
}

/// The time that a question asks for; a long stretch begins and ends at the full hour, so that alerts share it.
fn window(question: &TriageQuestion, at: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let (from, to) = (at - question.before, at + question.after);
    if !is_far(from, to, at) {
        return (from, to);
    }
    let hour = |time: DateTime<Utc>| time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
    let next_hour = |time| hour(time + TimeDelta::hours(1) - TimeDelta::milliseconds(1));
    let to = match (to <= at, question.with_itself) {
        (true, _) => hour(to),
        (false, true) => next_hour(to),
        (false, false) => to,
    };
    (hour(from), to)
}

fn lowered(source: &Source, query: &Query, condition: &Node<Condition>) -> Result<Lowered, Answer> {
    let found = filter(&source.input(query), condition).map_err(|problems| failed(&problems))?;
    if found.pushed.fidelity != Fidelity::Exact {
        let text = "failed: the index cannot answer the question's condition exactly";
        return Err(Answer::without(Status::Failed, text.to_owned()));
    }
    let partial = found.blind.first().map(|blind| {
        format!("{} cannot answer `{}`: {}", blind.indices.join(", "), blind.field, blind.reason)
    });
    let query = serde_json::to_value(&found.pushed.query)
        .map_err(|error| Answer::without(Status::Failed, format!("failed: {error}")))?;
    Ok(Lowered { query, partial })
}

/// Whether the alert has every value that a condition needs.
fn values_fit(query: &Query, case: &Case<'_>) -> Result<(), Answer> {
    for name in query.placeholders() {
        let value = case.values.get(&name.node).ok_or_else(|| not_asked(&name.node))?;
        too_long(&name.node, &value)?;
    }
    Ok(())
}

fn too_long(name: &str, value: &str) -> Result<(), Answer> {
    if value.chars().nth(LONGEST_INDEXED).is_none() {
        return Ok(());
    }
    let text = format!("not in this data: the {} is longer than what is indexed", words(name));
    Err(Answer::without(Status::NotInData, text))
}

fn not_asked(name: &str) -> Answer {
    Answer::without(Status::NotAsked, format!("not asked: no {}", words(name)))
}

fn not_in_data(field: &str) -> Answer {
    Answer::without(Status::NotInData, format!("not in this data: no field {field}"))
}

fn failed(problems: &[Diagnostic]) -> Answer {
    let reason = problems.first().map_or("the condition fits no index", |problem| problem.message.as_str());
    Answer::without(Status::Failed, format!("failed: {reason}"))
}

/// The name of a value in words.
fn words(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { name.replace('_', " ") }
}

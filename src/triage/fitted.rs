//! One question fitted to the fields of its indices, then put into a batch of searches for one alert.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::Value;

use super::aggs;
use super::answer::{Answer, Status};
use super::batch::{Batch, Edge, Part, Shared, Slot, is_far};
use super::case::{Case, Own};
use super::share::Share;
use super::source::{EVENT_ID, LONGEST_INDEXED, Source, Sources};
use super::speech::{Span, time};
use super::tally::Tally;
use super::unasked::{failed, no_index, not_asked, not_in_data, too_long, values_fit};
use crate::diagnostic::Node;
use crate::eql::syntax::Comparison;
use crate::eql::{Condition, Leaf, Query, Value as Constant, bind};
use crate::eval::Matcher;
use crate::plan::{Fidelity, filter};
use crate::rule::triage::{Indices, QuestionKind, Triage, TriageQuestion};

/// A stretch at least as long as this is looked at by full hours where only its ends are asked for.
const COARSE: TimeDelta = TimeDelta::hours(6);

/// A question fitted to the fields of its indices.
#[derive(Debug)]
pub(super) struct Fitted<'r> {
    question: &'r TriageQuestion,
    source: &'r Source,
    query: &'r Query,
    /// What the question is about, as all other questions about it are asked together.
    subject: Node<Condition>,
    rest: Node<Condition>,
    scope: Option<Lowered>,
    /// The indices, in shares that count alike.
    shares: Vec<Share>,
    /// Which of the indices cannot count what is asked, in words.
    blind: Option<String>,
    /// How many characters a value of the alert may have.
    longest: usize,
    /// The fields by which events that are read can be told and counted here; none where the cluster has to count.
    read: Option<Vec<String>>,
}

/// A question in a batch.
#[derive(Debug)]
pub(super) struct Put {
    /// Where its answers will be.
    pub slots: Vec<Slot>,
    /// The time that it is about.
    pub span: Span,
    /// What of the data does not answer, in words.
    pub partial: Option<String>,
}

/// A condition as JSON, and where it cannot be asked.
#[derive(Debug, Clone)]
struct Lowered {
    query: Value,
    partial: Option<String>,
}

/// The conditions of a question, with an alert's values in them.
struct Bound {
    subject: Lowered,
    rest: Lowered,
    /// What tells the rest's events among those that were read.
    matcher: Option<Matcher>,
    /// For a comparison: what has the alert's own value.
    same: Option<(Lowered, Option<Matcher>)>,
}

impl<'r> Fitted<'r> {
    /// Fits `question` to its source.
    ///
    /// # Errors
    /// The answer, where it cannot be asked of anything.
    pub fn new(
        triage: &'r Triage,
        question: &'r TriageQuestion,
        sources: &'r Sources,
    ) -> Result<Self, Answer> {
        let source = sources.get(&question.indices).ok_or_else(no_index)?;
        let source =
            source.as_ref().map_err(|reason| Answer::without(Status::Failed, format!("failed: {reason}")))?;
        if source.schema.indices.is_empty() {
            return Err(no_index());
        }
        let query = question.condition.as_ref().ok_or_else(no_index)?;
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
            return Err(query.fields().first().map_or_else(no_index, |field| not_in_data(&field.name)));
        }
        let scope = scope.map(|scope| {
            let condition = scope.condition_without(&unmapped).map_err(|problems| failed(&problems))?;
            lowered(source, scope, &condition)
        });
        let read = readable(source, question, &rest).filter(|_| shares.len() == 1);
        let fields = query.fields().into_iter().map(|field| field.name).chain(question.field.clone());
        let longest = fields.map(|field| source.longest_indexed(&field)).min().unwrap_or(LONGEST_INDEXED);
        Ok(Self {
            question,
            source,
            query,
            subject,
            rest,
            scope: scope.transpose()?,
            shares,
            blind,
            longest,
            read,
        })
    }

    /// Puts the question about an alert into the batch.
    ///
    /// # Errors
    /// The answer, where it is not asked.
    pub fn ask(&self, case: &Case<'_>, now: DateTime<Utc>, batch: &mut Batch) -> Result<Put, Answer> {
        values_fit(self.query, case, self.longest)?;
        let (from, to) = window(self.question, case.times.at);
        if now < from {
            let text = format!("not asked: not before {}", time(from));
            return Err(Answer::without(Status::NotAsked, text));
        }
        let bound = self.bind(case)?;
        let partial = self.partial(&bound);
        let mut shared = self.shared(&bound, (!is_far(from, to, case.times.at)).then_some(case.times.at));
        let own = if self.question.with_itself {
            Vec::new()
        } else {
            case.own(&self.question.indices, self.source)
        };
        let edges = edges(self.question.kind);
        let mut slots = Vec::with_capacity(self.shares.len());
        for share in &self.shares {
            shared.indices.clone_from(&share.indices);
            if edges.is_empty() {
                let own = if to < case.times.at { &[] } else { &own[..] };
                let part = self.part(&bound, share, own, (from, to));
                let tally = self.tally(&bound, share, own);
                slots.push(batch.add(shared.clone(), part, tally));
            }
            let filters = self.filters(&bound);
            slots.extend(edges.iter().map(|edge| batch.add_edge(&shared, &filters, (from, to), *edge, &own)));
        }
        Ok(Put { slots, span: Span { from, until: to.min(now) }, partial })
    }

    fn bind(&self, case: &Case<'_>) -> Result<Bound, Answer> {
        let bind =
            |condition| bind(condition, &|name| case.values.get(name)).map_err(|name| not_asked(&name));
        let (subject, rest) = (bind(&self.subject)?, bind(&self.rest)?);
        let same = self.same(case)?;
        let matcher = |condition: &Node<Condition>| {
            let matcher = || Matcher::of_condition(&self.query.text, condition, &self.source.schema).ok();
            self.read.as_ref().and_then(|_| matcher())
        };
        let lowered = |condition: &Node<Condition>| lowered(self.source, self.query, condition);
        Ok(Bound {
            subject: lowered(&subject)?,
            matcher: matcher(&rest),
            rest: lowered(&rest)?,
            same: same.map(|same| Ok((lowered(&same)?, matcher(&same)))).transpose()?,
        })
    }

    /// What selects the events with the alert's own value, for a comparison.
    fn same(&self, case: &Case<'_>) -> Result<Option<Node<Condition>>, Answer> {
        let field = self.question.field.as_ref().filter(|_| self.question.kind == QuestionKind::Compare);
        let Some(field) = field else { return Ok(None) };
        let value = case.values.get(field).ok_or_else(|| not_asked(field))?;
        too_long(field, &value, self.longest)?;
        let span = self.query.expression.span;
        let leaf = Leaf::Compare {
            field: Node::new(span, field.clone()),
            operator: Comparison::Equal,
            value: Node::new(span, Constant::String(value)),
        };
        Ok(Some(Node::new(span, Condition::Leaf(leaf))))
    }

    fn partial(&self, bound: &Bound) -> Option<String> {
        let same = bound.same.iter().map(|(same, _)| same);
        let conditions = [&bound.subject, &bound.rest].into_iter().chain(same).chain(&self.scope);
        let partial = conditions.filter_map(|condition| condition.partial.as_ref());
        partial.chain(&self.blind).chain(&self.source.unreachable).next().cloned()
    }

    fn shared(&self, bound: &Bound, around: Option<DateTime<Utc>>) -> Shared {
        let subject: Vec<&Value> =
            [&bound.subject].into_iter().chain(&self.scope).map(|one| &one.query).collect();
        Shared {
            indices: Vec::new(),
            time_field: self.question.indices.time_field(),
            subject: serde_json::to_string(&subject).unwrap_or_default(),
            around,
        }
    }

    fn filters(&self, bound: &Bound) -> Vec<Value> {
        let has_rest = self.rest.node != Condition::Constant(Some(true));
        has_rest.then(|| bound.rest.query.clone()).into_iter().collect()
    }

    fn part(
        &self,
        bound: &Bound,
        share: &Share,
        own: &[Own],
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Part {
        let same = bound.same.as_ref().map(|(same, _)| same.query.clone());
        Part {
            filters: self.filters(bound),
            must_not: own.iter().map(Own::query).collect(),
            from,
            to,
            aggs: aggs::counted(self.question.kind, share, self.question.indices.time_field(), same),
        }
    }

    /// How the question is counted over events that are read; none where it cannot be.
    fn tally(&self, bound: &Bound, share: &Share, own: &[Own]) -> Option<Tally> {
        Some(Tally {
            matcher: bound.matcher.clone()?,
            same: bound.same.as_ref().map(|(_, matcher)| matcher.clone().ok_or(())).transpose().ok()?,
            own: own.to_vec(),
            read: self.read.clone()?,
            field: share.field.clone(),
            event_id: share.event_id.clone(),
        })
    }
}

/// The names under which everything is read that tells a question's events and counts them; none where some of it cannot
/// be read as the indices hold it.
fn readable(source: &Source, question: &TriageQuestion, rest: &Node<Condition>) -> Option<Vec<String>> {
    let mut fields = vec![EVENT_ID.to_owned()];
    fields.extend(question.field.clone());
    Condition::each_leaf(rest, &mut |_, leaf| {
        fields.extend(leaf.fields().into_iter().map(|(field, _)| field));
    });
    fields.iter().map(|field| source.readable(field)).collect()
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

/// The ends that a question of a kind asks for; none where its events are counted.
fn edges(kind: QuestionKind) -> &'static [Edge] {
    match kind {
        QuestionKind::FirstLast => &[Edge::First, Edge::Last],
        QuestionKind::Exists => &[Edge::Last],
        _ => &[],
    }
}

/// The time that a question asks for. A long stretch begins and ends at the full hour, so that alerts share it; it never
/// grows over the alert's own event, unless only its ends are asked for.
fn window(question: &TriageQuestion, at: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let (from, to) = (at - question.before, at + question.after);
    let hour = |time: DateTime<Utc>| time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
    let next_hour = |time| hour(time + TimeDelta::hours(1) - TimeDelta::milliseconds(1));
    if question.kind.tells_presence_alone() && to - from >= COARSE {
        return (hour(from), next_hour(to));
    }
    if !is_far(from, to, at) {
        return (from, to);
    }
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

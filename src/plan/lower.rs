//! Conditions to queries, each held from above and from below, so that a negation never loses a match.

use super::ask::Answer;
use super::fields::{self, FormAnswer};
use super::{Blind, Fidelity, Input, LeafReport};
use crate::diagnostic::{Diagnostic, Node, Span};
use crate::dsl::Query;
use crate::eql::syntax::{Comparison, Expression};
use crate::eql::{Condition, Function, Leaf, Value};

/// What is known of the documents that a condition selects.
enum Bounds {
    /// This query selects the same ones.
    Exact(Query),
    /// `above` selects them and others, `below` some of them.
    Between { above: Query, below: Query },
}

impl Bounds {
    fn above(self) -> Query {
        match self {
            Self::Exact(query) | Self::Between { above: query, .. } => query,
        }
    }

    fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    fn negated(self) -> Self {
        let not = |query| Query::none_of(vec![query]);
        match self {
            Self::Exact(query) => Self::Exact(not(query)),
            Self::Between { above, below } => Self::Between { above: not(below), below: not(above) },
        }
    }

    fn joined(items: Vec<Self>, join: fn(Vec<Query>) -> Query) -> Self {
        if items.iter().all(Self::is_exact) {
            return Self::Exact(join(items.into_iter().map(Self::above).collect()));
        }
        let (above, below) = items.into_iter().map(Self::both).unzip();
        Self::Between { above: join(above), below: join(below) }
    }

    fn both(self) -> (Query, Query) {
        match self {
            Self::Exact(query) => (query.clone(), query),
            Self::Between { above, below } => (above, below),
        }
    }
}

/// The work of lowering one query.
pub(super) struct Lowering<'a> {
    input: &'a Input<'a>,
    /// What became of each leaf.
    pub leaves: Vec<LeafReport>,
    /// The indices that cannot answer, and what to report if no other index is left.
    pub blind: Vec<(Blind, Option<Diagnostic>)>,
    fields: Vec<(String, Span)>,
}

impl<'a> Lowering<'a> {
    pub fn new(input: &'a Input<'a>) -> Self {
        Self { input, leaves: Vec::new(), blind: Vec::new(), fields: Vec::new() }
    }

    /// The query for a whole condition, and what of the condition is left to evaluate.
    pub fn whole(&mut self, condition: &Node<Condition>) -> (Query, Option<Node<Condition>>) {
        let parts = match &condition.node {
            Condition::And(items) => items.as_slice(),
            _ => std::slice::from_ref(condition),
        };
        let mut queries = Vec::with_capacity(parts.len());
        let mut rest = Vec::new();
        for part in parts {
            let bounds = self.lower(part);
            if !bounds.is_exact() {
                rest.push(part.clone());
            }
            queries.push(bounds.above());
        }
        let span = condition.span;
        let rest = (!rest.is_empty()).then(|| Node::new(span, Condition::all(rest)));
        (Query::all_of(queries), rest)
    }

    /// Leaves the blind indices out.
    pub fn without_blind(&self, query: Query) -> Query {
        let mut indices: Vec<&str> =
            self.blind.iter().flat_map(|(blind, _)| &blind.indices).map(String::as_str).collect();
        indices.sort_unstable();
        indices.dedup();
        if indices.is_empty() {
            return query;
        }
        Query::all_of(vec![query, Query::none_of(vec![Query::terms("_index", indices)])])
    }

    /// Where a field is named.
    pub fn span_of(&self, field: &str) -> Option<Span> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, span)| *span)
    }

    /// Finds the indices whose time fields hold no dates.
    pub fn time_fields(&mut self) {
        for field in [self.input.time_field].into_iter().chain(self.input.fallback_time_field) {
            for form in self.input.schema.forms(field) {
                if !form.field_type.is_date() && self.input.schema.knows(field) {
                    self.add_blind(form.indices, field, "it is read as the time, and is no date there", None);
                }
            }
        }
    }

    fn add_blind(&mut self, indices: Vec<String>, field: &str, reason: &str, problem: Option<Diagnostic>) {
        let blind = Blind { indices, field: field.to_owned(), reason: reason.to_owned() };
        if self.blind.iter().all(|(known, _)| *known != blind) {
            self.blind.push((blind, problem));
        }
    }

    fn lower(&mut self, node: &Node<Condition>) -> Bounds {
        match &node.node {
            Condition::Constant(Some(true)) => Bounds::Exact(Query::match_all()),
            Condition::Constant(_) => Bounds::Exact(Query::match_none()),
            Condition::And(items) => Bounds::joined(self.each(items), Query::all_of),
            Condition::Or(items) => Bounds::joined(self.each(items), Query::any_of),
            Condition::Not(inner) => self.lower(inner).negated(),
            Condition::Leaf(leaf) => self.leaf(node.span, leaf),
        }
    }

    fn each(&mut self, items: &[Node<Condition>]) -> Vec<Bounds> {
        items.iter().map(|item| self.lower(item)).collect()
    }

    fn leaf(&mut self, span: Span, leaf: &Leaf) -> Bounds {
        self.fields.extend(leaf.fields());
        let (bounds, reason) = match leaf {
            Leaf::Script(expression) => (self.script(expression), SCRIPT.to_owned()),
            leaf => match leaf.field() {
                Some(field) => self.of_field(leaf, &field.node),
                None => (Bounds::Exact(Query::match_none()), String::new()),
            },
        };
        let fidelity = if bounds.is_exact() { Fidelity::Exact } else { Fidelity::Superset };
        let text = self.input.query.source(span).to_owned();
        self.leaves.push(LeafReport { text, span, fidelity, reason });
        bounds
    }

    /// Asks each form of the field, and each only its own indices where they differ.
    fn of_field(&mut self, leaf: &Leaf, field: &str) -> (Bounds, String) {
        let mut forms: Vec<(Vec<String>, String, Answer)> = Vec::new();
        for FormAnswer { indices, name, answer } in fields::answers(leaf, field, self.input) {
            match answer {
                Ok(answer) => forms.push((indices, name, answer)),
                Err(refusal) => {
                    let problem = fields::unanswerable(leaf, &refusal);
                    self.add_blind(indices, field, &refusal.reason, problem);
                }
            }
        }
        let reason = reason(&forms, field);
        let mut asked: Vec<(Vec<String>, Bounds)> = Vec::new();
        for (indices, name, answer) in forms {
            let bounds = match answer {
                Answer::Exact(query) => Bounds::Exact(query),
                Answer::Exists(_) => {
                    Bounds::Between { above: Query::exists(name), below: Query::match_none() }
                }
            };
            match asked.iter_mut().find(|(_, known)| same(known, &bounds)) {
                Some((known, _)) => known.extend(indices),
                None => asked.push((indices, bounds)),
            }
        }
        let is_null = matches!(leaf, Leaf::IsNull { .. });
        let bounds = match asked.len() {
            0 if is_null => Bounds::Exact(Query::match_all()),
            // Elsewhere the field is not mapped, and the query matches nothing there of itself.
            0 | 1 => asked.pop().map_or(Bounds::Exact(Query::match_none()), |(_, bounds)| bounds),
            _ => Bounds::joined(
                asked.into_iter().map(|(indices, bounds)| in_indices(&indices, bounds)).collect(),
                Query::any_of,
            ),
        };
        (bounds, reason)
    }

    /// A script is left to the evaluator; asked is only that the fields are there which it needs.
    fn script(&mut self, expression: &Node<Expression>) -> Bounds {
        let mut names = Vec::new();
        Expression::each_field(expression, &mut |_, field| names.push(field.name.as_str()));
        for name in names {
            for form in self.input.schema.forms(name) {
                if let Some(reason) = fields::unreadable(&form) {
                    self.add_blind(form.indices, name, reason, None);
                }
            }
        }
        let needed = needed_for_truth(expression).into_iter().map(Query::exists).collect();
        Bounds::Between { above: Query::all_of(needed), below: Query::match_none() }
    }
}

const SCRIPT: &str = "computed values can only be evaluated here";

fn same(left: &Bounds, right: &Bounds) -> bool {
    let (Bounds::Exact(left_query) | Bounds::Between { above: left_query, .. }) = left;
    let (Bounds::Exact(right_query) | Bounds::Between { above: right_query, .. }) = right;
    left.is_exact() == right.is_exact() && left_query == right_query
}

fn in_indices(indices: &[String], bounds: Bounds) -> Bounds {
    match bounds {
        Bounds::Exact(query) => Bounds::Exact(fields::restricted(indices, query)),
        Bounds::Between { above, below } => Bounds::Between {
            above: fields::restricted(indices, above),
            below: fields::restricted(indices, below),
        },
    }
}

/// What to say of a leaf, by the forms that answer it.
fn reason(forms: &[(Vec<String>, String, Answer)], field: &str) -> String {
    let open = forms.iter().find_map(|(_, _, answer)| match answer {
        Answer::Exists(reason) => Some(*reason),
        Answer::Exact(_) => None,
    });
    let sub_field = forms.iter().find(|(_, name, _)| name != field).map(|(_, name, _)| name);
    match (open, forms, sub_field) {
        (Some(reason), ..) => reason.to_owned(),
        (None, [], _) => "no index maps the field".to_owned(),
        (None, [_], Some(name)) => format!("asked of `{name}`, as `{field}` is analysed text"),
        (None, [_, _, ..], Some(name)) => {
            format!("asked of `{field}` and of `{name}`, as the indices differ")
        }
        _ => "answered by the index".to_owned(),
    }
}

/// The fields without which the expression is never true.
fn needed_for_truth(expression: &Node<Expression>) -> Vec<&str> {
    match &expression.node {
        Expression::And(items) => union(items.iter().map(needed_for_truth)),
        Expression::Or(items) => shared(items.iter().map(needed_for_truth)),
        _ => needed_for_value(expression),
    }
}

/// The fields without which the expression is null.
fn needed_for_value(expression: &Node<Expression>) -> Vec<&str> {
    match &expression.node {
        Expression::Literal(_) => Vec::new(),
        Expression::Field(field) => vec![field.name.as_str()],
        Expression::Not(inner) | Expression::Negate(inner) => needed_for_value(inner),
        // Even a null inside may leave these a value.
        Expression::And(items) | Expression::Or(items) => shared(items.iter().map(needed_for_value)),
        Expression::Compare { operator: Comparison::Equal | Comparison::NotEqual, left, right }
            if [left, right].iter().any(|side| matches!(side.node, Expression::Literal(Value::Null))) =>
        {
            Vec::new()
        }
        Expression::Compare { left, right, .. } | Expression::Arithmetic { left, right, .. } => {
            union([left, right].into_iter().map(|side| needed_for_value(side)))
        }
        Expression::In { value, .. } | Expression::Match { value, .. } => needed_for_value(value),
        Expression::Call { function: Function::Concat, arguments, .. } => {
            union(arguments.iter().map(needed_for_value))
        }
        Expression::Call { arguments, .. } => arguments.first().map(needed_for_value).unwrap_or_default(),
    }
}

fn union<'e>(sets: impl Iterator<Item = Vec<&'e str>>) -> Vec<&'e str> {
    let mut all: Vec<&str> = sets.flatten().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn shared<'e>(sets: impl Iterator<Item = Vec<&'e str>>) -> Vec<&'e str> {
    sets.reduce(|left, right| left.into_iter().filter(|field| right.contains(field)).collect())
        .unwrap_or_default()
}

//! What a query asks of Elasticsearch, and what is left to evaluate here.
//!
//! Two laws hold: what matches the query matches the pushed part, and the pushed part together with the residual
//! match exactly what the query matches.

mod ask;
mod fields;
mod filter;
mod joint;
mod lower;
mod whole;
mod window;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::diagnostic::{Diagnostic, Node, Span, UNANSWERABLE_FIELD, UNKNOWN_FIELD};
use crate::dsl;
use crate::eql::syntax::Category;
use crate::eql::{Condition, Query};
use crate::eval::{self, Matcher};
use crate::schema::Schema;
pub use filter::{Filter, filter};
pub use joint::any_of;
use lower::Lowering;

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The query.
    pub query: &'a Query,
    /// The types of its fields, by index.
    pub schema: &'a Schema,
    /// The index patterns that were asked, for messages.
    pub patterns: &'a [String],
    /// The field that holds the category; Elasticsearch's default is `event.category`.
    pub category_field: &'a str,
    /// The field that says when a document counts; `@timestamp` unless the rule names another.
    pub time_field: &'a str,
    /// The field that says so where a document lacks the first; none where there is no second.
    pub fallback_time_field: Option<&'a str>,
    /// Whether the cluster answers expensive queries (`search.allow_expensive_queries`).
    pub allow_expensive: bool,
}

/// How a pushed query relates to what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// It matches the same documents.
    Exact,
    /// It matches those and others.
    Superset,
}

/// A query for Elasticsearch.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// The query.
    pub query: dsl::Query,
    /// What it leaves open.
    pub fidelity: Fidelity,
}

/// One clause of the query and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafReport {
    /// The clause as written.
    pub text: String,
    /// Where it stands in the query.
    pub span: Span,
    /// Whether Elasticsearch answers it.
    pub fidelity: Fidelity,
    /// Why, in words.
    pub reason: String,
}

/// Indices that cannot answer the query, and are left out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blind {
    /// The indices.
    pub indices: Vec<String>,
    /// The field that they cannot answer.
    pub field: String,
    /// Why, in words.
    pub reason: String,
}

/// What is asked of Elasticsearch, and what is left to evaluate on the answers.
#[derive(Debug, Clone)]
pub struct Plan {
    pushed: Pushed,
    residual: Option<Matcher>,
    leaves: Vec<LeafReport>,
    blind: Vec<Blind>,
    fields: Vec<String>,
    time_field: String,
    fallback_time_field: Option<String>,
}

impl Plan {
    /// Makes a plan.
    ///
    /// # Errors
    /// Every field that no index maps or none can answer, every value that a field's type cannot read, and what
    /// cannot be run yet; spans are those of the query's text.
    pub fn new(input: &Input<'_>) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = unmapped(input);
        problems.extend(input.query.refused_pipes());
        let condition = match eval::condition_for(input.query, input.schema, input.category_field) {
            Ok(condition) => condition,
            Err(found) => {
                problems.extend(found);
                return Err(problems);
            }
        };
        let mut lowering = Lowering::new(input);
        let (query, rest) = lowering.whole(&condition);
        lowering.time_fields();
        problems.extend(no_index_left(input, &lowering));
        let residual = match residual(input, rest) {
            Ok(residual) => residual,
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        if !problems.is_empty() {
            problems.dedup();
            return Err(problems);
        }
        let fidelity = if residual.is_some() { Fidelity::Superset } else { Fidelity::Exact };
        let (residual, fields) =
            residual.map_or((None, Vec::new()), |(matcher, fields)| (Some(matcher), fields));
        Ok(Self {
            pushed: Pushed { query: lowering.without_blind(query).simplified(), fidelity },
            residual,
            leaves: lowering.leaves,
            blind: lowering.blind.into_iter().map(|(blind, _)| blind).collect(),
            fields,
            time_field: input.time_field.to_owned(),
            fallback_time_field: input.fallback_time_field.map(str::to_owned),
        })
    }

    /// What Elasticsearch is asked, but for the time.
    #[must_use]
    pub fn pushed(&self) -> &Pushed {
        &self.pushed
    }

    /// What is asked for one window of time, both ends inclusive, to the millisecond.
    #[must_use]
    pub fn window(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> dsl::Query {
        let time = window::between(&self.time_field, self.fallback_time_field(), from, to);
        dsl::Query::all_of(vec![self.pushed.query.clone(), time]).simplified()
    }

    /// What an answer must satisfy besides; nothing where the pushed query is exact.
    #[must_use]
    pub fn residual(&self) -> Option<&Matcher> {
        self.residual.as_ref()
    }

    /// The fields that the residual reads, to be asked for by Elasticsearch's `fields` option.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Each clause and what became of it, in the order of the query.
    #[must_use]
    pub fn leaves(&self) -> &[LeafReport] {
        &self.leaves
    }

    /// The indices that cannot answer, and are left out; what lies in them is not seen.
    #[must_use]
    pub fn blind(&self) -> &[Blind] {
        &self.blind
    }

    /// The field that says when a document counts.
    #[must_use]
    pub fn time_field(&self) -> &str {
        &self.time_field
    }

    /// The field that says so where a document lacks the first; none where there is only one.
    #[must_use]
    pub fn fallback_time_field(&self) -> Option<&str> {
        self.fallback_time_field.as_deref()
    }
}

/// The matcher of what is left, and the fields that it reads.
fn residual(
    input: &Input<'_>,
    rest: Option<Node<Condition>>,
) -> Result<Option<(Matcher, Vec<String>)>, Vec<Diagnostic>> {
    let Some(rest) = rest else { return Ok(None) };
    let matcher = Matcher::of_condition(&input.query.text, &rest, input.schema)?;
    let mut fields = BTreeSet::new();
    Condition::each_leaf(&rest, &mut |_, leaf| {
        for (field, _) in leaf.fields() {
            fields.extend(input.schema.forms(&field).into_iter().filter_map(|form| form.exact));
            fields.insert(field);
        }
    });
    Ok(Some((matcher, fields.into_iter().collect())))
}

/// Fields that have to be mapped and are not, the category's among them.
fn unmapped(input: &Input<'_>) -> Vec<Diagnostic> {
    if input.schema.indices.is_empty() {
        return Vec::new();
    }
    let missing = |field: &str| input.schema.forms(field).is_empty();
    let mut problems = Vec::new();
    if matches!(input.query.category.node, Category::Named(_)) && missing(input.category_field) {
        problems.push(unknown_field(input, input.category_field, input.query.category.span).hint(
            "it holds the category; `any where …` asks for no category, and a rule may name another field in `event_category_override`",
        ));
    }
    for field in input.query.fields() {
        if !field.optional && missing(&field.name) {
            let hint = match input.schema.nearest(&field.name) {
                Some(near) => format!("did you mean `{near}`? write `?{}` if it may be absent", field.name),
                None => format!("write `?{}` if it may be absent", field.name),
            };
            problems.push(unknown_field(input, &field.name, field.span).hint(hint));
        }
    }
    if missing(input.time_field) && input.fallback_time_field.is_none_or(missing) {
        let field = input.time_field;
        let span = input.query.category.span;
        problems
            .push(unknown_field(input, field, span).hint("it holds the time by which documents are read"));
    }
    problems
}

fn unknown_field(input: &Input<'_>, field: &str, span: Span) -> Diagnostic {
    let message = format!("no index of `{}` maps the field `{field}`", input.patterns.join(","));
    Diagnostic::error(UNKNOWN_FIELD, span, message)
}

/// What to say where every index is blind.
fn no_index_left(input: &Input<'_>, lowering: &Lowering<'_>) -> Vec<Diagnostic> {
    let blind: BTreeSet<&String> = lowering.blind.iter().flat_map(|(blind, _)| &blind.indices).collect();
    let everywhere = lowering.blind.iter().any(|(blind, _)| blind.indices.is_empty());
    let all =
        !input.schema.indices.is_empty() && input.schema.indices.iter().all(|index| blind.contains(index));
    if !everywhere && !all {
        return Vec::new();
    }
    let problem = |(blind, problem): &(Blind, Option<Diagnostic>)| {
        problem.clone().unwrap_or_else(|| {
            let span = lowering.span_of(&blind.field).unwrap_or(input.query.category.span);
            let message = format!("`{}` cannot be answered by any index: {}", blind.field, blind.reason);
            Diagnostic::error(UNANSWERABLE_FIELD, span, message)
        })
    };
    lowering.blind.iter().map(problem).collect()
}

#[cfg(test)]
mod tests;

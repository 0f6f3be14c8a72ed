//! What a rule asks of its source, made anew for each run, so that new indices and mappings count at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, render};
use crate::elastic::{Cluster, ElasticError, PatternMatch};
use crate::eql::Query;
use crate::eval::{Matcher, MatcherSet};
use crate::event::Event;
use crate::plan::{Fidelity, Input, Plan};
use crate::rule::{Rule, TIMESTAMP};
use crate::schema::Schema;

/// Fields whose values an alert needs and that an index may hold outside its documents.
const OUTSIDE_DOCUMENTS: &[&str] =
    &["event.dataset", "event.module", "data_stream.type", "data_stream.dataset", "data_stream.namespace"];

/// A rule as it is asked of a cluster or of files.
#[derive(Debug)]
pub struct Question {
    /// The rule's patterns that match no index.
    pub indices_missing: Vec<String>,
    pub(super) ask: Ask,
}

/// How the question is put; `blind` says what part of the data it cannot reach, where there is such a part.
#[derive(Debug)]
pub(super) enum Ask {
    /// Nothing can be asked: no index matches.
    Nobody { blind: Option<String> },
    /// As a query.
    Cluster { plan: Box<Plan>, patterns: Vec<String>, fields: Vec<String>, blind: Option<String> },
    /// By evaluating the whole rule on each event.
    Files { set: Arc<MatcherSet>, time_field: String, fallback: Option<String> },
}

/// A rule cannot be asked.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// The cluster did not answer what the rule needs to know.
    #[error(transparent)]
    Elastic(#[from] ElasticError),
    /// The rule does not fit the indices' field types; every reason, with its place in the query.
    #[error("the query does not fit the fields of its indices\n{0}")]
    Unfit(String),
}

impl PrepareError {
    /// Whether the same may well succeed later, with nothing changed by anyone.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.elastic().is_some_and(ElasticError::is_retryable)
    }

    /// The failed request behind it.
    #[must_use]
    pub fn elastic(&self) -> Option<&ElasticError> {
        match self {
            Self::Elastic(error) => Some(error),
            Self::Unfit(_) => None,
        }
    }
}

/// What a cluster says of the indices behind some patterns.
#[derive(Debug)]
pub(super) struct Indices {
    /// The patterns that match no index.
    missing: Vec<String>,
    /// What of the data cannot be reached.
    unreachable: Option<String>,
    schema: Schema,
    allow_expensive: bool,
}

impl Indices {
    /// Asks `cluster` for the indices behind `patterns`, and for the types of `fields` in them.
    pub async fn ask(
        cluster: &Cluster,
        patterns: &[String],
        fields: &[String],
    ) -> Result<Self, ElasticError> {
        let matched = cluster.resolve(patterns).await?;
        let missing = matched.iter().filter(|one| one.is_empty()).map(|one| one.pattern.clone()).collect();
        let capabilities = cluster.field_caps(patterns, fields).await?;
        let unreachable = joined([closed(&matched), capabilities.missing]);
        let allow_expensive = match cluster.expensive_queries() {
            // Nothing is asked of no index.
            _ if capabilities.schema.indices.is_empty() => true,
            Some(allowed) => allowed,
            None => cluster.allows_expensive_queries().await?,
        };
        Ok(Self { missing, unreachable, schema: capabilities.schema, allow_expensive })
    }
}

impl Question {
    /// Asks `cluster` for the indices and field types behind `rule`, and plans its query for them.
    pub(super) async fn to_cluster(rule: &Rule, cluster: &Cluster) -> Result<Self, PrepareError> {
        Self::about(rule, &Indices::ask(cluster, &rule.index, &wanted_fields(rule)).await?)
    }

    /// Plans the query of `rule` for its indices, of which more fields than its own may be known.
    pub(super) fn about(rule: &Rule, indices: &Indices) -> Result<Self, PrepareError> {
        let Indices { missing, unreachable, schema, allow_expensive } = indices;
        let (missing, unreachable) = (missing.clone(), unreachable.clone());
        if schema.indices.is_empty() {
            return Ok(Self { indices_missing: missing, ask: Ask::Nobody { blind: unreachable } });
        }
        let plan = planned(rule, schema, *allow_expensive)?;
        if !allow_expensive {
            warn_of_evaluation(rule, &plan);
        }
        let mut fields = mapped(wanted_fields(rule), schema);
        fields.extend(plan.fields().iter().cloned());
        fields.sort_unstable();
        fields.dedup();
        let ask = Ask::Cluster {
            blind: joined([unreachable, blind(&plan)]),
            plan: Box::new(plan),
            patterns: rule.index.clone(),
            fields,
        };
        Ok(Self { indices_missing: missing, ask })
    }

    /// The same rule, evaluated here on each event, with the types of the Elastic Common Schema.
    pub(super) fn to_files(rule: &Rule) -> Result<Self, PrepareError> {
        let matcher = Matcher::compile(&rule.query, &Schema::ecs(), &rule.category_field);
        let matcher = matcher.map_err(|problems| unfit(&rule.query, &problems))?;
        let ask = Ask::Files {
            set: Arc::new(MatcherSet::new(vec![matcher])),
            time_field: rule.time.primary.clone(),
            fallback: rule.time.fallback.clone(),
        };
        Ok(Self { indices_missing: Vec::new(), ask })
    }

    /// The question to a cluster whose indices all have the types of the Elastic Common Schema; nothing is asked.
    ///
    /// # Errors
    /// The rule does not fit those types.
    pub fn offline(rule: &Rule) -> Result<Self, PrepareError> {
        let plan = Box::new(planned(rule, &Schema::ecs(), true)?);
        let ask =
            Ask::Cluster { plan, patterns: rule.index.clone(), fields: wanted_fields(rule), blind: None };
        Ok(Self { indices_missing: Vec::new(), ask })
    }

    /// What is asked of Elasticsearch; nothing where no index matches, or files are read.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        match &self.ask {
            Ask::Cluster { plan, .. } => Some(plan),
            Ask::Nobody { .. } | Ask::Files { .. } => None,
        }
    }

    /// What of the indices cannot be reached or cannot answer, in words; none where all can.
    #[must_use]
    pub fn unreachable(&self) -> Option<&str> {
        match &self.ask {
            Ask::Cluster { blind, .. } | Ask::Nobody { blind } => blind.as_deref(),
            Ask::Files { .. } => None,
        }
    }

    /// Whether an event that the source gave is a match: what the query left open is evaluated here.
    #[must_use]
    pub fn leaves(&self, event: &Event) -> bool {
        match &self.ask {
            Ask::Cluster { plan, .. } => plan.residual().is_none_or(|residual| residual.matches(event)),
            Ask::Nobody { .. } | Ask::Files { .. } => true,
        }
    }
}

/// Says which clauses the cluster is not asked for want of its permission.
fn warn_of_evaluation(rule: &Rule, plan: &Plan) {
    let open = plan.leaves().iter().filter(|leaf| leaf.fidelity == Fidelity::Superset);
    let clauses: Vec<String> = open.map(|leaf| format!("`{}`", leaf.text)).collect();
    if !clauses.is_empty() {
        tracing::warn!(
            rule = %rule.name,
            "the cluster answers no expensive queries (`search.allow_expensive_queries`), so more events are read and \
             evaluated here: {}",
            clauses.join(", ")
        );
    }
}

fn planned(rule: &Rule, schema: &Schema, allow_expensive: bool) -> Result<Plan, PrepareError> {
    let input = Input {
        query: &rule.query,
        schema,
        patterns: &rule.index,
        category_field: &rule.category_field,
        time_field: &rule.time.primary,
        fallback_time_field: rule.time.fallback.as_deref(),
        allow_expensive,
    };
    Plan::new(&input).map_err(|problems| unfit(&rule.query, &problems))
}

fn unfit(query: &Query, problems: &[Diagnostic]) -> PrepareError {
    let shown: Vec<String> =
        problems.iter().map(|problem| render(problem, "query", &query.text, false)).collect();
    PrepareError::Unfit(shown.join("\n"))
}

/// Everything whose type or value is needed: for the query, the time, the identity and the alert.
pub(super) fn wanted_fields(rule: &Rule) -> Vec<String> {
    let mut fields: BTreeSet<String> = rule.query.fields().into_iter().map(|field| field.name).collect();
    fields.extend([rule.category_field.clone(), rule.time.primary.clone(), TIMESTAMP.to_owned()]);
    fields.extend(rule.time.fallback.clone());
    fields.extend(rule.identity.iter().cloned());
    fields.extend(OUTSIDE_DOCUMENTS.iter().map(|field| (*field).to_owned()));
    fields.into_iter().collect()
}

/// The fields that some index has: only those can be asked for by name.
fn mapped(fields: Vec<String>, schema: &Schema) -> Vec<String> {
    fields.into_iter().filter(|field| !schema.forms(field).is_empty()).collect()
}

fn closed(patterns: &[PatternMatch]) -> Option<String> {
    let names: BTreeSet<&str> = patterns.iter().flat_map(|one| &one.closed).map(String::as_str).collect();
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty())
        .then(|| format!("closed and not searched: {}; `POST INDEX/_open` opens it", names.join(", ")))
}

fn blind(plan: &Plan) -> Option<String> {
    let words = |blind: &crate::plan::Blind| {
        let indices: Vec<String> = blind.indices.iter().map(|name| format!("`{name}`")).collect();
        format!("{} cannot answer `{}`: {}", indices.join(", "), blind.field, blind.reason)
    };
    let words: Vec<String> = plan.blind().iter().map(words).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn joined(reasons: [Option<String>; 2]) -> Option<String> {
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

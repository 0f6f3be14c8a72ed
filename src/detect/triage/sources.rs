//! What a rule's questions can be asked of, as the cluster says it now.

use std::collections::BTreeSet;

use crate::elastic::{Cluster, ElasticError};
use crate::rule::Rule;
use crate::rule::triage::Indices;
use crate::triage::{Source, Sources, wanted_fields};

/// Asks for the field types behind every question of `rule`. Questions to indices that cannot be asked fail, and say why.
pub(super) async fn sources(cluster: &Cluster, rule: &Rule, alerts: &str) -> Result<Sources, ElasticError> {
    let allow_expensive = cluster.allows_expensive_queries().await?;
    let mut sources = Sources::default();
    for (indices, fields) in wanted_fields(&rule.triage) {
        let patterns = match &indices {
            Indices::Rule => rule.index.clone(),
            Indices::Alerts => vec![alerts.to_owned()],
            Indices::Patterns(patterns) => patterns.clone(),
        };
        let source = match source(cluster, patterns, &fields, allow_expensive).await {
            Ok(source) => Ok(source),
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        sources.insert(indices, source);
    }
    Ok(sources)
}

async fn source(
    cluster: &Cluster,
    patterns: Vec<String>,
    fields: &[String],
    allow_expensive: bool,
) -> Result<Source, ElasticError> {
    let capabilities = cluster.field_caps(&patterns, fields).await?;
    let matches = cluster.resolve(&patterns).await?;
    let closed: BTreeSet<&str> = matches.iter().flat_map(|one| &one.closed).map(String::as_str).collect();
    let closed: Vec<String> = closed.into_iter().map(|name| format!("`{name}`")).collect();
    let closed = (!closed.is_empty()).then(|| format!("closed and not searched: {}", closed.join(", ")));
    let reasons: Vec<String> = [capabilities.missing, closed].into_iter().flatten().collect();
    let unreachable = (!reasons.is_empty()).then(|| reasons.join("; "));
    let source = Source { patterns, schema: capabilities.schema, allow_expensive, unreachable };
    Ok(source.with_flattened_leaves(fields))
}

//! A request for many rules that failed: either nothing can be asked now, or each rule has to ask for itself.

use std::sync::Arc;

use super::{Gone, Open};
use crate::detect::report::RuleReport;
use crate::elastic::{Cluster, ElasticError};
use crate::rule::Rule;

impl Gone {
    /// Ends the run of `rules` here, as one of their common requests failed; whether that is so for whatever else might be
    /// asked.
    ///
    /// Where the cluster asks to be left alone, or answers nothing else either, each of them is hindered by it; else each is
    /// run by itself, as one of them may be the cause.
    pub(super) async fn stop_at(
        &mut self,
        cluster: &Cluster,
        rules: impl Iterator<Item = Arc<Rule>>,
        reason: &str,
        request: Option<&ElasticError>,
    ) -> bool {
        let is_for_all = is_for_all(cluster, request).await;
        if is_for_all {
            self.hinder(rules, reason, request);
        } else {
            tracing::debug!(reason, "the rules are run one by one");
            self.open.extend(rules.map(|rule| Open::anew(&rule)));
        }
        is_for_all
    }

    /// Ends the run of `rules` here: nothing can be asked now.
    pub(super) fn hinder(
        &mut self,
        rules: impl Iterator<Item = Arc<Rule>>,
        reason: &str,
        request: Option<&ElasticError>,
    ) {
        self.done.extend(rules.map(|rule| {
            let mut report = RuleReport::new(&rule);
            report.hinder(None, reason, request);
            (rule, report)
        }));
    }
}

async fn is_for_all(cluster: &Cluster, request: Option<&ElasticError>) -> bool {
    let Some(error) = request.filter(|error| error.is_retryable()) else { return false };
    error.retry_after().is_some() || cluster.info().await.is_err()
}

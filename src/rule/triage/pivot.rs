//! Searches that an analyst starts from an alert: conditions that Kibana's query language can say as well.

use chrono::TimeDelta;

use super::check::{Names, Place, condition};
use super::question::{Indices, QuestionKind};
use super::read::{indices, window};
use crate::diagnostic::{Diagnostic, Span, UNKNOWN_PLACEHOLDER, UNSAYABLE_PIVOT};
use crate::eql::{Condition, Leaf, Query};
use crate::rule::report::Report;
use crate::rule::tree::Table;

/// The most searches of one rule: all of them stand in each of its alerts.
const MOST_PIVOTS: usize = 32;

/// A search that an analyst starts from an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Pivot {
    /// What it is for, in a few words.
    pub label: String,
    /// Which events it finds, as a query over any category with placeholders.
    pub condition: Query,
    /// How long before the alert's event the time begins; less than nothing for after it.
    pub before: TimeDelta,
    /// How long after the alert's event it ends; less than nothing for before it.
    pub after: TimeDelta,
    /// Where it searches.
    pub indices: Indices,
}

/// Reads every `[[stakeout.pivots]]`.
pub(super) fn pivots(stakeout: &Table, names: &Names, report: &mut Report) -> Vec<Pivot> {
    let pivots: Vec<Pivot> =
        stakeout.tables("pivots").filter_map(|table| pivot(table, names, report)).collect();
    if let Some(list) = stakeout.get("pivots").filter(|_| pivots.len() > MOST_PIVOTS) {
        let message = format!("expected at most {MOST_PIVOTS} pivots, found {}", pivots.len());
        report.problems.push(Diagnostic::error(UNSAYABLE_PIVOT, list.span, message));
    }
    pivots
}

fn pivot(table: &Table, names: &Names, report: &mut Report) -> Option<Pivot> {
    let (before, after) = window(table, QuestionKind::Count, report);
    let indices = indices(table, report);
    let written = table.text("where")?;
    let query = condition(&written, report)?;
    let place = Place::new(&written, report);
    for name in query.placeholders() {
        report.problems.extend(names.problem(&name.node, place.of(name.span), &[]));
    }
    for span in query.unbindable() {
        let message = "a value cannot stand here: only in a string that a field is compared with";
        report.problems.push(Diagnostic::error(UNKNOWN_PLACEHOLDER, place.of(span), message));
    }
    for span in unsayable(&query) {
        let message = "Kibana's query language cannot say this";
        let problem = Diagnostic::error(UNSAYABLE_PIVOT, place.of(span), message);
        let hint = "a pivot takes `==`, `!=`, `in`, `<`, `<=`, `>`, `>=`, `and`, `or`, `not` and comparisons with `null`";
        report.problems.push(problem.hint(hint));
    }
    Some(Pivot { label: table.text("label")?.node.to_owned(), condition: query, before, after, indices })
}

/// The places of what has no counterpart in Kibana's query language.
fn unsayable(query: &Query) -> Vec<Span> {
    let mut spans = Vec::new();
    if let Condition::Constant(_) = query.condition.node {
        spans.push(query.condition.span);
    }
    Condition::each_leaf(&query.condition, &mut |span, leaf| {
        let sayable = matches!(
            leaf,
            Leaf::Truth { .. }
                | Leaf::IsNull { .. }
                | Leaf::Compare { .. }
                | Leaf::OneOf { ignore_case: false, .. }
        );
        if !sayable {
            spans.push(span);
        }
    });
    spans
}

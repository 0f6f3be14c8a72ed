//! Each rule against the fields of its indices.

use super::{Checkup, Finding};
use crate::detect::{PrepareError, Question, Source};
use crate::plan::{Fidelity, Plan};
use crate::rule::Rule;

impl Checkup {
    /// Whether the rule's query fits its indices, and what of it does not.
    pub(super) async fn rule(&self, rule: &Rule) -> Vec<Finding> {
        let (subject, asked) =
            (format!("rule {}", rule.name), format!("POST /{}/_field_caps", rule.index.join(",")));
        let asked = asked.as_str();
        let question = match Source::Cluster(self.cluster.clone()).prepare(rule).await {
            Ok(question) => question,
            Err(PrepareError::Unfit(problems)) => {
                let advice =
                    "map the fields as the Elastic Common Schema has them, or change the rule's query";
                return vec![Finding::missing(subject, asked, unfit(&problems), advice)];
            }
            Err(PrepareError::Elastic(error)) => return vec![Finding::failed(subject, asked, error)],
        };
        let Some(plan) = question.plan() else {
            let advice = "ship events to one of its patterns";
            let found = format!("no index behind {}", rule.index.join(", "));
            return vec![Finding::missing(subject, asked, found, advice)];
        };
        let mut findings = unanswered(&subject, asked, plan);
        findings.extend(unreachable(&subject, asked, &question, plan));
        if findings.is_empty() {
            let found = format!("{} fields are mapped as its query needs them", rule.query.fields().len());
            findings.push(Finding::ok(&subject, asked, found));
        }
        findings.extend(loose(&subject, asked, plan));
        findings
    }
}

/// The problems of a query that fits no index, on one line.
fn unfit(problems: &str) -> String {
    let lines: Vec<&str> = problems.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("the query does not fit: {}", lines.join(" "))
}

/// Indices whose fields cannot answer a clause.
fn unanswered(subject: &str, asked: &str, plan: &Plan) -> Vec<Finding> {
    let finding = |blind: &crate::plan::Blind| {
        let clauses = plan.leaves().iter().filter(|leaf| leaf.text.contains(&blind.field));
        let clauses: Vec<String> = clauses.map(|leaf| format!("`{}`", leaf.text)).collect();
        let needed =
            if clauses.is_empty() { String::new() } else { format!(", needed by {}", clauses.join(", ")) };
        let found =
            format!("{} cannot answer `{}`: {}{needed}", blind.indices.join(", "), blind.field, blind.reason);
        let advice = "their time is owed: give the field its type in a new index and reindex, or leave these indices \
                      out of the rule";
        Finding::missing(subject, asked, found, advice)
    };
    plan.blind().iter().map(finding).collect()
}

/// What else is out of reach.
fn unreachable(subject: &str, asked: &str, question: &Question, plan: &Plan) -> Option<Finding> {
    let reason = question.unreachable().filter(|_| plan.blind().is_empty())?;
    Some(Finding::missing(subject, asked, reason, "its time is owed, and read once it can be reached"))
}

/// Clauses that the cluster answers with too many events.
fn loose(subject: &str, asked: &str, plan: &Plan) -> Option<Finding> {
    let open = plan.leaves().iter().filter(|leaf| leaf.fidelity == Fidelity::Superset);
    let clauses: Vec<String> = open.map(|leaf| format!("`{}` ({})", leaf.text, leaf.reason)).collect();
    let advice = "nothing is missed; more events are read than match";
    (!clauses.is_empty()).then(|| {
        let found = format!("asked loosely and evaluated here: {}", clauses.join(", "));
        Finding::warning(subject, asked, found, advice)
    })
}

//! The checks of a question's condition and sentences: what they name is known, and what is asked is cheap and exact.

use super::question::QuestionKind;
use super::words::{ANSWER_WORDS, Words};
use crate::diagnostic::{Diagnostic, MISSING_KEY, Node, Span, UNASKABLE_QUESTION, UNKNOWN_PLACEHOLDER};
use crate::eql::syntax::Comparison;
use crate::eql::{Condition, Leaf, Query, has_placeholder};
use crate::rule::parse_query::parse_query;
use crate::rule::query::QueryText;
use crate::rule::report::Report;
use crate::rule::tree::Table;
use crate::rule::{check_values, nearest};

/// What stands before a condition to make it a query.
const ANY: &str = "any where ";

/// Reads the condition that `written` is; its problems go to the report, at their places in the file.
pub(super) fn condition(written: &Node<&str>, report: &mut Report) -> Option<Query> {
    let problems = match parse_query(&format!("{ANY}{}", written.node)) {
        Ok(query) => return Some(query),
        Err(problems) => problems,
    };
    let place = Place::new(written, report);
    for problem in problems {
        let span = place.of(problem.span);
        report.problems.push(Diagnostic { span, ..problem });
    }
    None
}

/// Where the text of a condition stands in the file.
pub(super) struct Place {
    whole: Span,
    offset: Option<usize>,
}

impl Place {
    pub(super) fn new(written: &Node<&str>, report: &Report) -> Self {
        let offset = QueryText::locate(written.node, written.span, &report.text).offset;
        Self { whole: written.span, offset }
    }

    /// A span of the query in the file: the whole text where that has escapes.
    pub(super) fn of(&self, span: Span) -> Span {
        self.offset.map_or(self.whole, |offset| {
            Span::new(span.start.saturating_sub(ANY.len()), span.end.saturating_sub(ANY.len()))
                .shifted(offset)
        })
    }
}

/// The names that conditions and sentences may use, besides the fields of the event.
pub(super) struct Names {
    declared: Vec<String>,
}

impl Names {
    pub(super) fn new(values: Option<&Table>) -> Self {
        let entries = values.map_or(&[][..], |table| &table.entries);
        Self { declared: entries.iter().map(|entry| entry.key.node.clone()).collect() }
    }

    /// Why `name` stands for nothing, if so; a field has a dot in its name, or is `@timestamp`.
    pub(super) fn problem(&self, name: &str, span: Span, others: &[&str]) -> Option<Diagnostic> {
        let is_field = name.contains('.') || name.starts_with('@');
        if is_field || others.contains(&name) || self.declared.iter().any(|known| known == name) {
            return None;
        }
        let message = format!("`{{{name}}}` stands for nothing");
        let problem = Diagnostic::error(UNKNOWN_PLACEHOLDER, span, message);
        let known = self.declared.iter().map(String::as_str).chain(others.iter().copied());
        Some(match nearest::of(name, known) {
            Some(near) => problem.hint(format!("did you mean `{{{near}}}`?")),
            None => problem.hint("name a value of `[stakeout.values]`, or a field by its full name"),
        })
    }

    /// The condition of a question, checked with the keys that belong to it.
    pub(super) fn question(&self, table: &Table, kind: QuestionKind, report: &mut Report) -> Option<Query> {
        if let Some(field) = table.text("field") {
            check_values::field_name(&field, &mut report.problems);
        }
        report.problems.extend(field_fits(table, kind));
        let Some(written) = table.text("where") else {
            if kind != QuestionKind::Event {
                let problem = Diagnostic::error(
                    MISSING_KEY,
                    table.span,
                    "`where` is missing from `[[stakeout.triage]]`",
                );
                report.problems.push(problem.hint("add `where = 'user.id == \"{user.id}\"'`"));
            }
            return None;
        };
        let query = condition(&written, report)?;
        let place = Place::new(&written, report);
        let unknown = query.placeholders();
        let unknown = unknown.iter().filter_map(|name| self.problem(&name.node, place.of(name.span), &[]));
        report.problems.extend(unknown);
        for span in query.unbindable() {
            let message = "a value cannot stand here: only in a string that a field is compared with";
            report.problems.push(Diagnostic::error(UNKNOWN_PLACEHOLDER, place.of(span), message));
        }
        if kind != QuestionKind::Event {
            report.problems.extend(subject_first(&query, &place));
            report.problems.extend(costly(&query, &place));
        }
        Some(query)
    }
}

/// A question over a field names it, and no other does.
fn field_fits(table: &Table, kind: QuestionKind) -> Option<Diagnostic> {
    let needs = matches!(kind, QuestionKind::Terms | QuestionKind::Compare);
    match table.get("field") {
        None if needs => {
            let problem =
                Diagnostic::error(MISSING_KEY, table.span, "`field` is missing from `[[stakeout.triage]]`");
            Some(problem.hint("questions of kind `terms` and `compare` ask for the values of a field"))
        }
        Some(field) if !needs && kind != QuestionKind::Event => {
            let message = "`field` belongs to questions of kind `terms`, `compare` and `event`";
            Some(Diagnostic::error(UNASKABLE_QUESTION, field.span, message))
        }
        _ => None,
    }
}

/// The first thing that a condition says is whose events it means, so that little is searched.
fn subject_first(query: &Query, place: &Place) -> Option<Diagnostic> {
    let first = match &query.condition.node {
        Condition::And(items) => items.first()?,
        _ => &query.condition,
    };
    if subject(&first.node).is_some() {
        return None;
    }
    let message = "expected the subject first, a field that equals a value of the alert";
    let problem = Diagnostic::error(UNASKABLE_QUESTION, place.of(first.span), message);
    Some(problem.hint("begin with one such as `user.id == \"{user.id}\" and …`"))
}

/// The field and the text of a condition that is a subject.
fn subject(condition: &Condition) -> Option<(&str, &str)> {
    let Condition::Leaf(Leaf::Compare { field, operator: Comparison::Equal, value }) = condition else {
        return None;
    };
    value.node.as_str().filter(|text| has_placeholder(text)).map(|text| (field.node.as_str(), text))
}

/// Clauses that the index cannot answer cheaply, or not at all.
fn costly(query: &Query, place: &Place) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    Condition::each_leaf(&query.condition, &mut |span, leaf| {
        let wild = |text: &str| text.starts_with(['*', '?']);
        let message = match leaf {
            Leaf::Script(_) => "a computed value cannot be searched for",
            Leaf::Like { patterns, .. } if patterns.iter().any(|one| wild(&one.node)) => LEADING,
            Leaf::Lucene { pattern, .. } if wild(&pattern.node) => LEADING,
            Leaf::Regex { regex, .. } if regex.node.pattern().starts_with(['.', '(', '[']) => LEADING_REGEX,
            _ => return,
        };
        problems.push(Diagnostic::error(UNASKABLE_QUESTION, place.of(span), message));
    });
    problems
}

const LEADING: &str = "a pattern that begins with a wildcard makes every different value be read";
const LEADING_REGEX: &str =
    "a regular expression that does not begin with a character makes every different value be read";

/// The sentence of `key`; names in it that stand for nothing go to the report.
pub(super) fn sentence(table: &Table, key: &str, names: &Names, report: &mut Report) -> Option<Words> {
    let written = table.text(key)?;
    let words = Words::new(written.node);
    for name in words.names() {
        report.problems.extend(names.problem(name, written.span, &ANSWER_WORDS));
    }
    Some(words)
}

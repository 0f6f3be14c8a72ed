//! Checks of single values that their type does not make.

use std::collections::HashMap;
use std::time::Duration;

use chrono::NaiveDate;

use super::keys::SUPPORTED_TYPE;
use super::tree::{Table, TomlValue};
use super::{names, time_span};
use crate::diagnostic::{
    DEPRECATED_RULE, DOUBTFUL_REFERENCE, DUPLICATE_VALUE, Diagnostic, EMPTY_VALUE, FEATURE_NOT_APPLIED,
    HIDDEN_CHARACTER, INVALID_DATE, INVALID_FIELD_NAME, INVALID_INDEX_PATTERN, INVALID_RULE_ID,
    INVALID_TIME_SPAN, Node, SCHEDULE_GAP, Span, UNSUPPORTED_RULE_FEATURE, UNSUPPORTED_RULE_TYPE,
    VALUE_NOT_ALLOWED, sanitize,
};

/// Ids in Elastic's own files that are no UUIDs; their validator lets these two through as well.
const ELASTICS_BAD_IDS: [&str; 2] =
    ["119c8877-8613-416d-a98a-96b6664ee73a5", "7eb54028-ca72-4eb7-8185-b6864572347db"];

type Problems = Vec<Diagnostic>;

/// The rule is of a type that can run, and its language is the type's.
pub(super) fn rule_type(rule: &Table, problems: &mut Problems) {
    let Some(rule_type) = rule.text("type") else { return };
    if rule_type.node != SUPPORTED_TYPE {
        // A word that is no type at all has been complained about already.
        if super::keys::RULE_TYPES.contains(&rule_type.node) {
            let message = format!("rules of type `{}` are not supported yet", rule_type.node);
            let problem = Diagnostic::error(UNSUPPORTED_RULE_TYPE, rule_type.span, message);
            problems.push(problem.hint("only rules of type `eql` can run; leave this file out"));
        }
        return;
    }
    if let Some(language) = rule.text("language").filter(|language| language.node != SUPPORTED_TYPE) {
        let message = format!("expected `eql`, the language of `eql` rules, found `{}`", language.node);
        problems.push(Diagnostic::error(VALUE_NOT_ALLOWED, language.span, message));
    }
}

/// The name is shown wherever there is an alert, and stands there as it is written.
pub(super) fn name(rule: &Table, problems: &mut Problems) {
    let Some(name) = rule.text("name") else { return };
    let clean = sanitize(name.node);
    if clean != name.node {
        let message = format!("`name` holds characters that steer a terminal or hide text: `{clean}`");
        let problem = Diagnostic::error(HIDDEN_CHARACTER, name.span, message);
        problems.push(problem.hint("leave out what is written as `\\u{…}` here"));
    }
}

/// The id is a UUID in lower case, as Elastic's own validator asks.
pub(super) fn rule_id(rule: &Table, problems: &mut Problems) {
    let Some(id) = rule.text("rule_id") else { return };
    if id.node.trim().is_empty() || is_uuid(id.node) || ELASTICS_BAD_IDS.contains(&id.node) {
        return;
    }
    let problem = Diagnostic::error(
        INVALID_RULE_ID,
        id.span,
        format!("expected a UUID in lower case, found `{}`", id.node),
    );
    let lower = id.node.to_lowercase();
    problems.push(if is_uuid(&lower) {
        problem.hint(format!("write `{lower}`"))
    } else {
        problem.hint("a UUID looks like `d1e5e410-3e34-412e-9b1f-dd500b3b55cd`; `uuidgen` prints a new one")
    });
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

/// There is an index pattern, and each can match an index.
pub(super) fn indices(rule: &Table, problems: &mut Problems) {
    let Some(list) = rule.get("index") else { return };
    if list.node.is_empty() {
        let problem = Diagnostic::error(EMPTY_VALUE, list.span, "`index` names no index");
        problems.push(problem.hint("name at least one pattern: `index = [\"logs-*\"]`"));
        return;
    }
    for pattern in rule.texts("index").filter(|pattern| !pattern.node.trim().is_empty()) {
        if let Some(fault) = names::index_pattern_fault(pattern.node) {
            let message = format!("`{}` is no index pattern: {fault}", pattern.node);
            problems.push(Diagnostic::error(INVALID_INDEX_PATTERN, pattern.span, message));
        }
    }
    let mut patterns = rule.texts("index").peekable();
    if patterns.peek().is_some() && patterns.all(|pattern| pattern.node.starts_with('-')) {
        let message = "`index` only excludes; name what to search as well";
        problems.push(Diagnostic::error(INVALID_INDEX_PATTERN, list.span, message));
    }
}

/// Whatever names a field can name one.
pub(super) fn fields(rule: &Table, problems: &mut Problems) {
    let keys = ["event_category_override", "tiebreaker_field", "timestamp_field", "timestamp_override"];
    for field in keys.iter().filter_map(|key| rule.text(key)) {
        field_name(&field, problems);
    }
}

pub(super) fn field_name(field: &Node<&str>, problems: &mut Problems) {
    if field.node.trim().is_empty() {
        return;
    }
    if let Some(fault) = names::field_name_fault(field.node) {
        let message = format!("`{}` is no field name: {fault}", field.node);
        problems.push(Diagnostic::error(INVALID_FIELD_NAME, field.span, message));
    }
}

/// References are web addresses; a warning only, for nothing depends on it.
pub(super) fn references(rule: &Table, problems: &mut Problems) {
    for reference in rule.texts("references") {
        let rest = ["https://", "http://"].iter().find_map(|scheme| reference.node.strip_prefix(scheme));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
            let message = format!("`{}` is not a web address", reference.node);
            let problem = Diagnostic::warning(DOUBTFUL_REFERENCE, reference.span, message);
            problems.push(problem.hint("a reference begins with `https://` and has no spaces"));
        }
    }
}

/// A rule that is switched off in its file runs all the same, and this says so.
pub(super) fn switched_off(rule: &Table, problems: &mut Problems) {
    if let Some(enabled) = rule.boolean("enabled").filter(|enabled| !enabled.node) {
        let message = "`enabled` is not applied: every rule that is chosen runs";
        let problem = Diagnostic::warning(FEATURE_NOT_APPLIED, enabled.span, message);
        problems.push(problem.hint("to switch it off, leave the file out of `--rules`"));
    }
}

/// How far the rule looks back, and the time between two runs; nothing if either cannot be read.
pub(super) fn schedule(rule: &Table, problems: &mut Problems) -> Option<(Duration, Duration)> {
    if let Some(to) = rule.text("to").filter(|to| to.node != "now") {
        let message =
            format!("expected `now`, found `{}`: windows that end earlier are not supported yet", to.node);
        let problem = Diagnostic::error(UNSUPPORTED_RULE_FEATURE, to.span, message);
        problems.push(problem.hint("remove `to`; events that come late are found by an earlier `from`"));
    }
    // The defaults are Kibana's.
    let look_back = span_of(rule, "from", "now-6m", time_span::parse_look_back, problems);
    let interval = span_of(rule, "interval", "5m", time_span::parse_span, problems);
    let (look_back, interval) = look_back.zip(interval)?;
    if look_back < interval {
        let place = rule.get("from").or_else(|| rule.get("interval")).map_or(rule.span, |value| value.span);
        let message = format!(
            "each run looks back {} and the next comes after {}: {} of every interval would never be searched",
            time_span::written(look_back),
            time_span::written(interval),
            time_span::written(interval.saturating_sub(look_back)),
        );
        let fix = time_span::written(interval + Duration::from_mins(1));
        let problem = Diagnostic::error(SCHEDULE_GAP, place, message);
        problems.push(problem.hint(format!("look back further, `from = \"now-{fix}\"`, or run more often")));
    }
    Some((look_back, interval))
}

fn span_of(
    rule: &Table,
    key: &str,
    default: &str,
    parse: fn(&str) -> Result<Duration, String>,
    problems: &mut Problems,
) -> Option<Duration> {
    let written = match rule.get(key) {
        Some(_) => rule.text(key)?,
        None => Node::new(Span::default(), default),
    };
    match parse(written.node) {
        Ok(span) => Some(span),
        Err(message) => {
            if !written.node.trim().is_empty() {
                problems.push(Diagnostic::error(INVALID_TIME_SPAN, written.span, message));
            }
            None
        }
    }
}

/// Dates are dates, and a rule that its authors gave up is pointed out.
pub(super) fn metadata(metadata: &Table, problems: &mut Problems) {
    for date in ["creation_date", "updated_date"].iter().filter_map(|key| metadata.text(key)) {
        let written =
            |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'/' } else { byte.is_ascii_digit() };
        let is_date = date.node.len() == 10
            && date.node.bytes().enumerate().all(written)
            && NaiveDate::parse_from_str(date.node, "%Y/%m/%d").is_ok();
        if !is_date && !date.node.trim().is_empty() {
            let message = format!("expected a date such as `2026/11/24`, found `{}`", date.node);
            problems.push(Diagnostic::error(INVALID_DATE, date.span, message));
        }
    }
    if let Some(maturity) = metadata.text("maturity").filter(|maturity| maturity.node == "deprecated") {
        let message = "the rule is deprecated: its authors no longer look after it";
        problems.push(Diagnostic::warning(DEPRECATED_RULE, maturity.span, message));
    }
}

/// Identity names fields, each once; examples have names of their own.
pub(super) fn stakeout(stakeout: &Table, problems: &mut Problems) {
    if let Some(identity) = stakeout.get("identity").filter(|identity| is_empty_list(identity)) {
        let problem = Diagnostic::error(EMPTY_VALUE, identity.span, "`identity` names no field");
        problems.push(problem.hint("without the key, index and `_id` tell findings apart"));
    }
    for field in stakeout.texts("identity") {
        field_name(&field, problems);
    }
    each_once(stakeout.texts("identity"), "the field", problems);
    each_once(stakeout.tables("examples").filter_map(|one| one.text("name")), "an example named", problems);
}

fn is_empty_list(value: &Node<TomlValue>) -> bool {
    matches!(&value.node, TomlValue::Array(items) if items.is_empty())
}

fn each_once<'a>(values: impl Iterator<Item = Node<&'a str>>, what: &str, problems: &mut Problems) {
    let mut seen = HashMap::new();
    for value in values {
        if seen.insert(value.node, value.span).is_some() {
            let message = format!("{what} `{}` stands here twice", value.node);
            problems.push(Diagnostic::error(DUPLICATE_VALUE, value.span, message));
        }
    }
}

//! From a condition to the texts that every event it is true of must hold.
//!
//! Only what a value must hold verbatim counts. A negation, a null, a number, an address, a time and a script tell
//! nothing of the kind. Strings are compared by bytes, or with ASCII letters in either case: no other folding occurs.

use super::kind::Kind;
use crate::diagnostic::Node;
use crate::eql::syntax::Comparison;
use crate::eql::{Condition, Leaf, Value, has_wildcard};
use crate::event::{Literal, Needles};
use crate::schema::Schema;

type Set = Vec<Literal>;

/// What events must hold for `condition` to be true of them, the fields being typed by `schema`.
pub(super) fn needles(condition: &Node<Condition>, schema: &Schema) -> Needles {
    let mut all = sets(condition, schema);
    all.dedup();
    Needles { all }
}

fn sets(condition: &Node<Condition>, schema: &Schema) -> Vec<Set> {
    match &condition.node {
        Condition::Constant(Some(true)) | Condition::Not(_) => Vec::new(),
        Condition::Constant(_) => vec![Vec::new()],
        Condition::And(items) => items.iter().flat_map(|item| sets(item, schema)).collect(),
        Condition::Or(items) => either(items, schema).into_iter().collect(),
        Condition::Leaf(leaf) => of_leaf(leaf, schema).into_iter().collect(),
    }
}

/// One set for all of the alternatives: the most telling one of each.
fn either(items: &[Node<Condition>], schema: &Schema) -> Option<Set> {
    let mut joined = Set::new();
    for item in items {
        let best = sets(item, schema).into_iter().max_by_key(weight)?;
        joined.extend(best);
    }
    Some(joined)
}

/// How much a set tells: its shortest text, and then how few there are.
fn weight(set: &Set) -> (usize, std::cmp::Reverse<usize>) {
    let shortest = set.iter().map(|literal| literal.text.len() + usize::from(literal.whole) * 2).min();
    (shortest.unwrap_or(usize::MAX), std::cmp::Reverse(set.len()))
}

fn of_leaf(leaf: &Leaf, schema: &Schema) -> Option<Set> {
    let field = &leaf.field()?.node;
    if !holds_texts(field, schema) {
        return None;
    }
    match leaf {
        Leaf::Compare { operator: Comparison::Equal, value, .. } => {
            equal(field, &value.node, false).map(|one| vec![one])
        }
        Leaf::OneOf { values, ignore_case, .. } => {
            values.iter().map(|value| equal(field, &value.node, *ignore_case)).collect()
        }
        Leaf::Like { patterns, ignore_case, .. } => {
            patterns.iter().map(|pattern| like(field, &pattern.node, *ignore_case)).collect()
        }
        Leaf::Prefix { prefix, ignore_case, .. } => {
            part(field, std::slice::from_ref(&prefix.node), *ignore_case).map(|one| vec![one])
        }
        Leaf::Lucene { pattern, ignore_case, .. } => {
            part(field, &lucene_runs(&pattern.node), *ignore_case).map(|one| vec![one])
        }
        Leaf::Regex { regex, .. } => {
            let only = regex.node.only_text()?;
            text(field, &only, regex.node.ignores_case()).map(|one| vec![one])
        }
        Leaf::Truth { .. }
        | Leaf::IsNull { .. }
        | Leaf::Compare { .. }
        | Leaf::Cidr { .. }
        | Leaf::Script(_) => None,
    }
}

/// Whether the field's values are compared as texts wherever it is mapped.
fn holds_texts(field: &str, schema: &Schema) -> bool {
    let forms = if schema.knows(field) { schema.forms(field) } else { Vec::new() };
    // A type that EQL cannot query holds nothing that could match.
    forms
        .iter()
        .filter_map(|form| Kind::of(form.field_type))
        .all(|kind| matches!(kind, Kind::Text | Kind::Version))
}

fn equal(field: &str, value: &Value, ignore_case: bool) -> Option<Literal> {
    text(field, value.as_str()?, ignore_case)
}

/// A value that is this text.
fn text(field: &str, text: &str, ignore_case: bool) -> Option<Literal> {
    let is_boolean = ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(text));
    let literal = Literal { field: field.to_owned(), text: text.to_owned(), whole: !is_boolean, ignore_case };
    (!text.is_empty() && !is_of_numbers(text)).then_some(literal)
}

fn like(field: &str, pattern: &str, ignore_case: bool) -> Option<Literal> {
    if has_wildcard(pattern) {
        let runs: Vec<String> = pattern.split(['*', '?']).map(str::to_owned).collect();
        return part(field, &runs, ignore_case);
    }
    text(field, pattern, ignore_case)
}

/// The runs of characters between the wildcards of a pattern in which `\` is an escape.
fn lucene_runs(pattern: &str) -> Vec<String> {
    let mut runs = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '*' | '?' => None,
            '\\' => Some(characters.next().unwrap_or('\\')),
            plain => Some(plain),
        };
        match (plain, runs.last_mut()) {
            (Some(plain), Some(run)) => run.push(plain),
            _ => runs.push(String::new()),
        }
    }
    runs
}

/// A value that holds all of these runs: the longest one stands for them.
fn part(field: &str, runs: &[String], ignore_case: bool) -> Option<Literal> {
    if runs.iter().all(|run| is_of_numbers(run)) {
        return None;
    }
    let longest = runs.iter().max_by_key(|run| run.len())?;
    Some(Literal { field: field.to_owned(), text: longest.clone(), whole: false, ignore_case })
}

/// Whether it may be part of how a number is printed, which need not be how it is spelled in the document.
fn is_of_numbers(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use super::needles;
    use crate::eql::Query;
    use crate::schema::Schema;

    /// The sets of a query's condition, in short: `field=text` (whole), `field~text` (part), `!` for either case.
    fn shown(condition: &str) -> Vec<String> {
        let query = Query::parse(&format!("any where {condition}")).unwrap();
        let sets = needles(&query.condition, &Schema::ecs()).all;
        let literal = |literal: &super::Literal| {
            let (sign, case) =
                (if literal.whole { "=" } else { "~" }, if literal.ignore_case { "!" } else { "" });
            format!("{}{sign}{}{case}", literal.field, literal.text)
        };
        sets.iter().map(|set| set.iter().map(literal).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn what_a_value_must_hold() {
        for (condition, expected) in [
            (r#"user.id == "abc""#, &["user.id=abc"][..]),
            (
                r#"user.id == "abc" and event.action in ("x", "yy")"#,
                &["user.id=abc", "event.action=x|event.action=yy"],
            ),
            (r#"user.id : "a*bcd?e""#, &["user.id~bcd!"]),
            (r#"user.id like ("ab*", "cd")"#, &["user.id~ab|user.id=cd"]),
            (r#"user.id in~ ("a1", "b")"#, &["user.id=a1!|user.id=b!"]),
            (r#"startsWith(user.id, "AROA")"#, &["user.id~AROA"]),
            (r#"stringContains~(user.id, ":i-")"#, &["user.id~:i-!"]),
            (r#"stringContains(user.id, "principal=\\*")"#, &["user.id~principal=*"]),
            (r#"user.id regex "net\\.exe""#, &["user.id=net.exe"]),
            (r#"user.id == "a" or event.action == "b""#, &["user.id=a|event.action=b"]),
            (
                r#"(user.id == "a" and event.action == "bcd") or user.id == "f""#,
                &["event.action=bcd|user.id=f"],
            ),
            (r#"unknown.field == "true""#, &["unknown.field~true"]),
            ("false", &[""]),
        ] {
            assert_eq!(shown(condition), expected, "{condition}");
        }
    }

    #[test]
    fn what_tells_nothing() {
        for condition in [
            "true",
            r#"user.id != "abc""#,
            r#"not user.id : "abc*""#,
            "user.id == null",
            "user.id != null",
            r#"user.id : "*""#,
            r#"user.id == "a" or process.pid > 3"#,
            "process.pid == 47",
            r#"source.ip == "10.0.0.1""#,
            r#"cidrMatch(source.ip, "10.0.0.0/8")"#,
            r#"@timestamp == "2026-11-23""#,
            r#"user.id == "4624""#,
            r#"user.id : "46*2?""#,
            r#"user.id == "1e5""#,
            r#"user.id > "abc""#,
            "length(user.id) > 3",
            r#"user.id regex "a.*""#,
            r#"user.id == """#,
        ] {
            assert_eq!(shown(condition), Vec::<String>::new(), "{condition}");
        }
    }
}

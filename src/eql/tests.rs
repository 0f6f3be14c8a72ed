//! Queries as a whole: their form, their meaning, and what hostile text gets.

use proptest::prelude::*;

use super::syntax::{Category, Expression, Pipe};
use super::{Condition, Leaf, Query, Value};

fn parse(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

fn codes(text: &str) -> Vec<&'static str> {
    Query::parse(text).unwrap_err().iter().map(|problem| problem.code.id).collect()
}

/// The condition with its places left out: `and(a == 1, not b)`.
fn shape(condition: &Condition) -> String {
    let list = |items: &[crate::diagnostic::Node<Condition>]| {
        items.iter().map(|item| shape(&item.node)).collect::<Vec<_>>().join(", ")
    };
    match condition {
        Condition::Constant(Some(truth)) => truth.to_string(),
        Condition::Constant(None) => "null".to_owned(),
        Condition::And(items) => format!("and({})", list(items)),
        Condition::Or(items) => format!("or({})", list(items)),
        Condition::Not(inner) => format!("not({})", shape(&inner.node)),
        Condition::Leaf(Leaf::Script(_)) => "script".to_owned(),
        Condition::Leaf(leaf) => {
            let kind = format!("{leaf:?}");
            let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
            format!("{kind}({})", leaf.field().map_or("", |field| &field.node))
        }
    }
}

fn meaning(condition: &str) -> String {
    let query = parse(&format!("any where {condition}"));
    shape(&query.condition.node)
}

#[test]
fn categories_pipes_and_fields_are_kept() {
    let query = parse("process where a.b == 1 and ?`x.y`.`z``` : \"q\" and ?a.b == 2 | tail 10 | head 2 + 3");
    assert_eq!(query.category.node, Category::Named("process".into()));
    assert_eq!(query.pipes.iter().map(|pipe| pipe.node).collect::<Vec<_>>(), [Pipe::Tail(10), Pipe::Head(5)]);
    let fields: Vec<_> = query.fields().into_iter().map(|field| (field.name, field.optional)).collect();
    assert_eq!(fields, [("a.b".to_owned(), false), ("x.y.z`".to_owned(), true)]);
    assert_eq!(parse("any where true").category.node, Category::Any);
    assert_eq!(parse("\"any\" where true").category.node, Category::Named("any".into()));
    assert_eq!(parse("any where @timestamp == 1 and _a1.b_ == 2").fields()[0].name, "@timestamp");
    assert_eq!(parse("any where a . b == 1").fields()[0].name, "a.b");
}

#[test]
fn spans_are_those_of_the_clause() {
    let query = parse("any where /* é */ (a == \"é\" or not b)");
    let Condition::Or(items) = &query.condition.node else { panic!("{:?}", query.condition) };
    assert_eq!(query.source(items[0].span), "a == \"é\"");
    assert_eq!(query.source(items[1].span), "not b");
    assert_eq!(query.source(query.condition.span), "a == \"é\" or not b");
}

#[test]
fn operators_bind_as_in_elasticsearch() {
    assert_eq!(meaning("a or b and not c == 1"), "or(Truth(a), and(Truth(b), not(Compare(c))))");
    assert_eq!(meaning("not a in (1) and not (b or c)"), "and(not(OneOf(a)), not(or(Truth(b), Truth(c))))");
    assert_eq!(meaning("a and (b and (c and d))"), "and(Truth(a), Truth(b), Truth(c), Truth(d))");
    assert_eq!(meaning("2 + 3 * 4 - 10 / 5 % 3 == 12"), "true");
    assert_eq!(meaning("4 / 3 == 1 and -7 % 3 == -1 and 4.0 / 8 == .5"), "true");
}

#[test]
fn clauses_become_leaves() {
    for (text, expected) in [
        ("a != 1", "not(Compare(a))"),
        ("1 < a", "Compare(a)"),
        ("null == a", "IsNull(a)"),
        ("a != null", "not(IsNull(a))"),
        ("null == \"a\"", "false"),
        ("null != \"a\"", "true"),
        ("null == null", "true"),
        ("null > 1", "null"),
        ("not null > 1", "null"),
        ("a in (null)", "false"),
        ("a not in (null, 1)", "not(OneOf(a))"),
        ("a : \"x\"", "Like(a)"),
        ("a like~ (\"x\", \"y*\")", "Like(a)"),
        ("a regex \"x\"", "Regex(a)"),
        ("startsWith(a, \"x\") == false", "not(Prefix(a))"),
        ("endsWith(a, \"x\") != true", "not(Lucene(a))"),
        ("STRINGCONTAINS~ (a, \"x\")", "Lucene(a)"),
        ("startsWith(\"xy\", \"x\")", "true"),
        ("startsWith(\"xy\", a)", "script"),
        ("startsWith(a, null)", "null"),
        ("cidrMatch(a, \"10.0.0.0/8\")", "Cidr(a)"),
        ("wildcard(a, \"x*\", \"y\")", "Like(a)"),
        ("length(a) == 1", "script"),
        ("length(\"abc\") == 3", "true"),
        ("a == length(\"abc\")", "Compare(a)"),
        ("length(a) == null", "script"),
        ("length(a) != 1", "not(script)"),
        ("null == (a > -1)", "script"),
        ("a and true", "Truth(a)"),
        ("a or true", "true"),
        ("a and null", "null"),
        ("a or null", "Truth(a)"),
        ("not (a and null)", "null"),
        ("false and null", "false"),
    ] {
        assert_eq!(meaning(text), expected, "{text}");
    }
    let query = parse("any where \"x\" >= a");
    let Condition::Leaf(Leaf::Compare { operator, value, .. }) = &query.condition.node else { panic!() };
    assert_eq!((operator.symbol(), &value.node), ("<=", &Value::String("x".into())));
}

#[test]
fn an_optional_field_that_is_not_mapped_is_null() {
    let without = |text: &str| {
        let query = parse(&format!("any where {text}"));
        let condition = query.condition_without(&|field| field == "x").unwrap();
        shape(&condition.node)
    };
    for (text, expected) in [
        ("?x == null", "true"),
        ("?x != null", "false"),
        ("?x == \"a\"", "false"),
        ("?x != \"a\"", "true"),
        ("not ?x : \"a\"", "null"),
        ("not ?x in (\"a\")", "null"),
        ("not startsWith(?x, \"a\")", "null"),
        ("not ?x > 1", "null"),
        ("not ?x", "null"),
        ("a == 1 or not ?x : \"a\"", "Compare(a)"),
        ("a == 1 and not ?x : \"a\"", "null"),
        ("x == \"a\"", "Compare(x)"),
    ] {
        assert_eq!(without(text), expected, "{text}");
    }
}

#[test]
fn one_error_does_not_hide_the_next() {
    assert_eq!(
        codes("any where a = 1 and b == 'x' or (c ==) and d like e"),
        ["E106", "E104", "E106", "E106"]
    );
    assert_eq!(codes("any where a : 5 and b + \"x\" == 1 and substring(c) == 2"), ["E202", "E202", "E204"]);
    assert_eq!(codes("any where a = 1 and b == c and 1 and d : 5"), ["E106", "E205", "E202", "E202"]);
    assert_eq!(codes("any where a : 5 and b + \"x\" == 1"), ["E202", "E202"]);
}

#[test]
fn deep_nesting_and_garbage_are_refused_in_linear_time() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("any where {}a == 1{}", open.repeat(depth), close.repeat(depth))
    };
    assert!(Query::parse(&nested("(", ")", 90)).is_ok());
    for (open, close) in [
        ("(", ")"),
        ("not ", ""),
        ("not (", ")"),
        ("- ", ""),
        ("length(", ")"),
        ("1 + ", ""),
        ("b in (", ")"),
    ] {
        for depth in [200, 100_000] {
            assert!(codes(&nested(open, close, depth)).contains(&"E108"), "{open} {depth}");
        }
    }
    for piece in [
        "(",
        ")",
        "'",
        "\"",
        "` ",
        "/*",
        "\\",
        "a ",
        "a == ",
        "and ",
        "\"\\u{",
        "\u{1f600}",
        "a,",
        "( and ",
        "x(",
        "'\n",
        "\"\n",
    ] {
        let text = format!("any where {}", piece.repeat(1_000_000 / piece.len()));
        assert!(Query::parse(&text).is_err(), "{piece}");
    }
}

#[test]
fn long_chains_are_flat() {
    let clauses = vec!["a == 1"; 20_000];
    let query = parse(&format!("any where {}", clauses.join(" or ")));
    assert!(matches!(&query.expression.node, Expression::Or(items) if items.len() == 20_000));
    assert!(matches!(&query.condition.node, Condition::Or(items) if items.len() == 20_000));
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "(any where )?[a-z0-9 ()\"'`.,=!<>:+*/%~?|\\\\\n{}\\[\\]é-]{0,60}") {
        if let Err(problems) = Query::parse(&text) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(problem.span.start <= problem.span.end && problem.span.end <= text.len());
                prop_assert!(text.is_char_boundary(problem.span.start) && text.is_char_boundary(problem.span.end));
            }
        }
    }

    #[test]
    fn words_of_the_language_in_any_order_are_answered(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "any", "where", "and", "or", "not", "in", "(", ")", ",", "a", "?b.c", "\"x\"", "1", "==", ":", "like",
                "regex~", "length", "concat(", "null", "true", "|", "head", "-", "+", "AND", "=", "'y'", "[", "in~",
            ]),
            0..25,
        )
    ) {
        let text = format!("any where {}", words.join(" "));
        if let Err(problems) = Query::parse(&text) {
            prop_assert!(!problems.is_empty(), "{text}");
        }
    }
}

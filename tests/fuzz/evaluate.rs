//! Any query that is read is evaluated on any document, and its negation says the opposite.

use std::cell::Cell;

use serde_json::{Map, Value as Json};
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::plan::{Input, Plan};
use stakeout::schema::Schema;

use super::cases::{self, Group};
use super::mutate::{Random, mutated};
use super::run::fuzz;

/// Between the query and the documents of an input.
const BORDER: &str = "\n----\n";

#[test]
fn any_query_is_evaluated_on_any_document() {
    let groups = cases::groups();
    let schemas: Vec<Schema> =
        groups.iter().map(|group| group.schema("index")).chain([Schema::ecs()]).collect();
    let evaluated = Cell::new(0);
    let tried = fuzz(
        3_000,
        |random| input(&groups, random),
        |input| {
            let Some((text, document)) = input.split_once(BORDER) else { return };
            let (Ok(query), Ok(source)) =
                (Query::parse(text), serde_json::from_str::<Map<String, Json>>(document))
            else {
                return;
            };
            let event = Event { index: "index".into(), source, ..Event::default() };
            let fits = schemas.iter().filter(|schema| evaluate(&query, &event, schema)).count();
            evaluated.set(evaluated.get() + usize::from(fits > 0));
        },
    );
    assert!(evaluated.get() * 4 > tried, "only {} of {tried} queries were evaluated", evaluated.get());
}

/// A case, more or less, and a document in which fields have values of any kind.
fn input(groups: &[Group], random: &mut Random) -> String {
    let group = random.pick(groups);
    let queries: Vec<String> = group.cases.iter().map(|(case, _)| cases::query(case)).collect();
    let text = if random.below(3) == 0 { random.pick(&queries).clone() } else { mutated(&queries, random) };
    let documents: Vec<&Json> = group.documents.values().collect();
    let document = random.pick(&documents).as_str().expect("JSON");
    let mut source: Map<String, Json> = serde_json::from_str(document).expect("an object");
    for name in group.fields.keys() {
        if random.below(2) == 0 {
            source.insert(name.clone(), any_json(random, 3));
        }
    }
    format!("{text}{BORDER}{}", Json::Object(source))
}

fn any_json(random: &mut Random, depth: usize) -> Json {
    match random.below(if depth == 0 { 6 } else { 8 }) {
        0 => Json::Null,
        1 => (random.below(2) == 0).into(),
        2 => (*random.pick(&[0, 1, -1, i64::MAX, i64::MIN, 1_795_392_001_500])).into(),
        3 => (*random.pick(&[0.0, -0.0, 1.5, 1e300, 5e-324])).into(),
        4 => (*random.pick(&["", "x", "X*", "10.0.0.1", "::1", "2026-11-23", "é😀", "true", "1e9", "nan"]))
            .into(),
        5 => "ab\\\"".repeat(random.below(200)).into(),
        6 => (0..random.below(5)).map(|_| any_json(random, depth - 1)).collect(),
        _ => ["k", "b.c", ""].iter().map(|name| ((*name).to_owned(), any_json(random, depth - 1))).collect(),
    }
}

/// Whether the query fits the schema, and so was evaluated.
fn evaluate(query: &Query, event: &Event, schema: &Schema) -> bool {
    let patterns = ["*".to_owned()];
    let input = Input {
        query,
        schema,
        patterns: &patterns,
        category_field: "event.category",
        time_field: "@timestamp",
        fallback_time_field: None,
        allow_expensive: true,
    };
    let Ok(matcher) = Matcher::compile(query, schema, "event.category") else {
        assert!(Plan::new(&input).is_err(), "the plan takes what the evaluator does not");
        return false;
    };
    let decision = matcher.decide(event);
    assert_eq!(decision.matches, matcher.matches(event));
    assert_eq!(decision.clause, query.source(decision.span));
    if let Ok(plan) = Plan::new(&input) {
        serde_json::to_string(&plan.pushed().query).expect("a query is JSON");
        let lost = matcher.matches(event) && plan.residual().is_some_and(|residual| !residual.matches(event));
        assert!(!lost, "the residual refuses what the query matches");
    }
    let condition = query.source(query.condition.span);
    let negated = format!("any where not ({condition})");
    if let Ok(negated) = Query::parse(&negated) {
        let negated =
            Matcher::compile(&negated, schema, "event.category").expect("what compiles without `not`");
        let plain = format!("any where ({condition})");
        let plain = Query::parse(&plain).expect("what parses with `not`");
        let plain = Matcher::compile(&plain, schema, "event.category").expect("what compiles with `not`");
        assert!(!(negated.matches(event) && plain.matches(event)), "both it and its negation match");
    }
    true
}

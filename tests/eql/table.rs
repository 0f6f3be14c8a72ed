//! The table of cases answered by the evaluator.

use std::collections::BTreeSet;

use stakeout::eql::Query;
use stakeout::eval::Matcher;

use crate::cases;

#[test]
fn the_evaluator_selects_what_the_table_says() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for group in cases::groups() {
        let (schema, events) = (group.schema("index"), group.events("index"));
        for (case, expected) in &group.cases {
            count += 1;
            let text = cases::query(case);
            let query = Query::parse(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
            let matcher = Matcher::compile(&query, &schema, "event.category").expect(&text);
            let selected = events.iter().filter(|event| matcher.matches(event));
            let found: Vec<_> = selected.map(|event| event.id.as_str()).collect();
            let as_set = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
            if as_set(&found) != as_set(&expected.split_whitespace().collect::<Vec<_>>()) {
                let found = found.join(" ");
                wrong.push(format!("{}: {case}: expected `{expected}`, found `{found}`", group.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 400, "the table has {count} cases");
}

//! The two laws of a plan: `eval(e) ⇒ matches(pushed)` and `eval(e) = matches(pushed) ∧ eval(residual)`.

use proptest::prelude::*;
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::plan::{Fidelity, Input, Plan};

use crate::{generate, interpret};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pushed_and_residual_mean_the_query(
        text in generate::query(),
        events in prop::collection::vec(generate::event(), 1..8),
        allow_expensive: bool,
    ) {
        let schema = generate::schema("one", "two");
        let query = Query::parse(&text).unwrap();
        let patterns = ["*".to_owned()];
        let plan = Plan::new(&Input {
            query: &query,
            schema: &schema,
            patterns: &patterns,
            category_field: "event.category",
            time_field: "@timestamp",
            fallback_time_field: None,
            allow_expensive,
        }).unwrap();
        let matcher = Matcher::compile(&query, &schema, "event.category").unwrap();
        let pushed = serde_json::to_value(&plan.pushed().query).unwrap();
        prop_assert_eq!(plan.residual().is_none(), plan.pushed().fidelity == Fidelity::Exact);
        prop_assert!(plan.blind().is_empty());
        for event in &events {
            let truth = matcher.matches(event);
            let found = interpret::matches(&pushed, event, &schema);
            prop_assert!(!truth || found, "lost: {} {:?}", pushed, event.source);
            let kept = found && plan.residual().is_none_or(|residual| residual.matches(event));
            prop_assert_eq!(truth, kept, "{} {:?}", pushed, event.source);
            prop_assert_eq!(matcher.decide(event).matches, truth);
        }
    }
}

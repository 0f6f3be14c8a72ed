//! The same query with fewer clauses: flat conjunctions and disjunctions, no constants inside.

use super::{Bool, Query};

/// Applies the laws bottom-up; the answer matches exactly what `query` matches.
pub(super) fn simplified(query: Query) -> Query {
    let Query::Bool(plain) = query else { return query };
    let mut simple = Bool::default();
    let wants_should = !plain.should.is_empty();
    if !plain.filter.into_iter().all(|clause| add_filter(&mut simple, simplified(clause))) {
        return Query::match_none();
    }
    let mut should_holds = !wants_should;
    let mut should = Vec::new();
    for clause in plain.should {
        should_holds |= add_should(&mut should, simplified(clause));
    }
    if !should_holds && !settle_should(&mut simple, should) {
        return Query::match_none();
    }
    if !plain.must_not.into_iter().all(|clause| add_must_not(&mut simple, simplified(clause))) {
        return Query::match_none();
    }
    unwrapped(simple)
}

/// Adds a clause that must match; false where it never does.
fn add_filter(simple: &mut Bool, clause: Query) -> bool {
    match clause {
        Query::MatchAll(_) => true,
        Query::MatchNone(_) => false,
        Query::Bool(inner) if inner.should.is_empty() => {
            simple.filter.extend(inner.filter);
            simple.must_not.extend(inner.must_not);
            true
        }
        other => {
            simple.filter.push(other);
            true
        }
    }
}

/// Adds an alternative; true where it always matches.
fn add_should(should: &mut Vec<Query>, clause: Query) -> bool {
    match clause {
        Query::MatchAll(_) => return true,
        Query::MatchNone(_) => {}
        Query::Bool(inner) if inner.filter.is_empty() && inner.must_not.is_empty() => {
            should.extend(inner.should);
        }
        other => should.push(other),
    }
    false
}

/// Adds the alternatives that are left; false where there is none.
fn settle_should(simple: &mut Bool, mut should: Vec<Query>) -> bool {
    match should.len() {
        0 => false,
        1 => should.pop().is_some_and(|only| add_filter(simple, only)),
        _ => {
            simple.should = should;
            true
        }
    }
}

/// Adds a clause that must not match; false where it always does.
fn add_must_not(simple: &mut Bool, clause: Query) -> bool {
    match clause {
        Query::MatchAll(_) => return false,
        Query::MatchNone(_) => {}
        Query::Bool(mut inner) if inner.filter.is_empty() => {
            match (inner.should.is_empty(), inner.must_not.len()) {
                (false, 0) => return inner.should.into_iter().all(|clause| add_must_not(simple, clause)),
                (true, 1) => return inner.must_not.pop().is_none_or(|only| add_filter(simple, only)),
                _ => simple.must_not.push(Query::Bool(inner)),
            }
        }
        other => simple.must_not.push(other),
    }
    true
}

/// Takes off a `bool` that adds nothing to its only clause.
fn unwrapped(mut simple: Bool) -> Query {
    match (simple.filter.len(), simple.should.len(), simple.must_not.len()) {
        (0, 0, 0) => Query::match_all(),
        (1, 0, 0) => simple.filter.pop().unwrap_or_else(Query::match_all),
        _ => Query::Bool(simple),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{Bool, Query, json};

    /// Whether a document whose fields are the bits of `document` is matched.
    fn matches(query: &Query, document: u8) -> bool {
        match query {
            Query::MatchAll(_) => true,
            Query::MatchNone(_) => false,
            Query::Exists(exists) => exists.field.parse::<u32>().is_ok_and(|bit| document & (1 << bit) != 0),
            Query::Bool(inner) => {
                inner.filter.iter().all(|clause| matches(clause, document))
                    && (inner.should.is_empty()
                        || inner.should.iter().any(|clause| matches(clause, document)))
                    && !inner.must_not.iter().any(|clause| matches(clause, document))
            }
            other => panic!("no such clause is made here: {other:?}"),
        }
    }

    fn has_needless_clause(query: &Query) -> bool {
        let Query::Bool(inner) = query else { return false };
        let clauses = || inner.filter.iter().chain(&inner.should).chain(&inner.must_not);
        clauses().next().is_none()
            || clauses().any(|clause| matches!(clause, Query::MatchAll(_) | Query::MatchNone(_)))
            || clauses().any(has_needless_clause)
    }

    fn queries() -> impl Strategy<Value = Query> {
        let leaf = prop_oneof![
            4 => (0..4u32).prop_map(|bit| Query::exists(bit.to_string())),
            1 => Just(Query::match_all()),
            1 => Just(Query::match_none()),
        ];
        leaf.prop_recursive(5, 40, 3, |inner| {
            let clauses = || prop::collection::vec(inner.clone(), 0..3);
            (clauses(), clauses(), clauses())
                .prop_map(|(filter, should, must_not)| Query::Bool(Bool { filter, should, must_not }))
        })
    }

    /// The law: the same documents, no clause without a use, and nothing left to simplify.
    fn keeps_the_meaning(query: &Query) {
        let simple = query.clone().simplified();
        for document in 0..16 {
            assert_eq!(matches(query, document), matches(&simple, document), "{simple:?}");
        }
        assert!(!has_needless_clause(&simple), "{simple:?}");
        assert_eq!(simple.clone().simplified(), simple);
    }

    proptest! {
        #[test]
        fn simplified_keeps_the_meaning(query in queries()) {
            keeps_the_meaning(&query);
        }
    }

    #[test]
    fn a_negation_among_negated_alternatives_keeps_the_meaning() {
        // Failed once: neither a value nor its absence.
        let either = vec![Query::exists("0"), Query::none_of(vec![Query::exists("0")])];
        let alternatives = Query::Bool(Bool { filter: vec![], should: either, must_not: vec![] });
        keeps_the_meaning(&Query::Bool(Bool {
            filter: vec![],
            should: vec![],
            must_not: vec![alternatives],
        }));
    }

    #[test]
    fn nested_conjunctions_become_one_list() {
        let query = Query::all_of(vec![
            Query::all_of(vec![Query::exists("a"), Query::match_all()]),
            Query::none_of(vec![Query::any_of(vec![Query::exists("b"), Query::exists("c")])]),
        ]);
        assert_eq!(
            json(&query.simplified()),
            json!({"bool": {
                "filter": [{"exists": {"field": "a"}}],
                "must_not": [{"exists": {"field": "b"}}, {"exists": {"field": "c"}}]
            }})
        );
    }
}

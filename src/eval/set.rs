//! Many matchers at once: an event is tried on those alone whose telling text it holds.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use super::Matcher;
use crate::event::{Event, Literal, Needles};

/// Matchers, each with its number, and which of them an event's values call for.
#[derive(Debug, Clone)]
pub struct MatcherSet {
    matchers: Vec<Matcher>,
    /// By field and whole text (ASCII letters lower): the matchers that hold for no event without one of their texts.
    keyed: Vec<(String, HashMap<String, Vec<usize>>)>,
    /// Those that have no such texts.
    others: Vec<usize>,
}

impl MatcherSet {
    /// Numbers the matchers from 0 on.
    #[must_use]
    pub fn new(matchers: Vec<Matcher>) -> Self {
        let uses = uses(&matchers);
        let mut set = Self { matchers: Vec::new(), keyed: Vec::new(), others: Vec::new() };
        for (number, matcher) in matchers.iter().enumerate() {
            match telling(matcher.needles(), &uses) {
                Some(texts) => texts.iter().for_each(|literal| set.key(literal, number)),
                None => set.others.push(number),
            }
        }
        Self { matchers, ..set }
    }

    fn key(&mut self, literal: &Literal, number: usize) {
        let at = self.keyed.iter().position(|(field, _)| *field == literal.field).unwrap_or_else(|| {
            self.keyed.push((literal.field.clone(), HashMap::new()));
            self.keyed.len() - 1
        });
        let numbers = self.keyed[at].1.entry(literal.text.to_ascii_lowercase()).or_default();
        if numbers.last() != Some(&number) {
            numbers.push(number);
        }
    }

    /// What the events that each matcher holds for must hold.
    pub fn needles(&self) -> impl Iterator<Item = &Needles> {
        self.matchers.iter().map(Matcher::needles)
    }

    /// The fields that [`MatcherSet::may_match`] reads, each once.
    #[must_use]
    pub fn telling_fields(&self) -> Vec<String> {
        let others = self.others.iter().flat_map(|number| self.matchers[*number].fields());
        let fields: BTreeSet<&String> = self.keyed.iter().map(|(field, _)| field).chain(others).collect();
        fields.into_iter().cloned().collect()
    }

    /// Whether a matcher may hold for the event of whose document `part` has the telling fields; false is sure.
    #[must_use]
    pub fn may_match(&self, part: &Event) -> bool {
        !self.called_for(part).is_empty()
            || self.others.iter().any(|number| self.matchers[*number].matches(part))
    }

    /// The numbers of the matchers that hold for the event, in order.
    #[must_use]
    pub fn matching(&self, event: &Event) -> Vec<usize> {
        // Values beside the document may stand under another name than the field's.
        let mut numbers: Vec<usize> = if event.fields.is_empty() {
            let mut numbers = self.called_for(event);
            numbers.extend(&self.others);
            numbers
        } else {
            (0..self.matchers.len()).collect()
        };
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| self.matchers[*number].matches(event));
        numbers
    }

    fn called_for(&self, event: &Event) -> Vec<usize> {
        let mut called = Vec::new();
        for (field, texts) in &self.keyed {
            event.any(field, |value| {
                if let Some(numbers) = value.as_str().and_then(|text| texts.get(&*lower(text))) {
                    called.extend(numbers);
                }
                false
            });
        }
        called
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

type Uses = HashMap<(String, String), usize>;

fn name(literal: &Literal) -> (String, String) {
    (literal.field.clone(), literal.text.to_ascii_lowercase())
}

/// How many matchers name a text: what most of them name is what most events hold.
fn uses(matchers: &[Matcher]) -> Uses {
    let mut uses = Uses::new();
    for matcher in matchers {
        let named: BTreeSet<_> = matcher.needles().all.iter().flatten().map(name).collect();
        for name in named {
            *uses.entry(name).or_default() += 1;
        }
    }
    uses
}

/// The set of whole texts that the fewest matchers name.
fn telling<'n>(needles: &'n Needles, uses: &Uses) -> Option<&'n Vec<Literal>> {
    let whole = needles.all.iter().filter(|set| set.iter().all(|literal| literal.whole));
    let cost = |set: &&Vec<Literal>| {
        set.iter().map(|literal| uses.get(&name(literal)).copied().unwrap_or(0)).sum::<usize>()
    };
    whole.min_by_key(cost)
}

#[cfg(test)]
mod tests {
    use super::MatcherSet;
    use crate::eql::Query;
    use crate::eval::Matcher;
    use crate::event::Event;
    use crate::schema::Schema;
    use serde_json::json;

    fn set(conditions: &[&str]) -> MatcherSet {
        let matcher = |condition: &&str| {
            let query = Query::parse(&format!("any where {condition}")).unwrap();
            Matcher::compile(&query, &Schema::ecs(), "event.category").unwrap()
        };
        MatcherSet::new(conditions.iter().map(matcher).collect())
    }

    #[test]
    fn a_matcher_is_keyed_by_the_text_that_fewest_name() {
        let set = set(&[
            r#"event.dataset == "x" and event.action == "A1""#,
            r#"event.dataset == "x" and event.action in ("a2", "a3") and user.id : "*b*""#,
            r#"event.dataset == "x" and not user.id : "b*""#,
            r#"user.id : "*telling*""#,
        ]);
        assert_eq!(set.telling_fields(), ["event.action", "event.dataset", "user.id"]);
        assert_eq!((set.keyed.len(), set.others.as_slice()), (2, &[3][..]));
        for (event, expected) in [
            (
                json!({"event": {"dataset": "x", "action": ["A1", "a3"]}, "user.id": "abc telling"}),
                &[0, 1, 2, 3][..],
            ),
            (json!({"event.dataset": "x", "event.action": "a1"}), &[2]),
            (json!({"event.action": "A1"}), &[]),
        ] {
            let event = Event::of(event);
            assert_eq!(set.matching(&event), expected);
            assert!(expected.is_empty() || set.may_match(&event));
        }
        assert!(!set.may_match(&Event::of(json!({"event": {"action": "a4"}, "user.id": 3}))));
    }

    #[test]
    fn values_beside_the_document_count() {
        let mut event = Event::of(json!({}));
        event.fields.insert("event.action".into(), json!(["a"]));
        assert_eq!(set(&[r#"event.action == "a""#, r#"event.action == "b""#]).matching(&event), [0]);
    }
}

//! Many matchers at once: an event is tried on those alone whose telling text it holds.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use aho_corasick::AhoCorasick;
use serde_json::Value as Json;

use super::Matcher;
use crate::event::{Event, Literal, Needles};

/// Matchers, each with its number, and which of them an event's values call for.
#[derive(Debug, Clone)]
pub struct MatcherSet {
    matchers: Vec<Matcher>,
    keyed: Vec<Keyed>,
    /// Those that no text tells.
    others: Vec<usize>,
}

/// The matchers that hold for no event without some text in this field.
#[derive(Debug, Clone, Default)]
struct Keyed {
    field: String,
    /// By whole text, ASCII letters lower.
    whole: HashMap<String, Vec<usize>>,
    /// By part of a text: what is looked for, and the matchers in the same order.
    parts: Vec<(String, Vec<usize>)>,
    searcher: Option<AhoCorasick>,
}

impl MatcherSet {
    /// Numbers the matchers from 0 on.
    #[must_use]
    pub fn new(matchers: Vec<Matcher>) -> Self {
        let uses = uses(&matchers);
        let (mut keyed, mut others) = (Vec::new(), Vec::new());
        for (number, matcher) in matchers.iter().enumerate() {
            match telling(matcher.needles(), &uses) {
                Some(texts) => texts.iter().for_each(|literal| key(&mut keyed, literal, number)),
                None => others.push(number),
            }
        }
        for keyed in &mut keyed {
            others.extend(keyed.prepare());
        }
        others.sort_unstable();
        others.dedup();
        Self { matchers, keyed, others }
    }

    /// What the events that each matcher holds for must hold.
    pub fn needles(&self) -> impl Iterator<Item = &Needles> {
        self.matchers.iter().map(Matcher::needles)
    }

    /// The fields whose texts tell which matchers may hold, for [`MatcherSet::is_telling`]; none where some matcher
    /// may hold whatever they are.
    #[must_use]
    pub fn telling_fields(&self) -> Option<Vec<&str>> {
        self.others.is_empty().then(|| self.keyed.iter().map(|keyed| keyed.field.as_str()).collect())
    }

    /// Whether some matcher may hold for an event with this text in the telling field of that number; a boolean's
    /// text is its word. Where no text of an event is telling, none holds.
    #[must_use]
    pub fn is_telling(&self, field: usize, text: &str) -> bool {
        self.keyed.get(field).is_some_and(|keyed| keyed.calls(text))
    }

    /// The fields that the matchers read, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let fields: BTreeSet<&String> = self.matchers.iter().flat_map(Matcher::fields).collect();
        fields.into_iter().cloned().collect()
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
        for keyed in &self.keyed {
            event.any(&keyed.field, |value| {
                keyed.call(value, &mut called);
                false
            });
        }
        called
    }
}

/// Enters a matcher under the text.
fn key(keyed: &mut Vec<Keyed>, literal: &Literal, number: usize) {
    let at = keyed.iter().position(|keyed| keyed.field == literal.field).unwrap_or_else(|| {
        keyed.push(Keyed { field: literal.field.clone(), ..Keyed::default() });
        keyed.len() - 1
    });
    let (keyed, text) = (&mut keyed[at], literal.text.to_ascii_lowercase());
    let numbers = if literal.whole {
        keyed.whole.entry(text).or_default()
    } else {
        let at = keyed.parts.iter().position(|(known, _)| *known == text).unwrap_or_else(|| {
            keyed.parts.push((text, Vec::new()));
            keyed.parts.len() - 1
        });
        &mut keyed.parts[at].1
    };
    if numbers.last() != Some(&number) {
        numbers.push(number);
    }
}

impl Keyed {
    /// Makes the parts ready to be looked for; the matchers that cannot be told by them after all.
    fn prepare(&mut self) -> Vec<usize> {
        if self.parts.is_empty() {
            return Vec::new();
        }
        let texts = self.parts.iter().map(|(text, _)| text);
        match AhoCorasick::builder().ascii_case_insensitive(true).build(texts) {
            Ok(searcher) => {
                self.searcher = Some(searcher);
                Vec::new()
            }
            Err(_) => self.parts.drain(..).flat_map(|(_, numbers)| numbers).collect(),
        }
    }

    /// Whether a text calls for any matcher.
    fn calls(&self, text: &str) -> bool {
        self.whole.contains_key(&*lower(text))
            || self.searcher.as_ref().is_some_and(|searcher| searcher.is_match(text))
    }

    /// Adds the matchers that a value of the field calls for.
    fn call(&self, value: &Json, called: &mut Vec<usize>) {
        let text = match value {
            Json::String(text) => {
                called.extend(self.whole.get(&*lower(text)).into_iter().flatten());
                text
            }
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            _ => return,
        };
        if let Some(searcher) = &self.searcher {
            for found in searcher.find_overlapping_iter(text) {
                called.extend(&self.parts[found.pattern().as_usize()].1);
            }
        }
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

/// Fields of a few values, each of which many events have (a category, a source, a system).
const COARSE: &[&str] = &[
    "event.category",
    "event.kind",
    "event.outcome",
    "event.type",
    "cloud.provider",
    "data_stream.dataset",
    "data_stream.type",
    "event.dataset",
    "event.module",
    "event.provider",
    "host.os.family",
    "host.os.type",
];

/// The set that the fewest events hold, as far as that shows in its fields and in how many matchers name its texts.
fn telling<'n>(needles: &'n Needles, uses: &Uses) -> Option<&'n Vec<Literal>> {
    let cost = |literal: &Literal| {
        let chance = match literal {
            Literal { whole: true, .. } => 1,
            Literal { text, .. } if text.len() > 4 => 2,
            _ => 20,
        };
        let chance = if COARSE.contains(&literal.field.as_str()) { 100 * chance } else { chance };
        chance * uses.get(&name(literal)).copied().unwrap_or(0)
    };
    needles.all.iter().min_by_key(|set| set.iter().map(cost).sum::<usize>())
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
            "process.pid > 3",
        ]);
        assert_eq!((set.telling_fields(), set.fields().len()), (None, 4));
        assert_eq!((set.keyed.len(), set.others.as_slice()), (3, &[4][..]));
        for (event, expected) in [
            (
                json!({"event": {"dataset": "x", "action": ["A1", "a3"]}, "user.id": "abc TELLING"}),
                &[0, 1, 2, 3][..],
            ),
            (json!({"event.dataset": "x", "event.action": "a1"}), &[2]),
            (json!({"event.action": "A1"}), &[]),
            (json!({"process.pid": 4}), &[4]),
        ] {
            let event = Event::of(event);
            assert_eq!(set.matching(&event), expected);
        }
    }

    #[test]
    fn texts_tell_whether_any_matcher_may_hold() {
        let set =
            set(&[r#"event.action in ("A1", "a2")"#, r#"user.id : "*telling*""#, r#"user.name == "true""#]);
        assert_eq!(set.telling_fields(), Some(vec!["event.action", "user.id", "user.name"]));
        for (field, text, expected) in [
            (0, "a1", true),
            (0, "a11", false),
            (1, "so TELLING", true),
            (1, "a1", false),
            (2, "true", true),
            (3, "true", false),
        ] {
            assert_eq!(set.is_telling(field, text), expected, "{field} {text}");
        }
    }

    #[test]
    fn values_beside_the_document_count() {
        let mut event = Event::of(json!({}));
        event.fields.insert("event.action".into(), json!(["a"]));
        assert_eq!(set(&[r#"event.action == "a""#, r#"event.action == "b""#]).matching(&event), [0]);
    }
}

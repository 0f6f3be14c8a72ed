//! Indices that count alike: where a field has one form in some indices and another in others, each share is asked alone.

use std::collections::{BTreeMap, HashMap};

use super::source::{EVENT_ID, Source};
use crate::schema::{FieldForm, FieldType};

/// Some indices of a source, and the names by which they count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// The indices or their patterns.
    pub indices: Vec<String>,
    /// The name of the field whose values are wanted; none where the indices lack it, or nothing is wanted.
    pub field: Option<String>,
    /// The name of the field that tells events apart; none where documents have to be counted.
    pub event_id: Option<String>,
}

/// How an index counts a field's values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Way {
    Absent,
    Named(String),
    Impossible,
}

impl Way {
    fn of(field: &str, form: FieldForm) -> Self {
        match form.field_type {
            FieldType::Text => form.exact.map_or(Self::Impossible, Self::Named),
            FieldType::Object | FieldType::Nested | FieldType::Other => Self::Impossible,
            _ => Self::Named(field.to_owned()),
        }
    }

    fn name(self) -> Option<String> {
        match self {
            Self::Named(name) => Some(name),
            Self::Absent | Self::Impossible => None,
        }
    }
}

impl Source {
    /// The shares in which values of `field` are counted, and the indices that cannot count them, in words.
    pub(super) fn shares(&self, field: Option<&str>) -> (Vec<Share>, Option<String>) {
        let (values, ids) = (field.map(|field| self.ways(field)).unwrap_or_default(), self.ways(EVENT_ID));
        let of = |ways: &Ways, index: &str| {
            ways.by_index.get(index).or(ways.all.as_ref()).cloned().unwrap_or(Way::Absent)
        };
        if values.by_index.is_empty() && ids.by_index.is_empty() {
            let share = Share {
                indices: self.patterns.clone(),
                field: of(&values, "").name(),
                event_id: of(&ids, "").name(),
            };
            return (vec![share], None);
        }
        let mut groups: BTreeMap<(Way, Way), Vec<String>> = BTreeMap::new();
        for index in &self.schema.indices {
            groups.entry((of(&values, index), of(&ids, index))).or_default().push(index.clone());
        }
        let (blind, able): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|((way, _), _)| *way == Way::Impossible);
        let blind: Vec<String> = blind.into_iter().flat_map(|(_, indices)| indices).collect();
        let blind = (!blind.is_empty()).then(|| {
            format!("{} cannot count the values of `{}`", blind.join(", "), field.unwrap_or_default())
        });
        let share = |((field, event_id), indices): ((Way, Way), Vec<String>)| Share {
            indices,
            field: field.name(),
            event_id: event_id.name(),
        };
        (able.into_iter().map(share).collect(), blind)
    }

    fn ways(&self, field: &str) -> Ways {
        let mut ways = Ways::default();
        for form in self.schema.forms(field) {
            let indices = form.indices.clone();
            let way = Way::of(field, form);
            if indices.is_empty() {
                ways.all = Some(way);
            } else {
                ways.by_index.extend(indices.into_iter().map(|index| (index, way.clone())));
            }
        }
        // What some indices lack altogether needs no share of its own.
        let mut found = ways.by_index.values();
        let first = found.next().cloned();
        if first.as_ref().is_some_and(|first| *first != Way::Impossible && found.all(|way| way == first)) {
            return Ways { all: first, by_index: HashMap::new() };
        }
        ways
    }
}

/// How each index counts a field: all alike, or each in its own way.
#[derive(Debug, Default)]
struct Ways {
    all: Option<Way>,
    by_index: HashMap<String, Way>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn form(field_type: FieldType, exact: Option<&str>, indices: &[&str]) -> FieldForm {
        let indices = indices.iter().map(|index| (*index).to_owned()).collect();
        FieldForm { field_type, exact: exact.map(str::to_owned), indices, searchable: true }
    }

    fn source(forms: &[(&str, FieldForm)]) -> Source {
        let mut schema = Schema::new(vec!["a".into(), "b".into(), "c".into()]);
        for (field, form) in forms {
            schema.insert(*field, form.clone());
        }
        Source { patterns: vec!["*".into()], schema, allow_expensive: true, unreachable: None }
    }

    fn share(indices: &[&str], field: Option<&str>, event_id: Option<&str>) -> Share {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Share {
            indices: indices.iter().map(|index| (*index).to_owned()).collect(),
            field: own(field),
            event_id: own(event_id),
        }
    }

    #[test]
    fn indices_that_agree_or_lack_a_field_are_one_share() {
        let source = source(&[
            ("event.id", form(FieldType::Keyword, None, &[])),
            ("x", form(FieldType::Keyword, None, &["a"])),
        ]);
        assert_eq!(source.shares(Some("x")), (vec![share(&["*"], Some("x"), Some("event.id"))], None));
        assert_eq!(source.shares(None), (vec![share(&["*"], None, Some("event.id"))], None));
        assert_eq!(source.shares(Some("y")), (vec![share(&["*"], None, Some("event.id"))], None));
    }

    #[test]
    fn indices_that_differ_are_asked_apart_and_those_that_cannot_count_are_named() {
        let source = source(&[
            ("event.id", form(FieldType::Keyword, None, &["a", "c"])),
            ("event.id", form(FieldType::Text, Some("event.id.keyword"), &["b"])),
            ("x", form(FieldType::Keyword, None, &["a"])),
            ("x", form(FieldType::Text, Some("x.keyword"), &["b"])),
            ("x", form(FieldType::Text, None, &["c"])),
        ]);
        let (shares, blind) = source.shares(Some("x"));
        let expected = vec![
            share(&["a"], Some("x"), Some("event.id")),
            share(&["b"], Some("x.keyword"), Some("event.id.keyword")),
        ];
        assert_eq!(shares, expected);
        assert_eq!(blind.as_deref(), Some("c cannot count the values of `x`"));
        assert_eq!(source.shares(None).0.len(), 2);
    }
}

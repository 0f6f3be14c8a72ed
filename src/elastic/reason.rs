//! Elasticsearch's own account of an error: types and reasons, root causes first, deduplicated.

use serde::Deserialize;
use serde_json::Value;

/// How much of one reason is kept, in characters; a reason may quote whole documents.
const MAX_REASON: usize = 400;

/// How many root causes are kept for messages.
const MAX_SHOWN: usize = 3;

/// One cause, as Elasticsearch names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(super) struct Reason {
    /// Such as `index_not_found_exception`.
    #[serde(rename = "type", default)]
    pub(super) error_type: Option<String>,
    /// A sentence; some exceptions have none.
    #[serde(default, rename = "reason")]
    pub(super) sentence: Option<String>,
    /// What lies behind it.
    #[serde(default)]
    caused_by: Option<Box<Reason>>,
}

impl Reason {
    /// Type and sentence, with the innermost cause where it says more.
    pub(super) fn words(&self) -> String {
        let mut words = self.own_words();
        let mut inner = self;
        while let Some(below) = &inner.caused_by {
            inner = below;
        }
        if let Some(reason) = inner.sentence.as_deref().filter(|reason| !words.contains(*reason)) {
            words = format!("{words}, caused by {}", shorten(reason, MAX_REASON));
        }
        words
    }

    /// Whether it, or what lies behind it, is of this type.
    pub(super) fn is(&self, error_type: &str) -> bool {
        self.error_type.as_deref() == Some(error_type)
            || self.caused_by.as_ref().is_some_and(|below| below.is(error_type))
    }

    /// Whether a smaller answer could have been given.
    pub(super) fn is_too_large(&self) -> bool {
        self.is("circuit_breaking_exception")
            || self.sentence.as_deref().is_some_and(|reason| reason.contains("Result window is too large"))
    }

    /// Whether the point in time is gone.
    pub(super) fn is_context_missing(&self) -> bool {
        self.is("search_context_missing_exception")
    }

    fn own_words(&self) -> String {
        match (&self.error_type, &self.sentence) {
            (Some(kind), Some(reason)) => format!("{kind}: {}", shorten(reason, MAX_REASON)),
            (Some(kind), None) => kind.clone(),
            (None, Some(reason)) => shorten(reason, MAX_REASON),
            (None, None) => "no reason given".to_owned(),
        }
    }
}

/// Every root cause that an error body names; none where the body is not Elasticsearch's.
pub(super) fn root_causes(body: &str) -> Vec<Reason> {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let error = &body["error"];
    if let Some(text) = error.as_str() {
        return vec![Reason { sentence: Some(text.to_owned()), ..Reason::default() }];
    }
    let top: Option<Reason> = Reason::deserialize(error).ok();
    let mut causes: Vec<Reason> = Vec::<Reason>::deserialize(&error["root_cause"]).unwrap_or_default();
    causes.dedup();
    if causes.is_empty() {
        causes.extend(top.filter(|top| *top != Reason::default()));
    } else if let (Some(top), [only]) = (top, causes.as_mut_slice()) {
        // The outer error alone may carry the chain of causes.
        only.caused_by = only.caused_by.take().or(top.caused_by);
    }
    causes
}

/// The first few causes in words.
pub(super) fn words(causes: &[Reason]) -> String {
    let shown: Vec<String> = causes.iter().take(MAX_SHOWN).map(Reason::words).collect();
    match causes.len().checked_sub(shown.len()) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join("; ")),
        _ => shown.join("; "),
    }
}

/// At most `limit` characters of a text, marked where it is cut.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{root_causes, shorten, words};

    #[test]
    fn root_causes_say_more_than_the_error_itself() {
        let body = r#"{"error":{"root_cause":[{"type":"a_exception","reason":"x"},{"type":"a_exception","reason":"x"},
            {"type":"search_context_missing_exception","reason":null}],"type":"outer","reason":"all shards failed"}}"#;
        let causes = root_causes(body);
        assert_eq!(words(&causes), "a_exception: x; search_context_missing_exception");
        assert!(causes[1].is_context_missing());
    }

    #[test]
    fn every_shape_of_an_error_body_is_read() {
        assert_eq!(words(&root_causes(r#"{"error":"alias [x] missing","status":404}"#)), "alias [x] missing");
        let chain = r#"{"error":{"root_cause":[{"type":"a","reason":"r"}],"type":"b","reason":"s",
            "caused_by":{"type":"c","reason":"deep"}}}"#;
        assert_eq!(words(&root_causes(chain)), "a: r, caused by deep");
        for none in ["", "<html>", "{}", "[]", r#"{"error":{}}"#, r#"{"error":7}"#] {
            assert!(root_causes(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten("äöü", 2), "äö…");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}

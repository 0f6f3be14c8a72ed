//! Kibana's cases: the requests that find, open and comment on one, within the lengths that Kibana takes, and what its
//! answers say. Lengths, paths and forms are those of `x-pack/platform/plugins/shared/cases/common` of elastic/kibana.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::diagnostic::sanitize;

/// Longest title of a case.
const LONGEST_TITLE: usize = 160;

/// Longest description of a case, and longest comment.
pub const LONGEST_TEXT: usize = 30_000;

/// Longest group in a tag, which Kibana lets be 256 long.
const LONGEST_GROUP: usize = 100;

/// Most comments that Kibana gives at once.
pub const COMMENTS_A_PAGE: usize = 100;

/// Whose cases they are: those of Kibana's Security app.
const OWNER: &str = "securitySolution";

/// What stays as it is in a part of an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A case that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    /// What it is about, in one line of plain text.
    pub title: String,
    /// What is known, in Markdown.
    pub description: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: &'static str,
    /// The tag by which it is found again.
    pub tag: String,
}

/// A case that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCase {
    /// Its id.
    pub id: String,
    /// Its description, in Markdown.
    pub description: String,
}

impl NewCase {
    /// Where it goes, by `POST`, below Kibana's address and space.
    pub const PATH: &'static str = "/api/cases";

    /// The body of the request.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({
            "title": fitted(&self.title, LONGEST_TITLE),
            "description": fitted(&self.description, LONGEST_TEXT),
            "tags": ["stakeout", self.tag],
            "severity": self.severity,
            "owner": OWNER,
            // Alerts of an index that is not Kibana's cannot follow a case's status.
            "settings": {"syncAlerts": false},
            "connector": {"id": "none", "name": "none", "type": ".none", "fields": null},
        })
    }
}

impl OpenCase {
    /// Reads a case out of an answer; none where it is something else.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let text = |name: &str| answer[name].as_str();
        let id = text("id").filter(|id| !id.is_empty())?.to_owned();
        Some(Self { id, description: text("description").unwrap_or_default().to_owned() })
    }

    /// Where the case with this id is, by `GET`, below Kibana's address and space.
    #[must_use]
    pub fn path(id: &str) -> String {
        format!("/api/cases/{}", utf8_percent_encode(id, PLAIN))
    }

    /// Where its comments go, by `POST`.
    #[must_use]
    pub fn comment_path(&self) -> String {
        format!("{}/comments", Self::path(&self.id))
    }

    /// The body of a comment in Markdown.
    #[must_use]
    pub fn comment(text: &str) -> Value {
        json!({"type": "user", "comment": fitted(text, LONGEST_TEXT), "owner": OWNER})
    }

    /// Where the `page`th of its comments are, from 1, the oldest first.
    #[must_use]
    pub fn comments_path(&self, page: usize) -> String {
        format!("{}/_find?page={page}&perPage={COMMENTS_A_PAGE}&sortOrder=asc", self.comment_path())
    }
}

/// The tag of the case of a group of alerts.
#[must_use]
pub fn case_tag(group: &str) -> String {
    format!("stakeout-group-{}", fitted(&sanitize(group), LONGEST_GROUP))
}

/// Where the cases with this tag are, by `GET`, below Kibana's address and space, the oldest first.
#[must_use]
pub fn cases_path(tag: &str) -> String {
    let tag = utf8_percent_encode(tag, PLAIN);
    format!("/api/cases/_find?tags={tag}&owner={OWNER}&sortField=createdAt&sortOrder=asc&page=1&perPage=20")
}

/// The cases of an answer that bear the tag, in its order; none where it is no such answer.
#[must_use]
pub fn cases_in(answer: &Value, tag: &str) -> Option<Vec<OpenCase>> {
    let has_tag =
        |case: &&Value| case["tags"].as_array().is_some_and(|tags| tags.iter().any(|one| one == tag));
    Some(answer["cases"].as_array()?.iter().filter(has_tag).filter_map(OpenCase::read).collect())
}

/// The texts of the comments of an answer, and how many attachments of any kind it holds; none where it is no such answer.
#[must_use]
pub fn comments_in(answer: &Value) -> Option<(Vec<String>, usize)> {
    let all = answer["comments"].as_array().or_else(|| answer["data"].as_array())?;
    let text = |one: &Value| {
        let text = one["comment"].as_str().or_else(|| one["data"]["content"].as_str());
        text.map(str::to_owned)
    };
    Some((all.iter().filter_map(text).collect(), all.len()))
}

/// The length of a text as Kibana counts it, in UTF-16 units.
#[must_use]
pub fn case_length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text, or its beginning and a sign that it goes on, in at most `most` UTF-16 units.
#[must_use]
pub fn fitted(text: &str, most: usize) -> String {
    if case_length(text) <= most {
        return text.to_owned();
    }
    let mut length = 1;
    let beginning = text.chars().take_while(|character| {
        length += character.len_utf16();
        length <= most
    });
    beginning.collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn case(title: &str, description: &str) -> NewCase {
        let (title, description) = (title.to_owned(), description.to_owned());
        NewCase { title, description, severity: "high", tag: case_tag("g1") }
    }

    #[test]
    fn a_case_has_all_that_kibana_asks_for() {
        let body = case("t", "d").body();
        for name in ["title", "description", "tags", "owner", "settings", "connector", "severity"] {
            assert!(!body[name].is_null(), "{name}");
        }
        assert_eq!(body["tags"], json!(["stakeout", "stakeout-group-g1"]));
        assert_eq!(body["settings"]["syncAlerts"], false);
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_kibana_takes(text in "\\PC{0,400}", most in 1usize..300) {
            let cut = fitted(&text, most);
            prop_assert!(case_length(&cut) <= most, "{}", cut);
            prop_assert!(cut == text || cut.ends_with('…') && text.starts_with(cut.trim_end_matches('…')));
        }
    }

    #[test]
    fn lengths_are_counted_as_kibana_does() {
        let long = "\u{1f600}".repeat(40_000);
        let body = case(&long, &long).body();
        for (name, most) in [("title", LONGEST_TITLE), ("description", LONGEST_TEXT)] {
            let length = case_length(body[name].as_str().unwrap());
            assert!((most - 1..=most).contains(&length), "{name}: {length}");
        }
        assert_eq!(case_length(OpenCase::comment(&long)["comment"].as_str().unwrap()), LONGEST_TEXT - 1);
        assert!(case_length(&case_tag(&long)) <= 256);
    }

    #[test]
    fn no_name_breaks_the_address_it_is_in() {
        let odd = OpenCase { id: "a/../b?c=d&e#f".into(), description: String::new() };
        assert_eq!(odd.comment_path(), "/api/cases/a%2F..%2Fb%3Fc%3Dd%26e%23f/comments");
        assert!(cases_path("a&owner=x").contains("tags=a%26owner%3Dx&owner=securitySolution"));
    }

    #[test]
    fn only_cases_that_bear_the_tag_count() {
        let answer = json!({"cases": [{"id": "other", "tags": ["stakeout-group-g2"]}, {"tags": ["stakeout-group-g1"]},
            {"id": "ours", "tags": ["x", "stakeout-group-g1"], "description": "d"}], "total": 3});
        let ours = OpenCase { id: "ours".into(), description: "d".into() };
        assert_eq!(cases_in(&answer, "stakeout-group-g1"), Some(vec![ours]));
        assert_eq!(cases_in(&json!({"message": "x"}), "t"), None);
    }

    #[test]
    fn comments_are_read_in_both_forms() {
        let old = json!({"comments": [{"type": "user", "comment": "a"}, {"type": "alert", "alertId": "x"}]});
        assert_eq!(comments_in(&old), Some((vec!["a".to_owned()], 2)));
        let new = json!({"data": [{"type": "comment", "data": {"content": "a"}}]});
        assert_eq!(comments_in(&new), Some((vec!["a".to_owned()], 1)));
        assert_eq!(comments_in(&json!([])), None);
    }
}

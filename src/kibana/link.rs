//! Links that open Kibana's Discover: on any indices by a description of them, or on a data view that is saved.
//!
//! Forms: the locator of `discover/common/app_locator.ts` (it alone can describe indices that have no saved data
//! view) and Discover's state in the fragment, both of elastic/kibana, 8.x and 9.x.

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use thiserror::Error;

use super::address::KibanaAddress;
use super::rison::rison;

/// Longest link, in bytes: what common proxies and servers take as the first line of a request.
pub const LONGEST_LINK: usize = 8_000;

/// The version in whose form the locator is written; newer Kibanas migrate it.
const LOCATOR_VERSION: &str = "8.19.0";

/// Everything is escaped but what a URL leaves alone everywhere.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What Discover is to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Index patterns.
    pub indices: Vec<String>,
    /// The id of a saved data view over them, where there may be one.
    pub data_view: Option<String>,
    /// The condition, in KQL; empty for all.
    pub query: String,
    /// The field whose times are meant.
    pub time_field: &'static str,
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The last moment.
    pub to: DateTime<Utc>,
    /// The columns; empty for Discover's own choice.
    pub columns: Vec<String>,
}

/// The link would not pass every server on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the link would be {length} bytes long, and more than {LONGEST_LINK} do not pass every proxy")]
pub struct TooLong {
    /// Its length in bytes.
    pub length: usize,
}

impl KibanaAddress {
    /// The link that opens `search` in Discover; oldest first.
    ///
    /// # Errors
    /// It would be longer than [`LONGEST_LINK`].
    pub fn discover(&self, search: &Search) -> Result<String, TooLong> {
        let title = search.indices.join(",");
        let mut view =
            json!({"title": title, "name": title, "timeFieldName": search.time_field, "allowNoIndex": true});
        if let Some(id) = &search.data_view {
            view["id"] = json!(id);
        }
        let mut parameters = json!({
            "dataViewSpec": view,
            "query": {"language": "kuery", "query": search.query},
            "timeRange": {"from": time(search.from), "to": time(search.to)},
            "sort": [[search.time_field, "asc"]],
        });
        if !search.columns.is_empty() {
            parameters["columns"] = json!(search.columns);
        }
        let parameters = escaped(&parameters.to_string());
        let link = self.at(&format!("/app/r?l=DISCOVER_APP_LOCATOR&v={LOCATOR_VERSION}&p={parameters}"));
        if link.len() > LONGEST_LINK { Err(TooLong { length: link.len() }) } else { Ok(link) }
    }

    /// The link that opens the saved data view `id` in Discover.
    #[must_use]
    pub fn data_view(&self, id: &str) -> String {
        let state: Value = json!({"dataSource": {"dataViewId": id, "type": "dataView"}});
        self.at(&format!("/app/discover#/?_a={}", escaped(&rison(&state))))
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_LINK, Search};
    use crate::kibana::{KibanaAddress, Kql, read_back};
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use reqwest::Url;
    use serde_json::{Value, json};

    fn kibana() -> KibanaAddress {
        "https://kibana.example.com/s/team".parse().unwrap()
    }

    fn search(value: &str) -> Search {
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        Search {
            indices: vec!["filebeat-*".into(), "logs-aws.cloudtrail-*".into()],
            data_view: None,
            query: Kql::is("user.id", value).to_string(),
            time_field: "@timestamp",
            from: at("2026-11-20T14:00:00Z"),
            to: at("2026-11-21T02:00:00Z"),
            columns: vec!["event.action".into()],
        }
    }

    /// The parameters as a browser, and Kibana behind it, reads them.
    fn parameters(link: &str) -> Value {
        let url = Url::parse(link).unwrap();
        assert_eq!((url.path(), url.fragment()), ("/s/team/app/r", None));
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["l", "v", "p"]);
        serde_json::from_str(&pairs[2].1).unwrap()
    }

    #[test]
    fn says_indices_query_times_and_columns() {
        let link = kibana().discover(&search("AROA:i-1")).unwrap();
        assert!(
            link.starts_with("https://kibana.example.com/s/team/app/r?l=DISCOVER_APP_LOCATOR&v=8.19.0&p=%7B")
        );
        let title = "filebeat-*,logs-aws.cloudtrail-*";
        assert_eq!(
            parameters(&link),
            json!({
                "dataViewSpec": {"title": title, "name": title, "timeFieldName": "@timestamp", "allowNoIndex": true},
                "query": {"language": "kuery", "query": "user.id : \"AROA:i-1\""},
                "timeRange": {"from": "2026-11-20T14:00:00.000Z", "to": "2026-11-21T02:00:00.000Z"},
                "sort": [["@timestamp", "asc"]],
                "columns": ["event.action"],
            })
        );
    }

    #[test]
    fn a_link_that_would_be_too_long_is_withheld() {
        let error = kibana().discover(&search(&"x".repeat(100_000))).unwrap_err();
        assert!(error.length > 100_000 && error.to_string().contains("100"), "{error}");
    }

    #[test]
    fn a_data_view_is_opened_by_its_id() {
        assert_eq!(
            kibana().data_view("alerts"),
            "https://kibana.example.com/s/team/app/discover#/?_a=\
             %28dataSource%3A%28dataViewId%3Aalerts%2Ctype%3AdataView%29%29"
        );
    }

    proptest! {
        #[test]
        fn no_value_breaks_a_link_or_its_query(
            value in prop_oneof![any::<String>(), r#"["'\\&=#%+?!()*:<>/\n \u{202e}a-c]{0,40}"#],
        ) {
            let link = kibana().discover(&search(&value)).unwrap();
            prop_assert!(link.len() <= LONGEST_LINK);
            prop_assert!(link.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%:/?&=".contains(&b)), "{}", link);
            let parameters = parameters(&link);
            let query = parameters["query"]["query"].as_str().unwrap();
            prop_assert_eq!(read_back::kql(query), Ok(Kql::is("user.id", value)));
        }

        #[test]
        fn no_id_breaks_the_link_to_a_data_view(id in any::<String>()) {
            let link = kibana().data_view(&id);
            let (_, state) = link.split_once("#/?_a=").unwrap();
            let state = percent_decode_str(state).decode_utf8().unwrap();
            let expected = json!({"dataSource": {"dataViewId": id, "type": "dataView"}});
            prop_assert_eq!(read_back::rison(&state), Ok(expected));
        }
    }
}

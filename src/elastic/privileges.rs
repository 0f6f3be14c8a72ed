//! What the one who asks may do, as the cluster's security tells it.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::body::Body;
use super::call::{Answer, Call};
use super::{Cluster, ElasticError};

/// Privileges to ask about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Privileges on the cluster.
    pub cluster: Vec<String>,
    /// Privileges on indices, by their names or patterns.
    pub indices: BTreeMap<String, Vec<String>>,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// There is no security, or it is switched off: everybody may do everything.
    NoSecurity,
    /// Who asks, and what of the privileges is not granted.
    To {
        /// The name of the user, or of the API key's owner.
        username: String,
        /// What is missing.
        missing: Privileges,
    },
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    username: String,
    #[serde(default)]
    cluster: BTreeMap<String, bool>,
    #[serde(default)]
    index: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Cluster {
    /// Asks which of `wanted` the one who asks has; everyone may ask that of themselves.
    ///
    /// # Errors
    /// No answer, or credentials that the cluster does not take.
    pub async fn has_privileges(&self, wanted: &Privileges) -> Result<Granted, ElasticError> {
        let indices: Vec<_> = wanted
            .indices
            .iter()
            .map(|(name, privileges)| json!({"names": [name], "privileges": privileges}))
            .collect();
        let body = json!({"cluster": wanted.cluster, "index": indices});
        let call = Call::new(Method::Post, "/_security/user/_has_privileges", "asking for privileges")
            .body(Body::Json(body.to_string()))
            .accepts(&[400, 405]);
        self.call(&call, |answer| {
            if answer.status != 200 {
                return without_security(answer);
            }
            let Answered { username, cluster, index } = answer.json()?;
            let lacking = |granted: &BTreeMap<String, bool>| {
                granted.iter().filter(|(_, has)| !**has).map(|(name, _)| name.clone()).collect::<Vec<_>>()
            };
            let indices = index.iter().map(|(name, granted)| (name.clone(), lacking(granted)));
            let indices = indices.filter(|(_, lacking)| !lacking.is_empty()).collect();
            Ok(Granted::To { username, missing: Privileges { cluster: lacking(&cluster), indices } })
        })
        .await
    }
}

/// A node without security does not know the path; whatever else is refused is no word on that.
fn without_security(answer: &Answer) -> Result<Granted, ElasticError> {
    let error = answer.status_error();
    let says = |words: &str| {
        error
            .causes()
            .iter()
            .filter_map(|cause| cause.sentence.as_deref())
            .any(|said| said.starts_with(words))
    };
    if says("no handler found for uri [/_security/") || says("Incorrect HTTP method for uri [/_security/") {
        return Ok(Granted::NoSecurity);
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::{Granted, Privileges};
    use crate::elastic::fake::{Act, Fake};

    fn wanted() -> Privileges {
        let indices = [("logs-*".to_owned(), vec!["read".to_owned(), "view_index_metadata".to_owned()])];
        Privileges { cluster: vec!["monitor".into()], indices: indices.into() }
    }

    #[tokio::test]
    async fn what_is_missing_is_named_by_index() {
        let answer = r#"{"username":"u","has_all_requested":false,"cluster":{"monitor":true},
            "index":{"logs-*":{"read":false,"view_index_metadata":true}},"application":{}}"#;
        let fake = Fake::start(vec![Act::json(200, answer)]).await;
        let granted = fake.cluster.has_privileges(&wanted()).await.expect("an answer");
        let indices = [("logs-*".to_owned(), vec!["read".to_owned()])];
        let missing = Privileges { cluster: Vec::new(), indices: indices.into() };
        assert_eq!(granted, Granted::To { username: "u".into(), missing });
        let asked = r#"{"cluster":["monitor"],"index":[{"names":["logs-*"],"privileges":["read","view_index_metadata"]}]}"#;
        assert_eq!(fake.seen()[0].body.trim_end(), asked);
    }

    #[tokio::test]
    async fn without_security_nothing_is_missing() {
        for (status, answer) in [
            (
                400,
                r#"{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]"}"#,
            ),
            (
                405,
                r#"{"error":"Incorrect HTTP method for uri [/_security/user/_has_privileges] and method [POST], allowed: [GET]"}"#,
            ),
        ] {
            let fake = Fake::start(vec![Act::json(status, answer)]).await;
            assert_eq!(fake.cluster.has_privileges(&wanted()).await.expect("an answer"), Granted::NoSecurity);
        }
    }

    #[tokio::test]
    async fn another_refusal_is_no_word_on_security() {
        for (status, answer) in [
            (400, r#"{"error":{"type":"x_content_parse_exception","reason":"unknown privilege"}}"#),
            (404, "<html>not found"),
            (405, "<html>forbidden by the proxy"),
            (410, r#"{"error":{"type":"api_not_available_exception","reason":"serverless"}}"#),
        ] {
            let fake = Fake::start(vec![Act::json(status, answer)]).await;
            let error = fake.cluster.has_privileges(&wanted()).await.expect_err("an error").to_string();
            assert!(error.contains(&format!("HTTP {status}")), "{error}");
        }
    }
}

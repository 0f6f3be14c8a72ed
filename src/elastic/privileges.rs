//! What the one who asks may do, as the cluster's security tells it.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::body::Body;
use super::call::Call;
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
        // A node without security has no such path: 400, 404 or 405 by version and distribution.
        let call = Call::new(Method::Post, "/_security/user/_has_privileges", "asking for privileges")
            .body(Body::Json(body.to_string()))
            .accepts(&[400, 404, 405, 410]);
        self.call(&call, |answer| {
            if answer.status != 200 {
                return Ok(Granted::NoSecurity);
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
        let answer =
            r#"{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]"}"#;
        let fake = Fake::start(vec![Act::json(400, answer)]).await;
        assert_eq!(fake.cluster.has_privileges(&wanted()).await.expect("an answer"), Granted::NoSecurity);
    }
}

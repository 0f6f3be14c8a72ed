//! Whether the cluster answers expensive queries: patterns, prefixes, regular expressions, ranges over texts.

use elasticsearch::http::Method;
use serde_json::Value;

use super::call::{Answer, Call};
use super::{Cluster, ElasticError};

/// Where the setting may stand, the most important place first.
const PLACES: [&str; 3] = ["transient", "persistent", "defaults"];

impl Cluster {
    /// Asks for `search.allow_expensive_queries`; the answer is kept for [`Cluster::expensive_queries`].
    ///
    /// Needs the cluster privilege `monitor`. Where it is not granted, or the cluster hides its settings (serverless),
    /// Elasticsearch's default is assumed, which is `true`: were it wrong, searches would be refused with that reason.
    ///
    /// # Errors
    /// No answer.
    pub async fn allows_expensive_queries(&self) -> Result<bool, ElasticError> {
        Ok(self.expensive_queries_setting().await?.unwrap_or(true))
    }

    /// The same; none where the setting cannot be read.
    ///
    /// # Errors
    /// No answer.
    pub async fn expensive_queries_setting(&self) -> Result<Option<bool>, ElasticError> {
        let call =
            Call::new(Method::Get, "/_cluster/settings", "asking whether expensive queries are answered")
                .param("include_defaults", true)
                .param("filter_path", "*.search.allow_expensive_queries")
                .accepts(&[401, 403, 404, 410]);
        let allowed = self.call(&call, read).await?;
        self.set_expensive_queries(allowed.unwrap_or(true));
        Ok(allowed)
    }
}

fn read(answer: &Answer) -> Result<Option<bool>, ElasticError> {
    if answer.status != 200 {
        tracing::debug!(status = answer.status, "the cluster's settings cannot be read");
        return Ok(None);
    }
    let settings: Value = answer.json()?;
    let values = PLACES.iter().map(|place| &settings[place]["search"]["allow_expensive_queries"]);
    let value = values.into_iter().find(|value| !value.is_null());
    Ok(value.map(|value| value != "false" && value != false))
}

#[cfg(test)]
mod tests {
    use crate::elastic::fake::{Act, Fake};

    #[tokio::test]
    async fn what_was_set_wins_over_the_default() {
        for (status, body, expected) in [
            (200, r#"{"defaults":{"search":{"allow_expensive_queries":"true"}}}"#, Some(true)),
            (200, r#"{"persistent":{"search":{"allow_expensive_queries":"false"}}}"#, Some(false)),
            (
                200,
                r#"{"persistent":{"search":{"allow_expensive_queries":"false"}},"transient":{"search":{"allow_expensive_queries":"true"}}}"#,
                Some(true),
            ),
            (200, "{}", None),
            (403, r#"{"error":{"type":"security_exception","reason":"no"},"status":403}"#, None),
            (410, r#"{"error":{"type":"api_not_available_exception","reason":"no"},"status":410}"#, None),
        ] {
            let fake = Fake::start(vec![Act::json(status, body)]).await;
            let found = fake.cluster.expensive_queries_setting().await.expect("an answer");
            assert_eq!(found, expected, "{body}");
            assert_eq!(fake.cluster.expensive_queries(), Some(expected.unwrap_or(true)));
        }
    }
}

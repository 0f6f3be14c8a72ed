//! Alerts as they are stored now, for whoever wants to see what a triage made of them.

use serde_json::{Map, Value, json};

use super::Triager;
use crate::elastic::{ElasticError, SearchItem};

/// What is the same in all alerts of a rule, and large.
const OF_THE_RULE: [&str; 2] = ["kibana.alert.rule.note", "kibana.alert.rule.parameters"];

impl Triager {
    /// The documents of the alerts with these ids, without their guides, in no order; those that cannot be found are
    /// left out. Each answer has the wording of its question beside it, as `question`, which alerts do not store.
    ///
    /// # Errors
    /// No answer.
    pub async fn as_stored(&self, ids: &[String]) -> Result<Vec<Map<String, Value>>, ElasticError> {
        let body = json!({
            "size": ids.len(), "track_total_hits": false, "query": {"ids": {"values": ids}},
            // Several indices behind the alias may hold the same alert.
            "collapse": {"field": "kibana.alert.uuid"}, "_source": {"excludes": OF_THE_RULE},
        });
        let search = SearchItem { indices: vec![self.index.alias().to_owned()], body };
        let mut answers = self.cluster.multi_search(&[search], &["hits.hits._source"]).await?;
        let hits = answers.first_mut().and_then(|answer| answer.pointer_mut("/hits/hits")).map(Value::take);
        let Some(Value::Array(hits)) = hits else { return Ok(Vec::new()) };
        let documents = hits.into_iter().filter_map(|mut hit| match hit["_source"].take() {
            Value::Object(document) => Some(self.worded(document)),
            _ => None,
        });
        Ok(documents.collect())
    }

    fn worded(&self, mut document: Map<String, Value>) -> Map<String, Value> {
        let rule = document.get("kibana.alert.rule.rule_id").and_then(Value::as_str);
        let questions = rule.and_then(|id| self.rules.get(id)).map(|rule| &rule.triage.questions);
        if let Some(Value::Object(answers)) = document.get_mut("stakeout.triage") {
            for question in questions.into_iter().flatten() {
                if let Some(Value::Object(answer)) = answers.get_mut(&question.id) {
                    answer.insert("question".to_owned(), question.question.as_str().into());
                }
            }
        }
        document
    }
}

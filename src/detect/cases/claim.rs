//! Which process writes to the case of a group: one at a time, told by a document beside the checkpoints.

use std::sync::PoisonError;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::CaseOpener;
use crate::elastic::{ElasticError, Guard, Put, Versioned};

/// How long a claim holds for a process that says no more. Longer than one request to Kibana can take by default.
const HOLDS: TimeDelta = TimeDelta::minutes(5);

/// A claim of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    key: String,
    guard: Guard,
    /// Whether somebody had a claim before, and may have written to the case meanwhile.
    pub again: bool,
}

impl CaseOpener {
    /// Claims the case with this tag; none where another process is at work on it.
    pub(super) async fn claim(&self, tag: &str, now: DateTime<Utc>) -> Result<Option<Held>, ElasticError> {
        let (index, key) = (self.index.state_index(), format!("case:{tag}"));
        let stamp = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let document = json!({"key": key, "owner": self.owner, "updated_at": stamp});
        let found = self.cluster.get_document(&index, &key).await?;
        let guard = match &found {
            None => Guard::Create,
            Some(found) if holds(&found.source, &self.owner, now) => return Ok(None),
            Some(Versioned { seq_no, primary_term, .. }) => {
                Guard::Unchanged { seq_no: *seq_no, primary_term: *primary_term }
            }
        };
        Ok(match self.cluster.put_document(&index, &key, &document, guard).await? {
            Put::Done { seq_no, primary_term } => {
                Some(Held { key, guard: Guard::Unchanged { seq_no, primary_term }, again: found.is_some() })
            }
            Put::Conflict => None,
        })
    }

    /// Remembers a claim until it is given back.
    pub(super) fn keep(&self, tag: &str, held: Held) {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.to_owned(), held);
    }

    /// Gives a claim back, if there is one; where that fails it ends by itself.
    pub(super) async fn release(&self, tag: &str) {
        let held = self.claims.lock().unwrap_or_else(PoisonError::into_inner).remove(tag);
        let Some(held) = held else { return };
        let document = json!({"key": held.key});
        let index = self.index.state_index();
        if let Err(error) = self.cluster.put_document(&index, &held.key, &document, held.guard).await {
            tracing::debug!("a claim on a case ends in {HOLDS}: {error}");
        }
    }
}

/// Whether a claim is that of another process that may be at work.
fn holds(claim: &Value, owner: &str, now: DateTime<Utc>) -> bool {
    let since = claim["updated_at"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
    // A time far ahead is that of a wrong clock.
    claim["owner"] != owner && since.is_some_and(|since| (now - since).abs() < HOLDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_for_others_and_for_a_while() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let claim =
            |owner: &str, since: DateTime<Utc>| json!({"owner": owner, "updated_at": since.to_rfc3339()});
        let minutes = TimeDelta::minutes;
        for (claim, expected) in [
            (claim("other", now), true),
            (claim("other", now - minutes(4)), true),
            (claim("other", now + minutes(4)), true),
            (claim("me", now), false),
            (claim("other", now - minutes(5)), false),
            (claim("other", now + minutes(60)), false),
            (json!({"owner": "other"}), false),
            (json!({"key": "case:x"}), false),
        ] {
            assert_eq!(holds(&claim, "me", now), expected, "{claim}");
        }
    }
}

//! Which process writes to the case of a group: one at a time, told by a document beside the checkpoints.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{CaseOpener, CasesError};
use crate::elastic::{Guard, Put, Versioned};

/// How long a claim holds: for a process that says no more, and for a request that Kibana may still carry out. Longer than
/// one request to Kibana can take.
pub(super) const HOLDS: TimeDelta = TimeDelta::minutes(5);

/// A claim of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    tag: String,
    guard: Guard,
    /// Whether somebody had a claim before, and may have written to the case meanwhile.
    pub again: bool,
    /// Whether Kibana may still carry out what it was asked for under this claim.
    pub unsettled: bool,
}

impl CaseOpener {
    /// Claims the case with this tag.
    ///
    /// # Errors
    /// The claim of another process holds, or one of this process for a request that Kibana may still carry out; or the
    /// cluster does not answer.
    pub(super) async fn claim(&self, tag: &str, now: DateTime<Utc>) -> Result<Held, CasesError> {
        let found = self.cluster.get_document(&self.index.state_index(), &key(tag)).await?;
        let guard = match &found {
            None => Guard::Create,
            Some(found) if holds(&found.source, now) && self.kept().contains_key(tag) => {
                return Err(CasesError::Unsettled { tag: tag.to_owned() });
            }
            Some(found) if holds(&found.source, now) && found.source["owner"] != self.owner.as_str() => {
                return Err(CasesError::Elsewhere { tag: tag.to_owned() });
            }
            Some(Versioned { seq_no, primary_term, .. }) => {
                Guard::Unchanged { seq_no: *seq_no, primary_term: *primary_term }
            }
        };
        let mut held = Held { tag: tag.to_owned(), guard, again: found.is_some(), unsettled: false };
        self.renew(&mut held, now).await?;
        Ok(held)
    }

    /// Lets a claim hold from now on.
    ///
    /// # Errors
    /// Another process has claimed the case meanwhile, or the cluster does not answer.
    pub(super) async fn renew(&self, held: &mut Held, now: DateTime<Utc>) -> Result<(), CasesError> {
        let stamp = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let key = key(&held.tag);
        let document = json!({"key": key, "owner": self.owner, "updated_at": stamp});
        match self.cluster.put_document(&self.index.state_index(), &key, &document, held.guard).await? {
            Put::Done { seq_no, primary_term } => held.guard = Guard::Unchanged { seq_no, primary_term },
            Put::Conflict => return Err(CasesError::Elsewhere { tag: held.tag.clone() }),
        }
        Ok(())
    }

    /// Gives a claim back, unless Kibana may still do something: it then stands until that is seen, or it ends.
    pub(super) async fn part_with(&self, held: Held) {
        if held.unsettled {
            self.kept().insert(held.tag.clone(), held);
        } else {
            self.kept().remove(&held.tag);
            self.give_back(held).await;
        }
    }

    /// Gives back the claim that stands for something that was seen now, if there is one.
    pub(super) async fn release(&self, tag: &str) {
        let held = self.kept().remove(tag);
        if let Some(held) = held {
            self.give_back(held).await;
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where that fails the claim ends by itself.
    async fn give_back(&self, held: Held) {
        let key = key(&held.tag);
        let (document, index) = (json!({"key": key}), self.index.state_index());
        if let Err(error) = self.cluster.put_document(&index, &key, &document, held.guard).await {
            tracing::debug!("a claim on a case ends in {HOLDS}: {error}");
        }
    }
}

/// The name of the document that tells of a claim.
fn key(tag: &str) -> String {
    format!("case:{tag}")
}

/// Whether a claim has not ended.
fn holds(claim: &Value, now: DateTime<Utc>) -> bool {
    let since = claim["updated_at"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
    // A time far ahead is that of a wrong clock.
    since.is_some_and(|since| (now - since).abs() < HOLDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_for_a_while() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let claim = |since: DateTime<Utc>| json!({"owner": "any", "updated_at": since.to_rfc3339()});
        let minutes = TimeDelta::minutes;
        for (claim, expected) in [
            (claim(now), true),
            (claim(now - minutes(4)), true),
            (claim(now + minutes(4)), true),
            (claim(now - minutes(5)), false),
            (claim(now + minutes(60)), false),
            (json!({"owner": "any"}), false),
            (json!({"key": "case:x"}), false),
        ] {
            assert_eq!(holds(&claim, now), expected, "{claim}");
        }
    }
}

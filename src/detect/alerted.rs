//! Which findings have an alert already, and of which nobody can say, as an index behind the alias cannot answer.
//!
//! An alert goes to the index that is newest when it is written, and no event is alerted on before it happened: what
//! happened after the successor of an index was made has no alert in that index.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::elastic::{Cluster, ElasticError, Member};

/// By how much the clocks of a cluster may differ.
const CLOCKS: TimeDelta = TimeDelta::minutes(1);

/// What is known of some alerts.
#[derive(Debug, Default)]
pub struct Alerted {
    /// The ids of those that are there.
    pub there: HashSet<String>,
    /// Where others may lie.
    pub silent: Vec<Silent>,
}

/// An index that cannot answer.
#[derive(Debug)]
pub struct Silent {
    /// Which, and why not, in words.
    pub words: String,
    /// It holds no alert of an event from then on; none where nobody knows.
    until: Option<DateTime<Utc>>,
}

impl Silent {
    /// Whether the alert of an event may lie in it that first happened at `time`; none where it has no readable time.
    #[must_use]
    pub fn may_hold(&self, time: Option<DateTime<Utc>>) -> bool {
        time.zip(self.until).is_none_or(|(time, until)| time < until)
    }
}

/// What is known of the alerts of `ids` behind `alias`: what a search finds, and of the others what each index says of the
/// id itself, as a search does not show what was written just before a rollover.
///
/// # Errors
/// No answer, no permission, or the index that is written to cannot answer.
pub(super) async fn alerted(cluster: &Cluster, alias: &str, ids: &[String]) -> Result<Alerted, ElasticError> {
    let (mut there, is_whole) = cluster.known_ids_where_readable(alias, ids).await?;
    let unseen: Vec<String> = ids.iter().filter(|id| !there.contains(*id)).cloned().collect();
    if unseen.is_empty() {
        return Ok(Alerted { there, silent: Vec::new() });
    }
    let members = cluster.alias_members(alias).await?;
    // Of one index alone, writing tells what is there.
    if is_whole && members.len() < 2 {
        return Ok(Alerted { there, silent: Vec::new() });
    }
    let indices: Vec<String> = members.iter().map(|member| member.index.clone()).collect();
    let (present, unanswered) = cluster.present_ids_where_readable(&indices, &unseen).await?;
    there.extend(present);
    let silent = silent(cluster, alias, &members, unanswered).await?;
    Ok(Alerted { there, silent })
}

async fn silent(
    cluster: &Cluster,
    alias: &str,
    members: &[Member],
    mut unanswered: BTreeMap<String, ElasticError>,
) -> Result<Vec<Silent>, ElasticError> {
    if unanswered.is_empty() {
        return Ok(Vec::new());
    }
    let written = Member::written_to(members).map(|member| &member.index);
    if let Some(error) = written.and_then(|index| unanswered.remove(index)) {
        return Err(error);
    }
    let created = cluster.created(alias).await?;
    let silent = |(index, error): (String, ElasticError)| {
        let own = created.get(&index);
        let next = own.and_then(|own| created.values().filter(|other| *other > own).min());
        // One that a lifecycle has made of an older one, as by shrinking it, is not the newest for that.
        let next = next.or_else(|| own.and(written).and_then(|index| created.get(index)));
        Silent { words: error.to_string(), until: next.map(|next| *next + CLOCKS) }
    };
    Ok(unanswered.into_iter().map(silent).collect())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::{Value, json};

    use super::{Alerted, alerted};
    use crate::elastic::ElasticError;
    use crate::elastic::fake::{Act, Fake, attempts};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn json(body: &Value) -> Act {
        Act::json(200, &body.to_string())
    }

    /// The alias over indices, each with when it was made; the last is written to.
    fn indices(made: &[(&str, i64)]) -> [Act; 2] {
        let last = made.last().unwrap().0;
        let flags = made.iter().map(|(name, _)| {
            (name.to_string(), json!({"aliases": {"alerts": {"is_write_index": *name == last}}}))
        });
        let settings = made.iter().map(|(name, seconds)| {
            let millis = (seconds * 1000).to_string();
            (name.to_string(), json!({"settings": {"index.creation_date": millis}}))
        });
        [json(&Value::Object(flags.collect())), json(&Value::Object(settings.collect()))]
    }

    /// What is known of `x` and `y` where these indices are closed or red, and all others are empty.
    async fn known(made: &[(&str, i64)], silent: &[&str]) -> Result<Alerted, ElasticError> {
        let [alias, settings] = indices(made);
        let found = json!({"timed_out": false, "_shards": {"total": 2, "failed": 1}, "hits": {"hits": []}});
        let of = |name: &str, id: &str| {
            let mut doc = json!({"_index": name, "_id": id, "found": false});
            if silent.contains(&name) {
                doc["error"] = json!({"type": "index_closed_exception", "reason": "closed"});
            }
            doc
        };
        let docs: Vec<Value> = made.iter().flat_map(|(name, _)| ["x", "y"].map(|id| of(name, id))).collect();
        let acts = vec![json(&found), alias, json(&json!({ "docs": docs })), settings];
        let fake = Fake::start_with(acts, attempts(1)).await;
        let known = alerted(&fake.cluster, "alerts", &["x".into(), "y".into()]).await;
        assert!(!silent.is_empty() || fake.seen().len() == 3, "nothing is asked of no silent index");
        known
    }

    #[tokio::test]
    async fn an_index_that_cannot_answer_holds_no_alert_of_what_happened_after_the_next_was_made() {
        let made = [("a-1", 1_000), ("a-2", 2_000), ("a-3", 3_000)];
        let Alerted { there, silent } = known(&made, &["a-1"]).await.expect("an answer");
        assert!(there.is_empty());
        assert!(
            silent[0].words.contains("`a-1` cannot answer: index_closed_exception"),
            "{}",
            silent[0].words
        );
        let may_hold = |seconds: i64| silent[0].may_hold(Some(at(seconds)));
        // A minute, as clocks may differ.
        assert_eq!([0, 2_059, 2_060, 3_000].map(may_hold), [true, true, false, false]);
        assert!(silent[0].may_hold(None), "an event without a time");
    }

    #[tokio::test]
    async fn one_made_later_of_an_older_one_ends_where_the_written_one_begins() {
        let made = [("shrink-x-a-1", 5_000), ("a-2", 3_000)];
        let Alerted { silent, .. } = known(&made, &["shrink-x-a-1"]).await.expect("an answer");
        assert_eq!([3_059, 3_060].map(|seconds| silent[0].may_hold(Some(at(seconds)))), [true, false]);
    }

    #[tokio::test]
    async fn where_all_answer_one_by_one_nothing_is_in_doubt() {
        assert!(known(&[("a-1", 1), ("a-2", 2)], &[]).await.expect("an answer").silent.is_empty());
    }

    #[tokio::test]
    async fn the_index_that_is_written_to_has_to_answer() {
        let error =
            known(&[("a-1", 1), ("a-2", 2)], &["a-1", "a-2"]).await.expect_err("no place to write to");
        assert!(error.to_string().contains("`a-2` cannot answer") && error.is_retryable(), "{error}");
        assert!(known(&[("a-1", 1)], &["a-1"]).await.is_err());
    }

    #[tokio::test]
    async fn one_index_that_answers_is_asked_once() {
        let found = json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": [{"_id": "x"}]}});
        let [alias, _] = indices(&[("a-1", 1)]);
        let fake = Fake::start(vec![json(&found), alias]).await;
        let known = alerted(&fake.cluster, "alerts", &["x".into(), "y".into()]).await.expect("an answer");
        assert_eq!(known.there, ["x".to_owned()].into());
        assert_eq!(fake.seen().len(), 2);
    }
}

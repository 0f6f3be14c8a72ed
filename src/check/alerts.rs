//! Where alerts go: the alerts index, its template, the index of the checkpoints, and how far each rule has read.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::delay::stamp;
use super::needs::to_set_up;
use super::privileges::{self, lacking};
use super::{Checkup, Finding};
use crate::alert::TEMPLATE_VERSION;
use crate::checkpoint::{Cursor, Store};
use crate::detect::overlap;
use crate::elastic::{Granted, Member, Privileges};
use crate::rule::Rule;

/// How many intervals a rule may lie behind before somebody should look.
const BEHIND: i32 = 3;

/// What making an index needs.
const TO_MAKE: &str = "create_index";

impl Checkup {
    /// The alerts index, whether it takes alerts, and the template of the next one; then the index of the checkpoints.
    pub(super) async fn alerts(&self) -> Vec<Finding> {
        let alias = self.index.alias();
        let (subject, asked) = (format!("alerts index {alias}"), format!("GET /_alias/{alias}"));
        let members = match self.cluster.alias_members(alias).await {
            Ok(members) => members,
            Err(error) => return vec![Finding::failed(subject, asked, error)],
        };
        if members.is_empty() {
            return vec![self.no_alias(&subject).await];
        }
        let mut findings = vec![behind(&subject, &asked, alias, &members)];
        findings.push(self.blocks(&subject, alias).await);
        findings.push(self.template(&subject).await);
        findings.extend(self.state_index().await);
        findings
    }

    /// Nothing has the alias's name yet, or something else has.
    async fn no_alias(&self, subject: &str) -> Finding {
        let alias = self.index.alias();
        let asked = format!("HEAD /{alias}");
        match self.cluster.index_exists(alias).await {
            Ok(true) => Finding::missing(
                subject,
                asked,
                "an index has the name that the alias needs",
                "rename or delete it, or choose another with --alerts-index",
            ),
            Ok(false) => {
                let template = self.cluster.index_template(&self.index.template_name()).await;
                let needed = to_set_up(&self.index, !template.is_ok_and(|template| template.is_some()));
                self.not_made(subject, &asked, &needed).await
            }
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    /// What is not made yet, and whether the first run may make it.
    async fn not_made(&self, subject: &str, asked: &str, needed: &Privileges) -> Finding {
        let lacks = match self.cluster.has_privileges(needed).await {
            Ok(Granted::NoSecurity) => Vec::new(),
            Ok(Granted::To { missing, .. }) => lacking(&missing),
            Err(error) => return Finding::failed(subject, privileges::ASKED, error),
        };
        if lacks.is_empty() {
            let advice = "run `stakeout setup` once; the first run makes it, too";
            return Finding::warning(subject, asked, "not made yet", advice);
        }
        let lacks = lacks.iter().map(|(place, privileges)| format!("{} on {place}", privileges.join(", ")));
        let lacks = lacks.collect::<Vec<_>>().join(", and ");
        Finding::missing(
            subject,
            format!("{asked}, {}", privileges::ASKED),
            format!(
                "not made yet, and to make it needs {lacks}, which is not granted: no alert can be written"
            ),
            "run `stakeout setup` once with the rights of `setup-role.json`, which `stakeout setup --print DIR` writes",
        )
    }

    async fn blocks(&self, subject: &str, name: &str) -> Finding {
        let asked = format!("GET /{name}/_settings/index.blocks.*?flat_settings=true");
        match self.cluster.index_blocks(name).await {
            Ok(blocks) => blocked(subject, &asked, name, blocks),
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    async fn template(&self, subject: &str) -> Finding {
        let name = self.index.template_name();
        let asked = format!("GET /_index_template/{name}");
        let advice = format!(
            "run `stakeout setup`, then `POST /{}/_rollover`: the next index behind the alias has it",
            self.index.alias()
        );
        match self.cluster.index_template(&name).await {
            Ok(Some(template)) => match template["version"].as_u64() {
                Some(version) if version >= TEMPLATE_VERSION => {
                    Finding::ok(subject, asked, format!("template `{name}` in version {version}"))
                }
                version => {
                    let version =
                        version.map_or("no version".to_owned(), |version| format!("version {version}"));
                    let found =
                        format!("template `{name}` has {version}, this program's is {TEMPLATE_VERSION}");
                    Finding::warning(subject, asked, found, advice)
                }
            },
            Ok(None) => Finding::warning(subject, asked, format!("no template `{name}`"), advice),
            // Of early versions, `monitor` does not grant it.
            Err(error) if error.status() == Some(403) => {
                Finding::ok(subject, asked, "templates may not be read, which running needs not")
            }
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    /// The index of the checkpoints, and whether it takes them.
    async fn state_index(&self) -> Vec<Finding> {
        let name = self.index.state_index();
        let (subject, asked) = (format!("state index {name}"), format!("HEAD /{name}"));
        match self.cluster.index_exists(&name).await {
            Ok(true) => vec![self.blocks(&subject, &name).await],
            Ok(false) => {
                let indices = BTreeMap::from([(name, vec![TO_MAKE.to_owned()])]);
                let needed = Privileges { cluster: Vec::new(), indices };
                vec![self.not_made(&subject, &asked, &needed).await]
            }
            Err(error) => vec![Finding::failed(subject, asked, error)],
        }
    }

    /// How far the rule has read, and what it owes.
    pub(super) async fn checkpoint(&self, rule: &Rule) -> Finding {
        let index = self.index.state_index();
        let subject = format!("checkpoint {}", rule.name);
        let asked = format!("GET /{index}/_doc/{}", rule.rule_id);
        let store = Store::Cluster { cluster: self.cluster.clone(), index };
        match store.load(&rule.rule_id, &rule.name).await {
            Ok(tracked) => match tracked.cursor {
                Some(cursor) => self.read_until(&subject, &asked, rule, &cursor),
                None => {
                    Finding::ok(subject, asked, "none yet: the first run begins with the rule's look-back")
                }
            },
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    fn read_until(&self, subject: &str, asked: &str, rule: &Rule, cursor: &Cursor) -> Finding {
        let now = self.now();
        let lag = now - cursor.done_until;
        let interval = TimeDelta::from_std(rule.schedule.interval).unwrap_or_default();
        let found = format!("read until {}, {} s ago", stamp(cursor.done_until), lag.num_seconds());
        if let Some(owed) = cursor.owed.first() {
            let found = format!(
                "{found}; owed: {} stretches, the first from {} to {}: {}",
                cursor.owed.len(),
                stamp(owed.window.from),
                stamp(owed.window.to),
                owed.reason
            );
            return Finding::warning(
                subject,
                asked,
                found,
                "mend the reason; the daemon reads it again by itself",
            );
        }
        if cursor.is_ahead(now, overlap(rule)) {
            return Finding::warning(
                subject,
                asked,
                format!("read until {}, which has not come yet: a clock was ahead", stamp(cursor.done_until)),
                "set the clocks of the nodes right; the next run takes it back and reads the last day again",
            );
        }
        if lag > interval * BEHIND {
            return Finding::warning(
                subject,
                asked,
                found,
                "look whether `stakeout run` runs; it catches up",
            );
        }
        Finding::ok(subject, asked, found)
    }
}

/// The indices behind the alias, one of which has to be the one that takes what is new.
fn behind(subject: &str, asked: &str, alias: &str, members: &[Member]) -> Finding {
    let names: Vec<&str> = members.iter().map(|member| member.index.as_str()).collect();
    let found = format!("{} behind it: {}", names.len(), names.join(", "));
    if let Some(member) = Member::written_to(members) {
        return Finding::ok(subject, asked, format!("{found}; new alerts go to {}", member.index));
    }
    let last = names.last().copied().unwrap_or_default();
    let found = format!("{found}; none of them is written to, so that no alert can be");
    let advice = format!(
        "choose one: POST /_aliases {{\"actions\":[{{\"add\":{{\"index\":\"{last}\",\"alias\":\"{alias}\",\
         \"is_write_index\":true}}}}]}}"
    );
    Finding::missing(subject, asked, found, advice)
}

fn blocked(subject: &str, asked: &str, name: &str, blocks: BTreeMap<String, Vec<String>>) -> Finding {
    let set = blocks.into_iter().filter(|(_, set)| !set.is_empty());
    let set: Vec<String> = set.map(|(index, set)| format!("`{index}`: {}", set.join(", "))).collect();
    if set.is_empty() {
        return Finding::ok(subject, asked, "no block is set");
    }
    let advice = format!(
        "alerts wait until it is lifted (free disk space first if a full disk set it): PUT /{name}/_settings \
         {{\"index.blocks.write\": null}}, likewise for the others"
    );
    Finding::missing(subject, asked, format!("blocked: {}", set.join("; ")), advice)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use serde_json::{Value, json};

    use crate::alert::TEMPLATE_VERSION;
    use crate::check::{Checkup, Finding, State};
    use crate::elastic::fake::{Act, Fake};

    /// What is found where the cluster answers these, one after the other.
    async fn found(answers: Vec<(u16, Value)>) -> Vec<Finding> {
        let acts = answers.iter().map(|(status, body)| Act::json(*status, &body.to_string())).collect();
        let fake = Fake::start(acts).await;
        let checkup = Checkup {
            cluster: fake.cluster.clone(),
            index: "alerts".parse().expect("a name"),
            rules: Vec::<Arc<_>>::new(),
            clock: || DateTime::UNIX_EPOCH,
        };
        let findings = checkup.alerts().await;
        assert_eq!(fake.seen().len(), answers.len(), "{findings:?}");
        findings
    }

    fn no_alias() -> (u16, Value) {
        (404, json!({"error": "alias [alerts] missing", "status": 404}))
    }

    fn alias(members: &Value) -> (u16, Value) {
        let flag = |flag: &Value| json!({"aliases": {"alerts": {"is_write_index": flag}}});
        let members = members.as_object().expect("an object").iter();
        (200, members.map(|(name, is)| (name.clone(), flag(is))).collect())
    }

    fn template(version: u64) -> (u16, Value) {
        (200, json!({"index_templates": [{"index_template": {"version": version}}]}))
    }

    fn no_template() -> (u16, Value) {
        (404, json!({"error": {"type": "resource_not_found_exception", "reason": "none"}}))
    }

    fn granted(cluster: &Value, index: &Value) -> (u16, Value) {
        (200, json!({"username": "u", "has_all_requested": false, "cluster": cluster, "index": index}))
    }

    const THERE: (u16, Value) = (200, Value::Null);
    const ABSENT: (u16, Value) = (404, Value::Null);

    #[tokio::test]
    async fn what_is_not_made_is_missing_where_the_first_run_may_not_make_it() {
        for (template, grants, state, words) in [
            (
                no_template(),
                granted(&json!({"manage_index_templates": true}), &json!({})),
                State::Warning,
                "not made yet",
            ),
            (
                no_template(),
                granted(&json!({"manage_index_templates": false}), &json!({"alerts*": {"manage": false}})),
                State::Missing,
                "needs manage_index_templates on the cluster, and manage on `alerts*`",
            ),
            (
                template(TEMPLATE_VERSION),
                granted(&json!({}), &json!({"alerts*": {"manage": false}})),
                State::Missing,
                "needs manage on",
            ),
        ] {
            let findings = found(vec![no_alias(), ABSENT, template, grants]).await;
            let [finding] = &findings[..] else { panic!("{findings:?}") };
            assert!(finding.state == state && finding.found.contains(words), "{finding:?}");
            let advice = finding.advice.as_deref().unwrap_or_default();
            assert_eq!(
                advice.contains("`stakeout setup --print DIR` writes"),
                state == State::Missing,
                "{advice}"
            );
        }
    }

    #[tokio::test]
    async fn an_alias_is_of_use_where_one_of_its_indices_is_written_to() {
        for (members, state, words) in [
            (json!({"alerts-1": true}), State::Ok, "new alerts go to alerts-1"),
            (json!({"alerts-1": null}), State::Ok, "new alerts go to alerts-1"),
            (json!({"alerts-1": false, "alerts-2": true}), State::Ok, "new alerts go to alerts-2"),
            (json!({"alerts-1": false}), State::Missing, "none of them is written to"),
            (json!({"alerts-1": null, "alerts-2": null}), State::Missing, "none of them is written to"),
        ] {
            let blocks = (200, json!({}));
            let findings =
                found(vec![alias(&members), blocks.clone(), template(TEMPLATE_VERSION), THERE, blocks]).await;
            assert!(findings[0].state == state && findings[0].found.contains(words), "{findings:?}");
            assert!(findings[1..].iter().all(|finding| finding.state == State::Ok), "{findings:?}");
        }
    }

    #[tokio::test]
    async fn the_index_of_the_checkpoints_counts_as_much() {
        let before = [alias(&json!({"alerts-1": true})), (200, json!({})), template(TEMPLATE_VERSION)];
        let blocked = json!({"alerts-state": {"settings": {"index.blocks.write": "true"}}});
        let refused = granted(&json!({}), &json!({"alerts-state": {"create_index": false}}));
        for (last, words) in [
            ([ABSENT, refused], "needs create_index on `alerts-state`"),
            ([THERE, (200, blocked)], "blocked: `alerts-state`: index.blocks.write"),
        ] {
            let findings = found([&before[..], &last].concat()).await;
            let last = findings.last().expect("a finding");
            assert!(last.state == State::Missing && last.found.contains(words), "{last:?}");
            assert_eq!(last.subject, "state index alerts-state");
        }
    }
}

//! Where alerts go: the index, its template, and how far each rule has read.

use chrono::TimeDelta;

use super::delay::stamp;
use super::{Checkup, Finding};
use crate::alert::TEMPLATE_VERSION;
use crate::checkpoint::{Cursor, Store};
use crate::detect::overlap;
use crate::elastic::ElasticError;
use crate::rule::Rule;

/// How many intervals a rule may lie behind before somebody should look.
const BEHIND: i32 = 3;

impl Checkup {
    /// The alerts index, whether it takes alerts, and the template of the next one.
    pub(super) async fn alerts_index(&self) -> Vec<Finding> {
        let alias = self.index.alias();
        let (subject, asked) = (format!("alerts index {alias}"), "GET /_alias");
        let indices = match self.cluster.alias_indices(alias).await {
            Ok(indices) => indices,
            Err(error) => return vec![Finding::failed(subject, asked, error)],
        };
        if indices.is_empty() {
            return vec![self.no_alias(&subject).await];
        }
        let found = format!("{} behind it: {}", indices.len(), indices.join(", "));
        let there = Finding::ok(&subject, asked, found);
        [there, self.blocks(&subject).await, self.template(&subject).await].into()
    }

    /// Nothing has the alias's name yet, or something else has.
    async fn no_alias(&self, subject: &str) -> Finding {
        let asked = "HEAD /NAME";
        match self.cluster.index_exists(self.index.alias()).await {
            Ok(true) => Finding::missing(
                subject,
                asked,
                "an index has the name that the alias needs",
                "rename or delete it, or choose another with --alerts-index",
            ),
            Ok(false) => Finding::warning(
                subject,
                asked,
                "not made yet",
                "run `stakeout setup` once with the rights of docker/setup-role.json; the first run makes it, too, if it may",
            ),
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    async fn blocks(&self, subject: &str) -> Finding {
        let asked = "GET /NAME/_settings/index.blocks.*";
        match self.cluster.index_blocks(self.index.alias()).await {
            Ok(blocks) => {
                let set = blocks.into_iter().filter(|(_, set)| !set.is_empty());
                let set: Vec<String> =
                    set.map(|(index, set)| format!("`{index}`: {}", set.join(", "))).collect();
                if set.is_empty() {
                    return Finding::ok(subject, asked, "no block is set");
                }
                Finding::missing(
                    subject,
                    asked,
                    format!("blocked: {}", set.join("; ")),
                    "alerts wait until it is lifted (free disk space first if a full disk set it): PUT NAME/_settings \
                     {\"index.blocks.write\": null}, likewise for the others",
                )
            }
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    async fn template(&self, subject: &str) -> Finding {
        let (name, asked) = (self.index.template_name(), "GET /_index_template");
        let advice =
            "run `stakeout setup`, then `POST NAME/_rollover`: the next index behind the alias has it";
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
            Err(error) => refused(&error).map_or_else(
                || Finding::failed(subject, asked, &error),
                |()| Finding::ok(subject, asked, "templates may not be read, which running needs not"),
            ),
        }
    }

    /// How far the rule has read, and what it owes.
    pub(super) async fn checkpoint(&self, rule: &Rule) -> Finding {
        let (subject, asked) = (format!("checkpoint {}", rule.name), "GET /NAME-state/_doc");
        let store = Store::Cluster { cluster: self.cluster.clone(), index: self.index.state_index() };
        match store.load(&rule.rule_id, &rule.name).await {
            Ok(tracked) => match tracked.cursor {
                Some(cursor) => self.read_until(&subject, asked, rule, &cursor),
                None => {
                    Finding::ok(subject, asked, "none yet: the first run begins with the rule's look-back")
                }
            },
            Err(error) => Finding::failed(subject, asked, error),
        }
    }

    fn read_until(&self, subject: &str, asked: &str, rule: &Rule, cursor: &Cursor) -> Finding {
        let now = (self.clock)() + self.cluster.clock_offset().unwrap_or_default();
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

/// Whether the request was refused for want of a privilege.
fn refused(error: &ElasticError) -> Option<()> {
    (error.status() == Some(403)).then_some(())
}

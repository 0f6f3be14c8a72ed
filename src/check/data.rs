//! The events: which indices there are, how many came lately, by which clock they are stamped, and how late they arrive.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::delay::{Delays, stamp};
use super::lately::{AHEAD, Lately, Newest};
use super::{Checkup, Finding};
use crate::detect::overlap;
use crate::elastic::{ElasticError, PatternMatch};
use crate::rule::{Rule, TIMESTAMP, TimeFields};

/// How far back events are looked at.
pub(super) const OVER: TimeDelta = TimeDelta::hours(24);

/// Events older than this, where there are some, mean that a shipper has stopped.
const STALE: TimeDelta = TimeDelta::hours(1);

/// Where ingest pipelines put the time at which an event arrived.
const ARRIVED: &str = "event.ingested";

const ASKED: &str = "POST /_msearch";

/// A pattern, and how its events fall into windows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern<'r> {
    pub(super) name: &'r str,
    pub(super) time: &'r TimeFields,
    /// Of the rules that read it so, the one whose windows overlap by the least.
    rule: &'r Rule,
}

impl Checkup {
    /// What is found behind each pattern of the rules.
    pub(super) async fn data(&self) -> Vec<Finding> {
        let read = self.rules.iter().flat_map(|rule| &rule.index).filter(|name| !name.starts_with('-'));
        let names: Vec<String> = read.collect::<BTreeSet<_>>().into_iter().cloned().collect();
        let matches = match self.cluster.resolve(&names).await {
            Ok(matches) => matches,
            Err(error) => return vec![Finding::failed("indices", resolve(&names.join(",")), error)],
        };
        let patterns = self.patterns();
        let mut findings = Vec::new();
        for (name, behind) in names.iter().zip(&matches) {
            findings.extend(self.indices(name, behind));
            if behind.open.is_empty() {
                continue;
            }
            for pattern in patterns.iter().filter(|pattern| pattern.name == name) {
                findings.extend(self.events(pattern).await);
            }
        }
        findings
    }

    /// Each pattern once for each choice of time fields by which rules read it.
    fn patterns(&self) -> Vec<Pattern<'_>> {
        let mut patterns: BTreeMap<_, Pattern<'_>> = BTreeMap::new();
        for rule in &self.rules {
            for name in rule.index.iter().filter(|name| !name.starts_with('-')) {
                let time = &rule.time;
                let known = patterns.entry((name, &time.primary, &time.fallback)).or_insert(Pattern {
                    name,
                    time,
                    rule,
                });
                if overlap(rule) < overlap(known.rule) {
                    known.rule = rule;
                }
            }
        }
        patterns.into_values().collect()
    }

    fn indices(&self, name: &str, behind: &PatternMatch) -> Vec<Finding> {
        let (subject, asked) = (format!("indices {name}"), resolve(name));
        let closed = (!behind.closed.is_empty()).then(|| {
            let found = format!("closed, so that nothing in it is found: {}", behind.closed.join(", "));
            let advice = format!(
                "open it (`POST /{}/_open`); until then its time is owed, and read once it is open",
                behind.closed.join(",")
            );
            Finding::missing(&subject, &asked, found, advice)
        });
        if behind.is_empty() {
            let alone = self.rules.iter().any(|rule| rule.index.len() == 1 && rule.index[0] == name);
            let advice = "ship events to it, or leave it; rules read it as soon as it is there";
            let found = "no index matches";
            let finding = if alone { Finding::missing } else { Finding::warning };
            return vec![finding(subject, asked, found.to_owned(), advice.to_owned())];
        }
        let open = (!behind.open.is_empty()).then(|| {
            let found = format!("{} open", behind.open.len());
            Finding::ok(&subject, &asked, found)
        });
        open.into_iter().chain(closed).collect()
    }

    async fn events(&self, pattern: &Pattern<'_>) -> Vec<Finding> {
        let (subject, now) = (format!("events {}", pattern.name), self.now());
        let lately = match self.lately(pattern, now).await {
            Ok(lately) => lately,
            Err(error) => return vec![Finding::failed(subject, ASKED, error)],
        };
        let mut findings = vec![amount(&subject, pattern.time, &lately, now)];
        findings.extend(ahead(&subject, &lately));
        if lately.events > 0 {
            findings.extend(self.arrival(pattern, &lately, now).await);
        }
        findings
    }

    async fn lately(&self, pattern: &Pattern<'_>, now: DateTime<Utc>) -> Result<Lately, ElasticError> {
        let searches = Lately::searches(pattern, now);
        let mut lately = Lately::read(&self.cluster.whole_multi_search(&searches, Lately::PARTS).await?);
        if lately.events == 0 {
            let searches = Newest::searches(pattern, now);
            lately.newest = Newest::read(&self.cluster.whole_multi_search(&searches, Newest::PARTS).await?);
        }
        Ok(lately)
    }

    /// By which time events fall into windows, and how late they come by it.
    async fn arrival(&self, pattern: &Pattern<'_>, lately: &Lately, now: DateTime<Utc>) -> Vec<Finding> {
        let subject = format!("arrival {}", pattern.name);
        let primary = pattern.time.primary.as_str();
        let mut findings = vec![share(&subject, pattern, lately)];
        if lately.stamped == 0 {
            return findings;
        }
        let arrived = if primary == TIMESTAMP { ARRIVED } else { primary };
        let searches = Delays::searches(pattern.name, arrived, now, OVER);
        let delays = match self.cluster.whole_multi_search(&searches, &["hits.hits.fields"]).await {
            Ok(answers) => Delays::read(&answers, arrived),
            Err(error) => {
                findings.push(Finding::failed(&subject, ASKED, error));
                return findings;
            }
        };
        findings.extend(if primary == TIMESTAMP {
            Some(by_time_of_event(&subject, &delays, pattern.rule))
        } else {
            by_time_of_arrival(&subject, &delays, primary)
        });
        findings
    }
}

fn resolve(names: &str) -> String {
    format!("GET /_resolve/index/{names}?expand_wildcards=open,closed")
}

fn amount(subject: &str, time: &TimeFields, lately: &Lately, now: DateTime<Utc>) -> Finding {
    let (events, by) = (lately.events, by(time));
    match lately.newest {
        newest if events == 0 => {
            let newest =
                newest.map_or("none at all".to_owned(), |time| format!("the newest of {}", stamp(time)));
            let advice = "look whether the shipper runs, and whether its events carry these time fields";
            Finding::warning(subject, ASKED, format!("none in 24 hours by {by}; {newest}"), advice)
        }
        Some(newest) if now - newest > STALE => Finding::warning(
            subject,
            ASKED,
            format!("{events} in 24 hours, but none since {} by {by}", stamp(newest)),
            "look whether the shipper still runs",
        ),
        Some(newest) => {
            let found = format!("{events} in 24 hours by {by}, the newest of {}", stamp(newest));
            Finding::ok(subject, ASKED, found)
        }
        None => Finding::ok(subject, ASKED, format!("{events} in 24 hours by {by}")),
    }
}

/// Events whose time has not come yet.
fn ahead(subject: &str, lately: &Lately) -> Option<Finding> {
    let latest = lately.latest.map(|time| format!(", the latest of {}", stamp(time))).unwrap_or_default();
    (lately.ahead > 0).then(|| {
        let found = format!("{} lie more than {} s in the future{latest}", lately.ahead, AHEAD.num_seconds());
        let advice = "look at the clocks of what sends them; a window reads them once their time has come";
        Finding::warning(subject, ASKED, found, advice)
    })
}

/// How many of the events carry the field by which windows are cut.
fn share(subject: &str, pattern: &Pattern<'_>, lately: &Lately) -> Finding {
    let (primary, unstamped) = (&pattern.time.primary, lately.events.saturating_sub(lately.stamped));
    if unstamped == 0 {
        return Finding::ok(subject, ASKED, format!("all events carry `{primary}`"));
    }
    let found = format!("{unstamped} of {} events lack `{primary}`", lately.events);
    let seconds = overlap(pattern.rule).num_seconds();
    let advice = match &pattern.time.fallback {
        Some(fallback) => format!(
            "those count by `{fallback}`: what becomes searchable more than {seconds} s after it is found by the hourly \
             sweep, up to a day late; let an ingest pipeline set `{primary}`"
        ),
        None => format!("no rule finds them; let an ingest pipeline set `{primary}`"),
    };
    Finding::warning(subject, ASKED, found, advice)
}

/// How late events come, where windows go by the arrival; none where no event tells it.
fn by_time_of_arrival(subject: &str, delays: &Delays, primary: &str) -> Option<Finding> {
    let (found, latest) = within(delays)?;
    Some(if latest < TimeDelta::zero() {
        let advice =
            format!("`{TIMESTAMP}` lies after `{primary}`: look at the clocks of what sends the events");
        Finding::warning(subject, ASKED, found, advice)
    } else {
        Finding::ok(subject, ASKED, found + "; windows go by arrival, so this costs time and no alert")
    })
}

/// The same where windows go by when events happened: what comes later than they overlap is passed over at first.
fn by_time_of_event(subject: &str, delays: &Delays, rule: &Rule) -> Finding {
    let Some((found, latest)) = within(delays) else {
        let found = format!("nobody can tell how late events come: none carries `{ARRIVED}`");
        let advice = format!("let an ingest pipeline set `{ARRIVED}`");
        return Finding::warning(subject, ASKED, found, advice);
    };
    let overlap = overlap(rule);
    if latest <= overlap {
        return Finding::ok(subject, ASKED, format!("{found}; windows overlap by {}", words(overlap)));
    }
    let interval = TimeDelta::from_std(rule.schedule.interval).unwrap_or_default();
    let minutes = (interval + latest).num_seconds().saturating_add(59) / 60;
    let found = format!(
        "{found}, but windows by `{TIMESTAMP}` overlap by {}: what comes later is found by the hourly sweep alone",
        words(overlap)
    );
    let advice = format!(
        "give the rule {} `timestamp_override = \"{ARRIVED}\"`, or `from = \"now-{minutes}m\"`",
        rule.name
    );
    Finding::warning(subject, ASKED, found, advice)
}

/// The delays in words, and the longest that counts.
fn within(delays: &Delays) -> Option<(String, TimeDelta)> {
    let [half, most, nearly_all] = [50, 95, 99].map(|percent| delays.percentile(percent));
    let found = format!(
        "after they happened, half arrive within {}, 95 % within {}, 99 % within {} ({} events of 24 hours)",
        words(half?),
        words(most?),
        words(nearly_all?),
        delays.len()
    );
    Some((found, nearly_all?))
}

fn words(time: TimeDelta) -> String {
    let seconds = time.as_seconds_f64();
    match seconds.abs() {
        0.0..120.0 => format!("{seconds:.1} s"),
        120.0..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn by(time: &TimeFields) -> String {
    match &time.fallback {
        Some(fallback) => format!("`{}`, else `{fallback}`", time.primary),
        None => format!("`{}`", time.primary),
    }
}

//! The events: which indices there are, how many came lately, by which clock they are stamped, and how late they arrive.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::delay::{Delays, stamp};
use super::{Checkup, Finding};
use crate::detect::overlap;
use crate::elastic::{ElasticError, PatternMatch, SearchItem};
use crate::rule::{TIMESTAMP, TimeFields};

/// How far back events are looked at.
const OVER: TimeDelta = TimeDelta::hours(24);

/// Events older than this, where there are some, mean that a shipper has stopped.
const STALE: TimeDelta = TimeDelta::hours(1);

/// A pattern, and how its events fall into windows.
#[derive(Debug, Clone)]
struct Pattern<'r> {
    name: &'r str,
    time: &'r TimeFields,
    /// By how much the windows of its rules overlap, at least.
    overlap: TimeDelta,
}

/// What lately came in.
#[derive(Debug)]
struct Lately {
    events: u64,
    /// Those with the first of the rule's time fields.
    stamped: u64,
    newest: Option<DateTime<Utc>>,
}

impl Checkup {
    /// What is found behind each pattern of the rules.
    pub(super) async fn data(&self) -> Vec<Finding> {
        let patterns = self.patterns();
        let names: Vec<String> = patterns.iter().map(|pattern| pattern.name.to_owned()).collect();
        let asked = "GET /_resolve/index";
        let matches = match self.cluster.resolve(&names).await {
            Ok(matches) => matches,
            Err(error) => return vec![Finding::failed("indices", asked, error)],
        };
        let mut findings = Vec::new();
        for (pattern, behind) in patterns.iter().zip(&matches) {
            findings.extend(self.indices(pattern, behind));
            if !behind.open.is_empty() {
                findings.extend(self.events(pattern).await);
            }
        }
        findings
    }

    /// Each pattern once, with the smallest overlap of the rules that read it.
    fn patterns(&self) -> Vec<Pattern<'_>> {
        let mut patterns: BTreeMap<&str, Pattern<'_>> = BTreeMap::new();
        for rule in &self.rules {
            let overlap = overlap(rule);
            for name in rule.index.iter().filter(|name| !name.starts_with('-')) {
                let new = Pattern { name, time: &rule.time, overlap };
                let known = patterns.entry(name).or_insert(new);
                known.overlap = known.overlap.min(overlap);
            }
        }
        patterns.into_values().collect()
    }

    fn indices(&self, pattern: &Pattern<'_>, behind: &PatternMatch) -> Vec<Finding> {
        let (subject, asked) = (format!("indices {}", pattern.name), "GET /_resolve/index");
        let closed = (!behind.closed.is_empty()).then(|| {
            let found = format!("closed, so that nothing in it is found: {}", behind.closed.join(", "));
            let advice = "open it (`POST NAME/_open`); until then its time is owed, and read once it is open";
            Finding::missing(&subject, asked, found, advice)
        });
        if behind.is_empty() {
            let alone = self.rules.iter().any(|rule| rule.index.len() == 1 && rule.index[0] == pattern.name);
            let advice = "ship events to it, or leave it; rules read it as soon as it is there";
            let found = "no index matches";
            let finding = if alone { Finding::missing } else { Finding::warning };
            return vec![finding(subject, asked.to_owned(), found.to_owned(), advice.to_owned())];
        }
        let open = (!behind.open.is_empty()).then(|| {
            let found = format!("{} open", behind.open.len());
            Finding::ok(&subject, asked, found)
        });
        open.into_iter().chain(closed).collect()
    }

    async fn events(&self, pattern: &Pattern<'_>) -> Vec<Finding> {
        let (subject, asked) = (format!("events {}", pattern.name), "POST /_msearch");
        let now = (self.clock)() + self.cluster.clock_offset().unwrap_or_default();
        let lately = match self.lately(pattern, now).await {
            Ok(lately) => lately,
            Err(error) => return vec![Finding::failed(subject, asked, error)],
        };
        if lately.events == 0 {
            let newest = lately
                .newest
                .map_or("none at all".to_owned(), |time| format!("the newest of {}", stamp(time)));
            let advice = "look whether the shipper runs, and whether its events carry these time fields";
            let found = format!("none in 24 hours by {}; {newest}", by(pattern.time));
            return vec![Finding::warning(subject, asked, found, advice)];
        }
        let mut findings = vec![amount(&subject, asked, &lately, now)];
        findings.extend(self.arrival(pattern, &lately, now).await);
        findings
    }

    async fn lately(&self, pattern: &Pattern<'_>, now: DateTime<Utc>) -> Result<Lately, String> {
        let TimeFields { primary, fallback } = pattern.time;
        let range = |field: &str| json!({"range": {field: {"gte": stamp(now - OVER)}}});
        let mut ways = vec![range(primary)];
        ways.extend(fallback.as_deref().map(
            |field| json!({"bool": {"filter": [range(field)], "must_not": [{"exists": {"field": primary}}]}}),
        ));
        let newest = fallback.as_deref().unwrap_or(primary);
        let search = |query: Value, aggs: Value| SearchItem {
            indices: vec![pattern.name.to_owned()],
            body: json!({"size": 0, "track_total_hits": true, "query": query, "aggs": aggs}),
        };
        let stamped = json!({"stamped": {"filter": {"exists": {"field": primary}}}});
        let ever = json!({"newest": {"max": {"field": newest}}});
        let searches =
            [search(json!({"bool": {"should": ways}}), stamped), search(json!({"match_all": {}}), ever)];
        let answers = self.cluster.multi_search(&searches, &["hits.total", "aggregations"]).await;
        let answers = answers.map_err(|error: ElasticError| error.to_string())?;
        if let Some(error) = answers.iter().map(|answer| &answer["error"]).find(|error| !error.is_null()) {
            let reason = error["root_cause"][0]["reason"].as_str().or(error["reason"].as_str());
            return Err(reason.unwrap_or("the search failed").to_owned());
        }
        let millis = answers[1]["aggregations"]["newest"]["value"].as_f64();
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date are far below 2^53")]
        let newest = millis.and_then(|millis| DateTime::from_timestamp_millis(millis as i64));
        Ok(Lately {
            events: answers[0]["hits"]["total"]["value"].as_u64().unwrap_or_default(),
            stamped: answers[0]["aggregations"]["stamped"]["doc_count"].as_u64().unwrap_or_default(),
            newest,
        })
    }

    /// By which time events fall into windows, and how late they come by it.
    async fn arrival(&self, pattern: &Pattern<'_>, lately: &Lately, now: DateTime<Utc>) -> Vec<Finding> {
        let (subject, asked) = (format!("arrival {}", pattern.name), "POST /_msearch");
        let primary = &pattern.time.primary;
        let mut findings = vec![share(&subject, asked, pattern, lately)];
        if primary == TIMESTAMP || lately.stamped == 0 {
            return findings;
        }
        let searches = Delays::searches(pattern.name, primary, now, OVER);
        findings.extend(match self.cluster.multi_search(&searches, &["hits.hits.fields"]).await {
            Ok(answers) => told(&subject, asked, &Delays::read(&answers, primary), pattern),
            Err(error) => Some(Finding::failed(&subject, asked, error)),
        });
        findings
    }
}

fn amount(subject: &str, asked: &str, lately: &Lately, now: DateTime<Utc>) -> Finding {
    let events = lately.events;
    match lately.newest.map(|newest| (newest, now - newest)) {
        Some((newest, age)) if age > STALE => Finding::warning(
            subject,
            asked,
            format!("{events} in 24 hours, but none since {}", stamp(newest)),
            "look whether the shipper still runs",
        ),
        Some((newest, _)) => {
            Finding::ok(subject, asked, format!("{events} in 24 hours, the newest of {}", stamp(newest)))
        }
        None => Finding::ok(subject, asked, format!("{events} in 24 hours")),
    }
}

/// How many of the events carry the field by which windows are cut.
fn share(subject: &str, asked: &str, pattern: &Pattern<'_>, lately: &Lately) -> Finding {
    let (primary, unstamped) = (&pattern.time.primary, lately.events.saturating_sub(lately.stamped));
    if unstamped == 0 {
        return Finding::ok(subject, asked, format!("all events carry `{primary}`"));
    }
    let found = format!("{unstamped} of {} events lack `{primary}`", lately.events);
    let seconds = pattern.overlap.num_seconds();
    let advice = match &pattern.time.fallback {
        Some(fallback) => format!(
            "those count by `{fallback}`: what becomes searchable more than {seconds} s after it is found by the hourly \
             sweep, up to a day late; let an ingest pipeline set `{primary}`"
        ),
        None => format!("no rule finds them; let an ingest pipeline set `{primary}`"),
    };
    Finding::warning(subject, asked, found, advice)
}

/// How late events come; none where no event tells it.
fn told(subject: &str, asked: &str, delays: &Delays, pattern: &Pattern<'_>) -> Option<Finding> {
    let [half, most, nearly_all] = [50, 95, 99].map(|percent| delays.percentile(percent));
    let found = format!(
        "after they happened, half arrive within {}, 95 % within {}, 99 % within {} ({} events of 24 hours)",
        words(half?),
        words(most?),
        words(nearly_all?),
        delays.len()
    );
    let primary = &pattern.time.primary;
    Some(if nearly_all? < TimeDelta::zero() {
        let advice =
            format!("`{TIMESTAMP}` lies after `{primary}`: look at the clocks of what sends the events");
        Finding::warning(subject, asked, found, advice)
    } else {
        Finding::ok(subject, asked, found + "; windows go by arrival, so this costs time and no alert")
    })
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

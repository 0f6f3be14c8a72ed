//! A node, the proxy before it, a daemon behind that, and the events: what every fault case plays in.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::proxy::Proxy;
use super::truth::{Truth, Verdict};
use crate::support::program::Running;
use crate::support::story::{RULE_ID, Shape, SignIn, mapping, rule_over, seconds_ago};
use crate::support::{Client, Cluster, Document, OwnNode, eventually, until};

/// How long anything may take that is waited for.
pub const LIMIT: Duration = Duration::from_mins(3);

/// The id of the second rule, where there is one.
const OTHER_ID: &str = "0c2a3b5e-52f7-4a14-9d0a-3c1f6f8f2b11";

/// The rule of every case: each second it reads the last four, so that three of them overlap.
const PACE: (&str, &str) = ("now-4s", "1s");

/// Events that took longer than this to become searchable count as late: the overlap may have ended before.
const PROMPT: Duration = Duration::from_secs(2);

/// The daemon gives a request up after so many seconds.
pub const REQUEST_TIMEOUT: &str = "2";

/// About as many requests a window with alerts makes.
const WINDOW: usize = 12;

/// How the events of [`World::happen`] are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// Every fifth has no `event.ingested`, and the two indices share their `_id`s.
    Odd,
    /// As any tool can take them.
    Plain,
}

/// What one case plays in. Fields end in this order: the daemons before what they talk to.
pub struct World {
    daemons: Vec<Option<Running>>,
    pub proxy: Proxy,
    pub cluster: Cluster,
    pub own: Option<OwnNode>,
    pub folder: TempDir,
    truth: Truth,
    rules: Vec<String>,
    pub events: Events,
    /// What is added to the time of every event.
    pub shift: TimeDelta,
    happened: usize,
    last: DateTime<Utc>,
    late: bool,
}

impl World {
    /// On the shared node, with indices of its own; none where there is no node.
    pub fn shared() -> Option<Self> {
        Some(Self::over(Cluster::connect()?, None))
    }

    /// On a node of its own; none where none can be started.
    pub fn own() -> Option<Self> {
        Self::own_with("")
    }

    /// Like [`World::own`], with further lines for `elasticsearch.yml`.
    pub fn own_with(settings: &str) -> Option<Self> {
        let node = OwnNode::start_with(settings)?;
        let client = Client::new(node.url());
        Some(Self::over(Cluster::at(client), Some(node)))
    }

    fn over(cluster: Cluster, own: Option<OwnNode>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let patterns = [cluster.name("filebeat") + "*", cluster.name("logs") + "*"];
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let rules = vec![rule_over(folder.path(), &patterns, PACE.0, PACE.1).display().to_string()];
        cluster.put(&format!("/{}", cluster.name("logs")), &mapping());
        let (proxy, truth) = (Proxy::start(cluster.url()), Truth::begin(folder.path()));
        let (daemons, shift, last, events) = (Vec::new(), TimeDelta::zero(), seconds_ago(0), Events::Odd);
        Self {
            daemons,
            proxy,
            cluster,
            own,
            folder,
            truth,
            rules,
            events,
            shift,
            happened: 0,
            last,
            late: false,
        }
    }

    /// The write alias of the alerts.
    pub fn alerts_index(&self) -> String {
        self.cluster.name("alerts")
    }

    /// The index with the integration's mapping.
    pub fn logs(&self) -> String {
        self.cluster.name("logs")
    }

    /// The index whose types Elasticsearch guesses; made by the first event.
    pub fn filebeat(&self) -> String {
        self.cluster.name("filebeat")
    }

    /// The rule's file.
    pub fn rule(&self) -> &str {
        &self.rules[0]
    }

    /// The time of the newest event.
    pub fn last(&self) -> DateTime<Utc> {
        self.last
    }

    /// Whether any event took so long to become searchable that no overlap need have found it.
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// The arguments of every run of the program, in which what hangs is left after moments.
    pub fn arguments(&self) -> Vec<String> {
        self.arguments_within(REQUEST_TIMEOUT)
    }

    /// The same where a request may take so many seconds.
    pub fn arguments_within(&self, seconds: &str) -> Vec<String> {
        let (url, index) = (self.proxy.url(), self.alerts_index());
        let rules = self.rules.iter().flat_map(|rule| ["--rules", rule]);
        [
            "run",
            "--no-triage",
            "--elasticsearch-url",
            &url,
            "--alerts-index",
            &index,
            "--request-timeout",
            seconds,
        ]
        .into_iter()
        .chain(rules)
        .map(str::to_owned)
        .collect()
    }

    /// One more rule for the daemons to come, like the first but over the indices of `pattern`.
    pub fn other_rule(mut self, pattern: &str) -> Self {
        let text = std::fs::read_to_string(&self.rules[0]).expect("the rule's file");
        let (start, rest) = text.split_once("index = [").expect("its indices");
        let (_, end) = rest.split_once(']').expect("their end");
        let text = format!("{start}index = [{pattern:?}]{end}").replace(RULE_ID, OTHER_ID);
        let text = text.replace("name = \"AWS", "name = \"Other AWS");
        let path = self.folder.path().join("other.toml");
        std::fs::write(&path, text).expect("a file for the rule");
        self.rules.push(path.display().to_string());
        self
    }

    /// So many more rules for the daemons to come, each like the first but for events of an account of its own.
    pub fn more_rules(mut self, number: usize) -> Self {
        let text = std::fs::read_to_string(&self.rules[0]).expect("the rule's file");
        for number in 0..number {
            let id = format!("00000000-0000-4000-8000-{number:012}");
            let text = text
                .replace(RULE_ID, &id)
                .replace("name = \"AWS", &format!("name = \"{number} AWS"))
                .replace("event.outcome == \"success\"", &format!("event.outcome == \"outcome-{number}\""));
            let text = text.split("[[stakeout.examples]]").next().unwrap_or_default();
            let path = self.folder.path().join(format!("rule-{number}.toml"));
            std::fs::write(&path, text).expect("a file for the rule");
            self.rules.push(path.display().to_string());
        }
        self
    }

    /// Starts a daemon and waits until it has read its first window.
    pub fn watched(mut self) -> Self {
        let daemon = self.start();
        self.windows_pass(1);
        assert!(self.daemon(daemon).runs());
        self
    }

    /// Starts one more daemon; returns its number.
    pub fn start(&mut self) -> usize {
        let number = self.daemons.len();
        let folder = self.folder.path().join(format!("daemon-{number}"));
        std::fs::create_dir(&folder).expect("a folder for the daemon");
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.daemons.push(Some(Running::start(&folder, &arguments)));
        number
    }

    /// A daemon that was not killed.
    pub fn daemon(&mut self, number: usize) -> &mut Running {
        self.daemons[number].as_mut().expect("a daemon that runs")
    }

    /// Kills a daemon as a crash would.
    pub fn kill(&mut self, number: usize) {
        self.daemons[number].take().expect("a daemon that runs").kill9();
    }

    /// What all daemons have said.
    pub fn said(&self) -> String {
        let read = |path: &Path| std::fs::read_to_string(path.join("stderr")).unwrap_or_default();
        (0..self.daemons.len()).map(|one| read(&self.folder.path().join(format!("daemon-{one}")))).collect()
    }

    /// So many matches happen now, in both indices by turns, each beside a near miss.
    pub fn happen(&mut self, matches: usize) {
        let started = Instant::now();
        let mut documents: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for _ in 0..matches {
            let number = self.happened;
            self.happened += 1;
            let time = seconds_ago(0) + self.shift;
            let mut event = SignIn::new(format!("event-{number}"), time);
            if number % 5 == 4 && self.events == Events::Odd {
                event.ingested = None;
            }
            let miss = SignIn::new(format!("miss-{number}"), time).near_miss(number);
            let (index, shape) = match number % 2 {
                0 => (self.logs(), Shape::Integration),
                _ => (self.filebeat(), Shape::Filebeat),
            };
            self.truth.note(&event.id, true);
            self.truth.note(&miss.id, false);
            let documents = documents.entry(index).or_default();
            let pair = if self.events == Events::Odd { number / 2 } else { number };
            documents.push((format!("hit-{pair}"), event.document(shape)).into());
            documents.push((format!("miss-{pair}"), miss.document(shape)).into());
        }
        for (index, documents) in documents {
            self.cluster.bulk(&index, documents);
            self.cluster.refresh(&index);
        }
        self.written(started);
    }

    /// Like [`World::happen`], but so many seconds ago.
    pub fn happened_before(&mut self, matches: usize, seconds: i64) {
        let shift = self.shift;
        self.shift = shift - TimeDelta::seconds(seconds);
        self.happen(matches);
        self.shift = shift;
    }

    /// A document of a case's own is written to `index` as it is.
    pub fn happens(&mut self, index: &str, id: &str, document: Value) {
        let started = Instant::now();
        self.truth.note(id, true);
        self.cluster.bulk(index, [document]);
        self.cluster.refresh(index);
        self.written(started);
    }

    /// Notes an event that something else writes.
    pub fn note(&mut self, id: &str) {
        self.truth.note(id, true);
    }

    fn written(&mut self, started: Instant) {
        self.last = seconds_ago(0) + self.shift;
        self.late |= started.elapsed() > PROMPT;
    }

    /// The checkpoint and its version; none where it cannot be read.
    pub fn checkpoint(&self) -> Option<(u64, Value)> {
        let reply = self.cluster.send("GET", &self.checkpoint_path(), None).ok()?;
        Some((reply.body["_version"].as_u64()?, reply.body["_source"].clone()))
    }

    fn checkpoint_path(&self) -> String {
        format!("/{}-state/_doc/{RULE_ID}", self.alerts_index())
    }

    /// Changes the checkpoint as another process would; again where a daemon was faster.
    pub fn change_checkpoint(&self, change: impl Fn(&mut Value)) {
        until(LIMIT, "a change of the checkpoint", || {
            let Ok(found) = self.cluster.send("GET", &self.checkpoint_path(), None) else { return false };
            let Some(seq_no) = found.body["_seq_no"].as_u64() else { return false };
            let mut source = found.body["_source"].clone();
            change(&mut source);
            let term = &found.body["_primary_term"];
            let path = format!("{}?if_seq_no={seq_no}&if_primary_term={term}", self.checkpoint_path());
            self.cluster.send("PUT", &path, Some(&source)).is_ok_and(|reply| reply.status == 200)
        });
    }

    /// Waits until the checkpoint was written so many times more.
    pub fn windows_pass(&self, number: u64) {
        let before = self.checkpoint().map_or(0, |(version, _)| version);
        let said = || format!("{number} more checkpoints:\n{}", self.said());
        let passed = || self.checkpoint().is_some_and(|(version, _)| version >= before + number);
        until(LIMIT, &said(), passed);
    }

    /// Waits until an event of now is outside of what the next window would read again anyway.
    pub fn overlap_passes(&self) {
        let end = self.last + TimeDelta::seconds(5);
        until(LIMIT, "the overlap to end", || seconds_ago(0) + self.shift > end);
    }

    /// Waits until the proxy has seen so many requests as a window makes.
    pub fn something_passes(&self) {
        self.requests_pass(self.proxy.seen_all() + WINDOW);
    }

    /// Waits until the proxy has seen so many requests in all.
    pub fn requests_pass(&self, number: usize) {
        until(LIMIT, "requests", || self.proxy.seen_all() >= number);
    }

    /// How many stretches of time are owed.
    pub fn owed(&self) -> usize {
        self.checkpoint().and_then(|(_, cursor)| Some(cursor["owed"].as_array()?.len())).unwrap_or_default()
    }

    /// Waits until a stretch of time is owed.
    pub fn is_owed(&self) {
        until(LIMIT, "a stretch of time to be owed", || self.owed() > 0);
    }

    /// Waits until everything before now was read and nothing is owed, then compares the alerts with the truth.
    pub fn settles(&mut self) -> Verdict {
        self.reads_all();
        self.is_true()
    }

    /// Waits until everything before now was read and nothing is owed.
    pub fn reads_all(&self) {
        let until_time = self.last;
        eventually(LIMIT, "everything to be read", || {
            let (_, cursor) = self.checkpoint()?;
            let done: DateTime<Utc> = cursor["done_until"].as_str()?.parse().ok()?;
            if cursor["owed"].as_array()?.is_empty() {
                return (done > until_time).then_some(());
            }
            self.hurry(&cursor);
            None
        });
        if self.late {
            self.sweeps();
        }
        self.windows_pass(2);
    }

    /// From here on nothing has happened before: the alerts were deleted.
    pub fn forget(&mut self) {
        self.truth = Truth::begin(self.folder.path());
    }

    /// Waits until every match has an alert, then compares the alerts with the truth.
    pub fn settles_by_count(&self) {
        let all = self.truth.matches().len();
        until(LIMIT, "an alert for every match", || self.alerted().len() >= all);
        self.windows_pass(2);
        self.is_true();
    }

    /// Sets when what is owed is tried again: in the past as if the wait were over, in the future to hold it.
    pub fn tries_again_at(&self, year: u32) {
        self.change_checkpoint(|cursor| {
            for owed in cursor["owed"].as_array_mut().into_iter().flatten() {
                owed["retry_at"] = json!(format!("{year}-01-01T00:00:00Z"));
            }
        });
    }

    /// Lets what is owed be tried again now, where it waits.
    fn hurry(&self, cursor: &Value) {
        let waits = |owed: &Value| {
            owed["retry_at"]
                .as_str()
                .is_some_and(|at| at.parse().is_ok_and(|at: DateTime<Utc>| at > seconds_ago(0) + self.shift))
        };
        if cursor["owed"].as_array().is_some_and(|owed| owed.iter().any(waits)) {
            self.tries_again_at(2000);
        }
    }

    /// Lets the late sweep come now, over `hours` before the rule's first window too.
    pub fn sweeps_back(&self, hours: i64) {
        let long_ago = json!((seconds_ago(0) - TimeDelta::hours(hours)).to_rfc3339());
        self.change_checkpoint(|cursor| {
            cursor["origin"] = long_ago.clone();
            cursor["swept_until"] = long_ago.clone();
        });
        let asked = seconds_ago(0) - TimeDelta::hours(1);
        until(LIMIT, "a late sweep", || {
            let swept =
                self.checkpoint().and_then(|(_, cursor)| cursor["swept_until"].as_str()?.parse().ok());
            swept.is_some_and(|swept: DateTime<Utc>| swept > asked)
        });
    }

    fn sweeps(&self) {
        self.sweeps_back(2);
    }

    /// The events that were alerted on, and how often.
    pub fn alerted(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for alert in self.alerts(&json!(["event.id", "stakeout.reduced.event"])) {
            *counts.entry(event_id(&alert)).or_default() += 1;
        }
        counts
    }

    /// Every alert, with the fields of `source`.
    pub fn alerts(&self, source: &Value) -> Vec<Value> {
        let index = self.alerts_index();
        self.cluster.refresh(&index);
        let (mut alerts, mut after) = (Vec::new(), Value::Null);
        loop {
            let sort = json!([{"kibana.alert.uuid": "asc"}]);
            let mut body = json!({"size": 5_000, "sort": sort, "_source": source});
            if !after.is_null() {
                body["search_after"] = after;
            }
            let found = self.cluster.post(&format!("/{index}/_search"), &body);
            let hits = found["hits"]["hits"].as_array().expect("hits");
            let Some(last) = hits.last() else { return alerts };
            after = last["sort"].clone();
            alerts.extend(hits.iter().map(|hit| hit["_source"].clone()));
        }
    }

    /// Compares the events that were alerted on, and how often, with the truth.
    pub fn judge(&self, alerted: &BTreeMap<String, usize>) -> Verdict {
        self.truth.judge(alerted)
    }

    /// Every match is alerted on exactly once, and nothing else is.
    pub fn is_true(&self) -> Verdict {
        let verdict = self.judge(&self.alerted());
        assert!(verdict.is_perfect(), "{verdict:?}\n{:?}\n{}", self.checkpoint(), self.said());
        verdict
    }
}

impl Drop for World {
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the faults that struck: {:?}\nthe daemons said:\n{}",
                self.proxy.struck(),
                self.said()
            );
        }
    }
}

/// The id of the event behind an alert; a reduced alert has it in the event's text, which may be cut short.
pub fn event_id(alert: &Value) -> String {
    let whole = alert["event"]["id"].as_str().or(alert["event.id"].as_str());
    let text = alert["stakeout.reduced.event"].as_str().unwrap_or_default();
    let reduced =
        [r#""event":{"id":""#, r#""event.id":""#].iter().find_map(|before| text.split(before).nth(1));
    let id = whole.or_else(|| reduced?.split('"').next());
    id.unwrap_or_else(|| panic!("an alert of no event: {alert}")).to_owned()
}

//! A rule's windows against a server of which some requests hang: none is waited for longer than need be.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Runner, Settings};
use crate::alert::{Places, Run};
use crate::checkpoint::{Cursor, Store, Window};
use crate::detect::{Begun, Cycle, RuleReport, Sink, Source, Watch};
use crate::elastic::Connection;
use crate::elastic::fake::{Act, Fake, Seen, sound};
use crate::local::{AlertFile, StateFile};
use crate::rule::{Rule, embedded};

/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000;

pub(in crate::detect) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

pub(in crate::detect) fn ago(hours: i64) -> DateTime<Utc> {
    now() - TimeDelta::hours(hours)
}

pub(in crate::detect) fn rule() -> Rule {
    embedded().unwrap().rules.remove(0)
}

/// A server whose pages hang from time to time, and a runner before it.
pub(in crate::detect) struct Place {
    pub(in crate::detect) fake: Fake,
    pub(in crate::detect) runner: Runner,
    _folder: tempfile::TempDir,
}

impl Place {
    /// One where `hangs` tells what is never answered.
    async fn where_hangs(hangs: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Self {
        Self::answering(move |seen: &Seen| if hangs(seen) { Act::Hang } else { sound(seen) }).await
    }

    pub(in crate::detect) async fn answering(answer: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let connection = Connection { timeout: Duration::from_secs(1), ..Connection::default() };
        let fake = Fake::answering(connection, answer).await;
        let folder = tempfile::tempdir().unwrap();
        let alerts = folder.path().join("alerts.ndjson");
        let runner = Runner {
            source: Source::Cluster(fake.cluster.clone()),
            sink: Sink::file(AlertFile::open(&alerts).unwrap()),
            copies: Vec::new(),
            store: Store::file(StateFile::beside(&alerts)),
            settings: Settings::default(),
            run: Run { id: "test".into(), kind: "run", places: Places::default() },
            clock: now,
            begun: Arc::new(Begun::at(now())),
        };
        Self { fake, runner, _folder: folder }
    }

    /// Runs the rule from `cursor`.
    async fn run(&self, cursor: Cursor, patience: Option<Duration>) -> (RuleReport, Cursor) {
        let rule = rule();
        let mut tracked = self.runner.store.load(&rule.rule_id, "").await.unwrap();
        self.runner.store.change(&mut tracked, &cursor, now(), |kept| *kept = cursor.clone()).await.unwrap();
        let report = self.runner.run_rule(&rule, &Watch { patience, ..Watch::default() }).await;
        (report, self.runner.store.load(&rule.rule_id, "").await.unwrap().cursor.unwrap())
    }

    /// How many hours ago the windows began whose pages were asked for, in that order.
    pub(in crate::detect) fn pages(&self) -> Vec<i64> {
        let begun = |seen: &Seen| Some((now() - from(seen)?).num_hours());
        self.fake
            .seen()
            .iter()
            .filter(|seen| seen.line.starts_with("POST /_search"))
            .filter_map(begun)
            .collect()
    }
}

/// Where the window of a page begins.
pub(in crate::detect) fn from(seen: &Seen) -> Option<DateTime<Utc>> {
    seen.body.split(r#""gte":""#).nth(1)?.split('"').next()?.parse().ok()
}

pub(in crate::detect) fn is_page(seen: &Seen) -> bool {
    seen.line.starts_with("POST /_search")
}

/// A rule that has read until so many hours ago, and whose sweep is not due.
fn read_until(hours: i64) -> Cursor {
    let mut cursor = Cursor::starting_at(ago(48));
    cursor.finish(Window::new(ago(48), ago(hours)));
    cursor.swept_until = Some(now());
    cursor
}

#[tokio::test]
async fn a_page_that_hangs_is_asked_for_once_and_all_other_windows_are_read() {
    let place = Place::where_hangs(|seen| is_page(seen) && from(seen) < Some(ago(4))).await;
    let (report, cursor) = place.run(read_until(5), None).await;
    assert_eq!(place.pages(), [5, 4, 3, 2, 1, 0]);
    assert_eq!((report.windows, report.windows_whole, report.owed, report.retries), (6, 4, 1, 0));
    assert_eq!(cursor.done_until, now());
    assert!(cursor.owed[0].reason.contains("timed out"), "{}", cursor.owed[0].reason);
}

#[tokio::test]
async fn where_time_runs_out_over_pages_that_hang_the_newest_window_comes_next_and_the_others_are_owed() {
    let place = Place::where_hangs(|seen| is_page(seen) && from(seen) < Some(ago(2))).await;
    let (report, cursor) = place.run(read_until(5), Some(Duration::ZERO)).await;
    assert_eq!(place.pages()[..2], [5, 0]);
    assert_eq!((cursor.done_until, report.owed), (now(), 1));
    let owed = &cursor.owed[0];
    assert!(owed.window.from < ago(5) && owed.window.to > ago(1), "{:?}", owed.window);
    assert!(owed.reason.contains("timed out"), "{}", owed.reason);
}

#[tokio::test]
async fn a_gap_that_is_read_is_read_oldest_first_however_long_it_takes() {
    let place = Place::where_hangs(|_| false).await;
    let (report, cursor) = place.run(read_until(5), Some(Duration::ZERO)).await;
    assert_eq!((place.pages(), report.owed), (vec![5, 4, 3, 2, 1, 0], 0));
    assert_eq!(cursor.done_until, now());
}

#[tokio::test]
async fn owed_time_is_left_to_the_next_run_once_it_takes_long_and_each_round_begins_elsewhere() {
    let hangs = |seen: &Seen| is_page(seen) && from(seen) < Some(ago(8));
    let mut cursor = read_until(0);
    cursor.owe(Window::new(ago(10), ago(6)), "timed out", ago(6));
    let mut asked = Vec::new();
    for _ in 0..5 {
        let place = Place::where_hangs(hangs).await;
        if cursor.due(now(), None).is_empty() {
            cursor.owed.iter_mut().for_each(|owed| (owed.tried_at, owed.retry_at) = (ago(2), ago(1)));
        }
        cursor = place.run(cursor, Some(Duration::ZERO)).await.1;
        // After the newest window.
        asked.push(place.pages()[1]);
    }
    assert_eq!(asked, [10, 9, 8, 10, 7]);
    assert_eq!(
        cursor.owed.iter().map(|owed| owed.window).collect::<Vec<_>>(),
        [Window::new(ago(10), ago(8))]
    );
}

#[tokio::test]
async fn a_window_that_takes_too_long_to_be_opened_is_owed_and_the_run_goes_on() {
    let place = Place::where_hangs(|seen| seen.line.contains("/_pit?")).await;
    let (report, cursor) = place.run(read_until(1), None).await;
    assert!(report.hindrance.is_none() && !report.unreachable, "{report:?}");
    assert_eq!((report.windows, report.owed, cursor.done_until), (2, 1, now()));
    let opened = place.fake.seen().iter().filter(|seen| seen.line.contains("/_pit?")).count();
    assert_eq!(opened, 2, "each once");
}

/// A page of 300 sign-ins, which fills more than one; `broken` instead where the second page is asked for and it has one left.
fn sign_ins(seen: &Seen, broken: &Mutex<Vec<Act>>) -> Act {
    let asked: Value = serde_json::from_str(&seen.body).unwrap();
    let first = asked["search_after"][0].as_u64().map_or(0, |last| last + 1);
    if let Some(act) = (first > 0).then(|| broken.lock().unwrap().pop()).flatten() {
        return act;
    }
    let hit = |number: u64| {
        let source = json!({"@timestamp": now(), "event.id": number.to_string(), "event.action": "ConsoleLogin",
            "event.provider": "signin.amazonaws.com", "event.outcome": "success", "event.type": "info",
            "event.dataset": "aws.cloudtrail", "user.id": "AROAEXAMPLE:i-0a1b2c3d4e5f60001",
            "aws.cloudtrail.user_identity.type": "AssumedRole"});
        json!({"_index": "i", "_id": number.to_string(), "_source": source, "sort": [number]})
    };
    let hits: Vec<Value> =
        (first..300).take(usize::try_from(asked["size"].as_u64().unwrap()).unwrap()).map(hit).collect();
    let body = json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": hits}});
    Act::json(200, &body.to_string())
}

/// A run over one window of such pages.
async fn run_over_sign_ins(broken: Vec<Act>) -> RuleReport {
    let broken = Mutex::new(broken);
    let answer = move |seen: &Seen| if is_page(seen) { sign_ins(seen, &broken) } else { sound(seen) };
    Place::answering(answer).await.run(read_until(1), None).await.0
}

#[tokio::test]
async fn alerts_count_though_a_later_page_cannot_be_read() {
    let refused = Act::json(400, r#"{"error":{"type":"parsing_exception","reason":"no"}}"#);
    let report = run_over_sign_ins(vec![refused]).await;
    // The first window's first page, and then, in the second, those that it had not reached.
    assert_eq!((report.windows, report.windows_whole, report.owed), (2, 1, 1));
    assert_eq!((report.matches, report.alerts_created, report.alerts_existing), (550, 300, 250));
}

#[tokio::test]
async fn alerts_of_a_round_that_was_lost_count_once_and_are_met_again_as_no_news() {
    let lost = Act::json(404, r#"{"error":{"type":"search_context_missing_exception","reason":"gone"}}"#);
    let report = run_over_sign_ins(vec![lost]).await;
    assert_eq!((report.windows, report.windows_whole, report.owed), (2, 2, 0));
    assert_eq!((report.matches, report.alerts_created, report.alerts_existing), (600, 300, 300));
}

/// Pages with an event from before and one from after the second alerts index was made, whose first one is silent.
fn with_a_closed_alerts_index(seen: &Seen) -> Act {
    let event = |id: &str, time: DateTime<Utc>| json!({"_index": "filebeat-1", "_id": id, "sort": [0], "_source": {"@timestamp": time, "event": {"ingested": time}}});
    let path = seen.line.split(['?', ' ']).nth(1).unwrap_or_default();
    let body = match path {
        "/_search" => json!({"timed_out": false, "_shards": {"total": 1, "failed": 0},
            "hits": {"hits": [event("old", ago(3)), event("new", ago(1))]}}),
        "/alerts/_search" => {
            json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": []}})
        }
        "/_alias/alerts" => {
            json!({"alerts-1": {}, "alerts-2": {"aliases": {"alerts": {"is_write_index": true}}}})
        }
        "/_mget" => {
            let asked: Value = serde_json::from_str(&seen.body).unwrap();
            let mut docs = asked["docs"].clone();
            for doc in docs.as_array_mut().unwrap().iter_mut().filter(|doc| doc["_index"] == "alerts-1") {
                doc["error"] = json!({"type": "index_closed_exception", "reason": "closed"});
            }
            json!({ "docs": docs })
        }
        "/alerts/_settings/index.creation_date" => {
            let made = |hours: i64| json!({"settings": {"index.creation_date": ago(hours).timestamp_millis().to_string()}});
            json!({"alerts-1": made(9), "alerts-2": made(2)})
        }
        "/alerts/_bulk" => {
            let lines = seen.body.lines().step_by(2).map(|line| serde_json::from_str::<Value>(line).unwrap());
            let item = |line: Value| json!({"create": {"_id": line["create"]["_id"], "status": 201}});
            json!({"items": lines.map(item).collect::<Vec<_>>()})
        }
        _ => return sound(seen),
    };
    Act::json(200, &body.to_string())
}

#[tokio::test]
async fn where_an_older_alerts_index_is_silent_only_what_may_lie_in_it_waits() {
    let mut place = Place::answering(with_a_closed_alerts_index).await;
    let (cluster, index) = (place.fake.cluster.clone(), "alerts".parse().unwrap());
    place.runner.sink = Sink::Cluster { cluster, index };
    let (report, cursor) = place.run(read_until(1), None).await;
    assert!(report.hindrance.is_none(), "{report:?}");
    assert_eq!((report.windows, report.alerts_created, report.owed, cursor.done_until), (2, 2, 1, now()));
    let reason = &cursor.owed[0].reason;
    assert!(reason.contains("may lie where nobody can look") && reason.contains("`alerts-1`"), "{reason}");
}

/// A minute for each request about field types that came.
static MINUTES: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn a_window_ends_before_its_question_is_made() {
    let answer = |seen: &Seen| {
        if seen.line.contains("/_field_caps") {
            MINUTES.fetch_add(1, Ordering::SeqCst);
        }
        sound(seen)
    };
    let mut place = Place::answering(answer).await;
    place.runner.clock = || now() + TimeDelta::minutes(MINUTES.load(Ordering::SeqCst));
    let (report, _) = place.run(read_until(1), None).await;
    assert_eq!(report.to, Some(now()));
    let runner = Arc::new(place.runner);
    let gone = Cycle::new(runner.clone()).go(&[Arc::new(rule())], &Watch::default()).await;
    let open = gone.open.into_iter().next().unwrap();
    let report = runner.run_open(open, &Watch::default()).await;
    assert_eq!(report.to, Some(now() + TimeDelta::minutes(1)));
}

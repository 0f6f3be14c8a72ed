//! Runs over files with a clock that stands still: which time is read, and what is remembered.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;

use super::{Begun, RuleReport, Runner, Settings, Sink, Source, Watch};
use crate::alert::{Places, Run};
use crate::checkpoint::{Cursor, Store, Window};
use crate::local::{AlertFile, EventFiles, StateFile};
use crate::rule::{Rule, embedded};

/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn ago(minutes: i64) -> DateTime<Utc> {
    now() - TimeDelta::minutes(minutes)
}

fn rule() -> Rule {
    embedded().unwrap().rules.remove(0)
}

/// A runner that was started so many minutes ago, over a folder of events of its own.
struct Place {
    folder: TempDir,
    runner: Runner,
}

impl Place {
    fn started(minutes: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("events")).unwrap();
        let alerts = folder.path().join("alerts.ndjson");
        let runner = Runner {
            source: Source::Files(EventFiles::new([folder.path().join("events")])),
            sink: Sink::file(AlertFile::open(&alerts).unwrap()),
            copies: Vec::new(),
            store: Store::file(StateFile::beside(&alerts)),
            settings: Settings::default(),
            run: Run { id: "test".into(), kind: "once", places: Places::default() },
            clock: now,
            begun: Arc::new(Begun::at(ago(minutes))),
        };
        Self { folder, runner }
    }

    /// A match that was ingested at `time`.
    fn add(&self, id: &str, time: DateTime<Utc>) {
        let event = json!({"@timestamp": time, "event.ingested": time, "event.id": id, "event.type": "info",
            "event.dataset": "aws.cloudtrail", "event.provider": "signin.amazonaws.com", "event.action": "ConsoleLogin",
            "event.outcome": "success", "user.id": "AROAEXAMPLE:i-0a1b2c3d", "aws.cloudtrail.user_identity.type": "AssumedRole"});
        std::fs::write(self.folder.path().join("events").join(id), event.to_string()).unwrap();
    }

    async fn remember(&self, cursor: Cursor) {
        let mut tracked = self.runner.store.load(&rule().rule_id, "").await.unwrap();
        self.runner.store.change(&mut tracked, &cursor, now(), |_| {}).await.unwrap();
    }

    async fn cursor(&self) -> Cursor {
        self.runner.store.load(&rule().rule_id, "").await.unwrap().cursor.unwrap()
    }

    async fn run(&self) -> RuleReport {
        let report = self.runner.run_rule(&rule(), &Watch::default()).await;
        assert_eq!(report.error, None);
        report
    }
}

#[tokio::test]
async fn a_first_run_looks_back_as_far_as_the_rule_says() {
    let place = Place::started(0);
    place.add("inside", ago(5));
    place.add("before", ago(7));
    let report = place.run().await;
    assert_eq!((report.matches, report.alerts_created), (1, 1));
    assert_eq!((report.from, report.to), (Some(ago(6)), Some(now())));
    assert_eq!(place.cursor().await.done_until, now());
}

#[tokio::test]
async fn a_first_run_that_had_to_wait_begins_where_it_was_started() {
    let place = Place::started(60);
    place.add("while it waited", ago(55));
    place.add("before it was started", ago(67));
    let report = place.run().await;
    assert_eq!((report.alerts_created, report.from), (1, Some(ago(66))));
}

#[tokio::test]
async fn a_rule_that_came_later_begins_where_it_came() {
    let place = Place::started(600);
    place.runner.begun.begins(&rule().rule_id, ago(60));
    place.add("since it came", ago(55));
    place.add("before it came", ago(67));
    let report = place.run().await;
    assert_eq!((report.alerts_created, report.from), (1, Some(ago(66))));
    place.runner.begun.begins("another", now());
    assert_eq!(place.runner.begun.of(&rule().rule_id), ago(60));
}

#[tokio::test]
async fn a_gap_is_read_from_before_its_beginning() {
    let place = Place::started(0);
    let mut cursor = Cursor::starting_at(ago(600));
    cursor.finish(Window::new(ago(600), ago(300)));
    place.remember(cursor).await;
    place.add("in the gap", ago(200));
    let report = place.run().await;
    assert_eq!((report.alerts_created, report.late, report.from), (1, 0, Some(ago(301))));
}

#[tokio::test]
async fn what_came_late_is_found_by_the_sweep_but_not_before_the_first_window() {
    let place = Place::started(0);
    let mut cursor = Cursor::starting_at(ago(120));
    cursor.finish(Window::new(ago(120), ago(5)));
    place.remember(cursor).await;
    place.add("late", ago(100));
    place.add("before the first window", ago(121));
    let report = place.run().await;
    assert_eq!((report.alerts_created, report.late), (1, 1));
    assert_eq!(place.cursor().await.swept_until, Some(now()));
    assert_eq!(place.run().await.late, 0);
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_has_recorded_is_taken_back_and_the_last_day_read_again() {
    let place = Place::started(0);
    let mut cursor = Cursor::starting_at(ago(6000));
    cursor.finish(Window::new(ago(6000), ago(-1440)));
    cursor.swept_until = Some(ago(-1440));
    place.remember(cursor).await;
    place.add("while nobody looked", ago(200));
    let report = place.run().await;
    assert_eq!((report.alerts_created, report.late), (1, 1));
    let cursor = place.cursor().await;
    assert_eq!((cursor.done_until, cursor.swept_until), (now(), Some(now())));
}

#[tokio::test]
async fn what_was_owed_is_owed_no_more_once_it_is_read() {
    let place = Place::started(0);
    let mut cursor = Cursor::starting_at(ago(60));
    cursor.owe(Window::new(ago(60), ago(30)), "index `a` is red", ago(30));
    cursor.finish(Window::new(ago(30), ago(5)));
    cursor.swept_until = Some(now());
    place.remember(cursor).await;
    place.add("owed", ago(50));
    let report = place.run().await;
    assert_eq!((report.alerts_created, report.owed), (1, 0));
    assert!(place.cursor().await.owed.is_empty());
}

#[tokio::test]
async fn who_is_told_to_stop_leaves_the_checkpoint_as_it_was() {
    let place = Place::started(0);
    let watch = Watch::default();
    watch.stop.cancel();
    let report = place.runner.run_rule(&rule(), &watch).await;
    assert!(report.interrupted && !report.succeeded());
    assert_eq!(place.runner.store.load(&rule().rule_id, "").await.unwrap().cursor, None);
}

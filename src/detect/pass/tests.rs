//! One page ahead: what is asked for while a page is written, and what becomes of either when the other fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::Notify;

use super::{Pass, PassError, ReadPages, TakePages, WindowReport, Written};
use crate::alert::{AlertBuilder, Places, Run, alert_id};
use crate::checkpoint::Window;
use crate::detect::{Page, Question, ReadError, Sink, SinkError, Source, Watch};
use crate::elastic::{Cluster, Connection, ElasticError};
use crate::event::Event;
use crate::local::{AlertFile, EventFiles};
use crate::rule::{Rule, embedded};

/// What happened, in its order; who waits for something of it is woken by each.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    changed: Notify,
}

impl Log {
    fn note(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
        self.changed.notify_waiters();
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until it happened; that it never does is a failure.
    async fn has(&self, line: &str) {
        let happened = async {
            loop {
                let changed = self.changed.notified();
                if self.lines().iter().any(|found| found == line) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), happened).await.expect(line);
    }
}

/// What a source does when it is asked for a page.
#[derive(Clone, Copy)]
enum Act {
    Page,
    LastPage,
    Fail,
    Hang,
}

/// A source that does as it is told.
struct Script<'a>(std::slice::Iter<'a, Act>, &'a Log, usize);

/// Notes a request that was dropped before its answer.
struct Asked<'a>(&'a Log, bool);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.note("left");
        }
    }
}

impl ReadPages for Script<'_> {
    async fn next_page(&mut self) -> Result<Page, ReadError> {
        self.2 += 1;
        let mut asked = Asked(self.1, false);
        self.1.note(format!("ask {}", self.2));
        let act = *self.0.next().expect("no page after the last");
        if matches!(act, Act::Hang) {
            std::future::pending::<()>().await;
        }
        asked.1 = true;
        match act {
            Act::Fail => Err(ReadError::Elastic(failure())),
            _ => Ok(Page { read: self.2 as u64, more: matches!(act, Act::Page), ..Page::default() }),
        }
    }
}

fn failure() -> ElasticError {
    let urls = vec!["no address".to_owned()];
    Cluster::connect(&Connection { urls, ..Connection::default() }).expect_err("an error")
}

/// Takes a page only when something else has happened, and may fail at the first.
struct Taker<'a> {
    log: &'a Log,
    /// What page is taken once what happened.
    waits: &'a [(u64, &'a str)],
    fails: bool,
    stops: bool,
}

impl TakePages for Taker<'_> {
    fn begin(&mut self) {}

    async fn take(&mut self, pass: &Pass<'_>, page: Page, _: Window) -> Result<(), PassError> {
        self.log.note(format!("take {}", page.read));
        if self.stops {
            pass.watch.stop.cancel();
        }
        for (_, line) in self.waits.iter().filter(|(number, _)| *number == page.read) {
            self.log.has(line).await;
        }
        if self.fails {
            return Err(PassError::Write(SinkError::Elastic(failure())));
        }
        self.log.note(format!("taken {}", page.read));
        Ok(())
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn window() -> Window {
    Window::new(at(0), at(60))
}

/// All that a pass needs, with no event, and alerts in a file of its own.
struct Place {
    folder: tempfile::TempDir,
    rule: Rule,
    source: Source,
    sink: Sink,
    watch: Watch,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::file(AlertFile::open(&folder.path().join("alerts")).unwrap());
        let source = Source::Files(EventFiles::new([folder.path().join("events")]));
        Self { folder, rule: embedded().unwrap().rules.remove(0), source, sink, watch: Watch::default() }
    }

    /// Calls `body` with a pass over this place.
    async fn pass<T>(&self, body: impl AsyncFnOnce(Pass<'_>) -> T) -> T {
        let question = Question::to_files(&self.rule).unwrap();
        let run = Run { id: "test".into(), kind: "once", places: Places::default() };
        let alerts = AlertBuilder::new(&self.rule, &run);
        let (rule, source, sink, watch) = (&self.rule, &self.source, &self.sink, &self.watch);
        let clock = || at(60);
        let (copies, written) = (&[], Written::default());
        body(Pass { rule, question: &question, source, sink, copies, alerts: &alerts, clock, watch, written })
            .await
    }

    async fn read(&self, acts: &[Act], log: &Log, mut taker: Taker<'_>) -> Result<(), PassError> {
        let mut script = Script(acts.iter(), log, 0);
        self.pass(async |pass| pass.all_pages(&mut script, window(), &mut taker).await).await
    }
}

fn taker<'a>(log: &'a Log, waits: &'a [(u64, &'a str)]) -> Taker<'a> {
    Taker { log, waits, fails: false, stops: false }
}

#[tokio::test]
async fn the_next_page_is_asked_for_while_one_is_taken_and_no_more_than_that() {
    let log = Log::default();
    let waits = [(1, "ask 2"), (2, "ask 3")];
    Place::new().read(&[Act::Page, Act::Page, Act::LastPage], &log, taker(&log, &waits)).await.unwrap();
    let order = ["ask 1", "take 1", "ask 2", "taken 1", "take 2", "ask 3", "taken 2", "take 3", "taken 3"];
    assert_eq!(log.lines(), order);
}

#[tokio::test]
async fn a_page_that_cannot_be_taken_ends_the_window_though_the_next_is_under_way() {
    let log = Log::default();
    let failing = Taker { fails: true, ..taker(&log, &[(1, "ask 2")]) };
    let result = Place::new().read(&[Act::Page, Act::Hang], &log, failing).await;
    assert!(matches!(result, Err(PassError::Write(_))), "{result:?}");
    assert_eq!(log.lines(), ["ask 1", "take 1", "ask 2", "left"]);
}

#[tokio::test]
async fn a_page_is_taken_to_its_end_though_the_next_cannot_be_read() {
    let log = Log::default();
    let result = Place::new().read(&[Act::Page, Act::Fail], &log, taker(&log, &[(1, "ask 2")])).await;
    assert!(matches!(result, Err(PassError::Read(_))), "{result:?}");
    assert_eq!(log.lines(), ["ask 1", "take 1", "ask 2", "taken 1"]);
}

#[tokio::test]
async fn who_is_told_to_stop_leaves_the_next_page_and_takes_the_one_at_hand() {
    let log = Log::default();
    let place = Place::new();
    let stopping = Taker { stops: true, ..taker(&log, &[]) };
    let result = place.read(&[Act::Page, Act::Hang], &log, stopping).await;
    assert!(matches!(result, Err(PassError::Interrupted)), "{result:?}");
    assert_eq!(log.lines(), ["ask 1", "take 1", "taken 1"]);
    assert!(matches!(place.read(&[Act::Page], &log, taker(&log, &[])).await, Err(PassError::Interrupted)));
}

#[tokio::test]
async fn what_is_written_in_several_batches_is_counted_whole_and_kept_in_order() {
    let place = Place::new();
    let told = Arc::new(Mutex::new(0));
    let event = |number: usize| {
        Event::of(json!({"event.id": number.to_string(), "event.action": "a", "user.id": "u"}))
    };
    let fresh: Vec<_> = (0..450)
        .map(|number| {
            let event = event(number);
            (alert_id(&place.rule.rule_id, &place.rule.identity, &event), event)
        })
        .collect();
    let mut report = WindowReport::default();
    let written = place
        .pass(async |pass| {
            let written = pass.alert_on(&fresh, window(), &mut report).await.unwrap();
            *told.lock().unwrap() = pass.watch.progress.alerts();
            written.into_iter().map(|(id, _)| id.clone()).collect::<Vec<_>>()
        })
        .await;
    assert!(written.iter().eq(fresh.iter().map(|(id, _)| id)), "in the order of the matches");
    assert_eq!((report.created, report.existing, *told.lock().unwrap()), (450, 0, 450));
    let lines = std::fs::read_to_string(place.folder.path().join("alerts")).unwrap();
    assert_eq!(lines.lines().count(), 450);
    let again =
        place.pass(async |pass| pass.alert_on(&fresh, window(), &mut report).await.unwrap().len()).await;
    assert_eq!((again, report.created, report.existing), (450, 450, 450), "those that were there are there");
}

#[tokio::test]
async fn more_documents_of_one_finding_are_told_from_what_was_alerted_on_before() {
    let place = Place::new();
    let page = |ids: &[&str]| {
        let event = |id: &&str| Event::of(json!({"event.id": id, "event.action": "a", "user.id": "u"}));
        Page { events: ids.iter().map(event).collect(), ..Page::default() }
    };
    let counts = |report: &WindowReport| (report.matches, report.created, report.existing, report.repeated);
    let run = async |pages: &[&[&str]]| {
        let mut report = WindowReport::default();
        place
            .pass(async |pass| {
                for ids in pages {
                    pass.one_page(page(ids), window(), &mut report).await.unwrap();
                }
            })
            .await;
        counts(&report)
    };
    assert_eq!(
        run(&[&["one", "one", "two"], &["two", "three"]]).await,
        (5, 3, 2, 2),
        "on one page, and on another"
    );
    assert_eq!(run(&[&["one", "one", "four", "four"]]).await, (4, 1, 3, 1), "what was there stays there");
}

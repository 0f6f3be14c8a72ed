//! Cycles against a server whose answers are written by hand: what is asked, what is recorded, what is left to a rule's run.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Cycle, Gone};
use crate::alert::{Places, Run};
use crate::checkpoint::{Cursor, Store, Window};
use crate::detect::question::wanted_fields;
use crate::detect::{Begun, Runner, Settings, Sink, Source, Watch};
use crate::elastic::fake::{Act, Fake, Seen};
use crate::local::AlertFile;
use crate::rule::{Rule, embedded};

/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn ago(minutes: i64) -> DateTime<Utc> {
    now() - TimeDelta::minutes(minutes)
}

/// So many rules over the same indices, `rule-0` and so on.
fn rules(count: usize) -> Vec<Arc<Rule>> {
    let rule = || embedded().unwrap().rules.remove(0);
    (0..count).map(|number| Arc::new(Rule { rule_id: format!("rule-{number}"), ..rule() })).collect()
}

/// A rule that has read until five minutes ago, and whose sweep is not due.
fn cursor() -> Cursor {
    let mut cursor = Cursor::starting_at(ago(60));
    cursor.finish(Window::new(ago(60), ago(5)));
    cursor.swept_until = Some(ago(5));
    cursor
}

fn found(rule: usize, seq_no: u64, cursor: &Cursor) -> Value {
    json!({"_index": "state", "_id": format!("rule-{rule}"), "found": true, "_seq_no": seq_no, "_primary_term": 1,
        "_source": cursor})
}

fn json(body: &Value) -> Act {
    Act::json(200, &body.to_string())
}

/// The checkpoints of the rules, in their order.
fn loaded(cursors: &[Cursor]) -> Act {
    let docs = cursors.iter().enumerate().map(|(rule, cursor)| found(rule, 4, cursor));
    json(&json!({"docs": docs.collect::<Vec<_>>()}))
}

/// What is asked about the indices of the rules.
fn indices() -> [Act; 3] {
    let resolved = json!({"indices": [{"name": "logs-aws.cloudtrail-1", "attributes": ["open"]},
        {"name": "filebeat-1", "attributes": ["open"]}], "aliases": [], "data_streams": []});
    let fields = wanted_fields(&rules(1)[0]).into_iter().map(|field| {
        let kind = if field == "@timestamp" || field == "event.ingested" { "date" } else { "keyword" };
        (field, json!({kind: {"searchable": true}}))
    });
    let fields: serde_json::Map<String, Value> = fields.collect();
    let capabilities = json!({"indices": ["logs-aws.cloudtrail-1", "filebeat-1"], "fields": fields});
    [json(&resolved), json(&capabilities), json(&json!({}))]
}

fn no_indices() -> [Act; 2] {
    [
        json(&json!({"indices": [], "aliases": [], "data_streams": []})),
        json(&json!({"indices": [], "fields": {}})),
    ]
}

const QUIET: &str = r#"{"timed_out":false,"_shards":{"total":2,"failed":0},"hits":{"total":{"value":0}}}"#;
const LOUD: &str = r#"{"timed_out":false,"_shards":{"total":2,"failed":0},"hits":{"total":{"value":1}}}"#;
const RED: &str = r#"{"timed_out":false,"_shards":{"total":2,"failed":1},"hits":{"total":{"value":0}}}"#;
const SLOW: &str = r#"{"timed_out":true,"_shards":{"total":2,"failed":0},"hits":{"total":{"value":0}}}"#;

fn answered(answers: &[&str]) -> Act {
    Act::json(200, &format!(r#"{{"responses":[{}]}}"#, answers.join(",")))
}

/// The outcomes of writing the checkpoints of these rules.
fn written(rules: &[(usize, u16)]) -> Act {
    let item = |(rule, status): &(usize, u16)| json!({"index": {"_id": format!("rule-{rule}"), "status": status, "_seq_no": 5, "_primary_term": 1}});
    json(&json!({"items": rules.iter().map(item).collect::<Vec<_>>()}))
}

/// A server that acts as listed, and a runner before it.
struct Place {
    fake: Fake,
    runner: Arc<Runner>,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn of(acts: Vec<Act>) -> Self {
        let fake = Fake::start(acts).await;
        let folder = tempfile::tempdir().unwrap();
        let cluster = fake.cluster.clone();
        let runner = Arc::new(Runner {
            source: Source::Cluster(cluster.clone()),
            sink: Sink::file(AlertFile::open(&folder.path().join("alerts.ndjson")).unwrap()),
            copies: Vec::new(),
            store: Store::Cluster { cluster, index: "state".into() },
            settings: Settings::default(),
            run: Run { id: "test".into(), kind: "run", places: Places::default() },
            clock: now,
            begun: Arc::new(Begun::at(now())),
        });
        Self { fake, runner, _folder: folder }
    }

    async fn go(&self, count: usize) -> Gone {
        Cycle::new(self.runner.clone()).go(&rules(count), &Watch::default()).await
    }

    /// Method and path of every request so far.
    fn asked(&self) -> Vec<String> {
        let path = |seen: Seen| seen.line.split('?').next().unwrap_or_default().to_owned();
        self.fake.seen().into_iter().map(path).collect()
    }

    /// The lines of the bodies of the requests to `path`, request by request.
    fn sent(&self, path: &str) -> Vec<Vec<Value>> {
        let seen = self.fake.seen().into_iter().filter(|seen| seen.line.contains(path));
        seen.map(|seen| seen.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()).collect()
    }
}

fn done(gone: &Gone) -> Vec<&str> {
    gone.done.iter().map(|(rule, _)| rule.rule_id.as_str()).collect()
}

/// The rules that are left, and whether what is known of them is handed on.
fn open(gone: &Gone) -> Vec<(&str, bool)> {
    gone.open.iter().map(|open| (open.rule.rule_id.as_str(), open.begun.is_some())).collect()
}

fn begin(cursors: &[Cursor], then: Vec<Act>) -> Vec<Act> {
    [indices().to_vec(), vec![loaded(cursors)], then].concat()
}

#[tokio::test]
async fn rules_for_which_nothing_happened_cost_a_search_and_a_write_together() {
    let cursors = vec![cursor(); 150];
    let rules: Vec<(usize, u16)> = (0..150).map(|rule| (rule, 200)).collect();
    let place = Place::of(begin(&cursors, vec![answered(&[QUIET, QUIET]), written(&rules)])).await;
    let gone = place.go(150).await;
    assert_eq!((gone.done.len(), gone.open.len()), (150, 0));
    assert_eq!(place.asked()[4..], ["POST /_msearch", "POST /state/_bulk"]);
    let report = &gone.done[0].1;
    assert_eq!((report.from, report.to, report.windows), (Some(ago(6)), Some(now()), 1));
    assert!(report.succeeded() && report.matches == 0);
    let lines = &place.sent("_bulk")[0];
    assert_eq!(lines[0]["index"], json!({"_id": "rule-0", "if_seq_no": 4, "if_primary_term": 1}));
    assert_eq!(lines[1]["done_until"], json!(now()));
    assert_eq!((lines.len(), &lines[1]["swept_until"]), (300, &json!(ago(5))));
}

#[tokio::test]
async fn where_something_happened_each_is_asked_and_is_asked_alone_the_next_time() {
    let cursors = vec![cursor(); 3];
    let first = vec![answered(&[LOUD]), answered(&[QUIET, LOUD, QUIET]), written(&[(0, 200), (2, 200)])];
    let second = [
        indices()[..2].to_vec(),
        vec![loaded(&cursors)],
        vec![answered(&[QUIET, QUIET]), written(&[(0, 200), (1, 200), (2, 200)])],
    ];
    let place = Place::of([begin(&cursors, first), second.concat()].concat()).await;
    let cycle = Cycle::new(place.runner.clone());
    let gone = cycle.go(&rules(3), &Watch::default()).await;
    assert_eq!((done(&gone), open(&gone)), (vec!["rule-0", "rule-2"], vec![("rule-1", true)]));
    let gone = cycle.go(&rules(3), &Watch::default()).await;
    assert_eq!((done(&gone).len(), gone.open.len()), (3, 0));
    let searches: Vec<usize> = place.sent("_msearch").iter().map(|lines| lines.len() / 2).collect();
    assert_eq!(searches, [1, 3, 2]);
}

#[tokio::test]
async fn a_search_that_is_not_answered_in_full_leaves_only_its_rule() {
    for bad in [
        RED,
        SLOW,
        r#"{"error":{"type":"x","reason":"y"},"status":400}"#,
        r#"{"error":{},"status":429}"#,
        "{}",
    ] {
        let acts = vec![answered(&[bad]), answered(&[QUIET, bad, QUIET]), written(&[(0, 200), (2, 200)])];
        let place = Place::of(begin(&vec![cursor(); 3], acts)).await;
        let gone = place.go(3).await;
        assert_eq!((done(&gone), open(&gone)), (vec!["rule-0", "rule-2"], vec![("rule-1", false)]), "{bad}");
        let ids: Vec<Value> =
            place.sent("_bulk")[0].iter().step_by(2).map(|line| line["index"]["_id"].clone()).collect();
        assert_eq!(ids, ["rule-0", "rule-2"]);
    }
}

#[tokio::test]
async fn what_is_too_much_at_once_is_asked_in_parts_and_then_by_each_rule() {
    let then = vec![Act::with(504, "", ""), answered(&[QUIET, QUIET]), written(&[(0, 200), (1, 200)])];
    let place = Place::of(begin(&vec![cursor(); 2], then)).await;
    assert_eq!(done(&place.go(2).await), ["rule-0", "rule-1"]);
    let place = Place::of(begin(&vec![cursor(); 2], vec![Act::Close, Act::Close])).await;
    let gone = place.go(2).await;
    assert_eq!(open(&gone), [("rule-0", false), ("rule-1", false)]);
    assert!(place.sent("_bulk").is_empty());
}

#[tokio::test]
async fn what_is_out_of_the_ordinary_is_not_asked_at_all() {
    let mut owing = cursor();
    owing.owe(Window::new(ago(50), ago(40)), "index `a` is red", ago(40));
    let mut behind = Cursor::starting_at(ago(600));
    behind.finish(Window::new(ago(600), ago(300)));
    behind.swept_until = Some(ago(5));
    let mut ahead = cursor();
    ahead.finish(Window::new(ago(5), ago(-600)));
    let cursors = [owing, cursor(), behind, ahead];
    let place = Place::of(begin(&cursors, vec![answered(&[QUIET]), written(&[(1, 200)])])).await;
    let gone = place.go(4).await;
    let left = vec![("rule-0", false), ("rule-2", false), ("rule-3", false)];
    assert_eq!((done(&gone), open(&gone)), (vec!["rule-1"], left));
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_is_left_to_its_rule() {
    let broken = json!({"_index": "state", "_id": "rule-1", "found": true, "_seq_no": 4, "_primary_term": 1,
        "_source": {"origin": "yesterday"}});
    let docs = json!({"docs": [found(0, 4, &cursor()), broken]});
    let then = vec![answered(&[QUIET]), written(&[(0, 200)])];
    let place = Place::of([indices().to_vec(), vec![json(&docs)], then].concat()).await;
    let gone = place.go(2).await;
    assert_eq!((done(&gone), open(&gone)), (vec!["rule-0"], vec![("rule-1", false)]));
}

#[tokio::test]
async fn a_rule_without_a_checkpoint_begins_at_its_look_back() {
    let none = json!({"docs": [{"_index": "state", "_id": "rule-0", "found": false}]});
    let created =
        json!({"items": [{"create": {"_id": "rule-0", "status": 201, "_seq_no": 0, "_primary_term": 1}}]});
    let then = vec![answered(&[QUIET]), json(&created)];
    let place = Place::of([indices().to_vec(), vec![json(&none)], then].concat()).await;
    assert_eq!(done(&place.go(1).await), ["rule-0"]);
    let lines = &place.sent("_bulk")[0];
    assert_eq!((&lines[0], &lines[1]["origin"]), (&json!({"create": {"_id": "rule-0"}}), &json!(ago(6))));
}

#[tokio::test]
async fn a_replica_that_was_faster_costs_one_request_more() {
    let mut theirs = cursor();
    theirs.finish(Window::new(ago(6), now() - TimeDelta::seconds(1)));
    let then = vec![answered(&[QUIET]), written(&[(0, 409), (1, 409)])];
    let again = json!({"docs": [found(0, 6, &theirs), found(1, 6, &theirs)]});
    let place = Place::of(begin(&vec![cursor(); 2], [then, vec![json(&again)]].concat())).await;
    assert_eq!(done(&place.go(2).await), ["rule-0", "rule-1"]);
    assert_eq!(place.asked()[4..], ["POST /_msearch", "POST /state/_bulk", "POST /state/_mget"]);
}

#[tokio::test]
async fn what_another_process_owes_is_kept_when_the_window_is_recorded_over_it() {
    let mut theirs = cursor();
    theirs.owe(Window::new(ago(20), ago(10)), "index `a` is red", ago(4));
    let again = json!({"docs": [found(0, 6, &theirs)]});
    let then = vec![answered(&[QUIET]), written(&[(0, 409)]), json(&again), written(&[(0, 200)])];
    let place = Place::of(begin(&[cursor()], then)).await;
    assert_eq!(done(&place.go(1).await), ["rule-0"]);
    let last = &place.sent("_bulk")[1];
    assert_eq!((&last[0]["index"]["if_seq_no"], &last[1]["done_until"]), (&json!(6), &json!(now())));
    assert_eq!(last[1]["owed"][0]["reason"], "index `a` is red");
}

#[tokio::test]
async fn a_checkpoint_that_is_not_written_leaves_its_rule() {
    let then = vec![answered(&[QUIET]), written(&[(0, 200), (1, 503)])];
    let place = Place::of(begin(&vec![cursor(); 2], then)).await;
    let gone = place.go(2).await;
    assert_eq!((done(&gone), open(&gone)), (vec!["rule-0"], vec![("rule-1", false)]));
}

#[tokio::test]
async fn where_no_index_is_nothing_is_asked_of_it() {
    let place =
        Place::of([no_indices().to_vec(), vec![loaded(&[cursor()]), written(&[(0, 200)])]].concat()).await;
    let gone = place.go(1).await;
    assert_eq!(gone.done[0].1.indices_missing, ["filebeat-*", "logs-aws.cloudtrail-*"]);
    assert_eq!(place.asked()[3..], ["POST /state/_bulk"]);
}

#[tokio::test]
async fn a_closed_index_is_left_to_the_rules() {
    let closed = json!({"indices": [{"name": "filebeat-1", "attributes": ["closed"]}], "aliases": [],
        "data_streams": []});
    let mut acts = begin(&[cursor()], Vec::new());
    acts[0] = json(&closed);
    let place = Place::of(acts).await;
    assert_eq!(open(&place.go(1).await), [("rule-0", false)]);
}

#[tokio::test]
async fn a_sweep_reads_the_last_day_again_in_the_same_search() {
    let mut due = Cursor::starting_at(ago(3000));
    due.finish(Window::new(ago(3000), ago(5)));
    let then = vec![answered(&[QUIET]), written(&[(0, 200)])];
    let place = Place::of(begin(&[due], then)).await;
    let gone = place.go(1).await;
    assert_eq!((gone.done[0].1.from, gone.done[0].1.late), (Some(ago(6)), 0));
    let search = place.sent("_msearch")[0][1].to_string();
    assert!(search.contains("2026-11-19T12:00:00.000Z"), "{search}");
    assert_eq!(place.sent("_bulk")[0][1]["swept_until"], json!(now()));
}

#[tokio::test]
async fn an_answer_that_asks_for_a_rest_is_for_all_rules() {
    let busy = Act::with(429, "retry-after: 600\r\n", r#"{"error":"busy"}"#);
    for acts in [vec![busy.clone()], begin(&vec![cursor(); 2], vec![busy.clone()])] {
        let place = Place::of(acts).await;
        let gone = place.go(2).await;
        assert_eq!((done(&gone).len(), gone.open.len()), (2, 0));
        for (_, report) in &gone.done {
            assert_eq!(report.rest, Some(std::time::Duration::from_mins(10)));
            assert!(report.unreachable && report.hindrance.is_some());
        }
    }
}

#[tokio::test]
async fn once_nobody_answers_nothing_more_is_asked() {
    let busy = Act::with(503, "retry-after: 600\r\n", "");
    let place = Place::of(vec![busy; 4]).await;
    let one = |number: usize| {
        let rule = Rule::clone(&rules(1)[0]);
        Arc::new(Rule { rule_id: format!("rule-{number}"), index: vec![format!("logs-{number}-*")], ..rule })
    };
    let rules: Vec<Arc<Rule>> = (0..9).map(one).collect();
    let gone = Cycle::new(place.runner.clone()).go(&rules, &Watch::default()).await;
    assert_eq!((done(&gone).len(), place.asked().len()), (9, 4));
    assert!(gone.done.iter().all(|(_, report)| report.unreachable));
}

#[tokio::test]
async fn one_request_that_fails_alone_leaves_its_rules_to_themselves() {
    let denied = r#"{"error":{"root_cause":[{"type":"security_exception","reason":"no"}]},"status":403}"#;
    let place = Place::of(vec![Act::json(403, denied)]).await;
    assert_eq!(open(&place.go(1).await), [("rule-0", false)]);
}

#[tokio::test]
async fn who_is_told_to_stop_asks_nothing() {
    let place = Place::of(Vec::new()).await;
    let watch = Watch::default();
    watch.stop.cancel();
    let gone = Cycle::new(place.runner.clone()).go(&rules(2), &watch).await;
    assert!(gone.done.iter().all(|(_, report)| report.interrupted) && gone.open.is_empty());
    assert!(place.fake.seen().is_empty());
}

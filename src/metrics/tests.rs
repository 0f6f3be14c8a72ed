use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Beside, Metrics};
use crate::alert::{AlertDocument, alert_id};
use crate::checkpoint::Window;
use crate::detect::{Hindrance, RuleReport};
use crate::elastic::{Observed, Operation};
use crate::event::Event;
use crate::rule::{Rule, embedded};

/// Its labels: quotes and backslashes escaped, the line feed shown.
const LABELS: &str = r#"rule="a \"b\" \\ c\\u{a}d",rule_id="id""#;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

fn rule() -> Arc<Rule> {
    let mut rule = embedded().expect("the built-in rules").rules.remove(0);
    (rule.rule_id, rule.name) = ("id".to_owned(), "a \"b\" \\ c\nd".to_owned());
    Arc::new(rule)
}

/// The line of the rule's figure `name` as of `now`.
fn of_rule(metrics: &Metrics, name: &str, now: i64) -> Option<String> {
    let text = metrics.text(at(now)).expect("a text");
    let begin = format!("{name}{{{LABELS}}} ");
    text.lines().find_map(|line| line.strip_prefix(&begin)).map(str::to_owned)
}

#[test]
fn a_rule_that_has_not_run_stands_at_nothing_and_falls_behind() {
    let metrics = Metrics::of(&[rule()], at(1000)).expect("figures");
    for name in ["windows_done_total", "windows_failed_total", "alerts_created_total"] {
        assert_eq!(of_rule(&metrics, &format!("stakeout_rule_{name}"), 1000).as_deref(), Some("0"), "{name}");
    }
    assert_eq!(of_rule(&metrics, "stakeout_rule_lag_seconds", 1090).as_deref(), Some("90"));
    // What it owes stands in its checkpoint, which nobody has read yet.
    for name in ["windows_owed", "last_success_timestamp_seconds"] {
        assert_eq!(of_rule(&metrics, &format!("stakeout_rule_{name}"), 1090), None, "{name}");
    }
}

#[test]
fn runs_add_up_and_lag_counts_from_what_was_recorded() {
    let rule = rule();
    let metrics = Metrics::of(std::slice::from_ref(&rule), at(1000)).expect("figures");
    let whole = RuleReport {
        to: Some(at(1300)),
        windows: 3,
        windows_whole: 3,
        matches: 5,
        alerts_created: 2,
        alerts_existing: 3,
        late: 1,
        took_ms: 1500,
        ..RuleReport::new(&rule)
    };
    metrics.ran(&whole, at(1301));
    // It comes to an end at its second window, which is not recorded.
    let hindered = RuleReport {
        to: Some(at(1900)),
        windows: 2,
        windows_whole: 1,
        alerts_rejected: 4,
        failed_attempts: 1,
        owed: 2,
        error: Some("e".to_owned()),
        hindrance: Some(Hindrance { window: Some(Window::new(at(1600), at(1900))), reason: "e".to_owned() }),
        ..RuleReport::new(&rule)
    };
    metrics.ran(&hindered, at(1902));
    for (name, value) in [
        ("windows_done_total", "4"),
        ("windows_failed_total", "1"),
        ("windows_owed", "2"),
        ("matches_total", "5"),
        ("alerts_created_total", "2"),
        ("alerts_existing_total", "3"),
        ("alerts_rejected_total", "4"),
        ("alerts_late_total", "1"),
        ("last_success_timestamp_seconds", "1301"),
        ("lag_seconds", "400.5"),
    ] {
        let now = DateTime::from_timestamp_millis(2_000_500).expect("a time");
        let text = metrics.text(now).expect("a text");
        let found = text.lines().find(|line| line.starts_with(&format!("stakeout_rule_{name}{{")));
        assert_eq!(found.and_then(|line| line.rsplit(' ').next()), Some(value), "{name}");
    }
    // An earlier end does not take back what was read.
    metrics.ran(&RuleReport { to: Some(at(1500)), windows: 1, ..RuleReport::new(&rule) }, at(2000));
    assert_eq!(of_rule(&metrics, "stakeout_rule_lag_seconds", 2000).as_deref(), Some("400"));
    // A clock that was ahead hides nothing once it is right again.
    let ran = |at_seconds: i64| {
        let report = RuleReport { to: Some(at(at_seconds)), windows: 1, ..RuleReport::new(&rule) };
        metrics.ran(&report, at(at_seconds));
    };
    ran(90_000);
    ran(2100);
    assert_eq!(of_rule(&metrics, "stakeout_rule_lag_seconds", 2500).as_deref(), Some("400"));
}

#[test]
fn rules_that_came_are_counted_for_and_those_that_went_are_not() {
    let named = |rule_id: &str, name: &str| {
        Arc::new(Rule { rule_id: rule_id.to_owned(), name: name.to_owned(), ..Rule::clone(&rule()) })
    };
    let (before, renamed, other) = (named("1", "before"), named("1", "renamed"), named("2", "other"));
    let metrics = Metrics::of(std::slice::from_ref(&before), at(1000)).expect("figures");
    let ran = |until: i64| {
        let report = RuleReport { to: Some(at(until)), windows: 1, ..RuleReport::new(&before) };
        metrics.ran(&report, at(until));
    };
    let figures =
        |name: &str| metrics.text(at(1200)).expect("a text").matches(&format!("rule=\"{name}\"")).count();
    let lag = |name: &str, id: &str| {
        let begin = format!("stakeout_rule_lag_seconds{{rule=\"{name}\",rule_id=\"{id}\"}} ");
        let text = metrics.text(at(1200)).expect("a text");
        text.lines().find_map(|line| line.strip_prefix(&begin)).map(str::to_owned)
    };
    ran(1100);
    metrics.reloaded(&[renamed.clone(), other], 0, at(1150));
    assert_eq!(lag("renamed", "1").as_deref(), Some("100"), "it goes on from where it was");
    assert_eq!(lag("other", "2").as_deref(), Some("50"));
    // The end of a run that was under way brings nothing back.
    ran(1190);
    metrics.reloaded(&[renamed], 2, at(1160));
    assert_eq!((figures("before"), figures("other")), (0, 0));
    assert!(figures("renamed") > 7);
    let text = metrics.text(at(1200)).expect("a text");
    for line in [
        "stakeout_reloads_total{result=\"taken\"} 1",
        "stakeout_reloads_total{result=\"refused\"} 1",
        "stakeout_last_reload_taken_timestamp_seconds 1150",
        "stakeout_last_reload_refused 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn what_goes_on_beside_the_runs_has_a_figure_while_it_is_wished_for() {
    let metrics = Metrics::of(&[], at(0)).expect("figures");
    let last = |name: &str| {
        let text = metrics.text(at(0)).expect("a text");
        let begin = format!("stakeout_{name}_last_success_timestamp_seconds ");
        text.lines().find_map(|line| line.strip_prefix(&begin)).map(str::to_owned)
    };
    metrics.goes_on(Beside::Triage, false, at(10));
    assert_eq!((last("triage"), last("cases")), (None, None));
    // From its first round on, whatever becomes of that.
    metrics.goes_on(Beside::Triage, true, at(20));
    metrics.goes_on(Beside::Triage, true, at(50));
    assert_eq!((last("triage").as_deref(), last("cases")), (Some("20"), None));
    metrics.went_well(Beside::Triage, at(51));
    assert_eq!(last("triage").as_deref(), Some("51"));
    metrics.goes_on(Beside::Triage, false, at(80));
    assert_eq!(last("triage"), None);
    metrics.goes_on(Beside::Cases, true, at(90));
    assert_eq!(last("cases").as_deref(), Some("90"));
}

#[test]
fn requests_are_counted_by_what_they_do_and_why_they_fail() {
    let metrics = Metrics::of(&[], at(0)).expect("figures");
    let sent = |operation, failure| {
        metrics.observed(Observed::Sent { operation, took: Duration::from_millis(30), failure });
    };
    sent(Operation::Search, None);
    sent(Operation::Search, Some("timed out"));
    sent(Operation::Bulk, None);
    metrics.observed(Observed::Again { reason: "timed out", times: 3 });
    let text = metrics.text(at(0)).expect("a text");
    let name = "stakeout_elasticsearch_request_duration_seconds";
    for line in [
        format!("{name}_bucket{{operation=\"search\",le=\"0.025\"}} 0"),
        format!("{name}_bucket{{operation=\"search\",le=\"0.05\"}} 2"),
        format!("{name}_count{{operation=\"search\"}} 2"),
        format!("{name}_count{{operation=\"bulk\"}} 1"),
        format!("{name}_count{{operation=\"other\"}} 0"),
        "stakeout_elasticsearch_request_failures_total{operation=\"search\",reason=\"timed out\"} 1"
            .to_owned(),
        "stakeout_elasticsearch_retries_total{reason=\"timed out\"} 3".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn delays_are_read_from_the_alert() {
    let metrics = Metrics::of(&[], at(0)).expect("figures");
    let event = Event::of(json!({}));
    for body in [
        json!({"@timestamp": "2026-11-20T10:06:00Z", "kibana.alert.original_time": "2026-11-20T10:00:00Z",
            "event": {"ingested": "2026-11-20T10:00:20Z"}}),
        json!({"@timestamp": "2026-11-20T10:01:00Z", "kibana.alert.original_time": "2026-11-20T10:00:00Z"}),
        json!({"@timestamp": "2026-11-20T10:01:00Z", "kibana.alert.original_time": "yesterday"}),
        json!({"@timestamp": "2026-11-20T10:01:00Z"}),
    ] {
        let body = body.as_object().expect("an object").clone();
        metrics.alerted(&AlertDocument { id: alert_id("id", &[], &event), body });
    }
    let text = metrics.text(at(0)).expect("a text");
    for line in [
        "stakeout_ingest_delay_seconds_count 1",
        "stakeout_ingest_delay_seconds_sum 20",
        "stakeout_alert_delay_seconds_count 2",
        "stakeout_alert_delay_seconds_sum 420",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn nobody_counts_by_default() {
    let metrics = Metrics::default();
    metrics.ran(&RuleReport::new(&rule()), at(1));
    metrics.reaches(true);
    assert_eq!(metrics.text(at(1)).expect("a text"), "");
}

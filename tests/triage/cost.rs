//! What the triage of many alerts costs: searches for each, and memory that does not grow with them.

use std::time::Instant;

use serde_json::json;

use crate::Scene;
use crate::stories::{Caller, Record, Story, place};
use crate::support::program::Ended;
use crate::support::setting;
use crate::support::story::Shape;

/// Alerts: `STAKEOUT_TEST_BURST`, or as many as take a few seconds.
fn wanted() -> i64 {
    setting("STAKEOUT_TEST_BURST").and_then(|number| number.parse().ok()).unwrap_or(400)
}

/// Sign-ins over ten hours of as many sessions, four to a role, each role with a habit.
fn many(alerts: i64) -> Story {
    let place = place("203.0.113.10", "AMAZON-02", "aws-sdk-java/2");
    let sign_in = |number: i64| {
        let role =
            Caller::session(&format!("AROAMANY{:013}", number / 4), "many", &format!("i-{number:017x}"));
        let offset = -36_000 + number * 36_000 / alerts;
        let mut records = vec![Record::new(offset, &role, place, "signin", "ConsoleLogin").imds("2.0")];
        records.extend(
            (1..=5).map(|day| Record::new(offset - day * 90_000, &role, place, "logs", "PutLogEvents")),
        );
        records
    };
    Story { name: "many", user_id: String::new(), records: (0..alerts).flat_map(sign_in).collect() }
}

/// A number of the line on triage in the log.
pub fn figure(ended: &Ended, name: &str) -> u64 {
    let line = ended.stderr.lines().find(|line| line.contains("triaged")).expect("a line on triage");
    let rest = line.split(&format!("{name}=")).nth(1).expect("the figure");
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn many_alerts_cost_few_searches_each() {
    let alerts = wanted();
    let Some(scene) = Scene::new(&[many(alerts)], &[Shape::Integration]) else { return };
    let started = Instant::now();
    scene.backfill(&["--no-triage"]);
    let without = started.elapsed();
    let started = Instant::now();
    let ended = scene.backfill(&["-v"]);
    let with = started.elapsed();
    let (triaged, searches, requests) =
        (figure(&ended, "alerts"), figure(&ended, "searches"), figure(&ended, "requests"));
    println!(
        "{alerts} alerts: found in {without:?}, gone over again and triaged in {with:?}; {searches} searches in {requests} requests"
    );
    assert_eq!(i64::try_from(triaged).expect("a count"), alerts);
    assert!(searches <= triaged * 11, "{searches} searches for {triaged} alerts");
    assert!(requests * 8 <= triaged, "{requests} requests for {triaged} alerts");
    scene.cluster.refresh(&scene.alerts);
    let open = json!({"query": {"bool": {"must_not": [{"exists": {"field": "stakeout.verdict.grade"}}]}}});
    let left = scene.cluster.post(&format!("/{}/_search", scene.alerts), &open);
    assert_eq!(left["hits"]["total"]["value"], 0);
}

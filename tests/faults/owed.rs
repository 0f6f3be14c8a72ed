//! What a user sees of windows that fail: each attempt with its reason and a growing wait, and the end of it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::fault::{Fault, Kind};
use super::world::{LIMIT, World};
use crate::support::story::{Shape, SignIn, mapping, seconds_ago};
use crate::support::until;

/// Writes one more match into `index`, and waits for its alert.
fn is_alerted(world: &mut World, index: &str, id: &str) {
    let event = SignIn::new(id, seconds_ago(0)).document(Shape::Integration);
    world.happens(index, id, event);
    until(LIMIT, &format!("an alert of {id}"), || world.alerted().contains_key(id));
}

/// The lines of the daemons that hold both.
fn lines(world: &World, words: &str, more: &str) -> usize {
    world.said().lines().filter(|line| line.contains(words) && line.contains(more)).count()
}

/// How long the one owed stretch waits from its last attempt to the next, in seconds.
fn wait(world: &World) -> i64 {
    let (_, cursor) = world.checkpoint().expect("a checkpoint");
    let owed = cursor["owed"].as_array().expect("a list");
    assert_eq!(owed.len(), 1, "neighbours are one: {cursor}");
    let time = |value: &Value| value.as_str().expect("a time").parse::<DateTime<Utc>>().expect("a time");
    (time(&owed[0]["retry_at"]) - time(&owed[0]["tried_at"])).num_seconds()
}

#[test]
fn each_attempt_is_said_with_a_growing_wait_while_all_else_goes_on() {
    let Some(world) = World::shared() else { return };
    let other = world.cluster.name("other");
    world.cluster.put(&format!("/{other}"), &mapping());
    let mut world = world.other_rule(&other).watched();
    world.happen(4);
    world.settles();
    let (logs, filebeat) = (world.logs(), world.filebeat());
    let closed = world.cluster.send("POST", &format!("/{filebeat}/_close"), None).expect("an answer");
    assert_eq!(closed.status, 200, "{}", closed.body);
    for (attempt, seconds) in [(1, 30), (2, 60), (3, 120), (4, 240)] {
        let words = format!("attempt={attempt} reason=closed and not searched: `{filebeat}`");
        until(LIMIT, &format!("{words}\n{}", world.said()), || {
            lines(&world, "owed: it is tried again", &words) > 0
        });
        assert_eq!(wait(&world), seconds);
        world.tries_again_at(2100);
        is_alerted(&mut world, &logs, &format!("newer-{attempt}"));
        is_alerted(&mut world, &other, &format!("other-{attempt}"));
        world.windows_pass(2);
        assert_eq!(world.owed(), 1);
        if attempt < 4 {
            world.tries_again_at(2000);
        }
    }
    let closed = lines(&world, "owed: it is tried again", "closed and not searched");
    assert_eq!(closed, 4, "no line a window:\n{}", world.said());
    assert_eq!(lines(&world, "owed: it is tried again", "Other AWS"), 0);
    let opened = format!("/{filebeat}/_open?wait_for_active_shards=1");
    assert_eq!(world.cluster.send("POST", &opened, None).expect("an answer").status, 200);
    // At once, though the wait is long.
    until(LIMIT, "the end to be said", || lines(&world, "owed no more", "failed_attempts=4") == 1);
    world.settles();
}

#[test]
fn requests_that_are_sent_again_are_one_line_a_run() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    // Between two runs, so that one meets all of them.
    world.proxy.order(Kind::Greeting, Fault::HeldBefore, 1);
    world.proxy.held();
    world.happen(1);
    world.proxy.order(Kind::Page, Fault::Busy(None), 2);
    world.proxy.order(Kind::SaveCheckpoint, Fault::Reset, 1);
    world.proxy.release();
    until(LIMIT, "a line", || {
        lines(&world, "requests=3", "sent again: HTTP 429 ×2, the connection broke off ×1") == 1
    });
    world.happen(2);
    world.settles();
    assert_eq!(lines(&world, "sent again", ""), 1, "{}", world.said());
}

#[test]
fn an_answer_that_asks_for_a_rest_gets_it() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    // More than a request waits for by itself.
    world.proxy.order(Kind::OpenPit, Fault::Busy(Some(11)), 1);
    world.happen(1);
    until(LIMIT, "the rest", || lines(&world, "rests, as an answer asked for it", "rest=11s") == 1);
    assert_eq!(lines(&world, "attempt=1", "HTTP 429"), 1, "{}", world.said());
    world.happen(2);
    world.settles();
}

#[test]
fn an_answer_to_alerts_that_asks_for_a_rest_gets_it() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.proxy.order(Kind::Bulk, Fault::Busy(Some(11)), 1);
    world.happen(1);
    until(LIMIT, "the rest", || lines(&world, "rests, as an answer asked for it", "rest=11s") == 1);
    world.settles();
    assert_eq!(lines(&world, "owed: it is tried again", ""), 0, "{}", world.said());
}

#[test]
fn an_answer_to_all_rules_that_asks_for_a_rest_gets_it_from_each() {
    let Some(world) = World::shared() else { return };
    let mut world = world.more_rules(2).watched();
    world.proxy.order(Kind::Probe, Fault::Busy(Some(11)), 1);
    until(LIMIT, "the rests", || lines(&world, "rests, as an answer asked for it", "rest=11s") == 3);
    world.happen(2);
    world.settles();
}

#[test]
fn a_search_that_fails_for_one_rule_leaves_the_others_as_they_are() {
    let Some(world) = World::shared() else { return };
    let odd = world.cluster.name("odd");
    let mut body = mapping();
    // Fewer than the rule asks for: its shard refuses the query, and says its field types all the same.
    body["settings"]["index.max_terms_count"] = json!(1);
    world.cluster.put(&format!("/{odd}"), &body);
    // Times before and after every window: a shard that has none of a window's is not asked.
    let misses = [-1, 1].map(|days| {
        let miss = SignIn::new(format!("miss-{days}"), seconds_ago(days * 86_400)).near_miss(0);
        miss.document(Shape::Integration)
    });
    world.cluster.bulk(&odd, misses);
    world.cluster.refresh(&odd);
    let mut world = world.other_rule(&odd).watched();
    until(LIMIT, "the other rule to owe", || lines(&world, "owed: it is tried again", "Other AWS") > 0);
    let logs = world.logs();
    is_alerted(&mut world, &logs, "meanwhile");
    world.overlap_passes();
    let pages = world.proxy.seen(Kind::Page);
    world.windows_pass(2);
    assert!(world.proxy.seen(Kind::Page) > pages, "the other rule goes on by itself");
    assert_eq!(world.owed(), 0);
    assert_eq!(lines(&world, "owed: it is tried again", "rule=AWS"), 0, "{}", world.said());
    world.cluster.put(&format!("/{odd}/_settings"), &json!({"index.max_terms_count": null}));
    until(LIMIT, "the other rule to owe nothing", || lines(&world, "owed no more", "Other AWS") == 1);
    world.settles();
}

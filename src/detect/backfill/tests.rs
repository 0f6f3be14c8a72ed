use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{BackfillRange, key, left, next_length};
use crate::checkpoint::{Cursor, Window};
use crate::detect::runner::tests::{Place, ago, from, is_page, now, rule};
use crate::detect::{RuleReport, Watch};
use crate::elastic::fake::{Act, Seen, sound};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn range(from: DateTime<Utc>, to: DateTime<Utc>) -> BackfillRange {
    BackfillRange { text: "5h".into(), from, to, until_now: false }
}

fn seconds(from: i64, to: i64) -> BackfillRange {
    range(at(from), at(to))
}

#[test]
fn an_interrupted_one_is_taken_up_where_it_was() {
    let mut cursor = Cursor::starting_at(at(0));
    cursor.finish(Window::new(at(0), at(20)));
    cursor.owe(Window::new(at(20), at(30)), "x", at(30));
    cursor.finish(Window::new(at(30), at(50)));
    let owed_and_rest =
        |from: i64, to: i64| Some(vec![Window::new(at(from), at(30)), Window::new(at(50), at(to))]);
    assert_eq!(left(&cursor, &seconds(0, 100)), owed_and_rest(20, 100));
    assert_eq!(left(&cursor, &seconds(25, 125)), owed_and_rest(25, 125));
    assert_eq!(left(&cursor, &seconds(35, 50)), Some(Vec::new()));
}

#[test]
fn one_that_began_later_or_ended_earlier_helps_nothing() {
    let mut cursor = Cursor::starting_at(at(10));
    cursor.finish(Window::new(at(10), at(50)));
    assert_eq!(left(&cursor, &seconds(0, 100)), None);
    assert_eq!(left(&cursor, &seconds(50, 100)), None);
}

#[test]
fn windows_grow_while_they_are_quick_and_shrink_back_where_they_are_slow() {
    let hours = TimeDelta::hours;
    let next = |length, took| next_length(hours(length), hours(1), Duration::from_millis(took));
    assert_eq!((next(1, 50), next(4, 1_999)), (hours(4), hours(16)));
    assert_eq!((next(16, 3_000), next(1, 10_000)), (hours(16), hours(1)));
    assert_eq!((next(16, 11_000), next(2, 60_000)), (hours(4), hours(1)));
    assert_eq!((next(64, 0), next(168, 0)), (hours(168), hours(168)));
    assert_eq!(next_length(hours(200), hours(200), Duration::ZERO), hours(200));
}

#[test]
fn what_was_read_for_another_question_is_not_read_for_this_one() {
    let (rule, range) = (rule(), seconds(0, 9));
    let mut others = [(); 5].map(|()| rule.clone());
    others[0].query.text.push(' ');
    others[1].category_field.push('x');
    others[2].index.push("logs-more".into());
    others[3].time.fallback = None;
    others[4].identity.pop();
    for other in others {
        assert_ne!(key(&other, &range), key(&rule, &range), "{other:?}");
    }
    let mended = crate::rule::Rule { note: Some("another guide".into()), ..rule.clone() };
    assert_eq!(key(&mended, &range), key(&rule, &range));
}

impl Place {
    /// One where a shard fails whenever a page of a window that began more than nine hours ago is read.
    async fn red_long_ago() -> Self {
        let red = r#"{"timed_out":false,"_shards":{"total":2,"failed":1},"hits":{"hits":[]}}"#;
        Self::answering(move |seen: &Seen| {
            if is_page(seen) && from(seen) < Some(ago(9)) { Act::json(200, red) } else { sound(seen) }
        })
        .await
    }

    /// The report of a backfill, and how many hours ago the windows began that it read.
    async fn backfill(&self, range: &BackfillRange) -> (RuleReport, Vec<i64>) {
        let before = self.pages().len();
        let report = self.runner.backfill_rule(&rule(), range, &Watch::default()).await;
        (report, self.pages()[before..].to_vec())
    }

    async fn kept(&self, key: &str) -> Option<Cursor> {
        self.runner.store.load(key, "").await.unwrap().cursor
    }

    async fn keep(&self, key: &str, cursor: &Cursor) {
        let mut tracked = self.runner.store.load(key, "").await.unwrap();
        self.runner.store.change(&mut tracked, cursor, now(), |_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_range_that_moves_on_leaves_what_it_owed_behind_and_is_read_whole_again() {
    let place = Place::red_long_ago().await;
    let (first, read) = place.backfill(&range(ago(10), ago(5))).await;
    assert_eq!((first.owed, first.succeeded(), &read[..3]), (1, false, &[10, 9, 8][..]));
    let (second, read) = place.backfill(&range(ago(8), ago(3))).await;
    assert_eq!((second.owed, second.succeeded(), read[0]), (0, true, 5));
    let (third, read) = place.backfill(&range(ago(6), ago(1))).await;
    assert_eq!((third.owed, third.succeeded(), read[0]), (0, true, 6));
}

#[tokio::test]
async fn one_that_owes_its_first_hour_and_was_interrupted_later_is_taken_up() {
    let place = Place::answering(sound).await;
    let range = range(ago(10), ago(5));
    let mut cursor = Cursor::starting_at(ago(10));
    cursor.owe(Window::new(ago(10), ago(9)), "red", ago(9));
    cursor.finish(Window::new(ago(9), ago(7)));
    place.keep(&key(&rule(), &range), &cursor).await;
    let (report, read) = place.backfill(&range).await;
    assert_eq!((report.owed, report.succeeded(), &read[..2]), (0, true, &[10, 7][..]));
    let closed = place.kept(&key(&rule(), &range)).await.unwrap();
    assert_eq!(closed, Cursor::starting_at(ago(5)), "the same words begin anew");
}

#[tokio::test]
async fn a_rule_that_nobody_watches_is_watched_from_the_end_of_a_range_that_ends_now() {
    let until_now = BackfillRange { until_now: true, ..range(ago(2), now()) };
    let place = Place::answering(sound).await;
    place.backfill(&range(ago(2), ago(1))).await;
    assert_eq!(place.kept(&rule().rule_id).await, None);
    place.backfill(&until_now).await;
    let begun = Cursor::starting_at(now() - TimeDelta::minutes(6));
    assert_eq!(place.kept(&rule().rule_id).await, Some(begun));

    let place = Place::answering(sound).await;
    let mut watched = Cursor::starting_at(ago(9));
    watched.finish(Window::new(ago(9), ago(3)));
    place.keep(&rule().rule_id, &watched).await;
    place.backfill(&until_now).await;
    assert_eq!(place.kept(&rule().rule_id).await, Some(watched));
}

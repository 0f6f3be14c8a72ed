//! Groups before a server of which some requests hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Group, Resting, UnderWay};
use crate::alert::{Places, Run};
use crate::checkpoint::Store;
use crate::detect::{Begun, Cycle, Runner, Settings, Sink, Source, Watch};
use crate::elastic::fake::{Act, Fake, Seen, sound};
use crate::elastic::{Ambient, Cluster, Connection, Observer};
use crate::local::{AlertFile, StateFile};
use crate::metrics::Metrics;
use crate::rule::{Rule, embedded};
use crate::schedule::reach::Reach;
use crate::schedule::{Pulse, Signs, stir, utc_now};

/// Each run of a rule opens a point in time; that of `slow` is never answered.
fn answer(seen: &Seen) -> Act {
    if seen.line.starts_with("POST /slow-*/_pit") { Act::Hang } else { sound(seen) }
}

fn rule(name: &str) -> Arc<Rule> {
    let rule = embedded().expect("the built-in rules").rules.remove(0);
    Arc::new(Rule { rule_id: name.to_owned(), index: vec![format!("{name}-*")], ..rule })
}

fn group(cluster: &Cluster, folder: &tempfile::TempDir, rules: Vec<Arc<Rule>>) -> Arc<Group> {
    let alerts = folder.path().join("alerts.ndjson");
    let runner = Arc::new(Runner {
        source: Source::Cluster(cluster.clone()),
        sink: Sink::file(AlertFile::open(&alerts).expect("a file")),
        copies: Vec::new(),
        store: Store::file(StateFile::beside(&alerts)),
        settings: Settings::default(),
        run: Run { id: "r".to_owned(), kind: "run", places: Places::default() },
        clock: utc_now,
        begun: Arc::new(Begun::at(utc_now())),
    });
    let pulse = Arc::new(Pulse::new(Duration::from_mins(1)));
    Arc::new(Group {
        reach: Arc::new(Reach::new(Metrics::default())),
        interval: Duration::from_millis(20),
        cycle: Cycle::new(runner.clone()),
        runner,
        rules,
        watch: Watch::default(),
        signs: Signs { metrics: Metrics::default(), pulse },
        resting: Resting::default(),
        under_way: UnderWay::default(),
        end: CancellationToken::new(),
    })
}

fn opened(fake: &Fake, name: &str) -> usize {
    let path = format!("POST /{name}-*/_pit?");
    fake.seen().iter().filter(|seen| seen.line.starts_with(&path)).count()
}

#[tokio::test]
async fn a_rule_that_hangs_keeps_no_other_waiting_and_is_not_run_twice_at_once() {
    let fake = Fake::answering(Connection::default(), answer).await;
    let folder = tempfile::tempdir().expect("a folder");
    let group = group(&fake.cluster, &folder, vec![rule("slow"), rule("fast")]);
    let keeping = tokio::spawn(group.clone().keep_time(group.signs.pulse.timetable(), Vec::new()));
    let others_go_on = async {
        while opened(&fake, "slow") == 0 {
            tokio::task::yield_now().await;
        }
        let before = opened(&fake, "fast");
        while opened(&fake, "fast") < before + 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), others_go_on).await.expect("the other rule's runs");
    assert_eq!(opened(&fake, "slow"), 1);
    keeping.abort();
}

#[tokio::test]
async fn a_rule_is_free_again_once_its_run_is_done() {
    let (under_way, rule) = (UnderWay::default(), rule("fast"));
    let taken = under_way.take(&rule);
    assert!(taken.is_some() && under_way.take(&rule).is_none());
    drop(taken);
    assert!(under_way.take(&rule).is_some());
}

#[tokio::test]
async fn every_request_of_a_run_is_a_sign_of_its_life() {
    let is_page = |seen: &Seen| seen.line.starts_with("POST /_search");
    let answer = move |seen: &Seen| if is_page(seen) { Act::Hang } else { sound(seen) };
    let fake = Fake::answering(Connection::default(), answer).await;
    let (ended, folder) = (Arc::new(AtomicU64::new(0)), tempfile::tempdir().expect("a folder"));
    let counted = ended.clone();
    let observer = Observer::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        stir();
    });
    let connection = Connection { urls: vec![fake.url.clone()], ..Connection::default() };
    let cluster =
        Cluster::with_ambient(&connection, Ambient::default().observed_by(observer)).expect("a cluster");
    let group = group(&cluster, &folder, vec![rule("fast")]);
    let running = tokio::spawn(group.clone().cycle());
    let page_is_asked_for = async {
        while !fake.seen().iter().any(is_page) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), page_is_asked_for).await.expect("a page");
    let signs = group.signs.pulse.stirs();
    assert_eq!(signs, ended.load(Ordering::Relaxed));
    assert!(signs > 3, "{signs}");
    running.abort();
}

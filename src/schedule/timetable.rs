//! The timetable: a group of rules for each interval. New work is taken up between two runs: a group that changes ends
//! after the run under way, and the one in its place begins then; a group that stays as it is notices nothing.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::group::{Group, Resting};
use super::pulse::Pulse;
use super::reach::Reach;
use super::shutdown::GRACE;
use super::under_way::UnderWay;
use super::work::Work;
use crate::detect::{Cycle, Watch};
use crate::metrics::Metrics;
use crate::rule::Rule;

/// What a timetable shows of itself while it runs.
#[derive(Debug, Clone)]
pub struct Signs {
    /// What its runs did.
    pub metrics: Metrics,
    /// Whether it runs.
    pub pulse: Arc<Pulse>,
}

/// Runs every rule of `work` on its interval until `watch.stop` is cancelled, then waits for what is under way.
///
/// Nothing that happens to a rule or the cluster ends it.
pub async fn run(mut work: watch::Receiver<Work>, watch: Watch, signs: Signs) {
    let stop = watch.stop.clone();
    let mut timetable = Timetable {
        reach: Arc::new(Reach::new(signs.metrics.clone())),
        watch,
        signs,
        resting: Resting::default(),
        tasks: TaskTracker::new(),
        running: Vec::new(),
        leaving: Vec::new(),
    };
    loop {
        let now = work.borrow_and_update().clone();
        timetable.take_up(&now);
        let changed = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            changed = work.changed() => changed,
        };
        if changed.is_err() {
            // Nobody is left who could change it.
            stop.cancelled().await;
            break;
        }
    }
    timetable.tasks.close();
    if tokio::time::timeout(GRACE, timetable.tasks.wait()).await.is_err() {
        tracing::warn!("the windows under way were left as they are; the next start reads them again");
    }
}

struct Timetable {
    reach: Arc<Reach>,
    watch: Watch,
    signs: Signs,
    resting: Resting,
    tasks: TaskTracker,
    /// The groups of the work at hand.
    running: Vec<Begun>,
    /// Groups of earlier work whose last run is under way.
    leaving: Vec<Begun>,
}

/// A group that was begun.
struct Begun {
    group: Arc<Group>,
    /// Cancelled once its last run has come to its end.
    ended: CancellationToken,
}

impl Timetable {
    /// Begins the groups of `work`, and ends those that are not part of it any more.
    fn take_up(&mut self, work: &Work) {
        let mut wanted = by_interval(&work.rules);
        let (staying, leaving) = std::mem::take(&mut self.running).into_iter().partition(|begun| {
            let Begun { group, .. } = begun;
            let stays = Arc::ptr_eq(&group.runner, &work.runner)
                && wanted.get(&group.interval).is_some_and(|rules| are_same(rules, &group.rules));
            stays && wanted.remove(&group.interval).is_some()
        });
        self.running = staying;
        self.leaving.extend::<Vec<Begun>>(leaving);
        self.leaving.retain(|begun| !begun.ended.is_cancelled());
        // Before the old ones are ended, so that there is a timetable at any time.
        for (interval, rules) in wanted {
            let begun = self.begin(work, interval, rules);
            self.running.push(begun);
        }
        for begun in &self.leaving {
            begun.group.end.cancel();
        }
    }

    fn begin(&self, work: &Work, interval: Duration, rules: Vec<Arc<Rule>>) -> Begun {
        let ids: HashSet<&str> = rules.iter().map(|rule| rule.rule_id.as_str()).collect();
        let shares =
            |begun: &&Begun| begun.group.rules.iter().any(|rule| ids.contains(rule.rule_id.as_str()));
        let before = self.leaving.iter().filter(shares).map(|begun| begun.ended.clone()).collect();
        let group = Arc::new(Group {
            runner: work.runner.clone(),
            reach: self.reach.clone(),
            interval,
            rules,
            cycle: Cycle::new(work.runner.clone()),
            watch: Watch { patience: Some(interval / 2), ..self.watch.clone() },
            signs: self.signs.clone(),
            resting: self.resting.clone(),
            under_way: UnderWay::default(),
            end: self.watch.stop.child_token(),
        });
        let ended = CancellationToken::new();
        let (keeping, over) =
            (group.clone().keep_time(self.signs.pulse.timetable(), before), ended.clone().drop_guard());
        self.tasks.spawn(async move {
            let _over = over;
            keeping.await;
        });
        Begun { group, ended }
    }
}

fn by_interval(rules: &[Arc<Rule>]) -> BTreeMap<Duration, Vec<Arc<Rule>>> {
    let mut groups: BTreeMap<Duration, Vec<Arc<Rule>>> = BTreeMap::new();
    for rule in rules {
        groups.entry(rule.schedule.interval).or_default().push(rule.clone());
    }
    groups
}

/// Whether the rules are the very same, in whatever order.
fn are_same(some: &[Arc<Rule>], others: &[Arc<Rule>]) -> bool {
    let places = |rules: &[Arc<Rule>]| rules.iter().map(Arc::as_ptr).collect::<HashSet<_>>();
    places(some) == places(others)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::alert::{Places, Run};
    use crate::checkpoint::Store;
    use crate::detect::{Begun as Taken, Runner, Settings, Sink, Source};
    use crate::local::{AlertFile, EventFiles, StateFile};
    use crate::rule::{Schedule, embedded};

    const HOUR: Duration = Duration::from_hours(1);

    fn rule(id: &str, interval: Duration) -> Arc<Rule> {
        let mut rule = embedded().expect("the built-in rules").rules.remove(0);
        id.clone_into(&mut rule.rule_id);
        rule.schedule = Schedule { look_back: interval, interval };
        Arc::new(rule)
    }

    /// Work over no events at all.
    fn work(folder: &tempfile::TempDir, rules: Vec<Arc<Rule>>) -> Work {
        let alerts = folder.path().join("alerts.ndjson");
        let runner = Arc::new(Runner {
            source: Source::Files(EventFiles::new([folder.path().to_owned()])),
            sink: Sink::file(AlertFile::open(&alerts).expect("a file")),
            copies: Vec::new(),
            store: Store::file(StateFile::beside(&alerts)),
            settings: Settings::default(),
            run: Run { id: "r".to_owned(), kind: "run", places: Places::default() },
            clock: || DateTime::UNIX_EPOCH,
            begun: Arc::new(Taken::at(DateTime::UNIX_EPOCH)),
        });
        Work { rules, runner, triager: None, cases: None }
    }

    fn timetable() -> Timetable {
        let pulse = Arc::new(Pulse::new(HOUR));
        let signs = Signs { metrics: Metrics::default(), pulse };
        Timetable {
            reach: Arc::new(Reach::new(Metrics::default())),
            watch: Watch::default(),
            signs,
            resting: Resting::default(),
            tasks: TaskTracker::new(),
            running: Vec::new(),
            leaving: Vec::new(),
        }
    }

    fn groups(timetable: &Timetable) -> Vec<Arc<Group>> {
        timetable.running.iter().map(|begun| begun.group.clone()).collect()
    }

    #[tokio::test]
    async fn a_group_that_stays_goes_on_and_one_that_changes_is_replaced() {
        let (folder, mut timetable) = (tempfile::tempdir().expect("a folder"), timetable());
        let (stays, changes) = (rule("stays", HOUR), rule("changes", 2 * HOUR));
        let first = work(&folder, vec![stays.clone(), changes.clone()]);
        timetable.take_up(&first);
        let before = groups(&timetable);
        assert_eq!(before.len(), 2);
        let newer = rule("changes", 2 * HOUR);
        timetable.take_up(&Work { rules: vec![newer, stays.clone()], ..first.clone() });
        let after = groups(&timetable);
        assert!(Arc::ptr_eq(&after[0], &before[0]) && !before[0].end.is_cancelled());
        assert!(!Arc::ptr_eq(&after[1], &before[1]) && before[1].end.is_cancelled());
        assert_eq!(timetable.signs.pulse.beat(), Ok(()));
        timetable.leaving[0].ended.cancelled().await;
        // Another pace, and nothing at the old one.
        let moved = rule("changes", HOUR);
        timetable.take_up(&Work { rules: vec![moved, stays.clone()], ..first.clone() });
        let last = groups(&timetable);
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].rules.len(), 2);
        for begun in &timetable.leaving {
            begun.ended.cancelled().await;
        }
        assert_eq!(timetable.signs.pulse.beat(), Ok(()));
        // Another way to the cluster is another runner for all.
        let second = work(&tempfile::tempdir().expect("a folder"), last[0].rules.clone());
        timetable.take_up(&second);
        assert!(last[0].end.is_cancelled() && !groups(&timetable)[0].end.is_cancelled());
        timetable.watch.stop.cancel();
        timetable.tasks.close();
        timetable.tasks.wait().await;
    }
}

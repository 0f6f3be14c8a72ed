//! `stakeout run`: the daemon, one pass, or one shot over the past.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::task::JoinHandle;

use super::Ending;
use super::args::{Format, RunArgs};
use super::card::card;
use super::connect;
use super::listen::{Listener, Reporting};
use super::look::Look;
use super::output;
use super::progress::show_progress;
use super::rules;
use crate::alert::{AlertDocument, Run};
use crate::checkpoint::Store;
use crate::detect::{Audience, BackfillRange, Met, RuleReport, Runner, Settings, Sink, Source, Watch};
use crate::local::{AlertFile, EventFiles, StateFile};
use crate::report::{About, Alert, RuleRun, Standing, Summary};
use crate::rule::Rule;
use crate::schedule;

/// Runs the rules as the arguments say.
pub fn run(args: &RunArgs, color: bool, look: Look) -> Ending {
    match prepared(args, color, look) {
        Ok(job) => job.start(),
        Err(error) => Ending::Wrong(error),
    }
}

/// Everything of the command line, checked before anything runs.
struct Job {
    rules: Vec<Arc<Rule>>,
    runner: Arc<Runner>,
    mode: Mode,
    format: Format,
    dry_run: bool,
    look: Look,
    with_guide: bool,
    reporting: Option<Reporting>,
}

enum Mode {
    Daemon,
    Once,
    Backfill(BackfillRange),
}

fn prepared(args: &RunArgs, color: bool, look: Look) -> anyhow::Result<Job> {
    let rules = rules::load(&args.rules.rules, color)?;
    let format = Format::or_fitting(args.format);
    let mode = match (&args.backfill, args.once) {
        (Some(range), _) => Mode::Backfill(range.at(schedule::utc_now()).map_err(|error| anyhow!(error))?),
        (None, true) => Mode::Once,
        (None, false) => Mode::Daemon,
    };
    let kind = match mode {
        Mode::Daemon => "run",
        Mode::Once => "once",
        Mode::Backfill(_) => "backfill",
    };
    if matches!(mode, Mode::Daemon) && args.shown.report.is_some() {
        return Err(anyhow!("`--report` needs a run that ends: expected `--once` or `--backfill` with it"));
    }
    let (source, sink, store) = places(args)?;
    let started = schedule::utc_now();
    let reporting = Reporting::begin(args.shown.report.as_deref(), || about(args, &mode, &source, started))?;
    let (sink, store) = if args.dry_run { dry(sink, store, format, look) } else { (sink, store) };
    let run = Run { id: uuid::Uuid::new_v4().to_string(), kind };
    let settings = Settings::default();
    let runner = Arc::new(Runner { source, sink, store, settings, run, clock: schedule::utc_now, started });
    let (dry_run, with_guide) = (args.dry_run, args.shown.guide);
    Ok(Job { rules, runner, mode, format, dry_run, look, with_guide, reporting })
}

/// Where events come from, alerts go to and checkpoints are kept.
fn places(args: &RunArgs) -> anyhow::Result<(Source, Sink, Store)> {
    if args.events.is_empty() {
        let cluster = connect::cluster(&args.connection)?;
        let index = args.alerts_index.clone();
        let store = Store::Cluster { cluster: cluster.clone(), index: index.state_index() };
        return Ok((Source::Cluster(cluster.clone()), Sink::Cluster { cluster, index }, store));
    }
    let alerts = AlertFile::open(&args.alerts)?;
    say_found(&alerts);
    let state = StateFile::beside(&args.alerts);
    let own = AlertFile::own_files(&args.alerts).into_iter().chain(state.own_files());
    let events = EventFiles::new(args.events.clone()).without(own);
    Ok((Source::Files(events), Sink::file(alerts), Store::file(state)))
}

fn say_found(alerts: &AlertFile) {
    let found = alerts.found();
    if found.cut_off_bytes > 0 {
        let path = alerts.path().display();
        output::say(&format!(
            "warning: `{path}` ended in half an alert ({} bytes), moved aside",
            found.cut_off_bytes
        ));
    }
    if let Some(line) = found.first_unknown_line {
        let path = alerts.path().display();
        output::say(&format!(
            "warning: `{path}` holds {} lines that are no alerts, first line {line}",
            found.unknown_lines
        ));
    }
}

/// A dry run begins where a real one would, and shows what that would write.
fn dry(sink: Sink, store: Store, format: Format, look: Look) -> (Sink, Store) {
    let show = move |alert: &AlertDocument| match format {
        Format::Json => output::json(&alert.body),
        Format::Human => output::result(&(card(&Alert::read(&alert.body), None, look) + "\n")),
    };
    (sink.only_shown(Box::new(show)), Store::Discard(Box::new(store)))
}

impl Job {
    fn start(self) -> Ending {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return Ending::Wrong(anyhow!(error).context("the runtime could not be started")),
        };
        let ending = runtime.block_on(self.go());
        runtime.shutdown_timeout(Duration::from_secs(1));
        ending
    }

    async fn go(mut self) -> Ending {
        let stop = match schedule::stop_on_signals().context("signals cannot be caught") {
            Ok(stop) => stop,
            Err(error) => return Ending::Wrong(error),
        };
        let watch = Watch { stop, ..Watch::default() };
        match &self.mode {
            Mode::Daemon => self.watch_over(watch).await,
            Mode::Once | Mode::Backfill(_) => {
                let listener = Arc::new(Listener::new(self.reporting.take()));
                self.one_shot(watch, listener).await
            }
        }
    }

    async fn watch_over(&self, watch: Watch) -> Ending {
        tracing::info!(rules = self.rules.len(), version = env!("CARGO_PKG_VERSION"), "watching");
        match schedule::run(self.runner.clone(), self.rules.clone(), watch).await {
            Ok(()) => Ending::Done,
            Err(error) => {
                output::say(&format!("error: {error}"));
                Ending::Failed
            }
        }
    }

    async fn one_shot(&self, mut watch: Watch, listener: Arc<Listener>) -> Ending {
        watch.audience = self.audience(listener.clone());
        let task = tokio::spawn(all_rules(
            self.runner.clone(),
            self.rules.clone(),
            self.range().cloned(),
            watch.clone(),
        ));
        let bar = self.range().and_then(|range| show_progress(range, &watch));
        let reports = within_grace(task, &watch).await;
        drop(bar);
        let Some(reports) = reports else {
            output::say("error: stopped; what was under way is read again by the next run");
            return Ending::Failed;
        };
        let reads_on = self.show_alerts(&listener);
        let is_written = listener.finish(|| self.summed_up(&reports));
        let ending = if reads_on { self.tell(&reports) } else { Ending::Done };
        if is_written { ending } else { Ending::Failed }
    }

    /// A report of the past holds every match of it; one of a pass only what it added.
    fn audience(&self, listener: Arc<Listener>) -> Audience {
        let created = if self.dry_run { Standing::Planned } else { Standing::Created };
        Audience::new(self.range().is_some() && listener.reports(), move |alert, met| {
            let standing = if met == Met::Created { created } else { Standing::Existing };
            listener.hear(&alert.body, standing);
        })
    }

    /// For people: a card for each of the first alerts, and the guides; false where nobody reads any more.
    fn show_alerts(&self, listener: &Listener) -> bool {
        if self.format == Format::Json {
            return true;
        }
        let rules = self.rules.iter().map(AsRef::as_ref);
        (self.dry_run || listener.show(self.look))
            && (!self.with_guide || listener.show_guides(rules, self.look))
    }

    fn summed_up(&self, reports: &[RuleReport]) -> Summary {
        let mut problems: Vec<String> = reports.iter().flat_map(problems).collect();
        if reports.len() < self.rules.len() {
            problems.push(format!("{} rules were not run", self.rules.len() - reports.len()));
        }
        if let Some(range) = self.range() {
            let late = reports.iter().filter(|report| report.from.is_some_and(|from| from > range.from));
            problems.extend(late.map(|report| {
                format!(
                    "{}taken up where it was interrupted; what was read before is not in here",
                    rule(report)
                )
            }));
        }
        Summary { runs: reports.iter().map(rule_run).collect(), problems }
    }

    fn range(&self) -> Option<&BackfillRange> {
        match &self.mode {
            Mode::Backfill(range) => Some(range),
            Mode::Daemon | Mode::Once => None,
        }
    }

    /// One line a rule, and what went wrong on stderr: what is the same for all rules is said once.
    fn tell(&self, reports: &[RuleReport]) -> Ending {
        let mut said: Vec<&str> = Vec::new();
        for report in reports {
            if let Some(error) = report.error.as_deref().filter(|error| !said.contains(error)) {
                said.push(error);
                let whose =
                    if report.windows == 0 && report.unreachable { String::new() } else { rule(report) };
                output::say(&format!("error: {whose}{error}"));
            }
            for pattern in &report.indices_missing {
                output::say(&format!("warning: {}no index matches `{pattern}`", rule(report)));
            }
            let read_on = match (self.dry_run, self.format) {
                (true, _) => {
                    output::say(&summary(report));
                    true
                }
                (false, Format::Human) => output::result(&summary(report)),
                (false, Format::Json) => output::json(report),
            };
            if !read_on {
                break;
            }
        }
        if reports.iter().all(RuleReport::succeeded) { Ending::Done } else { Ending::Failed }
    }
}

fn problems(report: &RuleReport) -> Vec<String> {
    let mut problems: Vec<String> =
        report.error.iter().map(|error| format!("{}{error}", rule(report))).collect();
    for pattern in &report.indices_missing {
        problems.push(format!("{}no index matches `{pattern}`", rule(report)));
    }
    if report.interrupted {
        problems.push(format!("{}stopped before the end", rule(report)));
    }
    if report.owed > 0 && report.error.is_none() {
        problems.push(format!("{}{} stretches of time owed", rule(report), report.owed));
    }
    problems
}

fn rule_run(report: &RuleReport) -> RuleRun {
    let period = match (report.from, report.to) {
        (Some(from), Some(to)) => {
            format!("{} to {}", from.format("%Y-%m-%d %H:%M:%S"), to.format("%Y-%m-%d %H:%M:%S"))
        }
        _ => "nothing read".to_owned(),
    };
    let counts = vec![
        ("Matches", report.matches),
        ("New alerts", report.alerts_created),
        ("Alerted before", report.alerts_existing),
        ("Refused", report.alerts_rejected),
    ];
    RuleRun { name: report.name.clone(), period, counts }
}

/// What the report says of itself.
fn about(args: &RunArgs, mode: &Mode, source: &Source, made_at: chrono::DateTime<chrono::Utc>) -> About {
    let (title, holds) = match mode {
        Mode::Backfill(range) => (
            format!("Backfill of {}", range.text),
            "It holds every match of that time: new alerts, and those that had been alerted on before, as their \
             events give them now.",
        ),
        Mode::Once | Mode::Daemon => (
            "One pass from the last checkpoint".to_owned(),
            "It holds the alerts that this pass added; matches that had an alert before are counted, not shown.",
        ),
    };
    let title = if args.dry_run { format!("{title} (dry run: nothing was written)") } else { title };
    let source = match source {
        Source::Cluster(_) => "events of Elasticsearch".to_owned(),
        Source::Files(_) => {
            let paths: Vec<String> = args.events.iter().map(|path| path.display().to_string()).collect();
            format!("events of {}", paths.join(", "))
        }
    };
    About { title, made_at, source, holds: holds.to_owned() }
}

fn rule(report: &RuleReport) -> String {
    format!("rule `{}`: ", report.name)
}

/// Every rule, one after the other; once the cluster is out of reach the others are not tried.
async fn all_rules(
    runner: Arc<Runner>,
    rules: Vec<Arc<Rule>>,
    range: Option<BackfillRange>,
    watch: Watch,
) -> Vec<RuleReport> {
    let ready = tokio::select! {
        ready = runner.ready() => ready,
        () = watch.stop.cancelled() => return rules.iter().map(|rule| RuleReport::interrupted(rule)).collect(),
    };
    let mut hindrance = match ready {
        Ok(note) => {
            note.inspect(|note| output::say(&format!("warning: {note}")));
            None
        }
        Err(error) => Some(error.to_string()),
    };
    let mut reports = Vec::new();
    for rule in rules {
        let report = match (&hindrance, &range) {
            (Some(reason), _) => RuleReport::not_tried(&rule, reason),
            (None, Some(range)) => runner.backfill_rule(&rule, range, &watch).await,
            (None, None) => runner.run_rule(&rule, &watch).await,
        };
        if report.unreachable {
            hindrance.clone_from(&report.error);
        }
        let stopped = report.interrupted;
        reports.push(report);
        if stopped {
            break;
        }
    }
    reports
}

/// The task's result, unless it was told to stop and does not come to an end in time.
async fn within_grace<T>(task: JoinHandle<T>, watch: &Watch) -> Option<T> {
    let stopped = async {
        watch.stop.cancelled().await;
        tokio::time::sleep(schedule::GRACE).await;
    };
    tokio::select! {
        ended = task => ended.ok(),
        () = stopped => None,
    }
}

fn summary(report: &RuleReport) -> String {
    let RuleReport {
        name,
        matches,
        alerts_created,
        alerts_existing,
        alerts_rejected,
        late,
        owed,
        took_ms,
        ..
    } = report;
    let mut words = vec![
        format!("{name}: {matches} matches"),
        format!("{alerts_created} alerts created"),
        format!("{alerts_existing} already there"),
    ];
    for (count, what) in
        [(alerts_rejected, "refused"), (late, "found late"), (owed, "stretches of time owed")]
    {
        words.extend((*count > 0).then(|| format!("{count} {what}")));
    }
    if let (Some(from), Some(to)) = (report.from, report.to) {
        words.push(format!("{} to {} in {took_ms} ms", from.to_rfc3339(), to.to_rfc3339()));
    }
    words.extend(report.interrupted.then(|| "stopped before the end".to_owned()));
    words.join(", ")
}

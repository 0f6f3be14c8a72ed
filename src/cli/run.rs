//! `stakeout run`: the daemon, one pass, or one shot over the past.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::sync::watch::channel;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::args::{Format, RunArgs};
use super::card::card;
use super::cases;
use super::copies;
use super::line::{line, nothing_in};
use super::listen::{Listener, Reporting};
use super::look::{Look, hung};
use super::output;
use super::places;
use super::progress::show_progress;
use super::reload::{Before, Reloader};
use super::rules;
use super::triage::Declared;
use super::watched::Watched;
use super::{summary, task, timing, triage};
use crate::alert::{AlertDocument, Run};
use crate::detect::{
    Audience, BackfillRange, Begun, Cycle, Gone, Met, Open, RuleReport, Runner, Seen, Settings, Sink, Watch,
};
use crate::diagnostic::sanitize;
use crate::local::EventFiles;
use crate::report::{Alert, Standing};
use crate::rule::Rule;
use crate::schedule::{self, Work};

/// Runs the rules as the arguments say.
pub fn run(args: &RunArgs, run_id: String, color: bool, look: Look) -> Ending {
    match prepared(args, run_id, color, look) {
        Ok(job) => task::run(|stop| job.go(args, stop)),
        Err(error) => Ending::Wrong(error),
    }
}

/// Everything of the command line, checked before anything runs.
struct Job {
    work: Work,
    mode: Mode,
    format: Format,
    dry_run: bool,
    look: Look,
    with_guide: bool,
    reporting: Option<Reporting>,
    watched: Watched,
    declared: Declared,
    /// What the files held that are looked at again; none for a run that ends.
    before: Option<Before>,
    color: bool,
}

enum Mode {
    Daemon,
    Once,
    Backfill(BackfillRange),
}

impl Mode {
    fn of(args: &RunArgs) -> anyhow::Result<Self> {
        Ok(match (&args.backfill, args.once) {
            (Some(range), _) => {
                Self::Backfill(range.at(schedule::utc_now()).map_err(|error| anyhow!(error))?)
            }
            (None, true) => Self::Once,
            (None, false) => Self::Daemon,
        })
    }
}

fn prepared(args: &RunArgs, run_id: String, color: bool, look: Look) -> anyhow::Result<Job> {
    let mode = Mode::of(args)?;
    let before = matches!(mode, Mode::Daemon).then(|| Before::look(args));
    let rules = timing::applied(&args.timing.schedule, rules::load(&args.rules.rules, color)?)?;
    let format = Format::or_fitting(args.format);
    let kind = match mode {
        Mode::Daemon => "run",
        Mode::Once => "once",
        Mode::Backfill(_) => "backfill",
    };
    if matches!(mode, Mode::Daemon) && args.shown.report.is_some() {
        return Err(anyhow!("`--report` needs a run that ends: expected `--once` or `--backfill` with it"));
    }
    let declared = Declared::load(&args.expected, color)?;
    copies::check_places(args)?;
    let started = schedule::utc_now();
    places::check_report(args.shown.report.as_deref(), &places::event_files(&args.places))?;
    let reporting = Reporting::begin(args.shown.report.as_deref(), || {
        summary::about_run(args, range_of(&mode), started)
    })?;
    let watched = Watched::of(args, &rules, started)?;
    let (source, sink, store) = places::of_run(args, watched.observer())?;
    let copies = copies::copies(args, &rules, &sink)?;
    let cases = cases::opener(args, &rules, &sink, &run_id)?;
    let triager = triage::triager(args, &sink, &rules, declared.all());
    let sink = if args.dry_run { dry(sink, format, look) } else { sink };
    let run = Run { id: run_id, kind, places: places::looked_at(&args.places)? };
    let settings = Settings::default();
    let (clock, begun) = (schedule::utc_now, Arc::new(Begun::at(started)));
    let runner = Arc::new(Runner { source, sink, copies, store, settings, run, clock, begun });
    let work = Work { rules, runner, triager, cases };
    let (dry_run, with_guide) = (args.dry_run, args.shown.guide);
    Ok(Job { work, mode, format, dry_run, look, with_guide, reporting, watched, declared, before, color })
}

/// A dry run begins where a real one would, and shows what that would write.
fn dry(sink: Sink, format: Format, look: Look) -> Sink {
    let show = move |alert: &AlertDocument| match format {
        Format::Json => output::json(&alert.body),
        Format::Human => output::result(&(card(&Alert::read(&alert.body), None, look) + "\n")),
    };
    sink.only_shown(Arc::new(show))
}

impl Job {
    async fn go(mut self, args: &RunArgs, stop: CancellationToken) -> Ending {
        let watch = self.watched.watch(stop);
        let there = tokio::select! {
            biased;
            () = watch.stop.cancelled() => Ok(()),
            there = copies::check_there(&self.work.runner.copies) => there,
        };
        if let Err(error) = there {
            return Ending::Wrong(error);
        }
        if let Some(before) = self.before.take() {
            return self.watch_over(args, before, watch).await;
        }
        let listener = Arc::new(Listener::new(self.reporting.take()));
        self.one_shot(watch, listener).await
    }

    async fn watch_over(mut self, args: &RunArgs, before: Before, watch: Watch) -> Ending {
        let hangups = match schedule::hangups().context("signals cannot be caught") {
            Ok(hangups) => hangups,
            Err(error) => return Ending::Wrong(error),
        };
        tracing::info!(rules = self.work.rules.len(), version = env!("CARGO_PKG_VERSION"), "watching");
        let (sender, work) = channel(self.work);
        let signs = self.watched.tell(&work, &watch.stop);
        let beside = [
            tokio::spawn(schedule::triage(work.clone(), signs.metrics.clone(), watch.stop.clone())),
            tokio::spawn(schedule::open_cases(work.clone(), signs.metrics.clone(), watch.stop.clone())),
        ];
        let reloader = Reloader::new(before, args, self.declared, sender, &self.watched, self.color);
        tokio::spawn(schedule::reload(reloader, hangups, watch.stop.clone()));
        schedule::run(work, watch.clone(), signs).await;
        for task in beside {
            task::within_grace(task, &watch).await;
        }
        Ending::Done
    }

    async fn one_shot(&self, mut watch: Watch, listener: Arc<Listener>) -> Ending {
        watch.audience = self.audience(listener.clone());
        let task = tokio::spawn(all_rules(
            self.work.runner.clone(),
            self.work.rules.clone(),
            self.range().cloned(),
            watch.clone(),
        ));
        let bar = self.range().and_then(|range| show_progress(range, &watch, "alerts"));
        let reports = task::within_grace(task, &watch).await;
        drop(bar);
        let Some(reports) = reports else {
            output::say("error: stopped; what was under way is read again by the next run");
            return Ending::Failed;
        };
        if reports.iter().all(|report| !report.unreachable) {
            self.after_the_alerts(&watch, &listener).await;
        }
        let reads_on = self.show_alerts(&listener);
        let is_written =
            listener.finish(|| summary::of_run(&reports, self.work.rules.len(), self.range(), self.dry_run));
        let ending = if reads_on { self.tell(&reports) } else { Ending::Done };
        if is_written { ending } else { Ending::Failed }
    }

    /// What follows once the alerts are written: their triage, and then their cases.
    async fn after_the_alerts(&self, watch: &Watch, listener: &Arc<Listener>) {
        if let Some(triager) = &self.work.triager {
            let (runner, triager, stop) = (self.work.runner.clone(), triager.clone(), watch.stop.clone());
            let task = tokio::spawn(triage::once(runner, triager, stop, listener.clone()));
            task::within_grace(task, watch).await;
        }
        if let Some(opener) = &self.work.cases {
            let task =
                tokio::spawn(cases::once(self.work.runner.clone(), opener.clone(), watch.stop.clone()));
            task::within_grace(task, watch).await;
        }
    }

    /// A report of the past holds every match of it; one of a pass only what it added.
    fn audience(&self, listener: Arc<Listener>) -> Audience {
        let created = if self.dry_run { Standing::Planned } else { Standing::Created };
        Audience::new(self.range().is_some() && listener.reports(), move |alert, met| {
            let standing = match met {
                Met::Created => created,
                Met::Existing => Standing::Existing,
                Met::Absent => Standing::Missing,
            };
            listener.hear(&alert.body, standing);
        })
    }

    /// For people: a card for each of the first alerts, and the guides; false where nobody reads any more.
    fn show_alerts(&self, listener: &Listener) -> bool {
        if self.format == Format::Json {
            return true;
        }
        let rules = self.work.rules.iter().map(AsRef::as_ref);
        (self.dry_run || listener.show(self.look))
            && (!self.with_guide || listener.show_guides(rules, self.look))
    }

    fn range(&self) -> Option<&BackfillRange> {
        range_of(&self.mode)
    }

    /// One line a rule, and what went wrong on stderr: what is the same for all rules is said once.
    fn tell(&self, reports: &[RuleReport]) -> Ending {
        let mut said: Vec<&str> = Vec::new();
        let paths = self.work.runner.source.files().map_or(&[][..], EventFiles::paths);
        let is_read = reports.iter().all(|report| report.error.is_none());
        if let Some(words) = nothing_in(paths, reports.iter().map(|report| report.seen)).filter(|_| is_read) {
            output::say(&format!("warning: {words}"));
        }
        for report in reports {
            if let Some(error) = report.error.as_deref().filter(|error| !said.contains(error)) {
                said.push(error);
                let whose =
                    if report.windows == 0 && report.unreachable { String::new() } else { rule(report) };
                output::say(&format!("error: {whose}{error}"));
            }
            if let Some(lack) = report.seen.and_then(Seen::lack) {
                output::say(&format!("error: {}{lack}", rule(report)));
            }
            for pattern in &report.indices_missing {
                output::say(&format!("warning: {}no index matches `{pattern}`", rule(report)));
            }
            let words = line(report, self.dry_run);
            let laid_out = || hung(&words, 2, self.look.width);
            let read_on = match (self.dry_run, self.format) {
                (true, Format::Human) => say_it(&laid_out()),
                (true, Format::Json) => say_it(&words),
                (false, Format::Human) => output::result(&laid_out()),
                (false, Format::Json) => output::json(report),
            };
            if !read_on {
                break;
            }
        }
        if reports.iter().all(RuleReport::is_complete) { Ending::Done } else { Ending::Failed }
    }
}

fn range_of(mode: &Mode) -> Option<&BackfillRange> {
    match mode {
        Mode::Backfill(range) => Some(range),
        Mode::Daemon | Mode::Once => None,
    }
}

/// Says words on stderr, which nobody has to read.
fn say_it(words: &str) -> bool {
    output::say(words);
    true
}

fn rule(report: &RuleReport) -> String {
    format!("rule `{}`: ", sanitize(&report.name))
}

/// Every rule: those for which nothing happened since their checkpoints together, the others one after the other; once the
/// cluster is out of reach the others are not tried.
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
    let Gone { done, open } = match (&hindrance, &range) {
        (None, None) => Cycle::new(runner.clone()).go(&rules, &watch).await,
        _ => Gone::default(),
    };
    let mut done: HashMap<String, RuleReport> =
        done.into_iter().map(|(rule, report)| (rule.rule_id.clone(), report)).collect();
    let mut open: HashMap<String, Open> =
        open.into_iter().map(|open| (open.rule.rule_id.clone(), open)).collect();
    let mut reports = Vec::new();
    for rule in rules {
        let report = match (done.remove(&rule.rule_id), &hindrance, &range) {
            (Some(report), ..) => report,
            (None, Some(reason), _) => RuleReport::not_tried(&rule, reason),
            (None, None, Some(range)) => runner.backfill_rule(&rule, range, &watch).await,
            (None, None, None) => match open.remove(&rule.rule_id) {
                Some(open) => runner.run_open(open, &watch).await,
                None => runner.run_rule(&rule, &watch).await,
            },
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

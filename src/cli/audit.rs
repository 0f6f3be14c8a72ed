//! `stakeout audit`: names every alert that should be there and is not, and writes it where that is wished for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use chrono::SecondsFormat;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::args::{AuditArgs, Format};
use super::line::{moment, nothing_in};
use super::listen::{Listener, Reporting};
use super::look::Look;
use super::output;
use super::places;
use super::progress::{Bar, show_progress};
use super::rules;
use super::{summary, task, timing};
use crate::alert::Run;
use crate::detect::{
    Audience, Audit, AuditReport, BackfillRange, Begun, Met, Missing, Runner, Settings, Unread, Watch,
};
use crate::diagnostic::{counted, sanitize};
use crate::elastic::Observer;
use crate::local::EventFiles;
use crate::report::Standing;
use crate::rule::Rule;
use crate::schedule;

/// Compares what matches with the alerts that exist.
pub fn audit(args: &AuditArgs, run_id: String, color: bool, look: Look) -> Ending {
    match prepared(args, run_id, color, look) {
        Ok(job) => task::run(|stop| job.go(stop)),
        Err(error) => Ending::Wrong(error),
    }
}

/// Everything of the command line, checked before anything is asked.
struct Job {
    rules: Vec<Arc<Rule>>,
    runner: Runner,
    range: BackfillRange,
    repair: bool,
    format: Format,
    look: Look,
    with_guide: bool,
    listener: Arc<Listener>,
}

/// What was printed to whom.
#[derive(Default)]
struct Printed {
    /// Nobody reads the results any more.
    unread: AtomicBool,
    /// What was said on stderr: the same for several rules is said once.
    said: Vec<String>,
}

fn prepared(args: &AuditArgs, run_id: String, color: bool, look: Look) -> anyhow::Result<Job> {
    let rules = timing::applied(&args.timing.schedule, rules::load(&args.rules.rules, color)?)?;
    let started = schedule::utc_now();
    let range = args.range.at(started).map_err(|error| anyhow!(error))?;
    places::check_report(args.shown.report.as_deref(), &places::event_files(&args.places))?;
    let about = || summary::about_audit(args, &range, started);
    let listener = Arc::new(Listener::new(Reporting::begin(args.shown.report.as_deref(), about)?));
    let (source, sink, store) = if args.repair {
        places::to_write(&args.places, Observer::default())?
    } else {
        places::to_read(&args.places, Observer::default())?
    };
    let run = Run { id: run_id, kind: "audit", places: places::looked_at(&args.places)? };
    let settings = Settings::default();
    // A copy is made good by the next run that reads its time.
    let copies = Vec::new();
    let begun = Arc::new(Begun::at(started));
    let runner = Runner { source, sink, copies, store, settings, run, clock: schedule::utc_now, begun };
    let (repair, format, with_guide) = (args.repair, Format::or_fitting(args.format), args.shown.guide);
    Ok(Job { rules, runner, range, repair, format, look, with_guide, listener })
}

impl Job {
    async fn go(self, stop: CancellationToken) -> Ending {
        let watch = Watch { stop, ..Watch::default() };
        let seen = watch.clone();
        let task = tokio::spawn(async move { self.all_rules(&seen).await });
        task::within_grace(task, &watch).await.unwrap_or_else(|| {
            output::say("error: stopped before the end");
            Ending::Failed
        })
    }

    /// Every rule, one after the other; once the cluster is out of reach the others are not tried.
    async fn all_rules(&self, watch: &Watch) -> Ending {
        let mut printed = Printed::default();
        let mut hindrance = self.hindrance(watch).await;
        let mut reports = Vec::new();
        for rule in &self.rules {
            let report = self.one_rule(rule, hindrance.as_deref(), &printed, watch).await;
            if report.unreachable {
                hindrance = report.incomplete.last().map(|unread| unread.reason.clone());
            }
            if !printed.tell(&report, self) {
                return Ending::Done;
            }
            let stopped = report.interrupted;
            reports.push(report);
            if stopped {
                break;
            }
        }
        let is_compared = reports.iter().all(|report| report.incomplete.is_empty());
        let paths = self.runner.source.files().map_or(&[][..], EventFiles::paths);
        if let Some(words) =
            nothing_in(paths, reports.iter().map(|report| report.seen)).filter(|_| is_compared)
        {
            output::say(&format!("warning: {words}"));
        }
        if self.with_guide && self.format == Format::Human {
            self.listener.show_guides(self.rules.iter().map(AsRef::as_ref), self.look);
        }
        let is_written = self.listener.finish(|| summary::of_audit(&reports, self.rules.len()));
        if is_written && reports.iter().all(AuditReport::succeeded) { Ending::Done } else { Ending::Failed }
    }

    /// Whether more is to be done than to print.
    fn goes_on_unread(&self) -> bool {
        self.repair || self.listener.reports()
    }

    /// Hears of the alerts that are not there, and of those that are written now; nobody where nobody gets to see them.
    fn audience(&self) -> Audience {
        if !self.listener.reports() && !self.with_guide {
            return Audience::default();
        }
        let listener = self.listener.clone();
        Audience::new(true, move |alert, met| {
            let standing = match met {
                Met::Created => Standing::Created,
                Met::Existing => Standing::Existing,
                Met::Absent => Standing::Missing,
            };
            listener.hear(&alert.body, standing);
        })
    }

    /// Why nothing can be compared, if so. Only a repair may make the alerts index.
    async fn hindrance(&self, watch: &Watch) -> Option<String> {
        let ready = async {
            if self.repair {
                self.runner.ready().await.map_err(|error| error.to_string())
            } else {
                self.runner.source.ready().await.map_err(|error| error.to_string())
            }
        };
        let ready = tokio::select! {
            ready = ready => ready,
            () = watch.stop.cancelled() => Ok(None),
        };
        match ready {
            Ok(note) => {
                note.inspect(|note| output::say(&format!("warning: {note}")));
                None
            }
            Err(error) => Some(error),
        }
    }

    async fn one_rule(
        &self,
        rule: &Rule,
        hindrance: Option<&str>,
        printed: &Printed,
        watch: &Watch,
    ) -> AuditReport {
        // Each rule's progress is its own.
        let watch = Watch { stop: watch.stop.clone(), audience: self.audience(), ..Watch::default() };
        let bar = show_progress(&self.range, &watch, "alerts not there");
        let aside = bar.as_ref().map(Bar::aside);
        let tell = |missing: &Missing| {
            let print = || self.print(missing);
            if !aside.as_ref().map_or_else(print, |aside| aside(&print)) {
                printed.unread.store(true, Ordering::Relaxed);
                if !self.goes_on_unread() {
                    watch.stop.cancel();
                }
            }
        };
        let audit = Audit { range: &self.range, repair: self.repair, tell: &tell };
        match hindrance {
            Some(reason) => audit.not_tried(rule, reason),
            None => self.runner.audit_rule(rule, &audit, &watch).await,
        }
    }

    /// Prints a match without an alert; false where nobody reads any more.
    fn print(&self, missing: &Missing) -> bool {
        match self.format {
            Format::Json => output::json(missing),
            Format::Human => output::result(&line(missing)),
        }
    }
}

impl Printed {
    /// A rule's totals, and what could not be compared on stderr; false where nobody reads any more and nothing is to
    /// be written, be it alerts or a report.
    fn tell(&mut self, report: &AuditReport, job: &Job) -> bool {
        if self.unread.load(Ordering::Relaxed) && !job.goes_on_unread() {
            return false;
        }
        for unread in &report.incomplete {
            if !self.said.contains(&unread.reason) || !report.unreachable {
                self.said.push(unread.reason.clone());
                output::say(&format!("error: {}", not_compared(report, unread)));
            }
        }
        for pattern in &report.indices_missing {
            output::say(&format!("warning: rule `{}`: no index matches `{pattern}`", sanitize(&report.rule)));
        }
        if report.repaired.is_none() && report.absent() > 0 {
            output::say(&format!(
                "rule `{}`: `--repair` writes the alerts that are not there",
                sanitize(&report.rule)
            ));
        }
        let read_on = match job.format {
            Format::Human => output::result(&totals(report)),
            Format::Json => output::json(report),
        };
        read_on || job.goes_on_unread()
    }
}

fn not_compared(report: &AuditReport, unread: &Unread) -> String {
    let Unread { window, reason } = unread;
    let (from, to) = (time(window.from), time(window.to));
    format!("rule `{}`: {from} to {to} could not be compared whole: {reason}", sanitize(&report.rule))
}

/// A match without an alert, for people: event data never reaches the terminal raw.
fn line(missing: &Missing) -> String {
    let time = missing.time.map_or_else(|| "at an unknown time".to_owned(), time);
    let repaired = match (missing.repaired, &missing.error) {
        (None, _) => String::new(),
        (Some(true), _) => ", written now".to_owned(),
        (Some(false), None) => ", not written".to_owned(),
        (Some(false), Some(error)) => format!(", not written: {error}"),
    };
    let Missing { index, id, alert_id, reason, .. } = missing;
    let why = missing.why.words();
    sanitize(&format!("{why}: {time} {reason} event `{index}`/`{id}`, alert {alert_id}{repaired}"))
}

fn totals(report: &AuditReport) -> String {
    let mut words = vec![
        format!("{}: {}", sanitize(&report.rule), counted(report.matches, "match")),
        format!("{} with their alert", report.alerts_existing),
        format!("{} missing", report.missing),
    ];
    for (count, what) in [
        (report.owed, "owed"),
        (report.not_read_yet, "not read yet"),
        (report.before_first_window, "before the first window"),
    ] {
        words.extend((count > 0).then(|| format!("{count} {what}")));
    }
    words.extend(report.repaired.map(|repaired| format!("{repaired} written now")));
    if !report.incomplete.is_empty() {
        let unread = counted(report.incomplete.len() as u64, "stretch");
        words.push(format!("INCOMPLETE: {unread} of time not compared whole"));
    }
    words.extend(
        report
            .read_until
            .filter(|_| report.overdue)
            .map(|until| format!("the rule has read until {} and its next run is overdue", moment(until))),
    );
    words.push(format!("{} to {} in {} ms", moment(report.from), moment(report.to), report.took_ms));
    words.join(", ")
}

fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

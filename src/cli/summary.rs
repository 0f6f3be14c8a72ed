//! What a report says of the run or audit that made it: what it holds, what was read, and what may lack.

use chrono::{DateTime, Utc};

use super::args::{AuditArgs, PlaceArgs, RunArgs};
use crate::detect::{AuditReport, BackfillRange, RuleReport, Seen};
use crate::diagnostic::counted;
use crate::report::{About, FilesRead, RuleRun, Summary};

/// What the report of a run is of; without a range that is one pass.
pub fn about_run(args: &RunArgs, range: Option<&BackfillRange>, made_at: DateTime<Utc>) -> About {
    let (title, holds) = match range {
        Some(range) => (
            format!("Backfill of {}", stretch(range)),
            "It holds every match of that time: new alerts, and those that had been alerted on before.",
        ),
        None => (
            "One pass from the last checkpoint".to_owned(),
            "It holds the alerts that this pass added; matches that had an alert before are counted, not shown.",
        ),
    };
    let title = if args.dry_run { format!("{title} (dry run: nothing was written)") } else { title };
    About { title, made_at, source: source(&args.places), holds: holds.to_owned() }
}

/// What the report of an audit is of.
pub fn about_audit(args: &AuditArgs, range: &BackfillRange, made_at: DateTime<Utc>) -> About {
    let holds = if args.repair {
        "It holds every match that had no alert: those marked new have one now, those marked missing have none."
    } else {
        "It holds every match that has no alert, as that alert would be. Nothing was written."
    };
    let title = format!("Audit of {}", stretch(range));
    About { title, made_at, source: source(&args.places), holds: holds.to_owned() }
}

/// The real ends: what was asked for may have none, or count from a moment that nobody knows any more.
fn stretch(range: &BackfillRange) -> String {
    format!("{} to {} UTC", range.from.format("%Y-%m-%d %H:%M"), range.to.format("%Y-%m-%d %H:%M"))
}

fn source(places: &PlaceArgs) -> String {
    if places.events.is_empty() {
        return "events of Elasticsearch".to_owned();
    }
    let paths: Vec<String> = places.events.iter().map(|path| path.display().to_string()).collect();
    format!("events of {}", paths.join(", "))
}

/// What a run over `range` came to; `rules` is how many were to be run, and a dry one wrote nothing.
pub fn of_run(reports: &[RuleReport], rules: usize, range: Option<&BackfillRange>, dry_run: bool) -> Summary {
    let mut problems: Vec<String> = reports.iter().flat_map(problems_of_run).collect();
    problems.extend(not_run(reports.len(), rules));
    let late =
        |report: &&RuleReport| range.is_some_and(|range| report.from.is_some_and(|at| at > range.from));
    problems.extend(reports.iter().filter(late).map(|report| {
        let rule = rule(&report.name);
        format!("{rule}taken up where it was interrupted; what was read before is not in here")
    }));
    let read = read(reports.iter().map(|report| report.seen));
    Summary { runs: reports.iter().map(|report| rule_run(report, dry_run)).collect(), problems, read }
}

/// What an audit came to; `rules` is how many were to be compared.
pub fn of_audit(reports: &[AuditReport], rules: usize) -> Summary {
    let mut problems: Vec<String> = reports.iter().flat_map(problems_of_audit).collect();
    problems.extend(not_run(reports.len(), rules));
    let read = read(reports.iter().map(|report| report.seen));
    Summary { runs: reports.iter().map(rule_audit).collect(), problems, read }
}

/// Every rule reads all files, so the largest counts are those of all.
fn read(seen: impl Iterator<Item = Option<Seen>>) -> Option<FilesRead> {
    let seen: Vec<Seen> = seen.flatten().collect();
    let files = seen.iter().map(|seen| seen.files).max()?;
    let events = seen.iter().map(|seen| seen.events).max()?;
    Some(FilesRead { files, events })
}

fn not_run(done: usize, rules: usize) -> Option<String> {
    (done < rules).then(|| format!("{} not run", counted((rules - done) as u64, "rule")))
}

fn problems_of_run(report: &RuleReport) -> Vec<String> {
    let rule = rule(&report.name);
    let mut problems: Vec<String> = report.error.iter().map(|error| format!("{rule}{error}")).collect();
    problems.extend(report.seen.and_then(Seen::lack).map(|lack| format!("{rule}{lack}")));
    problems.extend(report.indices_missing.iter().map(|pattern| no_index(&rule, pattern)));
    if report.interrupted {
        problems.push(format!("{rule}stopped before the end"));
    }
    if report.owed > 0 && report.error.is_none() {
        problems.push(format!("{rule}{} of time owed", counted(report.owed, "stretch")));
    }
    problems
}

fn problems_of_audit(report: &AuditReport) -> Vec<String> {
    let rule = rule(&report.rule);
    let unread = report.incomplete.iter().map(|unread| {
        let period = period(unread.window.from, unread.window.to);
        format!("{rule}{period} could not be compared whole: {}", unread.reason)
    });
    unread.chain(report.indices_missing.iter().map(|pattern| no_index(&rule, pattern))).collect()
}

fn no_index(rule: &str, pattern: &str) -> String {
    format!("{rule}no index matches `{pattern}`")
}

fn rule_run(report: &RuleReport, dry_run: bool) -> RuleRun {
    let read = report.from.zip(report.to);
    let counts = vec![
        ("Matches", report.matches),
        (if dry_run { "Would be created" } else { "New alerts" }, report.alerts_created),
        ("Alerted before", report.alerts_existing - report.repeated),
        ("Of the same finding", report.repeated),
        ("Refused", report.alerts_rejected),
    ];
    let period = read.map_or_else(|| "nothing read".to_owned(), |(from, to)| period(from, to));
    RuleRun { name: report.name.clone(), period, counts }
}

fn rule_audit(report: &AuditReport) -> RuleRun {
    let mut counts = vec![
        ("Matches", report.matches),
        ("With their alert", report.alerts_existing),
        ("Missing", report.missing),
        ("Owed", report.owed),
        ("Not read yet", report.not_read_yet),
        ("Before the first window", report.before_first_window),
    ];
    counts.extend(report.repaired.map(|repaired| ("Written now", repaired)));
    RuleRun { name: report.rule.clone(), period: period(report.from, report.to), counts }
}

fn period(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    format!("{} to {}", from.format("%Y-%m-%d %H:%M:%S"), to.format("%Y-%m-%d %H:%M:%S"))
}

fn rule(name: &str) -> String {
    format!("rule `{name}`: ")
}

//! What the run of a rule came to, in a line for people.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::detect::{RuleReport, Seen};
use crate::diagnostic::{counted, plural, sanitize};

/// The line of a run's report; in a dry run nothing was written.
pub fn line(report: &RuleReport, dry_run: bool) -> String {
    let created = counted(report.alerts_created, "alert");
    let mut words = vec![
        format!("{}: {}", sanitize(&report.name), counted(report.matches, "match")),
        if dry_run { format!("{created} would be created") } else { format!("{created} created") },
        format!("{} already there", report.alerts_existing - report.repeated),
    ];
    let (again, finding) = (counted(report.repeated, "more match"), plural(report.repeated, "finding"));
    words.extend((report.repeated > 0).then(|| format!("{again} of the same {finding}")));
    for (count, what) in [(report.alerts_rejected, "refused"), (report.late, "found late")] {
        words.extend((count > 0).then(|| format!("{count} {what}")));
    }
    words.extend((report.owed > 0).then(|| format!("{} of time owed", counted(report.owed, "stretch"))));
    words.extend(report.seen.and_then(Seen::lack));
    if let (Some(from), Some(to)) = (report.from, report.to) {
        words.push(format!("{} to {} in {} ms", moment(from), moment(to), report.took_ms));
    }
    words.extend(report.interrupted.then(|| "stopped before the end".to_owned()));
    words.join(", ")
}

/// A time to the minute, with its zone.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}

/// What to say where the files were read and held no event: most likely another path was meant. None where other words say
/// what is the matter.
pub fn nothing_in(paths: &[PathBuf], seen: impl IntoIterator<Item = Option<Seen>>) -> Option<String> {
    let mut seen = seen.into_iter().flatten().peekable();
    seen.peek()?;
    let is_empty = seen.all(|seen| seen.events == 0 && seen.lack().is_none());
    is_empty.then(|| no_event_in(paths))
}

/// Says that files were read and held no event.
pub fn no_event_in(paths: &[PathBuf]) -> String {
    let shown = |path: &PathBuf| match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => format!("`{}`", path.display()),
    };
    let paths: Vec<String> = paths.iter().map(shown).collect();
    sanitize(&format!("no event was found in {}", paths.join(", ")))
}

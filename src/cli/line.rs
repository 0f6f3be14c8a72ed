//! What the run of a rule came to, in a line for people.

use chrono::{DateTime, Utc};

use crate::detect::RuleReport;
use crate::diagnostic::{counted, sanitize};

/// The line of a run's report; in a dry run nothing was written.
pub fn line(report: &RuleReport, dry_run: bool) -> String {
    let created = counted(report.alerts_created, "alert");
    let mut words = vec![
        format!("{}: {}", sanitize(&report.name), counted(report.matches, "match")),
        if dry_run { format!("{created} would be created") } else { format!("{created} created") },
        format!("{} already there", report.alerts_existing),
    ];
    for (count, what) in [(report.alerts_rejected, "refused"), (report.late, "found late")] {
        words.extend((count > 0).then(|| format!("{count} {what}")));
    }
    words.extend((report.owed > 0).then(|| format!("{} of time owed", counted(report.owed, "stretch"))));
    words.extend(report.seen.lack());
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

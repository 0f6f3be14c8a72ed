//! A triage in words: a section of Markdown that stands under the guide.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::answer::{Answer, Status};
use super::prepare::Prepared;
use super::speech::{markdown, time};
use super::verdict::{Verdict, Weighed};
use crate::rule::triage::TriageQuestion;

/// The heading, by which an earlier section is found.
pub(super) const HEADING: &str = "## Triage of this alert";

/// The section of a triage asked at `now`, which is asked again at `due` if anything is open.
pub(super) fn section(
    prepared: &Prepared<'_>,
    answers: &[Answer],
    verdict: &Verdict,
    now: DateTime<Utc>,
    due: Option<DateTime<Utc>>,
) -> String {
    let mut text = format!("{HEADING}\n\n**{}**\n", markdown(&verdict.text));
    let again = due.map_or("not asked again".to_owned(), |due| format!("asked again at {}", time(due)));
    let _ = write!(text, "\nAsked at {}; {again}.\n", time(now));
    for (label, wanted) in [("For an attack", true), ("Against", false)] {
        let side: Vec<&Weighed> = verdict.evidence.iter().filter(|one| (one.weight > 0) == wanted).collect();
        if !side.is_empty() {
            let _ = write!(text, "\n{label}:\n");
        }
        for one in side {
            let _ = writeln!(text, "- {:+} {} ({})", one.weight, markdown(&one.text), markdown(&one.group));
        }
    }
    let mut step = None;
    for (question, answer) in prepared.questions().zip(answers) {
        if step != Some(&question.guide_step) {
            let heading = question.guide_step.as_deref().unwrap_or("Besides");
            let _ = write!(text, "\n#### {}\n", markdown(heading));
            step = Some(&question.guide_step);
        }
        text.push_str(&line(question, answer));
    }
    text
}

fn line(question: &TriageQuestion, answer: &Answer) -> String {
    let mark = match answer.status {
        Status::Answered => "",
        Status::Partial => "(in part) ",
        Status::NotAsked | Status::NotInData | Status::Failed => "(no answer) ",
    };
    format!("- {} {mark}**{}**\n", markdown(&question.question), markdown(&answer.text))
}

//! The page's upper part: the great numbers, the timeline, the counts and the rules that ran.

use std::collections::HashMap;

use chrono::DateTime;
use maud::{Markup, html};

use super::card::{CLASSES, NAMES};
use super::page::{FilesRead, RuleRun, Summary};
use super::shown::{counted, number, short, value};
use super::tally::{GRADES, Ranking, Tally};
use super::timeline::{Stretch, Timeline};
use crate::diagnostic::plural;

/// Most values of a count that are shown.
const MOST: usize = 10;

/// Height of the timeline, in its own units.
const HEIGHT: u64 = 100;

/// Width of a stretch in the timeline, in its own units.
const WIDTH: usize = 10;

/// The whole part; `first_of` has the anchor of the first alert by the start of its stretch.
pub fn overview(tally: &Tally, summary: &Summary, first_of: &HashMap<i64, String>) -> Markup {
    html! {
        section #overview aria-labelledby="overview-title" {
            h2 #overview-title { "Overview" }
            (numbers(tally, summary.read))
            (timeline(&tally.timeline, first_of))
            @if tally.alerts > 0 {
                div.rankings { @for ranking in tally.rankings(MOST) { (ranking_table(&ranking, tally.alerts)) } }
            }
            (runs(&summary.runs))
        }
    }
}

fn numbers(tally: &Tally, read: Option<FilesRead>) -> Markup {
    let severities = CLASSES.iter().zip(NAMES).zip(tally.severities).filter(|(_, count)| *count > 0);
    let grades = GRADES.iter().zip(["bad", "open", "good"]).zip(tally.grades);
    let read = read.map(|FilesRead { files, events }| [(events, "Event"), (files, "File")]);
    html! {
        ul.numbers {
            li { b { (number(tally.alerts)) } span { (plural(tally.alerts, "Alert")) } }
            @for ((class, name), count) in severities {
                li class={ "mark " (class) } { b { (number(count)) } span { (name) } }
            }
            @for (((_, name), class), count) in grades.filter(|(_, count)| *count > 0) {
                li class={ "mark " (class) } { b { (number(count)) } span { (name.split(':').next().unwrap_or(name)) } }
            }
            @if tally.alerts > 0 {
                @for title in ["Principal", "Instance", "Source address"] {
                    @let count = tally.distinct(title);
                    li { b { (number(count)) } span { (plural(count, title)) } }
                }
            }
            @for (count, title) in read.into_iter().flatten() {
                li { b { (number(count)) } span { (plural(count, title)) " read" } }
            }
        }
    }
}

fn timeline(timeline: &Timeline, first_of: &HashMap<i64, String>) -> Markup {
    let stretches = timeline.stretches();
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
        return html! {};
    };
    let length = timeline.length();
    let most = stretches.iter().map(total).max().unwrap_or(1).max(1);
    let width = WIDTH * stretches.len();
    html! {
        figure.timeline {
            figcaption {
                b { "Alerts over time" } " "
                span.hint { "one bar is " (span(length)) ", the highest " (counted(most, "alert")) }
            }
            svg viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none"
                aria-hidden="true" focusable="false" {
                @for (at, stretch) in stretches.iter().enumerate() { (bar(at * WIDTH, stretch, most)) }
            }
            div.axis aria-hidden="true" {
                span { (moment(first.start)) }
                @if stretches.len() > 2 { span { (moment(first.start + (last.start + length - first.start) / 2)) } }
                span { (moment(last.start.saturating_add(length))) }
            }
            details {
                summary { "The same as a table" }
                table {
                    thead { tr { th scope="col" { "From (UTC)" } th scope="col" { "Alerts" } } }
                    tbody {
                        @for stretch in stretches.iter().filter(|stretch| total(stretch) > 0) {
                            tr {
                                th scope="row" {
                                    @if let Some(anchor) = first_of.get(&stretch.start) {
                                        a href={ "#" (anchor) } { (moment(stretch.start)) }
                                    } @else { (moment(stretch.start)) }
                                }
                                td { (number(total(stretch))) }
                            }
                        }
                        @if timeline.without_time > 0 {
                            tr { th scope="row" { "time unknown" } td { (number(timeline.without_time)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A bar with a part for each severity, the worst at the bottom; what is not nothing is seen.
fn bar(left: usize, stretch: &Stretch, most: u64) -> Markup {
    let mut bottom = HEIGHT;
    let parts: Vec<(&str, u64, u64)> = CLASSES
        .iter()
        .zip(stretch.counts)
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| {
            let height = (count * (HEIGHT - 4) / most).max(3).min(bottom);
            bottom -= height;
            (*class, bottom, height)
        })
        .collect();
    html! {
        @for (class, top, height) in parts {
            rect class=(class) x=(left + 1) y=(top) width=(WIDTH - 2) height=(height) {}
        }
    }
}

fn total(stretch: &Stretch) -> u64 {
    stretch.counts.iter().sum()
}

fn moment(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .map_or_else(|| "beyond the calendar".to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}

fn span(millis: i64) -> String {
    let minutes = u64::try_from(millis / 60_000).unwrap_or(0);
    match minutes {
        0..60 => counted(minutes, "minute"),
        60..1_440 => counted(minutes / 60, "hour"),
        _ => counted(minutes / 1_440, "day"),
    }
}

fn ranking_table(ranking: &Ranking, alerts: u64) -> Markup {
    let Ranking { title, top, others, alerts_of_others, without } = ranking;
    html! {
        @if !top.is_empty() {
            table.ranking {
                caption { (title) }
                thead.unseen {
                    tr { th scope="col" { (title) } th scope="col" { "Share" } th scope="col" { "Alerts" } }
                }
                tbody {
                    @for (text, count) in top {
                        tr {
                            th scope="row" { (short(text)) }
                            td.share aria-hidden="true" { (share(*count, alerts)) }
                            td { (number(*count)) }
                        }
                    }
                    @if *others > 0 {
                        (rest(&counted(*others, "other"), *alerts_of_others))
                    }
                    @if *without > 0 {
                        (rest("not in the event", *without))
                    }
                }
            }
        }
    }
}

fn rest(words: &str, count: u64) -> Markup {
    html! { tr.rest { th scope="row" { (words) } td aria-hidden="true" {} td { (number(count)) } } }
}

fn share(count: u64, of: u64) -> Markup {
    html! {
        svg viewBox="0 0 100 8" preserveAspectRatio="none" focusable="false" {
            rect.track width="100" height="8" {}
            rect.part width=((count * 100 / of.max(1)).max(1)) height="8" {}
        }
    }
}

fn runs(runs: &[RuleRun]) -> Markup {
    html! {
        @if let Some(first) = runs.first() {
            div.wide tabindex="0" role="region" aria-label="Rules that ran" {
                table.runs {
                    caption { "Rules that ran" }
                    thead {
                        tr {
                            th scope="col" { "Rule" } th scope="col" { "Time that was read" }
                            @for (name, _) in &first.counts { th.count scope="col" { (name) } }
                        }
                    }
                    tbody {
                        @for run in runs {
                            tr {
                                th scope="row" { (value(&run.name)) }
                                td { (value(&run.period)) }
                                @for (_, count) in &run.counts { td.count { (number(*count)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

//! An alert in the terminal: a few lines that fit its width.

use anstyle::{AnsiColor, Style};
use chrono::DateTime;
use unicode_width::UnicodeWidthStr;

use super::look::{Look, colored, fitted, wrapped};
use crate::diagnostic::sanitize;
use crate::report::{Alert, Verdict};
use crate::rule::RuleSeverity;

/// Columns before everything but the first line.
const INDENT: usize = 10;

/// Most lines of a verdict.
const MOST_LINES: usize = 3;

/// The alert as lines without a line feed at the end; `place` (a path and line) stands above, where there is one.
pub fn card(alert: &Alert, place: Option<&str>, look: Look) -> String {
    let mut lines = Vec::new();
    lines.extend(place.map(|place| look.paint(&fitted(place, look.width), colored(AnsiColor::Magenta))));
    let (first, title) = first_line(alert, look);
    lines.push(first);
    lines.extend(verdict(alert, look));
    lines.extend(flowed(&facts(alert, &title), look));
    lines.join("\n")
}

/// How bad it is, when it was and what was done; and as much of the latter as there is room for.
fn first_line(alert: &Alert, look: Look) -> (String, String) {
    let severity = alert.severity.map_or("match", RuleSeverity::as_str).to_uppercase();
    let when = when(alert);
    let title = title(alert);
    let left = look.width.saturating_sub(INDENT + when.width() + 2);
    let head = look.paint(&format!("{severity:<8}"), severity_style(alert.severity));
    let bold = Style::new().bold();
    if left >= 16 {
        let beside = fitted(&title, left);
        return (format!("{head}  {when}  {}", look.paint(&beside, bold)), beside);
    }
    let below = fitted(&title, look.width.saturating_sub(INDENT));
    let when = fitted(&when, look.width - INDENT);
    (format!("{head}  {when}\n{:INDENT$}{}", "", look.paint(&below, bold)), below)
}

/// To the second, or as it is written where that is no time.
fn when(alert: &Alert) -> String {
    match (alert.millis.and_then(DateTime::from_timestamp_millis), &alert.when) {
        (Some(time), _) => time.format("%Y-%m-%d %H:%M:%SZ").to_string(),
        (None, Some(when)) => fitted(when, 20),
        (None, None) => "time unknown".to_owned(),
    }
}

/// What was done, by whom, from where; the sentence of the alert where its event says nothing of that.
fn title(alert: &Alert) -> String {
    let Some(action) = &alert.action else {
        let name = Some(&alert.rule_name).filter(|name| !name.is_empty());
        return alert.reason.as_ref().or(name).map_or("event", String::as_str).to_owned();
    };
    let mut words = vec![action.clone()];
    words.extend(alert.principal.as_ref().map(|who| format!("by {who}")));
    words.extend(alert.source.as_ref().map(|from| format!("from {from}")));
    words.join(" ")
}

fn verdict(alert: &Alert, look: Look) -> Vec<String> {
    let Some(Verdict { grade, score, text, .. }) = &alert.verdict else { return Vec::new() };
    let grade_words = grade.replace('_', " ");
    let score = score.map(|score| format!(" {score:+}")).unwrap_or_default();
    let more = text.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
    let style = match grade.as_str() {
        "theft_likely" => colored(AnsiColor::Red).bold(),
        "fits_habit" => colored(AnsiColor::Green),
        _ => colored(AnsiColor::Yellow),
    };
    let room = look.width - INDENT;
    let mut lines = wrapped(&fitted(&format!("{grade_words}{score}{more}"), room * MOST_LINES), room);
    let last = lines.split_off(lines.len().min(MOST_LINES - 1)).join(" ");
    lines.extend((!last.is_empty()).then_some(last));
    lines.iter().map(|line| format!("{:INDENT$}{}", "", look.paint(&fitted(line, room), style))).collect()
}

/// What else there is to know, and what the title had no room for.
fn facts<'a>(alert: &'a Alert, title: &str) -> Vec<(&'static str, &'a str)> {
    let id = alert.user_id.as_ref().filter(|id| alert.principal.as_ref() != Some(id));
    let is_cut = title.ends_with('…');
    let cut = |value: &&String| is_cut && alert.action.is_some() && !title.contains(&sanitize(value));
    let facts = [
        ("rule", Some(&alert.rule_name).filter(|name| !name.is_empty())),
        ("by", alert.principal.as_ref().filter(cut)),
        ("from", alert.source.as_ref().filter(cut)),
        ("instance", alert.instance.as_ref()),
        ("account", alert.account.as_ref()),
        ("id", id),
        ("network", alert.network.as_ref()),
        ("client", alert.agent.as_ref()),
        ("outcome", alert.outcome.as_ref().filter(|outcome| *outcome != "success")),
        ("case", alert.group.as_ref()),
        ("event", alert.origin.as_ref()),
    ];
    facts.into_iter().filter_map(|(name, value)| value.map(|value| (name, value.as_str()))).collect()
}

/// Names and values one after the other, as many to a line as fit.
fn flowed(facts: &[(&str, &str)], look: Look) -> Vec<String> {
    let room = look.width - INDENT;
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (name, value) in facts {
        let value = fitted(value, room.saturating_sub(name.len() + 1).max(1));
        let width = name.len() + 1 + value.width();
        let shown = format!("{} {value}", look.paint(name, Style::new().dimmed()));
        match lines.last_mut() {
            Some((used, line)) if *used + 2 + width <= room => {
                *used += 2 + width;
                line.push_str("  ");
                line.push_str(&shown);
            }
            _ => lines.push((width, format!("{:INDENT$}{shown}", ""))),
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn severity_style(severity: Option<RuleSeverity>) -> Style {
    match severity {
        Some(RuleSeverity::Critical) => colored(AnsiColor::Red).bold().invert(),
        Some(RuleSeverity::High) => colored(AnsiColor::Red).bold(),
        Some(RuleSeverity::Medium) => colored(AnsiColor::Yellow).bold(),
        Some(RuleSeverity::Low) => colored(AnsiColor::Cyan).bold(),
        None => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests;

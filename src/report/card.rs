//! One alert of the page: a line that says what happened, and behind it everything one needs to act.

use maud::{Markup, html};

use super::alert::{Alert, Answer, Command, Evidence, Pivot, Verdict};
use super::guide::{Guide, anchor};
use super::page::Standing;
use super::sets::ShownBefore;
use super::shown::{link, safe_link, sentence, short, value};
use super::tally::{GRADES, grade_rank, severity_rank};

/// Most of the event's fields that are shown.
const MOST_FIELDS: usize = 200;

/// Classes of the severities, in their order.
pub const CLASSES: [&str; 5] = ["critical", "high", "medium", "low", "none"];

/// Names of the severities, in their order.
pub const NAMES: [&str; 5] = ["Critical", "High", "Medium", "Low", "No severity"];

/// What stands around an alert.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Its place on the page, from 0.
    pub number: usize,
    /// What became of it.
    pub standing: Standing,
    /// Its rule and that one's place among the guides.
    pub guide: Option<(&'a Guide, usize)>,
    /// Whether all of it is to be seen at once.
    pub open: bool,
    /// On a long page, where others show what it shares with them; then what an event holds is left out too.
    pub brief: Option<ShownBefore>,
}

/// The alert as an item that opens.
pub fn card(alert: &Alert, setting: Setting<'_>) -> Markup {
    let severity = severity_rank(alert.severity);
    html! {
        details.alert id=(place(setting.number)) open[setting.open] {
            summary {
                span class={ "badge " (CLASSES[severity]) } { (NAMES[severity]) }
                span.when { (time(alert)) }
                h4 { (title(alert)) }
                @if let Some(verdict) = &alert.verdict { (grade(alert, verdict)) }
                @if let Some(word) = setting.standing.word() { span.chip { (word) } }
            }
            div.body {
                @if let Some(reason) = &alert.reason { p.lead { (value(reason)) } }
                @if let Some(verdict) = &alert.verdict { (evidence(alert, verdict)) }
                (facts(alert, setting))
                (answers(&alert.answers))
                (shared(alert, setting))
                @if setting.brief.is_none() { (event(alert)) }
            }
        }
    }
}

/// The anchor of the alert at a place.
pub fn place(number: usize) -> String {
    format!("alert-{}", number + 1)
}

/// Commands and searches, or the way to another alert that has the same.
fn shared(alert: &Alert, setting: Setting<'_>) -> Markup {
    let before = setting.brief.unwrap_or_default();
    let anchor = |part: &str, number: usize| format!("{}-{part}", place(number));
    html! {
        @if let Some(number) = before.commands {
            p { "Response commands: " a href={ "#" (anchor("commands", number)) } { "the same as of alert " (number + 1) } }
        } @else { (commands(&alert.commands, &anchor("commands", setting.number))) }
        @if let Some(number) = before.searches {
            p {
                "Where to look on: " a href={ "#" (anchor("searches", number)) } { "the same as of alert " (number + 1) }
                ", around this alert's own time"
            }
        } @else { (pivots(alert, &anchor("searches", setting.number), setting.brief.is_none())) }
    }
}

/// What was done, by whom and from where; the rule's name where the event says nothing of it.
fn title(alert: &Alert) -> Markup {
    let what = alert.action.as_deref().or((!alert.rule_name.is_empty()).then_some(alert.rule_name.as_str()));
    html! {
        (short(what.unwrap_or("Event")))
        @if let Some(who) = &alert.principal { span.by { " by " } (short(who)) }
        @if let Some(from) = &alert.source { span.by { " from " } (short(from)) }
    }
}

fn time(alert: &Alert) -> Markup {
    match (&alert.when, alert.millis.and_then(chrono::DateTime::from_timestamp_millis)) {
        (_, Some(time)) => html! {
            time datetime=(time.to_rfc3339()) { (time.format("%Y-%m-%d %H:%M:%S")) " UTC" }
        },
        (Some(text), None) => value(text),
        (None, None) => html! { "time unknown" },
    }
}

fn grade(alert: &Alert, verdict: &Verdict) -> Markup {
    let words = grade_rank(alert).map_or(verdict.grade.as_str(), |rank| GRADES[rank].1);
    let class = ["bad", "open", "good"][grade_rank(alert).unwrap_or(1)];
    html! {
        span class={ "grade " (class) } {
            (value(words.split(':').next().unwrap_or(words)))
            @if let Some(score) = verdict.score { " " (signed(score)) }
        }
    }
}

/// With its sign, and without decimals where there are none.
pub fn signed(number: f64) -> String {
    let text = format!("{number:+}");
    text.replace('-', "\u{2212}")
}

fn evidence(alert: &Alert, verdict: &Verdict) -> Markup {
    let words = grade_rank(alert).map_or(verdict.grade.as_str(), |rank| GRADES[rank].1);
    html! {
        section.verdict {
            h5 { "Verdict: " (value(words)) @if let Some(score) = verdict.score { " (" (signed(score)) ")" } }
            @if let Some(text) = &verdict.text { p { (value(text)) } }
            @if !verdict.evidence.is_empty() {
                table {
                    thead {
                        tr {
                            th scope="col" { "Evidence" }
                            th.about scope="col" { "About" }
                            th.weight scope="col" { "Weight" }
                        }
                    }
                    tbody { @for one in &verdict.evidence { (evidence_row(one)) } }
                }
            }
        }
    }
}

fn evidence_row(one: &Evidence) -> Markup {
    let side = one.weight.map_or("", |weight| if weight < 0.0 { "for" } else { "against" });
    html! {
        tr {
            td { (value(&one.text)) }
            td { @if let Some(group) = &one.group { (value(group)) } }
            td class={ "weight " (side) } { @if let Some(weight) = one.weight { (signed(weight)) } }
        }
    }
}

fn facts(alert: &Alert, setting: Setting<'_>) -> Markup {
    let what = joined(&[&alert.action, &alert.outcome, &alert.provider], ", ");
    let who = joined(
        &[&alert.principal, &alert.user_id.clone().filter(|id| alert.principal.as_ref() != Some(id))],
        " · ",
    );
    let from = joined(&[&alert.source, &alert.network], ", ");
    let rows = [
        ("Action", what),
        ("Principal", who),
        ("Instance", alert.instance.clone()),
        ("Account", joined(&[&alert.account, &alert.region], ", ")),
        ("Source", from),
        ("Client", alert.agent.clone()),
        ("Case", alert.group.clone()),
    ];
    html! {
        dl.facts {
            @for (name, text) in rows { @if let Some(text) = text { (row(name, &text)) } }
            @for (name, text) in further_facts(alert, setting) { (row(&titled(name), text)) }
            @if let Some((guide, number)) = setting.guide {
                @if guide.has_techniques() && setting.brief.is_none() { div { dt { "ATT&CK" } dd { (guide.techniques()) } } }
                div { dt { "Guide" } dd { a href={ "#" (anchor(number)) } { (value(&alert.rule_name)) } } }
            } @else if !alert.rule_name.is_empty() { (row("Rule", &alert.rule_name)) }
            @if let Some(origin) = &alert.origin { (row("Event", origin)) }
            @if !alert.id.is_empty() { (row("Alert id", &alert.id)) }
            @if let Some(url) = alert.url.as_deref().and_then(safe_link) {
                div { dt { "Kibana" } dd { (link(url, "Open the alert")) } }
            }
        }
    }
}

/// The facts that a rule names, without those that the event's own rows show already; a brief card leaves out each whose
/// value stands there, by whatever name.
fn further_facts<'a>(alert: &'a Alert, setting: Setting<'_>) -> impl Iterator<Item = &'a (String, String)> {
    let is_brief = setting.brief.is_some();
    let shown = [&alert.principal, &alert.user_id, &alert.instance, &alert.account];
    alert.facts.iter().filter(move |(name, fact)| {
        let has_a_row = ["principal", "instance_id", "account_id"].contains(&name.as_str());
        !(has_a_row || is_brief) || shown.iter().all(|shown| shown.as_ref() != Some(fact))
    })
}

/// `role_name` as `Role name`.
fn titled(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters.map(|one| if one == '_' { ' ' } else { one })).collect()
}

fn row(name: &str, text: &str) -> Markup {
    html! { div { dt { (value(name)) } dd { (value(text)) } } }
}

fn joined(parts: &[&Option<String>], between: &str) -> Option<String> {
    let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

fn answers(answers: &[Answer]) -> Markup {
    html! {
        @if !answers.is_empty() {
            section {
                h5 { "The guide's questions, answered" }
                table.answers {
                    thead { tr { th scope="col" { "Question" } th scope="col" { "Answer" } } }
                    tbody {
                        @for answer in answers {
                            tr {
                                th scope="row" { (value(&question(answer))) }
                                td {
                                    @if let Some(text) = &answer.text { (value(text)) }
                                    @if let Some(status) = open_status(answer) {
                                        " " span.chip { (value(&status.replace('_', " "))) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The question, or its id in words.
fn question(answer: &Answer) -> String {
    if answer.question.contains(' ') { answer.question.clone() } else { titled(&answer.question) }
}

/// A status that takes something from the answer.
fn open_status(answer: &Answer) -> Option<&str> {
    answer.status.as_deref().filter(|status| *status != "answered")
}

fn commands(commands: &[Command], anchor: &str) -> Markup {
    html! {
        @if !commands.is_empty() {
            section id=(anchor) {
                h5 { "Response commands" }
                p.hint { "Read each before you run it; nothing of this has been run." }
                @for command in commands {
                    div.command {
                        @if let Some(effect) = &command.effect {
                            span class={ "effect " (effect_class(effect)) } { (value(effect)) }
                        }
                        @if let Some(title) = &command.title { " " (value(title)) }
                        @if let Some(note) = &command.note { p.hint { (sentence(note)) } }
                        @if let Some(reason) = &command.withheld { p.hint { "Not offered: " (sentence(reason)) } }
                        @if let Some(text) = &command.command { (typed(text)) }
                        @if let Some(undo) = &command.undo { p.hint { "To take it back:" } (typed(undo)) }
                    }
                }
            }
        }
    }
}

fn typed(command: &str) -> Markup {
    html! { pre { code dir="ltr" { (lines(command)) } } }
}

/// Effects that change nothing stand apart from those that do.
fn effect_class(effect: &str) -> &'static str {
    match effect.split([' ', '_', ',']).next() {
        Some(word) if word.eq_ignore_ascii_case("harmless") => "good",
        Some(word) if word.eq_ignore_ascii_case("disruptive") => "bad",
        _ => "open",
    }
}

/// A command is never cut, and nothing in it is hidden.
fn lines(command: &str) -> String {
    command.split('\n').map(crate::diagnostic::sanitize).collect::<Vec<_>>().join("\n")
}

fn pivots(alert: &Alert, anchor: &str, with_links: bool) -> Markup {
    html! {
        @if !alert.pivots.is_empty() {
            section id=(anchor) {
                h5 { "Where to look on" }
                ul.pivots {
                    @for pivot in &alert.pivots {
                        li {
                            (link(pivot.url.as_deref().filter(|_| with_links).unwrap_or_default(), &pivot.title))
                            @if let Some(query) = pivot.query.as_ref().filter(|query| **query != pivot.title) {
                                br; code { (value(query)) }
                            }
                            (where_and_when(pivot))
                        }
                    }
                }
            }
        }
    }
}

fn where_and_when(pivot: &Pivot) -> Markup {
    let around = joined(&[&pivot.span, &pivot.indices], ", in ");
    html! {
        @if let Some(around) = &around { br; span.hint { (value(around)) } }
        @if let Some(reason) = &pivot.withheld {
            br; span.hint { @if pivot.query.is_some() { "No link: " } @else { "Not offered: " } (sentence(reason)) }
        }
    }
}

fn event(alert: &Alert) -> Markup {
    let rest = alert.event.len().saturating_sub(MOST_FIELDS);
    html! {
        @if !alert.event.is_empty() {
            details.event {
                summary { "All " (alert.event.len()) " fields of the event" }
                dl {
                    @for (name, text) in alert.event.iter().take(MOST_FIELDS) { (row(name, text)) }
                    @if rest > 0 { div { dt { "…" } dd { "and " (rest) " more" } } }
                }
            }
        }
    }
}

//! A case in words: its title, its description and its comments, in Markdown that no value of an event can change.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::CASE_IDS;
use crate::diagnostic::sanitize;
use crate::kibana::{LONGEST_TEXT, case_length, fitted};
use crate::report::Alert;
use crate::rule::RuleSeverity;
use crate::triage::markdown;

/// Longest value, before it is escaped, in UTF-16 units.
const LONGEST_VALUE: usize = 300;

/// Longest link; a longer one is left out.
const LONGEST_LINK: usize = 2_000;

/// Longest part of a description before its alerts, the longest of which has room behind it.
const LONGEST_HEAD: usize = 15_000;

/// How many facts are told.
const MOST_FACTS: usize = 20;

/// How much of the evidence is told.
const MOST_EVIDENCE: usize = 20;

/// What a case says of one alert.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The alert's id.
    pub id: String,
    /// The index that holds it; several where it was written again after a rollover.
    pub indices: Vec<String>,
    /// Whether its case knows of it, and its grade is what is new.
    regraded: bool,
    alert: Alert,
}

impl Entry {
    /// Reads the alert `id` of `index`.
    pub(super) fn new(index: &str, id: &str, document: &Map<String, Value>) -> Self {
        let cases = document.get(CASE_IDS).and_then(Value::as_array);
        let regraded = cases.is_some_and(|cases| !cases.is_empty());
        let (id, indices) = (id.to_owned(), vec![index.to_owned()]);
        Self { id, indices, regraded, alert: Alert::read(document) }
    }

    /// The rule's id, and the grade that the triage came to.
    pub(super) fn grade(&self) -> (&str, &str) {
        let grade = self.alert.verdict.as_ref().map_or("", |verdict| &verdict.grade);
        (&self.alert.rule_id, grade)
    }

    /// How bad the rule says it is.
    pub(super) fn severity(&self) -> Option<RuleSeverity> {
        self.alert.severity
    }

    /// What tells that a case knows this of the alert. No value of an event can hold it, as its quotes would be escaped.
    fn mark(&self) -> String {
        let mark = format!("alert `{}`", plain(&self.id).replace('`', "'"));
        if self.regraded { format!("{mark} is now graded {}", escaped(&words(self.grade().1))) } else { mark }
    }

    /// Whether the text of a case tells of this alert.
    pub(super) fn is_told_in(&self, text: &str) -> bool {
        text.contains(&self.mark())
    }

    /// The alert in one item of a list.
    fn line(&self) -> String {
        let Self { alert, .. } = self;
        let when = alert.when.as_deref().map(|when| format!("{}: ", escaped(when))).unwrap_or_default();
        let what = alert.reason.as_deref().unwrap_or(&alert.rule_name).trim_end_matches('.');
        let grade = alert.verdict.as_ref().map(|verdict| format!(", {}", escaped(&words(&verdict.grade))));
        let link = alert.url.as_deref().filter(|url| is_plain_link(url));
        let link = link.map(|url| format!(", [with guide, searches and commands](<{url}>)"));
        format!(
            "- {when}{}{}{} ({})\n",
            escaped(what),
            grade.unwrap_or_default(),
            link.unwrap_or_default(),
            self.mark()
        )
    }
}

/// The title of the case that these alerts open.
pub(super) fn title(entries: &[Entry]) -> String {
    let Some(Entry { alert, .. }) = entries.first() else { return String::new() };
    let part = |text: &str, most| fitted(&sanitize(&fitted(text, LONGEST_VALUE)), most);
    let mut title = part(&alert.rule_name, 80);
    if let Some(principal) = &alert.principal {
        title.push_str(": ");
        title.push_str(&part(principal, 40));
    }
    if let Some(verdict) = &alert.verdict {
        let _ = write!(title, " ({})", part(&words(&verdict.grade), 24));
    }
    title
}

/// The description of the case that these alerts open, and how many of them it tells of; the others are for comments.
pub(super) fn description(entries: &[Entry]) -> (String, usize) {
    let mut text = entries.first().map(|entry| head(&entry.alert)).unwrap_or_default();
    text.push_str("\n### Alerts\n\n");
    let told = fill(&mut text, entries);
    (text, told)
}

/// The comments that tell of these alerts, each as long as one may be.
pub(super) fn comments(mut entries: &[Entry]) -> Vec<String> {
    let mut comments = Vec::new();
    while !entries.is_empty() {
        let mut text = match entries.len() {
            1 => "News of this group:\n\n".to_owned(),
            count => format!("News of this group, {count} alerts:\n\n"),
        };
        let told = fill(&mut text, entries).max(1);
        comments.push(text);
        entries = &entries[told..];
    }
    comments
}

/// Adds as many of the alerts as there is room for; how many.
fn fill(text: &mut String, entries: &[Entry]) -> usize {
    let mut room = LONGEST_TEXT.saturating_sub(case_length(text));
    for (at, entry) in entries.iter().enumerate() {
        let line = entry.line();
        let length = case_length(&line);
        if length > room {
            return at;
        }
        room -= length;
        text.push_str(&line);
    }
    entries.len()
}

/// What the first alert tells of the whole, as far as there is room.
fn head(alert: &Alert) -> String {
    let verdict = alert.verdict.as_ref();
    let said = verdict.map(|verdict| verdict.text.as_deref().unwrap_or(&verdict.grade));
    let evidence = verdict.map_or(&[][..], |verdict| &verdict.evidence);
    let lines = said
        .map(|text| format!("**{}**\n\n", escaped(text)))
        .into_iter()
        .chain(
            rows(alert)
                .into_iter()
                .map(|(name, value)| format!("- {}: {}\n", escaped(name), escaped(&value))),
        )
        .chain((!evidence.is_empty()).then(|| "\n### Evidence\n\n".to_owned()))
        .chain(evidence.iter().take(MOST_EVIDENCE).map(|one| {
            let weight = one.weight.map(|weight| format!("{weight:+} ")).unwrap_or_default();
            format!("- {}{}\n", escaped(&weight), escaped(&one.text))
        }));
    let mut text = String::new();
    let mut room = LONGEST_HEAD;
    for line in lines {
        let length = case_length(&line);
        if length <= room {
            room -= length;
            text.push_str(&line);
        }
    }
    text + "\nOpened by stakeout with the triage of this moment; the alerts hold the latest.\n"
}

/// The facts in the order in which they are asked for.
fn rows(alert: &Alert) -> Vec<(&str, String)> {
    let score = alert.verdict.as_ref().and_then(|verdict| verdict.score);
    let graded = alert.verdict.as_ref().map(|verdict| match score {
        Some(score) => format!("{}, score {score}", words(&verdict.grade)),
        None => words(&verdict.grade),
    });
    let source = [&alert.source, &alert.network].into_iter().flatten().cloned().collect::<Vec<_>>();
    let known = [
        ("Rule", Some(alert.rule_name.clone()).filter(|name| !name.is_empty())),
        ("Severity", alert.severity.map(|severity| severity.as_str().to_owned())),
        ("Grade", graded),
        ("Principal", alert.principal.clone()),
        ("User id", alert.user_id.clone().filter(|id| Some(id) != alert.principal.as_ref())),
        ("Source", (!source.is_empty()).then(|| source.join(", "))),
        ("Client", alert.agent.clone()),
        ("Account", alert.account.clone()),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let mut rows: Vec<(&str, String)> = known.collect();
    for (name, value) in alert.facts.iter().take(MOST_FACTS) {
        if !rows.iter().any(|(_, known)| known == value) {
            rows.push((name, value.clone()));
        }
    }
    rows
}

/// `theft_likely` as `theft likely`.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// A value on one line, not too long.
fn plain(text: &str) -> String {
    sanitize(&fitted(text, LONGEST_VALUE))
}

/// A value that Markdown shows as it is; Kibana would make a link of an address, and a picture of `:smile:`.
fn escaped(text: &str) -> String {
    markdown(&fitted(text, LONGEST_VALUE)).replace(':', "\\:")
}

/// Whether an address can stand between `<` and `>` and be nothing else.
fn is_plain_link(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web
        && url.len() <= LONGEST_LINK
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\\`\"".contains(&byte))
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};
    use serde_json::json;

    use super::*;

    fn entry(id: &str, value: &str) -> Entry {
        let document = json!({
            "kibana.alert.rule.name": value, "kibana.alert.reason": value, "kibana.alert.severity": "high",
            "kibana.alert.original_time": value, "kibana.alert.url": "https://k/s/a/app/r?l=D&p=%7B(x)%7D",
            "user": {"name": value, "id": value}, "source": {"ip": value}, "user_agent.original": value,
            "cloud.account.id": value, "stakeout.facts": {"instance_id": value},
            "stakeout.verdict": {"grade": "theft_likely", "score": 68, "text": value,
                "evidence": [{"group": "place", "weight": 15, "text": value}]}});
        Entry::new("alerts", id, document.as_object().expect("an object"))
    }

    const HOSTILE: [&str; 9] = [
        "\"'`\\ * OR _x_ ~~y~~",
        "line\n\n# heading\n- item\n\n    code\n",
        "</script><img src=x onerror=alert(1)>",
        "\u{202e}gnp.exe\u{200b}\u{1b}[31m",
        "[x](javascript:alert(1)) ![p](https://evil.example/p.png) <https://evil.example>",
        "https://evil.example www.evil.example mailto:a@b.example a@b.example",
        "!{timeline[x](y)} !{tooltip[a](b)} :smile: @user",
        "alert `a1` alert \\`a1\\` `a1`",
        "| a | b |\n|---|---|\n[^1]: note &lt; &#60;",
    ];

    /// What Markdown makes of a text besides paragraphs, list items and bold words.
    fn structure(text: &str) -> Vec<String> {
        let parser = Parser::new_ext(text, Options::all());
        let odd = |event: Event<'_>| match event {
            Event::Html(text) | Event::InlineHtml(text) => Some(format!("html {text}")),
            Event::Start(Tag::Link { link_type, dest_url, .. }) if link_type != LinkType::Inline => {
                Some(format!("link {dest_url}"))
            }
            Event::Start(Tag::Link { dest_url, .. }) if !dest_url.starts_with("https://k/s/a/app/r?") => {
                Some(format!("link {dest_url}"))
            }
            Event::Start(
                tag @ (Tag::Image { .. }
                | Tag::CodeBlock(_)
                | Tag::Table(_)
                | Tag::BlockQuote(_)
                | Tag::Emphasis
                | Tag::Strikethrough
                | Tag::FootnoteDefinition(_)),
            ) => Some(format!("{tag:?}")),
            Event::Code(text) if &*text != "a1" => Some(format!("code {text}")),
            Event::FootnoteReference(_) | Event::Rule | Event::TaskListMarker(_) => Some("mark".to_owned()),
            _ => None,
        };
        parser.filter_map(odd).collect()
    }

    #[test]
    fn no_value_becomes_anything_but_text() {
        for value in HOSTILE {
            let entries = [entry("a1", value)];
            let (text, told) = description(&entries);
            assert_eq!((structure(&text), told), (Vec::new(), 1), "{text}");
            let headings =
                Parser::new(&text).filter(|event| matches!(event, Event::Start(Tag::Heading { .. }))).count();
            assert_eq!(headings, 2, "{text}");
            assert!(!text.contains("https://evil") && !text.contains(['\u{202e}', '\u{1b}']), "{text}");
            let title = title(&entries);
            assert!(!title.contains(['\n', '\u{202e}', '\u{200b}', '\u{1b}']), "{title}");
        }
    }

    #[test]
    fn no_event_can_pass_another_alert_off_as_told() {
        let (text, _) = description(&[entry("b2", HOSTILE[7])]);
        assert!(entry("b2", "").is_told_in(&text));
        assert!(!entry("a1", "").is_told_in(&text), "{text}");
    }

    #[test]
    fn a_new_grade_is_news_of_an_alert_that_is_told_of() {
        let (text, _) = description(&[entry("a1", "v")]);
        let document = json!({CASE_IDS: ["case-1"], "stakeout.verdict": {"grade": "theft_likely"}});
        let regraded = Entry::new("alerts", "a1", document.as_object().expect("an object"));
        assert!(entry("a1", "v").is_told_in(&text) && !regraded.is_told_in(&text), "{text}");
        let comments = comments(std::slice::from_ref(&regraded));
        assert!(comments.len() == 1 && regraded.is_told_in(&comments[0]), "{comments:?}");
        assert!(comments[0].ends_with("(alert `a1` is now graded theft likely)\n"), "{comments:?}");
    }

    #[test]
    fn what_has_no_room_is_told_in_comments_each_alert_once() {
        let value = "x".repeat(100_000);
        let entries: Vec<Entry> = (0..500).map(|number| entry(&format!("id-{number}-"), &value)).collect();
        let (first, told) = description(&entries);
        let texts: Vec<String> = std::iter::once(first).chain(comments(&entries[told..])).collect();
        assert!(texts.len() > 2 && texts.iter().all(|text| case_length(text) <= LONGEST_TEXT));
        for entry in &entries {
            assert_eq!(texts.iter().filter(|text| entry.is_told_in(text)).count(), 1, "{}", entry.id);
        }
        assert!(case_length(&title(&entries)) <= 160);
    }

    #[test]
    fn even_the_worst_head_leaves_room_for_an_alert() {
        let worst = "\u{202e}".repeat(100_000);
        let mut one = entry("a1", &worst);
        one.alert.facts = (0..100).map(|number| (format!("{number}{worst}"), worst.clone())).collect();
        let evidence = one.alert.verdict.as_mut().expect("a verdict");
        evidence.evidence = vec![evidence.evidence[0].clone(); 100];
        let entries = [one];
        let (text, told) = description(&entries);
        assert!(told == 1 && case_length(&text) <= LONGEST_TEXT, "{told} {}", case_length(&text));
    }

    #[test]
    fn only_addresses_that_can_stand_alone_are_links() {
        assert!(is_plain_link("https://k/app/r?l=x&p=%7B(a)'b'%7D#/y"));
        for odd in
            ["javascript:alert(1)", "https://k/a b", "https://k/>x", "https://k/\\", "https://k/\u{e9}"]
        {
            assert!(!is_plain_link(odd), "{odd}");
        }
    }
}

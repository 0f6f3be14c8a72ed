//! What all alerts of one rule share: shown once, and linked to by each of them.

use maud::{Markup, PreEscaped, html};
use serde_json::{Map, Value};

use super::markdown::safe_html;
use super::read::{below, items, member};
use super::shown::{attribute, link, value};

/// One rule, as its alerts carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// The rule's id.
    pub rule_id: String,
    name: String,
    description: Option<String>,
    version: Option<String>,
    severity: Option<String>,
    risk_score: Option<String>,
    note: Option<String>,
    false_positives: Vec<String>,
    references: Vec<String>,
    tactics: Vec<Tactic>,
}

/// A tactic and the techniques that serve it.
#[derive(Debug, Clone, PartialEq)]
struct Tactic {
    entry: Entry,
    techniques: Vec<Entry>,
}

/// An entry of ATT&CK or a framework like it.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    id: String,
    name: String,
    page: String,
}

impl Guide {
    /// Reads the rule out of one of its alerts.
    pub fn read(document: &Map<String, Value>, rule_id: &str, name: &str) -> Self {
        let rule = below(document, "kibana.alert.rule");
        let texts = |name: &str| items(&rule[name]).iter().filter_map(super::read::text).collect();
        let tactics = items(&rule["threat"]).iter().filter_map(|threat| {
            let techniques = items(&threat["technique"]).iter().flat_map(|technique| {
                let below = items(&technique["subtechnique"]).iter().filter_map(entry);
                entry(technique).into_iter().chain(below)
            });
            Some(Tactic { entry: entry(&threat["tactic"])?, techniques: techniques.collect() })
        });
        Self {
            rule_id: rule_id.to_owned(),
            name: name.to_owned(),
            description: member(&rule, "description"),
            version: member(&rule, "version"),
            severity: member(&rule, "severity"),
            risk_score: member(&rule, "risk_score"),
            // Below the alert's own note stands what is about that alert alone.
            note: member(&rule["parameters"], "note").or_else(|| member(&rule, "note")),
            false_positives: texts("false_positives"),
            references: texts("references"),
            tactics: tactics.collect(),
        }
    }

    /// Links to the techniques, the most precise ones only.
    pub fn techniques(&self) -> Markup {
        let all: Vec<&Entry> = self.tactics.iter().flat_map(|tactic| &tactic.techniques).collect();
        let is_general = |one: &Entry| all.iter().any(|other| other.id.starts_with(&format!("{}.", one.id)));
        let mut precise: Vec<&Entry> = Vec::new();
        for one in all.iter().filter(|one| !is_general(one)) {
            if !precise.iter().any(|other| other.id == one.id) {
                precise.push(one);
            }
        }
        html! {
            @for (place, entry) in precise.iter().enumerate() {
                @if place > 0 { ", " }
                (link(&entry.page, &format!("{} {}", entry.id, entry.name)))
            }
        }
    }

    /// Whether the rule says anything about the adversary.
    pub fn has_techniques(&self) -> bool {
        self.tactics.iter().any(|tactic| !tactic.techniques.is_empty())
    }

    /// The rule's section of the page; `number` makes its anchor.
    pub fn section(&self, number: usize) -> Markup {
        html! {
            article.rule id=(anchor(number)) aria-label=(attribute(&self.name)) {
                h3 { (value(&self.name)) }
                (self.facts())
                @if let Some(description) = &self.description { p.lead { (value(description)) } }
                (self.mapping())
                @if let Some(note) = &self.note { div.guide { (PreEscaped(safe_html(note, 4))) } }
                @if !self.false_positives.is_empty() {
                    h4 { "Legitimate causes" }
                    ul { @for cause in &self.false_positives { li { (value(cause)) } } }
                }
                @if !self.references.is_empty() {
                    h4 { "References" }
                    ul { @for page in &self.references { li { (link(page, page)) } } }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let facts =
            [("Severity", &self.severity), ("Risk score", &self.risk_score), ("Version", &self.version)];
        html! {
            p.facts {
                @for (name, text) in facts { @if let Some(text) = text { span { (name) " " b { (value(text)) } } } }
                span { "Rule id " code { (value(&self.rule_id)) } }
            }
        }
    }

    fn mapping(&self) -> Markup {
        html! {
            @if !self.tactics.is_empty() {
                h4 { "ATT&CK" }
                ul.tactics {
                    @for tactic in &self.tactics {
                        li {
                            b { (link(&tactic.entry.page, &format!("{} {}", tactic.entry.id, tactic.entry.name))) }
                            @for technique in &tactic.techniques {
                                " · " (link(&technique.page, &format!("{} {}", technique.id, technique.name)))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The anchor of the rule that came up as the `number`th.
pub fn anchor(number: usize) -> String {
    format!("rule-{}", number + 1)
}

fn entry(item: &Value) -> Option<Entry> {
    let id = member(item, "id")?;
    Some(Entry {
        name: member(item, "name").unwrap_or_default(),
        page: member(item, "reference").unwrap_or_default(),
        id,
    })
}

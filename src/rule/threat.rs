//! What a rule says about the adversary: tactics and techniques of MITRE ATT&CK or ATLAS.

use serde::Serialize;

use super::tree::Table;
use crate::diagnostic::{Diagnostic, INVALID_THREAT, Node};

/// One tactic with the techniques that serve it, in the form of `kibana.alert.rule.threat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Threat {
    /// `MITRE ATT&CK` or `MITRE ATLAS`.
    pub framework: String,
    /// The tactic, such as `TA0008`.
    pub tactic: ThreatEntry,
    /// The techniques; may be empty.
    pub technique: Vec<Technique>,
}

/// An entry of the framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThreatEntry {
    /// Such as `TA0008` or `T1021.007`.
    pub id: String,
    /// Its title.
    pub name: String,
    /// Its page.
    pub reference: String,
}

/// A technique with its sub-techniques.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Such as `T1021`.
    #[serde(flatten)]
    pub entry: ThreatEntry,
    /// The sub-techniques; may be empty.
    pub subtechnique: Vec<ThreatEntry>,
}

/// A framework's own ways to write ids and pages.
struct Framework {
    /// What stands before `TA` and `T`.
    prefix: &'static str,
    site: &'static str,
    /// Digits of a sub-technique's pages stand behind a further slash.
    nested_pages: bool,
}

const ATTACK: Framework = Framework { prefix: "", site: "https://attack.mitre.org", nested_pages: true };
const ATLAS: Framework = Framework { prefix: "AML.", site: "https://atlas.mitre.org", nested_pages: false };

/// Reads one `[[rule.threat]]`; nothing if a part is missing, what contradicts itself goes to `problems`.
pub(super) fn read(table: &Table, problems: &mut Vec<Diagnostic>) -> Option<Threat> {
    let framework = table.text("framework")?.node;
    let rules = if framework == "MITRE ATLAS" { &ATLAS } else { &ATTACK };
    let tactic = entry(table.table("tactic")?)?;
    rules.check(&tactic, &Kind::Tactic, problems);
    let technique = table.tables("technique").filter_map(|technique| {
        let id = entry(technique)?;
        rules.check(&id, &Kind::Technique, problems);
        let below = technique.tables("subtechnique").filter_map(|below| {
            let sub = entry(below)?;
            rules.check(&sub, &Kind::SubTechnique { of: id.id.node }, problems);
            Some(sub.to_owned())
        });
        let subtechnique = below.collect();
        Some(Technique { entry: id.to_owned(), subtechnique })
    });
    let technique = technique.collect();
    Some(Threat { framework: framework.to_owned(), tactic: tactic.to_owned(), technique })
}

/// An entry as written.
struct Written<'a> {
    id: Node<&'a str>,
    name: &'a str,
    reference: Node<&'a str>,
}

impl Written<'_> {
    fn to_owned(&self) -> ThreatEntry {
        let (id, name) = (self.id.node.to_owned(), self.name.to_owned());
        ThreatEntry { id, name, reference: self.reference.node.to_owned() }
    }
}

fn entry(table: &Table) -> Option<Written<'_>> {
    let (id, reference) = (table.text("id")?, table.text("reference")?);
    Some(Written { id, name: table.text("name")?.node, reference })
}

enum Kind<'a> {
    Tactic,
    Technique,
    SubTechnique { of: &'a str },
}

impl Framework {
    fn check(&self, entry: &Written<'_>, kind: &Kind<'_>, problems: &mut Vec<Diagnostic>) {
        let id = entry.id.node;
        if !self.is_id(id, kind) {
            problems.push(self.wrong_id(&entry.id, kind));
            return;
        }
        if let Kind::SubTechnique { of } = kind
            && id.rsplit_once('.').is_none_or(|(parent, _)| parent != *of)
        {
            let message = format!("the sub-technique `{id}` stands under the technique `{of}`");
            let problem = Diagnostic::error(INVALID_THREAT, entry.id.span, message);
            problems.push(problem.hint("put it under the technique whose id it begins with"));
            return;
        }
        let page = self.page(id, kind);
        if !self.is_page(entry.reference.node, &page) {
            let message = format!("the reference of `{id}` leads elsewhere: `{}`", entry.reference.node);
            let problem = Diagnostic::error(INVALID_THREAT, entry.reference.span, message);
            problems.push(problem.hint(format!("its page is `{page}`")));
        }
    }

    fn is_id(&self, id: &str, kind: &Kind<'_>) -> bool {
        let Some(id) = id.strip_prefix(self.prefix) else { return false };
        match kind {
            Kind::Tactic => id.strip_prefix("TA").is_some_and(|digits| is_digits(digits, 4)),
            Kind::Technique => id.strip_prefix('T').is_some_and(|digits| is_digits(digits, 4)),
            Kind::SubTechnique { .. } => id
                .strip_prefix('T')
                .and_then(|rest| rest.split_once('.'))
                .is_some_and(|(parent, own)| is_digits(parent, 4) && is_digits(own, 3)),
        }
    }

    fn wrong_id(&self, id: &Node<&str>, kind: &Kind<'_>) -> Diagnostic {
        let (what, example) = match kind {
            Kind::Tactic => ("a tactic", "TA0008"),
            Kind::Technique => ("a technique", "T1021"),
            Kind::SubTechnique { .. } => ("a sub-technique", "T1021.007"),
        };
        let message =
            format!("expected the id of {what}, such as `{}{example}`, found `{}`", self.prefix, id.node);
        Diagnostic::error(INVALID_THREAT, id.span, message)
    }

    /// The slash at the end may be missing; ATLAS's pages are written with a dot or a slash inside the id.
    fn is_page(&self, written: &str, page: &str) -> bool {
        let plain = |page: &str| {
            let page = page.trim_end_matches('/');
            if self.nested_pages { page.to_owned() } else { page.replace('.', "/") }
        };
        plain(written) == plain(page)
    }

    fn page(&self, id: &str, kind: &Kind<'_>) -> String {
        let folder = if matches!(kind, Kind::Tactic) { "tactics" } else { "techniques" };
        let id = if self.nested_pages { id.replace('.', "/") } else { id.to_owned() };
        format!("{}/{folder}/{id}/", self.site)
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

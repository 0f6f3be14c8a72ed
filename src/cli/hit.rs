//! What a scan found: as a line or card for the one who waits, as an alert document for the report.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::args::{Format, ScanArgs};
use super::card::card;
use super::guide::guide;
use super::listen::Reporting;
use super::look::Look;
use super::{output, places};
use crate::alert::{AlertBuilder, Found, Places, Run, alert_id};
use crate::diagnostic::sanitize;
use crate::local::{EventFiles, Located};
use crate::report::{About, Alert, FilesRead, Standing, Summary};
use crate::rule::Rule;

/// Roots that only an alert's maker may fill.
const OWN_ROOTS: [&str; 3] = ["kibana", "signal", "stakeout"];

/// What a hit was found by.
pub enum Finder {
    /// A rule, and what makes its alerts.
    Rule(Arc<Rule>, Box<AlertBuilder>),
    /// A query.
    Query(String),
}

impl Finder {
    /// Finds by a rule.
    pub fn rule(rule: &Arc<Rule>) -> Self {
        let run = Run { id: "scan".to_owned(), kind: "scan", places: Places::default() };
        Self::Rule(rule.clone(), Box::new(AlertBuilder::new(rule, &run)))
    }

    /// The alert that the event would become.
    fn document(&self, located: &Located, now: DateTime<Utc>) -> Map<String, Value> {
        let event = &located.event;
        match self {
            Self::Rule(rule, alerts) => {
                let id = alert_id(&rule.rule_id, &rule.identity, event);
                alerts.build(event, &id, Found { from: now, to: now, at: now }).body
            }
            Self::Query(text) => {
                let is_own = |key: &String| OWN_ROOTS.contains(&key.split('.').next().unwrap_or(key));
                let fields = event.source.iter().filter(|(key, _)| !is_own(key));
                let mut document: Map<String, Value> =
                    fields.map(|(key, value)| (key.clone(), value.clone())).collect();
                let place = format!("{}: {}", event.index, event.id);
                document.insert("kibana.alert.uuid".into(), place.into());
                document.insert("kibana.alert.rule.name".into(), text.as_str().into());
                document
                    .insert("kibana.alert.ancestors".into(), json!([{"id": event.id, "index": event.index}]));
                let time =
                    event.first("@timestamp").map(|time| ("kibana.alert.original_time".to_owned(), time));
                document.extend(time);
                document
            }
        }
    }
}

/// One hit, ready to be shown.
pub struct Hit {
    text: String,
    rule_id: Option<String>,
    document: Option<Map<String, Value>>,
}

/// Where the hits of a scan go.
pub struct Hits {
    format: Format,
    look: Look,
    now: DateTime<Utc>,
    report: Option<Reporting>,
    found_by: HashSet<String>,
    is_read: bool,
}

impl Hits {
    /// Nothing found yet; fails where the report could not be written.
    pub fn new(args: &ScanArgs, look: Look, now: DateTime<Utc>) -> anyhow::Result<Self> {
        places::check_report(args.shown.report.as_deref(), &EventFiles::new(args.paths.clone()))?;
        let report = Reporting::begin(args.shown.report.as_deref(), || about(args, now))?;
        let format = Format::or_fitting(args.format);
        Ok(Self { format, look, now, report, found_by: HashSet::new(), is_read: true })
    }

    /// Makes a hit of a match.
    pub fn hit(&self, finder: &Finder, located: &Located) -> Hit {
        let rule = match finder {
            Finder::Rule(rule, _) => Some(rule),
            Finder::Query(_) => None,
        };
        let has_card = self.format == Format::Human && rule.is_some();
        let document = (has_card || self.report.is_some()).then(|| finder.document(located, self.now));
        let text = match (&document, finder) {
            (Some(document), Finder::Rule(..)) if has_card => {
                card(&Alert::read(document), Some(&located.place()), self.look) + "\n"
            }
            _ => line(finder, located, self.format),
        };
        Hit {
            text,
            rule_id: rule.map(|rule| rule.rule_id.clone()),
            document: document.filter(|_| self.report.is_some()),
        }
    }

    /// Prints a hit; false where nobody reads any more, and no report is wanted either.
    pub fn show(&mut self, hit: Hit) -> bool {
        if let (Some(report), Some(document)) = (&self.report, &hit.document) {
            report.add(document, Standing::Match);
        }
        self.found_by.extend(hit.rule_id);
        self.is_read = self.is_read && output::result(&hit.text);
        self.is_read || self.report.is_some()
    }

    /// Prints the guides of the rules that found something; false where nobody reads any more.
    pub fn show_guides(&self, finders: impl Iterator<Item = Arc<Rule>>) -> bool {
        self.format == Format::Json
            || !self.is_read
            || finders
                .filter(|rule| self.found_by.contains(&rule.rule_id))
                .filter_map(|rule| guide(&rule, self.look))
                .all(|lines| output::result(&(lines + "\n")))
    }

    /// Writes the report, where one is wanted; false where that failed.
    pub fn finish(self, problems: Vec<String>, read: FilesRead) -> bool {
        self.report
            .is_none_or(|report| report.finish(&Summary { runs: Vec::new(), problems, read: Some(read) }))
    }
}

fn about(args: &ScanArgs, made_at: DateTime<Utc>) -> About {
    let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
    let title =
        args.eql.as_ref().map_or_else(|| "Scan of files".to_owned(), |query| format!("Scan for {query}"));
    let holds =
        "It holds every match in these files; two documents of one finding are one. No alert was written.";
    About { title, made_at, source: format!("events of {}", paths.join(", ")), holds: holds.to_owned() }
}

fn line(finder: &Finder, located: &Located, format: Format) -> String {
    let path = located.path.display().to_string();
    let (rule_id, name) = match finder {
        Finder::Rule(rule, _) => (Some(&rule.rule_id), &rule.name),
        Finder::Query(text) => (None, text),
    };
    let Located { event, line, record, .. } = located;
    let (line, record) = (*line, record.as_deref());
    match format {
        Format::Json => written(&Shown { rule_id, rule: name, path, line, record, event: &event.source }),
        Format::Human => sanitize(&format!("{}: {name}: {}", located.place(), written(&event.source))),
    }
}

/// A hit as one line of JSON; the event may be large, and is not copied for it.
#[derive(Serialize)]
struct Shown<'a> {
    rule_id: Option<&'a String>,
    rule: &'a str,
    path: String,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    event: &'a Map<String, Value>,
}

/// The JSON of what has no keys but texts, which cannot fail.
fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

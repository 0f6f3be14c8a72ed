//! What is kept of a run's alerts for the person who started it: the first ones for the terminal, all for the report.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::card::card;
use super::guide::guide;
use super::look::Look;
use super::output;
use crate::report::{About, Alert, Report, ReportFile, Standing, Summary};
use crate::rule::Rule;

/// Most alerts of which a card is shown.
const MOST_CARDS: usize = 20;

/// Hears of each alert; several tasks may tell it.
pub struct Listener {
    cards: Mutex<Cards>,
    wants_report: bool,
    report: Mutex<Option<Reporting>>,
}

/// The alerts that the terminal gets to see.
#[derive(Default)]
struct Cards {
    first: Vec<Alert>,
    all: u64,
    rules: HashSet<String>,
}

/// A report under way: its file, and the first thing that went wrong with it.
pub struct Reporting {
    file: ReportFile,
    collected: Mutex<Result<Report, io::Error>>,
}

impl Reporting {
    /// A report that will be written to `path`; nothing where there is no path.
    ///
    /// # Errors
    /// The file could not be written, as far as can be known now.
    pub fn begin(path: Option<&Path>, about: impl FnOnce() -> About) -> anyhow::Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let file = ReportFile::create(path)?;
        Ok(Some(Self { file, collected: Mutex::new(Ok(Report::new(about())?)) }))
    }

    /// Adds an alert; a failure is told at the end, and hinders nothing else.
    pub fn add(&self, document: &Map<String, Value>, standing: Standing) {
        let mut collected = locked(&self.collected);
        if let Ok(report) = collected.as_mut()
            && let Err(error) = report.add(document, standing)
        {
            *collected = Err(error);
        }
    }

    /// The ids of at most `most` alerts from the `from`th on.
    fn ids(&self, from: usize, most: usize) -> Vec<String> {
        let mut collected = locked(&self.collected);
        let Ok(report) = collected.as_mut() else { return Vec::new() };
        report.ids(from, most).unwrap_or_else(|error| {
            *collected = Err(error);
            Vec::new()
        })
    }

    /// Writes the page; false where that failed, which is said.
    pub fn finish(self, summary: &Summary) -> bool {
        let collected = self.collected.into_inner().unwrap_or_else(PoisonError::into_inner);
        let written = match collected {
            Ok(report) => self.file.write(report, summary).map_err(|error| error.to_string()),
            Err(error) => Err(format!("the report could not be collected: {error}")),
        };
        written.inspect_err(|error| output::say(&format!("error: {error}"))).is_ok()
    }
}

impl Listener {
    /// Nothing heard yet.
    pub fn new(report: Option<Reporting>) -> Self {
        Self { cards: Mutex::default(), wants_report: report.is_some(), report: Mutex::new(report) }
    }

    /// Whether a report is wanted.
    pub fn reports(&self) -> bool {
        self.wants_report
    }

    /// Takes an alert in.
    pub fn hear(&self, document: &Map<String, Value>, standing: Standing) {
        if standing != Standing::Existing {
            self.note(document);
        }
        if let Some(report) = locked(&self.report).as_ref() {
            report.add(document, standing);
        }
    }

    /// The ids of at most `most` alerts that people will see, from the `from`th on.
    pub fn ids(&self, from: usize, most: usize) -> Vec<String> {
        if let Some(report) = locked(&self.report).as_ref() {
            return report.ids(from, most);
        }
        locked(&self.cards).first.iter().skip(from).take(most).map(|alert| alert.id.clone()).collect()
    }

    /// Takes an alert in again that was completed since.
    pub fn hear_again(&self, document: &Map<String, Value>) {
        let alert = kept(document);
        if let Some(card) = locked(&self.cards).first.iter_mut().find(|card| card.id == alert.id) {
            *card = alert;
        }
        if let Some(report) = locked(&self.report).as_ref() {
            // The report keeps what it knows of its standing.
            report.add(document, Standing::Existing);
        }
    }

    fn note(&self, document: &Map<String, Value>) {
        let mut cards = locked(&self.cards);
        cards.all += 1;
        if let Some(rule) = document.get("kibana.alert.rule.rule_id").and_then(Value::as_str)
            && !cards.rules.contains(rule)
        {
            cards.rules.insert(rule.to_owned());
        }
        if cards.first.len() < MOST_CARDS {
            cards.first.push(kept(document));
        }
    }

    /// Prints the first alerts; false where nobody reads any more.
    pub fn show(&self, look: Look) -> bool {
        let cards = locked(&self.cards);
        let rest = cards.all.saturating_sub(cards.first.len() as u64);
        let shown = cards.first.iter().map(|alert| card(alert, None, look) + "\n");
        shown.chain((rest > 0).then(|| format!("… and {rest} more\n"))).all(|lines| output::result(&lines))
    }

    /// Prints the guides of the rules that were heard of, each once; false where nobody reads any more.
    pub fn show_guides<'a>(&self, rules: impl Iterator<Item = &'a Rule>, look: Look) -> bool {
        let cards = locked(&self.cards);
        let heard = rules.filter(|rule| cards.rules.contains(&rule.rule_id));
        heard.filter_map(|rule| guide(rule, look)).all(|lines| output::result(&(lines + "\n")))
    }

    /// Writes the report, where one is wanted; false where that failed.
    pub fn finish(&self, summary: impl FnOnce() -> Summary) -> bool {
        let report = locked(&self.report).take();
        report.is_none_or(|report| report.finish(&summary()))
    }
}

/// What a card shows of an alert; the whole event may be large.
fn kept(document: &Map<String, Value>) -> Alert {
    Alert { event: Vec::new(), ..Alert::read(document) }
}

/// What lies behind these locks is whole after every call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The report: alerts are added as they come, and written as one page when all is known.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use maud::{Markup, PreEscaped, html};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::alert::Alert;
use super::card::{NAMES, Setting, card, place};
use super::guide::Guide;
use super::overview::overview;
use super::read::items;
use super::sets::Sets;
use super::shown::{attribute, counted, number, value};
use super::spill::{Place, Spill};
use super::tally::{Tally, grade_rank, severity_rank};

/// Most alerts that the page shows one by one; with more, browsers fail. All of them are counted.
const MOST_SHOWN: usize = 5_000;

/// So many alerts have everything on the page. Of the others, what an event holds is left out, and what they share with
/// alerts before them is led to: else the page would weigh hundreds of megabytes.
const WHOLE: usize = 200;

/// Up to so many alerts are open from the start.
const OPEN_FROM_THE_START: usize = 3;

/// Up to so many alerts are printed with everything in them; of more, those that are open.
const PRINTED_WHOLE: usize = 50;

const STYLE: &str = include_str!("style.css");

/// How every report begins, whichever version made it: by this one is told from any other file.
pub(super) const BEGINNING: &str = concat!(
    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">",
    "<meta name=\"generator\" content=\"stakeout\">"
);

/// What the report is of.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Such as `Backfill of 2026-11-20`.
    pub title: String,
    /// When it is made.
    pub made_at: DateTime<Utc>,
    /// Where the events were.
    pub source: String,
    /// Which alerts it holds, in a sentence.
    pub holds: String,
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was written now.
    Created,
    /// It was there already.
    Existing,
    /// It would be written, were this no dry run.
    Planned,
    /// It should be there and is not.
    Missing,
    /// It is a match in a file, and nobody writes an alert of it.
    Match,
}

impl Standing {
    /// The word for it on an alert; none where it is the same for all.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Created => Some("new"),
            Self::Existing => Some("alerted before"),
            Self::Planned => Some("not written"),
            Self::Missing => Some("missing"),
            Self::Match => None,
        }
    }
}

/// What one rule's run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleRun {
    /// The rule's name.
    pub name: String,
    /// The time that was read, in words.
    pub period: String,
    /// Counts with what they count, such as `("Matches", 3)`; the same names for each rule.
    pub counts: Vec<(&'static str, u64)>,
}

/// What is known when everything has run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// The rules.
    pub runs: Vec<RuleRun>,
    /// Why the report may lack alerts; empty where all was read.
    pub problems: Vec<String>,
    /// What was read, where that were files.
    pub read: Option<FilesRead>,
}

/// How much was read of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilesRead {
    /// Files.
    pub files: u64,
    /// Events in them.
    pub events: u64,
}

/// An alert that was added.
#[derive(Debug, Clone, Copy)]
struct Entry {
    place: Place,
    standing: Standing,
    severity: u8,
    grade: u8,
    millis: Option<i64>,
}

/// The alerts of one page. They are set aside in a temporary file; some 60 bytes of each stay in memory.
#[derive(Debug)]
pub struct Report {
    about: About,
    spill: Spill,
    entries: Vec<Entry>,
    by_id: HashMap<u128, usize>,
    guides: Vec<Guide>,
}

impl Report {
    /// An empty report.
    ///
    /// # Errors
    /// There is no room for temporary files.
    pub fn new(about: About) -> io::Result<Self> {
        let (entries, by_id, guides) = Default::default();
        Ok(Self { about, spill: Spill::new()?, entries, by_id, guides })
    }

    /// Adds an alert document. One whose `kibana.alert.uuid` was added before takes that one's place: it may have been
    /// completed since.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn add(&mut self, document: &Map<String, Value>, standing: Standing) -> io::Result<()> {
        let own = without_rule(document);
        let alert = Alert::read(&own);
        if !alert.rule_id.is_empty() && !self.guides.iter().any(|guide| guide.rule_id == alert.rule_id) {
            self.guides.push(Guide::read(document, &alert.rule_id, &alert.rule_name));
        }
        let rank = |place: usize| u8::try_from(place).unwrap_or(u8::MAX);
        let entry = Entry {
            place: self.spill.put(&own)?,
            standing,
            severity: rank(severity_rank(alert.severity)),
            grade: grade_rank(&alert).map_or(u8::MAX, rank),
            millis: alert.millis,
        };
        match self.known(&alert.id) {
            Some(earlier) => {
                self.entries[earlier] = Entry { standing: self.entries[earlier].standing, ..entry }
            }
            None => self.entries.push(entry),
        }
        Ok(())
    }

    /// The ids of at most `most` alerts from the `from`th on, in the order in which they were added first.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn ids(&mut self, from: usize, most: usize) -> io::Result<Vec<String>> {
        let places: Vec<Place> = self.entries.iter().skip(from).take(most).map(|entry| entry.place).collect();
        let ids = places.into_iter().map(|place| Ok(Alert::read(&self.spill.get(place)?).id));
        ids.collect()
    }

    /// How many alerts it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// `out` cannot be written, or the temporary file not read.
    pub fn write(mut self, summary: &Summary, out: &mut impl Write) -> io::Result<()> {
        let mut tally = Tally::default();
        for at in 0..self.entries.len() {
            let document = self.spill.get(self.entries[at].place)?;
            tally.add(&Alert::read(&document));
        }
        self.entries.sort_by_key(|entry| (entry.severity, entry.grade, entry.millis.is_none(), entry.millis));
        self.begin(&tally, summary, out)?;
        self.cards(&tally, out)?;
        self.end(out)
    }

    /// The entry with this id, which is noted as the next one if it is new.
    fn known(&mut self, id: &str) -> Option<usize> {
        if id.is_empty() {
            return None;
        }
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(id)[..16]);
        let next = self.entries.len();
        let at = *self.by_id.entry(u128::from_be_bytes(key)).or_insert(next);
        (at < next).then_some(at)
    }

    fn begin(&self, tally: &Tally, summary: &Summary, out: &mut impl Write) -> io::Result<()> {
        let print = if self.entries.len() <= PRINTED_WHOLE { "few" } else { "many" };
        let head = html! {
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            meta name="robots" content="noindex";
            title { (attribute(&self.about.title)) " · stakeout" }
            style { (PreEscaped(STYLE)) }
        };
        write!(out, "{BEGINNING}{}</head>", head.into_string())?;
        let first_of = self.first_by_stretch(tally);
        let top = html! {
            a.skip href="#alerts" { "Skip to the alerts" }
            (self.header(tally, summary))
        };
        let overview = overview(tally, summary, &first_of);
        write!(out, "<body class=\"{print}\">{}<main>{}", top.into_string(), overview.into_string())
    }

    fn header(&self, tally: &Tally, summary: &Summary) -> Markup {
        let About { title, made_at, source, holds } = &self.about;
        html! {
            header {
                p.brand { "stakeout report" }
                h1 { (value(title)) }
                p.meta {
                    "Made " time datetime=(made_at.to_rfc3339()) { (made_at.format("%Y-%m-%d %H:%M")) " UTC" }
                    " · " (value(source)) " · stakeout " (env!("CARGO_PKG_VERSION"))
                }
                p.meta { (value(holds)) }
                @if summary.problems.is_empty() && summary.read.is_some_and(|read| read.events == 0) {
                    p.state.open { b { "Nothing was read." } " There was no event where events were looked for." }
                } @else if summary.problems.is_empty() {
                    p.state.good { b { "Complete." } " Everything that was to be read was read." }
                } @else {
                    div.state.bad role="alert" {
                        b { "Incomplete." } " Alerts may be missing here:"
                        ul { @for problem in &summary.problems { li { (value(problem)) } } }
                    }
                }
                nav aria-label="Parts of this page" {
                    a href="#overview" { "Overview" }
                    a href="#alerts" { "Alerts (" (number(tally.alerts)) ")" }
                    @if !self.guides.is_empty() { a href="#guides" { "Guides (" (self.guides.len()) ")" } }
                }
            }
        }
    }

    /// The place on the page of the first alert in each stretch of the timeline, by the stretch's start.
    fn first_by_stretch(&self, tally: &Tally) -> HashMap<i64, String> {
        let length = tally.timeline.length();
        let mut first = HashMap::new();
        for (at, entry) in self.entries.iter().take(MOST_SHOWN).enumerate() {
            if let Some(millis) = entry.millis {
                first.entry(millis.div_euclid(length) * length).or_insert_with(|| place(at));
            }
        }
        first
    }

    fn cards(&mut self, tally: &Tally, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "<section id=\"alerts\" aria-labelledby=\"alerts-title\"><h2 id=\"alerts-title\">Alerts</h2>"
        )?;
        if self.entries.is_empty() {
            writeln!(out, "<p class=\"empty\">Nothing was found.</p>")?;
        }
        if self.entries.len() > WHOLE {
            writeln!(
                out,
                "<p class=\"hint\">The first {WHOLE} alerts are shown with everything. Of the others, the event's fields and \
                 the links of searches are left out, which the alert documents hold; searches and commands that several \
                 share are shown once.</p>"
            )?;
        }
        let mut sets = Sets::default();
        let mut group = None;
        for at in 0..self.entries.len().min(MOST_SHOWN) {
            let entry = self.entries[at];
            if group != Some(entry.severity) {
                group = Some(entry.severity);
                let severity = usize::from(entry.severity);
                let count = counted(tally.severities[severity], "alert");
                writeln!(out, "<h3>{} <span class=\"count\">{count}</span></h3>", NAMES[severity])?;
            }
            let alert = Alert::read(&self.spill.get(entry.place)?);
            let open = self.entries.len() <= OPEN_FROM_THE_START;
            let guide = self.guides.iter().position(|guide| guide.rule_id == alert.rule_id);
            let guide = guide.map(|number| (&self.guides[number], number));
            let before = sets.note(&alert, at);
            let brief = (at >= WHOLE).then_some(before);
            let setting = Setting { number: at, standing: entry.standing, guide, open, brief };
            writeln!(out, "{}", card(&alert, setting).into_string())?;
        }
        let rest = self.entries.len().saturating_sub(MOST_SHOWN);
        if rest > 0 {
            let rest = counted(rest as u64, "more alert");
            writeln!(out, "<p class=\"empty\">{rest} counted above, too many to be shown one by one.</p>")?;
        }
        writeln!(out, "</section>")
    }

    fn end(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.guides.is_empty() {
            writeln!(
                out,
                "<section id=\"guides\" aria-labelledby=\"guides-title\"><h2 id=\"guides-title\">Guides</h2>"
            )?;
            for (number, guide) in self.guides.iter().enumerate() {
                writeln!(out, "{}", guide.section(number).into_string())?;
            }
            writeln!(out, "</section>")?;
        }
        let footer = html! {
            footer { p { "Made by stakeout. Times are UTC. This page loads nothing and runs nothing." } }
        };
        writeln!(out, "</main>{}</body></html>", footer.into_string())
    }
}

/// Nothing may be loaded or run; the one style sheet is known by its hash.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// The document without what its rule's guide holds once for all.
fn without_rule(document: &Map<String, Value>) -> Map<String, Value> {
    let is_kept = |(key, value): &(&String, &Value)| match key.strip_prefix("kibana.alert.rule.") {
        Some(name) => name == "rule_id" || name == "name",
        None => !is_copied_rule(key, value, document),
    };
    document.iter().filter(is_kept).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether this is the rule in ECS's names, rather than something that the event says.
fn is_copied_rule(root: &str, value: &Value, document: &Map<String, Value>) -> bool {
    let of_rule = |name: &str| document.get(&format!("kibana.alert.rule.{name}")).unwrap_or(&Value::Null);
    match root {
        "rule" => value["uuid"].is_string() && value["uuid"] == *of_rule("rule_id"),
        "threat" => {
            let tactics: HashSet<&str> = items(of_rule("threat"))
                .iter()
                .filter_map(|threat| threat["tactic"]["id"].as_str())
                .collect();
            let copied = items(&value["tactic"]["id"]).iter().filter_map(Value::as_str).collect();
            !tactics.is_empty() && tactics == copied
        }
        _ => false,
    }
}

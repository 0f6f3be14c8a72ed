//! From the file as written to the rule as needed: defaults, and every check that goes beyond the form.

use std::time::Duration;

use serde_json::Value;

use super::file::RuleFile;
use super::keys::SUPPORTED_TYPE;
use super::model::{EVENT_CATEGORY, Example, Rule, RuleSeverity, Schedule, TIMESTAMP, TimeFields};
use super::parse_query::parse_query;
use super::query::QueryText;
use super::report::Report;
use super::tree::Table;
use super::triage::{self, Triage};
use super::{check_values, threat, transform};
use crate::diagnostic::Node;
use crate::eql::Query;

/// What reading one file gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The rule; nothing if any report holds an error.
    pub rule: Option<Rule>,
    /// The file as written.
    pub file: RuleFile,
    /// The file's problems, and the query's where they cannot be shown in the file; none without problems.
    pub reports: Vec<Report>,
}

/// Reads a rule from the bytes of a file; `origin` names it in messages.
#[must_use]
pub fn read(origin: &str, bytes: &[u8]) -> Reading {
    let file = RuleFile::parse(bytes);
    let mut report = Report::new(origin, &file.text, file.problems.clone());
    let (rule, own) = match file.root.table("rule") {
        Some(table) => Conversion { origin, root: &file.root, rule: table, report: &mut report }.run(),
        None => (None, None),
    };
    report.sort();
    let reports: Vec<_> =
        [Some(report), own].into_iter().flatten().filter(|report| !report.problems.is_empty()).collect();
    let usable = reports.iter().all(|report| report.errors() == 0);
    Reading { rule: rule.filter(|_| usable), file, reports }
}

/// One conversion: values that are missing or of the wrong type have been complained about already.
struct Conversion<'a> {
    origin: &'a str,
    root: &'a Table,
    rule: &'a Table,
    report: &'a mut Report,
}

impl Conversion<'_> {
    /// The rule and, where the query's text does not stand in the file as it is, the report on the query.
    fn run(mut self) -> (Option<Rule>, Option<Report>) {
        self.check();
        let schedule = self.schedule();
        let threat =
            self.rule.tables("threat").filter_map(|one| threat::read(one, &mut self.report.problems));
        let threat: Vec<_> = threat.collect();
        let (query, query_report) = self.query();
        let triage =
            self.root.table("stakeout").map(|own| triage::read(own, self.report)).unwrap_or_default();
        let rule =
            query.zip(schedule).and_then(|(query, schedule)| self.build(query, schedule, threat, triage));
        (rule, query_report)
    }

    fn check(&mut self) {
        let problems = &mut self.report.problems;
        check_values::rule_type(self.rule, problems);
        check_values::name(self.rule, problems);
        check_values::rule_id(self.rule, problems);
        check_values::indices(self.rule, problems);
        check_values::fields(self.rule, problems);
        check_values::references(self.rule, problems);
        check_values::switched_off(self.rule, problems);
        if let Some(metadata) = self.root.table("metadata") {
            check_values::metadata(metadata, problems);
        }
        if let Some(stakeout) = self.root.table("stakeout") {
            check_values::stakeout(stakeout, problems);
        }
    }

    fn schedule(&mut self) -> Option<Schedule> {
        check_values::schedule(self.rule, &mut self.report.problems)
            .map(|(look_back, interval): (Duration, Duration)| Schedule { look_back, interval })
    }

    /// The query, if the rule is of a type whose queries can be read, and a report where it cannot be shown in the file.
    fn query(&mut self) -> (Option<Query>, Option<Report>) {
        let Some(written) = self.rule.text("query") else { return (None, None) };
        if self.rule.text("type").is_none_or(|kind| kind.node != SUPPORTED_TYPE) {
            return (None, None);
        }
        let place = QueryText::locate(written.node, written.span, &self.report.text);
        match parse_query(&place.text) {
            Ok(query) => (Some(query), None),
            Err(problems) => (None, place.report(problems, self.report)),
        }
    }

    fn build(
        &self,
        query: Query,
        schedule: Schedule,
        threat: Vec<super::threat::Threat>,
        triage: Triage,
    ) -> Option<Rule> {
        let note = self.optional("note").map(|note| transform::render(&note, self.root.table("transform")));
        let mut parameters = self.rule.to_json();
        if let Some(note) = &note {
            parameters.insert("note".to_owned(), Value::String(note.clone()));
        }
        Some(Rule {
            origin: self.origin.to_owned(),
            rule_id: self.optional("rule_id")?,
            name: self.optional("name")?,
            description: self.optional("description")?,
            severity: RuleSeverity::named(self.rule.text("severity")?.node)?,
            risk_score: u8::try_from(self.rule.integer("risk_score")?).ok()?,
            tags: texts(self.rule, "tags"),
            references: texts(self.rule, "references"),
            false_positives: texts(self.rule, "false_positives"),
            note,
            setup: self.optional("setup"),
            author: texts(self.rule, "author"),
            license: self.optional("license"),
            version: self.number("version"),
            index: texts(self.rule, "index"),
            query,
            category_field: self.optional("event_category_override").unwrap_or(EVENT_CATEGORY.to_owned()),
            time: self.time_fields(),
            schedule,
            max_signals: self.number("max_signals").unwrap_or(100),
            threat,
            building_block_type: self.optional("building_block_type"),
            identity: self.stakeout().map(|own| texts(own, "identity")).unwrap_or_default(),
            examples: self.stakeout().map(examples).unwrap_or_default(),
            parameters,
            metadata: self.root.table("metadata").map(Table::to_json).unwrap_or_default(),
            triage,
        })
    }

    /// Kibana's rule: the override where the rule has one, and `@timestamp` for documents that lack it.
    fn time_fields(&self) -> TimeFields {
        let primary = self.optional("timestamp_override").unwrap_or(TIMESTAMP.to_owned());
        let disabled = self.rule.boolean("timestamp_override_fallback_disabled").is_some_and(|off| off.node);
        let fallback = (primary != TIMESTAMP && !disabled).then(|| TIMESTAMP.to_owned());
        TimeFields { primary, fallback }
    }

    fn stakeout(&self) -> Option<&Table> {
        self.root.table("stakeout")
    }

    fn optional(&self, key: &str) -> Option<String> {
        self.rule.text(key).map(|text| text.node.to_owned())
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.rule.integer(key).and_then(|number| u64::try_from(number).ok())
    }
}

fn texts(table: &Table, key: &str) -> Vec<String> {
    table.texts(key).map(|Node { node, .. }| node.to_owned()).collect()
}

fn examples(stakeout: &Table) -> Vec<Example> {
    let read = |example: &Table| {
        let name = example.text("name")?.node.to_owned();
        let matches = example.boolean("matches")?.node;
        Some(Example { name, matches, event: example.table("event")?.to_json() })
    };
    stakeout.tables("examples").filter_map(read).collect()
}

//! The log on stderr: lines for people, or one JSON object a line with what the line is about.
//!
//! A JSON line has `timestamp`, `level`, `message`, `run_id` (as in `stakeout.run_id` of alerts), then `rule`, `rule_id`
//! and the window's `from` and `to` where it belongs to one, then whatever else it tells, and `target`.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit, display};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::args::LogFormat;
use crate::schedule;

/// The crate's own lines and spans.
const OWN: &str = env!("CARGO_CRATE_NAME");

/// The run that lines are written for, where they are JSON: what is said past the log becomes a line of it too.
static JSON_RUN: OnceLock<String> = OnceLock::new();

/// Whether only errors are said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Begins to log for the run `run_id`: by `verbose`, or only errors where `quiet`.
pub fn start(format: LogFormat, verbose: u8, quiet: bool, color: bool, run_id: &str) {
    let (ours, others) = match (quiet, verbose) {
        (true, _) => (Level::ERROR, Level::ERROR),
        (false, 0) => (Level::INFO, Level::WARN),
        (false, 1) => (Level::DEBUG, Level::WARN),
        (false, _) => (Level::TRACE, Level::INFO),
    };
    QUIET.store(quiet, Ordering::Relaxed);
    let levels = Targets::new().with_default(others).with_target(OWN, ours);
    match format {
        LogFormat::Text => {
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(color)
                .with_target(false);
            tracing_subscriber::registry().with(lines).with(levels).init();
        }
        LogFormat::Json => {
            JSON_RUN.get_or_init(|| run_id.to_owned());
            // Whatever the level, a line says which rule and window it belongs to.
            let wanted = move |about: &Metadata<'_>| {
                levels.would_enable(about.target(), about.level())
                    || (about.is_span() && about.target().starts_with(OWN))
            };
            let lines = JsonLines { run_id: run_id.to_owned(), write: to_stderr };
            tracing_subscriber::registry().with(lines.with_filter(filter_fn(wanted))).init();
            panic::set_hook(Box::new(fault));
        }
    }
}

/// Says a fault of the program as a line like any other, which knows the rule and window that it happened in.
fn fault(about: &PanicHookInfo<'_>) {
    let trace = Backtrace::capture();
    let backtrace = (trace.status() == BacktraceStatus::Captured).then(|| display(trace));
    tracing::error!(backtrace, "{about}");
}

/// How lines are written.
pub fn format() -> LogFormat {
    if JSON_RUN.get().is_some() { LogFormat::Json } else { LogFormat::Text }
}

/// Whether words for people need not be said any more: they are a line of JSON, or nobody wants to hear of such.
pub fn settled(words: &str) -> bool {
    let (level, words) = match words.split_once(": ") {
        Some(("error", rest)) => (Level::ERROR, rest),
        Some(("warning", rest)) => (Level::WARN, rest),
        _ => (Level::INFO, words),
    };
    if QUIET.load(Ordering::Relaxed) && level != Level::ERROR {
        return true;
    }
    let Some(run_id) = JSON_RUN.get() else { return false };
    to_stderr(&line(level, words.trim_end(), run_id, Map::new(), Map::new(), OWN));
    true
}

/// Writes each line that is logged as JSON.
struct JsonLines {
    run_id: String,
    write: fn(&str),
}

/// The fields of a span, kept with it.
struct Kept(Map<String, Value>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields { name: attributes.metadata().name(), found: Map::new() };
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Kept(fields.found));
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields { name: span.name(), found: Map::new() };
        record.record(&mut fields);
        if let Some(kept) = span.extensions_mut().get_mut::<Kept>() {
            kept.0.extend(fields.found);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut about = Map::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(kept) = span.extensions().get::<Kept>() {
                about.extend(kept.0.clone());
            }
        }
        let mut fields = Fields { name: "name", found: Map::new() };
        event.record(&mut fields);
        let message = match fields.found.shift_remove("message") {
            Some(Value::String(message)) => message,
            other => other.unwrap_or_default().to_string(),
        };
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        (self.write)(&line(level, &message, &self.run_id, about, fields.found, target));
    }
}

/// What a line tells itself goes before what its spans tell.
fn line(
    level: Level,
    message: &str,
    run_id: &str,
    about: Map<String, Value>,
    fields: Map<String, Value>,
    target: &str,
) -> String {
    let timestamp = schedule::utc_now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let begin = [
        ("timestamp", timestamp.into()),
        ("level", level.as_str().into()),
        ("message", message.into()),
        ("run_id", run_id.into()),
    ];
    let mut line: Map<String, Value> =
        begin.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect();
    for (name, value) in about.into_iter().chain(fields) {
        line.insert(name, value);
    }
    line.insert("target".to_owned(), target.into());
    Value::Object(line).to_string()
}

fn to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Collects fields; a span's `name` is what the span is about, under the span's own name.
struct Fields {
    name: &'static str,
    found: Map<String, Value>,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        let name = if field.name() == "name" { self.name } else { field.name() };
        self.found.insert(name.to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};
    use tracing_subscriber::prelude::*;

    use super::{JsonLines, fault};

    thread_local! {
        static LINES: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
    }

    fn keep(line: &str) {
        LINES.with_borrow_mut(|lines| lines.push(serde_json::from_str(line).expect("a line of JSON")));
    }

    /// The lines that `work` logs, without the time.
    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let layer = JsonLines { run_id: "r-1".to_owned(), write: keep };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let mut lines = LINES.take();
        for line in &mut lines {
            let time = line["timestamp"].take();
            chrono::DateTime::parse_from_rfc3339(time.as_str().expect("a text")).expect("a time");
            line.as_object_mut().expect("an object").shift_remove("timestamp");
        }
        lines
    }

    #[test]
    fn a_line_says_what_it_is_about() {
        let lines = logged(|| {
            let _rule = tracing::debug_span!("rule", name = "A \"b\"", rule_id = "1").entered();
            let _window = tracing::debug_span!("window", from = %"F", to = %"T").entered();
            tracing::warn!(count = 3, is = true, reason = %"owed", "said\nso");
        });
        let target = module_path!();
        assert_eq!(
            lines,
            [
                json!({"level": "WARN", "message": "said\nso", "run_id": "r-1", "rule": "A \"b\"", "rule_id": "1",
                "from": "F", "to": "T", "count": 3, "is": true, "reason": "owed", "target": target})
            ]
        );
    }

    #[test]
    fn a_fault_of_the_program_is_a_line_that_says_what_it_is_about() {
        let (here, previous) = (std::thread::current().id(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |about| {
            if std::thread::current().id() == here { fault(about) } else { previous(about) }
        }));
        let lines = logged(|| {
            let _rule = tracing::debug_span!("rule", name = "A", rule_id = "1").entered();
            std::panic::catch_unwind(|| panic!("no \"such\"\nthing")).expect_err("a fault");
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((line["level"].as_str(), line["rule_id"].as_str()), (Some("ERROR"), Some("1")), "{line}");
        let message = line["message"].as_str().expect("a text");
        assert!(message.starts_with("panicked at src/cli/log.rs:"), "{message}");
        assert!(message.ends_with("no \"such\"\nthing"), "{message}");
    }

    #[test]
    fn a_lines_own_fields_go_before_those_around_it() {
        let lines = logged(|| {
            let _rule = tracing::debug_span!("rule", name = "outer").entered();
            tracing::info!(rule = "own", name = "n", at = tracing::field::Empty, "m");
        });
        assert_eq!(
            lines,
            [json!({"level": "INFO", "message": "m", "run_id": "r-1", "rule": "own", "name": "n",
                "target": module_path!()})]
        );
    }
}

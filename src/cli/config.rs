//! `stakeout.toml`: the settings that flags and environment give too, and which both go before it.
//!
//! What a file says becomes the default of the flag of the same meaning, in every command that has it: so there is one
//! place where a value is read and checked.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use super::args::Cli;
use super::precedence;
use crate::bounded;
use crate::diagnostic::sanitize;

/// The largest file; one with every key has some kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// The flag and the variable that name the file.
const FLAG: &str = "--config";
const VARIABLE: &str = "STAKEOUT_CONFIG";

/// Tables and keys, and the ids of the arguments that they are the defaults of.
pub(super) const KEYS: &[(&str, &str, &str)] = &[
    ("elasticsearch", "url", "elasticsearch_url"),
    ("elasticsearch", "cloud_id", "cloud_id"),
    ("elasticsearch", "api_key", "api_key"),
    ("elasticsearch", "api_key_file", "api_key_file"),
    ("elasticsearch", "username", "username"),
    ("elasticsearch", "password", "password"),
    ("elasticsearch", "password_file", "password_file"),
    ("elasticsearch", "bearer_token", "bearer_token"),
    ("elasticsearch", "bearer_token_file", "bearer_token_file"),
    ("elasticsearch", "ca_cert", "ca_cert"),
    ("elasticsearch", "ca_fingerprint", "ca_fingerprint"),
    ("elasticsearch", "client_cert", "client_cert"),
    ("elasticsearch", "client_key", "client_key"),
    ("elasticsearch", "proxy", "proxy"),
    ("elasticsearch", "proxy_file", "proxy_file"),
    ("elasticsearch", "compression", "compression"),
    ("elasticsearch", "request_timeout", "request_timeout"),
    ("kibana", "url", "kibana_url"),
    ("kibana", "space", "kibana_space"),
    ("alerts", "index", "alerts_index"),
    ("alerts", "external", "external_alerts"),
    ("alerts", "security", "security_alerts"),
    ("rules", "paths", "rules"),
    ("rules", "expected", "expected"),
    ("rules", "no_triage", "no_triage"),
    ("watch", "listen", "listen"),
    ("log", "format", "log_format"),
];

/// The table of any keys, each of which is a rule, and the id of the argument whose values they are with what they hold.
pub(super) const SCHEDULE: &str = "schedule";

/// The command line with the defaults of the file that `arguments` or the environment name; unchanged where none is named.
///
/// # Errors
/// The file cannot be read, or every key and value in it that cannot be used.
pub fn with_defaults(command: Command, arguments: &[OsString]) -> anyhow::Result<Command> {
    let command = without_empty_variables(command);
    let Some(path) = named(arguments) else { return Ok(precedence::settled(command, arguments)) };
    let text = bounded::read_text(&path, MAX_BYTES)
        .with_context(|| format!("the configuration `{}` cannot be read", path.display()))?;
    let table = parsed(&text)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("the configuration `{}` is no TOML", path.display()))?;
    let (defaults, problems) = read(&table, &command);
    if !problems.is_empty() {
        bail!("the configuration `{}` cannot be used:\n  {}", path.display(), problems.join("\n  "));
    }
    let command =
        defaults.into_iter().fold(command, |command, (id, values)| with_default(command, id, &values));
    Ok(precedence::settled(command, arguments))
}

/// What was typed at the start, over what the file says now.
///
/// # Errors
/// As [`with_defaults`].
pub fn read_again(arguments: &[OsString]) -> anyhow::Result<Cli> {
    let command = with_defaults(Cli::command(), arguments)?;
    let matches = command.try_get_matches_from(arguments)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// Checks the text of a file of settings, as every command does before it begins.
///
/// # Errors
/// Everything that is wrong with it, each in a line that shows no value.
pub fn check_settings(text: &str) -> Result<(), Vec<String>> {
    let table = parsed(text).map_err(|problem| vec![problem])?;
    match read(&table, &Cli::command()).1 {
        problems if problems.is_empty() => Ok(()),
        problems => Err(problems),
    }
}

fn parsed(text: &str) -> Result<Table, String> {
    text.parse().map_err(|error: toml::de::Error| sanitize(&place(text, &error)))
}

/// Where a file is no TOML and why, without showing its text, which may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// The file that is named, by the flag or else by the variable; what is empty counts as not given.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub fn named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    let mut flag = None;
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == FLAG {
            flag = rest.next().map(PathBuf::from);
        } else if let Some(path) = text.strip_prefix(FLAG).and_then(|rest| rest.strip_prefix('=')) {
            flag = Some(PathBuf::from(path));
        }
    }
    let given = flag.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    given.filter(|path| !path.as_os_str().is_empty())
}

/// The values by the ids of their arguments, and what is wrong.
fn read(table: &Table, command: &Command) -> (Vec<(&'static str, Vec<String>)>, Vec<String>) {
    let (mut defaults, mut problems) = (Vec::new(), Vec::new());
    for (name, section) in table {
        if let (SCHEDULE, Value::Table(section)) = (name.as_str(), section) {
            match schedule(section, command) {
                Ok(values) => defaults.push((SCHEDULE, values)),
                Err(wrong) => problems.extend(wrong),
            }
            continue;
        }
        if name != SCHEDULE && !KEYS.iter().any(|(known, ..)| known == name) {
            let mut tables: Vec<&str> = KEYS.iter().map(|(table, ..)| *table).collect();
            tables.dedup();
            tables.push(SCHEDULE);
            problems.push(format!("unknown table `{name}`; expected one of {}", tables.join(", ")));
            continue;
        }
        let Value::Table(section) = section else {
            problems.push(format!("expected `{name}` as a table, `[{name}]`"));
            continue;
        };
        for (key, value) in section {
            match one(name, key, value, command) {
                Ok(default) => defaults.push(default),
                Err(problem) => problems.push(problem),
            }
        }
    }
    // Names may be anything, even what would move a terminal's cursor.
    let problems = problems.iter().map(|problem| sanitize(problem)).collect();
    (defaults, problems)
}

/// When rules run, as it would be typed; or each line that cannot be used.
fn schedule(section: &Table, command: &Command) -> Result<Vec<String>, Vec<String>> {
    let argument = argument(command, SCHEDULE);
    let line = |(rule, interval): (&String, &Value)| {
        let Value::String(interval) = interval else {
            return Err(format!(
                "expected `{SCHEDULE}.\"{rule}\"` as a text such as \"10m\" or \"off\", found {}",
                found(interval)
            ));
        };
        let typed = format!("{rule}={interval}");
        match argument.and_then(|argument| refused(argument, std::slice::from_ref(&typed))) {
            Some(reason) => Err(format!("`{SCHEDULE}.\"{rule}\"`: {reason}")),
            None => Ok(typed),
        }
    };
    let (typed, wrong): (Vec<_>, Vec<_>) = section.iter().map(line).partition(Result::is_ok);
    if wrong.is_empty() {
        return Ok(typed.into_iter().flatten().collect());
    }
    Err(wrong.into_iter().filter_map(Result::err).collect())
}

/// One value, by the id of its argument.
fn one(
    name: &str,
    key: &str,
    value: &Value,
    command: &Command,
) -> Result<(&'static str, Vec<String>), String> {
    let known = KEYS.iter().find(|(table, known, _)| *table == name && *known == key);
    let Some((.., id)) = known else {
        let keys: Vec<&str> =
            KEYS.iter().filter(|(table, ..)| *table == name).map(|(_, key, _)| *key).collect();
        return Err(format!("unknown key `{name}.{key}`; expected one of {}", keys.join(", ")));
    };
    let argument = argument(command, id);
    let shape = argument.map_or(Shape::Text, Shape::of);
    // Not the value itself, which may be a secret.
    let other = || format!("expected `{name}.{key}` as {}, found {}", shape.described(), found(value));
    let words = shape.words(value).ok_or_else(other)?;
    match argument.and_then(|argument| refused(argument, &words)) {
        Some(reason) => Err(format!("`{name}.{key}`: {reason}")),
        None => Ok((id, words)),
    }
}

/// Why an argument cannot have these values, by the same parser as for what is typed.
fn refused(argument: &Arg, values: &[String]) -> Option<String> {
    let alone = Arg::new("value")
        .long("value")
        .action(argument.get_action().clone())
        .value_parser(argument.get_value_parser().clone())
        .default_values(values.to_vec());
    let error = Command::new("values").no_binary_name(true).arg(alone).try_get_matches_from([""; 0]).err()?;
    let reason = std::error::Error::source(&error).map(ToString::to_string);
    Some(reason.unwrap_or_else(|| "no value that can be used".to_owned()))
}

/// What a value is, for messages.
fn found(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "another text",
        Value::Array(_) => "a list",
        other => other.type_str(),
    }
}

/// The argument with this id, of whichever command has it.
pub(super) fn argument<'c>(command: &'c Command, id: &str) -> Option<&'c Arg> {
    let mut commands = std::iter::once(command).chain(command.get_subcommands());
    commands.find_map(|one| one.get_arguments().find(|argument| argument.get_id() == id))
}

/// What a value must be, which its argument says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text, or a whole number that stands for its digits.
    Text,
    /// One of these texts.
    OneOf(Vec<String>),
    /// A whole number of seconds.
    Seconds,
    /// True or false.
    Flag,
    /// One text or several.
    Texts,
}

impl Shape {
    pub(super) fn of(argument: &Arg) -> Self {
        let allowed: Vec<String> =
            argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        match argument.get_action() {
            ArgAction::SetTrue => Self::Flag,
            ArgAction::Append => Self::Texts,
            _ if !allowed.is_empty() => Self::OneOf(allowed),
            _ if argument.get_value_parser().type_id() == TypeId::of::<Duration>() => Self::Seconds,
            _ => Self::Text,
        }
    }

    /// A value as it would be typed; none for what is of another shape.
    fn words(&self, value: &Value) -> Option<Vec<String>> {
        match (self, value) {
            (Self::OneOf(allowed), Value::String(text)) if !allowed.contains(text) => None,
            (Self::Text | Self::OneOf(_) | Self::Texts, Value::String(text)) => Some(vec![text.clone()]),
            (Self::Text | Self::Seconds, Value::Integer(number)) => Some(vec![number.to_string()]),
            (Self::Flag, Value::Boolean(flag)) => Some(vec![flag.to_string()]),
            (Self::Texts, Value::Array(values)) => {
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
            }
            _ => None,
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::OneOf(allowed) => format!("one of the texts {}", allowed.join(", ")),
            Self::Seconds => "a whole number of seconds, without quotes".to_owned(),
            Self::Flag => "true or false, without quotes".to_owned(),
            Self::Texts => "a text or a list of texts".to_owned(),
        }
    }
}

/// The same command, in which the argument `id` of each of its commands has this default, which no help shows.
fn with_default(command: Command, id: &'static str, values: &[String]) -> Command {
    on_every(command, &|argument: Arg| {
        if argument.get_id() != id {
            return argument;
        }
        // What takes no value has none that help could show.
        let has_value = argument.get_action().takes_values();
        argument.default_values(values.to_vec()).hide_default_value(has_value)
    })
}

/// An empty variable counts as unset, so that it does not hide what the file says.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn without_empty_variables(command: Command) -> Command {
    on_every(command, &|argument: Arg| {
        let value = argument.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.to_string_lossy().trim().is_empty()) {
            argument.env(Resettable::Reset)
        } else {
            argument
        }
    })
}

pub(super) fn on_every(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    command.mut_args(change).mut_subcommands(|one| one.mut_args(change))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use toml::Table;

    use super::{KEYS, Shape, argument};
    use crate::cli::args::Cli;
    use crate::cli::schema::reference;

    fn read(table: &Table) -> (Vec<(&'static str, Vec<String>)>, Vec<String>) {
        super::read(table, &Cli::command())
    }

    #[test]
    fn every_key_is_the_default_of_an_argument() {
        let command = Cli::command();
        for (table, key, id) in KEYS {
            assert!(argument(&command, id).is_some(), "{table}.{key}");
        }
    }

    #[test]
    fn the_argument_says_what_a_value_must_be() {
        let command = Cli::command();
        let shape = |id| argument(&command, id).map(Shape::of);
        assert_eq!(shape("elasticsearch_url"), Some(Shape::Text));
        assert_eq!(shape("api_key"), Some(Shape::Text));
        assert_eq!(shape("request_timeout"), Some(Shape::Seconds));
        assert_eq!(shape("no_triage"), Some(Shape::Flag));
        assert_eq!(shape("rules"), Some(Shape::Texts));
        assert_eq!(shape("log_format"), Some(Shape::OneOf(vec!["text".into(), "json".into()])));
    }

    #[test]
    fn every_key_of_the_reference_can_be_used() {
        let (defaults, problems) = read(&reference());
        assert_eq!(problems, Vec::<String>::new());
        assert!(defaults.len() >= KEYS.len() - 7, "{defaults:?}");
    }

    #[test]
    fn the_command_line_stays_consistent_with_every_key_of_the_reference() {
        let (defaults, _) = read(&reference());
        let with = |command, (id, values): (_, Vec<String>)| super::with_default(command, id, &values);
        defaults.into_iter().fold(Cli::command(), with).debug_assert();
    }

    #[test]
    fn values_are_checked_as_if_typed_and_not_shown() {
        for (text, words) in [
            (
                "[elasticsearch]\nrequest_timeout = 0",
                "`elasticsearch.request_timeout`: expected whole seconds from 1 to 86400",
            ),
            ("[log]\nformat = \"hunter2\"", "expected `log.format` as one of the texts text, json"),
            ("[alerts]\nindex = \"a*\"", "`alerts.index`: `a*` cannot be"),
            ("[rules]\nno_triage = \"hunter2\"", "expected `rules.no_triage` as true or false"),
            ("[elasticsearch]\napi_key = [\"hunter2\"]", "expected `elasticsearch.api_key` as a text"),
        ] {
            let (_, problems) = read(&text.parse().expect("TOML"));
            let [said] = &problems[..] else { panic!("{text}: {problems:?}") };
            assert!(said.starts_with(words) && !said.contains("hunter2"), "{said}");
        }
        let good = "elasticsearch.request_timeout = 5\nrules = {paths = [\"a\", \"b\"], no_triage = true}";
        assert_eq!(read(&good.parse().expect("TOML")).1, Vec::<String>::new());
    }

    #[test]
    fn a_table_of_rules_says_when_they_run_and_each_line_that_is_wrong() {
        let good = "[schedule]\n\"*\" = \"10m\"\n\"a = b\" = \"off\"";
        let (defaults, problems) = read(&good.parse().expect("TOML"));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(defaults, [("schedule", vec!["*=10m".to_owned(), "a = b=off".to_owned()])]);
        let (defaults, problems) =
            read(&"[schedule]\na = 5\nb = \"5\"\nc = \"1m\"\n[x]".parse().expect("TOML"));
        assert!(defaults.is_empty());
        let said = problems.join("\n");
        for words in [
            "`schedule.\"a\"` as a text",
            "`schedule.\"b\"`: expected a number",
            "or `off`",
            "unknown table `x`",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(problems.len(), 3);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_no_secret_with_it() {
        let text = "top = 1\n[elasticsearch]\napi_key = 1.5\nurls = \"x\"\n[kibana]\nurl = [\"hunter2\", 2]\n[other]\n";
        let (defaults, problems) = read(&text.parse().expect("TOML"));
        assert!(defaults.is_empty());
        let all = problems.join("\n");
        for words in [
            "`top`",
            "`elasticsearch.api_key`",
            "found float",
            "`elasticsearch.urls`",
            "`kibana.url`",
            "`other`",
        ] {
            assert!(all.contains(words), "{words}: {all}");
        }
        assert!(!all.contains("hunter2"), "{all}");
    }
}

//! `stakeout.toml`: the settings that flags and environment give too, and which both go before it.
//!
//! What a file says becomes the default of the flag of the same meaning, in every command that has it: so there is one
//! place where a value is read and checked.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use super::args::Cli;

/// The flag and the variable that name the file.
const FLAG: &str = "--config";
const VARIABLE: &str = "STAKEOUT_CONFIG";

/// Tables and keys, and the ids of the arguments that they are the defaults of.
const KEYS: &[(&str, &str, &str)] = &[
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
    ("elasticsearch", "request_timeout", "request_timeout"),
    ("kibana", "url", "kibana_url"),
    ("kibana", "space", "kibana_space"),
    ("alerts", "index", "alerts_index"),
    ("alerts", "external", "external_alerts"),
    ("rules", "paths", "rules"),
    ("rules", "expected", "expected"),
    ("rules", "no_triage", "no_triage"),
    ("watch", "listen", "listen"),
    ("log", "format", "log_format"),
];

/// The command line with the defaults of the file that `arguments` or the environment name; unchanged where none is named.
///
/// # Errors
/// The file cannot be read, or every key and value in it that cannot be used.
pub fn with_defaults(command: Command, arguments: &[OsString]) -> anyhow::Result<Command> {
    let command = without_empty_variables(command);
    let Some(path) = named(arguments) else { return Ok(command) };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("the configuration `{}` cannot be read", path.display()))?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| anyhow::anyhow!(place(&text, &error)))
        .with_context(|| format!("the configuration `{}` is no TOML", path.display()))?;
    let (defaults, mut problems) = read(&table);
    problems.extend(defaults.iter().filter_map(|(id, values)| refused(&command, id, values)));
    if !problems.is_empty() {
        bail!("the configuration `{}` cannot be used:\n  {}", path.display(), problems.join("\n  "));
    }
    Ok(defaults.into_iter().fold(command, |command, (id, values)| with_default(command, id, &values)))
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

/// What is wrong with the values that an argument is to have, by the same parser as for what is typed. A secret may be any
/// text, so none is shown.
fn refused(command: &Command, id: &str, values: &[String]) -> Option<String> {
    let of = |one: &Command| one.get_arguments().find(|argument| argument.get_id() == id).cloned();
    let argument = of(command).or_else(|| command.get_subcommands().find_map(of))?;
    let (table, key, _) = KEYS.iter().find(|(.., known)| *known == id)?;
    if !matches!(argument.get_action(), ArgAction::Append) && values.len() != 1 {
        return Some(format!("expected one value for `{table}.{key}`, found a list"));
    }
    let alone = Arg::new("value")
        .long("value")
        .action(argument.get_action().clone())
        .value_parser(argument.get_value_parser().clone())
        .default_values(values.to_vec());
    let error = Command::new("values").no_binary_name(true).arg(alone).try_get_matches_from([""; 0]).err()?;
    let reason = std::error::Error::source(&error).map(ToString::to_string);
    Some(format!("`{table}.{key}`: {}", reason.unwrap_or_else(|| "no value that can be used".to_owned())))
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
fn read(table: &Table) -> (Vec<(&'static str, Vec<String>)>, Vec<String>) {
    let (mut defaults, mut problems) = (Vec::new(), Vec::new());
    for (name, section) in table {
        if !KEYS.iter().any(|(known, ..)| known == name) {
            let mut tables: Vec<&str> = KEYS.iter().map(|(table, ..)| *table).collect();
            tables.dedup();
            problems.push(format!("unknown table `{name}`; expected one of {}", tables.join(", ")));
            continue;
        }
        let Value::Table(section) = section else {
            problems.push(format!("expected `{name}` as a table, `[{name}]`"));
            continue;
        };
        for (key, value) in section {
            let known = KEYS.iter().find(|(table, known, _)| table == name && known == key);
            match known.map(|(.., id)| (*id, words(value))) {
                None => {
                    let keys: Vec<&str> =
                        KEYS.iter().filter(|(table, ..)| table == name).map(|(_, key, _)| *key).collect();
                    problems.push(format!("unknown key `{name}.{key}`; expected one of {}", keys.join(", ")));
                }
                Some((id, Some(values))) => defaults.push((id, values)),
                // Not the value itself, which may be a secret.
                Some((_, None)) => problems.push(format!(
                    "expected `{name}.{key}` as a text, a number, true or false, or a list of texts, found {}",
                    value.type_str()
                )),
            }
        }
    }
    (defaults, problems)
}

/// A value as it would be typed; none for what cannot be.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Boolean(flag) => Some(vec![flag.to_string()]),
        Value::Array(values) => {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

/// The same command, in which the argument `id` of each of its commands has this default, which no help shows.
fn with_default(command: Command, id: &'static str, values: &[String]) -> Command {
    on_every(command, &|argument: Arg| {
        if argument.get_id() == id {
            argument.default_values(values.to_vec()).hide_default_value(true)
        } else {
            argument
        }
    })
}

/// An empty variable counts as unset, so that it does not hide what the file says.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn without_empty_variables(command: Command) -> Command {
    on_every(command, &|argument: Arg| {
        let value = argument.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) { argument.env(Resettable::Reset) } else { argument }
    })
}

fn on_every(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    command.mut_args(change).mut_subcommands(|one| one.mut_args(change))
}

#[cfg(test)]
mod tests {
    use super::{KEYS, read, refused};
    use crate::cli::args::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_key_is_the_default_of_an_argument() {
        let command = Cli::command();
        for (table, key, id) in KEYS {
            let has = |one: &clap::Command| one.get_arguments().any(|argument| argument.get_id() == *id);
            assert!(std::iter::once(&command).chain(command.get_subcommands()).any(has), "{table}.{key}");
        }
    }

    #[test]
    fn every_key_of_the_reference_can_be_used() {
        let reference = include_str!("../../docker/stakeout.toml");
        let used = |line: &str| match line.strip_prefix("# ") {
            Some(key) if key.contains(" = ") => key.to_owned() + "\n",
            _ => line.to_owned() + "\n",
        };
        let text: String = reference.lines().skip(3).map(used).collect();
        let (defaults, problems) = read(&text.parse().expect("TOML"));
        assert_eq!(problems, Vec::<String>::new());
        assert!(defaults.len() >= KEYS.len() - 6, "{defaults:?}");
    }

    #[test]
    fn values_are_checked_all_at_once_and_not_shown() {
        let command = Cli::command();
        let wrong = |id: &str, values: &[&str]| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            refused(&command, id, &values)
        };
        for (id, values, words) in [
            (
                "request_timeout",
                vec!["0"],
                "`elasticsearch.request_timeout`: expected whole seconds from 1 to 86400",
            ),
            ("log_format", vec!["hunter2"], "`log.format`: expected `text` or `json`"),
            ("alerts_index", vec!["a*"], "`alerts.index`: "),
            ("no_triage", vec!["hunter2"], "`rules.no_triage`: "),
            (
                "api_key",
                vec!["hunter2", "hunter2"],
                "expected one value for `elasticsearch.api_key`, found a list",
            ),
        ] {
            let said = wrong(id, &values).unwrap_or_else(|| panic!("accepted: {id} {values:?}"));
            assert!(said.starts_with(words) && !said.contains("hunter2"), "{said}");
        }
        for (id, values) in [
            ("request_timeout", vec!["5"]),
            ("rules", vec!["a", "b"]),
            ("no_triage", vec!["true"]),
            ("api_key", vec!["a"]),
        ] {
            assert_eq!(wrong(id, &values), None, "{id}");
        }
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

//! The JSON schemas by which editors complete and check rule files and settings.

use clap::{Arg, CommandFactory};
use serde_json::{Map, Value, json};
use toml::Table;

use super::Ending;
use super::args::{Cli, SchemaOf, TIMEOUTS};
use super::config::{KEYS, SCHEDULE, Shape, argument};
use super::output;
use crate::rule;

/// The commented reference, whose values are the examples.
const REFERENCE: &str = include_str!("../../docker/stakeout.toml");

/// When a rule runs.
const TIMING: &str = "^\\s*(off|[0-9]+[smhd])\\s*$";

/// Prints a schema.
pub fn schema(of: SchemaOf) -> Ending {
    let _ = output::result(&text(of));
    Ending::Done
}

fn text(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Rule => rule::json_schema(),
        SchemaOf::Config => config(),
        SchemaOf::Expected => rule::expected_json_schema(),
    };
    format!("{schema:#}")
}

/// The schema of `stakeout.toml`: each key says what its flag says.
fn config() -> Value {
    let (command, examples) = (Cli::command(), reference());
    let mut tables = Map::new();
    for (table, key, id) in KEYS {
        let section = tables
            .entry(*table)
            .or_insert_with(|| json!({ "type": "object", "additionalProperties": false, "properties": {} }));
        if let Some(argument) = argument(&command, id) {
            let example = examples.get(*table).and_then(|section| section.get(*key));
            section["properties"][*key] = property(argument, example);
        }
    }
    let help = argument(&command, SCHEDULE).and_then(Arg::get_help).map(ToString::to_string);
    let example = examples.get(SCHEDULE).and_then(|section| serde_json::to_value(section).ok());
    tables.insert(
        SCHEDULE.to_owned(),
        json!({
            "type": "object",
            "additionalProperties": { "type": "string", "pattern": TIMING },
            "description": format!("{}. As `--{SCHEDULE}`.", help.unwrap_or_default()),
            "examples": example.into_iter().collect::<Vec<_>>(),
        }),
    );
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of stakeout; flags go before the environment, and that before the file",
        "type": "object",
        "additionalProperties": false,
        "properties": tables,
    })
}

fn property(argument: &Arg, example: Option<&toml::Value>) -> Value {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let instead: Vec<String> = [
        argument.get_long().map(|long| format!("`--{long}`")),
        argument.get_env().map(|variable| format!("`{}`", variable.to_string_lossy())),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut property = match Shape::of(argument) {
        Shape::Text => json!({ "type": ["string", "integer"] }),
        Shape::OneOf(allowed) => json!({ "type": "string", "enum": allowed }),
        Shape::Seconds => {
            json!({ "type": "integer", "minimum": TIMEOUTS.start(), "maximum": TIMEOUTS.end() })
        }
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Texts => json!({ "type": ["array", "string"], "items": { "type": "string" } }),
    };
    property["description"] = format!("{help}. As {}.", instead.join(" or ")).into();
    if let Some(example) = example.and_then(|example| serde_json::to_value(example).ok()) {
        property["examples"] = json!([example]);
    }
    property
}

/// The reference with every key in force.
pub(super) fn reference() -> Table {
    let used = |line: &str| match line.strip_prefix("# ") {
        Some(key) if key.contains(" = ") => key.to_owned() + "\n",
        _ => line.to_owned() + "\n",
    };
    let text: String = REFERENCE.lines().map(used).collect();
    text.parse().unwrap_or_default()
}

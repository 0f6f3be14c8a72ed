//! Commands that answer an alert: shell text whose placeholders can only ever become one harmless word.

use super::value::{ValueForm, Values};
use super::words::Words;
use crate::diagnostic::{Diagnostic, Node, UNSAFE_COMMAND};
use crate::eql::{Piece, pieces};
use crate::rule::report::Report;
use crate::rule::tree::Table;

/// The most commands of one rule: all of them stand in each of its alerts.
const MOST_COMMANDS: usize = 32;

/// Longest value that a command takes, in bytes.
const LONGEST_VALUE: usize = 512;

/// What running a command does to the things that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only looks, or only adds what nobody depends on.
    Harmless,
    /// It changes something that can be changed back with nothing lost.
    Reversible,
    /// Something that works stops working.
    Disruptive,
}

impl Effect {
    /// The names of all effects.
    pub(in crate::rule) const NAMES: &'static [&'static str] = &["harmless", "reversible", "disruptive"];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Reversible => "reversible",
            Self::Disruptive => "disruptive",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Harmless, Self::Reversible, Self::Disruptive].into_iter().find(|one| one.as_str() == name)
    }
}

/// A command that answers an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseCommand {
    /// What it is for, in a few words.
    pub label: String,
    /// What running it does.
    pub effect: Effect,
    /// The command, one or more lines of shell.
    pub command: ShellText,
    /// What takes it back.
    pub undo: Option<ShellText>,
    /// What to know before it is run.
    pub note: Option<Words>,
}

/// Shell text with placeholders, each of which stands inside single quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellText {
    text: String,
}

/// Why a command cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// The alert has no value of this name.
    Absent(String),
    /// The value of this name has characters that could mean something to a shell or to the program.
    Unfit(String),
}

impl ShellText {
    /// The text with the values filled in.
    ///
    /// Between single quotes a shell gives no character a meaning but the single quote. A value has none, and none of
    /// the characters that JSON, or a program's own lists of values, give a meaning.
    ///
    /// # Errors
    /// A value is missing, or does not fit.
    pub fn filled(&self, values: &Values<'_>) -> Result<String, Withheld> {
        let fill = |piece| match piece {
            Piece::Text(text) => Ok(text.to_owned()),
            Piece::Name(name) => match values.get(name) {
                None => Err(Withheld::Absent(name.to_owned())),
                Some(value) if is_harmless(&value) => Ok(value),
                Some(_) => Err(Withheld::Unfit(name.to_owned())),
            },
        };
        pieces(&self.text).map(fill).collect()
    }

    /// The names of its placeholders.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        pieces(&self.text).filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
    }
}

/// Letters, digits and few signs; no option (`-x`), and no address (`file://`) that a program would read instead.
fn is_harmless(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= LONGEST_VALUE
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
        && !value.starts_with('-')
        && !value.contains("://")
}

/// Reads every `[[stakeout.commands]]`.
pub(super) fn commands(stakeout: &Table, values: &[ValueForm], report: &mut Report) -> Vec<ResponseCommand> {
    let commands: Vec<ResponseCommand> =
        stakeout.tables("commands").filter_map(|table| command(table, values, report)).collect();
    if let Some(list) = stakeout.get("commands").filter(|_| commands.len() > MOST_COMMANDS) {
        let message = format!("expected at most {MOST_COMMANDS} commands, found {}", commands.len());
        report.problems.push(Diagnostic::error(UNSAFE_COMMAND, list.span, message));
    }
    commands
}

fn command(table: &Table, values: &[ValueForm], report: &mut Report) -> Option<ResponseCommand> {
    let mut shell = |key: &str| table.text(key).map(|written| shell_text(&written, values, report));
    let (command, undo) = (shell("command"), shell("undo"));
    let note = table.text("note").map(|note| Words::new(note.node));
    for name in note.iter().flat_map(Words::names).filter(|name| !is_strict(name, values)) {
        report.problems.extend(table.text("note").map(|note| not_strict(name, &note)));
    }
    Some(ResponseCommand {
        label: table.text("label")?.node.to_owned(),
        effect: Effect::named(table.text("effect")?.node)?,
        command: command?,
        undo,
        note,
    })
}

fn is_strict(name: &str, values: &[ValueForm]) -> bool {
    values.iter().any(|form| form.name == name && form.pattern.is_some())
}

fn not_strict(name: &str, written: &Node<&str>) -> Diagnostic {
    let message =
        format!("a command takes no `{{{name}}}`: it is no value of `[stakeout.values]` with a `match`");
    Diagnostic::error(UNSAFE_COMMAND, written.span, message)
        .hint("declare one whose pattern lets only what is safe to run through")
}

fn shell_text(written: &Node<&str>, values: &[ValueForm], report: &mut Report) -> ShellText {
    let text = ShellText { text: written.node.trim().to_owned() };
    for name in text.names().filter(|name| !is_strict(name, values)) {
        report.problems.push(not_strict(name, written));
    }
    if let Some(fault) = quoting_fault(&text.text) {
        report.problems.push(Diagnostic::error(UNSAFE_COMMAND, written.span, fault));
    }
    text
}

/// Where a reader of shell text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shell {
    /// Outside of quotes; whether a `#` would begin a comment, and whether a `'` would begin a string with escapes.
    Bare {
        after_blank: bool,
        after_dollar: bool,
    },
    Single,
    Double,
    Comment,
}

/// Why the placeholders of a text are not safe where they stand.
fn quoting_fault(text: &str) -> Option<String> {
    let start = Shell::Bare { after_blank: true, after_dollar: false };
    let mut at = start;
    for piece in pieces(text) {
        match piece {
            Piece::Name(name) if at != Shell::Single => {
                return Some(format!("`{{{name}}}` stands outside of single quotes"));
            }
            Piece::Name(_) => {}
            Piece::Text(text) => match after(text, at) {
                Ok(next) => at = next,
                Err(fault) => return Some(fault),
            },
        }
    }
    matches!(at, Shell::Single | Shell::Double).then(|| "a quote is never closed".to_owned())
}

/// Where a reader stands after `text`.
fn after(text: &str, mut at: Shell) -> Result<Shell, String> {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        at = match (at, character) {
            (Shell::Single, '\'') | (Shell::Double, '"') => {
                Shell::Bare { after_blank: false, after_dollar: false }
            }
            (Shell::Comment, '\n') => Shell::Bare { after_blank: true, after_dollar: false },
            (Shell::Bare { after_dollar: true, .. }, '\'') => {
                return Err("`$'` begins a string with escapes, in which no value is safe".to_owned());
            }
            (Shell::Bare { .. }, '\'') => Shell::Single,
            (Shell::Bare { .. }, '"') => Shell::Double,
            (Shell::Bare { after_blank: true, .. }, '#') => Shell::Comment,
            (Shell::Bare { .. }, '<') if characters.peek() == Some(&'<') => {
                return Err("`<<` begins a text in which quotes mean nothing".to_owned());
            }
            (Shell::Bare { .. } | Shell::Double, '\\') => {
                characters.next();
                match at {
                    Shell::Double => Shell::Double,
                    _ => Shell::Bare { after_blank: false, after_dollar: false },
                }
            }
            (Shell::Bare { .. }, other) => Shell::Bare {
                after_blank: other.is_whitespace() || matches!(other, ';' | '&' | '|' | '('),
                after_dollar: other == '$',
            },
            (same, _) => same,
        };
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::event::Event;
    use proptest::prelude::*;
    use regex::Regex;
    use serde_json::json;

    fn filled(text: &str, value: &str) -> Result<String, Withheld> {
        let pattern = Regex::new("(?s)^(.*)$").ok();
        let forms = [ValueForm { name: "v".into(), from: "user.id".into(), pattern }];
        let event = Event::of(json!({"user.id": value}));
        ShellText { text: text.into() }.filled(&Values::read(&forms, &event))
    }

    #[test]
    fn placeholders_are_safe_only_in_single_quotes() {
        for (text, fault) in [
            ("aws iam get-role --role-name '{v}'", None),
            ("x '{\"a\":\"{v}\"}' --y 'a-{v}'", None),
            (r#"x '{"t":"'"$(date -u +%Y)"'","u":"{v}"}'"#, None),
            ("# it's a comment\nx '{v}'", None),
            (r"x \' '{v}'", None),
            ("x {v}", Some("`{v}` stands outside of single quotes")),
            ("x \"{v}\"", Some("`{v}` stands outside of single quotes")),
            ("x '' {v}", Some("`{v}` stands outside of single quotes")),
            ("# '{v}'", Some("`{v}` stands outside of single quotes")),
            (r"x \'{v}\'", Some("`{v}` stands outside of single quotes")),
            ("x#y '{v}'", None),
            ("x '{v}", Some("a quote is never closed")),
            ("x \"y", Some("a quote is never closed")),
            ("x $'{v}'", Some("`$'` begins a string with escapes, in which no value is safe")),
            ("x <<E\n'{v}'\nE", Some("`<<` begins a text in which quotes mean nothing")),
        ] {
            assert_eq!(quoting_fault(text).as_deref(), fault, "{text}");
        }
    }

    #[test]
    fn values_are_filled_in_or_the_command_is_withheld() {
        for value in ["app-role", "AROA1:i-0a1b2c3d4e5f60001", "a+b=c,d.e@f_g", "arn:aws:iam::1:role/x"] {
            assert_eq!(filled("x '{v}'", value), Ok(format!("x '{value}'")));
        }
        for value in
            ["a'b", "a b", "$(id)", "`id`", "a\nb", "-rf", "file:///etc/passwd", "é", "\u{202e}", "a\"b", "*"]
        {
            assert_eq!(filled("x '{v}'", value), Err(Withheld::Unfit("v".into())), "{value}");
        }
        assert_eq!(filled("x '{v}'", &"a".repeat(513)), Err(Withheld::Unfit("v".into())));
        assert_eq!(filled("x '{v}'", ""), Err(Withheld::Absent("v".into())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_each_value_as_itself(value in r#"[a-zA-Z0-9_+=,.@:/'" $\\`;&|<>*?\n-]{1,20}"#) {
            let script = r#"printf '%s\n' '{v}' 'x-{v}' '{"a":"{v}"}'"#;
            if let Ok(command) = filled(script, &value) {
                let output = Command::new("sh").arg("-c").arg(&command).output().unwrap();
                let expected = format!("{value}\nx-{value}\n{{\"a\":\"{value}\"}}\n");
                prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
            }
        }
    }
}

//! The commands that answer an alert: the rule's with the alert's values, or why one cannot be offered.

use serde::Serialize;

use crate::diagnostic::sanitize;
use crate::rule::Rule;
use crate::rule::triage::{ResponseCommand, Values, Withheld, Words};

/// One command, as the alert carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FilledCommand {
    pub(super) label: String,
    pub(super) effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) undo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// Why there is no command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) withheld: Option<String>,
}

/// The commands of `rule` with these values.
pub(super) fn commands(rule: &Rule, values: &Values<'_>) -> Vec<FilledCommand> {
    rule.triage.commands.iter().map(|command| filled(command, rule, values)).collect()
}

fn filled(command: &ResponseCommand, rule: &Rule, values: &Values<'_>) -> FilledCommand {
    let text = command.command.filled(values);
    let undo = command.undo.as_ref().map(|undo| undo.filled(values)).transpose();
    let note = command.note.as_ref().map(|note| noted(note, values));
    let mut filled = FilledCommand {
        label: command.label.clone(),
        effect: command.effect.as_str(),
        command: None,
        undo: None,
        note,
        withheld: None,
    };
    // What cannot be taken back as announced is not offered either.
    match text.and_then(|text| undo.map(|undo| (text, undo))) {
        Ok((text, undo)) => (filled.command, filled.undo) = (Some(text), undo),
        Err(reason) => filled.withheld = Some(in_words(&reason, rule)),
    }
    filled
}

/// What to know before, with the alert's values; one that it has not is named.
fn noted(note: &Words, values: &Values<'_>) -> String {
    let missing = |name: &str| format!("`{name}` (not in this alert)");
    note.filled(|name| Some(values.get(name).map_or_else(|| missing(name), |value| sanitize(&value))))
}

fn in_words(reason: &Withheld, rule: &Rule) -> String {
    let source = |name: &str| rule.triage.values.iter().find(|form| form.name == name);
    match reason {
        Withheld::Absent(name) => match source(name) {
            Some(form) => {
                let pattern =
                    form.pattern.as_ref().map(|pattern| format!(" that matches `{}`", pattern.as_str()));
                let pattern = pattern.unwrap_or_default();
                format!("this alert has no `{name}`: no value of `{}`{pattern}", form.from)
            }
            None => format!("this alert has no `{name}`"),
        },
        Withheld::Unfit(name) => format!("`{name}` has characters that are not safe in a command"),
    }
}

#[cfg(test)]
mod tests {
    use super::{FilledCommand, commands};
    use crate::event::Event;
    use crate::rule::embedded;
    use crate::rule::triage::Values;
    use serde_json::json;

    fn seed(user_id: &str, arn: &str) -> Vec<FilledCommand> {
        let rule = embedded().unwrap().rules.remove(0);
        let event = Event::of(
            json!({"user.id": user_id, "aws.cloudtrail.user_identity.arn": arn, "cloud.account.id": "111122223333"}),
        );
        commands(&rule, &Values::read(&rule.triage.values, &event))
    }

    const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/app-role/i-0a1b2c3d4e5f60001";

    #[test]
    fn a_value_that_a_note_lacks_is_named() {
        let rule = embedded().unwrap().rules.remove(0);
        let event = Event::of(json!({"user.id": "AROAEXAMPLE00000000001:i-0a1b2c3d4e5f60001"}));
        let commands = commands(&rule, &Values::read(&rule.triage.values, &event));
        let note = commands[0].note.as_deref().unwrap();
        assert!(note.starts_with("must print `account_id` (not in this alert)"), "{note}");
    }

    #[test]
    fn the_seed_rules_commands_hold_the_alerts_values() {
        let commands = seed("AROAEXAMPLE00000000001:i-0a1b2c3d4e5f60001", ROLE);
        let starts = |nth: usize| commands[nth].command.clone().unwrap();
        assert_eq!(commands[0].note.as_deref().map(|note| note.contains("111122223333")), Some(true));
        assert_eq!(
            starts(1),
            "aws ec2 describe-instances --region 'REGION' --instance-ids 'i-0a1b2c3d4e5f60001'"
        );
        assert_eq!(
            starts(4),
            r#"aws iam put-role-policy --role-name 'app-role' --policy-name 'IRDeny-i-0a1b2c3d4e5f60001' --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:userid":"AROAEXAMPLE00000000001:i-0a1b2c3d4e5f60001"}}}]}'"#
        );
        assert_eq!(
            commands[4].undo.as_deref(),
            Some(
                "aws iam delete-role-policy --role-name 'app-role' --policy-name 'IRDeny-i-0a1b2c3d4e5f60001'"
            )
        );
        assert_eq!((commands[1].effect, commands[4].effect), ("harmless", "disruptive"));
    }

    #[test]
    fn none_ends_or_stops_an_instance_or_deletes_a_role() {
        for command in seed("AROAEXAMPLE00000000001:i-0a1b2c3d4e5f60001", ROLE) {
            let text = format!("{:?} {:?}", command.command, command.undo);
            for banned in ["terminate", "stop-instances", "delete-role ", "delete-role'"] {
                assert!(!text.contains(banned), "{text}");
            }
            assert!(command.effect == "harmless" || command.undo.is_some() || command.label.starts_with('7'));
        }
    }

    #[test]
    fn what_does_not_match_is_withheld_with_the_reason() {
        let commands = seed("AROAEXAMPLE00000000001:i-smith@example.com", ROLE);
        let reason = commands[1].withheld.as_deref().unwrap();
        assert!(
            reason.starts_with("this alert has no `instance_id`: no value of `user.id` that matches `^"),
            "{reason}"
        );
        assert_eq!(commands[1].command, None);
        assert!(commands[3].command.is_some(), "the role is known");
    }

    #[test]
    fn hostile_values_reach_no_command() {
        for hostile in
            ["'; rm -rf / #", "$(id)", "`id`", "a\nb", "\u{202e}x", "\"}]}", "</script>", "*", "a b"]
        {
            let arn = format!("arn:aws:sts::1:assumed-role/{hostile}/x");
            for command in seed(&format!("AROA1:i-{hostile}"), &arn) {
                let text = format!("{:?} {:?} {:?}", command.command, command.undo, command.note);
                let bare = text.replace("\\\"", "\"");
                assert!(hostile == "*" || hostile == "\"}]}" || !bare.contains(hostile), "{text}");
                assert_eq!(command.command.is_some(), command.withheld.is_none());
            }
            let commands = seed("AROA1:i-0a1b2c3d4e5f60001", &arn);
            assert!(commands[3].withheld.is_some(), "{hostile}");
        }
    }
}

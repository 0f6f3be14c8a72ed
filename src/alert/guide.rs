//! The guide of an alert: the rule's own, and below it this alert's searches and commands, in Markdown.

use std::fmt::Write;

use super::commands::FilledCommand;
use super::document::time;
use super::pivots::FilledPivot;

/// The rule's guide with the sections of one alert; as it is where there are none.
pub(super) fn guide(
    note: Option<&str>,
    pivots: &[FilledPivot],
    commands: &[FilledCommand],
) -> Option<String> {
    if pivots.is_empty() && commands.is_empty() {
        return note.map(str::to_owned);
    }
    let sections = [note.map(str::to_owned), searches(pivots), responses(commands)];
    let sections: Vec<String> =
        sections.into_iter().flatten().map(|section| section.trim_end().to_owned()).collect();
    Some(format!("{}\n", sections.join("\n\n")))
}

fn searches(pivots: &[FilledPivot]) -> Option<String> {
    if pivots.is_empty() {
        return None;
    }
    let mut text =
        "## Searches for this alert\n\nIn KQL, for Kibana's Discover; times are UTC, and of `@timestamp` \
                    unless another field is named.\n"
            .to_owned();
    for pivot in pivots {
        let title = match &pivot.url {
            Some(url) => format!("[{}]({url})", pivot.label),
            None => pivot.label.clone(),
        };
        let _ = write!(text, "\n- **{title}**");
        if let Some(query) = &pivot.query {
            let indices: Vec<String> = pivot.indices.iter().map(|index| code(index)).collect();
            let (from, to) = (moment(pivot.from), moment(pivot.to));
            let named = Some(pivot.time_field).filter(|field| *field != "@timestamp");
            let field = named.map(|field| format!(" of {}", code(field))).unwrap_or_default();
            let _ = write!(text, ": {from} to {to}{field}, in {}: {}", indices.join(", "), code(query));
        }
        if let Some(reason) = &pivot.withheld {
            let what = if pivot.query.is_some() { "no link" } else { "not offered" };
            let _ = write!(text, " ({what}: {reason})");
        }
    }
    Some(text)
}

fn responses(commands: &[FilledCommand]) -> Option<String> {
    if commands.is_empty() {
        return None;
    }
    let mut text = "## Commands for this alert\n\nThe alert's own values are filled in; words in capitals inside quotes \
                    are yours to replace. Read the effect first.\n"
        .to_owned();
    for command in commands {
        let _ = write!(text, "\n**{}** ({})", command.label, command.effect.to_uppercase());
        let _ = command.note.as_ref().map(|note| write!(text, ": {note}"));
        if let Some(reason) = &command.withheld {
            let _ = writeln!(text, " (not offered: {reason})");
            continue;
        }
        let undo = command.undo.as_ref().map(|undo| format!("\n# undo\n{undo}")).unwrap_or_default();
        let shell = format!("{}{undo}", command.command.as_deref().unwrap_or_default());
        let fence = fence(&shell, 3);
        let _ = writeln!(text, "\n{fence}sh\n{shell}\n{fence}");
    }
    Some(text)
}

fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    time(at).as_str().map(|text| text.replace(".000Z", "Z")).unwrap_or_default()
}

/// Text as it is: Markdown gives nothing between two equal runs of backticks a meaning.
fn code(text: &str) -> String {
    let fence = fence(text, 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// A run of backticks longer than any in `text`.
fn fence(text: &str, shortest: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(shortest.max(longest + 1))
}

#[cfg(test)]
mod tests {
    use super::{code, guide};
    use crate::alert::commands::FilledCommand;
    use crate::alert::pivots::FilledPivot;

    fn pivot() -> FilledPivot {
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        FilledPivot {
            label: "This session".into(),
            indices: vec!["logs-*".into()],
            time_field: "@timestamp",
            from: at("2026-11-19T14:00:00Z"),
            to: at("2026-11-20T14:00:00.250Z"),
            query: Some("user.id : \"a`b\"".into()),
            url: Some("https://k/x".into()),
            withheld: None,
        }
    }

    fn command() -> FilledCommand {
        FilledCommand {
            label: "Look at it".into(),
            effect: "harmless",
            command: Some("x 'a'".into()),
            undo: Some("y 'a'".into()),
            note: Some("mind the region".into()),
            withheld: None,
        }
    }

    #[test]
    fn sections_stand_below_the_guide() {
        let withheld = FilledPivot { query: None, url: None, withheld: Some("no x".into()), ..pivot() };
        let too_long = FilledPivot { url: None, withheld: Some("too long".into()), ..pivot() };
        let alerts = FilledPivot { time_field: "kibana.alert.original_time", ..pivot() };
        let refused = FilledCommand {
            command: None,
            undo: None,
            note: None,
            withheld: Some("no y".into()),
            ..command()
        };
        let text = guide(Some("# Guide\n\n"), &[pivot(), withheld, too_long, alerts], &[command(), refused])
            .unwrap();
        let expected = "# Guide\n\n## Searches for this alert\n\nIn KQL, for Kibana's Discover; times are UTC, and of `@timestamp` \
            unless another field is named.\n\n\
            - **[This session](https://k/x)**: 2026-11-19T14:00:00Z to 2026-11-20T14:00:00.250Z, in `logs-*`: ``user.id : \"a`b\"``\n\
            - **This session** (not offered: no x)\n\
            - **This session**: 2026-11-19T14:00:00Z to 2026-11-20T14:00:00.250Z, in `logs-*`: ``user.id : \"a`b\"`` (no link: too long)\n\
            - **[This session](https://k/x)**: 2026-11-19T14:00:00Z to 2026-11-20T14:00:00.250Z of `kibana.alert.original_time`, in `logs-*`: ``user.id : \"a`b\"``\n\n\
            ## Commands for this alert\n\nThe alert's own values are filled in; words in capitals inside quotes are yours to \
            replace. Read the effect first.\n\n\
            **Look at it** (HARMLESS): mind the region\n```sh\nx 'a'\n# undo\ny 'a'\n```\n\n\
            **Look at it** (HARMLESS) (not offered: no y)\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn without_sections_the_guide_is_the_rules_own() {
        assert_eq!(guide(Some("# Guide\n\n"), &[], &[]).as_deref(), Some("# Guide\n\n"));
        assert_eq!(guide(None, &[], &[]), None);
        assert!(guide(None, &[pivot()], &[]).unwrap().starts_with("## Searches"));
    }

    #[test]
    fn code_ends_only_where_it_ends() {
        for (text, marked) in [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("``x", "``` ``x ```")] {
            assert_eq!(code(text), marked);
        }
    }
}

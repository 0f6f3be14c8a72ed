//! Puts the buttons of `[transform]` into the investigation guide, where it has placeholders for them.

use serde_json::Value;

use super::tree::{Table, TomlValue};

/// The guide `note` with `$investigate_0`, `${osquery_1}` and the like replaced by the buttons of that number,
/// in the form that Kibana's Markdown plugins read; placeholders without a button stay as they are.
///
/// Follows `RuleTransform` of `elastic/detection-rules`, which does the same when it builds Kibana's rules.
pub(super) fn render(note: &str, transform: Option<&Table>) -> String {
    let Some(transform) = transform else { return note.to_owned() };
    let mut rendered = String::with_capacity(note.len());
    let mut rest = note;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        rendered.push_str(before);
        let button = placeholder(&from[1..])
            .and_then(|(name, length)| button(name, transform).map(|button| (button, 1 + length)));
        let used = if let Some((button, length)) = button {
            rendered.push_str(&button);
            length
        } else {
            rendered.push('$');
            1
        };
        rest = &from[used..];
    }
    rendered.push_str(rest);
    rendered
}

/// The name that `text`, what follows a `$`, begins with, and how long it is as written.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    if let Some(inner) = text.strip_prefix('{') {
        let end = inner.find('}')?;
        return Some((&inner[..end], end + 2));
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    Some((&text[..end], end))
}

/// The button of a name such as `investigate_0`.
fn button(name: &str, transform: &Table) -> Option<String> {
    let (plugin, number) = name.rsplit_once('_')?;
    let TomlValue::Array(buttons) = &transform.get(plugin)?.node else { return None };
    let mut json: Value = buttons.get(number.parse::<usize>().ok()?)?.node.to_json();
    json.sort_all_objects();
    Some(format!("!{{{plugin}{json}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleFile;

    const FILE: &str = "[transform]\n[[transform.osquery]]\nquery = 'q'\nlabel = 'l'\n";

    #[test]
    fn placeholders_are_replaced_and_other_dollars_stay() {
        let file = RuleFile::parse(FILE.as_bytes());
        let button = r#"!{osquery{"label":"l","query":"q"}}"#;
        for (note, expected) in [
            ("a $osquery_0 b", format!("a {button} b")),
            ("${osquery_0}!", format!("{button}!")),
            ("$osquery_0", button.to_owned()),
            (
                "$osquery_1 $osquery_ $investigate_0 $HOME ${ $",
                "$osquery_1 $osquery_ $investigate_0 $HOME ${ $".to_owned(),
            ),
            ("$osquery_00x é$", "$osquery_00x é$".to_owned()),
        ] {
            assert_eq!(render(note, file.root.table("transform")), expected, "{note}");
        }
        assert_eq!(render("$osquery_0", None), "$osquery_0");
    }
}

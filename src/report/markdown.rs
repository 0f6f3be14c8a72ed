//! A guide's Markdown as HTML that can run nothing: raw HTML is text, links are web addresses, pictures are words.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde_json::Value;

use super::shown::{link, safe_link};
use crate::diagnostic::sanitize;

/// The guide as HTML whose highest heading has the level `top`.
pub fn safe_html(text: &str, top: usize) -> String {
    let text = without_buttons(text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let highest = Parser::new_ext(&text, options)
        .filter_map(|event| match event {
            Event::Start(Tag::Heading { level, .. }) => Some(level as usize),
            _ => None,
        })
        .min();
    let shift = Shift { highest: highest.unwrap_or(1), top };
    let mut open_links = Vec::new();
    let events = Parser::new_ext(&text, options).filter_map(|event| tamed(event, shift, &mut open_links));
    let mut page = String::new();
    html::push_html(&mut page, events);
    page
}

/// How headings are moved to fit below those of the page.
#[derive(Debug, Clone, Copy)]
struct Shift {
    highest: usize,
    top: usize,
}

impl Shift {
    fn of(self, level: HeadingLevel) -> HeadingLevel {
        let moved = (level as usize + self.top).saturating_sub(self.highest).clamp(1, 6);
        HeadingLevel::try_from(moved).unwrap_or(HeadingLevel::H6)
    }
}

/// The event as it may be written; `links` holds whether each link that is open was let through.
fn tamed<'a>(event: Event<'a>, shift: Shift, links: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => Event::Text(clean(&text).into()),
        Event::Code(text) => Event::Code(clean(&text).into()),
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: shift.of(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(shift.of(level))),
        Event::Start(Tag::Link { dest_url, .. }) => {
            let safe = safe_link(&dest_url);
            links.push(safe.is_some());
            Event::InlineHtml(opened(safe?).into())
        }
        Event::End(TagEnd::Link) => links.pop().unwrap_or(false).then_some(Event::End(TagEnd::Link))?,
        Event::Start(Tag::Image { .. } | Tag::HtmlBlock) | Event::End(TagEnd::Image | TagEnd::HtmlBlock) => {
            return None;
        }
        // The language of a code block would become a class.
        Event::Start(Tag::CodeBlock(_)) => {
            Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented))
        }
        other => other,
    })
}

/// The beginning of a link, as those outside guides have it.
fn opened(url: &str) -> String {
    let whole = link(url, "").into_string();
    whole.split_inclusive('>').next().unwrap_or_default().to_owned()
}

/// Lines stay lines; every other control character is written out.
fn clean(text: &str) -> String {
    text.split('\n').map(|line| sanitize(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

/// Replaces the buttons of Kibana's guides (`!{investigate{…}}`, `!{osquery{…}}`) by their labels.
fn without_buttons(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("!{") {
        out.push_str(&rest[..start]);
        let button = &rest[start..];
        if let Some((label, length)) = button_at(button) {
            out.push_str(&label);
            rest = &button[length..];
        } else {
            out.push_str("!{");
            rest = &button[2..];
        }
    }
    out + rest
}

/// The label of the button at the start of `text`, and how many bytes the button takes.
fn button_at(text: &str) -> Option<(String, usize)> {
    let name = text.strip_prefix("!{")?;
    let open = name.find('{').filter(|open| name[..*open].bytes().all(|byte| byte.is_ascii_lowercase()))?;
    let json = &name[open..];
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let after = 2 + open + values.byte_offset();
    let closed = text[after..].starts_with('}');
    let label = value.get("label").and_then(Value::as_str).unwrap_or(&name[..open]);
    let escaped: String = label
        .chars()
        .flat_map(|character| character.is_ascii_punctuation().then_some('\\').into_iter().chain([character]))
        .collect();
    closed.then(|| (format!("{escaped} *(a button in Kibana)*"), after + 1))
}

#[cfg(test)]
mod tests {
    use super::safe_html;

    #[test]
    fn a_guide_becomes_html_below_the_page_s_headings() {
        let text = "## Triage\n\nSee **this** `code`:\n\n- [a](https://a.example/?x=1&y=2)\n\n### Next\n";
        let expected = "<h4>Triage</h4>\n<p>See <strong>this</strong> <code>code</code>:</p>\n<ul>\n<li>\
            <a href=\"https://a.example/?x=1&amp;y=2\" rel=\"noopener noreferrer\">a</a></li>\n</ul>\n<h5>Next</h5>\n";
        assert_eq!(safe_html(text, 4), expected);
    }

    #[test]
    fn nothing_in_a_guide_can_run_or_load() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "[x](data:text/html,x \"t\")",
            "![alt](https://a.example/x.png)",
            "<javascript:alert(1)>",
            "[x](https://a.example \"\\\" onmouseover=alert(1)\")",
            "```a\" onload=\"x\ncode\n```",
            "# x {#id onclick=alert(1)}",
        ] {
            let page = safe_html(text, 4);
            for tag in ["<script", "<img", "=alert(1)>", "href=\"java", "href=\"data", "onload=\"x", "title="]
            {
                assert!(!page.contains(tag), "{text}: {page}");
            }
        }
        assert_eq!(safe_html("[x](javascript:a) y", 4), "<p>x y</p>\n");
        assert_eq!(safe_html("a\u{202e}b", 4), "<p>a\\u{202e}b</p>\n");
    }

    #[test]
    fn kibana_s_buttons_are_their_labels() {
        let text = r#"- !{investigate{"label":"All of *it*","providers":[[{"a":"}}"}]]}}
- !{osquery{"query":"x"}} !{x !{a{broken"#;
        let page = safe_html(text, 4);
        assert!(page.contains("<li>All of *it* <em>(a button in Kibana)</em></li>"), "{page}");
        assert!(page.contains("osquery <em>(a button in Kibana)</em> !{x !{a{broken"), "{page}");
    }
}

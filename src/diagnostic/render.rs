//! A problem as a person reads it: place, source line, marker, hint.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use unicode_width::UnicodeWidthChar;

use super::{Diagnostic, Severity, Span};

/// Shows `diagnostic` of the text `text`, which came from `origin` (a path, or words such as `--eql`).
///
/// Control characters of the text are never written raw; `color` adds terminal styles. An empty `text` has no
/// line to show: only `origin` is named.
#[must_use]
pub fn render(diagnostic: &Diagnostic, origin: &str, text: &str, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let span = on_boundaries(text, diagnostic.span);
    let message = sanitize(&diagnostic.message);
    let label = sanitize(&diagnostic.label);
    let hint = diagnostic.hint.as_deref().map(sanitize);
    let text = blank_controls(text);
    let marker = AnnotationKind::Primary.span(span.start..span.end).label(label.as_str());
    let snippet = Snippet::source(text.as_str()).path(origin).annotation(marker);
    let title = level.primary_title(message.as_str()).id(diagnostic.code.id);
    let mut group: Group<'_> =
        if text.is_empty() { title.element(Origin::path(origin)) } else { title.element(snippet) };
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// So many characters without a width of their own may follow one another: no script writes more on one letter, and a pile
/// of them is painted over the lines above and below.
const PILED: usize = 4;

/// Replaces control characters, so that hostile text cannot steer a terminal; line feeds and tabs too. So it does with marks
/// beyond the fourth on one letter.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (character, is_piled) in piled(text) {
        if is_piled || is_unsafe(character) {
            clean.extend(character.escape_unicode());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Control characters and those that reorder or hide text.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The characters of a text, and whether each is a mark too many.
fn piled(text: &str) -> impl Iterator<Item = (char, bool)> {
    text.chars().scan(0, |marks, character| {
        let is_mark = !character.is_ascii() && character.width() == Some(0);
        *marks = if is_mark { *marks + 1 } else { 0 };
        Some((character, *marks > PILED))
    })
}

/// Keeps every offset: each byte of an unsafe character becomes a `?`.
fn blank_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (character, is_piled) in piled(text) {
        if is_piled || is_unsafe(character) && !matches!(character, '\n' | '\t' | '\r') {
            clean.extend(std::iter::repeat_n('?', character.len_utf8()));
        } else {
            clean.push(character);
        }
    }
    clean
}

fn on_boundaries(text: &str, span: Span) -> Span {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    Span::new(start, end)
}

#[cfg(test)]
mod tests {
    use super::super::{Diagnostic, Span, UNEXPECTED_CHARACTER};
    use super::{render, sanitize};

    #[test]
    fn shows_the_line_and_the_hint() {
        let problem = Diagnostic::error(UNEXPECTED_CHARACTER, Span::new(12, 13), "unexpected `'`")
            .label("here")
            .hint("use double quotes");
        let shown = render(&problem, "a.toml", "any where x 'y'", false);
        assert!(shown.contains("error[E101]: unexpected `'`"), "{shown}");
        assert!(shown.contains("a.toml:1:13"), "{shown}");
        assert!(shown.contains("any where x 'y'"), "{shown}");
        assert!(shown.contains("use double quotes"), "{shown}");
    }

    #[test]
    fn a_place_outside_the_text_or_inside_a_character_is_shown_all_the_same() {
        for span in [Span::new(0, 99), Span::new(99, 3), Span::new(1, 2)] {
            let _ = render(&Diagnostic::error(UNEXPECTED_CHARACTER, span, "x"), "a", "é", false);
        }
    }

    #[test]
    fn marks_are_not_piled_up() {
        let letter = |marks: usize| format!("a{}b", "\u{301}".repeat(marks));
        assert_eq!(sanitize(&letter(4)), letter(4));
        assert_eq!(sanitize(&letter(6)), format!("a{}\\u{{301}}\\u{{301}}b", "\u{301}".repeat(4)));
        assert_eq!(sanitize(&letter(4).repeat(3)), letter(4).repeat(3));
        for word in ["שָׁלוֹם", "นี้", "हिन्दी", "e\u{301}tude", "❤\u{fe0f}"] {
            assert_eq!(sanitize(word), word);
        }
        let shown =
            render(&Diagnostic::error(UNEXPECTED_CHARACTER, Span::new(0, 1), "x"), "a", &letter(300), false);
        assert_eq!(shown.matches('\u{301}').count(), 4, "{shown}");
    }

    #[test]
    fn control_characters_never_come_out_raw() {
        assert_eq!(sanitize("a\u{1b}[31m\u{202e}"), "a\\u{1b}[31m\\u{202e}");
        let problem = Diagnostic::error(UNEXPECTED_CHARACTER, Span::new(0, 1), "\u{1b}");
        assert!(!render(&problem, "a", "\u{1b}]0;x\u{7}", false).contains('\u{1b}'));
    }
}

//! What every message has to be, whatever it is about.

/// Fails where a message is empty, of several lines, endless, or could move a terminal's cursor.
#[track_caller]
pub fn assert_is_a_line(message: &str) {
    assert!(!message.trim().is_empty());
    assert!(message.len() < 8_000, "{} bytes: {:.200}…", message.len(), message);
    assert_is_printable(message);
    assert!(!message.contains('\n'), "{message:?}");
}

/// Fails where a text of several lines holds characters that a terminal obeys.
#[track_caller]
pub fn assert_is_printable(text: &str) {
    let obeyed = |character: &char| character.is_control() && *character != '\n';
    assert_eq!(text.chars().find(obeyed), None, "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{2066}']), "{text:?}");
}

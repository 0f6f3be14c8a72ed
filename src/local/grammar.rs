//! JSON's punctuation as a state machine fed one byte at a time: where a value ends, and where it cannot go on.
//!
//! Strings, numbers and words are checked by the parser that reads the finished value.

/// Nesting a document may have; the parser's own limit.
pub(super) const MAX_DEPTH: usize = 127;

/// What one byte did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It was taken.
    Taken,
    /// It was taken, and a value ended with it.
    Ended,
    /// A value ended before it; it must be given again.
    EndedBefore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// After `[`: a value or `]`.
    FirstItem,
    /// After `,` in a list, or after `:`.
    Value,
    /// After `{`: a key or `}`.
    FirstKey,
    /// After `,` in an object.
    Key,
    Colon,
    /// After a value: `,` or the closing bracket.
    Comma,
    /// In a string: whether it is a key, and whether a backslash came last.
    Text {
        key: bool,
        escaped: bool,
    },
    /// In a number or a word.
    Scalar,
}

/// Where in a value the machine stands.
#[derive(Debug, Clone)]
pub(super) struct Grammar {
    state: State,
    /// The open brackets.
    open: Vec<u8>,
}

impl Grammar {
    /// Before a value.
    pub fn new() -> Self {
        Self { state: State::Value, open: Vec::new() }
    }

    /// How many brackets are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether the next byte that is not blank begins a value (or closes an empty list).
    pub fn before_value(&self) -> bool {
        matches!(self.state, State::Value | State::FirstItem)
    }

    /// Whether no string, number or word is being read.
    pub fn between_values(&self) -> bool {
        self.before_value() || self.state == State::Comma
    }

    /// Goes back to before an item of the list that is the `depth`th open bracket.
    pub fn reopen(&mut self, depth: usize) {
        self.open.truncate(depth);
        self.state = State::FirstItem;
    }

    /// Takes one byte; an error says what was expected.
    pub fn step(&mut self, byte: u8) -> Result<Step, &'static str> {
        match self.state {
            State::Text { key, escaped } => self.text(byte, key, escaped),
            State::Scalar if is_scalar(byte) => Ok(Step::Taken),
            State::Scalar => Ok(self.ended(Step::EndedBefore)),
            _ if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => Ok(Step::Taken),
            State::FirstItem if byte == b']' => self.close(byte),
            State::FirstItem | State::Value => self.value(byte),
            State::FirstKey if byte == b'}' => self.close(byte),
            State::FirstKey | State::Key if byte == b'"' => {
                self.to(State::Text { key: true, escaped: false })
            }
            State::FirstKey | State::Key => Err("a key in double quotes"),
            State::Colon if byte == b':' => self.to(State::Value),
            State::Colon => Err("`:` after a key"),
            State::Comma => self.comma(byte),
        }
    }

    /// Takes as many of `bytes` as are no more than [`Grammar::step`] would take, one after the other, and nobody waits
    /// for: brackets are opened behind `opens` open ones only, and closed while more than `closes` stay open.
    pub fn glide(&mut self, bytes: &[u8], opens: usize, closes: usize) -> usize {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let next = match (self.state, byte) {
                (State::Text { key, escaped: false }, _) => {
                    at += plain_length(&bytes[at..]);
                    match bytes.get(at..) {
                        Some([b'"', ..]) if key => State::Colon,
                        Some([b'"', ..]) => State::Comma,
                        Some([b'\\', escaped, ..]) if *escaped != b'\n' => {
                            at += 2;
                            continue;
                        }
                        _ => return at,
                    }
                }
                (State::Scalar, byte) if is_scalar(byte) => State::Scalar,
                (State::Scalar, _) => {
                    self.state = State::Comma;
                    continue;
                }
                (state, b' ' | b'\t' | b'\r' | b'\n') if !matches!(state, State::Text { .. }) => state,
                (State::FirstKey | State::Key, b'"') => State::Text { key: true, escaped: false },
                (State::Colon, b':') => State::Value,
                (State::FirstItem | State::Value, b'"') => State::Text { key: false, escaped: false },
                (State::FirstItem | State::Value, byte) if is_scalar(byte) => State::Scalar,
                (State::FirstItem | State::Value, b'{' | b'[')
                    if (opens..MAX_DEPTH).contains(&self.open.len()) =>
                {
                    self.open.push(byte);
                    if byte == b'{' { State::FirstKey } else { State::FirstItem }
                }
                (State::Comma, b',') => match self.open.last() {
                    Some(b'{') => State::Key,
                    Some(_) => State::Value,
                    None => return at,
                },
                (State::FirstKey | State::FirstItem | State::Comma, b'}' | b']')
                    if self.open.len() > closes + 1 && self.closes(byte) =>
                {
                    self.open.pop();
                    State::Comma
                }
                _ => return at,
            };
            self.state = next;
            at += 1;
        }
        at
    }

    /// Whether `byte` closes the innermost bracket.
    fn closes(&self, byte: u8) -> bool {
        matches!((self.open.last(), byte), (Some(b'{'), b'}') | (Some(b'['), b']'))
    }

    fn text(&mut self, byte: u8, key: bool, escaped: bool) -> Result<Step, &'static str> {
        match byte {
            b'\n' => Err("the string's closing quote before the end of the line"),
            b'"' if !escaped && key => self.to(State::Colon),
            b'"' if !escaped => Ok(self.ended(Step::Ended)),
            _ => self.to(State::Text { key, escaped: byte == b'\\' && !escaped }),
        }
    }

    fn value(&mut self, byte: u8) -> Result<Step, &'static str> {
        match byte {
            b'{' | b'[' if self.open.len() == MAX_DEPTH => Err("fewer brackets inside each other"),
            b'{' | b'[' => {
                self.open.push(byte);
                self.to(if byte == b'{' { State::FirstKey } else { State::FirstItem })
            }
            b'"' => self.to(State::Text { key: false, escaped: false }),
            _ if is_scalar(byte) => self.to(State::Scalar),
            _ => Err("a value"),
        }
    }

    fn comma(&mut self, byte: u8) -> Result<Step, &'static str> {
        match (byte, self.open.last()) {
            (b',', Some(b'{')) => self.to(State::Key),
            (b',', Some(_)) => self.to(State::Value),
            (b'}' | b']', _) => self.close(byte),
            (_, Some(b'{')) => Err("`,` or `}`"),
            _ => Err("`,` or `]`"),
        }
    }

    fn close(&mut self, byte: u8) -> Result<Step, &'static str> {
        if self.closes(byte) {
            self.open.pop();
            return Ok(self.ended(Step::Ended));
        }
        match (self.open.last(), byte) {
            (Some(b'{'), _) => Err("`,` or `}`"),
            _ => Err("`,` or `]`"),
        }
    }

    fn ended(&mut self, step: Step) -> Step {
        self.state = State::Comma;
        step
    }

    #[allow(clippy::unnecessary_wraps, reason = "every arm of the table reads alike")]
    fn to(&mut self, state: State) -> Result<Step, &'static str> {
        self.state = state;
        Ok(Step::Taken)
    }
}

/// Bytes up to the one that ends a string's plain run.
fn plain_length(bytes: &[u8]) -> usize {
    /// Most strings are shorter, and found sooner one byte at a time.
    const SHORT: usize = 16;
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n');
    let (head, rest) = bytes.split_at(bytes.len().min(SHORT));
    head.iter()
        .position(ends)
        .unwrap_or_else(|| head.len() + memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len()))
}

/// Bytes of numbers and of `true`, `false`, `null`.
fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Grammar, MAX_DEPTH, State, Step};

    /// The bytes up to where the first value ends, or the complaint.
    fn first(text: &str) -> Result<Option<usize>, &'static str> {
        let mut grammar = Grammar::new();
        for (at, byte) in text.bytes().enumerate() {
            while grammar.step(byte)? == Step::EndedBefore {}
            if grammar.depth() == 0 && !grammar.before_value() && !matches!(grammar.state, State::Text { .. })
            {
                return Ok(Some(at + 1));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_value_ends_at_its_own_bracket() {
        for text in ["{}", "[]", r#"{"a":[1,-2.5e3,{"b":null}],"c":"x]}\"\\"}"#, "[ [ ] , { } , true ]"] {
            assert_eq!(first(text), Ok(Some(text.len())), "{text}");
            assert_eq!(first(&format!("{text}tail")), Ok(Some(text.len())), "{text}");
            assert_eq!(first(&text[..text.len() - 1]), Ok(None), "{text}");
        }
    }

    proptest! {
        #[test]
        fn gliding_is_stepping(text in "[\\{\\[\\]\\},:\"\\\\a1 \n]{0,40}", opens in 0..3_usize, closes in 0..3_usize) {
            let (mut stepped, mut gliding) = (Grammar::new(), Grammar::new());
            let mut at = 0;
            while at < text.len() {
                let glided = gliding.glide(&text.as_bytes()[at..], opens, closes);
                for byte in text.as_bytes()[at..at + glided].iter().copied() {
                    let before = stepped.depth();
                    while stepped.step(byte).unwrap() == Step::EndedBefore {}
                    let depth = stepped.depth();
                    let bound = if depth > before { opens } else { closes };
                    prop_assert!(depth == before || depth > bound);
                }
                at += glided;
                let Some(byte) = text.as_bytes().get(at).copied() else { break };
                // A number or word that has ended may be told of before the byte.
                let whole = |grammar: &mut Grammar| match grammar.step(byte) {
                    Ok(Step::EndedBefore) => grammar.step(byte),
                    step => step,
                };
                let (left, right) = (whole(&mut gliding), whole(&mut stepped));
                prop_assert_eq!(left, right);
                if left.is_err() {
                    break;
                }
                at += 1;
                prop_assert_eq!(&gliding.open, &stepped.open);
            }
        }
    }

    #[test]
    fn what_cannot_go_on_is_told() {
        for (text, expected) in [
            ("{1", "a key in double quotes"),
            (r#"{"a":1,}"#, "a key in double quotes"),
            (r#"{"a" 1}"#, "`:` after a key"),
            (r#"{"a":}"#, "a value"),
            ("[1 2]", "`,` or `]`"),
            (r#"{"a":1]"#, "`,` or `}`"),
            ("[1,]", "a value"),
            ("[{\"a\n\"]", "the string's closing quote before the end of the line"),
        ] {
            assert_eq!(first(text), Err(expected), "{text}");
        }
        assert!(first(&"[".repeat(MAX_DEPTH + 1)).is_err());
        assert_eq!(first(&"[".repeat(MAX_DEPTH)), Ok(None));
    }
}

//! What the values of an event must hold for a condition to be true of it, so that other events need not be read.

/// A text that a value of a field has to hold as it stands there: the value is a string, `true` or `false`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The field's full name.
    pub field: String,
    /// The text, never empty.
    pub text: String,
    /// Whether the value is a string and the text is the whole of it.
    pub whole: bool,
    /// Whether ASCII letters may stand there in either case.
    pub ignore_case: bool,
}

/// Sets of texts: an event that a condition is true of holds at least one text of every set.
///
/// No set: nothing is known, and any event may do. An empty set: no event does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needles {
    /// The sets.
    pub all: Vec<Vec<Literal>>,
}

//! The patterns of `:`, `like` and `regex`, and what a computed value is matched with.

use std::sync::OnceLock;

use super::functions::equals_folded;
use super::regex::{Regex, RegexError};
use super::syntax::PatternKind;
use super::{Pattern, Value, has_wildcard};
use crate::diagnostic::Node;

/// Patterns, one of which must match. What matches computed values is made once, when it is first needed.
#[derive(Debug, Clone)]
pub struct Patterns {
    /// How they are read.
    pub kind: PatternKind,
    /// The patterns as written.
    pub items: Vec<Node<Value>>,
    /// Whether case is ignored.
    pub ignore_case: bool,
    compiled: OnceLock<Result<Compiled, RegexError>>,
}

#[derive(Debug, Clone)]
enum Compiled {
    Wildcards(Vec<Wildcard>),
    Regex(Regex),
}

#[derive(Debug, Clone)]
enum Wildcard {
    Plain(String),
    Pattern(Pattern),
}

impl Patterns {
    /// Patterns as they are written.
    #[must_use]
    pub fn new(kind: PatternKind, items: Vec<Node<Value>>, ignore_case: bool) -> Self {
        Self { kind, items, ignore_case, compiled: OnceLock::new() }
    }

    /// The patterns that are texts.
    pub fn texts(&self) -> impl Iterator<Item = Node<String>> {
        self.items.iter().filter_map(|item| Some(Node::new(item.span, item.node.as_str()?.to_owned())))
    }

    /// Whether a computed text matches, as Elasticsearch's scripts decide it: regular expressions are Java's there.
    ///
    /// # Errors
    /// A regular expression that is none, or that is not supported.
    pub fn match_computed(&self, text: &str) -> Result<bool, &RegexError> {
        Ok(match self.compiled()? {
            Compiled::Regex(regex) => regex.matches(text),
            Compiled::Wildcards(wildcards) => wildcards.iter().any(|wildcard| match wildcard {
                Wildcard::Pattern(pattern) => pattern.matches(text),
                Wildcard::Plain(plain) if self.ignore_case => equals_folded(text, plain),
                Wildcard::Plain(plain) => text == plain,
            }),
        })
    }

    /// Why computed values cannot be matched, if so.
    #[must_use]
    pub fn problem(&self) -> Option<&RegexError> {
        self.compiled().err()
    }

    fn compiled(&self) -> Result<&Compiled, &RegexError> {
        self.compiled.get_or_init(|| self.compile()).as_ref()
    }

    fn compile(&self) -> Result<Compiled, RegexError> {
        let texts = self.texts().map(|text| text.node);
        if self.kind == PatternKind::Regex {
            return Regex::java(&texts.collect::<Vec<_>>().join("|"), self.ignore_case).map(Compiled::Regex);
        }
        let wildcard = |text: String| {
            if has_wildcard(&text) {
                Wildcard::Pattern(Pattern::eql(&text, self.ignore_case))
            } else {
                Wildcard::Plain(text)
            }
        };
        Ok(Compiled::Wildcards(texts.map(wildcard).collect()))
    }
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.items, self.ignore_case) == (other.kind, &other.items, other.ignore_case)
    }
}

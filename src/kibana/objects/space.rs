//! A space of Kibana: its identifier, checked by Kibana's own rule.

use std::fmt;
use std::str::FromStr;

use crate::diagnostic::sanitize;

/// The space that every Kibana has and that no address names.
const DEFAULT: &str = "default";

/// Longest identifier, in bytes, that leaves room for the rest of an object's id, which has 512 at most.
const LONGEST: usize = 200;

/// The identifier of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space(String);

impl Space {
    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that addresses leave out.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT
    }
}

impl Default for Space {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl FromStr for Space {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = |b: u8| !(b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if text.is_empty() || text.len() > LONGEST || text.bytes().any(odd) {
            let expected = "expected a space's identifier: lower case letters, digits, `-` and `_`";
            return Err(format!("{expected}, found `{}`", sanitize(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Space;

    #[test]
    fn only_identifiers_that_kibana_takes() {
        for text in ["default", "team-1", "a_b"] {
            assert_eq!(text.parse::<Space>().unwrap().as_str(), text);
        }
        for text in ["", "Team", "a b", "a/b", "a.b", "\u{1b}", "é", &"a".repeat(201)] {
            let refusal = text.parse::<Space>().unwrap_err();
            assert!(!refusal.contains('\u{1b}'), "{refusal}");
        }
        assert!(Space::default().is_default() && !"team".parse::<Space>().unwrap().is_default());
    }
}

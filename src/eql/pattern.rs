//! Wildcard patterns over whole texts: EQL's, which have no escape, and Lucene's, in which `\` is one.

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// Any run of characters, the empty one too.
    Run,
    /// Any one character.
    One,
    /// This character, in either ASCII case if the pattern ignores case.
    Char(char),
    /// This very character: Lucene does not fold the case of an escaped one.
    Escaped(char),
}

impl Pattern {
    /// Reads a pattern of `:` or `like`: only `*` and `?` are special.
    #[must_use]
    pub fn eql(pattern: &str, ignore_case: bool) -> Self {
        let parts = pattern.chars().map(|character| match character {
            '*' => Part::Run,
            '?' => Part::One,
            plain => Part::Char(plain),
        });
        Self::new(parts, ignore_case)
    }

    /// Reads a pattern as Lucene's wildcard query does: `\` takes the next character literally.
    #[must_use]
    pub fn lucene(pattern: &str, ignore_case: bool) -> Self {
        let mut characters = pattern.chars();
        let parts = std::iter::from_fn(|| {
            Some(match characters.next()? {
                '*' => Part::Run,
                '?' => Part::One,
                '\\' => characters.next().map_or(Part::Char('\\'), Part::Escaped),
                plain => Part::Char(plain),
            })
        });
        Self::new(parts, ignore_case)
    }

    fn new(parts: impl Iterator<Item = Part>, ignore_case: bool) -> Self {
        let mut parts: Vec<Part> = parts.collect();
        parts.dedup_by(|part, before| *part == Part::Run && *before == Part::Run);
        Self { parts, ignore_case }
    }

    /// Whether every text matches.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.parts == [Part::Run]
    }

    /// Whether the whole of `text` matches, in time of at most pattern length × text length.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on if the match fails: after the last run, one character further each time.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            match self.parts.get(at) {
                Some(Part::Run) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                Some(part) if rest.next().is_some_and(|character| self.accepts(*part, character)) => {
                    at += 1;
                    continue;
                }
                None if before.as_str().is_empty() => return true,
                _ => {}
            }
            let Some((after_run, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            at = *after_run;
            rest = from.clone();
        }
    }

    fn accepts(&self, part: Part, character: char) -> bool {
        match part {
            Part::Run | Part::One => true,
            Part::Char(wanted) if self.ignore_case => wanted.eq_ignore_ascii_case(&character),
            Part::Char(wanted) | Part::Escaped(wanted) => wanted == character,
        }
    }
}

/// Whether an EQL pattern holds a wildcard.
#[must_use]
pub fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Pattern;

    /// The definition, slow and plain.
    fn defined(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                defined(&pattern[1..], text) || (!text.is_empty() && defined(pattern, &text[1..]))
            }
            (Some('?'), Some(_)) => defined(&pattern[1..], &text[1..]),
            (Some(wanted), Some(found)) if wanted == found => defined(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matches_by_definition(pattern in "[ab*?é]{0,8}", text in "[abé\n]{0,10}") {
            let (characters, letters): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::eql(&pattern, false).matches(&text), defined(&characters, &letters));
        }
    }

    #[test]
    fn a_backslash_is_literal_in_eql_and_an_escape_in_lucene() {
        assert!(Pattern::eql(r"c:\*", false).matches(r"c:\x"));
        assert!(Pattern::lucene(r"*principal=\**", false).matches("a principal=* b"));
        assert!(!Pattern::lucene(r"*principal=\**", false).matches("a principal=x b"));
        assert!(Pattern::lucene("a\\", false).matches("a\\"));
    }

    #[test]
    fn only_ascii_letters_fold_and_only_unescaped_ones() {
        assert!(Pattern::eql("AB*", true).matches("abc"));
        assert!(!Pattern::eql("É", true).matches("é"));
        assert!(!Pattern::lucene(r"*\Sy*", true).matches("a system"));
        assert!(Pattern::lucene(r"*\Sy*", true).matches("a SYstem"));
    }
}

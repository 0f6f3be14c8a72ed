//! A set of texts that is searched without allocating, case ignored or not.

use std::cmp::Ordering;

/// Texts in order, ready for binary search.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    sorted: Vec<String>,
    ignore_case: bool,
}

impl Texts {
    /// The set of `texts`; with `ignore_case`, ASCII letters are equal in either case.
    pub fn new(texts: impl Iterator<Item = String>, ignore_case: bool) -> Self {
        let mut sorted: Vec<String> = texts.collect();
        sorted.sort_by(|left, right| order(left, right, ignore_case));
        Self { sorted, ignore_case }
    }

    /// Whether `text` is one of them.
    pub fn contains(&self, text: &str) -> bool {
        self.sorted.binary_search_by(|known| order(known, text, self.ignore_case)).is_ok()
    }
}

fn order(left: &str, right: &str, ignore_case: bool) -> Ordering {
    if !ignore_case {
        return left.cmp(right);
    }
    let lower = |byte: u8| byte.to_ascii_lowercase();
    left.bytes().map(lower).cmp(right.bytes().map(lower))
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn only_ascii_case_is_ignored() {
        let texts = |ignore_case| Texts::new(["b", "A", "É"].map(String::from).into_iter(), ignore_case);
        assert!(texts(true).contains("a") && texts(true).contains("B") && texts(true).contains("É"));
        assert!(!texts(true).contains("é") && !texts(false).contains("a") && texts(false).contains("A"));
    }
}

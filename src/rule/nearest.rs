//! The known word that a mistyped one most likely stands for.

/// The candidate nearest to `word`, if it is near enough to be a slip; upper case and dashes count for nothing.
pub(super) fn of<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    // Longer words are no slip of any key, and comparing them costs their length squared.
    word.chars().take(64).flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let known = ["severity", "references", "risk_score", "id"];
        for (typed, expected) in [
            ("severty", Some("severity")),
            ("reference", Some("references")),
            ("Risk-Score", Some("risk_score")),
            ("di", Some("id")),
            ("query", None),
            ("", None),
        ] {
            assert_eq!(of(typed, known.into_iter()), expected, "{typed}");
        }
    }
}

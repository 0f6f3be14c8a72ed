//! The known word that a mistyped one most likely stands for.

/// No key is as long as this; comparing longer words would cost their length squared.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, if it is near enough to be a slip: a third of the letters, or an ending.
/// Upper case and dashes count for nothing.
pub(super) fn of<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = plain(word);
    let near = candidates.filter_map(|candidate| Some((distance(&word, &plain(candidate))?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

fn distance(word: &str, candidate: &str) -> Option<usize> {
    if word.len() >= 3 && (candidate.starts_with(word) || word.starts_with(candidate)) {
        return Some(1);
    }
    let allowed = (word.chars().count() / 3).max(1);
    if word.len().abs_diff(candidate.len()) > allowed {
        return None;
    }
    Some(strsim::damerau_levenshtein(word, candidate)).filter(|distance| *distance <= allowed)
}

fn plain(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
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
            ("sever", Some("severity")),
            ("query", None),
            ("", None),
        ] {
            assert_eq!(of(typed, known.into_iter()), expected, "{typed}");
        }
    }
}

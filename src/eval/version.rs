//! Versions as Elasticsearch's `version` type orders them: by Semantic Versioning, and what is no version after those that are.

use std::cmp::Ordering;

/// A text taken apart for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version<'t> {
    text: &'t str,
    parts: Option<Parts<'t>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts<'t> {
    /// The numbers, with dots between.
    main: &'t str,
    /// What follows `-`.
    pre_release: Option<&'t str>,
    /// What follows `+`.
    build: &'t str,
}

impl<'t> Version<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, parts: parts(text) }
    }

    /// The order of two versions.
    pub fn order(&self, other: &Self) -> Ordering {
        let (Some(left), Some(right)) = (self.parts, other.parts) else {
            let by_kind = self.parts.is_none().cmp(&other.parts.is_none());
            return by_kind.then_with(|| self.text.cmp(other.text));
        };
        let released = |parts: Parts<'_>| parts.pre_release.is_none();
        identifiers(left.main, right.main)
            .then_with(|| released(left).cmp(&released(right)))
            .then_with(|| identifiers(left.pre_release.unwrap_or(""), right.pre_release.unwrap_or("")))
            .then_with(|| left.build.cmp(right.build))
    }
}

/// Takes a version apart; none where the text is none.
fn parts(text: &str) -> Option<Parts<'_>> {
    let (rest, build) = text.split_once('+').unwrap_or((text, ""));
    let (main, pre_release) = rest.split_once('-').map_or((rest, None), |(main, pre)| (main, Some(pre)));
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_mixed =
        |part: &str| is_word(part) && (is_number(part) || !part.bytes().all(|byte| byte.is_ascii_digit()));
    let right = main.split('.').all(is_number)
        && pre_release.is_none_or(|pre| pre.split('.').all(is_mixed))
        && (!text.contains('+') || build.split('.').all(is_word));
    right.then_some(Parts { main, pre_release, build })
}

/// Part by part: numbers by value and before words; where one list begins the other, the shorter is first.
fn identifiers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => match (left, right) {
                (Some(left), Some(right)) => identifier(left, right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn identifier(left: &str, right: &str) -> Ordering {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(left), is_number(right)) {
        // Without leading zeros, the longer number is the larger.
        (true, true) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (left_number, right_number) => right_number.cmp(&left_number).then_with(|| left.cmp(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_in_order() {
        let ordered = [
            "0",
            "1.2",
            "1.2.0-alpha",
            "1.2.0-alpha.1",
            "1.2.0-alpha.beta",
            "1.2.0-beta.2",
            "1.2.0-beta.11",
            "1.2.0-rc",
            "1.2.0",
            "1.2.0+build",
            "1.2.3",
            "1.10.0",
            "2",
            "11.0",
            "01.2",
            "1..2",
            "latest",
            "v1.2",
        ];
        for (place, text) in ordered.iter().enumerate() {
            for (other_place, other) in ordered.iter().enumerate() {
                let order = Version::new(text).order(&Version::new(other));
                assert_eq!(order, place.cmp(&other_place), "{text} {other}");
            }
        }
    }
}

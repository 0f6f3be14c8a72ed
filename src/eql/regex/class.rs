//! Sets of characters, as ranges of code points.

/// The last code point there is.
pub(super) const LAST: u32 = 0x10_FFFF;

/// Characters, as ranges in order that do not touch; both ends belong to a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Class(Vec<(u32, u32)>);

impl Class {
    /// Every character.
    pub fn any() -> Self {
        Self(vec![(0, LAST)])
    }

    /// One character, in either ASCII case if case is ignored.
    pub fn one(character: char, ignore_case: bool) -> Self {
        let mut ranges = vec![(u32::from(character), u32::from(character))];
        if ignore_case && character.is_ascii_alphabetic() {
            let other = u32::from(character) ^ 0x20;
            ranges.push((other, other));
        }
        Self::of(ranges)
    }

    /// The class `\d`, `\s`, `\w`, or its opposite `\D`, `\S`, `\W`; none for any other letter.
    pub fn named(letter: char) -> Option<Self> {
        let ranges: &[(char, char)] = match letter.to_ascii_lowercase() {
            'd' => &[('0', '9')],
            's' => &[('\t', '\n'), ('\r', '\r'), (' ', ' ')],
            'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            _ => return None,
        };
        let class = Self::of(ranges.iter().map(|&(from, to)| (from.into(), to.into())).collect());
        Some(if letter.is_ascii_uppercase() { class.negated() } else { class })
    }

    /// The characters of all these ranges.
    pub fn of(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// Every other character.
    pub fn negated(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len() + 1);
        let mut next = 0;
        for &(from, to) in &self.0 {
            if next < from {
                ranges.push((next, from - 1));
            }
            next = to + 1;
        }
        if next <= LAST {
            ranges.push((next, LAST));
        }
        Self(ranges)
    }

    /// Its ranges, in order.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, LAST};

    #[test]
    fn ranges_are_merged_and_negated() {
        let class = Class::of(vec![(5, 9), (1, 2), (3, 3), (8, 12)]);
        assert_eq!(class.ranges(), [(1, 3), (5, 12)]);
        assert_eq!(class.negated().ranges(), [(0, 0), (4, 4), (13, LAST)]);
        assert_eq!(Class::any().negated().ranges(), []);
        assert_eq!(Class::one('k', true), Class::of(vec![(0x4b, 0x4b), (0x6b, 0x6b)]));
        assert_eq!(Class::one('é', true).ranges(), [(0xe9, 0xe9)]);
    }
}

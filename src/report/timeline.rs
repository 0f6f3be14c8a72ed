//! Alerts over time, in stretches that grow with the time they cover, so that there are never many.

use std::collections::BTreeMap;

/// Most stretches from the first alert to the last.
const MOST: i64 = 60;

/// Fewer stretches than these get empty ones around them, so that one alert is no wall.
const LEAST: i64 = 30;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Lengths of a stretch in milliseconds; each is a multiple of the one before.
const LENGTHS: [i64; 10] =
    [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY];

/// Counts by stretch of time and severity.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Place in [`LENGTHS`]; past its end, lengths double.
    step: usize,
    counts: BTreeMap<i64, [u64; 5]>,
    /// Alerts whose time is unknown.
    pub without_time: u64,
}

/// One stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its start in milliseconds since 1970.
    pub start: i64,
    /// Alerts by severity, worst first.
    pub counts: [u64; 5],
}

impl Timeline {
    /// Counts an alert in.
    pub fn add(&mut self, millis: Option<i64>, severity: usize) {
        let Some(millis) = millis else {
            self.without_time += 1;
            return;
        };
        let number = millis.div_euclid(self.length());
        self.counts.entry(number).or_default()[severity] += 1;
        while self.span() > MOST {
            self.coarsen();
        }
    }

    /// The length of a stretch, in milliseconds.
    pub fn length(&self) -> i64 {
        let last = LENGTHS.len() - 1;
        let doublings = u32::try_from(self.step.saturating_sub(last)).unwrap_or(u32::MAX);
        LENGTHS[self.step.min(last)].saturating_mul(2_i64.saturating_pow(doublings))
    }

    /// Every stretch from the first alert to the last, empty ones between and around them included.
    pub fn stretches(&self) -> Vec<Stretch> {
        let (Some((first, _)), Some((last, _))) =
            (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Vec::new();
        };
        let more = (LEAST - self.span()).max(0);
        let (first, last) = (first - more / 2, last + (more - more / 2));
        let counts = |number| self.counts.get(&number).copied().unwrap_or_default();
        let stretch =
            |number: i64| Stretch { start: number.saturating_mul(self.length()), counts: counts(number) };
        (first..=last).map(stretch).collect()
    }

    fn span(&self) -> i64 {
        match (self.counts.first_key_value(), self.counts.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last - first + 1,
            _ => 0,
        }
    }

    fn coarsen(&mut self) {
        let before = self.length();
        self.step += 1;
        let factor = self.length() / before;
        for (number, counts) in std::mem::take(&mut self.counts) {
            let sum = self.counts.entry(number.div_euclid(factor)).or_default();
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, HOUR, LENGTHS, MINUTE, MOST, Timeline};
    use proptest::prelude::*;

    fn over(times: &[i64]) -> Timeline {
        let mut timeline = Timeline::default();
        for time in times {
            timeline.add(Some(*time), 1);
        }
        timeline
    }

    #[test]
    fn stretches_fit_the_time_covered() {
        for (span, length) in
            [(0, MINUTE), (59 * MINUTE, MINUTE), (HOUR, 5 * MINUTE), (DAY, HOUR), (29 * DAY, 12 * HOUR)]
        {
            assert_eq!(over(&[0, span]).length(), length, "{span}");
        }
        assert!(LENGTHS.windows(2).all(|pair| pair[1] % pair[0] == 0));
    }

    #[test]
    fn empty_stretches_are_stretches() {
        let stretches = over(&[0, 2 * MINUTE, 2 * MINUTE + 1]).stretches();
        let counts: Vec<u64> = stretches.iter().map(|stretch| stretch.counts[1]).collect();
        assert_eq!(counts[13..16], [1, 0, 2]);
        assert_eq!((counts.len(), counts.iter().sum::<u64>(), stretches[13].start), (30, 3, 0));
        assert!(Timeline::default().stretches().is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_there_are_never_many(
            times in proptest::collection::vec(-8_000_000_000_000_000_i64..8_000_000_000_000_000, 1..50)
        ) {
            let stretches = over(&times).stretches();
            prop_assert!(i64::try_from(stretches.len()).unwrap() <= MOST);
            let sum: u64 = stretches.iter().flat_map(|stretch| stretch.counts).sum();
            prop_assert_eq!(sum, times.len() as u64);
        }
    }
}

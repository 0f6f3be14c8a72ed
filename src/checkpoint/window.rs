//! A window of time, closed at both ends, in whole milliseconds.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The events from `from` to `to`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First millisecond.
    pub from: DateTime<Utc>,
    /// Last millisecond.
    pub to: DateTime<Utc>,
}

impl Window {
    /// The window between two times, whichever comes first.
    #[must_use]
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { from: from.min(to), to: from.max(to) }
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        self.to - self.from
    }

    /// The part of it that lies in `other`.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from <= to).then_some(Self { from, to })
    }

    /// Cuts it into pieces of at most `longest`, oldest first; neighbours share their border.
    #[must_use]
    pub fn split(&self, longest: TimeDelta) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut from = self.from;
        while self.to - from > longest {
            pieces.push(Self { from, to: from + longest });
            from += longest;
        }
        pieces.push(Self { from, to: self.to });
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use chrono::{DateTime, TimeDelta, Utc};
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    proptest! {
        #[test]
        fn pieces_cover_the_whole_and_no_more(start in 0i64..1000, length in 0i64..1000, longest in 1i64..300) {
            let window = Window::new(at(start), at(start + length));
            let pieces = window.split(TimeDelta::seconds(longest));
            prop_assert_eq!(pieces.first().unwrap().from, window.from);
            prop_assert_eq!(pieces.last().unwrap().to, window.to);
            prop_assert!(pieces.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(pieces.iter().all(|piece| piece.length() <= TimeDelta::seconds(longest)));
        }
    }

    #[test]
    fn overlap_includes_a_shared_border() {
        let (one, two) = (Window::new(at(0), at(5)), Window::new(at(5), at(9)));
        assert_eq!(one.overlap(&two), Some(Window::new(at(5), at(5))));
        assert_eq!(one.overlap(&Window::new(at(6), at(9))), None);
    }
}

//! Why a match has no alert, as far as the rule's checkpoint tells.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::checkpoint::Cursor;

/// Why a match has no alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its time was read and its alert should be there; or no checkpoint says what was read.
    Missing,
    /// Its time is in a stretch that could not be read whole and will be tried again.
    Owed,
    /// Its time is read by the rule's next run.
    NotReadYet,
    /// Its time lies before the rule's first window: history is a backfill's business.
    BeforeFirstWindow,
}

impl Why {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Owed => "owed",
            Self::NotReadYet => "not read yet",
            Self::BeforeFirstWindow => "before the first window",
        }
    }
}

/// What a rule had read when its audit began.
#[derive(Debug)]
pub(super) struct WasRead {
    cursor: Option<Cursor>,
    overlap: TimeDelta,
}

impl WasRead {
    /// What `cursor` tells of a rule whose windows overlap by `overlap`; without a cursor, or by one that a backfill has
    /// left for a rule that was never watched since, nothing.
    pub fn new(cursor: Option<Cursor>, overlap: TimeDelta) -> Self {
        Self { cursor: cursor.filter(Cursor::has_read), overlap }
    }

    /// End of the newest window.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.cursor.as_ref().map(|cursor| cursor.done_until)
    }

    /// Why an event of this time has no alert. The time that the next window reads again counts as not read: an event
    /// may have become searchable there after the last window had closed.
    pub fn why(&self, time: DateTime<Utc>) -> Why {
        let Some(cursor) = &self.cursor else { return Why::Missing };
        let next_from =
            cursor.done_until.checked_sub_signed(self.overlap).unwrap_or(DateTime::<Utc>::MIN_UTC);
        if cursor.owed.iter().any(|owed| (owed.window.from..=owed.window.to).contains(&time)) {
            Why::Owed
        } else if time < cursor.origin {
            Why::BeforeFirstWindow
        } else if time >= next_from {
            Why::NotReadYet
        } else {
            Why::Missing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WasRead, Why};
    use crate::checkpoint::{Cursor, Window};
    use chrono::{DateTime, TimeDelta, Utc};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn why(cursor: Option<&Cursor>, seconds: i64) -> Why {
        WasRead::new(cursor.cloned(), TimeDelta::seconds(60)).why(at(seconds))
    }

    #[test]
    fn the_checkpoint_tells_what_was_read() {
        let mut cursor = Cursor::starting_at(at(1000));
        cursor.finish(Window::new(at(1000), at(2000)));
        cursor.owe(Window::new(at(2000), at(3000)), "index `a` is red", at(3000));
        cursor.finish(Window::new(at(3000), at(4000)));
        for (seconds, expected) in [
            (0, Why::BeforeFirstWindow),
            (999, Why::BeforeFirstWindow),
            (1000, Why::Missing),
            (1999, Why::Missing),
            (2000, Why::Owed),
            (3000, Why::Owed),
            (3001, Why::Missing),
            (3939, Why::Missing),
            (3940, Why::NotReadYet),
            (4001, Why::NotReadYet),
            (9000, Why::NotReadYet),
        ] {
            assert_eq!(why(Some(&cursor), seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn a_newest_window_that_is_owed_is_owed_to_its_end() {
        let mut cursor = Cursor::starting_at(at(1000));
        cursor.owe(Window::new(at(1000), at(2000)), "x", at(2000));
        assert_eq!(why(Some(&cursor), 2000), Why::Owed);
        assert_eq!(why(Some(&cursor), 2001), Why::NotReadYet);
    }

    #[test]
    fn without_a_checkpoint_nothing_explains_it() {
        assert_eq!(why(None, 0), Why::Missing);
        assert_eq!(why(None, i64::from(u32::MAX)), Why::Missing);
        // As a backfill leaves it for who begins to watch.
        let begun = Cursor::starting_at(at(1000));
        assert_eq!([0, 1000, 2000].map(|seconds| why(Some(&begun), seconds)), [Why::Missing; 3]);
    }

    #[test]
    fn an_overlap_without_end_is_no_overflow() {
        let mut cursor = Cursor::starting_at(at(0));
        cursor.finish(Window::new(at(0), at(1)));
        let read = WasRead::new(Some(cursor), TimeDelta::MAX);
        assert_eq!(read.why(at(1)), Why::NotReadYet);
    }
}

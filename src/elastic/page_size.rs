//! How many documents to ask for at a time: as many as make a page of a handy size in bytes.

/// The size of a page that is aimed at, in bytes.
const TARGET_BYTES: usize = 8 << 20;

/// The first page, before the size of the documents is known.
const FIRST: usize = 250;

/// What Elasticsearch allows unless an index says otherwise.
const MAX: usize = 10_000;

/// How much a page may grow at once: the next documents may be larger.
const GROWTH: usize = 8;

/// The number of documents of the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSize {
    next: usize,
    cap: usize,
}

impl PageSize {
    pub(super) fn new() -> Self {
        Self { next: FIRST, cap: MAX }
    }

    /// The number to ask for, where the caller wants no more than `limit`.
    pub(super) fn ask(self, limit: usize) -> usize {
        self.next.min(limit).clamp(1, MAX)
    }

    /// Learns from a page that was read.
    pub(super) fn learn(&mut self, hits: usize, bytes: usize) {
        if let Some(average) = bytes.checked_div(hits) {
            let fitting = TARGET_BYTES / average.max(1);
            self.next = fitting.clamp(1, self.next.saturating_mul(GROWTH).min(self.cap));
        }
    }

    /// Halves it for good after a page of `asked` was too large; false where it cannot be smaller.
    pub(super) fn halve(&mut self, asked: usize) -> bool {
        self.cap = asked.div_euclid(2).max(1);
        self.next = self.next.min(self.cap);
        asked > 1
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, PageSize, TARGET_BYTES};

    #[test]
    fn grows_to_the_target_and_shrinks_with_large_documents() {
        let mut size = PageSize::new();
        let first = size.ask(MAX);
        size.learn(first, first * 3_000);
        assert_eq!(size.ask(MAX), first * 8);
        size.learn(2_000, 2_000 * 3_000);
        assert_eq!(size.ask(MAX), TARGET_BYTES / 3_000);
        size.learn(10, 10 * (TARGET_BYTES + 1));
        assert_eq!(size.ask(MAX), 1);
        size.learn(0, 200);
        assert_eq!(size.ask(MAX), 1);
    }

    #[test]
    fn a_page_that_was_too_large_is_never_asked_again() {
        let mut size = PageSize::new();
        assert!(size.halve(200));
        assert_eq!(size.ask(MAX), 100);
        size.learn(100, 100);
        assert_eq!(size.ask(MAX), 100);
        assert_eq!(size.ask(7), 7);
        assert!(!size.halve(1));
        assert_eq!(size.ask(MAX), 1);
    }
}

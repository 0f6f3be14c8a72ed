//! Lines that are documents of their own as far as their ends show, found without looking at what is in them.
//!
//! Such a line begins with `{` and ends with `}`, and the next line that is not blank begins with `{` too. Whatever
//! is in between, [`Splitter`](super::split::Splitter) stands before a document again when it comes to that next line:
//! where the line leaves brackets open, the `{` fits in nowhere, and splitting is taken up there.

use memchr::memchr_iter;

/// Why a run of lines ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The next line needs more bytes to be told.
    Short,
    /// The next line is another kind of text.
    Odd,
    /// The next line begins where others read on.
    Done,
}

/// A run of lines, and why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where the next line begins.
    pub end: usize,
    pub stop: Stop,
}

/// The lines at the head of `block` that are documents of their own, and blank ones; their beginnings go to `starts`.
///
/// A line that begins at `until` or behind is left to others.
pub(super) fn run(block: &[u8], until: usize, starts: &mut Vec<usize>) -> Run {
    starts.clear();
    let (mut start, mut sure) = (0, 0);
    let mut boundary = None;
    let mut newlines = memchr_iter(b'\n', block);
    loop {
        if start >= until {
            boundary.get_or_insert((start, starts.len()));
        }
        let newline = newlines.next();
        let line = &block[start..newline.unwrap_or(block.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'{') {
            // Now the line before it is known for what it is.
            if let Some((end, count)) = boundary {
                starts.truncate(count);
                return Run { end, stop: Stop::Done };
            }
            sure = starts.len();
        }
        let stop = match (line, newline) {
            (_, None) => Some(Stop::Short),
            ([] | [b'{', .., b'}'], _) => None,
            _ => Some(Stop::Odd),
        };
        if let Some(stop) = stop {
            let end = starts.get(sure).copied().unwrap_or(start);
            starts.truncate(sure);
            return Run { end, stop };
        }
        starts.push(start);
        start = newline.map_or(start, |newline| newline + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, Stop, run};

    fn lines(text: &str, until: usize) -> (Vec<usize>, usize, Stop) {
        let mut starts = vec![99];
        let Run { end, stop } = run(text.as_bytes(), until, &mut starts);
        (starts, end, stop)
    }

    #[test]
    fn a_line_counts_once_the_next_document_has_begun() {
        let all = usize::MAX;
        assert_eq!(lines("", all), (vec![], 0, Stop::Short));
        assert_eq!(lines("{}\n", all), (vec![], 0, Stop::Short));
        assert_eq!(lines("{}\n{", all), (vec![0], 3, Stop::Short));
        assert_eq!(lines("{}\r\n{1}\n\n", all), (vec![0], 4, Stop::Short));
        assert_eq!(lines("{}\n\r\n\n{\"a", all), (vec![0, 3, 5], 6, Stop::Short));
        assert_eq!(lines("\n\n{}\n", all), (vec![0, 1], 2, Stop::Short));
    }

    #[test]
    fn other_text_ends_the_run_before_the_line_that_may_go_on_in_it() {
        let all = usize::MAX;
        assert_eq!(lines("{}\n{}\n,\"a\":1}\n{}\n{}", all), (vec![0], 3, Stop::Odd));
        assert_eq!(lines("{}\n{}\n{\n", all), (vec![0, 3], 6, Stop::Odd));
        assert_eq!(lines("{}\n {}\n{}", all), (vec![], 0, Stop::Odd));
        assert_eq!(lines("[{}\n", all), (vec![], 0, Stop::Odd));
        assert_eq!(lines("{\n", all), (vec![], 0, Stop::Odd));
    }

    #[test]
    fn lines_from_the_boundary_on_are_left() {
        assert_eq!(lines("{}\n{}\n{}\n", 3), (vec![0], 3, Stop::Done));
        assert_eq!(lines("{}\n{}\n{}\n", 2), (vec![0], 3, Stop::Done));
        assert_eq!(lines("{}\n\n\n{}\n", 3), (vec![0], 3, Stop::Done));
        assert_eq!(lines("{}\n\n\n{}\n", 4), (vec![0, 3], 4, Stop::Done));
        assert_eq!(lines("{}\n\n]\n", 3), (vec![], 0, Stop::Odd));
        assert_eq!(lines("{}\n", 0), (vec![], 0, Stop::Done));
    }
}

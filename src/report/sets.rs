//! Commands and searches that many alerts share: a long page shows each set of them once.

use std::collections::HashMap;
use std::fmt::Debug;

use sha2::{Digest, Sha256};

use super::alert::Alert;

/// The sets that a page has shown so far, by what is in them, each with the place of its alert.
#[derive(Debug, Default)]
pub struct Sets {
    commands: HashMap<[u8; 32], usize>,
    searches: HashMap<[u8; 32], usize>,
}

/// The places of the alerts that show an alert's commands and searches already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShownBefore {
    /// The same commands.
    pub commands: Option<usize>,
    /// The same searches, at another time.
    pub searches: Option<usize>,
}

impl Sets {
    /// Notes what the alert at `place` has, and says where that was shown before.
    pub fn note(&mut self, alert: &Alert, place: usize) -> ShownBefore {
        // When a search looks, and so its link, is the alert's own.
        let searches: Vec<_> =
            alert.pivots.iter().map(|one| (&one.title, &one.query, &one.indices, &one.withheld)).collect();
        ShownBefore {
            commands: first(&mut self.commands, &alert.commands, place),
            searches: first(&mut self.searches, &searches, place),
        }
    }
}

fn first(shown: &mut HashMap<[u8; 32], usize>, set: &[impl Debug], place: usize) -> Option<usize> {
    let key = Sha256::digest(format!("{set:?}")).into();
    let first = *shown.entry(key).or_insert(place);
    (first < place && !set.is_empty()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::{Sets, ShownBefore};
    use crate::report::{Alert, Command, Pivot};

    fn alert(command: &str, query: &str, span: &str) -> Alert {
        let text = |text: &str| Some(text.to_owned());
        Alert {
            commands: vec![Command { command: text(command), ..Command::default() }],
            pivots: vec![Pivot { query: text(query), span: text(span), ..Pivot::default() }],
            ..Alert::default()
        }
    }

    #[test]
    fn a_set_is_known_by_what_is_in_it_and_a_search_at_any_time() {
        let mut sets = Sets::default();
        let before = |commands, searches| ShownBefore { commands, searches };
        assert_eq!(sets.note(&alert("a", "x", "1"), 0), before(None, None));
        assert_eq!(sets.note(&alert("a", "x", "2"), 1), before(Some(0), Some(0)));
        assert_eq!(sets.note(&alert("b", "x", "2"), 2), before(None, Some(0)));
        assert_eq!(sets.note(&alert("b", "y", "2"), 3), before(Some(2), None));
        assert_eq!(sets.note(&Alert::default(), 4), before(None, None));
        assert_eq!(sets.note(&Alert::default(), 5), before(None, None));
    }
}

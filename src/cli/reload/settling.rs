//! When a change is whole: two looks in a row that agree, so that what is still being written is left alone.

use super::files::Contents;

/// What was taken up, and what was seen since.
#[derive(Debug)]
pub struct Settling {
    taken: Contents,
    last: Option<Contents>,
}

impl Settling {
    /// `taken` is in force.
    pub fn new(taken: Contents) -> Self {
        Self { taken, last: None }
    }

    /// Whether what is seen is not in force, and was so at the last look too.
    pub fn is_due(&mut self, seen: &Contents) -> bool {
        if *seen == self.taken {
            self.last = None;
            return false;
        }
        let agrees = self.last.as_ref() == Some(seen);
        self.last = Some(seen.clone());
        agrees
    }

    /// What is in force.
    pub fn taken(&self) -> &Contents {
        &self.taken
    }

    /// `taken` is in force, or was refused: it is nothing new any more.
    pub fn took(&mut self, taken: Contents) {
        *self = Self::new(taken);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Settling;
    use crate::cli::reload::files::{Contents, Files};

    #[test]
    fn a_change_is_due_once_it_has_come_to_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = [folder.path().join("a")];
        let holding = |text: &str| -> Contents {
            fs::write(&path[0], text).expect("a file");
            Files::default().look(&path)
        };
        let (old, half, whole) = (holding("old"), holding("half"), holding("whole"));
        let mut settling = Settling::new(old.clone());
        let seen = [&old, &half, &whole, &old, &whole, &whole];
        assert_eq!(seen.map(|seen| settling.is_due(seen)), [false, false, false, false, false, true]);
        // Not taken, as it changed while it was read.
        assert!(settling.is_due(&whole));
        settling.took(whole.clone());
        assert!(!settling.is_due(&whole));
        assert_eq!([&half, &half].map(|seen| settling.is_due(seen)), [false, true]);
    }
}

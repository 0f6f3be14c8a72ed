//! What a pass over files went over, and what of it could not be used.

use serde::Serialize;

use crate::diagnostic::counted;

/// What a pass over files went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Seen {
    /// Files.
    #[serde(skip)]
    pub files: u64,
    /// Events in them.
    #[serde(skip)]
    pub events: u64,
    /// Lines and files that could not be read, those apart for which a window is owed.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// Matches that are in no window, as their time cannot be read.
    #[serde(skip_serializing_if = "is_zero")]
    pub without_time: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Seen {
    /// Takes another pass in: each reads all files, so the larger count is that of both.
    pub(super) fn take(seen: &mut Option<Self>, other: Option<Self>) {
        *seen = seen.iter().copied().chain(other).reduce(|one, other| Self {
            files: one.files.max(other.files),
            events: one.events.max(other.events),
            unreadable: one.unreadable.max(other.unreadable),
            without_time: one.without_time.max(other.without_time),
        });
    }

    /// What could not be used, in words; none where all could.
    #[must_use]
    pub fn lack(self) -> Option<String> {
        let unreadable = counted(self.unreadable, "line or file");
        let without_time = counted(self.without_time, "match");
        let lacks = [
            (self.unreadable > 0).then(|| format!("{unreadable} could not be read")),
            (self.without_time > 0).then(|| format!("{without_time} had no readable time")),
        ];
        let lacks: Vec<String> = lacks.into_iter().flatten().collect();
        (!lacks.is_empty()).then(|| lacks.join(", "))
    }
}

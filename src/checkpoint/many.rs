//! The cursors of many rules at once: one request reads all of them, one moves all of them.

use chrono::{DateTime, Utc};

use super::cursor::Cursor;
use super::store::{CheckpointError, LONGEST_RACE, Store, Tracked, decode, encode_kept, unchanged};
use super::window::Window;
use crate::elastic::{Cluster, Guard, Put, PutItem, Versioned};

/// What of a checkpoint's document is read.
const FIELDS: &[&str] = &["origin", "done_until", "owed", "swept_until"];

/// A cursor that is to be moved over a window that was read whole.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The cursor as it was read.
    pub tracked: Tracked,
    /// The cursor to move where none is kept yet.
    pub begin: Cursor,
    /// The window.
    pub whole: Window,
    /// Whether a late sweep was done with it.
    pub swept: bool,
}

impl Advance {
    /// What is done to the cursor.
    fn step(&self) -> impl Fn(&mut Cursor) + use<> {
        let Self { whole, swept, .. } = *self;
        move |cursor| {
            cursor.finish(whole);
            if swept {
                cursor.swept_until = Some(whole.to);
            }
        }
    }

    fn cursor(&self) -> Cursor {
        let mut cursor = self.tracked.cursor.clone().unwrap_or_else(|| self.begin.clone());
        self.step()(&mut cursor);
        cursor
    }

    /// Whether the cursor that another process has written is as good.
    fn is_near(&self, moved: &Cursor) -> bool {
        self.tracked.cursor.as_ref().is_some_and(|kept| kept.is_near(moved))
    }
}

impl Store {
    /// Reads the cursors under the keys, each with a name for the reader of its document, in their order; none where one
    /// cannot be read by itself or is no checkpoint, which [`Store::load`] tells in words.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn load_all(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<Tracked>>, CheckpointError> {
        match self {
            Self::Cluster { cluster, index } => load_from_cluster(cluster, index, keys).await,
            Self::Discard(inner) => Box::pin(inner.load_all(keys)).await,
            Self::File(_) => {
                let mut all = Vec::with_capacity(keys.len());
                for (key, name) in keys {
                    all.push(self.load(key, name).await.ok());
                }
                Ok(all)
            }
        }
    }

    /// Moves each cursor and keeps it, as [`Store::change`] does; whether each is kept, in their order.
    ///
    /// # Errors
    /// The place cannot be written; some of the cursors may be kept all the same.
    pub async fn advance_all(
        &self,
        advances: &mut [Advance],
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>, CheckpointError> {
        match self {
            Self::Cluster { cluster, index } => advance_in_cluster(cluster, index, advances, now).await,
            Self::Discard(_) => Ok(vec![true; advances.len()]),
            Self::File(_) => {
                let mut kept = Vec::with_capacity(advances.len());
                for advance in advances {
                    let step = advance.step();
                    let moved = self.change(&mut advance.tracked, &advance.begin, now, step);
                    kept.push(moved.await.is_ok());
                }
                Ok(kept)
            }
        }
    }
}

async fn load_from_cluster(
    cluster: &Cluster,
    index: &str,
    keys: &[(&str, &str)],
) -> Result<Vec<Option<Tracked>>, CheckpointError> {
    let ids: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    let found = cluster.get_documents(index, &ids, FIELDS).await?;
    let tracked = |((key, name), found): (&(&str, &str), Result<Option<Versioned>, String>)| {
        let (guard, cursor) = match found.ok()? {
            Some(versioned) => {
                (unchanged(&versioned), Some(decode::<Cursor>(key, index, versioned.source).ok()?))
            }
            None => (Guard::Create, None),
        };
        Some(Tracked { key: (*key).to_owned(), name: (*name).to_owned(), guard, cursor })
    };
    Ok(keys.iter().zip(found).map(tracked).collect())
}

async fn advance_in_cluster(
    cluster: &Cluster,
    index: &str,
    advances: &mut [Advance],
    now: DateTime<Utc>,
) -> Result<Vec<bool>, CheckpointError> {
    let mut kept = vec![false; advances.len()];
    let mut open: Vec<usize> = (0..advances.len()).collect();
    for round in 0..LONGEST_RACE {
        let lost = round > 0;
        let (mut moved, mut items) = (Vec::new(), Vec::new());
        for at in std::mem::take(&mut open) {
            let advance = &advances[at];
            let cursor = advance.cursor();
            if lost && advance.is_near(&cursor) {
                kept[at] = true;
                continue;
            }
            let document = encode_kept(&advance.tracked, &cursor, now, index)?;
            let (id, guard) = (advance.tracked.key.clone(), advance.tracked.guard);
            items.push(PutItem { id, document, guard });
            moved.push((at, cursor));
        }
        if items.is_empty() {
            break;
        }
        for ((at, cursor), outcome) in moved.into_iter().zip(cluster.put_documents(index, &items).await?) {
            match outcome {
                Ok(Put::Done { seq_no, primary_term }) => {
                    advances[at].tracked.guard = Guard::Unchanged { seq_no, primary_term };
                    advances[at].tracked.cursor = Some(cursor);
                    kept[at] = true;
                }
                Ok(Put::Conflict) => open.push(at),
                Err(reason) => tracing::debug!(key = advances[at].tracked.key, %reason, "not kept"),
            }
        }
        if !reload(cluster, index, advances, &mut open).await? {
            break;
        }
    }
    Ok(kept)
}

/// Reads again what other processes have written; false where nothing is left to be kept.
async fn reload(
    cluster: &Cluster,
    index: &str,
    advances: &mut [Advance],
    open: &mut Vec<usize>,
) -> Result<bool, CheckpointError> {
    if open.is_empty() {
        return Ok(false);
    }
    let keys: Vec<(&str, &str)> = open
        .iter()
        .map(|at| (advances[*at].tracked.key.as_str(), advances[*at].tracked.name.as_str()))
        .collect();
    let found = load_from_cluster(cluster, index, &keys).await?;
    let mut readable = Vec::new();
    for (at, tracked) in open.drain(..).zip(found) {
        if let Some(tracked) = tracked {
            advances[at].tracked = tracked;
            readable.push(at);
        }
    }
    *open = readable;
    Ok(!open.is_empty())
}

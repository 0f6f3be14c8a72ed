//! Where cursors are kept: a document of the cluster, or a file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::cursor::Cursor;
use crate::elastic::{Cluster, ElasticError, Guard, Put, Versioned};
use crate::local::{StateError, StateFile};

/// How often a lost race for one checkpoint is taken up again before it counts as a failure.
pub(super) const LONGEST_RACE: usize = 20;

/// A checkpoint could not be read or written.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The cluster refused or did not answer.
    #[error(transparent)]
    Elastic(#[from] ElasticError),
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] StateError),
    /// What is kept there is no checkpoint.
    #[error(
        "the checkpoint `{key}` in {place} is not readable: {reason}; delete it to begin anew at the rule's look-back, then cover the time since with `--backfill`"
    )]
    Unreadable {
        /// The checkpoint's key.
        key: String,
        /// The index or file.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Other processes won every race for it.
    #[error(
        "the checkpoint `{key}` was changed by other processes {LONGEST_RACE} times in a row; the window stays owed"
    )]
    Contended {
        /// The checkpoint's key.
        key: String,
    },
}

impl CheckpointError {
    /// Whether the same may well succeed later, with nothing changed by anyone.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.elastic().is_some_and(ElasticError::is_retryable)
    }

    /// The failed request behind it, if it was one.
    #[must_use]
    pub fn elastic(&self) -> Option<&ElasticError> {
        match self {
            Self::Elastic(error) => Some(error),
            Self::File(_) | Self::Unreadable { .. } | Self::Contended { .. } => None,
        }
    }
}

/// A cursor under its key, and what guards it against a second writer.
#[derive(Debug, Clone)]
pub struct Tracked {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) guard: Guard,
    /// The cursor as last read or written; none before the first write.
    pub cursor: Option<Cursor>,
}

/// The document as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    key: String,
    name: String,
    updated_at: DateTime<Utc>,
    #[serde(flatten)]
    cursor: Cursor,
}

/// Where cursors are kept; a clone is the same place.
#[derive(Debug, Clone)]
pub enum Store {
    /// One document a key in an index; a change is written only over the version it was made from.
    Cluster {
        /// The cluster.
        cluster: Cluster,
        /// The index, made by the caller.
        index: String,
    },
    /// All keys in one file that this process alone writes.
    File(Arc<Mutex<StateFile>>),
    /// Nowhere: a dry run moves no checkpoint, but may begin from one.
    Discard(Box<Store>),
}

impl Store {
    /// Keeps cursors in `file`.
    #[must_use]
    pub fn file(file: StateFile) -> Self {
        Self::File(Arc::new(Mutex::new(file)))
    }

    /// Reads the cursor under `key`; `name` is for the reader of the document.
    ///
    /// # Errors
    /// The place cannot be read, or holds something else.
    pub async fn load(&self, key: &str, name: &str) -> Result<Tracked, CheckpointError> {
        let tracked = |guard, cursor| Tracked { key: key.to_owned(), name: name.to_owned(), guard, cursor };
        match self {
            Self::Cluster { cluster, index } => match cluster.get_document(index, key).await? {
                Some(versioned) => {
                    let guard = unchanged(&versioned);
                    Ok(tracked(guard, Some(decode::<Kept>(key, index, versioned.source)?.cursor)))
                }
                None => Ok(tracked(Guard::Create, None)),
            },
            Self::File(file) => Ok(tracked(Guard::Create, load_from(&locked(file), key)?)),
            Self::Discard(inner) => Box::pin(inner.load(key, name)).await,
        }
    }

    /// Applies `change` to the cursor and keeps it; where another process was faster, to that process's version, unless
    /// that is as good: replicas that fire together write once.
    ///
    /// `begin` is the cursor to change where none is kept yet; `now` is only shown to the reader.
    ///
    /// # Errors
    /// The place cannot be written; the cursor then stays as it was.
    pub async fn change(
        &self,
        tracked: &mut Tracked,
        begin: &Cursor,
        now: DateTime<Utc>,
        change: impl Fn(&mut Cursor),
    ) -> Result<(), CheckpointError> {
        for round in 0..LONGEST_RACE {
            let mut cursor = tracked.cursor.clone().unwrap_or_else(|| begin.clone());
            change(&mut cursor);
            let lost = round > 0;
            if lost && tracked.cursor.as_ref().is_some_and(|kept| kept.is_near(&cursor)) {
                return Ok(());
            }
            if self.write(tracked, cursor, now).await? {
                return Ok(());
            }
            *tracked = self.load(&tracked.key, &tracked.name).await?;
        }
        Err(CheckpointError::Contended { key: tracked.key.clone() })
    }

    /// Whether the cursor was written; false where another process wrote first.
    async fn write(
        &self,
        tracked: &mut Tracked,
        cursor: Cursor,
        now: DateTime<Utc>,
    ) -> Result<bool, CheckpointError> {
        match self {
            Self::Cluster { cluster, index } => {
                let body = encode_kept(tracked, &cursor, now, index)?;
                match cluster.put_document(index, &tracked.key, &body, tracked.guard).await? {
                    Put::Conflict => return Ok(false),
                    Put::Done { seq_no, primary_term } => {
                        tracked.guard = Guard::Unchanged { seq_no, primary_term }
                    }
                }
            }
            Self::File(file) => {
                let file = locked(file);
                let mut all = load_all(&file)?;
                let place = file.path().display().to_string();
                all.insert(tracked.key.clone(), encode_kept(tracked, &cursor, now, &place)?);
                file.save(&all)?;
            }
            Self::Discard(_) => {}
        }
        tracked.cursor = Some(cursor);
        Ok(true)
    }
}

pub(super) fn unchanged(versioned: &Versioned) -> Guard {
    Guard::Unchanged { seq_no: versioned.seq_no, primary_term: versioned.primary_term }
}

fn load_all(file: &StateFile) -> Result<serde_json::Map<String, Value>, CheckpointError> {
    let Some(loaded) = file.load()? else { return Ok(serde_json::Map::new()) };
    if let Some(warning) = loaded.warning {
        tracing::warn!("{warning}");
    }
    Ok(loaded.state)
}

fn load_from(file: &StateFile, key: &str) -> Result<Option<Cursor>, CheckpointError> {
    let place = file.path().display().to_string();
    load_all(file)?
        .remove(key)
        .map(|kept| decode::<Kept>(key, &place, kept).map(|kept| kept.cursor))
        .transpose()
}

/// Reads what is kept under `key`.
pub(super) fn decode<T: DeserializeOwned>(key: &str, place: &str, kept: Value) -> Result<T, CheckpointError> {
    serde_json::from_value(kept).map_err(|error| unreadable(key, place, &error.to_string()))
}

/// The document of `cursor` under the key and name of `tracked`.
pub(super) fn encode_kept(
    tracked: &Tracked,
    cursor: &Cursor,
    now: DateTime<Utc>,
    place: &str,
) -> Result<Value, CheckpointError> {
    let (key, name, cursor) = (tracked.key.clone(), tracked.name.clone(), cursor.clone());
    let kept = Kept { key, name, updated_at: now, cursor };
    serde_json::to_value(&kept).map_err(|error| unreadable(&kept.key, place, &error.to_string()))
}

fn unreadable(key: &str, place: &str, reason: &str) -> CheckpointError {
    CheckpointError::Unreadable {
        key: key.to_owned(),
        place: format!("`{place}`"),
        reason: reason.to_owned(),
    }
}

/// What a poisoned lock holds is whole: it is replaced in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A small JSON file that is replaced whole: after a crash there is the new state or the one before, never a part.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::durable::{beside, sync_folder};
use crate::bounded;

/// A state has some hundred bytes a rule; what is larger than this is something else.
const MAX_BYTES: u64 = 64 << 20;

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Reading or writing failed.
    #[error("cannot {doing} `{path}`: {source}", path = path.display())]
    Io {
        /// What was tried: a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the file nor the generation before it holds a state.
    #[error(
        "`{path}` holds no state ({reason}); to start without one, remove it and `{previous}`: alerts already \
         written are known from their file and are not written twice",
        path = path.display(),
        previous = previous.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The generation before it.
        previous: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A state, and what the user should know about where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<T> {
    /// The state.
    pub state: T,
    /// Why the generation before the last was taken, if it was: a whole sentence without a full stop.
    pub warning: Option<String>,
}

/// The state beside an alert file. The alert file's lock guards it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The state that belongs to the alert file `alerts`: its name with `.state.json` after it.
    #[must_use]
    pub fn beside(alerts: &Path) -> Self {
        Self { path: beside(alerts, ".state.json") }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file a state writes: itself, the generation before, and the one in the making.
    #[must_use]
    pub fn own_files(&self) -> Vec<PathBuf> {
        vec![self.path.clone(), self.previous(), self.next()]
    }

    /// The last state saved; none if there never was one.
    ///
    /// A damaged or missing file gives way to the generation before it, with a warning: going on from an
    /// older state reads more again, and misses nothing.
    ///
    /// # Errors
    /// A file that cannot be read, or damage to both generations.
    pub fn load<T: DeserializeOwned>(&self) -> Result<Option<Loaded<T>>, StateError> {
        let reason = match read(&self.path)? {
            Some(Ok(state)) => return Ok(Some(Loaded { state, warning: None })),
            Some(Err(reason)) => reason,
            None => "it is missing".to_owned(),
        };
        let (path, previous) = (self.path.clone(), self.previous());
        match read(&previous)? {
            Some(Ok(state)) => {
                let (path, previous) = (path.display(), previous.display());
                let warning = format!("`{path}` holds no state ({reason}), going on from `{previous}`");
                Ok(Some(Loaded { state, warning: Some(warning) }))
            }
            None if !path.exists() => Ok(None),
            _ => Err(StateError::Damaged { path, previous, reason }),
        }
    }

    /// Replaces the state; the one before is kept beside it.
    ///
    /// # Errors
    /// When the disk does not take it; the last state saved stays as it is.
    pub fn save<T: Serialize>(&self, state: &T) -> Result<(), StateError> {
        let next = self.next();
        write(&next, state).map_err(|source| StateError::Io {
            doing: "write",
            path: next.clone(),
            source,
        })?;
        self.replace(&next).map_err(|source| StateError::Io {
            doing: "replace",
            path: self.path.clone(),
            source,
        })
    }

    fn replace(&self, next: &Path) -> io::Result<()> {
        match fs::rename(&self.path, self.previous()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A crash right here leaves the generation before, which `load` finds.
        fs::rename(next, &self.path)?;
        sync_folder(&self.path)
    }

    fn previous(&self) -> PathBuf {
        beside(&self.path, ".previous")
    }

    fn next(&self) -> PathBuf {
        beside(&self.path, ".next")
    }
}

/// Writes a file whole, and waits until it lasts.
fn write<T: Serialize>(path: &Path, state: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(state)?;
    text.push(b'\n');
    let mut file = File::create(path)?;
    file.write_all(&text)?;
    file.sync_all()
}

/// The state in a file, or what is wrong with it; nothing where there is no file.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Result<T, String>>, StateError> {
    match bounded::read(path, MAX_BYTES) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text).map_err(|error| error.to_string()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::Io { doing: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::{StateError, StateFile};
    use std::fs;
    use tempfile::TempDir;

    fn state_in(folder: &TempDir) -> StateFile {
        StateFile::beside(&folder.path().join("alerts.ndjson"))
    }

    fn load(file: &StateFile) -> (u64, bool) {
        let loaded = file.load::<u64>().unwrap().unwrap();
        (loaded.state, loaded.warning.is_some())
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = TempDir::new().unwrap();
        let file = state_in(&folder);
        assert_eq!(file.load::<u64>().unwrap(), None);
        for state in [1, 2, 3] {
            file.save(&state).unwrap();
            assert_eq!(load(&file), (state, false));
        }
        assert!(file.path().ends_with("alerts.ndjson.state.json"));
    }

    #[test]
    fn a_state_cut_off_anywhere_gives_way_to_the_one_before() {
        let folder = TempDir::new().unwrap();
        let file = state_in(&folder);
        file.save(&["old"]).unwrap();
        file.save(&["new"]).unwrap();
        let whole = fs::read(file.path()).unwrap();
        for length in 0..whole.len() - 1 {
            fs::write(file.path(), &whole[..length]).unwrap();
            let loaded = file.load::<Vec<String>>().unwrap().unwrap();
            assert_eq!(loaded.state, if length == whole.len() - 1 { ["new"] } else { ["old"] });
            assert!(loaded.warning.is_some_and(|warning| warning.contains("alerts.ndjson.state.json")));
        }
    }

    #[test]
    fn a_crash_between_the_two_renames_loses_nothing() {
        let folder = TempDir::new().unwrap();
        let file = state_in(&folder);
        file.save(&1).unwrap();
        fs::rename(file.path(), file.previous()).unwrap();
        fs::write(file.next(), "2").unwrap();
        assert_eq!(load(&file), (1, true));
        file.save(&3).unwrap();
        assert_eq!(load(&file), (3, false));
    }

    #[test]
    fn damage_without_an_older_generation_is_told_with_what_to_do() {
        let folder = TempDir::new().unwrap();
        let file = state_in(&folder);
        fs::write(file.path(), "{").unwrap();
        let error = file.load::<u64>().unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }));
        let told = error.to_string();
        assert!(told.contains("alerts.ndjson.state.json") && told.contains("remove it"), "{told}");
    }

    #[test]
    fn a_save_that_fails_leaves_the_last_state() {
        let folder = TempDir::new().unwrap();
        let file = state_in(&folder);
        file.save(&1).unwrap();
        // A folder in the way of the new generation stands for a disk that takes nothing.
        fs::create_dir(file.next()).unwrap();
        assert!(matches!(file.save(&2), Err(StateError::Io { doing: "write", .. })));
        assert_eq!(load(&file), (1, false));
    }
}

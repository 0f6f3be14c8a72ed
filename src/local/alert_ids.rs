//! The ids in an alert file that another process may be writing: only read, never made, locked or mended.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::alerts::{AlertFileError, io_error};
use super::known::{self, key};

/// The ids that an alert file held when it was last read.
#[derive(Debug)]
pub struct AlertIds {
    path: PathBuf,
    known: HashSet<u128>,
    /// Size and time of what was read; none where there was no file.
    stamp: Option<(u64, SystemTime)>,
}

impl AlertIds {
    /// Reads the ids in `path`; none where there is no such file yet.
    ///
    /// # Errors
    /// It is no regular file, or the disk fails.
    pub fn read(path: &Path) -> Result<Self, AlertFileError> {
        let mut ids = Self { path: path.to_owned(), known: HashSet::new(), stamp: None };
        ids.refresh()?;
        Ok(ids)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an alert with this id was in it.
    #[must_use]
    pub fn known(&self, id: &str) -> bool {
        self.known.contains(&key(id))
    }

    /// Reads it again where it has changed.
    ///
    /// # Errors
    /// As [`AlertIds::read`].
    pub fn refresh(&mut self) -> Result<(), AlertFileError> {
        let found = match fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (self.known, self.stamp) = (HashSet::new(), None);
                return Ok(());
            }
            Err(error) => return Err(io_error("read", &self.path)(error)),
        };
        if !found.is_file() {
            return Err(AlertFileError::NotAFile(self.path.clone()));
        }
        let stamp = found.modified().ok().map(|modified| (found.len(), modified));
        if stamp.is_none() || stamp != self.stamp {
            let file = File::open(&self.path).map_err(io_error("open", &self.path))?;
            self.known = known::scan(BufReader::new(file)).map_err(io_error("read", &self.path))?.known;
            self.stamp = stamp;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::AlertIds;
    use std::fs;

    #[test]
    fn what_another_process_writes_is_seen_and_nothing_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.ndjson");
        let mut ids = AlertIds::read(&path).unwrap();
        assert!(!ids.known("a"));
        let half = "{\"kibana.alert.uuid\":\"a\"}\n{\"kibana.alert.uu";
        fs::write(&path, half).unwrap();
        ids.refresh().unwrap();
        assert!(ids.known("a") && !ids.known("b"));
        fs::write(&path, "{\"kibana.alert.uuid\":\"a\"}\n{\"kibana.alert.uuid\":\"b\"}\n").unwrap();
        ids.refresh().unwrap();
        assert!(ids.known("a") && ids.known("b"));
        fs::write(&path, half).unwrap();
        ids.refresh().unwrap();
        assert!(!ids.known("b"));
        assert_eq!(fs::read_to_string(&path).unwrap(), half);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no lock, no other file");
        fs::remove_file(&path).unwrap();
        ids.refresh().unwrap();
        assert!(!ids.known("a") && !path.exists());
    }

    #[test]
    fn a_folder_holds_no_alerts() {
        let folder = tempfile::tempdir().unwrap();
        assert!(AlertIds::read(folder.path()).is_err());
    }
}

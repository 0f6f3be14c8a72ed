//! Alerts as lines of a file: appended whole or not at all, each id once, by one process at a time.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::durable::{beside, sync_folder};
use super::known::{self, Scan, key};

/// Why an alert file cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum AlertFileError {
    /// Another process holds the lock.
    #[error(
        "`{path}` is in use by another process, which holds `{lock}`; stop it, or choose another alert file",
        path = path.display(),
        lock = lock.display()
    )]
    InUse {
        /// The alert file.
        path: PathBuf,
        /// The file that is locked.
        lock: PathBuf,
    },
    /// It is there, and no regular file.
    #[error("`{path}` cannot hold alerts: expected a regular file", path = .0.display())]
    NotAFile(PathBuf),
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
}

/// What opening an alert file found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Alerts with an id.
    pub alerts: u64,
    /// Lines that are no alert with an id: if one was an alert once, it can be written again.
    pub unknown_lines: u64,
    /// The first of them, counted from 1.
    pub first_unknown_line: Option<u64>,
    /// Bytes of a last line cut off by a crash: moved to the `.partial` file beside it.
    pub cut_off_bytes: u64,
}

/// How many of the alerts given were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Written now.
    pub created: u64,
    /// Already in the file, or twice among those given.
    pub existing: u64,
}

/// Where lines go; apart from the file so that a failing disk can be tried out.
pub(super) trait Storage {
    /// Bytes it holds.
    fn length(&self) -> io::Result<u64>;
    /// Adds at the end.
    fn write_all(&mut self, text: &[u8]) -> io::Result<()>;
    /// Makes all of it last.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts it back.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl Storage for File {
    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|found| found.len())
    }

    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        Write::write_all(self, text)?;
        self.flush()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Lines in a storage, and the ids they have.
pub(super) struct Lines<S> {
    storage: S,
    /// Bytes that are whole lines; what lies behind is the rest of a write that failed.
    whole: u64,
    is_dirty: bool,
    /// Ids by 128 bits of their SHA-256: a million of them take some 20 MB, whatever their length.
    known: HashSet<u128>,
}

impl<S: Storage> Lines<S> {
    pub fn new(storage: S, whole: u64, known: HashSet<u128>) -> Self {
        Self { storage, whole, is_dirty: false, known }
    }

    /// Writes what is not known yet, all or nothing.
    pub fn append<D: Serialize>(&mut self, alerts: &[(String, D)]) -> io::Result<Appended> {
        self.clean()?;
        let mut fresh = HashSet::new();
        let mut text = Vec::new();
        for (id, alert) in alerts {
            let key = key(id);
            if !self.known.contains(&key) && fresh.insert(key) {
                serde_json::to_writer(&mut text, alert)?;
                text.push(b'\n');
            }
        }
        let created = fresh.len() as u64;
        if created > 0 {
            self.write(&text)?;
            self.known.extend(fresh);
        }
        Ok(Appended { created, existing: alerts.len() as u64 - created })
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.is_dirty = true;
        if let Err(error) = self.storage.write_all(text).and_then(|()| self.storage.sync()) {
            // If this fails too, the next call tries again before it writes.
            let _ = self.clean();
            return Err(error);
        }
        self.is_dirty = false;
        self.whole += text.len() as u64;
        Ok(())
    }

    /// Takes away what a failed write left behind.
    fn clean(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.storage.truncate(self.whole)?;
            self.storage.sync()?;
            self.is_dirty = false;
        }
        // Somebody may have cut the file meanwhile.
        self.whole = self.storage.length()?;
        Ok(())
    }
}

/// An alert file, locked while this lives.
///
/// It is one JSON document a line, with the alert's id in `kibana.alert.uuid`. It must not be rotated away
/// while its ids are still needed: they are what keeps an alert from being written twice. If it is moved or
/// removed while open, a new one is begun in its place, and the ids written so far stay known.
pub struct AlertFile {
    path: PathBuf,
    lines: Lines<File>,
    found: Found,
    /// Held, not used: the lock ends with it.
    _lock: File,
}

impl AlertFile {
    /// Opens or makes `path`, locks it, and reads the ids it holds, one line at a time.
    ///
    /// # Errors
    /// When another process has it open, when it is no regular file, and when the disk fails.
    pub fn open(path: &Path) -> Result<Self, AlertFileError> {
        if path.exists() && !path.is_file() {
            return Err(AlertFileError::NotAFile(path.to_owned()));
        }
        let lock = lock(path)?;
        let (file, scan, cut_off_bytes) = open_lines(path)?;
        let found = Found {
            alerts: scan.alerts,
            unknown_lines: scan.unknown_lines,
            first_unknown_line: scan.first_unknown_line,
            cut_off_bytes,
        };
        let lines = Lines::new(file, scan.whole_bytes, scan.known);
        Ok(Self { path: path.to_owned(), lines, found, _lock: lock })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file that belongs to the alert file `path`: itself, the lock, and what a crash cut off.
    #[must_use]
    pub fn own_files(path: &Path) -> Vec<PathBuf> {
        vec![path.to_owned(), lock_path(path), partial_path(path)]
    }

    /// What was in it when it was opened.
    #[must_use]
    pub fn found(&self) -> Found {
        self.found
    }

    /// Whether an alert with this id is in it.
    #[must_use]
    pub fn known(&self, id: &str) -> bool {
        self.lines.known.contains(&key(id))
    }

    /// Adds alerts (id and document), each on its line, and returns once they are safe on the disk.
    ///
    /// An id that is known, or occurs twice, is written once.
    ///
    /// # Errors
    /// When the disk does not take all of them: then none is in the file, and none counts as known.
    pub fn append<D: Serialize>(&mut self, alerts: &[(String, D)]) -> Result<Appended, AlertFileError> {
        if !is_at(&self.lines.storage, &self.path) {
            let (file, scan, _) = open_lines(&self.path)?;
            let known = scan.known.into_iter().chain(std::mem::take(&mut self.lines.known)).collect();
            self.lines = Lines::new(file, scan.whole_bytes, known);
        }
        self.lines.append(alerts).map_err(io_error("write", &self.path))
    }
}

/// Opens the file, moves a last line that was cut off out of it, and reads its ids.
fn open_lines(path: &Path) -> Result<(File, Scan, u64), AlertFileError> {
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    let mut file = options.open(path).map_err(io_error("open", path))?;
    if is_new {
        sync_folder(path).map_err(io_error("make", path))?;
    }
    let scan = known::scan(BufReader::new(&file)).map_err(io_error("read", path))?;
    let cut_off = scan.cut_off.len() as u64;
    if cut_off > 0 {
        keep_partial(path, &scan.cut_off)?;
        file.set_len(scan.whole_bytes).and_then(|()| file.sync_all()).map_err(io_error("repair", path))?;
    } else if scan.lacks_line_feed {
        Storage::write_all(&mut file, b"\n")
            .and_then(|()| file.sync_all())
            .map_err(io_error("repair", path))?;
    }
    Ok((file, scan, cut_off))
}

/// Keeps what is cut off: if the file was no alert file at all, nothing of it is lost.
fn keep_partial(path: &Path, cut_off: &[u8]) -> Result<(), AlertFileError> {
    let partial = partial_path(path);
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).open(&partial);
    file.and_then(|mut file| {
        Write::write_all(&mut file, cut_off)?;
        Write::write_all(&mut file, b"\n")?;
        file.sync_all()
    })
    .map_err(io_error("write", &partial))
}

fn lock(path: &Path) -> Result<File, AlertFileError> {
    let lock = lock_path(path);
    let mut options = OpenOptions::new();
    let file =
        options.write(true).create(true).truncate(false).open(&lock).map_err(io_error("lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AlertFileError::InUse { path: path.to_owned(), lock }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", path)(error)),
    }
}

/// Whether `path` still leads to `file`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(named)) = (file.metadata(), path.metadata()) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Whether `path` still leads to `file`: elsewhere an open file cannot be moved away.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn lock_path(path: &Path) -> PathBuf {
    beside(path, ".lock")
}

fn partial_path(path: &Path) -> PathBuf {
    beside(path, ".partial")
}

pub(super) fn io_error<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> AlertFileError + 'a {
    move |source| AlertFileError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;

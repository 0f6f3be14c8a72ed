//! What makes a write last: names of files are safe only once their folder is.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Makes the names in the folder of `path` survive a crash.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Other systems keep names safe themselves, and open no folders.
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

/// `path` with `suffix` after its whole name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

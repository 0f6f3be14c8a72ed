//! The report's file: there as a whole or not at all, and never beside one that it replaces.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::page::{BEGINNING, Report, Summary};

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportFileError {
    /// It is there, and no regular file.
    #[error("`{path}` cannot hold a report: expected a regular file or none", path = .0.display())]
    NotAFile(PathBuf),
    /// It is there, and holds something else.
    #[error("`{path}` holds no report, and is left as it is: choose another file, or move it away", path = .0.display())]
    NoReport(PathBuf),
    /// Reading or writing failed.
    #[error("the report `{path}` cannot be written: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A place for a report, tried before anything runs.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    unfinished: NamedTempFile,
}

impl ReportFile {
    /// Makes an unfinished file beside `path`, which vanishes unless [`ReportFile::write`] gives it its name. A report
    /// that is there keeps its permissions; behind a symbolic link the file is replaced, not the link.
    ///
    /// # Errors
    /// The folder cannot be written, or `path` is something else than a file, or a file that holds no report.
    pub fn create(path: &Path) -> Result<Self, ReportFileError> {
        let failed = |source| ReportFileError::Io { path: path.to_owned(), source };
        let (target, earlier) = match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Err(ReportFileError::NotAFile(path.to_owned())),
            Ok(found) if found.len() > 0 && !begins_as_report(path).map_err(failed)? => {
                return Err(ReportFileError::NoReport(path.to_owned()));
            }
            Ok(found) => (path.canonicalize().map_err(failed)?, Some(found.permissions())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
            Err(error) => return Err(failed(error)),
        };
        if target.file_name().is_none() {
            return Err(ReportFileError::NotAFile(path.to_owned()));
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let unfinished = unfinished(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        if let Some(permissions) = earlier {
            unfinished.as_file().set_permissions(permissions).map_err(failed)?;
        }
        Ok(Self { path: target, unfinished })
    }

    /// Writes the report and puts it in place.
    ///
    /// # Errors
    /// The disk is full, or the folder went away; a file that was there is still the same.
    pub fn write(self, report: Report, summary: &Summary) -> Result<(), ReportFileError> {
        let Self { path, mut unfinished } = self;
        let written = (|| {
            let mut out = BufWriter::new(unfinished.as_file_mut());
            report.write(summary, &mut out)?;
            out.flush()?;
            drop(out);
            unfinished.as_file().sync_all()?;
            unfinished.persist(&path).map_err(|error| error.error)
        })();
        written.map(drop).map_err(|source| ReportFileError::Io { path, source })
    }
}

fn begins_as_report(path: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(path)?.take(BEGINNING.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning == BEGINNING.as_bytes())
}

/// A new file with the permissions that any new file of this user has.
fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".stakeout-report-").suffix(".unfinished");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    fs::metadata(folder)?;
    // The error names the new file, of which nobody knows.
    builder.tempfile_in(folder).map_err(|error| error.kind().into())
}

#[cfg(test)]
mod tests {
    use super::{ReportFile, ReportFileError};
    use crate::report::{About, Report, Summary};

    fn report() -> Report {
        let (title, source, holds) = ("t".to_owned(), "s".to_owned(), "h".to_owned());
        Report::new(About { title, made_at: chrono::DateTime::UNIX_EPOCH, source, holds }).unwrap()
    }

    #[test]
    fn a_report_that_is_not_finished_leaves_the_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        ReportFile::create(&path).unwrap().write(report(), &Summary::default()).unwrap();
        let earlier = std::fs::read_to_string(&path).unwrap();
        drop(ReportFile::create(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), earlier);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        ReportFile::create(&path).unwrap().write(report(), &Summary::default()).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("</html>\n"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_holds_something_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        for text in ["{}\n", "<!DOCTYPE html><html><head><meta charset=\"utf-8\">", "\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(ReportFile::create(&path), Err(ReportFileError::NoReport(_))), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::write(&path, "").unwrap();
        ReportFile::create(&path).unwrap().write(report(), &Summary::default()).unwrap();
        ReportFile::create(&path).unwrap().write(report(), &Summary::default()).unwrap();
    }

    #[test]
    fn a_place_that_takes_no_report_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("no").join("report.html");
        let error = ReportFile::create(&nowhere).unwrap_err();
        assert!(
            matches!(error, ReportFileError::Io { .. }) && !error.to_string().contains("unfinished"),
            "{error}"
        );
        assert!(matches!(ReportFile::create(folder.path()), Err(ReportFileError::NotAFile(_))));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_the_file_before_else_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode =
            |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        std::fs::write(folder.path().join("any"), "").unwrap();
        let path = folder.path().join("report.html");
        ReportFile::create(&path).unwrap().write(report(), &Summary::default()).unwrap();
        assert_eq!(mode("report.html"), mode("any"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        ReportFile::create(&path).unwrap().write(report(), &Summary::default()).unwrap();
        assert_eq!(mode("report.html"), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.html"), folder.path().join("link.html"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        ReportFile::create(&link).unwrap().write(report(), &Summary::default()).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&real).unwrap().contains("<h1>"));
    }
}

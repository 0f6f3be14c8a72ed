//! What files hold at a time, told apart by their content; one whose content may well be as before is not read again.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// So many bytes of a file are looked at, which is more than any file of rules or settings may have.
const MOST: u64 = 16 << 20;

/// What files hold, by their paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents(BTreeMap<PathBuf, Content>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// The digest of it.
    Bytes([u8; 32]),
    /// None that could be read.
    Unreadable(ErrorKind),
    /// What may only be read once, or never ends.
    NoFile,
}

/// What changes with each change of a file that a file system notices: device, number, size, and the times at which the
/// content and the file itself were changed.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

/// Looks at files, and remembers them.
#[derive(Debug, Default)]
pub struct Files {
    known: HashMap<PathBuf, (Stamp, Content)>,
}

impl Contents {
    /// What these files hold.
    pub fn of(&self, paths: &[PathBuf]) -> Self {
        let held = |path: &PathBuf| Some((path.clone(), *self.0.get(path)?));
        Self(paths.iter().filter_map(held).collect())
    }

    /// Whether both know what the file holds, and it is the same.
    pub fn agree_on(&self, other: &Self, path: &Path) -> bool {
        self.0.get(path).is_some_and(|content| other.0.get(path) == Some(content))
    }

    /// Whether the files that are in both hold the same in both.
    pub fn agree(&self, other: &Self) -> bool {
        self.0.iter().all(|(path, content)| other.0.get(path).is_none_or(|theirs| theirs == content))
    }
}

impl Files {
    /// What the files hold now.
    pub fn look(&mut self, paths: &[PathBuf]) -> Contents {
        let mut known = HashMap::with_capacity(paths.len());
        let mut contents = Contents::default();
        for path in paths {
            let content = match fs::metadata(path) {
                Err(error) => Content::Unreadable(error.kind()),
                Ok(about) if !about.is_file() => Content::NoFile,
                Ok(about) => self.content(path, &about, &mut known),
            };
            contents.0.insert(path.clone(), content);
        }
        self.known = known;
        contents
    }

    fn content(
        &self,
        path: &Path,
        about: &Metadata,
        known: &mut HashMap<PathBuf, (Stamp, Content)>,
    ) -> Content {
        let stamp = stamp(about);
        let content = match self.known.get(path) {
            Some((same, content)) if *same == stamp => *content,
            _ => match digest(path) {
                Ok(digest) => Content::Bytes(digest),
                // It may be readable by the next look, though its stamp stays.
                Err(error) => return Content::Unreadable(error.kind()),
            },
        };
        known.insert(path.to_owned(), (stamp, content));
        content
    }
}

fn stamp(about: &Metadata) -> Stamp {
    let (modified, changed) = ((about.mtime(), about.mtime_nsec()), (about.ctime(), about.ctime_nsec()));
    (about.dev(), about.ino(), about.size(), modified, changed)
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut digest, mut part) = (File::open(path)?.take(MOST), Sha256::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(read) => digest.update(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Contents, Files};

    #[test]
    fn content_counts_and_not_the_file_that_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        let mut files = Files::default();
        let mut look = || files.look(std::slice::from_ref(&path));
        let missing = look();
        assert_ne!(missing, Contents::default());
        fs::write(&path, "one").expect("a file");
        let one = look();
        assert_ne!(one, missing);
        assert_eq!(look(), one);
        // Another file of the same content, as editors and mounted folders put in the place of one.
        fs::write(&other, "one").expect("a file");
        fs::rename(&other, &path).expect("a file");
        assert_eq!(look(), one);
        // Another content of the same length.
        fs::write(&path, "two").expect("a file");
        let two = look();
        assert_ne!(two, one);
        fs::remove_file(&path).expect("a file");
        std::os::unix::fs::symlink(folder.path().join("c"), &path).expect("a link");
        assert_eq!(look(), missing);
        fs::write(folder.path().join("c"), "two").expect("a file");
        assert_eq!(look(), two);
    }

    #[test]
    fn what_is_no_file_is_never_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = Files::default();
        let first = files.look(&[folder.path().to_owned()]);
        fs::write(folder.path().join("a"), "").expect("a file");
        assert_eq!(files.look(&[folder.path().to_owned()]), first);
    }

    #[test]
    fn contents_agree_where_both_know_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, "1").expect("a file");
        let mut files = Files::default();
        let before = files.look(&[a.clone(), b.clone()]);
        assert!(before.agree(&files.look(std::slice::from_ref(&a))));
        fs::write(&b, "2").expect("a file");
        let after = files.look(&[a.clone(), b.clone()]);
        assert!(!before.agree(&after) && !after.agree(&before));
        assert!(before.agree_on(&after, &a) && !before.agree_on(&after, &b));
        assert!(!before.agree_on(&after, &folder.path().join("c")));
        assert_eq!(before.of(std::slice::from_ref(&a)), after.of(&[a]));
    }
}

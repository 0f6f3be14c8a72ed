//! Files that are read whole, up to a size: what is larger is not what was meant, and is not taken into memory.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The bytes of a file, of which there are `most` at most.
///
/// # Errors
/// It cannot be read, or is larger ([`ErrorKind::FileTooLarge`]), a device or a pipe without end included.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let words = format!("it is larger than {}", size(most));
        return Err(io::Error::new(ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}

/// The text of a file, of which there are `most` bytes at most.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let bytes = read(path, most)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// A number of bytes in words: "64 KiB".
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes} bytes"), |(unit, name)| format!("{} {name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;

    use super::{read, read_text, size};

    #[test]
    fn what_is_as_large_as_allowed_is_read_and_what_is_larger_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "abcd").expect("a file");
        assert_eq!(read(&path, 4).expect("bytes"), b"abcd");
        let error = read(&path, 3).expect_err("too large");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::FileTooLarge, "it is larger than 3 bytes")
        );
        fs::write(&path, b"\xff").expect("a file");
        assert_eq!(read_text(&path, 4).expect_err("no text").to_string(), "it is not UTF-8 text");
        assert_eq!(read(&folder.path().join("none"), 4).expect_err("no file").kind(), ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_end_is_refused() {
        assert_eq!(read("/dev/zero".as_ref(), 1 << 16).expect_err("no end").kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn sizes_are_said_in_the_largest_unit_that_divides_them() {
        for (bytes, words) in
            [(1000, "1000 bytes"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB"), (3 << 30, "3 GiB")]
        {
            assert_eq!(size(bytes), words);
        }
    }
}

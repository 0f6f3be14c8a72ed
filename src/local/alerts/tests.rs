use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{AlertFile, AlertFileError, Appended, Lines, Storage};

fn path_in(folder: &TempDir) -> PathBuf {
    folder.path().join("alerts.ndjson")
}

fn alert(id: &str) -> (String, Value) {
    (id.to_owned(), json!({"kibana.alert.uuid": id, "text": "line\nfeed"}))
}

fn ids(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["kibana.alert.uuid"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}

#[test]
fn each_id_is_written_once_over_restarts_too() {
    let folder = TempDir::new().unwrap();
    let path = path_in(&folder);
    let mut file = AlertFile::open(&path).unwrap();
    assert_eq!(
        file.append(&[alert("a"), alert("b"), alert("a")]).unwrap(),
        Appended { created: 2, existing: 1 }
    );
    assert!(file.known("a") && file.known("b") && !file.known("c"));
    drop(file);
    let mut file = AlertFile::open(&path).unwrap();
    assert_eq!(file.found().alerts, 2);
    assert_eq!(file.append(&[alert("b"), alert("c")]).unwrap(), Appended { created: 1, existing: 1 });
    assert_eq!(file.append::<Value>(&[]).unwrap(), Appended::default());
    assert_eq!(ids(&path), ["a", "b", "c"]);
}

#[test]
fn two_at_a_time_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = path_in(&folder);
    let first = AlertFile::open(&path).unwrap();
    let error = AlertFile::open(&path).err().unwrap();
    assert!(matches!(error, AlertFileError::InUse { .. }));
    assert!(error.to_string().contains("alerts.ndjson.lock"), "{error}");
    drop(first);
    AlertFile::open(&path).unwrap();
}

#[test]
fn a_crash_at_any_byte_of_an_alert_costs_that_alert_only() {
    let folder = TempDir::new().unwrap();
    let path = path_in(&folder);
    AlertFile::open(&path).unwrap().append(&[alert("a"), alert("b")]).unwrap();
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for length in first..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let mut file = AlertFile::open(&path).unwrap();
        // Without its line feed alone, the alert is whole.
        let is_whole = length == whole.len() - 1;
        assert_eq!(file.known("b"), is_whole, "{length}");
        assert_eq!(file.found().cut_off_bytes, if is_whole { 0 } else { (length - first) as u64 });
        file.append(&[alert("b")]).unwrap();
        assert_eq!(ids(&path), ["a", "b"], "{length}");
    }
}

#[test]
fn what_is_cut_off_is_kept_beside() {
    let folder = TempDir::new().unwrap();
    let path = path_in(&folder);
    fs::write(&path, "no alert file at all").unwrap();
    let file = AlertFile::open(&path).unwrap();
    assert_eq!(file.found().cut_off_bytes, 20);
    assert_eq!(fs::read(&path).unwrap(), b"");
    let partial =
        AlertFile::own_files(&path).into_iter().find(|path| path.to_string_lossy().ends_with(".partial"));
    assert_eq!(fs::read_to_string(partial.unwrap()).unwrap(), "no alert file at all\n");
}

#[test]
fn a_file_moved_away_is_begun_anew_and_its_ids_stay_known() {
    let folder = TempDir::new().unwrap();
    let path = path_in(&folder);
    let mut file = AlertFile::open(&path).unwrap();
    file.append(&[alert("a")]).unwrap();
    fs::rename(&path, folder.path().join("rotated")).unwrap();
    file.append(&[alert("a"), alert("b")]).unwrap();
    assert_eq!(ids(&path), ["b"]);
    fs::write(&path, "").unwrap();
    file.append(&[alert("c")]).unwrap();
    assert_eq!(ids(&path), ["c"]);
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(AlertFile::open(folder.path()), Err(AlertFileError::NotAFile(_))));
    if cfg!(target_os = "linux") {
        let error = AlertFile::open(&PathBuf::from("/dev/full")).err().unwrap();
        assert!(matches!(error, AlertFileError::NotAFile(_)), "{error}");
    }
}

/// A disk of so many bytes, which may also refuse to sync or to cut.
#[derive(Default)]
struct Disk {
    text: Vec<u8>,
    room: usize,
    fails_sync: bool,
    fails_truncate: bool,
}

impl Storage for Disk {
    fn length(&self) -> io::Result<u64> {
        Ok(self.text.len() as u64)
    }

    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        let fits = text.len().min(self.room - self.text.len());
        self.text.extend_from_slice(&text[..fits]);
        if fits < text.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fails_sync { Err(io::Error::other("sync")) } else { Ok(()) }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        if self.fails_truncate {
            return Err(io::Error::other("truncate"));
        }
        self.text.truncate(usize::try_from(length).unwrap());
        Ok(())
    }
}

fn lines(room: usize) -> Lines<Disk> {
    Lines::new(Disk { room, ..Disk::default() }, 0, HashSet::new())
}

fn line(id: &str) -> String {
    format!("{}\n", alert(id).1)
}

#[test]
fn a_full_disk_leaves_no_part_of_a_line_and_no_id_known() {
    let one = line("a").len();
    for room in one..3 * one {
        let mut lines = lines(room);
        lines.append(&[alert("a")]).unwrap();
        let error = lines.append(&[alert("b"), alert("c")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(lines.storage.text, line("a").as_bytes());
        lines.storage.room = 3 * one;
        assert_eq!(lines.append(&[alert("b"), alert("c")]).unwrap(), Appended { created: 2, existing: 0 });
        assert_eq!(lines.storage.text, [line("a"), line("b"), line("c")].concat().as_bytes());
    }
}

#[test]
fn a_write_that_may_not_last_is_taken_back() {
    let mut lines = lines(1000);
    lines.storage.fails_sync = true;
    lines.append(&[alert("a")]).unwrap_err();
    lines.storage.fails_sync = false;
    assert_eq!(lines.append(&[alert("a")]).unwrap().created, 1);
    assert_eq!(lines.storage.text, line("a").as_bytes());
}

#[test]
fn what_could_not_be_taken_back_is_taken_back_before_the_next_write() {
    let mut lines = lines(10);
    lines.storage.fails_truncate = true;
    lines.append(&[alert("a")]).unwrap_err();
    assert_eq!(lines.storage.text.len(), 10);
    lines.storage.room = 1000;
    assert_eq!(lines.append(&[alert("b")]).unwrap_err().to_string(), "truncate");
    lines.storage.fails_truncate = false;
    lines.append(&[alert("b")]).unwrap();
    assert_eq!(lines.storage.text, line("b").as_bytes());
}

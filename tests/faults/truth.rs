//! What really happened: each event is noted in a file, with its answer, before it is written to the node.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The file of a run.
pub struct Truth {
    path: PathBuf,
    file: File,
}

/// How alerts compare with the truth.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many events had to be alerted on.
    pub matches: usize,
    /// The events without an alert.
    pub missed: Vec<String>,
    /// The events with further alerts after the first, and how many.
    pub repeated: BTreeMap<String, usize>,
    /// The alerts on events that do not match.
    pub invented: Vec<String>,
}

impl Verdict {
    /// Whether every match is alerted on exactly once, and nothing else is.
    pub fn is_perfect(&self) -> bool {
        self.missed.is_empty() && self.repeated.is_empty() && self.invented.is_empty()
    }

    /// How many alerts are one too many.
    pub fn repeats(&self) -> usize {
        self.repeated.values().sum()
    }
}

impl Truth {
    /// Begins in `folder`, anew where there was one.
    pub fn begin(folder: &Path) -> Self {
        let path = folder.join("truth.ndjson");
        let file = File::create(&path).expect("a file for the truth");
        Self { path, file }
    }

    /// Notes an event that is about to happen.
    pub fn note(&mut self, id: &str, matches: bool) {
        writeln!(self.file, "{}", json!({"id": id, "matches": matches})).expect("a line of the truth");
    }

    /// The ids of the events that must be alerted on.
    pub fn matches(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(&self.path).expect("the truth");
        let lines =
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of the truth"));
        let matching = lines.filter(|line| line["matches"] == true);
        matching.map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// Compares the events that were alerted on, and how often.
    pub fn judge(&self, alerted: &BTreeMap<String, usize>) -> Verdict {
        let truth = self.matches();
        let again = alerted.iter().filter(|(_, count)| **count > 1);
        Verdict {
            matches: truth.len(),
            missed: truth.iter().filter(|id| !alerted.contains_key(*id)).cloned().collect(),
            repeated: again.map(|(id, count)| (id.clone(), count - 1)).collect(),
            invented: alerted.keys().filter(|id| !truth.contains(*id)).cloned().collect(),
        }
    }
}

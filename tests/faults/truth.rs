//! What really happened: each event is noted in a file, with its answer, before it is written to the node.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The file of a run.
pub struct Truth {
    path: PathBuf,
    file: File,
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
}

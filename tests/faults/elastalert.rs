//! ElastAlert 2 in the daemon's place: installed, configured so that nothing silences it, and what it delivered.
//!
//! It gets the query that `stakeout explain` prints, without the time, which it adds itself; a pace of one second (to which
//! it adds up to five at random, and up to fifteen before the first run: neither can be set); our request time-out; no
//! `realert`, no disabling of rules on errors. An alert counts when it is delivered, not when its index has it: its
//! `command` alerter, which needs no service, appends each match to a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::world::{REQUEST_TIMEOUT, World, event_id};
use crate::support::program::{Running, stakeout};
use crate::support::{Cluster, setting};

/// Where ElastAlert 2's programs are; installs them first where they are not there.
pub fn install() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/elastalert2");
    let output = Command::new(script).output().expect("the script starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

/// ElastAlert 2 over the events of a world and behind its proxy.
pub struct ElastAlert {
    programs: PathBuf,
    folder: PathBuf,
    index: String,
}

impl ElastAlert {
    /// Writes its configuration, which reads each time `buffer` seconds, and makes its index.
    pub fn new(programs: &Path, world: &World, buffer: u64) -> Self {
        let folder = world.folder.path().join("elastalert2");
        let index = world.cluster.name("elastalert");
        let this = Self { programs: programs.to_owned(), folder, index };
        std::fs::create_dir_all(this.folder.join("rules")).expect("a folder for its rules");
        let config = this.config(world, buffer).to_string();
        // JSON is YAML as well.
        std::fs::write(this.folder.join("config.yaml"), config).expect("its configuration");
        let rule = this.rule(world).to_string();
        std::fs::write(this.folder.join("rules/rule.yaml"), rule).expect("its rule");
        this.make_index(world.cluster.url());
        this
    }

    fn config(&self, world: &World, buffer: u64) -> Value {
        let (_, port) = address(&world.proxy.url());
        let timeout: u64 = REQUEST_TIMEOUT.parse().expect("seconds");
        json!({
            "rules_folder": self.folder.join("rules"),
            "run_every": {"seconds": 1},
            "buffer_time": {"seconds": buffer},
            "es_host": "127.0.0.1",
            "es_port": port,
            "es_conn_timeout": timeout,
            "writeback_index": self.index,
            "disable_rules_on_error": false,
        })
    }

    fn rule(&self, world: &World) -> Value {
        json!({
            "name": "sign-in",
            "type": "any",
            "index": format!("{}*,{}*", world.logs(), world.filebeat()),
            "timestamp_field": "event.ingested",
            "filter": query(world),
            "realert": {"minutes": 0},
            "alert": ["command"],
            "command": format!("cat >> {}", self.delivered_file().display()),
            "pipe_match_json": true,
        })
    }

    /// By its own program and straight to the node: setting it up is no part of the comparison.
    fn make_index(&self, url: &str) {
        let (host, port) = address(url);
        let made = self
            .program("elastalert-create-index")
            .args(["--host", &host, "--port", &port, "--no-ssl", "--no-auth", "--url-prefix", ""])
            .args(["--index", &self.index, "--old-index", "", "--config", "/dev/null"])
            .output()
            .expect("its program starts");
        assert!(made.status.success(), "{made:?}");
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.env_clear().envs(setting("PATH").map(|path| ("PATH", path)));
        command.current_dir(&self.folder);
        command
    }

    fn delivered_file(&self) -> PathBuf {
        self.folder.join("delivered.ndjson")
    }

    /// Starts it; what it says goes to a file in `folder`.
    pub fn start(&self, folder: &Path) -> Running {
        Running::spawn(folder, self.program("elastalert").args(["--verbose", "--config", "config.yaml"]))
    }

    /// The end of the newest window that it has noted as run.
    pub fn read_until(&self, cluster: &Cluster) -> Option<DateTime<Utc>> {
        let status = format!("{}_status", self.index);
        cluster.refresh(&status);
        let newest = json!({"size": 1, "sort": [{"endtime": {"order": "desc", "unmapped_type": "date"}}]});
        let found = cluster.post(&format!("/{status}/_search"), &newest);
        found["hits"]["hits"][0]["_source"]["endtime"].as_str()?.parse().ok()
    }

    /// The events that it alerted on, and how often.
    pub fn delivered(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.delivered_file()).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let matches: Vec<Value> = serde_json::from_str(line).expect("a line of matches");
            for found in &matches {
                *counts.entry(event_id(found)).or_default() += 1;
            }
        }
        counts
    }
}

/// The clauses of the query that stakeout would send, but for the time.
fn query(world: &World) -> Vec<Value> {
    let url = world.cluster.url();
    let explained = stakeout(&["explain", world.rule(), "--elasticsearch-url", url, "--format", "json"]);
    let line = explained.line();
    assert_eq!(line["residual"], Value::Null, "the query says it all: {line}");
    let clauses = line["query"]["bool"]["filter"].as_array().expect("clauses");
    clauses.iter().filter(|clause| !clause.to_string().contains("event.ingested")).cloned().collect()
}

/// Host and port of `http://host:port`.
fn address(url: &str) -> (String, String) {
    let (host, port) = url.trim_start_matches("http://").split_once(':').expect("a port");
    (host.to_owned(), port.to_owned())
}

//! Sign-ins of the last hour on a node, the rule over them, and backfills that copy its alerts elsewhere.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Cluster;
use super::program::{Ended, stakeout};
use super::story::{Shape, SignIn, mapping, rule_over, seconds_ago};

/// How many sign-ins there are to alert on.
pub const SIGN_INS: usize = 3;

/// Sign-ins on a node, and the rule over them.
pub struct Past {
    pub node: Cluster,
    pub rule: PathBuf,
    _folder: TempDir,
}

impl Past {
    pub fn connect() -> Option<Self> {
        let node = Cluster::connect()?;
        let (events, folder) = (node.name("events"), tempfile::tempdir().expect("a folder"));
        node.put(&format!("/{events}"), &mapping());
        let rule = rule_over(folder.path(), &[&events], "now-6m", "5m");
        let past = Self { node, rule, _folder: folder };
        let sign_in = |number: usize| SignIn::new(format!("sign-in-{number}"), seconds_ago(600));
        past.add((0..SIGN_INS).map(|number| sign_in(number).document(Shape::Integration)));
        Some(past)
    }

    /// Adds events.
    pub fn add(&self, events: impl IntoIterator<Item = Value>) {
        let index = self.node.name("events");
        self.node.bulk(&index, events);
        self.node.refresh(&index);
    }

    /// Makes the rule one whose alerts are only parts of others.
    pub fn make_building_block(&self) {
        let rule = std::fs::read_to_string(&self.rule).expect("the rule");
        let part = rule.replacen("[rule]\n", "[rule]\nbuilding_block_type = \"default\"\n", 1);
        assert_ne!(rule, part);
        std::fs::write(&self.rule, part).expect("a file for the rule");
    }

    /// Goes over the past hour.
    pub fn run(&self, further: &[&str]) -> Ended {
        self.run_over("1h", further)
    }

    pub fn run_over(&self, range: &str, further: &[&str]) -> Ended {
        let (alerts, rule) = (self.node.name("alerts"), self.rule.to_str().expect("a path"));
        let mut arguments = vec!["run", "--backfill", range, "--no-triage", "--format", "json"];
        arguments.extend([
            "--elasticsearch-url",
            self.node.url(),
            "--alerts-index",
            &alerts,
            "--rules",
            rule,
        ]);
        arguments.extend(further);
        stakeout(&arguments)
    }

    /// The documents of the query in `index`, by id.
    pub fn documents(&self, index: &str, query: &Value) -> Vec<(String, Value)> {
        self.node.refresh(index);
        let found = self.node.post(&format!("/{index}/_search"), &json!({"size": 100, "query": query}));
        let hits = found["hits"]["hits"].as_array().expect("hits");
        let of = |hit: &Value| (hit["_id"].as_str().expect("an id").to_owned(), hit["_source"].clone());
        let mut documents: Vec<_> = hits.iter().map(of).collect();
        documents.sort_by(|one, other| one.0.cmp(&other.0));
        documents
    }

    pub fn alert_ids(&self) -> Vec<String> {
        let alerts = self.documents(&self.node.name("alerts"), &json!({"match_all": {}}));
        alerts.into_iter().map(|(id, _)| id).collect()
    }

    /// Whether anything has the name.
    pub fn has(&self, name: &str) -> bool {
        self.node.send("HEAD", &format!("/{name}"), None).expect("an answer").status == 200
    }
}

//! A node that belongs to one test, for what a shared one must not suffer: crashes, pauses, refusals.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::Client;
use super::wait::eventually;
use super::{required, setting};

/// The first start on a machine may have to fetch the jars.
const START_LIMIT: Duration = Duration::from_mins(5);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Below the range from which systems take the ports of outgoing connections, which would now and then be this very port.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A running (or, in between, a dead) node. Its address stays the same over restarts; drop kills it.
#[derive(Debug)]
pub struct OwnNode {
    runner: PathBuf,
    settings: String,
    client: Client,
    port: u16,
    files: TempDir,
    process: Option<Child>,
}

impl OwnNode {
    /// Starts a node of the version under test and waits until it answers.
    ///
    /// `None` where no runner is named (`STAKEOUT_TEST_NODE`), after saying so; a panic where one is required.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Like [`OwnNode::start`], with further lines for `elasticsearch.yml`.
    pub fn start_with(settings: &str) -> Option<Self> {
        static SAID: Once = Once::new();
        let runner = PathBuf::from(required("STAKEOUT_TEST_NODE", &SAID)?);
        let parent = setting("STAKEOUT_TEST_NODE_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let files =
            tempfile::Builder::new().prefix("node-").tempdir_in(parent).expect("a folder for the node");
        let port = free_port();
        let client = Client::new(format!("http://127.0.0.1:{port}"));
        let mut node = Self { runner, settings: settings.to_owned(), client, port, files, process: None };
        node.restart();
        Some(node)
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        self.client.url()
    }

    /// A client for it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its files: `data`, `logs`, and its output in `log`.
    pub fn dir(&self) -> &std::path::Path {
        self.files.path()
    }

    /// The process dies at once, as in a crash; what it had acknowledged must be there after [`OwnNode::restart`].
    pub fn kill9(&mut self) {
        self.signal("KILL");
        if let Some(mut process) = self.process.take() {
            process.wait().expect("a killed process ends");
        }
    }

    /// The node closes its indices and ends by itself.
    pub fn stop(&mut self) {
        self.signal("TERM");
        if let Some(mut process) = self.process.take() {
            eventually(STOP_LIMIT, "the node to stop", || process.try_wait().expect("own child"));
        }
    }

    /// The process stands still: connections are accepted by the system, and nothing is answered.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// The process goes on after [`OwnNode::pause`].
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Starts it again at the same address, with the data it had, and waits until it answers. It must not be running.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the node on port {} is still running", self.port);
        self.process = Some(self.spawn());
        let start = Instant::now();
        while !self.answers() {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().expect("own child"));
            let late = start.elapsed() > START_LIMIT;
            assert!(ended.is_none() && !late, "the node did not start ({ended:?}):\n{}", self.log());
            super::wait::pause();
        }
    }

    fn spawn(&self) -> Child {
        let log = File::create(self.dir().join("log")).expect("a file for the node's output");
        let errors = log.try_clone().expect("one file for both outputs");
        Command::new(&self.runner)
            .arg(setting("STAKEOUT_TEST_NODE_VERSION").unwrap_or_else(|| "8.19.0".to_owned()))
            .arg(self.port.to_string())
            .arg(self.dir())
            .env("KEEP", "1")
            .env("NAME", self.name())
            .env("OWNER", std::process::id().to_string())
            .env("SETTINGS", &self.settings)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.runner.display()))
    }

    /// Whether this very node answers, and not another one on its port, with its indices recovered.
    fn answers(&self) -> bool {
        let ask = |path| self.client.send("GET", path, None);
        ask("/").is_ok_and(|reply| reply.body["name"] == self.name())
            && ask("/_cluster/health?wait_for_status=yellow&timeout=1s")
                .is_ok_and(|reply| reply.status == 200)
    }

    fn name(&self) -> String {
        format!("own-{}-{}", std::process::id(), self.port)
    }

    /// Signals the whole process group, through the shell, as the standard library has no call for it.
    fn signal(&self, name: &str) {
        if let Some(process) = &self.process {
            let command = format!("kill -{name} -{}", process.id());
            let status = Command::new("sh").args(["-c", &command]).status().expect("a shell");
            assert!(status.success(), "`{command}` failed: the node had ended by itself:\n{}", self.log());
        }
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.dir().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for OwnNode {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let group = format!("kill -KILL -{}", process.id());
            let _ = Command::new("sh").args(["-c", &group]).stderr(Stdio::null()).status();
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A port that is free now, at random, so that tests side by side seldom try the same.
fn free_port() -> u16 {
    use std::hash::{BuildHasher, Hasher};
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let random = std::iter::repeat_with(|| {
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        PORTS.start
            + u16::try_from(random % PORTS.len() as u64).expect("less than the length of a range of u16")
    });
    random.take(100).find(free).expect("one of a hundred ports is free")
}

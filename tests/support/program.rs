//! The program under test: started, watched and ended as a user would.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::wait::eventually;

/// How long the program may take to end after a signal, by its contract.
const END: Duration = Duration::from_secs(20);

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The one JSON line that it printed.
    pub fn line(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{self:?}");
        lines.remove(0)
    }

    /// Every JSON line that it printed.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

/// Runs the program to its end.
pub fn stakeout(arguments: &[&str]) -> Ended {
    let output = super::stakeout().args(arguments).stdin(Stdio::null()).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The program while it runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts the program; what it says goes to a file in `folder`.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn(folder, super::stakeout().args(arguments))
    }

    /// Starts any program in the same way.
    pub fn spawn(folder: &Path, command: &mut Command) -> Self {
        let log = folder.join("stderr");
        let file = File::create(&log).expect("a file for what it says");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Self { child, log }
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("its log")
    }

    /// The most memory it has had so far, in bytes, where the system tells.
    pub fn peak_memory(&self) -> Option<u64> {
        let kilobytes = self.status("VmHWM:")?;
        Some(kilobytes.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    /// How many threads it has, where the system tells.
    pub fn threads(&self) -> Option<u64> {
        self.status("Threads:")?.parse().ok()
    }

    fn status(&self, name: &str) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("own child").is_none()
    }

    /// Ends it as a crash would.
    pub fn kill9(mut self) {
        self.child.kill().expect("a running process");
        self.child.wait().expect("own child");
    }

    /// Sends a signal by name and waits for the end.
    pub fn end(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.ends()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &command]).status().expect("a shell");
        assert!(sent.success(), "it had ended by itself:\n{}", self.said());
    }

    /// Waits for the end.
    pub fn ends(&mut self) -> ExitStatus {
        eventually(END, "the program to end", || self.child.try_wait().expect("own child"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

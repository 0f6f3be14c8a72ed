//! A daemon that tells over HTTP how it stands, and what it tells.

use std::path::Path;
use std::time::Duration;

use ureq::Agent;

use super::exposition::Exposition;
use super::program::Running;
use super::wait::eventually;

/// How long anything may take that is waited for.
const LIMIT: Duration = Duration::from_mins(2);

/// The daemon, and where it tells.
pub struct Watched {
    pub daemon: Running,
    address: String,
    agent: Agent,
}

/// A status and a text.
pub type Told = (u16, String);

impl Watched {
    /// Starts `stakeout run` with these arguments, at a free port of this machine.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let all: Vec<&str> = [&["run", "--listen", "0"], arguments].concat();
        let mut daemon = Running::start(folder, &all);
        let address = eventually(LIMIT, "the address", || {
            let said = daemon.said();
            assert!(daemon.runs(), "it ended by itself:\n{said}");
            let (_, rest) = said.split_once("at http://")?;
            Some(rest.split_once(['"', '\n'])?.0.to_owned())
        });
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .max_idle_connections(0)
            .build()
            .into();
        Self { daemon, address, agent }
    }

    /// Where it tells.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it tells at `path`.
    pub fn get(&self, path: &str) -> Told {
        let mut reply = self.agent.get(format!("http://{}{path}", self.address)).call().expect("an answer");
        (reply.status().as_u16(), reply.body_mut().read_to_string().expect("a text"))
    }

    /// The same for a request that would change something.
    pub fn post(&self, path: &str) -> Told {
        let url = format!("http://{}{path}", self.address);
        let mut reply = self.agent.post(url).send_empty().expect("an answer");
        (reply.status().as_u16(), reply.body_mut().read_to_string().expect("a text"))
    }

    /// Its figures.
    pub fn figures(&self) -> Exposition {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        Exposition::read(&text)
    }

    /// Waits until the sum of these figures is so.
    pub fn figure(&self, name: &str, labels: &[(&str, &str)], holds: impl Fn(f64) -> bool) -> f64 {
        eventually(LIMIT, &format!("{name} {labels:?}"), || {
            self.figures().sum(name, labels).filter(|value| holds(*value))
        })
    }

    /// Waits until it tells this status at `path`; the text with it.
    pub fn told(&self, path: &str, status: u16) -> String {
        eventually(LIMIT, &format!("{path} to be {status}"), || {
            let (found, text) = self.get(path);
            (found == status).then_some(text)
        })
    }
}

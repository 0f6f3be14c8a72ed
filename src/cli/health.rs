//! `stakeout health`: asks a running `stakeout run` how it is, as a container's health check may.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::anyhow;

use super::args::HealthArgs;
use super::connect::given;
use super::{Ending, output, serve};
use crate::diagnostic::sanitize;

/// Longest time for the connection, and for each part of the answer.
const LONGEST: Duration = Duration::from_secs(5);

/// Most bytes of the answer that are read; it has some hundred.
const MOST: u64 = 8 << 10;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: stakeout\r\nconnection: close\r\n\r\n";

/// Asks whether the timetable runs: done where it does.
pub fn health(args: &HealthArgs) -> Ending {
    let Some(given) = given(args.listen.as_deref()) else {
        return Ending::Wrong(anyhow!(
            "no address to ask at: give the one of `run --listen`, or set STAKEOUT_LISTEN"
        ));
    };
    let address = match serve::parsed(given) {
        Ok(address) => here(address),
        Err(error) => return Ending::Wrong(error),
    };
    match ask(address).map_err(|error| unanswered(address, &error)).and_then(|answer| read(address, &answer))
    {
        Ok(()) => {
            output::result("ok");
            Ending::Done
        }
        Err(problem) => {
            output::say(&format!("error: {problem}"));
            Ending::Failed
        }
    }
}

/// Who listens at every address of the machine is asked at the one within it.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, LONGEST)?;
    stream.set_read_timeout(Some(LONGEST))?;
    stream.set_write_timeout(Some(LONGEST))?;
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn unanswered(address: SocketAddr, error: &io::Error) -> String {
    format!("`GET /healthz` at `{address}`: {error}; does `stakeout run` run, and listen there?")
}

/// What the answer says: nothing where all is well.
fn read(address: SocketAddr, answer: &str) -> Result<(), String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    match (status, body.trim_end()) {
        (Some("200"), "ok") => Ok(()),
        (Some("503"), reason) => Err(format!("`GET /healthz` at `{address}`: {}", sanitize(reason))),
        _ => {
            let first = sanitize(answer.lines().next().unwrap_or_default());
            Err(format!(
                "`GET /healthz` at `{address}`: expected the health of `stakeout run`, found `{first}`"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{here, read};

    #[test]
    fn every_address_of_the_machine_is_asked_within_it() {
        for (listens, asked) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("10.0.0.1:9464", "10.0.0.1:9464"),
        ] {
            assert_eq!(here(listens.parse().expect("an address")).to_string(), asked);
        }
    }

    #[test]
    fn only_a_whole_answer_of_health_is_one() {
        let address = "127.0.0.1:9464".parse().expect("an address");
        assert_eq!(read(address, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"), Ok(()));
        for (answer, words) in [
            ("HTTP/1.1 503 Service Unavailable\r\n\r\na run is\x07 under way\n", "a run is\\u{7} under way"),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "found `HTTP/1.1 200 OK`"),
            ("SSH-2.0-x\r\n", "found `SSH-2.0-x`"),
            ("", "found ``"),
        ] {
            let problem = read(address, answer).expect_err("no health");
            assert!(problem.starts_with("`GET /healthz` at `127.0.0.1:9464`: "), "{problem}");
            assert!(problem.ends_with(words), "{problem}");
        }
    }
}

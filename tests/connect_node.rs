//! Ways to a real node: TLS, fingerprints, client certificates, proxies, Cloud IDs, failover, and how secrets are given;
//! through stand-ins that note what they were sent.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;
use sha2::{Digest, Sha256};
use support::front::{Authority, Front, tunnel_to};
use support::story::{Shape, SignIn, rule_over, seconds_ago};
use support::{Cluster, cluster_url};
use tempfile::TempDir;

/// What must never be printed.
const SECRET: &str = "s3cr3t-w0rd";

/// What a command came to.
struct Said {
    code: Option<i32>,
    all: String,
}

/// Runs `check`, which asks the cluster and prints much, with further arguments and environment.
fn check(arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut program = support::stakeout();
    program
        .args(["check", "-vv", "--request-timeout", "10", "--alerts-index", "none-of-these"])
        .args(arguments);
    let Output { status, stdout, stderr } =
        program.envs(variables.iter().copied()).output().expect("the program starts");
    let all = String::from_utf8([stdout, stderr].concat()).expect("UTF-8");
    assert!(!all.contains(SECRET), "{arguments:?}: {all}");
    assert!(!all.contains(&BASE64_STANDARD.encode(SECRET)), "{arguments:?}: {all}");
    Said { code: status.code(), all }
}

impl Said {
    fn connects(&self) {
        assert!(self.all.contains(r#""subject":"connection","state":"ok""#), "{}", self.all);
    }

    fn fails_with(&self, words: &[&str]) {
        assert_ne!(self.code, Some(0), "{}", self.all);
        for word in words {
            assert!(self.all.contains(word), "{word}: {}", self.all);
        }
    }
}

/// Files of a test.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    }
}

fn authorizations(front: &Front) -> Vec<String> {
    let line = |head: &String| {
        head.lines()
            .find_map(|line| line.strip_prefix("authorization: ").map(str::to_owned))
            .unwrap_or_default()
    };
    let mut sent: Vec<String> = front.heads().iter().map(line).collect();
    sent.dedup();
    sent
}

fn hexadecimal(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[test]
fn each_way_to_log_in_sends_its_header_and_nothing_else() {
    let Some(node) = cluster_url() else { return };
    let files = Files::new();
    let (key, word) = (format!("id:{SECRET}"), format!("elastic:{SECRET}"));
    let file = files.write("secret", &format!("{SECRET}\n"));
    let ways: [(&[(&str, &str)], String); 7] = [
        (&[("ELASTICSEARCH_API_KEY", &key)], format!("ApiKey {}", BASE64_STANDARD.encode(&key))),
        (&[("ELASTICSEARCH_API_KEY", SECRET)], format!("ApiKey {SECRET}")),
        (&[("ELASTICSEARCH_API_KEY_FILE", &file)], format!("ApiKey {SECRET}")),
        (&[("ELASTICSEARCH_BEARER_TOKEN", SECRET)], format!("Bearer {SECRET}")),
        (&[("ELASTICSEARCH_BEARER_TOKEN_FILE", &file)], format!("Bearer {SECRET}")),
        (
            &[("ELASTICSEARCH_USERNAME", "elastic"), ("ELASTICSEARCH_PASSWORD", SECRET)],
            format!("Basic {}", BASE64_STANDARD.encode(&word)),
        ),
        (
            &[("ELASTICSEARCH_USERNAME", "elastic"), ("ELASTICSEARCH_PASSWORD_FILE", &file)],
            format!("Basic {}", BASE64_STANDARD.encode(&word)),
        ),
    ];
    for (variables, header) in ways {
        let front = Front::before(&node, Vec::new());
        check(&["--elasticsearch-url", &front.url()], variables).connects();
        assert_eq!(authorizations(&front), [header]);
    }
}

/// Settings, variables and flags, and the header that is sent in the end.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c [&'c str], String);

/// A cluster that refuses everybody, and notes what it was sent.
fn refusing() -> Front {
    let reason = json!({"error": {"root_cause": [{"type": "security_exception", "reason": "unable to authenticate"}]}});
    Front::before("http://127.0.0.1:9", vec![("", 401, reason)])
}

#[test]
fn a_higher_source_goes_before_a_lower_one_whatever_their_forms() {
    let files = Files::new();
    let (key, other) = (files.write("key", "of-the-file"), files.write("other", "of-another"));
    let basic = |word: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("u:{word}")));
    let key_file = format!("api_key_file = \"{key}\"");
    let user = ("ELASTICSEARCH_USERNAME", "u");
    let word = ("ELASTICSEARCH_PASSWORD", "w");
    let cases: [Case; 8] = [
        (&key_file, &[("ELASTICSEARCH_API_KEY", "env")], &[], "ApiKey env".into()),
        (&key_file, &[("ELASTICSEARCH_API_KEY", " ")], &[], "ApiKey of-the-file".into()),
        (&key_file, &[], &["--api-key", "flag"], "ApiKey flag".into()),
        (&key_file, &[user, word], &[], basic("w")),
        ("username = \"u\"", &[word], &[], basic("w")),
        ("", &[("ELASTICSEARCH_API_KEY_FILE", &key)], &["--api-key", "flag"], "ApiKey flag".into()),
        ("", &[("ELASTICSEARCH_API_KEY", "env")], &["--api-key-file", &other], "ApiKey of-another".into()),
        ("", &[user, word], &["--bearer-token", "flag"], "Bearer flag".into()),
    ];
    for (settings, variables, flags, header) in cases {
        let front = refusing();
        let file =
            files.write("s.toml", &format!("[elasticsearch]\nurl = \"{}\"\n{settings}\n", front.url()));
        check(&[&["--config", &file], flags].concat(), variables).fails_with(&["HTTP 401"]);
        assert_eq!(authorizations(&front), [header], "{settings} {variables:?} {flags:?}");
    }
}

#[test]
fn an_address_gives_way_with_what_it_holds() {
    let files = Files::new();
    let (front, cloud) = (refusing(), "mine:aW52YWxpZDo0NDMkYWJjJGRlZg==");
    let url = front.url();
    let held = url.replace("://", &format!("://u:{SECRET}@"));
    let file = files.write("s.toml", &format!("[elasticsearch]\nurl = \"{held}\"\n"));
    check(&["--config", &file], &[("ELASTIC_CLOUD_ID", cloud)]).fails_with(&["https://abc.invalid"]);
    assert_eq!(front.heads(), Vec::<String>::new());
    check(&["--elasticsearch-url", &url], &[("ELASTIC_CLOUD_ID", cloud)]).fails_with(&["HTTP 401"]);
    check(&["--config", &file], &[("ELASTICSEARCH_API_KEY", "env")]).fails_with(&["HTTP 401"]);
    check(&["--elasticsearch-url", &held], &[("ELASTICSEARCH_API_KEY", "env")]).fails_with(&["HTTP 401"]);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("u:{SECRET}")));
    assert_eq!(authorizations(&front), ["", "ApiKey env", &basic]);
    let both = [("ELASTICSEARCH_URL", url.as_str()), ("ELASTIC_CLOUD_ID", cloud)];
    check(&[], &both).fails_with(&["expected either a Cloud ID or addresses, found both"]);
}

#[test]
fn a_proxy_may_stand_in_a_file() {
    let files = Files::new();
    let proxy = files.write("proxy", &format!("http://u:{SECRET}@127.0.0.1:9\n"));
    let at = ["--elasticsearch-url", "http://es.invalid:9200"];
    check(&at, &[("ELASTICSEARCH_PROXY_FILE", &proxy), ("ELASTICSEARCH_PROXY", "")])
        .fails_with(&["the proxy `http://127.0.0.1:9`: the proxy does not answer"]);
    check(&at, &[("ELASTICSEARCH_PROXY_FILE", &proxy), ("ELASTICSEARCH_PROXY", "http://127.0.0.1:9")])
        .fails_with(&["the proxy is given twice"]);
}

#[test]
fn secrets_given_twice_or_in_files_that_hold_none_are_refused() {
    let files = Files::new();
    let (full, empty) = (files.write("full", SECRET), files.write("empty", "\n"));
    for (variables, words) in [
        (vec![("ELASTICSEARCH_API_KEY", SECRET), ("ELASTICSEARCH_API_KEY_FILE", &full)], "given twice"),
        (vec![("ELASTICSEARCH_API_KEY_FILE", &empty)], "is empty"),
        (vec![("ELASTICSEARCH_API_KEY_FILE", "/nonexistent/key")], "`/nonexistent/key`, cannot be read"),
        (vec![("ELASTICSEARCH_CLIENT_CERT", &full)], "without its key"),
        (vec![("ELASTICSEARCH_PROXY", "socks")], "the proxy"),
        (vec![("ELASTICSEARCH_CA_FINGERPRINT", "abc")], "64 hexadecimal digits"),
    ] {
        let said = check(&[], &variables);
        assert_eq!(said.code, Some(2), "{}", said.all);
        said.fails_with(&[words]);
    }
}

#[test]
fn a_server_is_trusted_by_its_authority_or_by_its_fingerprint() {
    let Some(node) = cluster_url() else { return };
    let (authority, other, files) = (Authority::new(), Authority::new(), Files::new());
    let front = Front::with_tls(&node, &authority, &["127.0.0.1"], None);
    let url = front.url();
    let at = ["--elasticsearch-url", url.as_str()];
    let (pem, wrong) = (files.write("ca.pem", &authority.pem()), files.write("other.pem", &other.pem()));
    check(&[&at[..], &["--ca-cert", &pem]].concat(), &[("ELASTICSEARCH_API_KEY", SECRET)]).connects();
    check(&at, &[]).fails_with(&["not trusted", "ELASTICSEARCH_CA_CERT"]);
    check(&[&at[..], &["--ca-cert", &wrong]].concat(), &[]).fails_with(&["certificate"]);
    let fingerprint = hexadecimal(&authority.der());
    check(&[&at[..], &["--ca-fingerprint", &fingerprint]].concat(), &[("ELASTICSEARCH_API_KEY", SECRET)])
        .connects();
    let before = front.heads().len();
    let (wrong, shown) = (hexadecimal(&other.der()), fingerprint.replace(':', "").to_lowercase());
    let said =
        check(&[&at[..], &["--ca-fingerprint", &wrong]].concat(), &[("ELASTICSEARCH_API_KEY", SECRET)]);
    said.fails_with(&[&wrong.replace(':', "").to_lowercase(), &shown, "another server"]);
    assert_eq!(front.heads().len(), before, "nothing was sent to a server that is not the right one");
    check(&["--elasticsearch-url", &node, "--ca-fingerprint", &wrong], &[]).fails_with(&["expected https"]);
}

#[test]
fn a_certificate_for_another_host_is_refused_by_name() {
    let Some(node) = cluster_url() else { return };
    let (authority, files) = (Authority::new(), Files::new());
    let front = Front::with_tls(&node, &authority, &["es.example"], None);
    let pem = files.write("ca.pem", &authority.pem());
    let url = front.url();
    check(&["--elasticsearch-url", &url, "--ca-cert", &pem], &[]).fails_with(&["es.example", "127.0.0.1"]);
    let fingerprint = hexadecimal(&authority.der());
    check(&["--elasticsearch-url", &url, "--ca-fingerprint", &fingerprint], &[]).fails_with(&["es.example"]);
    assert_eq!(front.heads(), Vec::<String>::new());
}

#[test]
fn a_client_certificate_says_who_asks_alone_or_with_a_key() {
    let Some(node) = cluster_url() else { return };
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let front = Front::with_tls(&node, &authority, &["127.0.0.1"], Some(&clients));
    let client = clients.signs(&["stakeout"]);
    let (pem, url) = (files.write("ca.pem", &authority.pem()), front.url());
    let (certificate, key) =
        (files.write("cert.pem", &client.certificate), files.write("key.pem", &client.key));
    let at = ["--elasticsearch-url", &url, "--ca-cert", &pem];
    check(&at, &[]).fails_with(&["certificate"]);
    let known = [&at[..], &["--client-cert", &certificate, "--client-key", &key]].concat();
    check(&known, &[]).connects();
    assert_eq!(authorizations(&front), [""]);
    check(&known, &[("ELASTICSEARCH_API_KEY", SECRET)]).connects();
    assert_eq!(authorizations(&front).last(), Some(&format!("ApiKey {SECRET}")));
    let mixed = [&at[..], &["--client-cert", &pem, "--client-key", &key]].concat();
    check(&mixed, &[]).fails_with(&[]);
}

#[test]
fn a_cloud_id_is_reached_through_a_proxy() {
    let Some(node) = cluster_url() else { return };
    let (authority, files) = (Authority::new(), Files::new());
    let front = Front::with_tls(&node, &authority, &["abc.eu.example"], None);
    let (proxy, tunnels) = tunnel_to(front.port());
    let id = format!("mine:{}", BASE64_STANDARD.encode("eu.example:9243$abc$def"));
    let pem = files.write("ca.pem", &authority.pem());
    let proxy = proxy.replace("http://", &format!("http://user:{SECRET}@"));
    let arguments = ["--cloud-id", &id, "--ca-cert", &pem];
    check(&arguments, &[("ELASTICSEARCH_PROXY", &proxy), ("ELASTICSEARCH_API_KEY", SECRET)]).connects();
    let asked = tunnels.lock().expect("the heads").clone();
    assert!(asked[0].starts_with("CONNECT abc.eu.example:9243 "), "{asked:?}");
    let login = format!("Basic {}", BASE64_STANDARD.encode(format!("user:{SECRET}")));
    assert!(
        asked[0].to_lowercase().contains(&format!("proxy-authorization: {}", login.to_lowercase())),
        "{asked:?}"
    );
}

#[test]
fn the_next_node_is_asked_where_one_is_gone() {
    let Some(node) = cluster_url() else { return };
    let front = Front::before(&node, Vec::new());
    check(&["--elasticsearch-url", &format!("http://127.0.0.1:9,{}", front.url())], &[]).connects();
    assert!(!front.heads().is_empty());
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let Some(node) = cluster_url() else { return };
    let files = Files::new();
    let fronts: Vec<Front> = (0..3).map(|_| Front::before(&node, Vec::new())).collect();
    let urls: Vec<String> = fronts.iter().map(Front::url).collect();
    let file = files.write(
        "stakeout.toml",
        &format!(
            "[elasticsearch]\nurl = \"{}\"\napi_key = \"{SECRET}\"\n[alerts]\nindex = \"file-alerts\"\n",
            urls[0]
        ),
    );
    let counts = || fronts.iter().map(|front| !front.heads().is_empty()).collect::<Vec<_>>();
    check(&["--config", &file], &[("ELASTICSEARCH_URL", "")]).connects();
    assert_eq!(counts(), [true, false, false], "an empty variable is none");
    assert_eq!(authorizations(&fronts[0]), [format!("ApiKey {SECRET}")]);
    check(&[], &[("STAKEOUT_CONFIG", &file), ("ELASTICSEARCH_URL", &urls[1])]).connects();
    assert_eq!(counts(), [true, true, false]);
    let said =
        check(&["--config", &file, "--elasticsearch-url", &urls[2]], &[("ELASTICSEARCH_URL", &urls[1])]);
    said.connects();
    assert_eq!(counts(), [true, true, true]);
    assert!(said.all.contains("alerts index none-of-these"), "{}", said.all);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_whole_and_shows_no_secret() {
    let files = Files::new();
    let wrong =
        files.write("wrong.toml", &format!("[elasticsearch]\nkey = \"{SECRET}\"\npassword = [1]\n[x]\n"));
    let said = check(&["--config", &wrong], &[]);
    assert_eq!(said.code, Some(2), "{}", said.all);
    said.fails_with(&["`elasticsearch.key`", "`elasticsearch.password`", "`x`"]);
    let broken = files.write("broken.toml", &format!("[elasticsearch]\napi_key = \"{SECRET}\n"));
    check(&["--config", &broken], &[]).fails_with(&["is no TOML", "line 2"]);
    check(&["--config", "/nonexistent.toml"], &[]).fails_with(&["`/nonexistent.toml` cannot be read"]);
    let help = files.write(
        "help.toml",
        &format!("[elasticsearch]\napi_key = \"{SECRET}\"\nurl = \"http://u:{SECRET}@h\"\n"),
    );
    check(&["--config", &help, "--help"], &[]);
}

/// The address of a way to `node` that counts the bytes that pass, in both directions.
fn counted(node: &str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (node, bytes) = (node.trim_start_matches("http://").to_owned(), Arc::new(AtomicUsize::new(0)));
    let shared = bytes.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&node).expect("the node");
            client.set_nodelay(true).and(server.set_nodelay(true)).expect("sockets");
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().expect("a stream"), to.try_clone().expect("a stream"));
                let bytes = shared.clone();
                std::thread::spawn(move || copy(from, to, &bytes));
            }
        }
    });
    (url, bytes)
}

fn copy(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicUsize) {
    let mut room = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut room) {
        bytes.fetch_add(count, Ordering::Relaxed);
        if to.write_all(&room[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn packed_bodies_mean_the_same_and_are_a_fraction_as_large() {
    const EVENTS: usize = 300;
    let (Some(node), Some(cluster)) = (cluster_url(), Cluster::connect()) else { return };
    let events = cluster.name("filebeat");
    let event =
        |number| SignIn::new(format!("packed-{number}"), seconds_ago(60)).document(Shape::Integration);
    cluster.bulk(&events, (0..EVENTS).map(event));
    cluster.refresh(&events);
    let folder = tempfile::tempdir().expect("a folder");
    let rule = rule_over(folder.path(), &[&events], "now-6m", "5m").display().to_string();
    let run = |name: &str, variables: &[(&str, &str)]| {
        let ((url, bytes), alerts) = (counted(&node), cluster.name(name));
        let mut program = support::stakeout();
        program.args(["run", "--backfill", "1h", "--no-triage", "--rules", &rule, "--alerts-index", &alerts]);
        let output = program.env("ELASTICSEARCH_URL", url).envs(variables.iter().copied()).output();
        let output = output.expect("the program starts");
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
        assert_eq!((&line["matches"], &line["alerts_created"]), (&EVENTS.into(), &EVENTS.into()), "{line}");
        bytes.load(Ordering::Relaxed)
    };
    let (plain, packed) = (run("plain", &[]), run("packed", &[("ELASTICSEARCH_COMPRESSION", "true")]));
    assert!(packed * 5 < plain, "{packed} bytes packed, {plain} plain");
}

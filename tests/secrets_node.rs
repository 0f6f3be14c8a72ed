//! No secret is ever told: by no command, however it is given, whatever becomes of it, and however much is said.
//!
//! Every command of the command line is tried against a cluster that answers, one that refuses, one that is not there and
//! one that is not trusted; what it prints and writes is searched for every secret, and for what base64 makes of it.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::json;
use support::front::{Authority, Front};
use support::story::{RULE_ID, Shape, SignIn, seconds_ago};
use support::watched::Watched;
use support::{Cluster, cluster_url};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events/instance-sign-in");

/// What is secret in each way to give it; no one is part of another.
const KEY: &str = "k3y-Zq81-of-the-api";
const PASSWORD: &str = "p4ss-Wm27-of-the-user";
const TOKEN: &str = "t0k3n-Ry93-of-the-bearer";
const IN_URL: &str = "us3r1nf0-Xc55-of-the-url";
const OF_KIBANA: &str = "k1b4n4-Nb64-of-the-url";
const OF_PROXY: &str = "pr0xy-Jh38-of-the-url";
const ALL: [&str; 6] = [KEY, PASSWORD, TOKEN, IN_URL, OF_KIBANA, OF_PROXY];

/// Commands that run at the same time; most of them wait.
const AT_ONCE: usize = 8;

/// Every text that shows `secret`: itself, and what stands in any base64 of a text that holds it.
fn forms(secret: &str) -> Vec<String> {
    let encoded = (0..3).flat_map(|before| {
        let text = "x".repeat(before) + secret;
        // Characters that other bytes have a part in are left out.
        let (from, to) = ((before * 4).div_ceil(3), text.len() * 4 / 3);
        [
            BASE64_STANDARD.encode(&text)[from..to].to_owned(),
            BASE64_URL_SAFE_NO_PAD.encode(&text)[from..to].to_owned(),
        ]
    });
    encoded.chain([secret.to_owned()]).collect()
}

#[track_caller]
fn assert_tells_nothing(text: &str, of: &str) {
    for secret in ALL {
        for form in forms(secret) {
            let at = text.find(&form);
            let around = at.map(|at| text[..at].rsplit('\n').next().unwrap_or_default());
            assert!(at.is_none(), "{of} tells `{secret}` as `{form}`, after: {around:?}");
        }
    }
}

#[test]
fn a_secret_is_found_in_whatever_holds_it() {
    for text in [
        format!("a{KEY}b"),
        BASE64_STANDARD.encode(format!("id:{KEY}")),
        BASE64_STANDARD.encode(format!("user-1:{KEY}x")),
    ] {
        assert!(forms(KEY).iter().any(|form| text.contains(form)), "{text}");
    }
    assert!(!forms(KEY).iter().any(|form| BASE64_STANDARD.encode("nothing of it").contains(form)));
}

/// How secrets are given: variables, flags, and whether flags need a command that has them.
struct Way {
    name: &'static str,
    variables: Vec<(&'static str, String)>,
    flags: Vec<String>,
}

/// Every way, for a cluster at `url`; files lie in `folder`.
fn ways(url: &str, folder: &Path) -> Vec<Way> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let with_user = url.replace("://", &format!("://user:{IN_URL}@"));
    let settings = |more: &str| {
        format!(
            "[elasticsearch]\nurl = \"{url}\"\n{more}\n[kibana]\nurl = \"http://k:{OF_KIBANA}@127.0.0.1:9\"\n"
        )
    };
    let kibana = || ("KIBANA_URL", format!("http://kib:{OF_KIBANA}@127.0.0.1:9/base/s/team"));
    let at = || ("ELASTICSEARCH_URL", url.to_owned());
    let user = || ("ELASTICSEARCH_USERNAME", "user".to_owned());
    let config = |name: &str, more: &str| ("STAKEOUT_CONFIG", file(name, &settings(more)));
    let way = |name, variables| Way { name, variables, flags: Vec::new() };
    let text = |text: &str| text.to_owned();
    vec![
        way("API key", vec![at(), kibana(), ("ELASTICSEARCH_API_KEY", format!("id:{KEY}"))]),
        way(
            "encoded API key",
            vec![at(), kibana(), ("ELASTICSEARCH_API_KEY", BASE64_STANDARD.encode(format!("id:{KEY}")))],
        ),
        way("file of the API key", vec![at(), ("ELASTICSEARCH_API_KEY_FILE", file("key", KEY))]),
        way("password", vec![at(), kibana(), user(), ("ELASTICSEARCH_PASSWORD", text(PASSWORD))]),
        way(
            "file of the password",
            vec![at(), user(), ("ELASTICSEARCH_PASSWORD_FILE", file("password", PASSWORD))],
        ),
        way("bearer token", vec![at(), kibana(), ("ELASTICSEARCH_BEARER_TOKEN", text(TOKEN))]),
        way("file of the token", vec![at(), ("ELASTICSEARCH_BEARER_TOKEN_FILE", file("token", TOKEN))]),
        way("address", vec![("ELASTICSEARCH_URL", with_user), kibana()]),
        way("proxy", vec![at(), ("ELASTICSEARCH_PROXY", format!("http://p:{OF_PROXY}@127.0.0.1:9"))]),
        way(
            "file of the proxy",
            vec![
                at(),
                ("ELASTICSEARCH_PROXY_FILE", file("proxy", &format!("http://p:{OF_PROXY}@127.0.0.1:9"))),
            ],
        ),
        way(
            "settings with a key",
            vec![config(
                "key.toml",
                &format!("api_key = \"{KEY}\"\nproxy = \"http://p:{OF_PROXY}@127.0.0.1:9\""),
            )],
        ),
        way(
            "settings with a password",
            vec![config("password.toml", &format!("username = \"u\"\npassword = \"{PASSWORD}\""))],
        ),
        way(
            "settings that are wrong",
            vec![config("wrong.toml", &format!("bearer_token = [\"{TOKEN}\"]\npasword = \"{PASSWORD}\""))],
        ),
        way(
            "twice",
            vec![at(), ("ELASTICSEARCH_API_KEY", text(KEY)), ("ELASTICSEARCH_BEARER_TOKEN", text(TOKEN))],
        ),
        way(
            "addresses that are none",
            vec![
                ("ELASTICSEARCH_URL", format!("htp//u:{IN_URL}@h")),
                ("KIBANA_URL", format!("k//u:{OF_KIBANA}@h")),
            ],
        ),
        way(
            "other addresses that are none",
            vec![
                ("ELASTICSEARCH_URL", format!("http://u:{IN_URL}@h:port")),
                ("ELASTICSEARCH_PROXY", format!("p:/u:{OF_PROXY}@h")),
            ],
        ),
        Way {
            name: "flags",
            variables: vec![],
            flags: ["--elasticsearch-url", url, "--api-key", KEY, "--proxy"]
                .map(text)
                .into_iter()
                .chain([format!("http://p:{OF_PROXY}@127.0.0.1:9")])
                .collect(),
        },
    ]
}

/// How each command is tried; a new one has to be added here.
fn tried(command: &str, index: &str) -> Vec<Vec<String>> {
    let index = ["--alerts-index", index];
    let samples = ["--backfill", "2026-11-20..2026-11-20", "--events", SAMPLES];
    let written = ["--alerts", "alerts.ndjson", "--report", "report.html", "--guide"];
    let all: Vec<Vec<&str>> = match command {
        "run" => vec![
            [&["--once"][..], &index].concat(),
            [&["--once", "--dry-run"][..], &index].concat(),
            [&["--backfill", "1h", "--report", "page.html"][..], &index].concat(),
            [&samples[..], &written].concat(),
        ],
        "audit" => vec![[&["1h"][..], &index].concat()],
        "explain" => vec![vec![RULE_ID], vec![RULE_ID, "--offline"]],
        "scan" => vec![vec![SAMPLES]],
        "check" => vec![index.to_vec()],
        "setup" => vec![index.to_vec(), [&["--print", "printed"][..], &index].concat()],
        "test" | "man" => vec![vec![]],
        "health" => vec![vec!["9"]],
        "completions" => vec![vec!["bash"]],
        "schema" => vec![vec!["config"]],
        new => panic!("say how `{new}` is tried"),
    };
    all.into_iter()
        .map(|arguments| [&[command][..], &arguments].concat().into_iter().map(str::to_owned).collect())
        .collect()
}

/// One run of the program.
struct Try {
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    of: String,
}

impl Try {
    /// Runs it in a folder of its own, and searches what it prints and writes there.
    fn runs(&self) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut program = support::stakeout();
        program.args(["-vvv", "--color", "always"]).args(&self.arguments).current_dir(folder.path());
        program.envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())));
        program.envs([
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
            ("ELASTICSEARCH_REQUEST_TIMEOUT", "20"),
        ]);
        let output = program.stdin(Stdio::null()).output().expect("the program starts");
        assert_tells_nothing(&String::from_utf8_lossy(&output.stdout), &format!("{}, stdout", self.of));
        assert_tells_nothing(&String::from_utf8_lossy(&output.stderr), &format!("{}, stderr", self.of));
        for path in files(folder.path()) {
            let written = fs::read(&path).expect("a file");
            assert_tells_nothing(
                &String::from_utf8_lossy(&written),
                &format!("{}, {}", self.of, path.display()),
            );
        }
        assert!(output.status.code().is_some_and(|code| code <= 2), "{}: {output:?}", self.of);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The names of all commands.
fn commands() -> Vec<String> {
    stakeout::cli::command().get_subcommands().map(|one| one.get_name().to_owned()).collect()
}

/// Everything that is tried against a cluster at `url`: each command in one way after the other, and `check` in all.
fn tries(url: &str, state: &str, index: &str, folder: &Path) -> Vec<Try> {
    let ways = ways(url, folder);
    let mut turn = ways.iter().filter(|way| way.flags.is_empty()).cycle();
    let mut tries = Vec::new();
    let mut add = |way: &Way, arguments: &[String]| {
        let json = ["--log-format".to_owned(), "json".to_owned()];
        let log = if tries.len() % 2 == 0 { &json[..] } else { &[] };
        tries.push(Try {
            arguments: [arguments, &way.flags, log].concat(),
            variables: way.variables.clone(),
            of: format!("{} given by {}, cluster {state}", arguments.join(" "), way.name),
        });
    };
    for arguments in commands().iter().flat_map(|command| tried(command, index)) {
        for _ in 0..2 {
            turn.next().into_iter().for_each(|way| add(way, &arguments));
        }
    }
    for way in &ways {
        add(way, &["check", "--alerts-index", index].map(str::to_owned));
    }
    tries
}

fn run_all(tries: Vec<Try>) {
    let rest = Mutex::new(tries);
    let next = || rest.lock().expect("no panic").pop();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(one) = next() {
                    one.runs();
                }
            });
        }
    });
}

/// An address where nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

#[test]
fn each_variable_and_flag_that_hides_its_value_is_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let tried: BTreeSet<&str> = ways("http://h", folder.path())
        .into_iter()
        .flat_map(|way| way.variables)
        .map(|(name, _)| name)
        .collect();
    let command = stakeout::cli::command();
    let hidden = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter(|one| one.is_hide_env_values_set());
    let hidden: BTreeSet<String> =
        hidden.filter_map(|one| one.get_env()).map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(hidden.len() >= 6, "{hidden:?}");
    for name in hidden {
        assert!(tried.contains(name.as_str()), "`{name}` is not tried");
    }
}

#[test]
fn help_shows_no_secret_that_a_variable_or_the_settings_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let ways = ways("http://h", folder.path());
    let help = |(number, command): (usize, String)| {
        let way = &ways[[0, 3, 5, 7, 8, 9, 10][number % 7]];
        let of = format!("help of {command} given by {}", way.name);
        Try { arguments: vec![command, "--help".to_owned()], variables: way.variables.clone(), of }
    };
    run_all(commands().into_iter().cycle().take(21).enumerate().map(help).collect());
}

#[test]
fn nothing_is_told_where_the_cluster_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    run_all(tries(&nobody(), "gone", "secrets-gone", folder.path()));
}

#[test]
fn nothing_is_told_where_the_cluster_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let reason = json!({"error": {"root_cause": [{"type": "security_exception", "reason": "unable to authenticate"}]}});
    let front = Front::before("http://127.0.0.1:9", vec![("", 401, reason)]);
    run_all(tries(&front.url(), "refusing", "secrets-refused", folder.path()));
}

#[test]
fn nothing_is_told_where_the_cluster_is_not_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let front = Front::with_tls("http://127.0.0.1:9", &Authority::new(), &["es.example"], None);
    run_all(tries(&front.url(), "untrusted", "secrets-untrusted", folder.path()));
    assert_eq!(front.heads(), Vec::<String>::new(), "nothing is sent to a server that is not trusted");
}

/// What a daemon tells over HTTP and in its log.
fn watched(url: &str, index: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (kibana, proxied) = (
        format!("http://kib:{OF_KIBANA}@127.0.0.1:9/s/team"),
        url.replace("://", &format!("://user:{IN_URL}@")),
    );
    let arguments =
        ["-vvv", "--elasticsearch-url", &proxied, "--kibana-url", &kibana, "--alerts-index", index];
    let mut watched = Watched::start(folder.path(), &arguments);
    watched.figure("stakeout_rule_windows_done_total", &[], |done| done >= 1.0);
    for path in ["/metrics", "/healthz", "/readyz", "/"] {
        assert_tells_nothing(&watched.get(path).1, path);
    }
    watched.daemon.end("TERM");
    assert_tells_nothing(&watched.daemon.said(), "the daemon's log");
}

#[test]
fn nothing_is_told_where_the_cluster_answers_nor_is_it_kept_there() {
    let (Some(url), Some(cluster)) = (cluster_url(), Cluster::connect()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let events = format!("{}-events", cluster.name("filebeat"));
    let document = SignIn::new("secrets", seconds_ago(5)).document(Shape::Integration);
    cluster.bulk(&events, [document]);
    cluster.refresh(&events);
    let (front, index) = (Front::before(&url, Vec::new()), cluster.name("secrets"));
    run_all(tries(&front.url(), "answering", &index, folder.path()));
    let kept = cluster.get(&format!("/*{}*/_search?size=1000", cluster.token()));
    assert!(kept["hits"]["hits"].as_array().is_some_and(|hits| hits.len() > 1), "{kept}");
    assert_tells_nothing(&kept.to_string(), "the cluster");
    watched(&front.url(), &index);
    let sent = front.heads().join("\n");
    for secret in [KEY, PASSWORD, TOKEN, IN_URL] {
        assert!(forms(secret).iter().any(|form| sent.contains(form)), "`{secret}` was never used");
    }
}

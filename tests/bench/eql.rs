//! How long queries take to read, to plan and to evaluate: `cargo bench --bench eql`.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use stakeout::eql::{Query, Regex};
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::plan::{Input, Plan};
use stakeout::schema::Schema;

/// The least time of several, so that what else the machine does counts less.
fn fastest(what: &str, mut work: impl FnMut()) {
    let mut time = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let least = (0..20).map(|_| time()).min().unwrap_or(Duration::ZERO);
    writeln!(std::io::stdout(), "{what}: {least:?}").expect("stdout");
}

fn plan(query: &Query) -> Plan {
    let patterns = ["logs-*".to_owned()];
    let input = Input {
        query,
        schema: &Schema::ecs(),
        patterns: &patterns,
        category_field: "event.category",
        time_field: "@timestamp",
        fallback_time_field: None,
        allow_expensive: true,
    };
    Plan::new(&input).expect("a plan")
}

fn main() {
    let patterns: Vec<String> = (0..2_609).map(|number| format!("\"*name {number:04}*\"")).collect();
    let long = format!("process where process.name : ({}) and user.id != \"S-1-5-18\"", patterns.join(", "));
    fastest(&format!("reading a rule of {} bytes", long.len()), || {
        black_box(Query::parse(&long).expect("a query"));
    });
    let query = Query::parse(&long).expect("a query");
    fastest("planning it", || {
        black_box(plan(&query));
    });
    let clauses: Vec<String> = (0..1_000)
        .map(|number| format!("(process.pid == {number} or not user.id like \"S-{number}*\")"))
        .collect();
    let clauses = format!("any where {}", clauses.join(" and "));
    fastest(&format!("reading {} bytes of clauses", clauses.len()), || {
        black_box(Query::parse(&clauses).expect("a query"));
    });
    for (what, text) in [
        ("200 levels", format!("any where {}a{}", "(".repeat(200), ")".repeat(200))),
        ("1 MB of parentheses", format!("any where {}", "(".repeat(1_000_000))),
        ("1 MB of open strings", format!("any where {}", "\"a\n".repeat(333_333))),
        ("1 MB of words", format!("any where {}", "a b ".repeat(250_000))),
        ("2 MB of words", format!("any where {}", "a b ".repeat(500_000))),
    ] {
        fastest(&format!("refusing {what}"), || {
            black_box(Query::parse(&text).expect_err("no query"));
        });
    }
    for pattern in [".*(cmd|powershell|pwsh)\\.exe", "~((a|b)*a(a|b){10})", "(a|b)*a(a|b){40}"] {
        fastest(&format!("compiling the regular expression {pattern}"), || {
            black_box(Regex::new(pattern, true).is_ok());
        });
    }
    evaluate(&query);
}

fn evaluate(long: &Query) {
    let source = json!({
        "@timestamp": "2026-11-23T10:20:30.123Z", "event": {"category": ["process"], "action": "exec"},
        "process": {"name": "cmd.exe", "args": ["/c", "whoami"], "pid": 47}, "user": {"id": "S-1-5-21"}
    });
    let event = Event { source: source.as_object().cloned().expect("an object"), ..Event::default() };
    let short = Query::parse(
        "process where event.action == \"exec\" and process.name : (\"cmd.exe\", \"power*\") and process.args : \"WHO*\" \
         and not user.id in (\"S-1-5-18\", \"S-1-5-19\") and process.name regex~ \"[a-z]+\\\\.exe\"",
    );
    for (what, query) in [("a short rule", &short.expect("a query")), ("the long rule", long)] {
        let matcher = Matcher::compile(query, &Schema::ecs(), "event.category").expect("a matcher");
        fastest(&format!("evaluating {what} 1,000 times"), || {
            for _ in 0..1_000 {
                black_box(matcher.matches(black_box(&event)));
            }
        });
    }
}

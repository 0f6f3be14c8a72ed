//! The evaluator takes no memory for an event, except where a query computes values.

use serde_json::json;
use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::event::Event;
use stakeout::schema::Schema;

#[test]
fn an_event_is_evaluated_without_taking_memory() {
    let source = json!({
        "@timestamp": "2026-11-23T10:20:30.123+01:00",
        "event": {"category": ["process", "start"], "severity": 47, "action": "exec"},
        "process": {"name": "cmd.exe", "args": ["/c", "whoami"], "args_count": 2, "parent.name": "EXPLORER.EXE"},
        "source": {"ip": ["10.1.2.3", "2001:db8::1"]},
        "user.id": "AIDA:i-0123", "file": [{"size": 3.5}, {"size": "12"}]
    });
    let event = Event { source: source.as_object().cloned().expect("an object"), ..Event::default() };
    for text in [
        "process where true",
        "any where process.name == \"cmd.exe\" and not process.parent.name == \"x\"",
        "any where process.name : (\"*.COM\", \"power*\", \"Cmd.exe\") and process.args in~ (\"WHOAMI\", \"/x\")",
        "any where process.name regex~ \"c[md]+.(exe|com)\" and user.id like \"*:i-*\"",
        "any where startsWith~(process.parent.name, \"exp\") and stringContains(user.id, \":i-\")",
        "any where event.severity >= 47 and event.severity in (1, 47) and file.size > 3",
        "any where @timestamp > \"2026-11-22\" and @timestamp == \"2026-11-23T09:20:30Z\"",
        "any where cidrMatch(source.ip, \"192.168.0.0/16\", \"2001:db8::/32\") and source.ip != \"::1\"",
        "any where process.nowhere == null and not file.nowhere.at.all : \"*\" and process.args_count == 2",
    ] {
        let query = Query::parse(text).expect(text);
        let matcher = Matcher::compile(&query, &Schema::ecs(), "event.category").expect(text);
        let mut answer = false;
        let taken = allocation_counter::measure(|| answer = matcher.matches(&event));
        assert!(answer, "{text}");
        assert_eq!(taken.count_total, 0, "{text}");
    }
}

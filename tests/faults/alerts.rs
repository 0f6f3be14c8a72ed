//! Alerts that cannot be written, or not as they are: none is lost, and one bad event never holds back the others.

use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::fault::{Fault, Kind};
use super::world::{LIMIT, World};
use crate::support::story::{Shape, SignIn, mapping, seconds_ago};
use crate::support::{setting, until};

fn put(world: &World, path: &str, body: &Value) {
    world.cluster.put(&format!("/{}{path}", world.alerts_index()), body);
}

#[test]
fn an_alerts_index_that_takes_nothing_for_a_while() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    // By hand, and by a disk that is nearly full.
    for block in ["index.blocks.write", "index.blocks.read_only_allow_delete"] {
        world.happen(3);
        world.settles();
        put(&world, "/_settings", &json!({block: true}));
        world.happen(6);
        world.is_owed();
        world.overlap_passes();
        world.windows_pass(1);
        put(&world, "/_settings", &json!({block: null}));
        world.settles();
    }
}

#[test]
fn an_alerts_index_and_its_template_that_are_deleted() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let index = world.alerts_index();
    world.cluster.delete(&format!("/_index_template/{index}"));
    world.happen(3);
    world.settles();
    // What is deleted is not alerted on again only because it is read again.
    world.overlap_passes();
    world.windows_pass(1);
    world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
    world.proxy.held();
    world.cluster.delete(&format!("/{index}-000001"));
    world.forget();
    world.happen(3);
    world.proxy.release();
    world.settles();
    let template = world.cluster.get(&format!("/_index_template/{index}"));
    assert_eq!(template["index_templates"][0]["name"], index);
}

/// While the alerts index `silent` cannot answer, what may lie in it is owed, and all else is alerted on in `written`, which
/// was made at `made`.
fn all_else_goes_on(world: &mut World, silent: &str, written: &str, made: DateTime<Utc>) {
    world.sweeps_back(1);
    world.is_owed();
    // What happens a minute after that is surely in no older index.
    until(LIMIT, "a minute and a second", || seconds_ago(0) > made + TimeDelta::seconds(61));
    for number in 0..3 {
        let (id, logs) = (format!("meanwhile-{number}"), world.logs());
        world.happens(&logs, &id, SignIn::new(&*id, seconds_ago(0)).document(Shape::Integration));
        until(LIMIT, &format!("an alert of {id}:\n{}", world.said()), || {
            world.cluster.refresh(written);
            world.cluster.get(&format!("/{written}/_count?q=event.id:{id}"))["count"] == 1
        });
    }
    assert!(world.said().contains(&format!("`{silent}` cannot answer")), "{}", world.said());
}

#[test]
fn an_older_alerts_index_that_is_closed() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.happen(4);
    world.settles();
    let alias = world.alerts_index();
    let [old, new] = ["000001", "000002"].map(|number| format!("{alias}-{number}"));
    let rolled = world.cluster.post(&format!("/{alias}/_rollover"), &json!({}));
    assert_eq!(rolled["rolled_over"], true, "{rolled}");
    let made = seconds_ago(0);
    let order = |world: &World, path: &str| {
        let reply = world.cluster.send("POST", &format!("/{old}/{path}"), None).expect("an answer");
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    };
    order(&world, "_close");
    all_else_goes_on(&mut world, &old, &new, made);
    order(&world, "_open?wait_for_active_shards=1");
    world.settles();
}

#[test]
fn an_older_alerts_index_that_is_red() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let (alias, made) = (world.alerts_index(), seconds_ago(0));
    let (red, written) = (format!("{alias}-red"), format!("{alias}-000001"));
    let nowhere = |name: Value| json!({"index.routing.allocation.include._name": name});
    let body = json!({"settings": nowhere(json!("nowhere")), "aliases": {alias: {"is_write_index": false}}});
    world.cluster.put(&format!("/{red}?wait_for_active_shards=0"), &body);
    world.happened_before(4, 1_800);
    all_else_goes_on(&mut world, &red, &written, made);
    world.cluster.put(&format!("/{red}/_settings"), &nowhere(Value::Null));
    let health = world.cluster.get(&format!("/_cluster/health/{red}?wait_for_status=yellow&timeout=30s"));
    assert_eq!(health["timed_out"], false, "{health}");
    world.settles();
}

/// A match with more in it.
fn with(id: &str, more: Value) -> Value {
    let mut document = SignIn::new(id, seconds_ago(0)).document(Shape::Integration);
    let Value::Object(more) = more else { panic!("an object") };
    document.as_object_mut().expect("an object").extend(more);
    document
}

/// An index that takes any document: only the rule's own fields have types.
fn takes_all(world: &World) -> String {
    let index = world.logs() + "-odd";
    let mut body = mapping();
    body["mappings"]["dynamic"] = json!(false);
    body["mappings"]["properties"]["raw"] = json!({"type": "object", "enabled": false});
    world.cluster.put(&format!("/{index}"), &body);
    index
}

fn deep(depth: usize) -> Value {
    (0..depth).fold(json!("deepest"), |inner, _| json!({ "in": inner }))
}

/// Events that other programs stumble over, by name.
fn odd_events() -> Vec<(&'static str, Value)> {
    let many: Map<String, Value> =
        (0..10_000).map(|number| (format!("field-{number}"), json!(number))).collect();
    let huge: Value =
        serde_json::from_str("[12345678901234567890123, -9223372036854775809, 1.5e300]").expect("JSON");
    vec![
        ("five-megabytes", json!({"message": "x".repeat(5 << 20)})),
        ("quotes", json!({"message": "\"\\\u{1}".repeat(500_000)})),
        ("many-fields", json!({ "many": many })),
        ("deep", json!({"deep": deep(100)})),
        ("numbers", json!({"numbers": huge, "process": {"pid": 1e300}})),
        ("empty-names", json!({"raw": {"": {"": 1}, " ": 2}})),
        ("dots", json!({"raw": {"..": 1, ".a.": 2, "a..b": {"c.d": 3}}})),
        ("control", json!({"raw": {"\u{1b}[31m\u{0}\n": "\u{1b}]0;x\u{7}"}, "message": "\u{0}\u{1b}[2J"})),
        (
            "own-fields",
            json!({"kibana": {"alert": {"uuid": "mine"}}, "signal": 1, "stakeout": {"pass": "x"}}),
        ),
        (
            "other-types",
            json!({"process": "not an object", "host": [1, {"name": {"a": 1}}], "source.geo": 7}),
        ),
        ("bad-values", json!({"destination": {"ip": "nowhere", "port": "x"}, "cloud.region": {"a": 1}})),
    ]
}

#[test]
fn events_that_others_stumble_over() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let odd = takes_all(&world);
    for (name, more) in odd_events() {
        world.happens(&odd, name, with(name, more));
    }
    world.happen(20);
    world.settles();
    world.daemon(0).end("TERM");
    assert!(!world.said().contains('\u{1b}'), "no control characters reach the terminal");
}

#[test]
fn a_mapping_that_was_changed_by_hand() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let odd = takes_all(&world);
    world.happen(2);
    world.settles();
    put(
        &world,
        "/_mapping",
        &json!({"properties": {"custom": {"properties": {"inner": {"type": "keyword"}}}}}),
    );
    world.happens(&odd, "refused", with("refused", json!({"custom": "not an object"})));
    world.happen(6);
    world.settles();
    let reduced = world.alerts(&json!(["stakeout.reduced.*", "kibana.alert.rule.note"]));
    let reduced: Vec<&Value> =
        reduced.iter().filter(|alert| alert["stakeout.reduced.reason"].is_string()).collect();
    assert_eq!(reduced.len(), 1);
    assert!(reduced[0]["kibana.alert.rule.note"].is_string());
}

#[test]
fn a_cluster_that_takes_no_large_request() {
    let Some(world) = World::own_with("http.max_content_length: 1mb") else { return };
    let mut world = world.watched();
    let odd = takes_all(&world);
    // Each fits into a request when it is indexed, but not as an alert with the rule and the guide.
    for (name, text) in [
        ("letters", "x".repeat(1_030_000)),
        ("quotes", "\"".repeat(515_000)),
        ("controls", "\u{1}".repeat(170_000)),
    ] {
        world.happens(&odd, name, with(name, json!({ "message": text })));
    }
    world.happen(40);
    world.settles();
    let reduced = world.alerts(&json!(["stakeout.reduced.reason"]));
    let reduced = reduced.iter().filter(|alert| alert["stakeout.reduced.reason"].is_string()).count();
    assert_eq!(reduced, 3);
}

/// The most memory that the daemon may take for any burst: several times what it takes for this one.
const MEMORY: u64 = 512 << 20;

#[test]
fn a_burst_in_one_window() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.happen(2);
    world.settles();
    world.kill(0);
    let burst = setting("STAKEOUT_TEST_BURST").map_or(BURST, |text| text.parse().expect("a number"));
    world.happen(burst);
    let daemon = world.start();
    until(LIMIT * 5, "every alert of the burst", || {
        world.cluster.count(&world.alerts_index()) >= burst as u64 + 2
    });
    world.settles();
    if let Some(memory) = world.daemon(daemon).peak_memory() {
        assert!(memory < MEMORY, "{} MiB", memory >> 20);
        let line = format!("{burst} alerts of one window: {} MiB\n", memory >> 20);
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Matches of the burst, where `STAKEOUT_TEST_BURST` does not ask for more: far above any `max_signals`.
const BURST: usize = 5_000;

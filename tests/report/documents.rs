//! Alert documents for the report's tests: made as the program makes them, with what a triage adds.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use stakeout::alert::{AlertBuilder, Found, Places, Run, alert_id};
use stakeout::event::Event;
use stakeout::rule::{Rule, embedded};

/// An alert's body.
pub type Document = Map<String, Value>;

/// When the samples happen.
pub fn time() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-20T14:00:00Z").expect("a time").to_utc()
}

/// The fields of a JSON object.
pub fn fields(value: Value) -> Document {
    let Value::Object(fields) = value else { panic!("expected an object, found {value}") };
    fields
}

/// Makes alerts of the seed rule.
pub struct Maker {
    rule: Rule,
    builder: AlertBuilder,
}

impl Maker {
    pub fn new() -> Self {
        let rule = embedded().expect("the built-in rules").rules.remove(0);
        let builder = AlertBuilder::new(
            &rule,
            &Run { id: "run-1".into(), kind: "backfill", places: Places::default() },
        );
        Self { rule, builder }
    }

    /// The alert of an event.
    pub fn alert(&self, source: Value) -> Document {
        let event = Event {
            index: "filebeat-8.19.0".into(),
            id: "x1".into(),
            source: fields(source),
            ..Event::default()
        };
        let id = alert_id(&self.rule.rule_id, &self.rule.identity, &event);
        self.builder.build(&event, &id, Found { from: time(), to: time(), at: time() }).body
    }

    /// The `number`th of many sign-ins, spread over 30 days.
    pub fn sign_in(&self, number: i64) -> Document {
        let roles = ["app-role", "web-role", "batch-role", "console-canary"];
        let role = roles[usize::try_from(number % 4).expect("small")];
        let user = json!({"name": role,
            "id": format!("AROAEXAMPLE0000000000{}:i-0a1b2c3d4e5f6{:04}", number % 4, number % 23)});
        let at = time() - TimeDelta::minutes(number * 8 + number % 7);
        self.alert(sign_in(number, at, &user, &format!("198.51.100.{}", number % 31)))
    }

    /// The attack: token and login, as a triage leaves them.
    pub fn attack(&self) -> Vec<Document> {
        let user = json!({"name": "app-role", "id": "AROAATTACK00000000001:i-0a1b2c3d4e5f60001"});
        let step = |number| {
            let at = time() + TimeDelta::seconds(40 * number);
            let mut alert = self.alert(sign_in(number, at, &user, "198.51.100.77"));
            alert.extend(triage());
            alert
        };
        (0..2).map(step).collect()
    }
}

fn sign_in(number: i64, at: DateTime<Utc>, user: &Value, address: &str) -> Value {
    let action = if number % 2 == 0 { "GetSigninToken" } else { "ConsoleLogin" };
    json!({
        "@timestamp": at.to_rfc3339(), "user": user, "user_agent.original": "python-requests/2.32.3",
        "event": {"id": format!("e-{number}"), "action": action, "outcome": "success",
            "provider": "signin.amazonaws.com", "dataset": "aws.cloudtrail"},
        "source": {"ip": address, "as": {"organization": {"name": "EXAMPLE-HOSTING"}},
            "geo": {"country_name": "Netherlands"}},
        "cloud": {"account": {"id": "111122223333"}, "region": "us-east-1"}})
}

fn triage() -> Document {
    let evidence = [
        ("identity", 6, "EC2 issued its credentials for app-role 8 times"),
        ("place", 15, "198.51.100.77, EXAMPLE-HOSTING: never in 180 events of 30 days"),
        ("tool", 8, "python-requests/2.32.3 is new for this role"),
        ("lead-up", 6, "GetCallerIdentity, same address, 14 min before"),
        ("delivery", 5, "IMDS 1.0 beside 2.0"),
        ("follow-up", 20, "foothold: CreateUser, AttachUserPolicy, CreateAccessKey"),
        ("denied", 8, "6 calls refused"),
        ("habit", -2, "the role signed in once before, 19 days ago"),
    ];
    let evidence =
        evidence.map(|(group, weight, text)| json!({"group": group, "weight": weight, "text": text}));
    fields(json!({
        "stakeout.facts": {"instance_id": "i-0a1b2c3d4e5f60001", "role_name": "app-role",
            "session_name": "i-0a1b2c3d4e5f60001"},
        "stakeout.group.id": "7c1d0b52",
        "stakeout.verdict": {"grade": "theft_likely", "score": 66, "evidence": evidence,
            "text": "New network and client, a look at who it is, then a foothold: treat the role as stolen."},
        "stakeout.triage": {
            "delivered": {"question": "Did EC2 issue this session's credentials?", "status": "answered",
                "text": "EC2 issued its credentials for app-role 8 times"},
            "network": {"question": "Has the role been used from this network before?", "status": "answered",
                "text": "198.51.100.77, EXAMPLE-HOSTING: never in 180 events of 30 days"},
            "imds": {"question": "By which version of the metadata service?", "status": "not_in_data"},
            "after_foothold": {"question": "Did it make itself a foothold?", "status": "partial",
                "text": "CreateUser, AttachUserPolicy, CreateAccessKey; until 14:20Z"}},
        "stakeout.commands": [
            {"effect": "harmless", "command":
                "aws ec2 describe-instances --region 'us-east-1' --instance-ids 'i-0a1b2c3d4e5f60001'"},
            {"effect": "disruptive", "command": "aws iam put-role-policy --role-name 'app-role' \
                --policy-name 'AWSRevokeOlderSessions' --policy-document '{\"Version\":\"2012-10-17\"}'"}],
        "stakeout.pivots": [
            {"label": "Everything this session did",
                "url": "https://kibana.example.com/app/discover#/?_a=(query:(language:kuery))",
                "query": "user.id : \"AROAATTACK00000000001:i-0a1b2c3d4e5f60001\""}],
        "kibana.alert.url": "https://kibana.example.com/app/discover#/doc/1"}))
}

/// An alert that has `value` wherever an event or a triage can put one.
pub fn everywhere(maker: &Maker, value: &str) -> Document {
    let event = json!({"id": value, "action": value, "outcome": value, "provider": value});
    let mut alert = maker.alert(json!({
        "@timestamp": "2026-11-20T14:00:00Z", "event": event, "user": {"name": value, "id": value},
        "source": {"ip": value, "as.organization.name": value, "geo.country_name": value},
        "user_agent.original": value, "cloud": {"account": {"id": value}, "region": value, "instance.id": value},
        "list": [value, {"deep": value}]}));
    alert.extend(fields(json!({
        "kibana.alert.ancestors": [{"index": value, "id": value}], "kibana.alert.url": value,
        "stakeout.group.id": value, "stakeout.facts": {"f": value},
        "stakeout.verdict": {"grade": value, "score": 1, "text": value,
            "evidence": [{"group": value, "weight": 1, "text": value}]},
        "stakeout.triage": {"q": {"question": value, "status": value, "text": value}},
        "stakeout.commands": [{"effect": value, "label": value, "command": value, "undo": value, "note": value,
            "withheld": value}],
        "stakeout.pivots": [{"label": value, "url": value, "query": format!("{value} query"), "from": value, "to": value,
            "indices": [value], "withheld": value}]})));
    alert
}

//! Six sign-ins with thirty days of what came before and half a day of what came after, as CloudTrail would tell them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::story::Shape;

/// When the alert of each story happens.
pub const AT: &str = "2026-11-20T14:00:00Z";

/// The day to go over.
pub const DAY: &str = "2026-11-20..2026-11-20";

const ACCOUNT: &str = "111122223333";
const DAY_SECONDS: i64 = 86_400;

/// A time so many seconds after the alert of a story.
pub fn at(offset: i64) -> DateTime<Utc> {
    AT.parse::<DateTime<Utc>>().expect("a time") + TimeDelta::seconds(offset)
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub user_id: Option<String>,
    pub arn: String,
    kind: &'static str,
    issuer: Option<(String, String)>,
    invoked_by: Option<&'static str>,
}

impl Caller {
    /// A session of a role.
    pub fn session(role_id: &str, role: &str, session: &str) -> Self {
        Self {
            user_id: Some(format!("{role_id}:{session}")),
            arn: format!(
                "arn:aws:sts::{ACCOUNT}:assumed-role/{}/{session}",
                role.rsplit('/').next().unwrap_or(role)
            ),
            kind: "AssumedRole",
            issuer: Some((role_id.to_owned(), format!("arn:aws:iam::{ACCOUNT}:role/{role}"))),
            invoked_by: None,
        }
    }

    /// An IAM user.
    pub fn user(name: &str) -> Self {
        let (arn, user_id) =
            (format!("arn:aws:iam::{ACCOUNT}:user/{name}"), Some(format!("AIDA{}", name.to_uppercase())));
        Self { user_id, arn, kind: "IAMUser", issuer: None, invoked_by: None }
    }

    /// EC2 itself, which issues credentials to instances.
    pub fn ec2() -> Self {
        Self {
            user_id: None,
            arn: String::new(),
            kind: "AWSService",
            issuer: None,
            invoked_by: Some("ec2.amazonaws.com"),
        }
    }
}

/// From where, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub ip: &'static str,
    pub network: &'static str,
    pub agent: &'static str,
}

pub const fn place(ip: &'static str, network: &'static str, agent: &'static str) -> Place {
    Place { ip, network, agent }
}

/// One event.
#[derive(Clone, Debug)]
pub struct Record {
    offset: i64,
    caller: Caller,
    place: Place,
    provider: &'static str,
    pub action: &'static str,
    outcome: &'static str,
    request: Value,
    imds: Option<&'static str>,
}

impl Record {
    pub fn new(
        offset: i64,
        caller: &Caller,
        place: Place,
        provider: &'static str,
        action: &'static str,
    ) -> Self {
        let (outcome, request, imds) = ("success", Value::Null, None);
        Self { offset, caller: caller.clone(), place, provider, action, outcome, request, imds }
    }

    pub fn refused(self) -> Self {
        Self { outcome: "failure", ..self }
    }

    pub fn request(self, request: Value) -> Self {
        Self { request, ..self }
    }

    pub fn imds(self, version: &'static str) -> Self {
        Self { imds: Some(version), ..self }
    }

    /// Whether it happens more than so many seconds after the alert.
    pub fn is_after(&self, seconds: i64) -> bool {
        self.offset > seconds
    }

    /// The document as a shipper of that shape writes it.
    pub fn document(&self, id: &str, shape: Shape) -> Value {
        let time = at(self.offset).to_rfc3339_opts(SecondsFormat::Millis, true);
        let Caller { user_id, arn, kind, issuer, invoked_by } = &self.caller;
        let (issuer_id, issuer_arn) = issuer.clone().unzip();
        let mut fields = json!({
            "@timestamp": time, "event.ingested": time, "event.id": id, "event.kind": "event",
            "event.provider": format!("{}.amazonaws.com", self.provider), "event.action": self.action,
            "event.outcome": self.outcome, "user.id": user_id, "cloud.account.id": ACCOUNT,
            "source.ip": self.place.ip, "source.as.organization.name": self.place.network,
            "user_agent.original": self.place.agent, "aws.cloudtrail.user_identity.type": kind,
            "aws.cloudtrail.user_identity.arn": arn, "aws.cloudtrail.user_identity.invoked_by": invoked_by,
            "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id": issuer_id,
            "aws.cloudtrail.user_identity.session_context.session_issuer.arn": issuer_arn,
            "aws.cloudtrail.flattened.request_parameters": self.request,
        });
        let more = match shape {
            Shape::Filebeat => json!({"event.type": "info", "event.dataset": "aws.cloudtrail"}),
            Shape::Integration => json!({
                "event.type": ["info"], "data_stream.dataset": "aws.cloudtrail",
                "aws.cloudtrail.user_identity.session_context.ec2_role_delivery": self.imds,
            }),
        };
        let object = fields.as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
        object.retain(|_, value| !value.is_null() && value != "");
        if shape == Shape::Integration { nested(object) } else { fields }
    }
}

/// Dotted names as objects within objects.
fn nested(fields: &serde_json::Map<String, Value>) -> Value {
    let mut root = json!({});
    for (name, value) in fields {
        let place = name.split('.').fold(&mut root, |place, part| &mut place[part]);
        *place = value.clone();
    }
    root
}

/// A story: its name and its events.
pub struct Story {
    pub name: &'static str,
    /// The first alert's `user.id`.
    pub user_id: String,
    pub records: Vec<Record>,
}

/// So many events of each of thirty days before the story's.
fn history(
    caller: &Caller,
    place: Place,
    calls: &[(&'static str, &'static str)],
    imds: Option<&'static str>,
) -> Vec<Record> {
    let day = |day: i64| {
        calls.iter().enumerate().map(move |(hour, (provider, action))| {
            let offset = -day * DAY_SECONDS - i64::try_from(hour).expect("a few") * 3_000;
            let record = Record::new(offset, caller, place, provider, action);
            Record { imds, ..record }
        })
    };
    (1..=30).flat_map(day).collect()
}

const WORK: [(&str, &str); 6] = [
    ("logs", "CreateLogStream"),
    ("logs", "PutLogEvents"),
    ("logs", "PutLogEvents"),
    ("logs", "PutLogEvents"),
    ("logs", "PutLogEvents"),
    ("logs", "DescribeLogGroups"),
];

/// EC2's issue of credentials to an instance in the two days before.
fn issued(role: &str, instance: &str) -> impl Iterator<Item = Record> {
    let ec2 = Caller::ec2();
    let request =
        json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "roleSessionName": instance});
    (1..=8).map(move |turn| {
        Record::new(
            -turn * 6 * 3_600 + 60,
            &ec2,
            place("203.0.113.1", "", "ec2.amazonaws.com"),
            "sts",
            "AssumeRole",
        )
        .request(request.clone())
    })
}

const SDK: &str = "aws-sdk-java/2.25.1";
const FIREFOX: &str = "Mozilla/5.0 Firefox/142.0";

pub fn attack() -> Story {
    let instance = "i-0a1b2c3d4e5f60001";
    let role = Caller::session("AROAATTACK00000000001", "app-role", instance);
    let outside = |agent| place("198.51.100.77", "EXAMPLE-HOSTING", agent);
    let mut records = history(&role, place("203.0.113.10", "AMAZON-02", SDK), &WORK, Some("2.0"));
    records.extend(issued("app-role", instance));
    records.push(
        Record::new(
            -5 * 3_600,
            &Caller::user("dev-ci"),
            place("192.0.2.9", "OFFICE", "aws-cli/2.15"),
            "ssm",
            "SendCommand",
        )
        .request(json!({"instanceIds": [instance], "documentName": "AWS-RunShellScript"})),
    );
    records.push(Record::new(-840, &role, outside("Boto3/1.34.1"), "sts", "GetCallerIdentity").imds("1.0"));
    records.push(
        Record::new(0, &role, outside("python-requests/2.32.3"), "signin", "GetSigninToken").imds("1.0"),
    );
    records.push(Record::new(40, &role, outside(FIREFOX), "signin", "ConsoleLogin"));
    for (minute, action) in ["ListUsers", "ListRoles", "CreateUser", "AttachUserPolicy", "CreateAccessKey"]
        .into_iter()
        .enumerate()
    {
        let offset = 180 + i64::try_from(minute).expect("a few") * 80;
        let record = Record::new(offset, &role, outside(FIREFOX), "iam", action);
        let names_user = !action.starts_with("List");
        records.push(if names_user { record.request(json!({"userName": "backup-svc"})) } else { record });
    }
    records.push(Record::new(230, &role, outside(FIREFOX), "s3", "ListBuckets"));
    for turn in 0..6 {
        records.push(
            Record::new(900 + turn, &role, outside(FIREFOX), "secretsmanager", "GetSecretValue").refused(),
        );
    }
    Story { name: "attack", user_id: role.user_id.expect("an id"), records }
}

pub fn automation() -> Story {
    let instance = "i-0a1b2c3d4e5f60002";
    let role = Caller::session("AROAAUTOMATION0000001", "console-canary", instance);
    let from = |agent| place("203.0.113.20", "AMAZON-02", agent);
    let mut records = Vec::new();
    for day in 0..=30 {
        let offset = -day * DAY_SECONDS;
        let canary = |offset, agent, provider, action| {
            Record::new(offset, &role, from(agent), provider, action).imds("2.0")
        };
        records.push(canary(offset, "console-canary/2.1", "signin", "GetSigninToken"));
        records.push(canary(offset + 30, "HeadlessChrome/130.0", "signin", "ConsoleLogin"));
        records.push(canary(offset + 60, "HeadlessChrome/130.0", "ec2", "DescribeInstances"));
    }
    records.extend(issued("console-canary", instance));
    Story { name: "automation", user_id: role.user_id.expect("an id"), records }
}

pub fn forensics() -> Story {
    let instance = "i-0a1b2c3d4e5f60003";
    let role = Caller::session("AROAFORENSICS00000001", "web-role", instance);
    let responder = Caller::session("AROARESPONDER00000001", "IR-Automation", "case-7");
    let from = |agent| place("203.0.113.30", "AMAZON-02", agent);
    let mut records = history(&role, place("203.0.113.31", "AMAZON-02", SDK), &WORK, Some("2.0"));
    records.extend(history(&responder, from("ir/1.0"), &[("ec2", "DescribeInstances")], None));
    records.extend(issued("web-role", instance));
    for (minute, provider, action, request) in [
        (-50, "ec2", "ModifyInstanceAttribute", json!({"instanceId": instance})),
        (
            -45,
            "ec2",
            "CreateSnapshots",
            json!({"CreateSnapshotsRequest": {"InstanceSpecification": {"InstanceId": instance}}}),
        ),
        (-40, "ssm", "SendCommand", json!({"instanceIds": [instance]})),
    ] {
        records.push(Record::new(minute * 60, &responder, from("ir/1.0"), provider, action).request(request));
    }
    records.push(Record::new(-120, &role, from("ir-collector/1.4"), "sts", "GetCallerIdentity").imds("2.0"));
    records.push(Record::new(0, &role, from("ir-collector/1.4"), "signin", "GetSigninToken").imds("2.0"));
    Story { name: "forensics", user_id: role.user_id.expect("an id"), records }
}

pub fn red_team() -> Story {
    let mut records = Vec::new();
    let mut first = String::new();
    for number in 0..3 {
        let instance = format!("i-0a1b2c3d4e5f7000{number}");
        let name = format!("service-{number}");
        let role = Caller::session(&format!("AROAREDTEAM000000000{number}"), &name, &instance);
        let from = |agent| place("198.51.100.200", "EXAMPLE-VPS", agent);
        let start = number * 600;
        records.extend(history(&role, place("203.0.113.40", "AMAZON-02", SDK), &WORK, Some("2.0")));
        records.extend(issued(&name, &instance));
        records.push(
            Record::new(start - 60, &role, from("aws-cli/2.15.30"), "sts", "GetCallerIdentity").imds("1.0"),
        );
        records.push(
            Record::new(start, &role, from("Go-http-client/1.1"), "signin", "GetSigninToken").imds("1.0"),
        );
        records.push(Record::new(start + 30, &role, from(FIREFOX), "signin", "ConsoleLogin"));
        for (turn, (provider, action)) in
            [("iam", "ListUsers"), ("iam", "ListRoles"), ("s3", "ListBuckets"), ("ec2", "DescribeInstances")]
                .into_iter()
                .enumerate()
        {
            let offset = start + 60 + i64::try_from(turn).expect("a few") * 10;
            records.push(Record::new(offset, &role, from(FIREFOX), provider, action));
        }
        if number == 0 {
            first = role.user_id.expect("an id");
        }
    }
    Story { name: "red team", user_id: first, records }
}

pub fn person() -> Story {
    let role = Caller::session(
        "AROAPERSON00000000001",
        "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
        "i-smith@example.com",
    );
    let from = |agent| place("192.0.2.50", "OFFICE", agent);
    let mut records = Vec::new();
    for day in 0..=30 {
        let offset = -day * DAY_SECONDS;
        records.push(Record::new(
            offset,
            &role,
            from("Jersey/${project.version}"),
            "signin",
            "GetSigninToken",
        ));
        records.push(Record::new(offset + 5, &role, from(FIREFOX), "signin", "ConsoleLogin"));
        records.push(Record::new(offset + 90, &role, from(FIREFOX), "s3", "ListBuckets"));
    }
    Story { name: "person", user_id: role.user_id.expect("an id"), records }
}

pub fn disguise() -> Story {
    let instance = "i-0f1b2c3d4e5f60009";
    let role = Caller::session("AROADISGUISE000000001", "deploy-role", instance);
    let ordinary = Caller::session("AROADISGUISE000000001", "deploy-role", "pipeline");
    let outside = |agent| place("198.51.100.99", "EXAMPLE-TRANSIT", agent);
    let mut records = history(&ordinary, place("192.0.2.60", "OFFICE", SDK), &WORK, None);
    records.push(
        Record::new(-540, &Caller::user("mallory"), outside("aws-cli/2.9"), "sts", "AssumeRole").request(
            json!({
                "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/deploy-role"), "roleSessionName": instance,
            }),
        ),
    );
    records.push(Record::new(0, &role, outside("curl/8.5.0"), "signin", "GetSigninToken"));
    records.push(Record::new(300, &role, outside(FIREFOX), "cloudtrail", "StopLogging"));
    Story { name: "disguise", user_id: role.user_id.expect("an id"), records }
}

/// A trail that is stopped and stays so, by somebody who never did it and changes another; and one that is paused for
/// maintenance as always.
pub fn trails() -> Story {
    let (mallory, ops) = (Caller::user("mallory"), Caller::user("ops"));
    let (theirs, office) =
        (place("198.51.100.99", "EXAMPLE", "curl/8"), place("192.0.2.9", "OFFICE", "aws-cli/2"));
    let name = |trail: &str| json!({"name": format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/{trail}")});
    let mut records = vec![
        Record::new(0, &mallory, theirs, "cloudtrail", "StopLogging").request(name("main")),
        Record::new(60, &mallory, theirs, "cloudtrail", "UpdateTrail").request(name("main")),
        Record::new(90, &mallory, theirs, "iam", "AttachRolePolicy").request(json!({"roleName": "x"})),
        Record::new(3_600, &ops, office, "cloudtrail", "StopLogging").request(name("audit")),
        Record::new(4_200, &ops, office, "cloudtrail", "StartLogging").request(name("audit")),
    ];
    for week in 1..=5 {
        records.push(
            Record::new(3_600 - week * 7 * DAY_SECONDS, &ops, office, "cloudtrail", "StopLogging")
                .request(name("audit")),
        );
    }
    Story { name: "trails", user_id: mallory.user_id.expect("an id"), records }
}

/// All of them.
pub fn all() -> Vec<Story> {
    vec![attack(), automation(), forensics(), red_team(), person(), disguise()]
}

/// The mapping of the AWS integration for these fields, in types that every distribution has.
pub fn integration_mapping() -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": 1024});
    let flattened = json!({"type": "flattened"});
    json!({
        "settings": {"number_of_replicas": 0, "number_of_shards": 1},
        "mappings": {
            "dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": keyword}}],
            "date_detection": false,
            "properties": {
                "@timestamp": {"type": "date"}, "event.ingested": {"type": "date"}, "source.ip": {"type": "ip"},
                "aws.cloudtrail.flattened.request_parameters": flattened,
                "aws.cloudtrail.flattened.response_elements": flattened,
                "aws.cloudtrail.user_identity.session_context.ec2_role_delivery": {"type": "keyword"},
                "aws.cloudtrail.session_credential_from_console": {"type": "keyword"},
            },
        },
    })
}

/// A mapping that Elasticsearch made itself where Filebeat's template was missing: text with keyword sub-fields.
pub fn guessed_mapping() -> Value {
    let flattened = json!({"type": "flattened"});
    json!({
        "settings": {"number_of_replicas": 0, "number_of_shards": 1},
        "mappings": {
            "date_detection": false,
            "properties": {
                "@timestamp": {"type": "date"}, "event.ingested": {"type": "date"}, "source.ip": {"type": "ip"},
                "aws.cloudtrail.flattened.request_parameters": flattened,
                "aws.cloudtrail.flattened.response_elements": flattened,
            },
        },
    })
}

//! Made-up CloudTrail events as Elastic's integration writes them, about 2.7 kB each; the same every time.

use std::io::{self, Write};

use serde_json::{Value, json};

/// How many of the events name the sign-in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// One in a thousand, each of them a match of the seed rule: as in real life.
    Sparse,
    /// One in ten, each of them a match but for one clause; and one in a thousand a match.
    Dense,
    /// The same, and one in a hundred a match.
    Busy,
}

impl Share {
    /// The share of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sparse" => Self::Sparse,
            "dense" => Self::Dense,
            "busy" => Self::Busy,
            _ => return None,
        })
    }

    /// One match in so many events.
    fn one_match_in(self) -> u64 {
        match self {
            Self::Sparse | Self::Dense => 1_000,
            Self::Busy => 100,
        }
    }
}

const SERVICES: &[(&str, &[&str])] = &[
    (
        "ec2",
        &["DescribeInstances", "DescribeVolumes", "RunInstances", "DescribeTags", "ModifyInstanceAttribute"],
    ),
    ("s3", &["ListBuckets", "GetBucketAcl", "PutBucketPolicy", "GetBucketLocation"]),
    ("sts", &["AssumeRole", "GetCallerIdentity", "AssumeRoleWithWebIdentity"]),
    ("iam", &["ListUsers", "CreateUser", "GetRole", "AttachRolePolicy", "CreateAccessKey"]),
    ("kms", &["Decrypt", "GenerateDataKey", "DescribeKey"]),
    ("logs", &["CreateLogStream", "DescribeLogGroups", "PutRetentionPolicy"]),
    ("lambda", &["Invoke", "ListFunctions20150331", "UpdateFunctionCode20150331v2"]),
    ("secretsmanager", &["GetSecretValue", "ListSecrets"]),
    ("cloudtrail", &["LookupEvents", "StopLogging", "DescribeTrails"]),
];

const AGENTS: &[&str] = &[
    "aws-cli/2.15.30 Python/3.11.8 Linux/5.10.205-195.807.amzn2.x86_64 exe/x86_64.amzn.2 prompt/off command/ec2.describe-instances",
    "Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0 os/linux#5.15.0-1056-aws md/arch#x86_64 lang/python#3.10.12 cfg/retry-mode#legacy",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36",
    "APN/1.0 HashiCorp/1.0 Terraform/1.7.5 (+https://www.terraform.io) terraform-provider-aws/5.42.0 aws-sdk-go-v2/1.26.0",
];

/// Writes so many events, one a line.
pub fn write(out: &mut impl Write, count: u64, share: Share) -> io::Result<()> {
    for number in 0..count {
        serde_json::to_writer(&mut *out, &event(number, share))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A number that has nothing to do with its neighbours'.
fn mixed(number: u64) -> u64 {
    let mut state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// What differs between events.
struct Draw {
    source: String,
    action: &'static str,
    identity: &'static str,
    session: String,
    outcome: &'static str,
    kind: &'static str,
}

fn draw(number: u64, share: Share) -> Draw {
    let chance = mixed(number);
    let each = share.one_match_in();
    let is_match = number % each == each / 2;
    let is_near = share != Share::Sparse && number % 10 == 3;
    let instance = format!("i-0{:016x}", chance >> 4);
    let mut draw = Draw {
        source: String::new(),
        action: "",
        identity: if chance.is_multiple_of(3) { "IAMUser" } else { "AssumedRole" },
        session: if chance.is_multiple_of(4) {
            instance.clone()
        } else {
            format!("session-{:08x}", chance >> 32)
        },
        outcome: if chance.is_multiple_of(13) { "failure" } else { "success" },
        kind: "info",
    };
    if is_match || is_near {
        draw.source = "signin.amazonaws.com".into();
        draw.action = if chance.is_multiple_of(2) { "ConsoleLogin" } else { "GetSigninToken" };
        (draw.identity, draw.session, draw.outcome) = ("AssumedRole", instance, "success");
    } else {
        let (service, actions) = SERVICES[usize::try_from(chance >> 8).unwrap_or(0) % SERVICES.len()];
        draw.source = format!("{service}.amazonaws.com");
        draw.action = actions[usize::try_from(chance >> 16).unwrap_or(0) % actions.len()];
    }
    if is_near {
        match number / 10 % 5 {
            0 => draw.outcome = "failure",
            1 => draw.session = "jane.doe@example.com".into(),
            2 => draw.identity = "IAMUser",
            3 => draw.kind = "change",
            _ => draw.action = "SwitchRole",
        }
    }
    draw
}

fn event(number: u64, share: Share) -> Value {
    let draw = draw(number, share);
    let (chance, agent) =
        (mixed(number ^ 0x55), AGENTS[usize::try_from(mixed(number) >> 3).unwrap_or(0) % AGENTS.len()]);
    let seconds = number % 86_400;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = format!("2026-11-20T{clock}");
    let address =
        format!("{}.{}.{}.{}", chance % 200 + 11, chance >> 8 & 255, chance >> 16 & 255, chance >> 24 & 255);
    let principal = format!("AROA{:016X}", mixed(number % 97));
    let key = format!("ASIA{:016X}", mixed(number % 211));
    let role = format!("app-role-{}", number % 97);
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        chance >> 32,
        chance >> 16 & 0xffff,
        chance & 0xfff,
        chance >> 4 & 0xfff,
        number
    );
    let arn = format!("arn:aws:sts::111122223333:assumed-role/{role}/{}", draw.session);
    let failed = draw.outcome == "failure";
    let parameters = json!({"maxResults": 100 + number % 900, "filterSet": {"items": [{"name": "tag:Environment",
        "valueSet": {"items": [{"value": format!("production-{}", number % 17)}]}}]}, "includeShadowTrails": false});
    let issuer = json!({"type": "Role", "principalId": principal, "arn": format!("arn:aws:iam::111122223333:role/{role}"),
        "accountId": "111122223333", "userName": role});
    let original = json!({"eventVersion": "1.09", "userIdentity": {"type": draw.identity, "principalId": format!("{principal}:{}", draw.session),
        "arn": arn, "accountId": "111122223333", "accessKeyId": key, "sessionContext": {"sessionIssuer": issuer,
        "attributes": {"creationDate": format!("{time}Z"), "mfaAuthenticated": "false"}}}, "eventTime": format!("{time}Z"),
        "eventSource": draw.source, "eventName": draw.action, "awsRegion": "us-east-1", "sourceIPAddress": address,
        "userAgent": agent, "requestParameters": parameters, "responseElements": null,
        "errorCode": if failed { "AccessDenied" } else { "" }, "eventID": id, "readOnly": true, "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": "111122223333"});
    json!({
        "@timestamp": format!("{time}.000Z"),
        "aws": {"cloudtrail": {"event_category": "Management", "event_type": "AwsApiCall", "event_version": "1.09",
            "management_event": true, "read_only": true,
            "recipient_account_id": "111122223333",
            "request_parameters": format!("{{includeShadowTrails=false, maxResults={}}}", 100 + number % 900),
            "user_identity": {"access_key_id": key, "arn": arn, "session_context": {
                "creation_date": format!("{time}.000Z"), "mfa_authenticated": "false",
                "session_issuer": {"account_id": "111122223333", "arn": format!("arn:aws:iam::111122223333:role/{role}"),
                    "principal_id": principal, "type": "Role"}}, "type": draw.identity}}},
        "cloud": {"account": {"id": "111122223333"}, "provider": "aws", "region": "us-east-1"},
        "data_stream": {"dataset": "aws.cloudtrail", "namespace": "default", "type": "logs"},
        "ecs": {"version": "8.11.0"},
        "event": {"action": draw.action, "agent_id_status": "verified", "created": format!("{time}.512Z"),
            "dataset": "aws.cloudtrail", "id": id, "ingested": format!("2026-11-20T{clock}Z"), "kind": "event",
            "original": original.to_string(), "outcome": draw.outcome, "provider": draw.source, "type": [draw.kind]},
        "input": {"type": "aws-s3"},
        "related": {"user": [format!("{principal}:{}", draw.session), role, draw.session]},
        "source": {"address": address, "ip": address},
        "tags": ["preserve_original_event", "forwarded", "aws-cloudtrail"],
        "user": {"id": format!("{principal}:{}", draw.session), "name": role},
        "user_agent": {"device": {"name": "Other"}, "name": "Other", "original": agent},
    })
}

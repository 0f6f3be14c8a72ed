//! The made-up rules as Sigma rules that ask the same, for engines that read these.

use serde_json::{Value, json};

use crate::rules::{self, Kind};

/// The rule of that number; JSON is YAML too.
pub fn rule(number: usize) -> String {
    let (logsource, detection) = match rules::kind(number) {
        Kind::Seed => (json!({"product": "aws", "service": "cloudtrail"}), seed()),
        Kind::Cloudtrail => (json!({"product": "aws", "service": "cloudtrail"}), cloudtrail(number)),
        Kind::Windows => (json!({"product": "windows", "category": "process_creation"}), windows(number)),
        Kind::Linux => (json!({"product": "linux", "category": "file_event"}), linux(number)),
    };
    json!({"title": format!("Rule {number}"), "id": rules::id(number), "status": "test", "level": "medium",
        "logsource": logsource, "detection": detection})
    .to_string()
}

fn seed() -> Value {
    json!({
        "dataset": {"event.dataset": "aws.cloudtrail"},
        "stream": {"data_stream.dataset": "aws.cloudtrail"},
        "selection": {"event.type": "info", "event.provider": "signin.amazonaws.com",
            "event.action": ["ConsoleLogin", "GetSigninToken"], "event.outcome": "success",
            "aws.cloudtrail.user_identity.type": "AssumedRole", "user.id|contains": ":i-"},
        "condition": "(dataset or stream) and selection",
    })
}

fn cloudtrail(number: usize) -> Value {
    let (service, action) = rules::call(number);
    let mut selection =
        json!({"event.dataset": "aws.cloudtrail", "event.provider": format!("{service}.amazonaws.com")});
    let (filter, condition) = match number / 8 % 4 {
        0 => {
            selection["event.action"] = json!(action);
            selection["event.outcome"] = json!("success");
            (None, "selection")
        }
        1 => {
            selection["event.action"] = json!([action, format!("{action}Version"), format!("{action}V2")]);
            selection["event.outcome"] = json!("success");
            (
                Some(json!({"user_agent.original|contains": ["Terraform", "Pulumi"]})),
                "selection and not filter",
            )
        }
        2 => {
            selection["event.action|startswith"] = json!(action);
            selection["aws.cloudtrail.user_identity.type"] = json!("AssumedRole");
            selection["source.ip|exists"] = json!(true);
            let invokers = ["autoscaling.amazonaws.com", "ssm.amazonaws.com"];
            (Some(json!({"aws.cloudtrail.user_identity.invoked_by": invokers})), "selection and not filter")
        }
        _ => {
            selection["event.action"] = json!(action);
            selection["aws.cloudtrail.request_parameters|contains"] = json!(format!("policy{number}=\\*"));
            (Some(json!({"source.ip|cidr": ["10.0.0.0/8", "172.16.0.0/12"]})), "selection and not filter")
        }
    };
    let mut detection = json!({"selection": selection, "condition": condition});
    if let Some(filter) = filter {
        detection["filter"] = filter;
    }
    detection
}

fn windows(number: usize) -> Value {
    let tool = rules::tool(number);
    json!({
        "selection": {"event.category": "process", "host.os.type": "windows", "event.type": "start",
            "process.args": [format!("*-encoded{number}*"), format!("/flag{number}"), "*http*"]},
        "name": {"process.name": [format!("{tool}.exe"), format!("tool{number}.exe")]},
        "original": {"process.pe.original_file_name": format!("{tool}{number}.exe")},
        "filter": {"user.id": ["S-1-5-18", "S-1-5-19"],
            "process.parent.executable|contains": format!(":\\Program Files\\Vendor{number}\\")},
        "condition": "selection and (name or original) and not filter",
    })
}

fn linux(number: usize) -> Value {
    json!({
        "selection": {"event.category": "file", "host.os.type": "linux", "event.action": ["creation", "rename"],
            "file.path|startswith": [format!("/etc/unit{number}.d/"), format!("/usr/lib/systemd/{number}/")]},
        "name": {"process.name": ["dpkg", "rpm", "dnf", "apt-get"]},
        "place": {"process.executable|startswith": [format!("/opt/agent{number}/"), "/nix/store/"]},
        "condition": "selection and not name and not place",
    })
}

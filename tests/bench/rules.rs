//! Made-up rules in the manner of Elastic's: three in eight ask about CloudTrail, the others about hosts.

/// The seed rule's query.
pub const SEED: &str = r#"info where (?event.dataset == "aws.cloudtrail" or ?data_stream.dataset == "aws.cloudtrail") and event.provider == "signin.amazonaws.com" and event.action in ("ConsoleLogin", "GetSigninToken") and event.outcome == "success" and aws.cloudtrail.user_identity.type == "AssumedRole" and stringContains (user.id, ":i-")"#;

/// So many queries, the seed rule's first.
pub fn queries(count: usize) -> Vec<String> {
    (0..count).map(query).collect()
}

/// What a rule asks about.
pub enum Kind {
    /// What the seed rule does.
    Seed,
    /// Calls of AWS.
    Cloudtrail,
    /// Processes.
    Windows,
    /// Files.
    Linux,
}

/// What the rule of that number asks about.
pub fn kind(number: usize) -> Kind {
    match number % 8 {
        0 if number == 0 => Kind::Seed,
        0..3 => Kind::Cloudtrail,
        3..6 => Kind::Windows,
        _ => Kind::Linux,
    }
}

/// The rule's id.
pub fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The rule as a file of its own.
pub fn file(number: usize) -> String {
    let category = if number == 0 { "event_category_override = \"event.type\"\n" } else { "" };
    format!(
        "[rule]\nname = \"Rule {number}\"\ndescription = \"Made up.\"\nrule_id = \"{}\"\nseverity = \"low\"\n\
         risk_score = 21\ntype = \"eql\"\nlanguage = \"eql\"\nindex = [\"logs-*\"]\n{category}query = '''\n{}\n'''\n",
        id(number),
        query(number)
    )
}

const SERVICES: [&str; 9] =
    ["ec2", "s3", "sts", "iam", "kms", "logs", "lambda", "secretsmanager", "cloudtrail"];
const VERBS: [&str; 8] = ["Create", "Delete", "Put", "Update", "Attach", "Detach", "Stop", "Modify"];
const THINGS: [&str; 9] =
    ["User", "AccessKey", "RolePolicy", "BucketPolicy", "Logging", "Trail", "Snapshot", "Function", "Secret"];
const TOOLS: [&str; 8] = ["powershell", "rundll32", "regsvr32", "certutil", "mshta", "wscript", "net1", "sc"];

fn query(number: usize) -> String {
    match kind(number) {
        Kind::Seed => SEED.to_owned(),
        Kind::Cloudtrail => cloudtrail(number),
        Kind::Windows => windows(number),
        Kind::Linux => linux(number),
    }
}

/// The service and the call that a rule about AWS asks about.
pub fn call(number: usize) -> (&'static str, String) {
    let (verb, thing) = (VERBS[number / 8 % VERBS.len()], THINGS[number / 64 % THINGS.len()]);
    (SERVICES[number % SERVICES.len()], format!("{verb}{thing}"))
}

/// The program that a rule about Windows asks about.
pub fn tool(number: usize) -> &'static str {
    TOOLS[number % TOOLS.len()]
}

fn cloudtrail(number: usize) -> String {
    let (service, action) = call(number);
    let start = format!(
        r#"any where event.dataset == "aws.cloudtrail" and event.provider == "{service}.amazonaws.com""#
    );
    match number / 8 % 4 {
        0 => format!(r#"{start} and event.action == "{action}" and event.outcome == "success""#),
        1 => format!(
            r#"{start} and event.action in ("{action}", "{action}Version", "{action}V2") and event.outcome == "success" and not user_agent.original : ("*Terraform*", "*Pulumi*")"#
        ),
        2 => format!(
            r#"{start} and event.action : "{action}*" and aws.cloudtrail.user_identity.type == "AssumedRole" and not aws.cloudtrail.user_identity.invoked_by in ("autoscaling.amazonaws.com", "ssm.amazonaws.com") and source.ip != null"#
        ),
        _ => format!(
            r#"{start} and event.action == "{action}" and stringContains(aws.cloudtrail.request_parameters, "policy{number}=\\*") and not cidrMatch(source.ip, "10.0.0.0/8", "172.16.0.0/12")"#
        ),
    }
}

fn windows(number: usize) -> String {
    let tool = tool(number);
    format!(
        r#"process where host.os.type == "windows" and event.type == "start" and (process.name : ("{tool}.exe", "tool{number}.exe") or ?process.pe.original_file_name == "{tool}{number}.exe") and process.args : ("*-encoded{number}*", "/flag{number}", "*http*") and not (user.id in ("S-1-5-18", "S-1-5-19") and process.parent.executable : "?:\\Program Files\\Vendor{number}\\*")"#
    )
}

fn linux(number: usize) -> String {
    format!(
        r#"file where host.os.type == "linux" and event.action in ("creation", "rename") and file.path like ("/etc/unit{number}.d/*", "/usr/lib/systemd/{number}/*") and not process.name in ("dpkg", "rpm", "dnf", "apt-get") and not ?process.executable like ("/opt/agent{number}/*", "/nix/store/*")"#
    )
}

//! A CloudTrail record as AWS writes it → the ECS document that Elastic's AWS integration makes of it.
//!
//! Field by field as the integration's ingest pipeline for `aws.cloudtrail` does, with these differences on
//! purpose: nothing is looked up (no `source.geo`, `source.as`) or taken apart (`user_agent.*` has `original`
//! only); `related.entity`, `actor`, `target` and the like of its newest versions are not made; the raw record
//! is not repeated in `event.original`; `event.created` and `event.ingested` are absent, as no ingest took place.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{categories, java_text};

/// Characters of a printed parameter from which on the pipeline keeps the print alone (Lucene's longest term).
const MAX_FLATTENED: usize = 32_766;

/// Record keys that are moved as they are, and where to.
const MOVED: &[(&[&str], &str)] = &[
    (&["eventVersion"], "aws.cloudtrail.event_version"),
    (&["eventCategory"], "aws.cloudtrail.event_category"),
    (&["eventType"], "aws.cloudtrail.event_type"),
    (&["errorCode"], "aws.cloudtrail.error_code"),
    (&["errorMessage"], "aws.cloudtrail.error_message"),
    (&["requestID"], "aws.cloudtrail.request_id"),
    (&["apiVersion"], "aws.cloudtrail.api_version"),
    (&["managementEvent"], "aws.cloudtrail.management_event"),
    (&["readOnly"], "aws.cloudtrail.read_only"),
    (&["recipientAccountId"], "aws.cloudtrail.recipient_account_id"),
    (&["sharedEventID"], "aws.cloudtrail.shared_event_id"),
    (&["vpcEndpointId"], "aws.cloudtrail.vpc_endpoint_id"),
    (&["addendum", "originalEventID"], "aws.cloudtrail.addendum.original_event_id"),
    (&["insightDetails"], "aws.cloudtrail.flattened.insight_details"),
    (&["userIdentity", "type"], "aws.cloudtrail.user_identity.type"),
    (&["userIdentity", "arn"], "aws.cloudtrail.user_identity.arn"),
    (&["userIdentity", "accessKeyId"], "aws.cloudtrail.user_identity.access_key_id"),
    (&["userIdentity", "invokedBy"], "aws.cloudtrail.user_identity.invoked_by"),
    (
        &["userIdentity", "sessionContext", "attributes", "mfaAuthenticated"],
        "aws.cloudtrail.user_identity.session_context.mfa_authenticated",
    ),
    (
        &["userIdentity", "sessionContext", "ec2RoleDelivery"],
        "aws.cloudtrail.user_identity.session_context.ec2_role_delivery",
    ),
    (
        &["userIdentity", "sessionContext", "sourceIdentity"],
        "aws.cloudtrail.user_identity.session_context.source_identity",
    ),
    (
        &["userIdentity", "sessionContext", "signInSessionArn"],
        "aws.cloudtrail.user_identity.session_context.sign_in_session_arn",
    ),
    (
        &["userIdentity", "sessionContext", "sessionIssuer", "type"],
        "aws.cloudtrail.user_identity.session_context.session_issuer.type",
    ),
    (
        &["userIdentity", "sessionContext", "sessionIssuer", "principalId"],
        "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id",
    ),
    (
        &["userIdentity", "sessionContext", "sessionIssuer", "arn"],
        "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
    ),
    (
        &["userIdentity", "sessionContext", "sessionIssuer", "accountId"],
        "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
    ),
    (&["userIdentity", "principalId"], "user.id"),
    (&["userIdentity", "accountId"], "cloud.account.id"),
    (&["awsRegion"], "cloud.region"),
    (&["eventSource"], "event.provider"),
    (&["eventName"], "event.action"),
    (&["eventID"], "event.id"),
    (&["sourceIPAddress"], "source.address"),
    (&["userAgent"], "user_agent.original"),
    (&["tlsDetails", "cipherSuite"], "tls.cipher"),
    (&["tlsDetails", "clientProvidedHostHeader"], "tls.client.server_name"),
];

/// Free-form parameters: the record's key, and its name under `aws.cloudtrail`.
const PARAMETERS: &[(&str, &str)] = &[
    ("requestParameters", "request_parameters"),
    ("responseElements", "response_elements"),
    ("additionalEventData", "additional_eventdata"),
    ("serviceEventDetails", "service_event_details"),
];

/// How the strings of a document's field stand in the record that it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As whole strings.
    Whole,
    /// As parts of strings.
    Part,
    /// Not at all: they are made up or put together.
    Made,
}

/// Fields whose strings do not stand in the record as they are, and those of which only parts are taken.
const NOT_COPIED: &[(&str, Spelling)] = &[
    ("@timestamp", Spelling::Made),
    ("aws.cloudtrail.additional_eventdata", Spelling::Made),
    ("aws.cloudtrail.console_login.additional_eventdata.mfa_used", Spelling::Made),
    ("aws.cloudtrail.console_login.additional_eventdata.mobile_version", Spelling::Made),
    ("aws.cloudtrail.request_parameters", Spelling::Made),
    ("aws.cloudtrail.response_elements", Spelling::Made),
    ("aws.cloudtrail.service_event_details", Spelling::Made),
    ("aws.cloudtrail.user_identity.session_context.creation_date", Spelling::Made),
    ("cloud.provider", Spelling::Made),
    ("cloud.service.name", Spelling::Part),
    ("data_stream.dataset", Spelling::Made),
    ("data_stream.type", Spelling::Made),
    ("ecs.version", Spelling::Made),
    ("error.message", Spelling::Made),
    ("event.category", Spelling::Made),
    ("event.dataset", Spelling::Made),
    ("event.kind", Spelling::Made),
    ("event.module", Spelling::Made),
    ("event.outcome", Spelling::Made),
    ("event.type", Spelling::Made),
    ("related.user", Spelling::Part),
    ("tls.version", Spelling::Made),
    ("tls.version_protocol", Spelling::Made),
];

/// How the strings of `field` (full name) stand in the record; [`Spelling::Whole`] too for a field that no record gives.
pub(super) fn spelling(field: &str) -> Spelling {
    let found = NOT_COPIED.iter().find(|(name, _)| *name == field);
    found.map_or(Spelling::Whole, |(_, spelling)| *spelling)
}

/// The ECS document (nested keys) of one record.
///
/// A record whose `eventTime` is no time has no `@timestamp`, and says so in `error.message`.
pub(super) fn document(mut record: Map<String, Value>) -> Map<String, Value> {
    for (key, _) in PARAMETERS {
        // Before empty values go: they counted when the table that gives the order was filled.
        if let Some(value) = record.get_mut(*key) {
            java_text::order_keys(value);
        }
    }
    let mut record = Value::Object(record);
    drop_empty(&mut record);
    let mut ecs = Map::new();
    put_times(&record, &mut ecs);
    for (from, to) in MOVED {
        if let Some(value) = get(&record, from) {
            put(&mut ecs, to, value.clone());
        }
    }
    put_constants(&mut ecs);
    put_parameters(&record, &mut ecs);
    put_resources(&record, &mut ecs);
    put_cloud(&record, &mut ecs);
    put_user(&record, &mut ecs);
    put_source(&record, &mut ecs);
    put_tls_version(&record, &mut ecs);
    put_console_login(&record, &mut ecs);
    put_categories(&record, &mut ecs);
    ecs
}

fn put_constants(ecs: &mut Map<String, Value>) {
    put(ecs, "event.dataset", json!("aws.cloudtrail"));
    put(ecs, "event.module", json!("aws"));
    put(ecs, "data_stream.type", json!("logs"));
    put(ecs, "data_stream.dataset", json!("aws.cloudtrail"));
    put(ecs, "cloud.provider", json!("aws"));
    put(ecs, "ecs.version", json!("8.11.0"));
}

fn put_times(record: &Value, ecs: &mut Map<String, Value>) {
    if let Some(value) = get(record, &["eventTime"]) {
        match value.as_str().and_then(timestamp) {
            Some(time) => put(ecs, "@timestamp", time.into()),
            None => put(ecs, "error.message", format!("expected a time in eventTime, found {value}").into()),
        }
    }
    let created = &["userIdentity", "sessionContext", "attributes", "creationDate"];
    if let Some(time) = string(record, created).and_then(timestamp) {
        put(ecs, "aws.cloudtrail.user_identity.session_context.creation_date", time.into());
    }
}

/// ISO 8601 with milliseconds in UTC; a time without a zone is UTC.
fn timestamp(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()));
    time.ok().map(|time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn put_parameters(record: &Value, ecs: &mut Map<String, Value>) {
    for (from, to) in PARAMETERS {
        let Some(value) = record.get(from) else { continue };
        let text = java_text::text(value);
        if text.encode_utf16().count() < MAX_FLATTENED {
            put(ecs, &format!("aws.cloudtrail.flattened.{to}"), value.clone());
        }
        put(ecs, &format!("aws.cloudtrail.{to}"), text.into());
    }
}

fn put_resources(record: &Value, ecs: &mut Map<String, Value>) {
    let Some(Value::Array(resources)) = record.get("resources") else { return };
    let mut unique: Vec<Value> = Vec::new();
    for resource in resources.iter().filter_map(Value::as_object) {
        let renamed: Map<_, _> = resource
            .iter()
            .map(|(key, value)| match key.as_str() {
                "ARN" => ("arn".to_owned(), value.clone()),
                "accountId" => ("account_id".to_owned(), value.clone()),
                _ => (key.clone(), value.clone()),
            })
            .collect();
        let key = |resource: &Value| ["arn", "account_id", "type"].map(|key| resource.get(key).cloned());
        let renamed = Value::Object(renamed);
        if !unique.iter().any(|other| key(other) == key(&renamed)) {
            unique.push(renamed);
        }
    }
    put(ecs, "aws.cloudtrail.resources", unique.into());
}

fn put_cloud(record: &Value, ecs: &mut Map<String, Value>) {
    if get(record, &["userIdentity", "accountId"]).is_none()
        && let Some(account) = get(record, &["recipientAccountId"])
    {
        put(ecs, "cloud.account.id", account.clone());
    }
    let service = string(record, &["eventSource"]).and_then(|source| source.strip_suffix(".amazonaws.com"));
    if let Some(service) = service {
        put(ecs, "cloud.service.name", service.into());
    }
}

/// The acting user, the user acted on, and everyone in `related.user`.
fn put_user(record: &Value, ecs: &mut Map<String, Value>) {
    let user = string(record, &["userIdentity", "userName"]);
    let issuer = string(record, &["userIdentity", "sessionContext", "sessionIssuer", "userName"]);
    let is_role = matches!(string(record, &["userIdentity", "type"]), Some("AssumedRole" | "FederatedUser"));
    let name = if is_role { issuer.or(user) } else { user.or(issuer) };
    let principal = string(record, &["userIdentity", "principalId"]);
    let session = principal.and_then(|principal| principal.split_once(':')).map(|(_, session)| session);
    let target = string(record, &["requestParameters", "userName"]);
    let new_name = string(record, &["requestParameters", "newUserName"]);
    let mut related: Vec<&str> = Vec::new();
    let actor = if is_role { [session, principal, issuer] } else { [None; 3] };
    for name in [user].into_iter().chain(actor).chain([target, new_name]).flatten() {
        if !related.contains(&name) {
            related.push(name);
        }
    }
    let values = [
        ("user.name", name),
        ("user.target.id", string(record, &["responseElements", "user", "userId"])),
        ("user.target.name", target),
        ("user.changes.name", new_name),
        ("group.id", string(record, &["responseElements", "group", "groupId"])),
        ("group.name", string(record, &["requestParameters", "groupName"])),
    ];
    for (field, value) in values {
        if let Some(value) = value {
            put(ecs, field, value.into());
        }
    }
    if !related.is_empty() {
        put(ecs, "related.user", related.into());
    }
}

/// `source.ip` only where the address is one: calls by AWS itself carry a host name.
fn put_source(record: &Value, ecs: &mut Map<String, Value>) {
    let Some(address) = string(record, &["sourceIPAddress"]) else { return };
    if address.parse::<std::net::IpAddr>().is_ok() {
        put(ecs, "source.ip", address.into());
        put(ecs, "related.ip", json!([address]));
    }
}

fn put_tls_version(record: &Value, ecs: &mut Map<String, Value>) {
    let version = string(record, &["tlsDetails", "tlsVersion"]);
    if let Some((protocol, number)) = version.and_then(|version| version.split_once('v')) {
        put(ecs, "tls.version_protocol", protocol.to_lowercase().into());
        put(ecs, "tls.version", number.into());
    }
}

fn put_console_login(record: &Value, ecs: &mut Map<String, Value>) {
    if string(record, &["eventName"]) != Some("ConsoleLogin") {
        return;
    }
    let base = "aws.cloudtrail.console_login.additional_eventdata";
    if let Some(target) = get(record, &["additionalEventData", "LoginTo"]) {
        put(ecs, &format!("{base}.login_to"), target.clone());
    }
    for (from, to) in [("MobileVersion", "mobile_version"), ("MFAUsed", "mfa_used")] {
        if let Some(answer) = get(record, &["additionalEventData", from]) {
            put(ecs, &format!("{base}.{to}"), (answer != "No").into());
        }
    }
}

/// `event.kind`, `category`, `type` and `outcome`.
fn put_categories(record: &Value, ecs: &mut Map<String, Value>) {
    let action = string(record, &["eventName"]);
    let has_failed = ["errorCode", "errorMessage"].iter().any(|key| record.get(key).is_some());
    let mut outcome = if has_failed { "failure".to_owned() } else { "success".to_owned() };
    // A console sign-in says itself how it went; no other action is asked.
    if action == Some("ConsoleLogin")
        && let Some(answer) = string(record, &["responseElements", "ConsoleLogin"])
    {
        outcome = answer.to_lowercase();
    }
    put(ecs, "event.kind", json!("event"));
    put(ecs, "event.outcome", outcome.into());
    let known = action.and_then(categories::of);
    put(ecs, "event.type", known.map_or(json!(["info"]), |known| json!(known.types)));
    if let Some(known) = known {
        put(ecs, "event.category", json!([known.category]));
    }
}

/// Removes nulls, empty texts, and what is left empty by that; tells whether `value` itself is empty.
fn drop_empty(value: &mut Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => {
            items.retain_mut(|item| !drop_empty(item));
            items.is_empty()
        }
        Value::Object(object) => {
            object.retain(|_, value| !drop_empty(value));
            object.is_empty()
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn get<'a>(record: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(record, |value, key| value.get(key))
}

fn string<'a>(record: &'a Value, path: &[&str]) -> Option<&'a str> {
    get(record, path).and_then(Value::as_str)
}

/// Sets a dotted field in nested objects.
fn put(object: &mut Map<String, Value>, field: &str, value: Value) {
    match field.split_once('.') {
        None => {
            object.insert(field.to_owned(), value);
        }
        Some((head, rest)) => {
            if !object.contains_key(head) {
                object.insert(head.to_owned(), Value::Object(Map::new()));
            }
            if let Some(Value::Object(below)) = object.get_mut(head) {
                put(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;

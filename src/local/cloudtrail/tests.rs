use serde_json::{Map, Value, json};

use super::document;
use crate::event::Event;

fn mapped(record: Value) -> Event {
    let Value::Object(record) = record else { panic!("an object") };
    Event { source: document(record), ..Event::default() }
}

/// A sign-in by an instance's session, with `changes` in place of its own keys.
fn sign_in(changes: Value) -> Event {
    let mut record = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAMADEUP0000000001:i-0a1b2c3d4e5f60001",
            "arn": "arn:aws:sts::111122223333:assumed-role/web/i-0a1b2c3d4e5f60001",
            "accountId": "111122223333", "accessKeyId": "ASIAMADEUP0000000001",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": "AROAMADEUP0000000001",
                    "arn": "arn:aws:iam::111122223333:role/web", "accountId": "111122223333", "userName": "web"},
                "webIdFederationData": {},
                "attributes": {"creationDate": "2026-11-20T08:00:00Z", "mfaAuthenticated": "false"},
                "ec2RoleDelivery": "2.0"
            }
        },
        "eventTime": "2026-11-20T09:30:00Z", "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin", "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.9",
        "userAgent": "Mozilla/5.0", "requestParameters": null,
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MobileVersion": "No", "MFAUsed": "Yes", "LoginTo": "https://console.example/"},
        "eventID": "made-up-1", "readOnly": false, "eventType": "AwsConsoleSignIn", "managementEvent": true,
        "recipientAccountId": "111122223333", "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_X", "clientProvidedHostHeader": "signin.example"}
    });
    let Value::Object(changes) = changes else { panic!("an object") };
    let Value::Object(own) = &mut record else { panic!("an object") };
    own.extend(changes);
    mapped(record)
}

#[track_caller]
fn has(event: &Event, expected: Value) {
    let Value::Object(expected) = expected else { panic!("an object") };
    for (field, value) in expected {
        let found = event.values(&field);
        let wanted = match value {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            value => vec![value],
        };
        assert_eq!(found, wanted, "{field}");
    }
}

#[test]
fn a_sign_in_has_every_field() {
    let event = sign_in(json!({}));
    has(
        &event,
        json!({
            "@timestamp": "2026-11-20T09:30:00.000Z", "event.ingested": null,
            "event.dataset": "aws.cloudtrail", "event.module": "aws", "data_stream.dataset": "aws.cloudtrail",
            "event.kind": "event", "event.category": "authentication", "event.type": ["info"],
            "event.provider": "signin.amazonaws.com", "event.action": "ConsoleLogin",
            "event.outcome": "success", "event.id": "made-up-1",
            "user.id": "AROAMADEUP0000000001:i-0a1b2c3d4e5f60001", "user.name": "web",
            "related.user": ["i-0a1b2c3d4e5f60001", "AROAMADEUP0000000001:i-0a1b2c3d4e5f60001", "web"],
            "source.address": "203.0.113.9", "source.ip": "203.0.113.9", "related.ip": "203.0.113.9",
            "user_agent.original": "Mozilla/5.0",
            "cloud.provider": "aws", "cloud.account.id": "111122223333", "cloud.region": "us-east-1"
        }),
    );
    has(
        &event,
        json!({
            "aws.cloudtrail.event_version": "1.08", "aws.cloudtrail.event_type": "AwsConsoleSignIn",
            "aws.cloudtrail.event_category": "Management", "aws.cloudtrail.read_only": false,
            "aws.cloudtrail.management_event": true, "aws.cloudtrail.recipient_account_id": "111122223333",
            "aws.cloudtrail.user_identity.type": "AssumedRole",
            "aws.cloudtrail.user_identity.arn": "arn:aws:sts::111122223333:assumed-role/web/i-0a1b2c3d4e5f60001",
            "aws.cloudtrail.user_identity.access_key_id": "ASIAMADEUP0000000001",
            "aws.cloudtrail.user_identity.session_context.creation_date": "2026-11-20T08:00:00.000Z",
            "aws.cloudtrail.user_identity.session_context.mfa_authenticated": "false",
            "aws.cloudtrail.user_identity.session_context.ec2_role_delivery": "2.0",
            "aws.cloudtrail.user_identity.session_context.session_issuer.arn": "arn:aws:iam::111122223333:role/web",
            "aws.cloudtrail.console_login.additional_eventdata.mfa_used": true,
            "aws.cloudtrail.console_login.additional_eventdata.mobile_version": false,
            "aws.cloudtrail.console_login.additional_eventdata.login_to": "https://console.example/",
            "aws.cloudtrail.response_elements": "{ConsoleLogin=Success}",
            "aws.cloudtrail.flattened.response_elements.ConsoleLogin": "Success",
            "aws.cloudtrail.request_parameters": null,
            "tls.version": "1.3", "tls.version_protocol": "tls", "tls.cipher": "TLS_X",
            "tls.client.server_name": "signin.example"
        }),
    );
}

#[test]
fn the_outcome_follows_the_error_and_for_console_logins_the_answer() {
    let outcome = |changes: Value| sign_in(changes).text("event.outcome").unwrap();
    let failure = json!({"ConsoleLogin": "Failure"});
    assert_eq!(outcome(json!({"responseElements": failure})), "failure");
    assert_eq!(outcome(json!({"errorMessage": "Failed authentication"})), "success");
    assert_eq!(outcome(json!({"responseElements": null})), "success");
    assert_eq!(outcome(json!({"responseElements": null, "errorMessage": "no"})), "failure");
    assert_eq!(outcome(json!({"eventName": "GetSigninToken", "responseElements": failure})), "success");
    assert_eq!(outcome(json!({"eventName": "GetSigninToken", "errorCode": "AccessDenied"})), "failure");
    assert_eq!(outcome(json!({"errorMessage": "", "errorCode": null})), "success");
}

#[test]
fn actions_are_classified_and_the_others_are_info() {
    has(
        &sign_in(json!({"eventName": "GetSigninToken"})),
        json!({"event.type": ["info"], "event.category": null, "aws.cloudtrail.console_login.additional_eventdata.mfa_used": null}),
    );
    has(
        &sign_in(json!({"eventName": "CreateUser"})),
        json!({"event.type": ["user", "creation"], "event.category": "iam"}),
    );
}

#[test]
fn users_are_named_by_who_they_are() {
    let user = json!({"type": "IAMUser", "principalId": "AIDAMADEUP", "userName": "ann", "accountId": "1"});
    has(
        &sign_in(
            json!({"userIdentity": user, "requestParameters": {"userName": "bob", "newUserName": "rob"}}),
        ),
        json!({"user.name": "ann", "user.id": "AIDAMADEUP", "user.target.name": "bob", "user.changes.name": "rob",
            "related.user": ["ann", "bob", "rob"], "cloud.account.id": "1"}),
    );
    let service = json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"});
    has(
        &sign_in(json!({"userIdentity": service, "sourceIPAddress": "ec2.amazonaws.com"})),
        json!({"user.id": null, "user.name": null, "related.user": null, "source.ip": null,
            "source.address": "ec2.amazonaws.com", "cloud.account.id": "111122223333",
            "aws.cloudtrail.user_identity.invoked_by": "ec2.amazonaws.com"}),
    );
}

#[test]
fn parameters_are_printed_and_kept_unless_they_are_long() {
    let short = sign_in(json!({"requestParameters": {"roleArn": "r", "empty": "", "none": [null], "n": 3}}));
    has(
        &short,
        json!({"aws.cloudtrail.request_parameters": "{roleArn=r, n=3}",
            "aws.cloudtrail.flattened.request_parameters.roleArn": "r",
            "aws.cloudtrail.flattened.request_parameters.empty": null}),
    );
    // `{x=` and `}` are four characters.
    for (length, is_kept) in [(32_761, true), (32_762, false)] {
        let long = sign_in(json!({"requestParameters": {"x": "y".repeat(length)}}));
        assert_eq!(long.first("aws.cloudtrail.flattened.request_parameters.x").is_some(), is_kept);
        assert!(long.first("aws.cloudtrail.request_parameters").is_some());
    }
}

#[test]
fn resources_are_renamed_and_listed_once() {
    let role = json!({"ARN": "a", "accountId": "1", "type": "T"});
    let event = sign_in(json!({"resources": [role, role, {"ARN": "b"}, "odd"]}));
    has(
        &event,
        json!({"aws.cloudtrail.resources.arn": ["a", "b"], "aws.cloudtrail.resources.account_id": "1"}),
    );
}

#[test]
fn a_time_that_is_none_is_told() {
    let event = sign_in(json!({"eventTime": "yesterday"}));
    assert_eq!(event.first("@timestamp"), None);
    assert!(event.text("error.message").unwrap().contains("yesterday"));
    for (given, read) in [
        ("2026-11-20T09:30:00.25Z", "2026-11-20T09:30:00.250Z"),
        ("2026-11-20T09:30:00", "2026-11-20T09:30:00.000Z"),
        ("2026-11-20T09:30:00+02:00", "2026-11-20T07:30:00.000Z"),
    ] {
        has(&sign_in(json!({"eventTime": given})), json!({"@timestamp": read}));
    }
}

#[test]
fn odd_records_are_mapped_as_far_as_they_go() {
    assert_eq!(document(Map::new()).get("@timestamp"), None);
    for odd in [
        json!({"userIdentity": "x", "requestParameters": "text", "resources": {}, "tlsDetails": [], "eventName": 7}),
        json!({"userIdentity": null, "responseElements": [1], "sourceIPAddress": 5, "eventTime": 1}),
    ] {
        has(&mapped(odd), json!({"event.kind": "event", "event.dataset": "aws.cloudtrail"}));
    }
}

//! `stakeout setup` on a real node and a Kibana that answers as its documentation says.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use stakeout::kibana::SavedObjects;
use support::Cluster;
use support::program::stakeout;

/// A Kibana that takes as many requests as it has answers, one after the other.
struct Kibana {
    url: String,
    requests: JoinHandle<Vec<(String, String)>>,
}

impl Kibana {
    fn answering(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/base/s/team", listener.local_addr().expect("its address"));
        let requests = std::thread::spawn(move || {
            let answer = |(status, body): (u16, Value)| {
                let (mut stream, _) = listener.accept().expect("a request");
                let request = read(&stream);
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nlocation: http://u:p@there/\r\n"
                );
                let rest = format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(format!("{head}{rest}").as_bytes()).expect("a reader");
                request
            };
            answers.into_iter().map(answer).collect()
        });
        Self { url, requests }
    }
}

/// The head and the body of a request.
fn read(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("a line"), 0, "a whole request: {head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    reader.read_exact(&mut body).expect("a whole body");
    (head, String::from_utf8(body).expect("UTF-8"))
}

/// What Kibana says of the space before anything is written to it.
fn space() -> (u16, Value) {
    (200, json!({"id": "team", "name": "Team"}))
}

fn objects(alerts: &str) -> SavedObjects {
    SavedObjects::new(&"team".parse().expect("a space"), alerts)
}

fn taken(alerts: &str) -> Vec<Value> {
    let objects = objects(alerts);
    objects.objects().iter().map(|object| json!({"type": object.kind.type_name(), "id": object.id})).collect()
}

fn setup(node: &Cluster, kibana: &Kibana) -> support::program::Ended {
    let (url, alerts) = (node.url().to_owned(), node.name("alerts"));
    stakeout(&["setup", "--elasticsearch-url", &url, "--alerts-index", &alerts, "--kibana-url", &kibana.url])
}

#[test]
fn kibana_is_signed_in_to_by_its_own_address_or_else_as_elasticsearch_is() {
    let Some(node) = Cluster::connect() else { return };
    let (url, alerts) = (node.url().to_owned(), node.name("alerts"));
    let with_user = url.replace("://", "://es:pw@");
    for (user, elasticsearch, key, expected) in [
        ("kib:own@", &url, &["--api-key", "id:key"][..], "Basic a2liOm93bg=="),
        ("kib:own@", &with_user, &[], "Basic a2liOm93bg=="),
        ("", &url, &["--api-key", "id:key"], "ApiKey aWQ6a2V5"),
        ("", &with_user, &[], "Basic ZXM6cHc="),
    ] {
        let answer = json!({"success": true, "successResults": taken(&alerts)});
        let kibana = Kibana::answering(vec![space(), (200, answer)]);
        let at = kibana.url.replace("://", &format!("://{user}"));
        let places = ["--elasticsearch-url", elasticsearch, "--alerts-index", &alerts, "--kibana-url", &at];
        let ended = stakeout(&[&["setup"], &places[..], key].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for (head, _) in kibana.requests.join().expect("the requests") {
            assert!(head.contains(&format!("authorization: {expected}\r\n")), "{expected}: {head}");
        }
    }
}

#[test]
fn makes_template_index_alias_and_saved_objects_and_again_harmlessly() {
    let Some(node) = Cluster::connect() else { return };
    let alerts = node.name("alerts");
    for _ in 0..2 {
        let answer = json!({"success": true, "successCount": 3, "successResults": taken(&alerts)});
        let kibana = Kibana::answering(vec![space(), (200, answer)]);
        let ended = setup(&node, &kibana);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let dashboard = format!("/base/s/team/app/dashboards#/view/stakeout.team.{alerts}.dashboard");
        assert!(ended.stdout.contains(&dashboard), "{ended:?}");
        let requests = kibana.requests.join().expect("the requests");
        let (head, body) = &requests[1];
        assert!(requests[0].0.starts_with("GET /base/api/spaces/space/team "), "{requests:?}");
        assert!(head.starts_with("POST /base/s/team/api/saved_objects/_import?overwrite=true "), "{head}");
        assert!(head.contains("kbn-xsrf: true") && head.contains("multipart/form-data; boundary="), "{head}");
        assert!(body.contains(r#"name="file"; filename="stakeout.ndjson""#), "{body}");
        assert!(body.contains(&objects(&alerts).ndjson()), "{body}");
    }
    let template = node.get(&format!("/_index_template/{alerts}"));
    assert_eq!(
        template["index_templates"][0]["index_template"]["index_patterns"],
        json!([format!("{alerts}-0*")])
    );
    let mapping = node.get(&format!("/{alerts}/_mapping"));
    let mapping = &mapping[format!("{alerts}-000001")]["mappings"];
    assert_eq!(mapping["dynamic"], "false");
    let alert = &mapping["properties"]["kibana"]["properties"]["alert"]["properties"];
    assert_eq!(alert["rule"]["properties"]["parameters"]["type"], "flattened");
    let alias = node.get(&format!("/_alias/{alerts}"));
    assert_eq!(alias[format!("{alerts}-000001")]["aliases"][&alerts]["is_write_index"], true);
}

#[test]
fn the_template_of_an_earlier_version_is_renewed_for_the_next_index() {
    let Some(node) = Cluster::connect() else { return };
    let alerts = node.name("alerts");
    let again = || stakeout(&["setup", "--elasticsearch-url", node.url(), "--alerts-index", &alerts]);
    let first = again();
    assert!(first.code == Some(0) && !first.stderr.contains("_rollover"), "{first:?}");
    let template = format!("/_index_template/{alerts}");
    // Without the times of its making and its last change, which 9.2 tells.
    let kept = || {
        let kept = node.get(&template)["index_templates"][0]["index_template"].clone();
        ["index_patterns", "template", "priority", "version"].map(|part| kept[part].clone())
    };
    let current = kept();
    node.put(&template, &json!({"index_patterns": [format!("{alerts}-0*")], "priority": 500, "version": 1}));
    let second = again();
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(second.stderr.contains(&format!("`POST /{alerts}/_rollover`")), "{second:?}");
    assert_eq!(kept(), current);
    let third = again();
    assert!(third.code == Some(0) && !third.stderr.contains("_rollover"), "{third:?}");
    assert_eq!(kept(), current);
}

#[test]
fn a_kibana_that_does_not_take_everything_is_a_failure_in_words() {
    let Some(node) = Cluster::connect() else { return };
    let alerts = node.name("alerts");
    let results = taken(&alerts);
    let refused = |error: Value| {
        let id = format!("stakeout.team.{alerts}.dashboard");
        json!({"success": false, "successCount": 2, "successResults": results[..2],
            "errors": [{"type": "dashboard", "id": id, "error": error}]})
    };
    for (status, answer, words) in [
        (200, refused(json!({"type": "conflict"})), "another object has its id"),
        (200, refused(json!({"type": "unknown", "message": "bad\u{1b}[31m"})), "bad"),
        (200, json!({"success": true, "successResults": results[..2]}), "not among what was taken"),
        (200, json!({"success": false, "successResults": results}), "no reason given"),
        (200, json!("<html>"), "did not take everything"),
        (302, json!(null), "points elsewhere, to `http://there/`"),
        (401, json!({"message": "[security_exception]"}), "401"),
        (403, json!({"message": "Unable to bulk_create index-pattern\u{1b}[31m"}), "bulk_create"),
        (422, json!({"message": "belongs to a more recent version of Kibana"}), "more recent version"),
    ] {
        let kibana = Kibana::answering(vec![space(), (status, answer)]);
        let ended = setup(&node, &kibana);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains('\u{1b}'), "{words}: {ended:?}");
    }
}

#[test]
fn nothing_is_written_into_a_space_that_is_not_there() {
    let Some(node) = Cluster::connect() else { return };
    let kibana = Kibana::answering(vec![(404, json!({"message": "Not Found"}))]);
    let ended = setup(&node, &kibana);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("does not show the space `team`"), "{ended:?}");
    assert_eq!(kibana.requests.join().expect("the request").len(), 1);
}

#[test]
fn an_object_whose_id_another_space_has_is_shown_where_kibana_put_it() {
    let Some(node) = Cluster::connect() else { return };
    let mut results = taken(&node.name("alerts"));
    results[2]["destinationId"] = json!("0a1b");
    let kibana = Kibana::answering(vec![space(), (200, json!({"success": true, "successResults": results}))]);
    let ended = setup(&node, &kibana);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("/app/dashboards#/view/0a1b"), "{ended:?}");
}

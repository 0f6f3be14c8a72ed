//! `stakeout setup` on a real node and a Kibana that answers as its documentation says.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use support::Cluster;
use support::program::stakeout;

/// A Kibana that takes one request and gives one answer.
struct Kibana {
    url: String,
    request: JoinHandle<(String, String)>,
}

impl Kibana {
    fn answering(status: u16, body: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/base/s/team", listener.local_addr().expect("its address"));
        let answer = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        let request = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut head).expect("a line"), 0, "a whole request: {head}");
            }
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            let mut body = vec![0; length.parse().expect("a number")];
            reader.read_exact(&mut body).expect("a whole body");
            stream.write_all(answer.as_bytes()).expect("a reader");
            (head, String::from_utf8(body).expect("UTF-8"))
        });
        Self { url, request }
    }
}

fn setup(node: &Cluster, kibana: &Kibana) -> support::program::Ended {
    let (url, alerts) = (node.url().to_owned(), node.name("alerts"));
    stakeout(&["setup", "--elasticsearch-url", &url, "--alerts-index", &alerts, "--kibana-url", &kibana.url])
}

#[test]
fn makes_template_index_alias_and_data_view_and_again_harmlessly() {
    let Some(node) = Cluster::connect() else { return };
    let alerts = node.name("alerts");
    for _ in 0..2 {
        let kibana = Kibana::answering(
            200,
            &json!({"success": true, "successCount": 1,
            "successResults": [{"type": "index-pattern", "id": alerts}]}),
        );
        let ended = setup(&node, &kibana);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let (head, body) = kibana.request.join().expect("a request");
        assert!(head.starts_with("POST /base/s/team/api/saved_objects/_import?overwrite=true "), "{head}");
        assert!(head.contains("kbn-xsrf: true") && head.contains("multipart/form-data; boundary="), "{head}");
        assert!(body.contains(r#"name="file"; filename="stakeout.ndjson""#), "{body}");
        let object = body.lines().find(|line| line.starts_with('{')).expect("a saved object");
        let object: Value = serde_json::from_str(object).expect("JSON");
        assert_eq!(
            (&object["type"], &object["attributes"]["title"]),
            (&json!("index-pattern"), &json!(alerts))
        );
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
fn a_kibana_that_does_not_take_it_is_a_failure_in_words() {
    let Some(node) = Cluster::connect() else { return };
    for (status, answer, words) in [
        (
            200,
            json!({"success": false, "errors": [{"type": "index-pattern", "error": {"type": "conflict"}}]}),
            "conflict",
        ),
        (422, json!({"message": "belongs to a more recent version of Kibana"}), "more recent version"),
        (403, json!({"message": "Unable to bulk_create index-pattern\u{1b}[31m"}), "bulk_create"),
    ] {
        let kibana = Kibana::answering(status, &answer);
        let ended = setup(&node, &kibana);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains('\u{1b}'), "{ended:?}");
    }
}

//! A stand-in for Kibana's cases: it keeps them as Kibana does, refuses what Kibana refuses, and fails when told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with this status, and nothing is done.
    Status(u16),
    /// It is done, and the answer is lost.
    Lost,
    /// The answer is a page of somebody else's.
    Html,
    /// It is not answered for so long.
    Slow(Duration),
    /// It is done only when late requests are let go.
    Late(Told),
}

/// What whoever asked is told before a late request is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// The connection ends.
    End,
    /// A proxy before Kibana gives up, with this status.
    Proxy(u16),
}

/// A fault, whom it strikes, and how often.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub method: &'static str,
    /// A part of the path.
    pub path: &'static str,
    pub fault: Fault,
    pub times: usize,
}

/// What the stand-in keeps.
#[derive(Debug, Default)]
pub struct State {
    pub cases: Vec<Value>,
    pub comments: BTreeMap<String, Vec<String>>,
    pub troubles: Vec<Trouble>,
    /// First lines of requests.
    pub seen: Vec<String>,
    late: Vec<Late>,
}

/// A request that is still to be done.
#[derive(Debug)]
struct Late {
    method: String,
    target: String,
    body: String,
    /// Keeps the connection open for whoever is told nothing.
    _stream: Option<TcpStream>,
}

/// A Kibana with one space, `team`, below `/base`.
pub struct Kibana {
    pub url: String,
    state: Arc<Mutex<State>>,
}

/// User and password are in the address.
const SIGNED_IN: &str = "authorization: basic dtpwqhnz";

impl Kibana {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream.expect("a request"), &shared));
            }
        });
        Self { url: format!("http://u:p%40ss@127.0.0.1:{port}/base/s/team"), state }
    }

    /// Looks at what it keeps, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().expect("whole"))
    }

    pub fn trouble(&self, method: &'static str, path: &'static str, fault: Fault, times: usize) {
        self.with(|state| state.troubles.push(Trouble { method, path, fault, times }));
    }

    /// Does what is late.
    pub fn let_go(&self) {
        self.with(|state| {
            for Late { method, target, body, .. } in std::mem::take(&mut state.late) {
                answer(&method, &target, &body, state);
            }
        });
    }

    /// All texts of the case that bears the tag of `group`: its description and its comments.
    pub fn texts(&self, group: &str) -> Vec<String> {
        let tag = json!(format!("stakeout-group-{group}"));
        self.with(|state| {
            let cases: Vec<&Value> = state
                .cases
                .iter()
                .filter(|case| case["tags"].as_array().expect("tags").contains(&tag))
                .collect();
            assert_eq!(cases.len(), 1, "one case of the group: {cases:?}");
            let comments = state.comments.get(cases[0]["id"].as_str().expect("an id")).cloned();
            let description = cases[0]["description"].as_str().expect("a description").to_owned();
            std::iter::once(description).chain(comments.unwrap_or_default()).collect()
        })
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some((head, body)) = read(&stream) else { return };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let fault = {
        let mut state = state.lock().expect("whole");
        state.seen.push(line.clone());
        let strikes = |trouble: &&mut Trouble| {
            trouble.times > 0 && trouble.method == method && target.contains(trouble.path)
        };
        state.troubles.iter_mut().find(strikes).map(|trouble| {
            trouble.times -= 1;
            trouble.fault
        })
    };
    let head = head.to_lowercase();
    let act = || {
        if !head.contains(SIGNED_IN) {
            return (401, json!({"message": "who are you"}));
        }
        if method == "POST" && !head.contains("kbn-xsrf: true") {
            return (400, json!({"message": "Request must contain a kbn-xsrf header."}));
        }
        answer(method, target, &body, &mut state.lock().expect("whole"))
    };
    let (status, body) = match fault {
        Some(Fault::Status(status)) => {
            (status, json!({"statusCode": status, "error": "X", "message": "not now"}).to_string())
        }
        Some(Fault::Html) => (200, "<html>a proxy</html>".to_owned()),
        Some(Fault::Lost) => {
            act();
            return;
        }
        Some(Fault::Late(told)) => {
            let open = (told == Told::Nothing).then(|| stream.try_clone().expect("the connection"));
            let (method, target) = (method.to_owned(), target.to_owned());
            let late = Late { method, target, body, _stream: open };
            state.lock().expect("whole").late.push(late);
            let Told::Proxy(status) = told else { return };
            (status, "<html>a proxy</html>".to_owned())
        }
        Some(Fault::Slow(time)) => {
            let (status, body) = act();
            #[allow(clippy::disallowed_methods, reason = "a slow answer is what is wanted")]
            std::thread::sleep(time);
            (status, body.to_string())
        }
        None => {
            let (status, body) = act();
            (status, body.to_string())
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n");
    // Who asked may be gone.
    let _ = stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
}

/// The head and the body of a request; none where it ends before.
fn read(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(Some(0), |length| length.parse().ok())?];
    reader.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

fn answer(method: &str, target: &str, body: &str, state: &mut State) -> (u16, Value) {
    if target == "/base/api/spaces/space/team" {
        return (200, json!({"id": "team"}));
    }
    if (method, target) == ("POST", "/base/s/team/api/saved_objects/_import?overwrite=true") {
        let objects = body.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let taken: Vec<Value> =
            objects.map(|object| json!({"type": object["type"], "id": object["id"]})).collect();
        return (200, json!({"success": true, "successCount": taken.len(), "successResults": taken}));
    }
    let Some(path) = target.strip_prefix("/base/s/team/api/cases") else {
        return (404, json!({"message": "Not Found"}));
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    let sent = || -> Value { serde_json::from_str(body).unwrap_or_default() };
    match (method, parts.as_slice()) {
        ("POST", []) => create(&sent(), state),
        ("GET", ["_find"]) => {
            let tag = json!(parameter("tags").unwrap_or_default());
            let has_tag = |case: &&Value| case["tags"].as_array().is_some_and(|tags| tags.contains(&tag));
            let cases: Vec<&Value> = state.cases.iter().filter(has_tag).collect();
            (200, json!({"cases": cases, "page": 1, "per_page": 20, "total": cases.len()}))
        }
        ("GET", [id]) => match state.cases.iter().find(|case| case["id"] == *id) {
            Some(case) => (200, case.clone()),
            None => (404, json!({"message": "Saved object [cases/x] not found"})),
        },
        ("POST", [id, "comments"]) => comment(id, &sent(), state),
        ("GET", [id, "comments", "_find"]) => {
            let page: usize = parameter("page").and_then(|page| page.parse().ok()).unwrap_or(1);
            let size: usize = parameter("perPage").and_then(|size| size.parse().ok()).unwrap_or(20);
            let all = state.comments.get(*id).cloned().unwrap_or_default();
            let some: Vec<Value> = all
                .iter()
                .skip((page - 1) * size)
                .take(size)
                .map(|text| json!({"type": "user", "comment": text}))
                .collect();
            (200, json!({"comments": some, "page": page, "per_page": size, "total": all.len()}))
        }
        _ => (404, json!({"message": "Not Found"})),
    }
}

/// The length that Kibana checks.
fn length(text: &Value) -> usize {
    text.as_str().map_or(0, |text| text.trim().encode_utf16().count())
}

fn create(sent: &Value, state: &mut State) -> (u16, Value) {
    let wanted = ["title", "description", "tags", "severity", "owner", "settings", "connector"];
    let sent_keys = sent.as_object().map(|object| object.keys().map(String::as_str).collect::<Vec<_>>());
    let odd = sent_keys.is_none_or(|keys| keys.iter().any(|key| !wanted.contains(key)))
        || wanted.iter().any(|key| sent[*key].is_null());
    let tags = sent["tags"].as_array().cloned().unwrap_or_default();
    if odd
        || !(1..=160).contains(&length(&sent["title"]))
        || !(1..=30_000).contains(&length(&sent["description"]))
        || tags.len() > 200
        || tags.iter().any(|tag| !(1..=256).contains(&length(tag)))
        || !["low", "medium", "high", "critical"].contains(&sent["severity"].as_str().unwrap_or_default())
        || sent["owner"] != "securitySolution"
    {
        return (400, json!({"message": format!("not a case: {sent}")}));
    }
    let mut case = sent.clone();
    case["id"] = json!(format!("case-{}", state.cases.len()));
    state.cases.push(case.clone());
    (200, case)
}

fn comment(id: &str, sent: &Value, state: &mut State) -> (u16, Value) {
    if !state.cases.iter().any(|case| case["id"] == id) {
        return (404, json!({"message": "no such case"}));
    }
    if sent["type"] != "user"
        || sent["owner"] != "securitySolution"
        || !(1..=30_000).contains(&length(&sent["comment"]))
    {
        return (400, json!({"message": "not a comment"}));
    }
    let text = sent["comment"].as_str().expect("a text").to_owned();
    state.comments.entry(id.to_owned()).or_default().push(text);
    (200, json!({"id": id}))
}

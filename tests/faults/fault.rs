//! What may go wrong with one request on its way, and what kinds of requests there are.

use serde_json::{Value, json};

use super::http::{Answer, Request};

/// A request by what the daemon wants with it, and by what another tool in its place does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Greeting,
    Clock,
    AlertsIndex,
    StateIndex,
    ExpensiveQueries,
    Resolve,
    FieldTypes,
    LoadCheckpoint,
    SaveCheckpoint,
    /// Whether anything happened, for many rules at once.
    Probe,
    OpenPit,
    ClosePit,
    Page,
    KnownAlerts,
    Bulk,
    /// A page as tools read it that scroll.
    Scroll,
    Other,
}

/// Every kind that a window with an alert makes.
pub const KINDS: [Kind; 13] = [
    Kind::Greeting,
    Kind::Clock,
    Kind::AlertsIndex,
    Kind::Resolve,
    Kind::FieldTypes,
    Kind::LoadCheckpoint,
    Kind::SaveCheckpoint,
    Kind::Probe,
    Kind::OpenPit,
    Kind::ClosePit,
    Kind::Page,
    Kind::KnownAlerts,
    Kind::Bulk,
];

impl Kind {
    pub fn of(request: &Request) -> Self {
        let path = request.target.split('?').next().unwrap_or_default();
        let has = |part: &str| path.contains(part);
        match request.method.as_str() {
            _ if path == "/" => Self::Greeting,
            _ if has("/_nodes/") => Self::Clock,
            _ if has("/_alias/") => Self::AlertsIndex,
            _ if has("/_cluster/settings") => Self::ExpensiveQueries,
            "HEAD" if path.ends_with("-state") => Self::StateIndex,
            _ if has("/_resolve/") => Self::Resolve,
            _ if has("/_field_caps") => Self::FieldTypes,
            "GET" if has("/_doc/") => Self::LoadCheckpoint,
            "PUT" if has("/_doc/") => Self::SaveCheckpoint,
            _ if has("-state/_mget") => Self::LoadCheckpoint,
            _ if has("-state/_bulk") => Self::SaveCheckpoint,
            _ if has("/_msearch") => Self::Probe,
            "DELETE" if has("/_pit") => Self::ClosePit,
            _ if has("/_pit") => Self::OpenPit,
            "POST" if request.target.contains("scroll") => Self::Scroll,
            _ if has("/_search/scroll") => Self::Other,
            _ if path == "/_search" => Self::Page,
            _ if has("/_search") => Self::KnownAlerts,
            _ if has("/_bulk") => Self::Bulk,
            _ => Self::Other,
        }
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection ends before anybody executed it.
    Reset,
    /// It is executed; the connection ends in the middle of the answer's body.
    ResetInBody,
    /// It is executed; the connection ends without an answer.
    LostAnswer,
    /// It is executed; nothing comes back until the other side gives up.
    Silence,
    /// A proxy on the way answers with this status and a page for people.
    Status(u16),
    /// The cluster is busy, and says for how many seconds.
    Busy(Option<u32>),
    /// It is executed; half of the JSON comes back as if it were all.
    Truncated,
    /// A page for people, with status 200.
    Html,
    /// A search that found nothing before its own time was over, with status 200.
    TimedOut,
    /// A search in which every shard failed, with status 200.
    FailedShards,
    /// Of every four items of a bulk request one is executed, and the others get 429, 503 and 400.
    MixedItems,
    /// It waits for [`super::proxy::Proxy::release`] before anybody executes it.
    HeldBefore,
    /// It is executed, and the answer waits for [`super::proxy::Proxy::release`].
    HeldAfter,
}

/// Every fault that any request can have.
pub const ANYWHERE: [Fault; 11] = [
    Fault::Reset,
    Fault::ResetInBody,
    Fault::LostAnswer,
    Fault::Silence,
    Fault::Status(502),
    Fault::Status(503),
    Fault::Status(504),
    Fault::Busy(None),
    Fault::Busy(Some(1)),
    Fault::Truncated,
    Fault::Html,
];

impl Fault {
    /// Whether such a request can have it.
    pub fn fits(self, kind: Kind) -> bool {
        match self {
            Self::TimedOut | Self::FailedShards => {
                matches!(kind, Kind::Page | Kind::Probe | Kind::KnownAlerts | Kind::Scroll)
            }
            Self::MixedItems => kind == Kind::Bulk,
            _ => true,
        }
    }
}

/// What a search finds that lies: nothing, and it says why.
pub fn lie(fault: Fault, answer: &mut Answer) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return };
    match body["responses"].as_array_mut() {
        Some(searches) => searches.iter_mut().for_each(|search| lie_of_one(fault, search)),
        None => lie_of_one(fault, &mut body),
    }
    answer.body = body.to_string().into_bytes();
}

fn lie_of_one(fault: Fault, search: &mut Value) {
    if fault == Fault::TimedOut {
        search["timed_out"] = json!(true);
    } else {
        search["_shards"]["failed"] = json!(1);
        search["_shards"]["failures"] = json!([{"shard": 0, "index": "logs", "node": "n",
            "reason": {"type": "query_shard_exception", "reason": "failed to create query"}}]);
    }
    search["hits"]["hits"] = json!([]);
    if let Some(total) = search.pointer_mut("/hits/total/value") {
        *total = json!(0);
    }
}

/// Executes a part of the items and refuses the others in three ways; `turn` moves which.
pub fn mix_items(
    request: &Request,
    turn: usize,
    send: impl FnOnce(&Request) -> Option<Answer>,
) -> Option<Answer> {
    let text = std::str::from_utf8(&request.body).expect("a bulk request is text");
    let lines: Vec<&str> = text.lines().collect();
    let items: Vec<&[&str]> = lines.chunks(2).collect();
    let is_taken = |at: usize| (at + turn).is_multiple_of(4);
    let taken: Vec<&str> =
        (0..items.len()).filter(|at| is_taken(*at)).flat_map(|at| items[at].iter().copied()).collect();
    let mut done = Vec::new();
    if !taken.is_empty() {
        let part = Request { body: format!("{}\n", taken.join("\n")).into_bytes(), ..request.clone() };
        let answer: Value = serde_json::from_slice(&send(&part)?.body).ok()?;
        done.clone_from(answer["items"].as_array()?);
    }
    let mut done = done.into_iter();
    let outcomes: Vec<Value> =
        (0..items.len())
            .map(|at| {
                if is_taken(at) { done.next().unwrap_or_default() } else { refusal(items[at][0], at + turn) }
            })
            .collect();
    Some(Answer::new(200, "application/json", json!({ "items": outcomes }).to_string()))
}

fn refusal(action: &str, turn: usize) -> Value {
    let action: Value = serde_json::from_str(action).expect("an action is JSON");
    let (status, kind) = match turn % 4 {
        1 => (429, "es_rejected_execution_exception"),
        2 => (503, "unavailable_shards_exception"),
        _ => (400, "document_parsing_exception"),
    };
    let error = json!({"type": kind, "reason": "made up by the test"});
    json!({"create": {"_id": action["create"]["_id"], "status": status, "error": error}})
}

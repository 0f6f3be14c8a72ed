//! A proxy between the daemon and its node that fails as networks, proxies and busy clusters do, on demand or at random.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use super::dice::Dice;
use super::fault::{ANYWHERE, Fault, Kind, lie, mix_items};
use super::http::{Answer, Request};
use crate::support::{eventually, until};

/// How long a test waits for a request to come by.
const LIMIT: Duration = Duration::from_mins(2);

/// Listens on a port of its own and passes on what comes; ended when dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    state: Mutex<State>,
    changed: Condvar,
    listens: AtomicBool,
}

#[derive(Default)]
struct State {
    ended: bool,
    refuses: bool,
    orders: Vec<Order>,
    storm: Option<(Dice, usize)>,
    /// Faults that struck, by what they are.
    struck: BTreeMap<Fault, usize>,
    /// Requests that came, by kind.
    seen: BTreeMap<Kind, usize>,
    held: Vec<Request>,
    /// How often what is held was let go, and whether the last time for good.
    let_go: u64,
    abandoned: bool,
    clock_shift: i64,
}

/// A fault that waits for its request.
struct Order {
    kind: Kind,
    fault: Fault,
    times: usize,
}

impl Proxy {
    /// Starts in front of the node at `url`.
    pub fn start(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::default(),
            changed: Condvar::new(),
            listens: AtomicBool::new(true),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the proxy");
        let address = listener.local_addr().expect("its address");
        let serving = shared.clone();
        std::thread::spawn(move || serving.listen(listener, address));
        Self { address, shared }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` requests of `kind` meet `fault`.
    pub fn order(&self, kind: Kind, fault: Fault, times: usize) {
        assert!(fault.fits(kind), "{fault:?} does not fit {kind:?}");
        self.shared.state().orders.push(Order { kind, fault, times });
    }

    /// The faults ordered that have not struck yet.
    pub fn ahead(&self) -> Vec<(Kind, Fault)> {
        self.shared.state().orders.iter().map(|order| (order.kind, order.fault)).collect()
    }

    /// From now on so many of a thousand requests meet a fault at random.
    pub fn storm(&self, dice: Dice, of_thousand: usize) {
        self.shared.state().storm = Some((dice, of_thousand));
    }

    /// Ends every fault; what is held goes on.
    pub fn calm(&self) {
        let mut state = self.shared.state();
        state.orders.clear();
        state.storm = None;
        drop(state);
        self.refuse(false);
        self.release();
    }

    /// Whether connections are refused; returns when it is so.
    pub fn refuse(&self, refuses: bool) {
        self.shared.state().refuses = refuses;
        until(LIMIT, "the proxy to listen or not", || self.shared.listens.load(Ordering::SeqCst) != refuses);
    }

    /// Waits until a request is held and returns it.
    pub fn held(&self) -> Request {
        eventually(LIMIT, "a request to be held", || self.shared.state().held.first().cloned())
    }

    /// Lets every request that is held go on.
    pub fn release(&self) {
        self.shared.let_go(false);
    }

    /// Drops every request that is held: what was not executed never is.
    pub fn abandon(&self) {
        self.shared.let_go(true);
    }

    /// From now on the cluster's clock seems to be ahead by so much.
    pub fn shift_clock(&self, by: TimeDelta) {
        self.shared.state().clock_shift = by.num_milliseconds();
    }

    /// How many requests of a kind came by so far.
    pub fn seen(&self, kind: Kind) -> usize {
        self.shared.state().seen.get(&kind).copied().unwrap_or_default()
    }

    /// How many requests of each kind came by so far.
    pub fn seen_by_kind(&self) -> BTreeMap<Kind, usize> {
        self.shared.state().seen.clone()
    }

    /// How many requests came by so far.
    pub fn seen_all(&self) -> usize {
        self.shared.state().seen.values().sum()
    }

    /// How many faults struck, by what they are.
    pub fn struck(&self) -> BTreeMap<Fault, usize> {
        self.shared.state().struck.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.release();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections until the end; none while they are to be refused.
    fn listen(self: Arc<Self>, first: TcpListener, address: SocketAddr) {
        let mut listener = Some(first);
        while !self.state().ended {
            let refuses = self.state().refuses;
            if refuses {
                listener = None;
            } else if listener.is_none() {
                listener = TcpListener::bind(address).ok();
            }
            self.listens.store(listener.is_some(), Ordering::SeqCst);
            if let Some(stream) = listener.as_ref().and_then(accepted) {
                let serving = self.clone();
                std::thread::spawn(move || serving.serve(&stream));
            } else {
                pause();
            }
        }
    }

    fn serve(&self, stream: &TcpStream) {
        let Some(request) = Request::read(stream) else { return };
        let kind = Kind::of(&request);
        let Some(fault) = self.strike(kind) else {
            if let Some(answer) = self.pass(&request) {
                answer.write(stream, usize::MAX);
            }
            return;
        };
        self.fail(fault, &request, stream);
    }

    /// The fault that this request meets, if any.
    fn strike(&self, kind: Kind) -> Option<Fault> {
        let mut state = self.state();
        *state.seen.entry(kind).or_default() += 1;
        let fault = state.ordered(kind).or_else(|| state.thrown(kind))?;
        *state.struck.entry(fault).or_default() += 1;
        Some(fault)
    }

    fn fail(&self, fault: Fault, request: &Request, stream: &TcpStream) {
        let html = "<html><body><h1>Sorry</h1></body></html>";
        let own = match fault {
            Fault::Reset => return,
            Fault::Status(status) => Some(Answer::new(status, "text/html", html)),
            Fault::Html => Some(Answer::new(200, "text/html", html)),
            Fault::Busy(seconds) => Some(busy(seconds)),
            Fault::MixedItems => {
                let turn = self.state().struck[&fault];
                mix_items(request, turn, |part| self.pass(part))
            }
            _ => None,
        };
        if let Some(answer) = own {
            return answer.write(stream, usize::MAX);
        }
        if fault == Fault::HeldBefore && !self.hold(request) {
            return;
        }
        let Some(mut answer) = self.pass(request) else { return };
        match fault {
            Fault::LostAnswer => return,
            Fault::Silence => return wait_for_end(stream),
            Fault::ResetInBody => return answer.write(stream, answer.body.len() / 2),
            Fault::Truncated => answer.body.truncate(answer.body.len() / 2),
            Fault::TimedOut | Fault::FailedShards => lie(fault, &mut answer),
            Fault::HeldAfter if !self.hold(request) => return,
            _ => {}
        }
        answer.write(stream, usize::MAX);
    }

    /// What the node answers; none where it does not.
    fn pass(&self, request: &Request) -> Option<Answer> {
        let mut answer = request.send(&self.upstream).ok()?;
        let shift = self.state().clock_shift;
        if shift != 0 && Kind::of(request) == Kind::Clock {
            let mut body: Value = serde_json::from_slice(&answer.body).ok()?;
            for node in body["nodes"].as_object_mut()?.values_mut() {
                node["timestamp"] = (node["timestamp"].as_i64()? + shift).into();
            }
            answer.body = body.to_string().into_bytes();
        }
        Some(answer)
    }

    /// Waits; whether the request is to go on.
    fn hold(&self, request: &Request) -> bool {
        let mut state = self.state();
        state.held.push(request.clone());
        let before = state.let_go;
        let waits = |state: &mut State| state.let_go == before && !state.ended;
        let state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        !state.abandoned && !state.ended
    }

    fn let_go(&self, abandoned: bool) {
        let mut state = self.state();
        state.held.clear();
        state.let_go += 1;
        state.abandoned = abandoned;
        self.changed.notify_all();
    }
}

impl State {
    fn ordered(&mut self, kind: Kind) -> Option<Fault> {
        let at = self.orders.iter().position(|order| order.kind == kind)?;
        let fault = self.orders[at].fault;
        self.orders[at].times -= 1;
        if self.orders[at].times == 0 {
            self.orders.remove(at);
        }
        Some(fault)
    }

    fn thrown(&mut self, kind: Kind) -> Option<Fault> {
        let (dice, of_thousand) = self.storm.as_mut()?;
        let strikes = dice.below(1000) < *of_thousand;
        let faults = ANYWHERE.into_iter().chain([Fault::TimedOut, Fault::FailedShards, Fault::MixedItems]);
        let fitting: Vec<Fault> = faults.filter(|fault| fault.fits(kind)).collect();
        strikes.then(|| dice.pick(&fitting))
    }
}

fn busy(seconds: Option<u32>) -> Answer {
    let body = r#"{"error":{"root_cause":[{"type":"es_rejected_execution_exception","reason":"made up by the test"}]},"status":429}"#;
    let mut answer = Answer::new(429, "application/json", body);
    if let Some(seconds) = seconds {
        answer.headers.push_str("retry-after: ");
        answer.headers.push_str(&seconds.to_string());
        answer.headers.push_str("\r\n");
    }
    answer
}

fn accepted(listener: &TcpListener) -> Option<TcpStream> {
    listener.set_nonblocking(true).ok()?;
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(false).ok()?;
    Some(stream)
}

/// Returns when the other side has had enough.
fn wait_for_end(mut stream: &TcpStream) {
    let _ = stream.read(&mut [0]);
}

#[expect(clippy::disallowed_methods, reason = "the pause between two looks for a connection")]
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

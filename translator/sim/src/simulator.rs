//! The handle: options in, answers, dumps and logs out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, Request, Response};
use serde_json::Value;

use crate::alloc::Addresses;
use crate::call::{Call, TenantAsk};
use crate::clock::{Clock, TokioClock};
use crate::faults::cluster::{Cluster, Phase};
use crate::faults::{Drop, FaultRule, Faults};
use crate::ids::Ids;
use crate::log::{Log, LogEntry};
use crate::reply::Reply;
use crate::routes;
use crate::seed::{self, Seed, SeedError};
use crate::session::{Credentials, Sessions};
use crate::side;
use crate::state::{State, VERSION};
use crate::store::Store;
use crate::system;

/// Largest request body.
pub(crate) const BODY_LIMIT_BYTES: usize = 32 << 20;

/// How a simulator is set up.
#[derive(Clone)]
pub struct Options {
    /// The objects at the start.
    pub seed: Seed,
    /// Whether answers are filled up with the Controller's defaults.
    pub fill_defaults: bool,
    /// Time that each request takes.
    pub delay: Duration,
    /// Who may log in.
    pub credentials: Credentials,
    /// Where uuids, session ids and tokens come from.
    pub random_seed: u64,
    /// Where stamps come from.
    pub clock: Arc<dyn Clock>,
    /// The scheme of answered addresses where the request does not tell.
    pub scheme: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: Seed::default(),
            fill_defaults: false,
            delay: Duration::ZERO,
            credentials: Credentials::default(),
            random_seed: 0,
            clock: Arc::new(TokioClock::default()),
            scheme: "http",
        }
    }
}

/// The connection was closed without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed without a reply")]
pub struct Dropped;

struct Shared {
    state: Mutex<State>,
    delay: Duration,
    scheme: &'static str,
}

/// A simulated Controller. Clones are handles on the same one.
///
/// It is itself a tower service over whole requests, for use without sockets; a rule that drops
/// connections makes the call fail with [`Dropped`].
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Simulator").finish_non_exhaustive()
    }
}

impl Simulator {
    /// A Controller with the seed's objects.
    pub fn new(options: Options) -> Result<Self, SeedError> {
        let mut state = State {
            store: Store::default(),
            sessions: Sessions::new(options.credentials),
            faults: Faults::default(),
            cluster: Cluster::new(VERSION),
            log: Log::default(),
            addresses: Addresses::default(),
            ids: Ids::seeded(options.random_seed),
            clock: options.clock,
            fill_defaults: options.fill_defaults,
            system: system::configuration(),
            last_stamp: 0,
            findings: BTreeMap::new(),
        };
        seed::load(&mut state, &options.seed)?;
        let shared = Shared {
            state: Mutex::new(state),
            delay: options.delay,
            scheme: options.scheme,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All objects, `{kind: [objects by name]}`, in the form of a seed.
    pub fn dump(&self) -> Value {
        self.state().dump()
    }

    /// The requests so far, oldest first; those to the side doors are left out.
    pub fn log(&self) -> Vec<LogEntry> {
        self.log_after(0)
    }

    /// The requests after one, by its number: how a reader follows the log.
    pub fn log_after(&self, seq: u64) -> Vec<LogEntry> {
        self.state().log.entries_after(seq)
    }

    /// Forgets the logged requests.
    pub fn clear_log(&self) {
        self.state().log.clear();
    }

    /// Replaces all fault rules.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.state().faults.set(rules);
    }

    /// What the cluster is doing from here on.
    pub fn set_phase(&self, phase: Phase) {
        self.state().cluster.phase = phase;
    }

    /// Another release runs, such as `31.1.1`. The restart ends all sessions.
    pub fn set_version(&self, version: &str) {
        let mut state = self.state();
        version.clone_into(&mut state.cluster.version);
        state.sessions.expire_all();
    }

    /// The other nodes have heard of everything until now, and of nothing that is written from here
    /// on: what the next leader begins with.
    pub fn replicate(&self) {
        self.state().replicate();
    }

    /// Another node leads: all sessions end, and for so long reads show what was there at the last
    /// [`replicate`](Self::replicate). Writes go to what really is.
    pub fn change_leader(&self, stale: Duration) {
        self.state().change_leader(stale);
    }

    /// Others may log in from here on. Sessions that are open go on.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.state().sessions.set_credentials(credentials);
    }

    /// Ends all sessions: the next request of each client gets a 401.
    pub fn expire_sessions(&self) {
        self.state().sessions.expire_all();
    }

    /// The Controller as an axum router. A dropped connection shows as a body that fails to read.
    pub fn router(&self) -> axum::Router {
        let simulator = self.clone();
        let answer = move |request: Request<Body>| {
            let simulator = simulator.clone();
            async move { simulator.answer_body(request).await }
        };
        axum::Router::new().fallback(answer)
    }

    async fn answer_body(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT_BYTES).await else {
            return Reply::empty(413).into_response().map(Body::from);
        };
        match self.answer(Request::from_parts(parts, body)).await {
            Ok(response) => response.map(Body::from),
            Err(dropped) => Response::new(Body::new(FailingBody(dropped))),
        }
    }

    /// Answers one request, after the delays that are set. Once a request has been taken in, it
    /// is worked on to the end, even if the caller stops waiting, as on a real server.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        if let Some(response) = side::answer(self, &request) {
            return Ok(response.into_response());
        }
        let call = Call::read(request, self.shared.scheme);
        let rule = self.state().fault_for(&call).unwrap_or_default();
        let delay = self.shared.delay + rule.delay();
        if delay.is_zero() {
            return self.work(&call, &rule);
        }
        let simulator = self.clone();
        let work = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            simulator.work(&call, &rule)
        });
        work.await.unwrap_or(Err(Dropped))
    }

    fn work(&self, call: &Call, rule: &FaultRule) -> Result<Response<Bytes>, Dropped> {
        let mut state = self.state();
        let mut entry = state.entry_for(call);
        let faulty = rule.drop == Some(Drop::Before) || rule.status.is_some();
        let reply = match rule.status {
            _ if rule.drop == Some(Drop::Before) => None,
            Some(status) => Some(fault_reply(status, rule)),
            None => Some(routes::answer(&mut state, call)),
        };
        let dropped = rule.drop.is_some();
        entry.fault = faulty || dropped;
        entry.status = if dropped {
            0
        } else {
            reply.as_ref().map_or(0, |reply| reply.status)
        };
        entry.at_micros = state.now();
        state.log.push(entry);
        reply
            .filter(|_| !dropped)
            .map(Reply::into_response)
            .ok_or(Dropped)
    }
}

fn fault_reply(status: u16, rule: &FaultRule) -> Reply {
    let reply = match &rule.body {
        None => Reply::empty(status),
        Some(Value::String(text)) => Reply::text(status, text.clone()),
        Some(body) => Reply::json(status, body),
    };
    rule.headers.iter().fold(reply, |reply, (name, value)| {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => reply.with(name, value.clone()),
            Err(_) => reply,
        }
    })
}

impl State {
    /// The fault rule for a request, if any.
    fn fault_for(&mut self, call: &Call) -> Option<FaultRule> {
        if self.faults.is_empty() {
            return None;
        }
        let name = self.name_for(call);
        self.faults.take(call.method.as_str(), call.kind(), &name)
    }

    /// The name of the object that a request is about: as stored, else as the request has it.
    fn name_for(&self, call: &Call) -> String {
        let stored = call
            .uuid()
            .and_then(|uuid| self.store.get(call.kind(), uuid));
        match stored {
            Some(record) => record.name.clone(),
            None => call.stated_name().unwrap_or_default(),
        }
    }

    fn entry_for(&self, call: &Call) -> LogEntry {
        let tenant = match &call.tenant {
            TenantAsk::Default => crate::kinds::ADMIN,
            TenantAsk::Name(text) | TenantAsk::Uuid(text) => text,
        };
        LogEntry {
            seq: 0,
            at_micros: 0,
            method: call.method.to_string(),
            kind: call.kind().to_owned(),
            name: self.name_for(call),
            uuid: call.uuid().unwrap_or_default().to_owned(),
            tenant: tenant.to_owned(),
            status: 0,
            fault: false,
            body: call.body_digest(),
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Dropped>> + Send>>;

impl tower::Service<Request<Bytes>> for Simulator {
    type Response = Response<Bytes>;
    type Error = Dropped;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Answer {
        let simulator = self.clone();
        Box::pin(async move { simulator.answer(request).await })
    }
}

/// A body that cannot be read.
struct FailingBody(Dropped);

impl hyper::body::Body for FailingBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Dropped>>> {
        Poll::Ready(Some(Err(self.0)))
    }
}

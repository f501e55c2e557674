//! A translator's half over pipes, with what it learned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use aviary_boot::shutdown::{self, Trigger};
use aviary_boot::tls::{self, IdentityFiles};
use aviary_boot::{Blocking, Clock, spawn};
use aviary_link::key::Kind;
use aviary_link::translator::{Event, Heard, Limits, SessionId, Translator};
use aviary_proto::sync::v1::sync_service_server::{SyncService, SyncServiceServer};
use aviary_proto::sync::v1::{
    Intent, IntentOutcome, IntentResult, KindScope, SyncRequest, SyncResponse, WatchItem,
    WatchList, WatchMode, sync_request::Message,
};
use aviary_proto::types::v1::{Coverage, Finding};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::DuplexStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tower::service_fn;

use crate::connect::{Connector, Error};
use crate::manifests::{Manifests, MemoryFiles};
use crate::{Agent, Config};

pub(super) const CLUSTER: &str = "blue";
pub(super) const SERVICE: &str = "Service";
pub(super) const SECRET: &str = "Secret";

/// An object's version, JSON and secret values.
type Stored = (String, serde_json::Value, Vec<Vec<u8>>);

/// What the translator's side learned.
pub(super) struct Hub {
    pub(super) translator: Translator,
    pub(super) admissions: usize,
    pub(super) upserts: usize,
    pub(super) findings: Vec<Finding>,
    pub(super) frozen: Vec<String>,
    pub(super) outcomes: Vec<IntentOutcome>,
    pub(super) tokens: Vec<String>,
    pub(super) bearers: Vec<String>,
    pub(super) traces: Vec<String>,
    objects: BTreeMap<(String, String), Stored>,
}

impl Hub {
    pub(super) fn complete(&self, kind: &str) -> bool {
        let heard = self.translator.heard(CLUSTER, &Kind::new("", kind), "a");
        matches!(heard, Heard::Complete { .. })
    }

    pub(super) fn stored(&self, kind: &str) -> usize {
        self.objects
            .keys()
            .filter(|(stored, _)| stored == kind)
            .count()
    }

    pub(super) fn version(&self, name: &str) -> String {
        self.objects[&(SERVICE.to_owned(), name.to_owned())]
            .0
            .clone()
    }

    fn learn(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Upsert(object) => {
                    self.upserts += 1;
                    self.traces
                        .extend(Some(object.trace.parent).filter(|trace| !trace.is_empty()));
                    let json = serde_json::from_slice(&object.json).unwrap();
                    let secrets = object
                        .secrets
                        .into_iter()
                        .map(|secret| secret.value)
                        .collect();
                    let key = (object.kind.kind, object.name.name.into());
                    self.objects.insert(key, (object.version, json, secrets));
                }
                Event::Removed { kind, name, .. } => {
                    self.objects.remove(&(kind.kind, name.name.into()));
                }
                Event::Findings(findings) => self.findings = findings,
                Event::Frozen { why, .. } => self.frozen.push(why.to_string()),
                Event::Outcome(outcome) => self.outcomes.push(outcome),
                Event::Token(token) => self.tokens.push(token.expose().to_owned()),
                Event::Complete { .. } | Event::Lost(_) => {}
            }
        }
    }
}

/// The translator's side as a service.
#[derive(Clone)]
struct Service {
    hub: Arc<Mutex<Hub>>,
    wake: Arc<Notify>,
}

impl Service {
    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap()
    }

    async fn serve(
        self,
        id: SessionId,
        mut said: Streaming<SyncRequest>,
        answers: mpsc::Sender<Result<SyncResponse, Status>>,
    ) {
        loop {
            loop {
                let next = self.hub().translator.poll(id);
                let Some(next) = next else { break };
                if answers.send(Ok(next)).await.is_err() {
                    break;
                }
            }
            let woken = self.wake.notified();
            tokio::select! {
                biased;
                request = said.message() => {
                    let Ok(Some(request)) = request else { break };
                    let mut hub = self.hub();
                    let received = hub.translator.receive(id, request).unwrap();
                    hub.learn(received.events);
                    if let Some(sequence) = received.sequence {
                        hub.translator.done(id, sequence);
                    }
                }
                () = woken => {}
            }
        }
        let mut hub = self.hub();
        let events = hub.translator.close(id);
        hub.learn(events);
        drop(hub);
        self.wake.notify_waiters();
    }
}

#[async_trait]
impl SyncService for Service {
    type SyncStream =
        Pin<Box<dyn futures::Stream<Item = Result<SyncResponse, Status>> + Send + 'static>>;

    async fn sync(
        &self,
        request: Request<Streaming<SyncRequest>>,
    ) -> Result<Response<Self::SyncStream>, Status> {
        let bearer = request.metadata().get("authorization");
        let bearer = bearer.map(|bearer| bearer.to_str().unwrap().to_owned());
        let mut said = request.into_inner();
        let first = said.message().await?.and_then(|first| first.message);
        let Some(Message::Hello(hello)) = first else {
            return Err(Status::invalid_argument("hello comes first"));
        };
        let id = {
            let mut hub = self.hub();
            let (id, events) = hub.translator.admit(&hello, list()).unwrap();
            hub.admissions += 1;
            hub.bearers.extend(bearer);
            hub.learn(events);
            id
        };
        self.wake.notify_waiters();
        let (answers, stream) = mpsc::channel(1);
        spawn("session", self.clone().serve(id, said, answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

fn list() -> WatchList {
    let item = |kind: &str, resource: &str, mode: WatchMode, kept: &str| WatchItem {
        kind: Some(Kind::new("", kind).to_wire()),
        versions: vec!["v1".into()],
        resource: resource.into(),
        scope: KindScope::Namespaced.into(),
        mode: mode.into(),
        epoch: 1,
        kept_paths: vec![kept.into()],
        secret_paths: vec!["data".into()],
        ..WatchItem::default()
    };
    WatchList {
        revision: 1,
        items: vec![
            item(SERVICE, "services", WatchMode::Full, "spec.port"),
            item(SECRET, "secrets", WatchMode::ByName, "data"),
        ],
    }
}

/// Pipes to the service that can be cut and blocked.
struct Pipes {
    count: usize,
    service: Service,
    blocked: Arc<AtomicBool>,
    pumps: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

#[async_trait]
impl Connector for Pipes {
    async fn replicas(&self) -> Result<BTreeSet<String>, Error> {
        Ok((0..self.count)
            .map(|index| format!("replica-{index}"))
            .collect())
    }

    async fn open(&self, replica: &str) -> Result<Channel, Error> {
        let (service, pumps) = (self.service.clone(), self.pumps.clone());
        let blocked = self.blocked.clone();
        let dial = service_fn(move |_| {
            let (service, pumps) = (service.clone(), pumps.clone());
            let blocked = blocked.load(Ordering::Relaxed);
            async move {
                if blocked {
                    return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
                }
                Ok(TokioIo::new(pipe(service, &pumps)))
            }
        });
        let endpoint = Endpoint::from_static("http://translator");
        endpoint
            .connect_with_connector(dial)
            .await
            .map_err(|source| Error::Connect {
                replica: replica.to_owned(),
                source,
            })
    }
}

fn pipe(service: Service, pumps: &Mutex<Vec<JoinHandle<()>>>) -> DuplexStream {
    let (near, mut middle) = tokio::io::duplex(4096);
    let (mut end, far) = tokio::io::duplex(4096);
    pumps.lock().unwrap().push(spawn("pump", async move {
        let _ended = tokio::io::copy_bidirectional(&mut middle, &mut end).await;
    }));
    spawn("server", async move {
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(far));
        let server = Server::builder().add_service(SyncServiceServer::new(service));
        let _ended = server.serve_with_incoming(incoming).await;
    });
    near
}

/// Serves over TLS on a port of this machine; returns the port.
pub(super) async fn serve_tls(bench: &Bench, identity: &IdentityFiles) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(tls::server(identity, None, &[b"h2"]).unwrap());
    let (streams, incoming) = mpsc::channel(1);
    spawn("accept", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.unwrap();
            let _gone = streams.send(Ok::<_, std::io::Error>(stream)).await;
        }
    });
    let server = Server::builder().add_service(SyncServiceServer::new(bench.service.clone()));
    spawn(
        "server",
        server.serve_with_incoming(ReceiverStream::new(incoming)),
    );
    port
}

/// An agent that runs.
pub(super) struct Running {
    /// How many replicas hear the agent.
    pub(super) streams: tokio::sync::watch::Receiver<usize>,
    trigger: Trigger,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) async fn stop(self) {
        self.trigger.stop();
        self.task.await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Everything.
pub(super) struct Bench {
    pub(super) files: MemoryFiles,
    pub(super) status: MemoryFiles,
    service: Service,
    blocked: Arc<AtomicBool>,
    pumps: Arc<Mutex<Vec<JoinHandle<()>>>>,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new(limits: Limits) -> Self {
        let hub = Hub {
            translator: Translator::new(limits),
            admissions: 0,
            upserts: 0,
            findings: Vec::new(),
            frozen: Vec::new(),
            outcomes: Vec::new(),
            tokens: Vec::new(),
            bearers: Vec::new(),
            traces: Vec::new(),
            objects: BTreeMap::new(),
        };
        Self {
            files: MemoryFiles::default(),
            status: MemoryFiles::default(),
            service: Service {
                hub: Arc::new(Mutex::new(hub)),
                wake: Arc::new(Notify::new()),
            },
            blocked: Arc::default(),
            pumps: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.service.hub()
    }

    pub(super) fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(super) fn config(&self) -> Config {
        Config {
            cluster: CLUSTER.into(),
            coverage: Coverage {
                namespaces: vec!["a".into()],
                ..Coverage::default()
            },
            name: "agent-0".into(),
            token_file: Some(self.token()).filter(|path| path.exists()),
            seed: 1,
            blocking: Blocking::Inline,
        }
    }

    pub(super) fn agent(&self, replicas: usize) -> Running {
        let config = self.config();
        let pipes = Arc::new(Pipes {
            count: replicas,
            service: self.service.clone(),
            blocked: self.blocked.clone(),
            pumps: self.pumps.clone(),
        });
        self.run(config, pipes)
    }

    /// An agent that dials for itself.
    pub(super) fn run(&self, config: Config, connector: Arc<dyn Connector>) -> Running {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let (files, status) = (Arc::new(self.files.clone()), Arc::new(self.status.clone()));
        let source = Arc::new(Manifests::new(files, Some(status), clock));
        let (trigger, shutdown) = shutdown::channel();
        let agent = Agent::new(config, source, connector);
        let streams = agent.streams();
        let task = spawn("agent", agent.run(shutdown));
        Running {
            streams,
            trigger,
            task,
        }
    }

    pub(super) fn cut(&self) {
        for pump in self.pumps.lock().unwrap().drain(..) {
            pump.abort();
        }
    }

    pub(super) fn block(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Lets time pass until something holds.
    pub(super) async fn until(&self, holds: impl Fn(&Hub) -> bool) {
        for _ in 0..6_000 {
            if holds(&self.hub()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not come to hold within five minutes");
    }

    pub(super) fn want(&self, names: &[&str]) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.hub()
            .translator
            .want(CLUSTER, &Kind::new("", SECRET), "a", &names);
        self.service.wake.notify_waiters();
    }

    pub(super) fn intend(&self, intent: Intent) {
        let namespace = intent.key.as_ref().unwrap().namespace.clone();
        let sent = self.hub().translator.intend(CLUSTER, &namespace, intent);
        sent.unwrap();
        self.service.wake.notify_waiters();
    }

    pub(super) fn outcome(&self, id: u64) -> IntentResult {
        let hub = self.hub();
        hub.outcomes
            .iter()
            .find(|outcome| outcome.id == id)
            .unwrap()
            .result()
    }

    pub(super) fn ports(&self) -> Vec<(String, u64)> {
        let hub = self.hub();
        let services = hub.objects.iter().filter(|((kind, _), _)| kind == SERVICE);
        services
            .map(|((_, name), (_, json, _))| {
                assert_eq!(
                    json["spec"].as_object().unwrap().len(),
                    1,
                    "only kept paths leave"
                );
                (name.clone(), json["spec"]["port"].as_u64().unwrap())
            })
            .collect()
    }

    pub(super) fn secret(&self, name: &str) -> Option<String> {
        let hub = self.hub();
        let (_, json, secrets) = hub.objects.get(&(SECRET.to_owned(), name.to_owned()))?;
        assert_eq!(json.get("data"), None, "secret values travel apart");
        String::from_utf8(secrets.first()?.clone()).ok()
    }
}

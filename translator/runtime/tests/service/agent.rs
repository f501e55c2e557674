//! An agent in memory: the link's half over a real gRPC stream, and a small API server behind it.

use aviary_link::agent::{Command, Identity, Object, Observation, Session};
use aviary_link::key::{Kind, Lane, Name};
use aviary_proto::sync::v1::sync_service_client::SyncServiceClient;
use aviary_proto::sync::v1::{
    Intent, IntentOutcome, IntentResult, Nack, SecretValue, SyncRequest, WatchItem, intent,
};
use aviary_proto::types::v1::Coverage;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

type Things = BTreeMap<(Kind, Name), Value>;

#[derive(Default)]
struct Inside {
    things: Things,
    version: u64,
    /// Every change, oldest first; each agent knows how far it has read.
    changed: Vec<(Kind, Name)>,
    intents: Vec<Intent>,
    nacks: Vec<Nack>,
    deaf: bool,
}

/// A cluster's API server.
#[derive(Clone, Default)]
pub(crate) struct Cluster {
    inside: Arc<Mutex<Inside>>,
    wake: Arc<Notify>,
}

impl Cluster {
    /// Creates or replaces an object; answers its resourceVersion.
    pub(crate) fn put(&self, mut object: Value) -> String {
        let mut inside = self.inside.lock().unwrap();
        inside.version += 1;
        let version = inside.version.to_string();
        let key = key_of(&object);
        let meta = object["metadata"].as_object_mut().unwrap();
        meta.insert("resourceVersion".into(), json!(version));
        meta.entry("uid").or_insert(json!(format!("uid-{}", key.1)));
        meta.entry("creationTimestamp")
            .or_insert(json!("2026-01-01T00:00:00Z"));
        inside.things.insert(key.clone(), object);
        inside.changed.push(key);
        drop(inside);
        self.wake.notify_waiters();
        version
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, object: &Value) {
        let key = key_of(object);
        let mut inside = self.inside.lock().unwrap();
        inside.things.remove(&key);
        inside.changed.push(key);
        drop(inside);
        self.wake.notify_waiters();
    }

    /// An object as it is now.
    pub(crate) fn get(&self, object: &Value) -> Value {
        let inside = self.inside.lock().unwrap();
        inside
            .things
            .get(&key_of(object))
            .cloned()
            .unwrap_or_default()
    }

    /// Writes that were carried out.
    pub(crate) fn intents(&self) -> Vec<Intent> {
        self.inside.lock().unwrap().intents.clone()
    }

    /// Forgets the writes so far.
    pub(crate) fn clear_intents(&self) {
        self.inside.lock().unwrap().intents.clear();
    }

    /// Objects that were not usable.
    pub(crate) fn nacks(&self) -> Vec<Nack> {
        self.inside.lock().unwrap().nacks.clone()
    }

    /// Whether by-name reads are left unanswered.
    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.inside.lock().unwrap().deaf = deaf;
        self.wake.notify_waiters();
    }

    fn objects(&self, lane: &Lane, by_name: bool) -> Vec<Object> {
        let inside = self.inside.lock().unwrap();
        let here = inside.things.iter().filter(|((kind, name), _)| {
            *kind == lane.kind && lane.extent.contains(&name.namespace)
        });
        here.map(|((_, name), value)| object(name, value, by_name))
            .collect()
    }

    fn carry(&self, intent: &Intent) -> IntentOutcome {
        let key = intent.key.as_ref().unwrap();
        let key = (
            Kind::new(&key.group, &key.kind),
            Name::new(&key.namespace, &key.name),
        );
        let now = self.inside.lock().unwrap().things.get(&key).cloned();
        self.inside.lock().unwrap().intents.push(intent.clone());
        let Some(mut object) = now else {
            return outcome(intent, IntentResult::NotFound);
        };
        let patch = match intent.write.as_ref().unwrap() {
            intent::Write::Apply(apply) => serde_json::from_slice(&apply.body).unwrap(),
            intent::Write::Merge(merge) => serde_json::from_slice(&merge.patch).unwrap(),
            intent::Write::Event(_) => return outcome(intent, IntentResult::Done),
        };
        merge(&mut object, &patch);
        self.put(object);
        outcome(intent, IntentResult::Done)
    }
}

fn outcome(intent: &Intent, result: IntentResult) -> IntentOutcome {
    IntentOutcome {
        id: intent.id,
        result: result.into(),
        ..IntentOutcome::default()
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name], value);
        }
    }
}

fn key_of(object: &Value) -> (Kind, Name) {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let group = text("/apiVersion")
        .rsplit_once('/')
        .map_or("", |(group, _)| group);
    (
        Kind::new(group, text("/kind")),
        Name::new(text("/metadata/namespace"), text("/metadata/name")),
    )
}

fn object(name: &Name, value: &Value, metadata_only: bool) -> Object {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut kept = value.clone();
    let mut secrets = Vec::new();
    if value["kind"] == "Secret"
        && let Some(data) = kept.as_object_mut().unwrap().remove("data")
    {
        secrets.push(SecretValue {
            path: "data".into(),
            value: data.to_string().into_bytes(),
        });
    }
    // The apiserver changes it with every write; no room reads it.
    kept["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let raw = kept
        .get("raw")
        .and_then(Value::as_str)
        .map(|raw| raw.as_bytes().to_vec());
    let json = raw.unwrap_or_else(|| kept.to_string().into_bytes());
    Object {
        name: name.clone(),
        uid: text("/metadata/uid"),
        version: text("/metadata/resourceVersion"),
        created: text("/metadata/creationTimestamp"),
        json: if metadata_only { Vec::new() } else { json }.into(),
        secrets: if metadata_only { Vec::new() } else { secrets },
        ..Object::default()
    }
}

/// Who an agent says to be.
pub(crate) fn identity(coverage: Coverage) -> Identity {
    Identity {
        cluster: "blue".into(),
        coverage,
        build: "test".into(),
        name: "agent-0".into(),
        intent_window: 8,
    }
}

/// An agent that is connected until it is dropped.
pub(crate) struct Agent {
    task: tokio::task::JoinHandle<String>,
}

impl Agent {
    /// Connects and works.
    pub(crate) fn start(cluster: Cluster, coverage: Coverage, channel: Channel) -> Self {
        let identity = identity(coverage);
        Self::with_token(cluster, identity, channel, None)
    }

    /// Connects with a token.
    pub(crate) fn with_token(
        cluster: Cluster,
        identity: Identity,
        channel: Channel,
        token: Option<&str>,
    ) -> Self {
        let driver = Driver {
            token: token.map(ToOwned::to_owned),
            cluster,
            session: Session::new(identity),
            lanes: BTreeMap::new(),
            pending: VecDeque::new(),
            read: 0,
        };
        Self {
            task: tokio::spawn(driver.run(channel)),
        }
    }

    /// Cuts the stream.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _cut = self.task.await;
    }

    /// Why the stream ended.
    pub(crate) async fn ended(self) -> String {
        self.task.await.unwrap()
    }
}

struct Driver {
    cluster: Cluster,
    session: Session,
    lanes: BTreeMap<Lane, WatchItem>,
    pending: VecDeque<(Lane, Observation)>,
    read: usize,
    token: Option<String>,
}

impl Driver {
    async fn run(mut self, channel: Channel) -> String {
        let (out, requests) = mpsc::channel::<SyncRequest>(16);
        let mut client = SyncServiceClient::new(channel);
        out.send(self.session.connect()).await.unwrap();
        let mut request = tonic::Request::new(ReceiverStream::new(requests));
        if let Some(token) = &self.token {
            let header = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", header);
        }
        let mut inbound = match client.sync(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => return status.to_string(),
        };
        let wake = self.cluster.wake.clone();
        let mut beat = tokio::time::interval(std::time::Duration::from_secs(15));
        loop {
            let woken = wake.notified();
            self.changes();
            self.work();
            while let Some(message) = self.session.poll() {
                if out.send(message).await.is_err() {
                    return "cut".into();
                }
                self.work();
            }
            tokio::select! {
                biased;
                message = inbound.next() => match message {
                    Some(Ok(message)) => {
                        for command in self.session.receive(message).unwrap() {
                            self.obey(command);
                        }
                    }
                    Some(Err(status)) => return status.to_string(),
                    None => return "ended".into(),
                },
                () = woken => {}
                _ = beat.tick() => self.session.beat(),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Start(lane, item) => {
                self.pending.retain(|(of, _)| *of != lane);
                let by_name = aviary_link::watch::by_name(&item);
                self.lanes.insert(lane.clone(), *item);
                self.pending.push_back((lane.clone(), Observation::Listing));
                for object in self.cluster.objects(&lane, by_name) {
                    self.pending
                        .push_back((lane.clone(), Observation::Object(object)));
                }
                self.pending.push_back((lane, Observation::Listed));
            }
            Command::Stop(lane) => {
                self.lanes.remove(&lane);
            }
            Command::Carry { stream, intent } => {
                let outcome = self.cluster.carry(&intent);
                self.session.outcome(stream, outcome);
            }
            Command::Refused(nack) => self.cluster.inside.lock().unwrap().nacks.push(*nack),
        }
    }

    fn changes(&mut self) {
        let inside = self.cluster.inside.lock().unwrap();
        let changed: BTreeSet<(Kind, Name)> = inside.changed[self.read..].iter().cloned().collect();
        self.read = inside.changed.len();
        for (kind, name) in changed {
            let value = inside.things.get(&(kind.clone(), name.clone()));
            let lanes = self.lanes.iter();
            let lanes = lanes.filter(|(l, _)| l.kind == kind && l.extent.contains(&name.namespace));
            for (lane, item) in lanes {
                let by_name = aviary_link::watch::by_name(item);
                let observation = value.map_or(Observation::Gone(name.clone()), |value| {
                    Observation::Object(object(&name, value, by_name))
                });
                self.pending.push_back((lane.clone(), observation));
            }
        }
    }

    fn work(&mut self) {
        for _ in 0..self.pending.len() {
            let Some((lane, observation)) = self.pending.pop_front() else {
                break;
            };
            // A listing may always begin; what follows waits for the digests.
            let listing = matches!(observation, Observation::Listing);
            if listing || self.session.may_read(&lane) {
                self.session.observe(&lane, observation);
            } else {
                self.pending.push_back((lane, observation));
            }
        }
        if self.cluster.inside.lock().unwrap().deaf {
            return;
        }
        while let Some((lane, name, _)) = self.session.next_fetch() {
            let found = self
                .cluster
                .objects(&lane, false)
                .into_iter()
                .find(|it| it.name == name);
            self.session.fetched(&lane, &name, found);
        }
    }
}

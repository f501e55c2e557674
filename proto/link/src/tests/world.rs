//! A cluster that changes, an agent that watches it, a translator with a store, and a wire that can
//! be cut at any message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aviary_proto::sync::v1::{
    KindScope, SecretValue, SyncRequest, SyncResponse, WatchItem, WatchList, WatchMode,
    sync_request,
};
use aviary_proto::types::v1::Coverage;

use crate::agent::{Command, Identity, Object, Observation, Session};
use crate::key::{Kind, Lane, Name, split};
use crate::translator::{Event, Held, Limits, SessionId, Translator};

/// One object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) uid: u64,
    pub(super) version: u64,
    pub(super) content: u8,
}

/// The cluster: what exists, and when each name was last deleted.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) things: BTreeMap<(Kind, Name), Thing>,
    pub(super) deleted: BTreeMap<(Kind, Name), u64>,
    pub(super) clock: u64,
}

/// The watches of one agent.
#[derive(Debug, Default)]
struct Watches {
    feeds: BTreeMap<Lane, VecDeque<Observation>>,
}

/// One agent with its wire.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) session: Session,
    watches: Watches,
    pub(super) id: Option<SessionId>,
    up: VecDeque<SyncRequest>,
    down: VecDeque<SyncResponse>,
    pub(super) deltas_sent: usize,
}

/// Everything.
pub(super) struct System {
    pub(super) world: World,
    pub(super) agents: Vec<Agent>,
    pub(super) translator: Translator,
    pub(super) store: BTreeMap<(Kind, Name), (Held, Thing)>,
    pub(super) complete: BTreeSet<(Kind, String)>,
    pub(super) list: WatchList,
}

pub(super) const CLUSTER: &str = "blue";

pub(super) fn plain() -> Kind {
    Kind::new("", "Service")
}

/// A kind with secret values: told apart by version.
pub(super) fn secretive() -> Kind {
    Kind::new("route.openshift.io", "Route")
}

pub(super) fn by_name() -> Kind {
    Kind::new("", "Secret")
}

pub(super) fn coverage(namespaces: &[&str]) -> Coverage {
    Coverage {
        all_namespaces: namespaces.is_empty(),
        namespaces: namespaces.iter().map(ToString::to_string).collect(),
        cluster_scope: false,
    }
}

fn item(kind: &Kind, mode: WatchMode) -> WatchItem {
    WatchItem {
        kind: Some(kind.to_wire()),
        scope: KindScope::Namespaced.into(),
        mode: mode.into(),
        epoch: 1,
        ..WatchItem::default()
    }
}

impl Agent {
    fn new(coverage: Coverage) -> Self {
        let session = Session::new(Identity {
            cluster: CLUSTER.into(),
            coverage,
            build: String::new(),
            name: String::new(),
            intent_window: 2,
        });
        Self {
            session,
            watches: Watches::default(),
            id: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            deltas_sent: 0,
        }
    }
}

impl World {
    pub(super) fn write(&mut self, kind: &Kind, name: &Name, content: u8) -> Observation {
        self.clock += 1;
        let version = self.clock;
        let thing = self
            .things
            .entry((kind.clone(), name.clone()))
            .or_insert(Thing {
                uid: version,
                version,
                content,
            });
        thing.version = version;
        thing.content = content;
        Observation::Object(object(kind, name, thing))
    }

    pub(super) fn delete(&mut self, kind: &Kind, name: &Name) -> Option<Observation> {
        self.clock += 1;
        self.things.remove(&(kind.clone(), name.clone()))?;
        self.deleted
            .insert((kind.clone(), name.clone()), self.clock);
        Some(Observation::Gone(name.clone()))
    }

    fn listing(&self, lane: &Lane) -> VecDeque<Observation> {
        let mut feed = VecDeque::from([Observation::Listing]);
        for ((kind, name), thing) in &self.things {
            if *kind == lane.kind && lane.extent.contains(&name.namespace) {
                feed.push_back(Observation::Object(object(kind, name, thing)));
            }
        }
        feed.push_back(Observation::Listed);
        feed
    }
}

pub(super) fn object(kind: &Kind, name: &Name, thing: &Thing) -> Object {
    let mut secrets = Vec::new();
    if *kind != plain() {
        secrets.push(SecretValue {
            path: "key".into(),
            value: vec![thing.content],
        });
    }
    let public = if *kind == plain() { thing.content } else { 0 };
    Object {
        name: name.clone(),
        uid: thing.uid.to_string(),
        version: thing.version.to_string(),
        json: vec![public].into(),
        secrets,
        ..Object::default()
    }
}

impl System {
    pub(super) fn new(coverages: &[Coverage], limits: Limits) -> Self {
        let items = vec![
            item(&plain(), WatchMode::Full),
            item(&secretive(), WatchMode::Full),
            item(&by_name(), WatchMode::ByName),
        ];
        Self {
            world: World::default(),
            agents: coverages.iter().cloned().map(Agent::new).collect(),
            translator: Translator::new(limits),
            store: BTreeMap::new(),
            complete: BTreeSet::new(),
            list: WatchList { revision: 1, items },
        }
    }

    /// Something changes in the cluster: every watch of it will say so.
    pub(super) fn write(&mut self, kind: &Kind, name: &Name, content: u8) {
        let observation = self.world.write(kind, name, content);
        self.feed(kind, name, &observation);
    }

    pub(super) fn delete(&mut self, kind: &Kind, name: &Name) {
        if let Some(observation) = self.world.delete(kind, name) {
            self.feed(kind, name, &observation);
        }
    }

    fn feed(&mut self, kind: &Kind, name: &Name, observation: &Observation) {
        for agent in &mut self.agents {
            for (lane, feed) in &mut agent.watches.feeds {
                if lane.kind == *kind && lane.extent.contains(&name.namespace) {
                    feed.push_back(observation.clone());
                }
            }
        }
    }

    /// The API server drops a watch: the agent lists anew.
    pub(super) fn desync(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        for (lane, feed) in &mut agent.watches.feeds {
            *feed = self.world.listing(lane);
        }
    }

    pub(super) fn connect(&mut self, at: usize) {
        if self.agents[at].id.is_some() {
            return;
        }
        let hello = self.agents[at].session.connect();
        let Some(sync_request::Message::Hello(hello)) = hello.message else {
            panic!("connect gives a hello");
        };
        let (id, events) = self.translator.admit(&hello, self.list.clone()).unwrap();
        self.agents[at].id = Some(id);
        self.learn(events);
    }

    pub(super) fn cut(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        agent.session.disconnect();
        agent.up.clear();
        agent.down.clear();
        if let Some(id) = agent.id.take() {
            let events = self.translator.close(id);
            self.learn(events);
        }
    }

    /// The agent's process is replaced: it holds nothing any more.
    pub(super) fn restart_agent(&mut self, at: usize, coverage: Coverage) {
        self.cut(at);
        self.agents[at] = Agent::new(coverage);
    }

    /// The translator's process is replaced: its store stays, its secret bytes are gone.
    pub(super) fn restart_translator(&mut self, limits: Limits) {
        for at in 0..self.agents.len() {
            self.cut(at);
        }
        self.translator = Translator::new(limits);
        self.store.retain(|(kind, _), _| *kind != by_name());
        for ((kind, name), (held, _)) in &self.store {
            let mut held = held.clone();
            held.incomplete = *kind == secretive();
            self.translator
                .hold(CLUSTER, kind.clone(), name.clone(), held);
        }
    }

    /// One step of one agent; returns true if anything moved.
    pub(super) fn step(&mut self, at: usize, which: u8) -> bool {
        match which % 4 {
            0 => self.observe(at),
            1 => self.send_up(at),
            2 => self.receive(at),
            _ => self.take_down(at),
        }
    }

    fn observe(&mut self, at: usize) -> bool {
        let agent = &mut self.agents[at];
        let ready = agent
            .watches
            .feeds
            .iter()
            .find(|(lane, feed)| !feed.is_empty() && agent.session.may_read(lane))
            .map(|(lane, _)| lane.clone());
        if let Some(lane) = ready {
            let observation = agent
                .watches
                .feeds
                .get_mut(&lane)
                .and_then(VecDeque::pop_front);
            agent.session.observe(&lane, observation.unwrap());
            return true;
        }
        if let Some((lane, name, _)) = agent.session.next_fetch() {
            let thing = self.world.things.get(&(lane.kind.clone(), name.clone()));
            let found = thing.map(|thing| object(&lane.kind, &name, thing));
            agent.session.fetched(&lane, &name, found);
            return true;
        }
        false
    }

    fn send_up(&mut self, at: usize) -> bool {
        let agent = &mut self.agents[at];
        let Some(request) = agent.session.poll() else {
            return false;
        };
        if let Some(sync_request::Message::Delta(delta)) = &request.message {
            let listed = split(delta.key.as_ref().unwrap()).0 != by_name();
            agent.deltas_sent += usize::from(listed);
        }
        agent.up.push_back(request);
        true
    }

    fn receive(&mut self, at: usize) -> bool {
        let agent = &mut self.agents[at];
        let (Some(id), Some(request)) = (agent.id, agent.up.pop_front()) else {
            return false;
        };
        let received = self.translator.receive(id, request).unwrap();
        self.learn(received.events);
        if let Some(sequence) = received.sequence {
            self.translator.done(id, sequence);
        }
        true
    }

    fn take_down(&mut self, at: usize) -> bool {
        let agent = &mut self.agents[at];
        if let Some(response) = agent.id.and_then(|id| self.translator.poll(id)) {
            agent.down.push_back(response);
        }
        let Some(response) = agent.down.pop_front() else {
            return false;
        };
        for command in agent.session.receive(response).unwrap() {
            match command {
                Command::Start(lane, _) => {
                    let feed = self.world.listing(&lane);
                    agent.watches.feeds.insert(lane, feed);
                }
                Command::Stop(lane) => {
                    agent.watches.feeds.remove(&lane);
                }
                Command::Carry { .. } | Command::Refused(_) => {}
            }
        }
        true
    }

    /// What the runtime does with events; fails on a removal of what was not deleted.
    pub(super) fn learn(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Upsert(upserted) => {
                    let content = upserted
                        .secrets
                        .first()
                        .map_or(upserted.json[0], |s| s.value[0]);
                    let thing = Thing {
                        uid: upserted.uid.parse().unwrap(),
                        version: upserted.version.parse().unwrap(),
                        content,
                    };
                    let held = Held {
                        digest: upserted.digest,
                        version: upserted.version.into(),
                        incomplete: false,
                    };
                    self.store
                        .insert((upserted.kind, upserted.name), (held, thing));
                }
                Event::Removed { kind, name, .. } => {
                    let key = (kind, name);
                    if let Some((_, thing)) = self.store.remove(&key) {
                        let deleted = self.world.deleted.get(&key).copied().unwrap_or(0);
                        assert!(deleted > thing.uid, "{key:?} was removed but never deleted");
                    }
                }
                Event::Complete {
                    kind,
                    extent,
                    except,
                    ..
                } => self.mark(&kind, &extent, &except, true),
                Event::Frozen {
                    kind,
                    extent,
                    except,
                    ..
                } => self.mark(&kind, &extent, &except, false),
                _ => {}
            }
        }
    }

    fn mark(
        &mut self,
        kind: &Kind,
        extent: &crate::key::Extent,
        except: &[String],
        complete: bool,
    ) {
        for namespace in ["a", "b"] {
            if !extent.contains(namespace) || except.iter().any(|other| other == namespace) {
                continue;
            }
            let scope = (kind.clone(), namespace.to_owned());
            if complete {
                self.complete.insert(scope);
            } else {
                self.complete.remove(&scope);
            }
        }
    }

    /// Connects everybody and runs until nothing moves.
    pub(super) fn settle(&mut self) {
        for at in 0..self.agents.len() {
            self.connect(at);
        }
        for _ in 0..100_000 {
            let mut moved = false;
            for at in 0..self.agents.len() {
                for which in 0..4 {
                    moved |= self.step(at, which);
                }
            }
            if !moved {
                return;
            }
        }
        panic!("the system does not come to rest");
    }

    /// What the store should hold of listed kinds, as (content, uid).
    pub(super) fn expected(&self) -> BTreeMap<(Kind, Name), (u8, u64)> {
        let listed = self
            .world
            .things
            .iter()
            .filter(|((kind, _), _)| *kind != by_name());
        listed
            .map(|(key, thing)| (key.clone(), (thing.content, thing.uid)))
            .collect()
    }

    /// What it holds of them.
    pub(super) fn stored(&self) -> BTreeMap<(Kind, Name), (u8, u64)> {
        let listed = self
            .store
            .iter()
            .filter(|((kind, _), _)| *kind != by_name());
        listed
            .map(|(key, (_, thing))| (key.clone(), (thing.content, thing.uid)))
            .collect()
    }
}

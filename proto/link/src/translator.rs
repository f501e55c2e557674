//! The translator's half of all its streams: admission, assembly, who speaks for what.
//!
//! The runtime gives what its store holds to [`Translator::hold`] at start, and each stream's Hello
//! to [`Translator::admit`] once identity and coverage are verified. It feeds what comes in to
//! [`Translator::receive`], stores the events in order, calls [`Translator::done`] with the
//! sequence, and sends whatever [`Translator::poll`] gives for each session, after every call: a
//! call for one session may give another something to say. At the end of a stream it calls
//! [`Translator::close`].

mod cluster;
mod event;
mod leave;
mod outbound;
mod receive;
mod session;
mod snapshot;

use std::collections::BTreeMap;

use aviary_proto::sync::v1::{
    HeldLane, Hello, Intent, Lane as LaneMessage, Nack, WatchList, Welcome, intent,
    sync_response::Message,
};
use aviary_proto::types::v1::{Finding, ObjectKey};
use ecow::EcoString;

pub use self::cluster::Held;
use self::cluster::{Cluster, NamedHalf};
pub use self::event::{Event, Heard, Named, Received, SessionId, Token, Upserted, Why};
use self::session::{Credit, Out, Session, State};
use crate::digest::Sum;
use crate::key::{Extent, Kind, Lane, Name, split};
use crate::{PROTOCOL_VERSION, watch};

/// What the translator grants each session.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages that may be unacknowledged.
    pub window: u32,
    /// Bytes of objects that may be unacknowledged.
    pub window_bytes: u64,
    /// Intents that may be open, if the agent takes so many.
    pub intent_window: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 512,
            window_bytes: 8 * 1024 * 1024,
            intent_window: 64,
        }
    }
}

/// Why a Hello is not answered by a Welcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another version of the protocol.
    #[error("the agent speaks protocol version {0}, this translator version {PROTOCOL_VERSION}")]
    Version(u32),
    /// No cluster, or no coverage.
    #[error("the hello names no {0}")]
    Missing(&'static str),
}

/// Why an intent was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// No session speaks for the object's scope.
    #[error("no agent speaks for the object")]
    NoAgent,
    /// The agent has as many open intents as it takes; to be tried again after an outcome.
    #[error("the agent has too many open intents")]
    Busy,
}

/// All streams of a translator.
#[derive(Debug, Default)]
pub struct Translator {
    limits: Limits,
    clusters: BTreeMap<String, Cluster>,
    sessions: BTreeMap<SessionId, Session>,
    next: u64,
}

impl Translator {
    /// A translator without sessions.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes over an object that the store holds.
    pub fn hold(&mut self, cluster: &str, kind: Kind, name: Name, held: Held) {
        let cluster = self.clusters.entry(cluster.to_owned()).or_default();
        cluster.held.entry(kind).or_default().insert(name, held);
    }

    /// Forgets the objects of a scope that an operator gave up; the empty namespace is the
    /// cluster-wide scope.
    pub fn release(&mut self, cluster: &str, namespace: &str) {
        if let Some(cluster) = self.clusters.get_mut(cluster) {
            for objects in cluster.held.values_mut() {
                objects.retain(|name, _| name.namespace != namespace);
            }
            cluster.wanted.retain(|(_, scope), _| scope != namespace);
        }
    }

    /// Admits a session. Its Welcome, and what others are told of it, come from `poll`.
    pub fn admit(
        &mut self,
        hello: &Hello,
        list: WatchList,
    ) -> Result<(SessionId, Vec<Event>), Refusal> {
        if hello.protocol_version != PROTOCOL_VERSION {
            return Err(Refusal::Version(hello.protocol_version));
        }
        if hello.cluster.is_empty() {
            return Err(Refusal::Missing("cluster"));
        }
        let coverage = hello.coverage.clone().ok_or(Refusal::Missing("coverage"))?;
        self.next += 1;
        let id = SessionId(self.next);
        let credit = Credit {
            window: self.limits.window,
            window_bytes: self.limits.window_bytes,
            intent_window: self.limits.intent_window.min(hello.intent_window) as usize,
        };
        let lanes = watch::lanes(&coverage, &list);
        let session = Session::new(hello.cluster.clone(), coverage.clone(), lanes, credit);
        self.sessions.insert(id, session);
        let cluster = self.clusters.entry(hello.cluster.clone()).or_default();
        cluster.join(id, &coverage);
        let beside = cluster.beside(id, &coverage);
        for other in beside {
            if let Some(session) = self.sessions.get_mut(&other) {
                session.tell(Out::Superseded);
            }
        }
        let resumed = self.resume(id, &hello.held);
        self.welcome(id, list, &resumed);
        Ok((id, self.states(id)))
    }

    /// The lanes in which both sides hold the same.
    fn resume(&mut self, id: SessionId, held: &[HeldLane]) -> Vec<LaneMessage> {
        let mut resumed = Vec::new();
        let Some(session) = self.sessions.get_mut(&id) else {
            return resumed;
        };
        let Some(cluster) = self.clusters.get(&session.cluster) else {
            return resumed;
        };
        for held in held {
            let Some(lane) = Lane::from_wire(held.lane.as_ref()) else {
                continue;
            };
            let Some(half) = session
                .lanes
                .get_mut(&lane)
                .filter(|half| half.epoch == held.epoch)
            else {
                continue;
            };
            let theirs: Option<BTreeMap<EcoString, Sum>> = held
                .sums
                .iter()
                .map(|sum| Some((sum.namespace.as_str().into(), Sum::from_wire(sum)?)))
                .collect();
            if theirs == Some(cluster.sums(id, &lane)) {
                half.state = State::Complete;
                resumed.push(lane.to_wire());
            }
        }
        resumed
    }

    fn welcome(&mut self, id: SessionId, list: WatchList, resumed: &[LaneMessage]) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let revision = session.revision;
        session.say(Message::Welcome(Welcome {
            session: id.to_string(),
            window: self.limits.window,
            window_bytes: self.limits.window_bytes,
            watch_list: Some(WatchList { revision, ..list }),
            resumed: resumed.to_vec(),
        }));
        self.ask_names(id);
    }

    /// Queues the names wanted in what a session speaks for.
    fn ask_names(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(cluster) = self.clusters.get(&session.cluster) else {
            return;
        };
        for (kind, namespace) in cluster.wanted.keys() {
            if cluster.speaker(namespace) == Some(id) {
                session.tell(Out::Wanted(kind.clone(), namespace.clone()));
            }
        }
    }

    /// The state of every lane of a session, as events.
    fn states(&self, id: SessionId) -> Vec<Event> {
        let lanes = self
            .sessions
            .get(&id)
            .into_iter()
            .flat_map(|session| session.lanes.keys());
        lanes.filter_map(|lane| self.state(id, lane)).collect()
    }

    /// The state of a lane as an event; `None` if its session speaks for none of it.
    fn state(&self, id: SessionId, lane: &Lane) -> Option<Event> {
        let session = self.sessions.get(&id)?;
        let cluster = self.clusters.get(&session.cluster)?;
        if !cluster.speaks(id, &lane.extent) {
            return None;
        }
        let half = session.lanes.get(lane)?;
        let (kind, extent) = (lane.kind.clone(), lane.extent.clone());
        let except = except(cluster, id, &extent);
        Some(match half.why() {
            Some(why) => Event::Frozen {
                kind,
                extent,
                except,
                why,
            },
            None => Event::Complete {
                kind,
                extent,
                except,
                epoch: half.epoch,
                assumed: half.failure.as_ref().map(|failure| failure.reason.clone()),
            },
        })
    }

    /// Everything up to a sequence is stored: it will be acknowledged.
    pub fn done(&mut self, id: SessionId, sequence: u64) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.done(sequence);
        }
    }

    /// Tells an agent that an object is stored but not usable.
    pub fn refuse(&mut self, id: SessionId, sequence: u64, key: ObjectKey, finding: Finding) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.done(sequence);
            session.say(Message::Nack(Nack {
                sequence,
                key: Some(key),
                finding: Some(finding),
            }));
        }
    }

    /// Gives a session another watch list.
    pub fn watch(&mut self, id: SessionId, list: WatchList) -> Vec<Event> {
        let Some(session) = self.sessions.get_mut(&id) else {
            return Vec::new();
        };
        let gone = session.watch(list);
        let mut events = self.frozen(id, gone);
        events.extend(self.states(id));
        self.ask_names(id);
        events
    }

    fn frozen(&self, id: SessionId, lanes: Vec<Lane>) -> Vec<Event> {
        let Some(session) = self.sessions.get(&id) else {
            return Vec::new();
        };
        let Some(cluster) = self.clusters.get(&session.cluster) else {
            return Vec::new();
        };
        let spoken = lanes
            .into_iter()
            .filter(|lane| cluster.speaks(id, &lane.extent));
        let freeze = |lane: Lane| Event::Frozen {
            except: except(cluster, id, &lane.extent),
            kind: lane.kind,
            extent: lane.extent,
            why: Why::Away,
        };
        spoken.map(freeze).collect()
    }

    /// Asks for objects of a kind that is watched by name, in place of those asked for before in
    /// that namespace.
    pub fn want(&mut self, cluster: &str, kind: &Kind, namespace: &str, names: &[String]) {
        let half = self.clusters.entry(cluster.to_owned()).or_default();
        let place = (kind.clone(), EcoString::from(namespace));
        let old = half.wanted.remove(&place);
        if old.is_none() && names.is_empty() {
            return;
        }
        let mut old = old.unwrap_or_default();
        let take = |name: &String| {
            let known = old.remove(name.as_str()).unwrap_or_default();
            (EcoString::from(name), known)
        };
        let fresh: BTreeMap<EcoString, NamedHalf> = names.iter().map(take).collect();
        half.wanted.insert(place, fresh);
        let speaker = half.speaker(namespace);
        if let Some(session) = speaker.and_then(|id| self.sessions.get_mut(&id)) {
            session.tell(Out::Wanted(kind.clone(), namespace.into()));
        }
    }

    /// What is known of an object that was asked for by name.
    pub fn named(&self, cluster: &str, kind: &Kind, name: &Name) -> Named {
        let place = (kind.clone(), name.namespace.clone());
        let names = self
            .clusters
            .get(cluster)
            .and_then(|half| half.wanted.get(&place));
        names
            .and_then(|names| names.get(&name.name))
            .map_or(Named::Unknown, NamedHalf::known)
    }

    /// How well a kind is known in a namespace; the empty one is that of cluster-scoped objects.
    pub fn heard(&self, cluster: &str, kind: &Kind, namespace: &str) -> Heard {
        let half = self
            .speaker(cluster, namespace)
            .and_then(|id| self.sessions.get(&id))
            .and_then(|session| session.lanes.get(&session.lane_of(kind, namespace)?));
        match half.map(|half| (half.why(), half.epoch)) {
            None => Heard::Frozen(Why::Away),
            Some((Some(why), _)) => Heard::Frozen(why),
            Some((None, epoch)) => Heard::Complete { epoch },
        }
    }

    /// The session that speaks for a namespace; the empty one is the cluster-wide scope.
    pub fn speaker(&self, cluster: &str, namespace: &str) -> Option<SessionId> {
        self.clusters.get(cluster)?.speaker(namespace)
    }

    /// Sends an intent to the agent that speaks for a namespace, or for the cluster-wide scope (the
    /// empty one). `id` must be new to the session.
    pub fn intend(
        &mut self,
        cluster: &str,
        namespace: &str,
        mut intent: Intent,
    ) -> Result<SessionId, Unsent> {
        let key = intent.key.clone().unwrap_or_default();
        let half = self.clusters.get(cluster).ok_or(Unsent::NoAgent)?;
        let id = half.speaker(namespace).ok_or(Unsent::NoAgent)?;
        let session = self.sessions.get_mut(&id).ok_or(Unsent::NoAgent)?;
        if let Some(intent::Write::Merge(merge)) = &mut intent.write {
            let (kind, name) = split(&key);
            let held = half.held.get(&kind).and_then(|objects| objects.get(&name));
            if let Some(held) = held.filter(|held| held.version == merge.resource_version) {
                merge.digest = held.digest.to_wire();
            }
        }
        if session.intend(intent) {
            Ok(id)
        } else {
            Err(Unsent::Busy)
        }
    }

    /// Intents of a session without an outcome.
    pub fn open_intents(&self, id: SessionId) -> usize {
        self.sessions
            .get(&id)
            .map_or(0, |session| session.open_intents().len())
    }
}

fn except(cluster: &Cluster, id: SessionId, extent: &Extent) -> Vec<String> {
    match extent {
        Extent::All => cluster.others(id),
        Extent::Namespace(_) | Extent::Cluster => Vec::new(),
    }
}

//! The agents: the link's half of all streams, and the way back to each agent. Owned by the core, so
//! that what one stream says takes effect in the order in which the link saw it.

pub(crate) mod object;
pub(crate) mod service;
mod session;
pub(crate) mod watch_list;

pub(crate) use session::{Outbound, Session, Way, way};

use aviary_link::key::{Kind, Name};
use aviary_link::translator::{Heard, Held, Limits, Named, Refusal, SessionId, Translator, Unsent};
use aviary_link::{Violation, translator};
use aviary_proto::sync::v1::{Hello, Intent, SyncRequest};
use aviary_proto::types::v1 as wire;
use aviary_query::view::About;
use aviary_types::{ClusterName, ObjectKey, ScopeKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tonic::Status;
use watch_list::WatchLists;

/// All streams.
pub(crate) struct Hub {
    link: Translator,
    lists: WatchLists,
    sessions: BTreeMap<SessionId, Session>,
    /// Something was queued for agents since the last `pump`.
    stirred: bool,
}

/// What an agent's message brings: facts in order, and the sequence to acknowledge.
pub(crate) struct Received {
    pub(crate) cluster: ClusterName,
    pub(crate) events: Vec<translator::Event>,
    pub(crate) sequence: Option<u64>,
}

impl Hub {
    pub(crate) fn new(limits: Limits, lists: WatchLists) -> Self {
        let link = Translator::new(limits);
        Self {
            link,
            lists,
            sessions: BTreeMap::new(),
            stirred: false,
        }
    }

    /// Takes over an object that the store holds from before.
    pub(crate) fn hold(&mut self, key: &ObjectKey, held: Held) {
        self.link
            .hold(key.cluster.as_str(), kind_of(key), name_of(key), held);
    }

    /// Admits a stream whose identity was verified.
    pub(crate) fn join(
        &mut self,
        hello: &Hello,
        session: Session,
    ) -> Result<(SessionId, Received), Refusal> {
        let cluster = session.about.cluster.clone();
        let list = self.lists.get(&cluster).cloned().unwrap_or_default();
        let (id, events) = self.link.admit(hello, list)?;
        self.sessions.insert(id, session);
        self.stirred = true;
        Ok((
            id,
            Received {
                cluster,
                events,
                sequence: None,
            },
        ))
    }

    /// Agents watch these kinds from here on.
    pub(crate) fn watch(&mut self, lists: WatchLists) -> Vec<Received> {
        let former = std::mem::replace(&mut self.lists, lists);
        let changed = |cluster: &ClusterName| former.get(cluster) != self.lists.get(cluster);
        let sessions = self.sessions.iter();
        let sessions = sessions.filter(|(_, session)| changed(&session.about.cluster));
        let sessions: Vec<(SessionId, ClusterName)> = sessions
            .map(|(id, session)| (*id, session.about.cluster.clone()))
            .collect();
        let mut received = Vec::new();
        for (id, cluster) in sessions {
            self.stirred = true;
            let list = self.lists.get(&cluster).cloned().unwrap_or_default();
            received.push(Received {
                events: self.link.watch(id, list),
                cluster,
                sequence: None,
            });
        }
        received
    }

    /// Takes in a message. After a violation the stream is closed.
    pub(crate) fn receive(
        &mut self,
        id: SessionId,
        request: SyncRequest,
    ) -> Result<Option<Received>, Violation> {
        let Some(cluster) = self
            .sessions
            .get(&id)
            .map(|session| session.about.cluster.clone())
        else {
            return Ok(None);
        };
        self.stirred = true;
        let translator::Received { events, sequence } = self.link.receive(id, request)?;
        Ok(Some(Received {
            cluster,
            events,
            sequence,
        }))
    }

    /// Ends a session; with a reason if it is we who end it.
    pub(crate) fn leave(&mut self, id: SessionId, why: Option<Status>) -> Option<Received> {
        let session = self.sessions.remove(&id)?;
        if let Some(why) = why {
            session.refuse(why);
        }
        self.stirred = true;
        let events = self.link.close(id);
        Some(Received {
            cluster: session.about.cluster.clone(),
            events,
            sequence: None,
        })
    }

    /// Everything up to a sequence survives a crash.
    pub(crate) fn done(&mut self, id: SessionId, sequence: u64) {
        self.stirred = true;
        self.link.done(id, sequence);
    }

    /// The object of a sequence is kept, but is not usable.
    pub(crate) fn refuse(
        &mut self,
        id: SessionId,
        sequence: u64,
        key: &ObjectKey,
        finding: wire::Finding,
    ) {
        self.stirred = true;
        self.link.refuse(
            id,
            sequence,
            aviary_query::convert::object_key(key),
            finding,
        );
    }

    /// Asks for objects by name, in place of those asked for before in that scope.
    pub(crate) fn want(&mut self, of: &ObjectKey, names: &BTreeSet<String>) {
        self.stirred = true;
        let names: Vec<String> = names.iter().cloned().collect();
        let kind = kind_of(of);
        self.link
            .want(of.cluster.as_str(), &kind, of.namespace.as_str(), &names);
    }

    /// What is known of an object that was asked for by name.
    pub(crate) fn named(&self, key: &ObjectKey) -> Named {
        self.link
            .named(key.cluster.as_str(), &kind_of(key), &name_of(key))
    }

    /// How well a kind is known in a scope.
    pub(crate) fn heard(&self, scope: &ScopeKey, kind: aviary_types::Kind) -> Heard {
        let kind = Kind::new(kind.group, kind.kind);
        self.link
            .heard(scope.cluster.as_str(), &kind, scope.namespace.as_str())
    }

    /// The session that speaks for a scope.
    pub(crate) fn speaker(&self, scope: &ScopeKey) -> Option<SessionId> {
        self.link
            .speaker(scope.cluster.as_str(), scope.namespace.as_str())
    }

    /// Forgets what is held of a scope.
    pub(crate) fn release(&mut self, scope: &ScopeKey) {
        self.link
            .release(scope.cluster.as_str(), scope.namespace.as_str());
    }

    /// Sends a write to the agent that speaks for its object.
    pub(crate) fn intend(
        &mut self,
        speaker: &ScopeKey,
        intent: Intent,
    ) -> Result<SessionId, Unsent> {
        self.stirred = true;
        let (cluster, namespace) = (speaker.cluster.as_str(), speaker.namespace.as_str());
        self.link.intend(cluster, namespace, intent)
    }

    /// Intents of a session without an outcome.
    pub(crate) fn open_intents(&self, id: SessionId) -> usize {
        self.link.open_intents(id)
    }

    /// All connected agents.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (SessionId, &Arc<About>)> {
        self.sessions
            .iter()
            .map(|(id, session)| (*id, &session.about))
    }

    /// Hands every session what it is to be told, as far as its stream takes it.
    pub(crate) fn pump(&mut self) {
        if std::mem::take(&mut self.stirred) {
            let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
            for id in ids {
                self.pump_one(id);
            }
        }
    }

    /// A stream takes more again.
    pub(crate) fn pump_one(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get(&id) {
            session.fill(|| self.link.poll(id));
        }
    }
}

fn kind_of(key: &ObjectKey) -> Kind {
    Kind::new(key.kind.group, key.kind.kind)
}

fn name_of(key: &ObjectKey) -> Name {
    Name::new(key.namespace.as_str(), key.name.as_str())
}

//! What a translator says: made when it is sent, so that nothing waits but what it is about.

use aviary_proto::sync::v1::{
    Ack, DigestList, ObjectDigest, SnapshotRequest, SyncResponse, WantedName, WantedNames,
    sync_response::Message,
};
use ecow::EcoString;

use super::Translator;
use super::cluster::{Cluster, NamedHalf};
use super::event::SessionId;
use super::session::{LaneHalf, Out, Session, State, response};
use crate::key::{Kind, Lane};

/// Digests in one message of a list.
const ENTRIES_MAX: usize = 2_000;

impl Translator {
    /// The next message for a session.
    pub fn poll(&mut self, id: SessionId) -> Option<SyncResponse> {
        let session = self.sessions.get_mut(&id)?;
        let cluster = self.clusters.get(&session.cluster)?;
        if let Some(sequence) = session.ack() {
            return Some(response(Message::Ack(Ack { sequence })));
        }
        loop {
            let message = match session.out.pop_front()? {
                Out::Message(message) => *message,
                Out::Superseded => Message::Superseded(cluster.superseded(id, &session.coverage)),
                Out::Ask(lane, reason) => ask(&lane, reason),
                Out::Wanted(kind, namespace) => wanted(cluster, kind, namespace),
                Out::Base(lane, snapshot) => match base(cluster, session, id, &lane, snapshot) {
                    Some(list) => Message::DigestList(list),
                    None => continue,
                },
            };
            return Some(response(message));
        }
    }
}

/// The request to list a lane again.
fn ask(lane: &Lane, reason: &str) -> Message {
    Message::SnapshotRequest(SnapshotRequest {
        lane: Some(lane.to_wire()),
        reason: reason.to_owned(),
    })
}

fn wanted(cluster: &Cluster, kind: Kind, namespace: EcoString) -> Message {
    let wire = kind.to_wire();
    let place = (kind, namespace);
    let names = cluster.wanted.get(&place).into_iter().flatten();
    let names = names.map(|(name, known)| WantedName {
        name: name.to_string(),
        resource_version: match known {
            NamedHalf::Version(version) => version.clone(),
            NamedHalf::Unknown | NamedHalf::Absent => String::new(),
        },
    });
    Message::WantedNames(WantedNames {
        kind: Some(wire),
        names: names.collect(),
        namespace: place.1.into(),
    })
}

/// The next part of what is held in a lane, for a snapshot that is still wanted.
fn base(
    cluster: &Cluster,
    session: &mut Session,
    id: SessionId,
    lane: &Lane,
    snapshot: u64,
) -> Option<DigestList> {
    let half: &mut LaneHalf = session.lanes.get_mut(lane)?;
    let State::Listing(listing) = &mut half.state else {
        return None;
    };
    if listing.id != snapshot {
        return None;
    }
    let mut entries = Vec::new();
    if !half.afresh {
        let cursor = listing.cursor.take();
        let held = cluster.lane(id, lane).filter(|(_, held)| !held.incomplete);
        let rest = held.filter(|(name, _)| cursor.as_ref().is_none_or(|cursor| *name > cursor));
        for (name, held) in rest.take(ENTRIES_MAX) {
            listing.alive.insert(name.clone());
            listing.cursor = Some(name.clone());
            entries.push(ObjectDigest {
                namespace: name.namespace.to_string(),
                name: name.name.to_string(),
                digest: held.digest.to_wire(),
            });
        }
    }
    listing.based = entries.len() < ENTRIES_MAX;
    let last = listing.based;
    if !last {
        session.out.push_front(Out::Base(lane.clone(), snapshot));
    }
    Some(DigestList {
        lane: Some(lane.to_wire()),
        snapshot,
        entries,
        last,
    })
}

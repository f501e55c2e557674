//! What an agent says to a translator.

use aviary_proto::sync::v1::{
    Delta, LaneCondition, LaneState, SnapshotBegin, SnapshotEnd, SyncRequest, Upsert, delta,
    sync_request::Message,
};

use super::Translator;
use super::cluster::{Cluster, Held, NamedHalf};
use super::event::{Event, Received, SessionId, Token, Upserted};
use super::session::{Failure, Out, Session, State};
use super::snapshot::Snapshot;
use crate::digest::Digest;
use crate::key::{Kind, Lane, Name, split};
use crate::trace::TraceContext;
use crate::{Violation, watch};

/// Listings of a lane in a row that may not fit.
const MISFITS_MAX: u32 = 3;

/// What a message did to a lane.
#[derive(Default)]
struct Effect {
    events: Vec<Event>,
    /// The lane whose state changed and is to be told.
    changed: Option<Lane>,
}

impl Effect {
    fn events(events: Vec<Event>) -> Self {
        Self {
            events,
            changed: None,
        }
    }

    fn changed(lane: Lane) -> Self {
        Self {
            events: Vec::new(),
            changed: Some(lane),
        }
    }
}

impl Translator {
    /// Takes in a message of an agent. After an error the stream is to be closed.
    pub fn receive(&mut self, id: SessionId, request: SyncRequest) -> Result<Received, Violation> {
        let session = self.sessions.get_mut(&id).ok_or(Violation::Unknown(id))?;
        let cluster = self
            .clusters
            .get_mut(&session.cluster)
            .ok_or(Violation::Unknown(id))?;
        let Some(message) = request.message else {
            return Ok(Received::default());
        };
        let sequence = match sequenced(&message) {
            Some(bytes) => {
                session.count(request.sequence, bytes)?;
                Some(request.sequence)
            }
            None => None,
        };
        let effect = match message {
            Message::Hello(_) => return Err(Violation::Message("a second hello")),
            Message::SnapshotBegin(begin) => begins(session, &begin)?,
            Message::Delta(delta) => changes(cluster, session, id, delta)?,
            Message::SnapshotEnd(end) => ends(cluster, session, id, &end)?,
            Message::LaneState(state) => fails(cluster, session, id, state)?,
            Message::IntentOutcome(outcome) if session.settle(outcome.id) => {
                Effect::events(vec![Event::Outcome(outcome)])
            }
            Message::TokenRenewal(renewal) => {
                Effect::events(vec![Event::Token(Token(renewal.token))])
            }
            Message::AgentFindings(said) => Effect::events(vec![Event::Findings(said.findings)]),
            Message::IntentOutcome(_) | Message::Heartbeat(_) => Effect::default(),
        };
        let mut events = effect.events;
        events.extend(effect.changed.and_then(|lane| self.state(id, &lane)));
        Ok(Received { events, sequence })
    }
}

/// The bytes that count for the window; `None` for messages that do not use it.
fn sequenced(message: &Message) -> Option<u64> {
    match message {
        Message::SnapshotBegin(_) | Message::SnapshotEnd(_) => Some(0),
        Message::Delta(delta) => Some(match &delta.change {
            Some(delta::Change::Upsert(upsert)) => {
                let secrets: usize = upsert.secrets.iter().map(|secret| secret.value.len()).sum();
                (upsert.object.len() + secrets) as u64
            }
            _ => 0,
        }),
        _ => None,
    }
}

fn begins(session: &mut Session, begin: &SnapshotBegin) -> Result<Effect, Violation> {
    let lane = Lane::from_wire(begin.lane.as_ref())
        .ok_or(Violation::Message("a snapshot without a lane"))?;
    // A lane that left the watch list while this was under way is ignored.
    let Some(half) = session.lanes.get_mut(&lane) else {
        return Ok(Effect::default());
    };
    half.epoch = begin.epoch;
    // What counted as empty may be there now.
    half.failure = half.failure.take().filter(|failure| !failure.empty);
    half.state = State::Listing(Box::new(Snapshot::new(begin.snapshot)));
    session.tell(Out::Base(lane.clone(), begin.snapshot));
    Ok(Effect::changed(lane))
}

fn changes(
    cluster: &mut Cluster,
    session: &mut Session,
    id: SessionId,
    delta: Delta,
) -> Result<Effect, Violation> {
    let key = delta
        .key
        .as_ref()
        .ok_or(Violation::Message("a delta without a key"))?;
    let (kind, name) = split(key);
    let Some(lane) = session.lane_of(&kind, &name.namespace) else {
        return Ok(Effect::default());
    };
    let Some(half) = session.lanes.get_mut(&lane) else {
        return Ok(Effect::default());
    };
    let by_name = watch::by_name(&half.item);
    let listing = match &mut half.state {
        State::Awaited => return Err(Violation::Message("a delta of a lane without a snapshot")),
        State::Listing(listing) if !listing.based && !by_name => {
            return Err(Violation::Message(
                "a delta before the digests held were sent",
            ));
        }
        State::Listing(listing) => Some(listing),
        State::Complete | State::Requested => None,
    };
    if cluster.speaker(&name.namespace) != Some(id) {
        return Ok(Effect::default());
    }
    let epoch = half.epoch;
    let uid = delta.uid;
    let trace = TraceContext {
        parent: delta.traceparent,
        state: delta.tracestate,
    };
    let events = match delta.change {
        None => return Err(Violation::Message("a delta without a change")),
        Some(delta::Change::Upsert(upsert)) => {
            let upserted = Box::new(upserted((kind, name), uid, upsert, epoch, trace));
            if !by_name && let Some(listing) = listing {
                listing.alive.insert(upserted.name.clone());
            }
            take(cluster, upserted, by_name)
        }
        Some(delta::Change::Removal(_)) => match listing {
            // Removals of a listing wait until its sums fit.
            Some(listing) if !by_name => {
                listing.alive.remove(&name);
                Vec::new()
            }
            _ => lose(cluster, (kind, name), trace, by_name),
        },
    };
    Ok(Effect::events(events))
}

fn upserted(
    (kind, name): (Kind, Name),
    uid: String,
    upsert: Upsert,
    epoch: u64,
    trace: TraceContext,
) -> Upserted {
    Upserted {
        digest: Digest::of(&kind, &name, &uid, &upsert),
        kind,
        name,
        uid,
        version: upsert.resource_version,
        created: upsert.creation_timestamp,
        epoch,
        json: upsert.object,
        secrets: upsert.secrets,
        trace,
    }
}

fn take(cluster: &mut Cluster, upserted: Box<Upserted>, by_name: bool) -> Vec<Event> {
    let (kind, name) = (upserted.kind.clone(), upserted.name.clone());
    if by_name {
        let names = cluster.wanted.get_mut(&(kind, name.namespace));
        let Some(known) = names.and_then(|names| names.get_mut(&name.name)) else {
            return Vec::new();
        };
        *known = NamedHalf::Version(upserted.version.clone());
    } else {
        let held = Held {
            digest: upserted.digest,
            version: upserted.version.as_str().into(),
            incomplete: false,
        };
        cluster.held.entry(kind).or_default().insert(name, held);
    }
    vec![Event::Upsert(upserted)]
}

fn lose(
    cluster: &mut Cluster,
    (kind, name): (Kind, Name),
    trace: TraceContext,
    by_name: bool,
) -> Vec<Event> {
    if by_name {
        let names = cluster
            .wanted
            .get_mut(&(kind.clone(), name.namespace.clone()));
        let Some(known) = names.and_then(|names| names.get_mut(&name.name)) else {
            return Vec::new();
        };
        *known = NamedHalf::Absent;
        return vec![Event::Removed { kind, name, trace }];
    }
    match cluster
        .held
        .get_mut(&kind)
        .and_then(|objects| objects.remove(&name))
    {
        Some(_) => vec![Event::Removed { kind, name, trace }],
        None => Vec::new(),
    }
}

fn ends(
    cluster: &mut Cluster,
    session: &mut Session,
    id: SessionId,
    end: &SnapshotEnd,
) -> Result<Effect, Violation> {
    let lane = Lane::from_wire(end.lane.as_ref())
        .ok_or(Violation::Message("a snapshot without a lane"))?;
    let Some(half) = session.lanes.get_mut(&lane) else {
        return Ok(Effect::default());
    };
    let State::Listing(listing) = &half.state else {
        return Ok(Effect::default());
    };
    if listing.id != end.snapshot {
        return Ok(Effect::default());
    }
    if !listing.based {
        return Err(Violation::Message(
            "the end of a listing before the digests held were sent",
        ));
    }
    let Some(gone) = listing.end(cluster, (id, &lane), &end.sums) else {
        half.misfits += 1;
        half.afresh = true;
        half.state = State::Requested;
        if half.misfits >= MISFITS_MAX {
            return Err(Violation::Snapshot { lane });
        }
        session.tell(Out::Ask(lane.clone(), "the listing does not fit its sums"));
        return Ok(Effect::changed(lane));
    };
    half.misfits = 0;
    half.afresh = false;
    half.failure = None;
    half.state = State::Complete;
    let mut events = Vec::new();
    for name in gone {
        // A listing tells that it is gone, not when: that belongs to no trace.
        let gone = (lane.kind.clone(), name);
        events.extend(lose(cluster, gone, TraceContext::default(), false));
    }
    Ok(Effect {
        events,
        changed: Some(lane),
    })
}

/// A lane that cannot be listed counts as empty only if the API server lacks the kind or refuses it,
/// and nothing is held of it.
fn fails(
    cluster: &Cluster,
    session: &mut Session,
    id: SessionId,
    state: LaneState,
) -> Result<Effect, Violation> {
    let condition = state.condition();
    let lane =
        Lane::from_wire(state.lane.as_ref()).ok_or(Violation::Message("a state without a lane"))?;
    let Some(half) = session.lanes.get_mut(&lane) else {
        return Ok(Effect::default());
    };
    let may_be_empty = matches!(
        condition,
        LaneCondition::NotInstalled | LaneCondition::Forbidden
    );
    half.failure = Some(Failure {
        empty: may_be_empty && !cluster.holds_any(id, &lane),
        reason: state.reason,
    });
    Ok(Effect::changed(lane))
}

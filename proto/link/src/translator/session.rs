//! One admitted stream: its lanes, its window and what it has to be told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aviary_proto::sync::v1::{Intent, SyncResponse, WatchItem, WatchList, sync_response::Message};
use aviary_proto::types::v1::Coverage;
use ecow::EcoString;

use super::event::Why;
use super::snapshot::Snapshot;
use crate::Violation;
use crate::key::{Extent, Kind, Lane};

/// How well a lane is known through its session.
#[derive(Debug)]
pub(super) enum State {
    /// Nothing was heard on this stream yet.
    Awaited,
    /// A listing is under way.
    Listing(Box<Snapshot>),
    /// Listed, or resumed.
    Complete,
    /// Listed anew on request; deltas still come in.
    Requested,
}

/// One lane of a session.
#[derive(Debug)]
pub(super) struct LaneHalf {
    pub(super) item: WatchItem,
    pub(super) state: State,
    /// Epoch under which the agent trims, as of its last snapshot.
    pub(super) epoch: u64,
    /// The agent cannot list the lane; whether it counts as empty.
    pub(super) failure: Option<Failure>,
    /// The next listing is answered by an empty list, so that everything is sent.
    pub(super) afresh: bool,
    /// Listings in a row that did not fit.
    pub(super) misfits: u32,
}

/// A lane that cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) empty: bool,
}

impl LaneHalf {
    pub(super) fn new(item: WatchItem) -> Self {
        Self {
            epoch: item.epoch,
            item,
            state: State::Awaited,
            failure: None,
            afresh: false,
            misfits: 0,
        }
    }

    /// Why the lane is not complete; `None` if it is.
    pub(super) fn why(&self) -> Option<Why> {
        match (&self.failure, &self.state) {
            (Some(failure), _) if failure.empty => None,
            (Some(failure), _) => Some(Why::Failed(failure.reason.clone())),
            (None, State::Complete) => None,
            (None, _) => Some(Why::Listing),
        }
    }
}

/// What waits to be sent, made when it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Out {
    Message(Box<Message>),
    /// The digests held of a lane, for a snapshot.
    Base(Lane, u64),
    /// The request to list a lane again.
    Ask(Lane, &'static str),
    Wanted(Kind, EcoString),
    Superseded,
}

/// One admitted stream.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) cluster: String,
    pub(super) coverage: Coverage,
    pub(super) lanes: BTreeMap<Lane, LaneHalf>,
    pub(super) out: VecDeque<Out>,
    pub(super) revision: u64,
    intents: BTreeSet<u64>,
    intent_window: usize,
    last: u64,
    acked: u64,
    ack_due: bool,
    inflight: VecDeque<(u64, u64)>,
    inflight_bytes: u64,
    window: u32,
    window_bytes: u64,
}

/// Limits given to a session at its admission.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credit {
    pub(super) window: u32,
    pub(super) window_bytes: u64,
    pub(super) intent_window: usize,
}

impl Session {
    pub(super) fn new(
        cluster: String,
        coverage: Coverage,
        lanes: BTreeMap<Lane, WatchItem>,
        credit: Credit,
    ) -> Self {
        let half = |(lane, item)| (lane, LaneHalf::new(item));
        Self {
            cluster,
            coverage,
            lanes: lanes.into_iter().map(half).collect(),
            out: VecDeque::new(),
            revision: 1,
            intents: BTreeSet::new(),
            intent_window: credit.intent_window,
            last: 0,
            acked: 0,
            ack_due: false,
            inflight: VecDeque::new(),
            inflight_bytes: 0,
            window: credit.window,
            window_bytes: credit.window_bytes,
        }
    }

    /// Counts a message against the window.
    pub(super) fn count(&mut self, sequence: u64, bytes: u64) -> Result<(), Violation> {
        if sequence != self.last + 1 {
            return Err(Violation::Sequence {
                last: self.last,
                got: sequence,
            });
        }
        let full =
            self.inflight.len() >= self.window as usize || self.inflight_bytes >= self.window_bytes;
        if full {
            return Err(Violation::Window);
        }
        self.last = sequence;
        self.inflight.push_back((sequence, bytes));
        self.inflight_bytes += bytes;
        Ok(())
    }

    /// Everything up to a sequence is stored.
    pub(super) fn done(&mut self, sequence: u64) {
        let sequence = sequence.min(self.last);
        if sequence <= self.acked {
            return;
        }
        self.acked = sequence;
        self.ack_due = true;
    }

    /// The sequence to acknowledge, once. The window opens here and not before: an agent that does
    /// not read what it is told cannot make more of it.
    pub(super) fn ack(&mut self) -> Option<u64> {
        if !std::mem::take(&mut self.ack_due) {
            return None;
        }
        while let Some((first, bytes)) = self.inflight.front().copied() {
            if first > self.acked {
                break;
            }
            self.inflight.pop_front();
            self.inflight_bytes -= bytes;
        }
        Some(self.acked)
    }

    /// Queues an intent; false if the agent does not take one more.
    pub(super) fn intend(&mut self, intent: Intent) -> bool {
        if self.intents.len() >= self.intent_window {
            return false;
        }
        self.intents.insert(intent.id);
        self.say(Message::Intent(intent));
        true
    }

    /// True if the outcome is of an open intent; closes it.
    pub(super) fn settle(&mut self, id: u64) -> bool {
        self.intents.remove(&id)
    }

    /// Intents without an outcome.
    pub(super) fn open_intents(&self) -> &BTreeSet<u64> {
        &self.intents
    }

    /// Queues what is made when it is sent; once is enough, however often it comes up.
    pub(super) fn tell(&mut self, out: Out) {
        if !self.out.contains(&out) {
            self.out.push_back(out);
        }
    }

    /// Queues a message.
    pub(super) fn say(&mut self, message: Message) {
        self.out.push_back(Out::Message(Box::new(message)));
    }

    /// Follows a watch list; returns the lanes that are gone.
    pub(super) fn watch(&mut self, list: WatchList) -> Vec<Lane> {
        let mut before = std::mem::take(&mut self.lanes);
        for (lane, item) in crate::watch::lanes(&self.coverage, &list) {
            let half = match before.remove(&lane) {
                Some(half) if half.item == item => half,
                Some(half) => LaneHalf {
                    epoch: half.epoch,
                    state: half.state.asked_again(),
                    ..LaneHalf::new(item)
                },
                None => LaneHalf::new(item),
            };
            self.lanes.insert(lane, half);
        }
        self.revision += 1;
        let revision = self.revision;
        self.say(Message::WatchList(WatchList { revision, ..list }));
        before.into_keys().collect()
    }

    /// The lane that an object is in.
    pub(super) fn lane_of(&self, kind: &Kind, namespace: &str) -> Option<Lane> {
        let own = if namespace.is_empty() {
            Extent::Cluster
        } else {
            Extent::Namespace(namespace.to_owned())
        };
        [own, Extent::All]
            .into_iter()
            .map(|extent| Lane::new(kind.clone(), extent))
            .find(|lane| lane.extent.contains(namespace) && self.lanes.contains_key(lane))
    }
}

impl State {
    /// The state once the agent was told to list anew: deltas of what it listed still come in.
    pub(super) fn asked_again(self) -> Self {
        match self {
            Self::Awaited => Self::Awaited,
            _ => Self::Requested,
        }
    }
}

/// A message as sent.
pub(super) fn response(message: Message) -> SyncResponse {
    SyncResponse {
        message: Some(message),
    }
}

//! The agent's half of a stream: what to watch, what to send, what the translator already has.
//!
//! The driver owns the watches and the wire. It calls [`Session::connect`] and sends the Hello;
//! feeds what comes in to [`Session::receive`] and carries out the [`Command`]s; reads a lane's
//! watch only while [`Session::may_read`] allows and feeds it to [`Session::observe`]; sends
//! whatever [`Session::poll`] gives; reads the objects that [`Session::next_fetch`] names. At a cut
//! it calls [`Session::disconnect`] and goes on observing: bodies are dropped, digests are kept, so
//! that an unchanged lane resumes without a listing.

mod inbound;
mod lane;
mod observe;
mod outbound;
mod queue;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aviary_proto::sync::v1::{
    AgentFindings, Heartbeat, HeldLane, Hello, Intent, IntentOutcome, IntentResult, LaneState,
    MergeWrite, NamespaceSum, Superseded, SyncRequest, TokenRenewal, WatchItem, intent,
    sync_request::Message,
};
use aviary_proto::types::v1::{Coverage, Finding, ObjectKey};

pub use self::inbound::Command;
use self::lane::{Entry, LaneHalf};
pub use self::observe::{Object, Observation};
use self::queue::{Load, Queue, Subject};
use crate::digest::Digest;
use crate::key::{Kind, Lane, Name, split};
use crate::trace::TraceContext;
use crate::{PROTOCOL_VERSION, Violation};

/// Bodies that wait for the window before a driver has to stop reading.
const BODIES_MAX: usize = 256;
/// Bytes of such bodies; one object may go beyond.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of the claims in a Hello, far below what a message may have.
const CLAIM_BYTES_MAX: usize = crate::MESSAGE_BYTES_MAX / 2;
/// Bytes of a claim beside its sums, at most.
const LANE_BYTES: usize = 1024;
/// Findings said at once.
const FINDINGS_MAX: usize = 1_000;

fn sum_bytes(sum: &NamespaceSum) -> usize {
    sum.namespace.len() + 48
}

/// Who the agent is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The cluster watched.
    pub cluster: String,
    /// What of it is watched.
    pub coverage: Coverage,
    /// Version of the build.
    pub build: String,
    /// Name of the process.
    pub name: String,
    /// Intents taken before their outcomes are reported.
    pub intent_window: u32,
}

/// The scopes that a newer session speaks for.
#[derive(Clone, Debug, Default)]
struct Muted {
    all: bool,
    cluster: bool,
    namespaces: BTreeSet<String>,
}

impl From<Superseded> for Muted {
    fn from(superseded: Superseded) -> Self {
        Self {
            all: superseded.all_namespaces,
            cluster: superseded.cluster_scope,
            namespaces: superseded.namespaces.into_iter().collect(),
        }
    }
}

impl Muted {
    fn contains(&self, namespace: &str) -> bool {
        if namespace.is_empty() {
            return self.cluster;
        }
        self.all || self.namespaces.contains(namespace)
    }
}

/// Where the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No stream.
    Away,
    /// Hello is said.
    Greeting,
    /// Welcome was received.
    Open,
}

/// The agent's half of a stream to one translator replica, over all its reconnections.
#[derive(Debug)]
pub struct Session {
    identity: Identity,
    phase: Phase,
    lanes: BTreeMap<Lane, LaneHalf>,
    queue: Queue,
    control: VecDeque<Message>,
    sequence: u64,
    snapshot: u64,
    inflight: VecDeque<(u64, u64)>,
    inflight_bytes: u64,
    window: u32,
    window_bytes: u64,
    muted: Muted,
    stream: u64,
    intents: BTreeSet<u64>,
    findings: Vec<Finding>,
}

impl Session {
    /// A session without a stream.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            phase: Phase::Away,
            lanes: BTreeMap::new(),
            queue: Queue::default(),
            control: VecDeque::new(),
            sequence: 0,
            snapshot: 0,
            inflight: VecDeque::new(),
            inflight_bytes: 0,
            window: 0,
            window_bytes: 0,
            muted: Muted::default(),
            stream: 0,
            intents: BTreeSet::new(),
            findings: Vec::new(),
        }
    }

    /// A stream opens: returns the Hello, which is to be sent first.
    pub fn connect(&mut self) -> SyncRequest {
        self.disconnect();
        self.phase = Phase::Greeting;
        self.stream += 1;
        let mut held = Vec::new();
        let mut bytes = 0;
        for (lane, half) in self.lanes.iter_mut().filter(|(_, half)| half.whole()) {
            half.claim();
            let sums = half.sums();
            // What does not fit is not claimed, and so is listed again.
            bytes += LANE_BYTES + sums.iter().map(sum_bytes).sum::<usize>();
            if bytes > CLAIM_BYTES_MAX {
                half.untell();
                continue;
            }
            half.linked = true;
            held.push(HeldLane {
                lane: Some(lane.to_wire()),
                epoch: half.item.epoch,
                sums,
            });
        }
        unsequenced(Message::Hello(Hello {
            protocol_version: PROTOCOL_VERSION,
            cluster: self.identity.cluster.clone(),
            coverage: Some(self.identity.coverage.clone()),
            build: self.identity.build.clone(),
            name: self.identity.name.clone(),
            held,
            intent_window: self.identity.intent_window,
        }))
    }

    /// The stream is cut. What was sent may have been lost: nothing counts as told.
    pub fn disconnect(&mut self) {
        self.phase = Phase::Away;
        self.queue = Queue::default();
        self.control.clear();
        self.sequence = 0;
        self.inflight.clear();
        self.inflight_bytes = 0;
        self.muted = Muted::default();
        self.intents.clear();
        for half in self.lanes.values_mut() {
            half.untell();
            half.based = true;
            half.linked = false;
            half.wanted.clear();
            half.fetches.clear();
        }
    }

    /// True once the translator has welcomed the stream.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// True if the lane's watch may be read: there is room for a body, and a listing has something
    /// to be compared with.
    pub fn may_read(&self, lane: &Lane) -> bool {
        if self.phase == Phase::Away {
            return true;
        }
        self.has_room() && self.lanes.get(lane).is_some_and(|half| half.based)
    }

    /// True if one more body may be read.
    pub fn has_room(&self) -> bool {
        let (bodies, bytes) = self.queue.bodies();
        bodies < BODIES_MAX && bytes < BODY_BYTES_MAX
    }

    /// Takes in what a lane's watch says.
    pub fn observe(&mut self, lane: &Lane, observation: Observation) {
        self.observe_traced(lane, observation, &mut |_| TraceContext::default());
    }

    /// The same, for changes that belong to traces: `trace` is asked for that of an object if its
    /// change is going to be told, and not else.
    pub fn observe_traced(
        &mut self,
        lane: &Lane,
        observation: Observation,
        trace: &mut dyn FnMut(&Name) -> TraceContext,
    ) {
        let open = self.phase == Phase::Open;
        let Some(half) = self.lanes.get_mut(lane) else {
            return;
        };
        match observation {
            Observation::Listing => {
                half.list();
                half.linked = false;
                half.untell();
                self.queue.drop_lane(lane);
                if open {
                    half.based = false;
                    self.queue.put(Subject::Begin(lane.clone()), Load::Nothing);
                }
            }
            Observation::Object(object) => self.observe_object(lane, object, trace),
            Observation::Kept(name) => half.keep(&name),
            Observation::Gone(name) => self.observe_gone(lane, name, trace),
            Observation::Listed => self.observe_listed(lane),
            Observation::Failed(condition, reason) => {
                if half.fail(condition, reason) && open {
                    self.report_failure(lane);
                }
            }
        }
    }

    fn observe_object(
        &mut self,
        lane: &Lane,
        mut object: Object,
        trace: &mut dyn FnMut(&Name) -> TraceContext,
    ) {
        let muted = self.muted.contains(&object.name.namespace);
        let Some(half) = self.lanes.get_mut(lane) else {
            return;
        };
        let tell = half.take(&lane.kind, &object);
        if half.by_name() {
            self.weigh(lane, &[object.name]);
        } else if tell && half.linked && !muted {
            object.trace = trace(&object.name);
            let subject = Subject::Object(lane.clone(), object.name.clone());
            self.queue.put(subject, Load::Body(Box::new(object)));
        }
    }

    fn observe_gone(
        &mut self,
        lane: &Lane,
        name: Name,
        trace: &mut dyn FnMut(&Name) -> TraceContext,
    ) {
        let muted = self.muted.contains(&name.namespace);
        let Some(half) = self.lanes.get_mut(lane) else {
            return;
        };
        let tell = half.lose(&name);
        if half.by_name() {
            self.weigh(lane, &[name]);
        } else if tell && half.linked && !muted {
            let load = Load::Gone(trace(&name));
            self.queue.put(Subject::Object(lane.clone(), name), load);
        }
    }

    fn observe_listed(&mut self, lane: &Lane) {
        let Some(half) = self.lanes.get_mut(lane) else {
            return;
        };
        let gone = half.listed();
        if !half.linked {
            return;
        }
        let wanted: Vec<Name> = half.wanted.keys().cloned().collect();
        for name in gone {
            self.queue
                .put(Subject::Object(lane.clone(), name), Load::Nothing);
        }
        self.queue.put(Subject::End(lane.clone()), Load::Nothing);
        self.weigh(lane, &wanted);
    }

    /// Decides what to do about objects that may be wanted by name.
    fn weigh(&mut self, lane: &Lane, names: &[Name]) {
        let Some(half) = self.lanes.get_mut(lane) else {
            return;
        };
        for name in half.weigh(names) {
            self.queue
                .put(Subject::Object(lane.clone(), name), Load::Nothing);
        }
    }

    /// The next object to read by name, while there is room for its body.
    pub fn next_fetch(&mut self) -> Option<(Lane, Name, WatchItem)> {
        if self.phase != Phase::Open || !self.has_room() {
            return None;
        }
        let (lane, half) = self
            .lanes
            .iter_mut()
            .find(|(_, half)| !half.fetches.is_empty())?;
        let name = half.fetches.pop_first()?;
        Some((lane.clone(), name, half.item.clone()))
    }

    /// The object that was to be read, or its absence.
    pub fn fetched(&mut self, lane: &Lane, name: &Name, object: Option<Object>) {
        let Some(half) = self.lanes.get(lane) else {
            return;
        };
        if self.phase != Phase::Open || !half.wanted.contains_key(name) {
            return;
        }
        let load = object.map_or(Load::Nothing, |object| Load::Body(Box::new(object)));
        self.queue
            .put(Subject::Object(lane.clone(), name.clone()), load);
    }

    /// The object could not be read and is to be tried again, if it is still wanted.
    pub fn refetch(&mut self, lane: &Lane, name: &Name) {
        if let Some(half) = self.lanes.get_mut(lane)
            && half.wanted.contains_key(name)
        {
            half.fetches.insert(name.clone());
        }
    }

    /// Reports the outcome of an intent of a stream; that of an older stream is dropped.
    pub fn outcome(&mut self, stream: u64, outcome: IntentOutcome) {
        if stream == self.stream && self.intents.remove(&outcome.id) {
            self.control.push_back(Message::IntentOutcome(outcome));
        }
    }

    /// Sends a newer token.
    pub fn renew(&mut self, token: String) {
        if self.phase == Phase::Away {
            return;
        }
        self.control
            .retain(|message| !matches!(message, Message::TokenRenewal(_)));
        self.control
            .push_back(Message::TokenRenewal(TokenRenewal { token }));
    }

    /// Says what is wrong with the source, in place of what was said before.
    pub fn find(&mut self, mut findings: Vec<Finding>) {
        findings.truncate(FINDINGS_MAX);
        if self.findings != findings {
            self.findings = findings;
            self.report_findings();
        }
    }

    /// Says that the agent lives. To be called when nothing was sent for 15 s.
    pub fn beat(&mut self) {
        if self.phase == Phase::Open && self.control.is_empty() {
            let pending = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
            self.control
                .push_back(Message::Heartbeat(Heartbeat { pending }));
        }
    }

    /// The resourceVersion that a merge has to carry: the newest, if only untranslated fields
    /// changed since the translator saw the object; else the one it was made from.
    pub fn merge_version(&self, key: &ObjectKey, write: &MergeWrite) -> String {
        let (kind, name) = split(key);
        let newest = Digest::from_wire(&write.digest).and_then(|basis| {
            let entry = self.entry(&kind, &name)?;
            let now = entry.now.as_ref().filter(|now| now.digest == basis)?;
            Some(now.version.clone())
        });
        match newest {
            Some(newest) if !write.resource_version.is_empty() => newest.into(),
            _ => write.resource_version.clone(),
        }
    }

    fn entry(&self, kind: &Kind, name: &Name) -> Option<&Entry> {
        self.lanes
            .iter()
            .filter(|(lane, _)| lane.kind == *kind && lane.extent.contains(&name.namespace))
            .find_map(|(_, half)| half.entries.get(name))
    }

    fn report_failure(&mut self, lane: &Lane) {
        let Some((condition, reason)) = self.lanes.get(lane).and_then(|half| half.failure.clone())
        else {
            return;
        };
        let state = LaneState {
            lane: Some(lane.to_wire()),
            condition: condition.into(),
            reason,
        };
        self.queue
            .put(Subject::State(lane.clone()), Load::State(state));
    }

    fn report_findings(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        self.control
            .retain(|message| !matches!(message, Message::AgentFindings(_)));
        let findings = self.findings.clone();
        self.control
            .push_back(Message::AgentFindings(AgentFindings { findings }));
    }

    /// Admits an intent, or answers at once that there are too many.
    fn admit_intent(&mut self, intent: Intent) -> Result<Option<Intent>, Violation> {
        let window = self.identity.intent_window as usize;
        if self.control.len() > window.saturating_mul(2).saturating_add(16) {
            return Err(Violation::Message("intents far beyond their window"));
        }
        if self.intents.len() >= window {
            self.control
                .push_back(Message::IntentOutcome(IntentOutcome {
                    id: intent.id,
                    result: IntentResult::Busy.into(),
                    ..IntentOutcome::default()
                }));
            return Ok(None);
        }
        self.intents.insert(intent.id);
        Ok(Some(self.refresh(intent)))
    }

    fn refresh(&self, mut intent: Intent) -> Intent {
        if let (Some(key), Some(intent::Write::Merge(merge))) = (&intent.key, &mut intent.write) {
            merge.resource_version = self.merge_version(key, merge);
        }
        intent
    }
}

fn unsequenced(message: Message) -> SyncRequest {
    SyncRequest {
        sequence: 0,
        message: Some(message),
    }
}

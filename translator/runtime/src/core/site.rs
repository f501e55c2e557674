//! One Controller with everything that is known and planned for it.

use crate::control::Reader;
use crate::execute::{Done, End, Failure, Found, Handle, NotTried, Outcome};
use crate::lane::Lane;
use crate::view::Held;
use aviary_avi::{AviKey, ObservedObject};
use aviary_plan::{Op, OpKey, Plan};
use aviary_session::Scope;
use aviary_settings::InstanceSettings;
use aviary_types::{ClusterName, Code, EcoString, Finding, ObjectKey, eco_format};
use imbl::OrdMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after a failed write doubles from this to `RETRY_MAX`.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(5);
/// The Controller makes something else of it each time: not sent again before this.
const STUBBORN: Duration = Duration::from_hours(1);

/// A Controller.
pub(crate) struct Site {
    pub(crate) name: EcoString,
    pub(crate) instances: Vec<InstanceSettings>,
    pub(crate) lane: Lane,
    pub(crate) reader: Reader,
    pub(crate) executor: Option<Arc<Handle>>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) trouble: EcoString,
    /// Everything was read once, so that plans may be made.
    pub(crate) open: bool,
    /// Something must be compared.
    pub(crate) dirty: bool,
    /// A plan is on its way to the executor.
    pub(crate) submitting: bool,
    pub(crate) read_at: Instant,
    /// The last outcome that was taken in.
    pub(crate) seen: u64,
    pub(crate) drift_due: Option<Instant>,
    /// Objects with operations at the executor, and how many.
    busy: BTreeMap<AviKey, usize>,
    /// When each object was written last, counted in outcomes.
    written: BTreeMap<AviKey, u64>,
    /// Objects that are not written again before a time, unless they change.
    waits: BTreeMap<AviKey, Wait>,
    pub(crate) ops: OrdMap<u64, Arc<Op>>,
    numbers: u64,
    by_key: BTreeMap<OpKey, u64>,
    pub(crate) holds: BTreeMap<AviKey, Held>,
    /// Operations that a pause or the guard keeps back: compared again with each plan.
    pub(crate) parked: BTreeMap<OpKey, Op>,
    pub(crate) guarded: EcoString,
    pub(crate) guard: Option<Plan>,
    pub(crate) refusals: BTreeMap<AviKey, Vec<Finding>>,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    until: Instant,
    failures: u32,
    /// The write has failed for a reason that passes: it is still to be done.
    undone: bool,
}

impl Site {
    pub(crate) fn new(
        name: EcoString,
        instances: Vec<InstanceSettings>,
        reader: Reader,
        executor: Option<Arc<Handle>>,
    ) -> Self {
        Self {
            name,
            lane: Lane::new(instances.clone()),
            instances,
            reader,
            executor,
            scopes: Vec::new(),
            trouble: EcoString::new(),
            open: false,
            dirty: false,
            submitting: false,
            read_at: Instant::now(),
            seen: 0,
            drift_due: None,
            busy: BTreeMap::new(),
            written: BTreeMap::new(),
            waits: BTreeMap::new(),
            ops: OrdMap::new(),
            numbers: 0,
            by_key: BTreeMap::new(),
            holds: BTreeMap::new(),
            parked: BTreeMap::new(),
            guarded: EcoString::new(),
            guard: None,
            refusals: BTreeMap::new(),
        }
    }

    /// Ends everything that talks to the Controller.
    pub(crate) fn close(&self) {
        self.reader.session.close();
    }

    /// The clusters whose domains are here.
    pub(crate) fn clusters(&self) -> BTreeSet<&ClusterName> {
        self.instances
            .iter()
            .map(|settings| &settings.cluster)
            .collect()
    }

    /// Objects that the next plan must leave alone.
    pub(crate) fn blocked(&self) -> BTreeSet<AviKey> {
        self.busy.keys().chain(self.waits.keys()).cloned().collect()
    }

    /// Whether an object was written since so many outcomes, or is being written.
    pub(crate) fn is_newer(&self, key: &AviKey, writes: u64) -> bool {
        let written = self.written.get(key).is_some_and(|at| *at > writes);
        written || self.busy.contains_key(key)
    }

    /// Forgets when objects were written: no list that is older is under way.
    pub(crate) fn forget_writes(&mut self) {
        self.written.clear();
    }

    /// Whether nothing is under way, waits to be planned, or is to be tried again.
    pub(crate) fn is_settled(&self) -> bool {
        let undone = self.waits.values().any(|wait| wait.undone);
        self.open && !self.dirty && !self.submitting && self.busy.is_empty() && !undone
    }

    /// When something has to be looked at again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waits
            .values()
            .map(|wait| wait.until)
            .chain(self.drift_due)
            .min()
    }

    /// Objects whose pause is over are compared again.
    pub(crate) fn look_at_waits(&mut self, now: Instant) {
        let due = self.waits.extract_if(.., |_, wait| wait.until <= now);
        for (key, _) in due.collect::<Vec<_>>() {
            self.touch(&key);
        }
    }

    /// The desired form changed: what was refused before may be taken now.
    pub(crate) fn changed(&mut self) {
        let changed = &self.lane.built().changed;
        self.waits.retain(|key, _| !changed.contains(key));
        self.refusals.retain(|key, _| !changed.contains(key));
        self.dirty |= !changed.is_empty() || self.lane.built().unknown_changed;
    }

    /// An object is to be compared again.
    pub(crate) fn touch(&mut self, key: &AviKey) {
        self.lane.doubt(key);
        self.dirty = true;
    }

    /// Somebody else changed an object.
    pub(crate) fn found(&mut self, key: &AviKey, now: Option<ObservedObject>) {
        self.lane.written(key, now);
        self.waits.remove(key);
        self.dirty = true;
    }

    /// Shows operations, and counts them as busy if they go to the executor.
    pub(crate) fn show(&mut self, ops: &[Op], busy: bool) {
        for op in ops {
            self.numbers += 1;
            self.by_key.insert(op.key.clone(), self.numbers);
            self.ops.insert(self.numbers, Arc::new(op.clone()));
            if busy {
                *self.busy.entry(op.key.object.clone()).or_default() += 1;
            }
        }
    }

    /// Takes what was shown and held of the compared objects away (`None`: of all).
    pub(crate) fn clear_compared(&mut self, compared: Option<&BTreeSet<AviKey>>) {
        let gone = |key: &AviKey| compared.is_none_or(|keys| keys.contains(key));
        self.holds.retain(|key, _| !gone(key));
        self.parked.retain(|key, _| !gone(&key.object));
        let stale: Vec<OpKey> = self
            .by_key
            .keys()
            .filter(|key| gone(&key.object) && !self.busy.contains_key(&key.object))
            .cloned()
            .collect();
        for key in &stale {
            self.hide(key);
        }
    }

    fn hide(&mut self, key: &OpKey) {
        if let Some(number) = self.by_key.remove(key) {
            self.ops.remove(&number);
        }
    }

    /// Takes the end of an operation in.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        let Outcome { number, op, end } = outcome;
        self.seen = number;
        let key = op.key.object.clone();
        if let Some(count) = self.busy.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.busy.remove(&key);
            }
        }
        // A newer operation of the same name is shown in its place.
        if !matches!(end, End::NotTried(NotTried::Replaced)) {
            self.hide(&op.key);
        }
        self.dirty = true;
        match end {
            End::Done(done) => self.done(&key, done),
            End::Failed(failure) => self.failed(&op, failure),
            End::NotTried(NotTried::Replaced) => {}
            End::NotTried(_) => self.lane.doubt(&key),
        }
    }

    fn done(&mut self, key: &AviKey, done: Done) {
        self.written.insert(key.clone(), self.seen);
        self.lane.written(key, done.now);
        self.refusals.remove(key);
        if done.as_sent {
            self.waits.remove(key);
        } else {
            let until = Instant::now() + STUBBORN;
            self.waits.insert(
                key.clone(),
                Wait {
                    until,
                    failures: 0,
                    undone: false,
                },
            );
        }
    }

    fn failed(&mut self, op: &Op, failure: Failure) {
        let key = &op.key.object;
        self.written.insert(key.clone(), self.seen);
        match failure.found {
            Found::Unknown => self.lane.doubt(key),
            Found::Gone => self.lane.written(key, None),
            Found::Object(now) => self.lane.written(key, Some(*now)),
        }
        let failures = self.waits.get(key).map_or(0, |wait| wait.failures) + 1;
        let pause = RETRY_MIN
            .saturating_mul(1 << failures.min(10))
            .min(RETRY_MAX);
        let until = Instant::now() + pause;
        let undone = failure.class.is_transient();
        self.waits.insert(
            key.clone(),
            Wait {
                until,
                failures,
                undone,
            },
        );
        if undone {
            return;
        }
        let text = eco_format!("the Controller refused {key}: {}", failure.message);
        let hint = "correct what it names, or see the event log of the Controller";
        let finding = |source| Finding::new(source, Code::ControllerRefused, text.clone(), hint);
        self.refusals
            .insert(key.clone(), op.provenance.objects().map(finding).collect());
    }

    /// What the Controller refused of what an object asks for.
    pub(crate) fn refused(&self, source: &ObjectKey) -> Vec<Finding> {
        let all = self.refusals.values().flatten();
        all.filter(|finding| finding.object == *source)
            .cloned()
            .collect()
    }
}

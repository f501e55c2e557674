//! The order of execution: which operations may go out now, given those that wait and those that are
//! under way. Pure; whoever executes asks it.
//!
//! - At most one operation of an object is under way; its stages go in their order.
//! - An operation goes out when none of the operations in its `after` waits or is under way.
//! - Urgent ones go first, then those of earlier plans, then in the order of the plan.
//! - Operations that interrupt traffic go out one group (one host) at a time, with nothing between.

mod breaks;
mod cycles;
mod stages;
#[cfg(test)]
mod tests;

use crate::breaks::interruptions;
use crate::op::{Op, OpKey};
use aviary_avi::AviKey;
use aviary_types::Members;
use stages::Stages;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was done.
    Success,
    /// It was not done.
    Failure,
}

/// What became of a plan that was admitted.
#[derive(Debug, Default)]
pub struct Admission {
    /// Operations that waited and have one of this plan in their place now.
    pub replaced: Vec<Arc<Op>>,
    /// Operations of earlier plans that contradict this one; to be planned anew if still needed.
    pub dropped: Vec<Arc<Op>>,
    /// The rest of the plan for which there was no room; to be planned anew later.
    pub refused: Vec<Arc<Op>>,
}

/// The place in the queue: urgent first, then by number.
type Turn = (bool, u64);

#[derive(Debug)]
struct Waiting {
    op: Arc<Op>,
    turn: Turn,
    /// The number of the plan that brought it.
    admission: u64,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    stage: u16,
    admission: u64,
}

/// Operations that wait and operations under way.
#[derive(Debug)]
pub struct Scheduler {
    bound: usize,
    admissions: u64,
    numbers: u64,
    count: usize,
    waiting: BTreeMap<AviKey, Stages>,
    running: BTreeMap<AviKey, Running>,
    /// Object to the waiting operations that name it in `after`.
    dependents: BTreeMap<AviKey, Members<OpKey>>,
    /// Those that may be ready. What is not here waits for something that will wake it.
    candidates: BTreeMap<Turn, Arc<Op>>,
    /// The group of interrupting operations that is being worked off.
    open: BTreeSet<OpKey>,
}

/// How many operations of its interruption follow each marked one, itself included.
fn sizes(ops: &[Arc<Op>]) -> BTreeMap<OpKey, usize> {
    let mut sizes = BTreeMap::new();
    for group in interruptions(ops.iter().map(|op| &**op)) {
        let marked = ops.iter().filter(|op| group.contains(&op.key));
        let left = (1..=group.len()).rev();
        sizes.extend(marked.map(|op| op.key.clone()).zip(left));
    }
    sizes
}

impl Scheduler {
    /// A scheduler that lets at most `bound` operations wait.
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            admissions: 0,
            numbers: 0,
            count: 0,
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            dependents: BTreeMap::new(),
            candidates: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    /// How many operations wait.
    pub fn waiting(&self) -> usize {
        self.count
    }

    /// How many operations are under way.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.count == 0 && self.running.is_empty()
    }

    /// Takes a plan's operations in. What waits for an object that the plan writes is replaced; what
    /// is under way goes on, and the new operation waits for it.
    pub fn admit<O: Into<Arc<Op>>>(&mut self, ops: impl IntoIterator<Item = O>) -> Admission {
        let ops: Vec<Arc<Op>> = ops.into_iter().map(Into::into).collect();
        self.admissions += 1;
        let mut admission = Admission::default();
        let mut admitted = Vec::with_capacity(ops.len());
        let sizes = sizes(&ops);
        let mut ops = ops.into_iter();
        for op in ops.by_ref() {
            let former = self.supersede(&op.key, &mut admission.replaced);
            // The plan's order respects `after`, so that a cut-off rest leaves nothing dangling. An
            // interruption begins only where all of it finds room.
            let needed = sizes.get(&op.key).copied().unwrap_or(1);
            if former.is_none() && self.count + needed > self.bound {
                admission.refused.push(op);
                break;
            }
            admitted.push(op.clone());
            self.insert(op, former);
        }
        admission.refused.extend(ops);
        admission.dropped = self.break_cycles(&admitted);
        admission
    }

    /// Removes what waits for this object from earlier plans. Answers the place in the queue of the
    /// operation with this very key.
    fn supersede(&mut self, key: &OpKey, replaced: &mut Vec<Arc<Op>>) -> Option<Turn> {
        let stages = self.waiting.get(&key.object)?;
        let old: Vec<u16> = stages
            .iter()
            .filter(|it| it.op.key.stage == key.stage || it.admission < self.admissions)
            .map(|it| it.op.key.stage)
            .collect();
        let mut turn = None;
        for stage in old {
            let former = self.remove(&OpKey {
                object: key.object.clone(),
                stage,
            });
            let Some(former) = former else { continue };
            if stage == key.stage {
                turn = Some(former.turn);
            }
            replaced.push(former.op);
        }
        turn
    }

    /// An operation that comes in the place of another keeps its place in the queue.
    fn insert(&mut self, op: Arc<Op>, former: Option<Turn>) {
        self.numbers += 1;
        let turn = match former {
            Some((bulk, number)) => (bulk && !op.urgent, number),
            None => (!op.urgent, self.numbers),
        };
        for after in &op.after {
            let dependents = self.dependents.entry(after.object.clone());
            dependents.or_default().insert(op.key.clone());
        }
        self.candidates.insert(turn, op.clone());
        let object = op.key.object.clone();
        let waiting = Waiting {
            op,
            turn,
            admission: self.admissions,
        };
        self.count += 1;
        self.waiting.entry(object).or_default().insert(waiting);
    }

    fn get(&self, key: &OpKey) -> Option<&Waiting> {
        self.waiting.get(&key.object)?.get(key.stage)
    }

    /// Takes an operation out and wakes what waited for its object.
    fn remove(&mut self, key: &OpKey) -> Option<Waiting> {
        let stages = self.waiting.get_mut(&key.object)?;
        let removed = stages.remove(key.stage)?;
        if stages.is_empty() {
            self.waiting.remove(&key.object);
        }
        self.count -= 1;
        self.candidates.remove(&removed.turn);
        for after in &removed.op.after {
            if let Some(dependents) = self.dependents.get_mut(&after.object) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(&after.object);
                }
            }
        }
        self.wake(&key.object);
        Some(removed)
    }

    /// Makes candidates of those that may have waited for an operation of this object.
    fn wake(&mut self, object: &AviKey) {
        let own = self.waiting.get(object).into_iter();
        let own = own.flat_map(Stages::iter);
        let dependents = self
            .dependents
            .get(object)
            .into_iter()
            .flat_map(Members::iter);
        let dependents = dependents.filter_map(|key| self.get(key));
        let woken = own.chain(dependents);
        let woken = woken.map(|waiting| (waiting.turn, waiting.op.clone()));
        self.candidates.extend(woken.collect::<Vec<_>>());
    }

    /// Whether an operation of this object, up to this stage, is under way.
    fn is_running(&self, object: &AviKey, stage: u16) -> bool {
        self.running
            .get(object)
            .is_some_and(|running| running.stage <= stage)
    }

    /// The waiting operations that this one waits for.
    fn blockers<'a>(&'a self, waiting: &'a Waiting) -> impl Iterator<Item = &'a Waiting> {
        let op = &waiting.op;
        let own = self.waiting.get(&op.key.object).into_iter();
        let own = own.flat_map(move |stages| stages.before(op.key.stage));
        let others = op
            .after
            .iter()
            .filter(|after| after.object != op.key.object);
        let others = others.flat_map(|after| {
            let stages = self.waiting.get(&after.object).into_iter();
            stages.flat_map(|stages| stages.up_to(after.stage))
        });
        own.chain(others)
    }

    /// Whether nothing that waits or is under way holds this operation back.
    fn is_free(&self, waiting: &Waiting) -> bool {
        let OpKey { object, stage } = &waiting.op.key;
        let own = self.waiting.get(object);
        let is_first = own.is_none_or(|stages| stages.before(*stage).is_empty());
        // Backwards: what an operation waits for ends mostly in the order of the plan, so that the
        // last one tells soonest. A parent may wait for thousands.
        let mut named = waiting.op.after.iter().rev();
        is_first
            && !self.running.contains_key(object)
            && !named.any(|after| after.object != *object && self.is_active(after))
    }

    /// Whether an operation of this object, up to this stage, waits or is under way.
    fn is_active(&self, key: &OpKey) -> bool {
        let stages = self.waiting.get(&key.object);
        self.is_running(&key.object, key.stage)
            || stages.is_some_and(|stages| !stages.up_to(key.stage).is_empty())
    }

    /// Hands out up to `room` operations that may go now. They count as under way from here on.
    pub fn ready(&mut self, room: usize) -> Vec<Arc<Op>> {
        let mut out = Vec::new();
        while out.len() < room {
            let Some(key) = self.pick() else { break };
            out.extend(self.start(&key));
        }
        out
    }

    fn pick(&mut self) -> Option<OpKey> {
        match self.pick_in_group() {
            breaks::Pick::Start(key) => Some(key),
            breaks::Pick::Wait => None,
            breaks::Pick::Anything => self.pick_outside(),
        }
    }

    /// The first candidate that is free. Candidates that are not are parked until they are woken.
    fn pick_outside(&mut self) -> Option<OpKey> {
        let mut held_back = None;
        let mut from = None;
        while let Some((turn, key)) = self.candidate_after(from) {
            from = Some(turn);
            let waiting = self.get(&key)?;
            if !self.is_free(waiting) {
                self.candidates.remove(&turn);
            } else if waiting.op.breaks.is_none() {
                return Some(key);
            } else if !self.is_self_contained(&key) {
                held_back = held_back.or(Some(key));
            } else if self.running.is_empty() {
                return Some(self.open_group(key));
            } else {
                return None; // let what is under way end first
            }
        }
        let nothing_else = self.running.is_empty();
        held_back
            .filter(|_| nothing_else)
            .map(|key| self.open_group(key))
    }

    fn candidate_after(&self, turn: Option<Turn>) -> Option<(Turn, OpKey)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = turn.map_or(Unbounded, Excluded);
        let (turn, op) = self.candidates.range((from, Unbounded)).next()?;
        Some((*turn, op.key.clone()))
    }

    fn start(&mut self, key: &OpKey) -> Option<Arc<Op>> {
        let Waiting { op, admission, .. } = self.remove(key)?;
        let running = Running {
            stage: key.stage,
            admission,
        };
        self.running.insert(key.object.clone(), running);
        Some(op)
    }

    /// Notes how an operation ended. After a failure, what waited for it cannot be done as planned:
    /// it is dropped and returned. What waits for a newer operation of the same object stays.
    pub fn finish(&mut self, key: &OpKey, ending: Ending) -> Vec<Arc<Op>> {
        let Some(running) = self.running.remove(&key.object) else {
            return Vec::new();
        };
        let dropped = match ending {
            Ending::Success => Vec::new(),
            Ending::Failure => self.drop_dependents(key, running.admission),
        };
        self.wake(&key.object);
        dropped
    }

    fn drop_dependents(&mut self, key: &OpKey, admission: u64) -> Vec<Arc<Op>> {
        let mut dropped = Vec::new();
        let mut lost = vec![(key.clone(), admission)];
        while let Some((key, admission)) = lost.pop() {
            for waiter in self.waiters(&key, admission) {
                if let Some(waiting) = self.remove(&waiter) {
                    lost.push((waiter, waiting.admission));
                    dropped.push((waiting.turn, waiting.op));
                }
            }
        }
        dropped.sort_by_key(|(turn, _)| *turn);
        dropped.into_iter().map(|(_, op)| op).collect()
    }

    /// Those that wait for an operation that will not be done, and for no newer one in its place:
    /// the later stages of its own plan, and those that name it in `after`.
    fn waiters(&self, key: &OpKey, admission: u64) -> Vec<OpKey> {
        let own = self.waiting.get(&key.object).into_iter();
        let own = own.flat_map(Stages::iter);
        let own = own.filter(|it| it.op.key.stage > key.stage && it.admission == admission);
        let own = own.map(|waiting| waiting.op.key.clone());
        let named = self.dependents.get(&key.object);
        let named = named.into_iter().flat_map(Members::iter);
        let named = named
            .filter(|waiter| self.waits_for_lost(waiter, key))
            .cloned();
        own.chain(named).collect()
    }

    fn waits_for_lost(&self, waiter: &OpKey, lost: &OpKey) -> bool {
        let Some(waiting) = self.get(waiter) else {
            return false;
        };
        let named = waiting
            .op
            .after
            .iter()
            .filter(|after| after.object == lost.object);
        let reach = named.map(|after| after.stage).max();
        let newer = |reach: u16| {
            let stages = self.waiting.get(&lost.object);
            stages.is_some_and(|stages| !stages.up_to(reach).is_empty())
        };
        reach.is_some_and(|reach| reach >= lost.stage && !newer(reach))
    }

    /// Drops everything that waits. What is under way goes on.
    pub fn clear(&mut self) -> Vec<Arc<Op>> {
        self.candidates.clear();
        self.dependents.clear();
        self.count = 0;
        let waiting = std::mem::take(&mut self.waiting).into_values();
        let mut all: Vec<Waiting> = waiting.flatten().collect();
        all.sort_by_key(|waiting| waiting.turn);
        all.into_iter().map(|waiting| waiting.op).collect()
    }
}

//! The order of a plan: each operation after those that it waits for, and interruptions as short as
//! can be.

use crate::breaks::interruptions;
use crate::op::{Method, Op, OpKey};
use std::collections::{BTreeMap, BTreeSet};

/// Writes before deletes, then by key.
type Rank = (bool, OpKey);

/// Kahn's order. Among those that may go, operations that interrupt nothing go first; of those that
/// do, one group after the other.
pub(crate) fn sorted(mut ops: BTreeMap<OpKey, Op>) -> Vec<Op> {
    let mut waiting: BTreeMap<OpKey, usize> = ops
        .iter()
        .map(|(key, op)| (key.clone(), op.after.len()))
        .collect();
    let mut followers: BTreeMap<OpKey, Vec<OpKey>> = BTreeMap::new();
    for (key, op) in &ops {
        for before in &op.after {
            followers
                .entry(before.clone())
                .or_default()
                .push(key.clone());
        }
    }
    let mut ready = Ready::new(&ops);
    for (key, _) in waiting.iter().filter(|(_, count)| **count == 0) {
        ready.add(&ops, key);
    }
    let mut sorted = Vec::with_capacity(ops.len());
    while !ops.is_empty() {
        // Rules that contradict each other would be a bug; then the smallest operation goes first
        // rather than none at all, and no longer waits for what comes later.
        let next = ready.next().or_else(|| ops.keys().next().cloned());
        let Some(key) = next else { break };
        let Some(mut op) = ops.remove(&key) else {
            continue;
        };
        debug_assert_eq!(
            waiting.get(&key),
            Some(&0),
            "contradicting order at {key:?}"
        );
        op.after.retain(|before| !ops.contains_key(before));
        sorted.push(op);
        for follower in followers.remove(&key).unwrap_or_default() {
            if let Some(count) = waiting.get_mut(&follower) {
                *count = count.saturating_sub(1);
                if *count == 0 && ops.contains_key(&follower) {
                    ready.add(&ops, &follower);
                }
            }
        }
    }
    sorted
}

/// Operations that wait for nothing any more.
struct Ready {
    plain: BTreeSet<Rank>,
    /// Those of each interruption.
    marked: BTreeMap<usize, BTreeSet<Rank>>,
    /// Which interruption an operation belongs to.
    groups: BTreeMap<OpKey, usize>,
    /// The interruption that has begun.
    open: Option<usize>,
}

impl Ready {
    fn new(ops: &BTreeMap<OpKey, Op>) -> Self {
        let groups = interruptions(ops.values()).into_iter().enumerate();
        let groups = groups.flat_map(|(at, group)| group.into_iter().map(move |key| (key, at)));
        Self {
            plain: BTreeSet::new(),
            marked: BTreeMap::new(),
            groups: groups.collect(),
            open: None,
        }
    }

    fn add(&mut self, ops: &BTreeMap<OpKey, Op>, key: &OpKey) {
        let deletes = ops.get(key).is_some_and(|op| op.method == Method::Delete);
        let group = self.groups.get(key);
        let ready = match group {
            Some(group) => self.marked.entry(*group).or_default(),
            None => &mut self.plain,
        };
        ready.insert((deletes, key.clone()));
    }

    fn next(&mut self) -> Option<OpKey> {
        let open = self.open.and_then(|group| self.marked.get_mut(&group));
        let next = open
            .and_then(BTreeSet::pop_first)
            .or_else(|| self.plain.pop_first());
        let next = next.or_else(|| {
            let mut groups = self
                .marked
                .iter_mut()
                .filter(|(_, ready)| !ready.is_empty());
            let (group, ready) = groups.next()?;
            self.open = Some(*group);
            ready.pop_first()
        });
        next.map(|(_, key)| key)
    }
}

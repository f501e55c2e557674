//! The order of a plan: each operation after those that it waits for, and interruptions as short as
//! can be.

use crate::breaks::interruptions;
use crate::op::{Method, Op, OpKey};
use std::collections::{BTreeMap, BTreeSet};

/// Place of an operation among all, in the order of their keys: it stands for the key.
type At = usize;

/// Writes before deletes, then by key.
type Rank = (bool, At);

/// Kahn's order. Among those that may go, operations that interrupt nothing go first; of those that
/// do, one group after the other.
pub(crate) fn sorted(ops: BTreeMap<OpKey, Op>) -> Vec<Op> {
    let ops: Vec<Op> = ops.into_values().collect();
    let mut waiting: Vec<usize> = ops.iter().map(|op| op.after.len()).collect();
    let followers = Followers::of(&ops);
    let mut ready = Ready::new(&ops);
    for (at, _) in (0..).zip(&waiting).filter(|(_, count)| **count == 0) {
        ready.add(at);
    }
    let mut ops: Vec<Option<Op>> = ops.into_iter().map(Some).collect();
    let mut sorted: Vec<Op> = Vec::with_capacity(ops.len());
    while sorted.len() < ops.len() {
        // Rules that contradict each other would be a bug; then the smallest operation goes first
        // rather than none at all, and no longer waits for what comes later.
        let next = ready.next();
        let Some(at) = next.or_else(|| ops.iter().position(Option::is_some)) else {
            break;
        };
        let Some(mut op) = ops.get_mut(at).and_then(Option::take) else {
            continue;
        };
        let left = waiting.get(at).copied().unwrap_or_default();
        debug_assert_eq!(left, 0, "contradicting order at {:?}", op.key);
        if left > 0 {
            let is_done = |before: &OpKey| sorted.iter().any(|done| done.key == *before);
            op.after.retain(is_done);
        }
        sorted.push(op);
        for follower in followers.after(at) {
            if let Some(count) = waiting.get_mut(*follower) {
                *count = count.saturating_sub(1);
                if *count == 0 && ops.get(*follower).is_some_and(Option::is_some) {
                    ready.add(*follower);
                }
            }
        }
    }
    sorted
}

/// Which operations wait for each, side by side.
struct Followers {
    pairs: Vec<(At, At)>,
}

impl Followers {
    /// Of operations in the order of their keys.
    fn of(ops: &[Op]) -> Self {
        let place = |key: &OpKey| ops.binary_search_by(|op| op.key.cmp(key)).ok();
        let waits = |(at, op): (At, &'_ Op)| -> Vec<(At, At)> {
            let before = op.after.iter().filter_map(place);
            before.map(|before| (before, at)).collect()
        };
        let mut pairs: Vec<(At, At)> = ops.iter().enumerate().flat_map(waits).collect();
        pairs.sort_unstable();
        Self { pairs }
    }

    fn after(&self, at: At) -> impl Iterator<Item = &At> {
        let from = self.pairs.partition_point(|(before, _)| *before < at);
        let rest = self.pairs.iter().skip(from);
        rest.take_while(move |(before, _)| *before == at)
            .map(|(_, follower)| follower)
    }
}

/// Operations that wait for nothing any more.
struct Ready {
    plain: BTreeSet<Rank>,
    /// Those of each interruption.
    marked: BTreeMap<usize, BTreeSet<Rank>>,
    /// Which interruption an operation belongs to.
    groups: BTreeMap<At, usize>,
    /// The operations that delete.
    deletes: Vec<bool>,
    /// The interruption that has begun.
    open: Option<usize>,
}

impl Ready {
    /// Of operations in the order of their keys.
    fn new(ops: &[Op]) -> Self {
        let groups = interruptions(ops).into_iter().enumerate();
        let place = |key: &OpKey| ops.binary_search_by(|op| op.key.cmp(key)).ok();
        let groups = groups.flat_map(|(number, group)| {
            let places: Vec<At> = group.iter().filter_map(place).collect();
            places.into_iter().map(move |at| (at, number))
        });
        Self {
            plain: BTreeSet::new(),
            marked: BTreeMap::new(),
            groups: groups.collect(),
            deletes: ops.iter().map(|op| op.method == Method::Delete).collect(),
            open: None,
        }
    }

    fn add(&mut self, at: At) {
        let deletes = self.deletes.get(at).copied().unwrap_or_default();
        let ready = match self.groups.get(&at) {
            Some(group) => self.marked.entry(*group).or_default(),
            None => &mut self.plain,
        };
        ready.insert((deletes, at));
    }

    fn next(&mut self) -> Option<At> {
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
        next.map(|(_, at)| at)
    }
}

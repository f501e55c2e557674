//! Plans follow one another before the first is worked off, and an operation of an old plan may wait
//! for one of the new plan that waits for it. The old one then gives way.

use super::Scheduler;
use crate::op::{Op, OpKey};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Scheduler {
    /// Drops operations until none of those just admitted waits for itself.
    pub(super) fn break_cycles(&mut self, admitted: &[Arc<Op>]) -> Vec<Arc<Op>> {
        let mut dropped = Vec::new();
        let mut settled = BTreeSet::new();
        for op in admitted {
            while let Some(cycle) = self.cycle_from(&op.key, &mut settled) {
                dropped.extend(self.drop_from(&cycle));
                settled.clear();
            }
        }
        dropped
    }

    /// A cycle that can be reached from here. `settled` are those from which none can.
    fn cycle_from(&self, from: &OpKey, settled: &mut BTreeSet<OpKey>) -> Option<Vec<OpKey>> {
        let mut path: Vec<(OpKey, Vec<OpKey>)> = vec![(from.clone(), self.waited_for(from))];
        let mut on_path = BTreeSet::from([from.clone()]);
        while let Some((_, next)) = path.last_mut() {
            match next.pop() {
                Some(key) if on_path.contains(&key) => {
                    let keys = path.into_iter().map(|(key, _)| key);
                    return Some(keys.skip_while(|it| *it != key).collect());
                }
                Some(key) if settled.contains(&key) => {}
                Some(key) => {
                    on_path.insert(key.clone());
                    let next = self.waited_for(&key);
                    path.push((key, next));
                }
                None => {
                    if let Some((key, _)) = path.pop() {
                        on_path.remove(&key);
                        settled.insert(key);
                    }
                }
            }
        }
        None
    }

    fn waited_for(&self, key: &OpKey) -> Vec<OpKey> {
        let Some(waiting) = self.get(key) else {
            return Vec::new();
        };
        let blockers = self.blockers(waiting);
        blockers.map(|blocker| blocker.op.key.clone()).collect()
    }

    /// Takes the oldest operation of a cycle out, and what else of older plans waited for it. In a
    /// plan that contradicts itself the last one goes, with everything that waited for it.
    fn drop_from(&mut self, cycle: &[OpKey]) -> Vec<Arc<Op>> {
        let age = |key: &&OpKey| {
            self.get(key)
                .map(|it| (it.admission, std::cmp::Reverse(it.turn.1)))
        };
        let Some(victim) = cycle.iter().min_by_key(age).cloned() else {
            return Vec::new();
        };
        let Some(waiting) = self.remove(&victim) else {
            return Vec::new();
        };
        let newest = self.admissions;
        let spared = |admission: u64| waiting.admission < newest && admission == newest;
        let mut dropped = vec![waiting.op.clone()];
        let mut lost = vec![(victim, waiting.admission)];
        while let Some((key, admission)) = lost.pop() {
            for waiter in self.waiters(&key, admission) {
                let Some(found) = self.get(&waiter).map(|it| it.admission) else {
                    continue;
                };
                if spared(found) {
                    continue;
                }
                if let Some(waiting) = self.remove(&waiter) {
                    lost.push((waiter, found));
                    dropped.push(waiting.op);
                }
            }
        }
        dropped
    }
}

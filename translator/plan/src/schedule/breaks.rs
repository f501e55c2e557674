//! Operations that interrupt traffic: one group at a time, each alone, nothing between them.

use super::{Scheduler, Waiting};
use crate::breaks::hangs_on;
use crate::op::OpKey;
use aviary_types::Members;
use std::collections::BTreeSet;

/// What the group that is being worked off asks for.
pub(super) enum Pick {
    /// This operation of it goes next.
    Start(OpKey),
    /// Something must end first.
    Wait,
    /// There is no such group, or it waits for something outside.
    Anything,
}

impl Scheduler {
    pub(super) fn pick_in_group(&mut self) -> Pick {
        if self.open.is_empty() {
            return Pick::Anything;
        }
        if !self.running.is_empty() {
            return Pick::Wait;
        }
        let members: Vec<&Waiting> = self.open.iter().filter_map(|key| self.get(key)).collect();
        let free = members.iter().filter(|member| self.is_free(member));
        match free.min_by_key(|member| member.turn) {
            Some(member) => Pick::Start(member.op.key.clone()),
            None if members.is_empty() => {
                self.open.clear();
                Pick::Anything
            }
            None => Pick::Anything,
        }
    }

    pub(super) fn open_group(&mut self, first: OpKey) -> OpKey {
        self.open = self.group_of(&first);
        first
    }

    /// The interrupting operations that hang together with this one.
    fn group_of(&self, first: &OpKey) -> BTreeSet<OpKey> {
        let mut group = BTreeSet::from([first.clone()]);
        let mut open = vec![first.clone()];
        while let Some(key) = open.pop() {
            for neighbour in self.neighbours(&key) {
                if group.insert(neighbour.clone()) {
                    open.push(neighbour);
                }
            }
        }
        group
    }

    fn neighbours(&self, key: &OpKey) -> Vec<OpKey> {
        let Some(waiting) = self.get(key) else {
            return Vec::new();
        };
        let op = &waiting.op;
        let before = op.after.iter().filter(|before| {
            let before = self.get(before);
            before.is_some_and(|before| hangs_on(op, &before.op))
        });
        let later = self.dependents.get(&key.object);
        let later = later.into_iter().flat_map(Members::iter);
        let later = later.filter(|later| {
            let later = self.get(later).map(|later| &later.op);
            later.is_some_and(|later| later.after.contains(key) && hangs_on(later, op))
        });
        before.chain(later).cloned().collect()
    }

    /// Whether the group of this operation can run to its end without anything from outside, so that
    /// nothing would come between its calls.
    pub(super) fn is_self_contained(&self, first: &OpKey) -> bool {
        let group = self.group_of(first);
        let mut members = group.iter().filter_map(|key| self.get(key));
        members.all(|member| {
            let outside = |key: &OpKey| !group.contains(key);
            let waits = self
                .blockers(member)
                .any(|blocker| outside(&blocker.op.key));
            let mut named = member.op.after.iter().filter(|after| outside(after));
            !waits && !named.any(|after| self.is_running(&after.object, after.stage))
        })
    }
}

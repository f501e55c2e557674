//! Operations that interrupt traffic: one group at a time, each alone, nothing between them.

use super::{Scheduler, Waiting};
use crate::op::OpKey;
use aviary_avi::AviKey;
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
        let stages = self
            .open
            .iter()
            .filter_map(|object| self.waiting.get(object));
        let members: Vec<&Waiting> = stages.flat_map(|stages| stages.values()).collect();
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

    /// The objects of the interrupting operations that hang together with this one.
    fn group_of(&self, first: &OpKey) -> BTreeSet<AviKey> {
        let mut group = BTreeSet::from([first.object.clone()]);
        let mut open = vec![first.object.clone()];
        while let Some(object) = open.pop() {
            for neighbour in self.neighbours(&object) {
                if group.insert(neighbour.clone()) {
                    open.push(neighbour);
                }
            }
        }
        group
    }

    fn neighbours(&self, object: &AviKey) -> Vec<AviKey> {
        let stages = self.waiting.get(object).into_iter().flatten();
        let breaking = stages.filter(|(_, waiting)| waiting.op.breaks.is_some());
        let named = breaking.flat_map(|(_, waiting)| &waiting.op.after);
        let named = named.map(|after| &after.object);
        let naming = self
            .dependents
            .get(object)
            .into_iter()
            .flat_map(Members::iter);
        let naming = naming.map(|key| &key.object);
        named
            .chain(naming)
            .filter(|other| self.interrupts(other))
            .cloned()
            .collect()
    }

    fn interrupts(&self, object: &AviKey) -> bool {
        let stages = self.waiting.get(object).into_iter().flatten();
        stages
            .into_iter()
            .any(|(_, waiting)| waiting.op.breaks.is_some())
    }

    /// Whether the group of this operation can run to its end without anything from outside, so that
    /// nothing would come between its calls.
    pub(super) fn is_self_contained(&self, first: &OpKey) -> bool {
        let group = self.group_of(first);
        let stages = group.iter().filter_map(|object| self.waiting.get(object));
        stages.flat_map(|stages| stages.values()).all(|member| {
            let outside = |key: &OpKey| !group.contains(&key.object);
            let waits = self
                .blockers(member)
                .any(|blocker| outside(&blocker.op.key));
            let mut named = member.op.after.iter().filter(|after| outside(after));
            !waits && !named.any(|after| self.is_running(&after.object, after.stage))
        })
    }
}

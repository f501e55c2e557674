//! Every order that `after` allows is an order that the executor may take: some of them. What
//! interrupts traffic is worked off one interruption after the other, with nothing between.

use std::collections::BTreeSet;

use aviary_avi::AviKind;
use aviary_plan::{Method, Op, OpKey, interruptions};

use crate::shuffle::Dice;

/// What goes first among the operations that may go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Taste {
    /// The order of the plan.
    Planned,
    /// Deletes as early as they may.
    DeletesFirst,
    /// The second of two writes, which takes something away, as early as it may.
    SecondWritesFirst,
    /// What stands above others before what stands below.
    ParentsFirst,
    /// The plan's order backwards.
    Backwards,
    /// By chance.
    Dice(u64),
}

/// The tastes that each plan is tried with.
pub(crate) fn tastes() -> impl Iterator<Item = Taste> {
    let sorted = [
        Taste::Planned,
        Taste::DeletesFirst,
        Taste::SecondWritesFirst,
        Taste::ParentsFirst,
        Taste::Backwards,
    ];
    sorted.into_iter().chain((1..=4).map(Taste::Dice))
}

/// The operations in an order of this taste that respects `after`.
pub(crate) fn ordered(ops: &[Op], taste: Taste) -> Vec<&Op> {
    let mut waiting: Vec<&Op> = ops.iter().collect();
    if let Taste::Dice(seed) = taste {
        Dice::new(seed).shuffle(&mut waiting);
    }
    waiting.sort_by_key(|op| rank(op, taste));
    if matches!(taste, Taste::Backwards) {
        waiting.reverse();
    }
    let groups = interruptions(ops);
    let mut done = Vec::new();
    let mut open: Option<&BTreeSet<OpKey>> = None;
    while !waiting.is_empty() {
        let is_left = |group: &&BTreeSet<OpKey>| waiting.iter().any(|op| group.contains(&op.key));
        open = open.filter(is_left);
        let is_free = |op: &&Op| {
            let mut before = op.after.iter();
            let is_next = open.is_none_or(|group| group.contains(&op.key));
            is_next && before.all(|key| waiting.iter().all(|other| other.key != *key))
        };
        let next = waiting.iter().position(is_free);
        assert!(
            next.is_some(),
            "they wait for each other:\n{}",
            told(&waiting)
        );
        let op = waiting.remove(next.unwrap_or_default());
        open = open.or_else(|| groups.iter().find(|group| group.contains(&op.key)));
        done.push(op);
    }
    done
}

fn told(waiting: &[&Op]) -> String {
    let name = |key: &OpKey| format!("{}@{}", key.object, key.stage);
    let line = |op: &&Op| {
        let after: Vec<String> = op.after.iter().map(name).collect();
        format!("{} after {}", name(&op.key), after.join(", "))
    };
    waiting.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn rank(op: &Op, taste: Taste) -> usize {
    match taste {
        Taste::Planned | Taste::Backwards | Taste::Dice(_) => 0,
        Taste::DeletesFirst => usize::from(op.method != Method::Delete),
        Taste::SecondWritesFirst => usize::from(op.key.stage != 1),
        Taste::ParentsFirst => match op.key.object.kind {
            AviKind::VsVip => 0,
            AviKind::HttpPolicySet => 1,
            AviKind::VirtualService => 2,
            AviKind::PoolGroup => 3,
            _ => 4,
        },
    }
}

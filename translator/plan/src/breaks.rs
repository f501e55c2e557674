//! Operations that interrupt traffic stand side by side, one interruption after the other, with
//! everything that they wait for before them and everything that waits for them after.

use crate::op::{BreakReason, Method, Op, OpKey};
use aviary_avi::{AviKey, AviKind};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a marked operation is of one interruption with a marked one that it waits for. Hosts that
/// change their parent are interrupted each on its own, although they change the same VsVips.
pub(crate) fn hangs_on(op: &Op, before: &Op) -> bool {
    let moves = |op: &Op| op.breaks == Some(BreakReason::NewParent) && op.method == Method::Update;
    let is_name = |op: &Op| op.key.object.kind == AviKind::VsVip;
    let marked = op.breaks.is_some() && before.breaks.is_some();
    let follows = || op.whose == before.whose || (is_name(op) && before.whose.is_none());
    marked && (!moves(op) || !moves(before) || follows())
}

/// The marked operations, in groups of those that hang together: each group is one interruption.
pub fn interruptions<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Vec<BTreeSet<OpKey>> {
    let marked = ops.into_iter().filter(|op| op.breaks.is_some());
    let marked: BTreeMap<&OpKey, &Op> = marked.map(|op| (&op.key, op)).collect();
    let mut links: BTreeMap<&OpKey, BTreeSet<&OpKey>> = BTreeMap::new();
    for (key, op) in &marked {
        let before = op
            .after
            .iter()
            .filter_map(|before| marked.get_key_value(before));
        for (before, _) in before.filter(|(_, before)| hangs_on(op, before)) {
            links.entry(key).or_default().insert(before);
            links.entry(before).or_default().insert(key);
        }
    }
    let mut groups = Vec::new();
    let mut seen: BTreeSet<&OpKey> = BTreeSet::new();
    for key in marked.keys() {
        let mut group = BTreeSet::new();
        let mut open = vec![*key];
        while let Some(key) = open.pop() {
            if seen.insert(key) {
                group.insert(key.clone());
                open.extend(links.get(key).into_iter().flatten());
            }
        }
        if !group.is_empty() {
            groups.push(group);
        }
    }
    groups
}

/// Brings the operations of each interruption together: what stands between two of them is marked
/// like them, and none of them begins before all can.
pub(crate) fn adjoin(ops: &mut BTreeMap<OpKey, Op>) {
    if ops.values().all(|op| op.breaks.is_none()) {
        return;
    }
    mark_between(ops);
    for group in interruptions(ops.values()) {
        let members = group.iter().filter_map(|key| ops.get(key));
        let needed = members.flat_map(|op| &op.after);
        let outside: BTreeSet<OpKey> = needed.filter(|key| !group.contains(key)).cloned().collect();
        for key in &group {
            let Some(op) = ops.get_mut(key) else { continue };
            let known: BTreeSet<OpKey> = op.after.iter().cloned().collect();
            op.after.extend(outside.difference(&known).cloned());
        }
    }
}

/// Marks what waits for a marked operation while another one waits for it.
fn mark_between(ops: &mut BTreeMap<OpKey, Op>) {
    let mut followers: BTreeMap<OpKey, Vec<OpKey>> = BTreeMap::new();
    for (key, op) in &*ops {
        for before in &op.after {
            followers
                .entry(before.clone())
                .or_default()
                .push(key.clone());
        }
    }
    let marked = ops.values().filter(|op| op.breaks.is_some());
    let marked: BTreeSet<OpKey> = marked.map(|op| op.key.clone()).collect();
    let reason = marked.first().and_then(|key| ops.get(key)?.breaks);
    let waits = reach(&marked, |key| {
        followers.get(key).cloned().unwrap_or_default()
    });
    let needed = reach(&marked, |key| {
        ops.get(key).map(|op| op.after.clone()).unwrap_or_default()
    });
    for key in waits.intersection(&needed) {
        if let Some(op) = ops.get_mut(key) {
            op.breaks = op.breaks.or(reason);
        }
    }
}

/// Everything that some operations lead to.
fn reach(from: &BTreeSet<OpKey>, next: impl Fn(&OpKey) -> Vec<OpKey>) -> BTreeSet<OpKey> {
    let mut all = BTreeSet::new();
    let mut open: Vec<OpKey> = from.iter().flat_map(&next).collect();
    while let Some(key) = open.pop() {
        if all.insert(key.clone()) {
            open.extend(next(&key));
        }
    }
    all
}

/// Takes operations out of a plan, with those that wait for them. Of an interruption all go or none:
/// half of it would not end.
pub fn leave_out(ops: &mut Vec<Op>, which: impl Fn(&Op) -> bool) -> Vec<Op> {
    let groups = interruptions(&*ops);
    let mut out: BTreeSet<OpKey> = BTreeSet::new();
    loop {
        let mut objects: BTreeSet<&AviKey> = BTreeSet::new();
        let count = out.len();
        // The order respects `after`, so that one walk finds those that wait for one another.
        for op in &*ops {
            let waits = op
                .after
                .iter()
                .any(|before| objects.contains(&before.object));
            let is_out = which(op) || waits || objects.contains(&op.key.object);
            if is_out || out.contains(&op.key) {
                objects.insert(&op.key.object);
                out.insert(op.key.clone());
            }
        }
        let touched = groups.iter().filter(|group| !group.is_disjoint(&out));
        let touched: Vec<OpKey> = touched.flatten().cloned().collect();
        out.extend(touched);
        if out.len() == count {
            break;
        }
    }
    ops.extract_if(.., |op| out.contains(&op.key)).collect()
}

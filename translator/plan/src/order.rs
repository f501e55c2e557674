//! What must be done before what. References give most of it; the rest keeps every host served in
//! between (invariant 5):
//!
//! - a parent's redirects, and the parent itself, change once its children stand;
//! - what a shard gains is there before anything else of it is taken away;
//! - a child goes once the shard serves its host in another way;
//! - an object goes once nothing refers to it any more.

use crate::diff::Input;
use crate::op::{Method, Op, OpKey};
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::EcoString;
use std::collections::{BTreeMap, BTreeSet};

/// Fills in `after` and sorts.
pub(crate) fn order(input: &Input<'_>, mut ops: BTreeMap<OpKey, Op>) -> Vec<Op> {
    let shape = Shape::of(&ops);
    let after: Vec<(OpKey, Vec<OpKey>)> = ops
        .iter()
        .map(|(key, op)| {
            let mut before = BTreeSet::new();
            match op.method {
                Method::Delete => delete(input, &shape, &ops, key, &mut before),
                _ => write(&shape, &ops, op, &mut before),
            }
            before.remove(key);
            (key.clone(), before.into_iter().collect())
        })
        .collect();
    for (key, before) in after {
        if let Some(op) = ops.get_mut(&key) {
            op.after = before;
        }
    }
    sorted(ops)
}

/// Who belongs to which shard, among the operations.
#[derive(Default)]
struct Shape {
    /// Writes of children, by parent.
    children: BTreeMap<AviKey, Vec<OpKey>>,
    /// Writes of VsVips that carry a name.
    named: BTreeMap<EcoString, Vec<OpKey>>,
}

impl Shape {
    fn of(ops: &BTreeMap<OpKey, Op>) -> Self {
        let mut shape = Self::default();
        for (key, op) in ops {
            match op.body.as_deref() {
                Some(Body::VirtualService(service)) => {
                    let parent = parent_of(&key.object, service);
                    shape
                        .children
                        .entry(parent.unwrap_or(key.object.clone()))
                        .or_default()
                        .push(key.clone());
                }
                Some(Body::VsVip(vip)) if key.stage == 0 => {
                    for dns in &vip.dns_info {
                        shape
                            .named
                            .entry(dns.fqdn.clone())
                            .or_default()
                            .push(key.clone());
                    }
                }
                _ => {}
            }
        }
        shape
    }

    /// Writes of the children of a parent; a virtual service without one stands for itself.
    fn children(&self, parent: &AviKey) -> impl Iterator<Item = &OpKey> {
        let children = self.children.get(parent).into_iter().flatten();
        children.filter(|child| child.object != *parent)
    }
}

fn parent_of(key: &AviKey, service: &VirtualService) -> Option<AviKey> {
    key.target(service.vh_parent_vs_ref.as_ref()?)
}

/// The object of another kind that shares the shard's name.
fn sibling(key: &AviKey, kind: AviKind) -> AviKey {
    AviKey {
        kind,
        ..key.clone()
    }
}

fn stage(object: &AviKey, stage: u8) -> OpKey {
    OpKey {
        object: object.clone(),
        stage,
    }
}

fn write(shape: &Shape, ops: &BTreeMap<OpKey, Op>, op: &Op, before: &mut BTreeSet<OpKey>) {
    let key = &op.key.object;
    let Some(body) = op.body.as_deref() else {
        return;
    };
    let parent = match body {
        Body::VirtualService(service) => parent_of(key, service),
        _ => None,
    };
    for target in body
        .refs()
        .into_iter()
        .filter_map(|reference| key.target(reference))
    {
        let target_key = stage(&target, 0);
        if let Some(known) = ops.get(&target_key) {
            let made = known.method == Method::Create;
            let changed = known.method == Method::Update && Some(&target) != parent.as_ref();
            if made || changed {
                before.insert(target_key);
            }
        }
    }
    if op.key.stage == 1 {
        before.extend(ops.contains_key(&stage(key, 0)).then(|| stage(key, 0)));
    }
    keep_serving(shape, ops, op, body, before);
}

fn keep_serving(
    shape: &Shape,
    ops: &BTreeMap<OpKey, Op>,
    op: &Op,
    body: &Body,
    before: &mut BTreeSet<OpKey>,
) {
    let key = &op.key.object;
    let service = sibling(key, AviKind::VirtualService);
    let group = stage(&sibling(key, AviKind::PoolGroup), 0);
    let redirects = stage(&sibling(key, AviKind::HttpPolicySet), 0);
    let known = |key: OpKey| ops.contains_key(&key).then_some(key);
    let is_made = ops
        .get(&stage(&service, 0))
        .is_some_and(|op| op.method == Method::Create);
    match body {
        // A new parent must stand before its children can.
        Body::VirtualService(_) | Body::HttpPolicySet(_) if is_made => {}
        Body::VirtualService(_) | Body::HttpPolicySet(_) => {
            before.extend(shape.children(&service).cloned());
            before.extend(known(group));
        }
        Body::VsVip(_) if op.key.stage == 0 && op.method == Method::Update => {
            before.extend(shape.children(&service).cloned());
            before.extend(known(group));
        }
        Body::VsVip(_) if op.key.stage == 1 => {
            let names = shape
                .named
                .values()
                .flatten()
                .filter(|other| other.object != *key);
            before.extend(names.cloned());
        }
        Body::PoolGroup(_) if op.key.stage == 1 => {
            before.extend(shape.children(&service).cloned());
            before.extend(
                known(redirects)
                    .into_iter()
                    .chain(known(stage(&service, 0))),
            );
        }
        _ => {}
    }
}

fn delete(
    input: &Input<'_>,
    shape: &Shape,
    ops: &BTreeMap<OpKey, Op>,
    key: &OpKey,
    before: &mut BTreeSet<OpKey>,
) {
    let both = |object: &AviKey| [stage(object, 0), stage(object, 1)];
    let known = |keys: [OpKey; 2]| keys.into_iter().filter(|key| ops.contains_key(key));
    for referrer in input.observed.referrers(&key.object) {
        before.extend(known(both(referrer)));
    }
    let Some(observed) = input.observed.objects.get(&key.object) else {
        return;
    };
    let Body::VirtualService(service) = &*observed.body else {
        return;
    };
    let Some(parent) = parent_of(&key.object, service) else {
        return;
    };
    if ops
        .get(&stage(&parent, 0))
        .is_some_and(|op| op.method == Method::Delete)
    {
        return;
    }
    for kind in [AviKind::HttpPolicySet, AviKind::VirtualService] {
        before.extend(known(both(&sibling(&parent, kind))));
    }
    let group = stage(&sibling(&parent, AviKind::PoolGroup), 0);
    before.extend(ops.contains_key(&group).then_some(group));
    before.extend(shape.children(&parent).cloned());
}

/// Kahn's order; among those that may go, writes before deletes and then by key.
fn sorted(mut ops: BTreeMap<OpKey, Op>) -> Vec<Op> {
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
    let rank = |ops: &BTreeMap<OpKey, Op>, key: &OpKey| {
        let deletes = ops.get(key).is_some_and(|op| op.method == Method::Delete);
        (deletes, key.clone())
    };
    let free = waiting
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(key, _)| key);
    let mut ready: BTreeSet<(bool, OpKey)> = free.map(|key| rank(&ops, key)).collect();
    let mut sorted = Vec::with_capacity(ops.len());
    while !ops.is_empty() {
        // Rules that contradict each other would be a bug; then the smallest operation goes first
        // rather than none at all, and no longer waits for what comes later.
        let next = ready
            .pop_first()
            .map(|(_, key)| key)
            .or_else(|| ops.keys().next().cloned());
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
                    ready.insert(rank(&ops, &follower));
                }
            }
        }
    }
    sorted
}

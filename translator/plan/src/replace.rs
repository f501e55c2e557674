//! What the Controller cannot change in place. A VsVip that is to get another static address, another
//! VRF or tier-1 router is deleted and made again, with everything that refers to it; and an address
//! that moves from one VsVip to another cannot be in both. All interrupt traffic: their operations
//! are marked.

use crate::diff::Input;
use crate::hold::Holder;
use crate::op::{BreakReason, Method, Op, OpKey, Reason, stage};
use crate::retain::retain;
use aviary_avi::common::IpAddr;
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::{EcoString, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The operations of a plan in the making.
type Ops = BTreeMap<OpKey, Op>;

/// Puts deletes and creates in the place of updates that the Controller would refuse, and marks
/// what interrupts traffic.
pub(crate) fn replace(input: &Input<'_>, holder: &Holder<'_>, ops: &mut Ops) {
    for vip in able(input, holder, ops) {
        remake(input, holder, &vip, ops);
    }
    mark_moves(input, ops);
}

/// VsVips that must be made again and can be. Where one cannot, because what refers to it is not
/// ours or is held, or because another keeps the address, its update stays: the Controller refuses
/// it, all goes on as before, and the user is told.
fn able(input: &Input<'_>, holder: &Holder<'_>, ops: &Ops) -> BTreeSet<AviKey> {
    let updates = ops.values().filter(|op| op.method == Method::Update);
    let stuck = updates.filter(|op| {
        let observed = observed(input, &op.key.object);
        let wanted = vip_of(op.body.as_deref());
        wanted.is_some_and(|wanted| observed.is_some_and(|it| why_anew(wanted, it).is_some()))
    });
    let keys = stuck.map(|op| &op.key.object);
    let free = keys.filter(|vip| {
        let mut users = users(input, vip).into_iter();
        users.all(|user| may_go(input, holder, &user, ops))
    });
    let mut able: BTreeSet<AviKey> = free.cloned().collect();
    while let Some(vip) = able.iter().find(|vip| is_taken(input, vip, ops, &able)) {
        let vip = vip.clone();
        able.remove(&vip);
    }
    able
}

/// Why the Controller would refuse to make of a VsVip what is wanted.
fn why_anew(wanted: &VsVip, observed: &VsVip) -> Option<BreakReason> {
    if wanted.needs_new_routing(observed) {
        Some(BreakReason::RoutingChanged)
    } else {
        let is_other = wanted.needs_new_address(observed);
        is_other.then_some(BreakReason::StaticVipChanged)
    }
}

fn vip_of(body: Option<&Body>) -> Option<&VsVip> {
    match body {
        Some(Body::VsVip(vip)) => Some(vip),
        _ => None,
    }
}

fn observed<'a>(input: &Input<'a>, key: &AviKey) -> Option<&'a VsVip> {
    vip_of(input.observed.objects.get(key).map(|it| &*it.body))
}

/// The VsVip that an operation comes to.
fn wanted<'a>(ops: &'a Ops, vip: &AviKey) -> Option<&'a VsVip> {
    let last = [1, 0].into_iter().find_map(|at| ops.get(&stage(vip, at)));
    vip_of(last?.body.as_deref())
}

fn is_deleted(ops: &Ops, object: &AviKey) -> bool {
    let op = ops.get(&stage(object, 0));
    op.is_some_and(|op| op.method == Method::Delete)
}

/// Whether an object can be deleted for a while, or goes anyway.
fn may_go(input: &Input<'_>, holder: &Holder<'_>, object: &AviKey, ops: &Ops) -> bool {
    let observed = input.observed.objects.get(object);
    let is_free =
        observed.is_some_and(|it| holder.owner(it).is_some() && holder.why_stay(it).is_none());
    is_free && (is_deleted(ops, object) || input.desired.objects.contains_key(object))
}

/// An object with everything that refers to it, and to that.
fn users(input: &Input<'_>, object: &AviKey) -> BTreeSet<AviKey> {
    let mut all = BTreeSet::from([object.clone()]);
    let mut open = vec![object.clone()];
    while let Some(object) = open.pop() {
        for user in input.observed.referrers(&object) {
            if all.insert(user.clone()) {
                open.push(user.clone());
            }
        }
    }
    all
}

/// Other VsVips that have an address of this one, in the same part of the network.
fn holders<'a>(input: &Input<'a>, key: &AviKey, vip: &VsVip) -> BTreeSet<&'a AviKey> {
    let all = vip.addresses().flat_map(|it| input.observed.of_address(it));
    let others = all.filter(|other| *other != key);
    let near = others.filter(|other| observed(input, other).is_some_and(|it| vip.is_near(it)));
    near.collect()
}

/// Whether another VsVip keeps an address that this one wants.
fn is_taken(input: &Input<'_>, vip: &AviKey, ops: &Ops, able: &BTreeSet<AviKey>) -> bool {
    let Some(body) = wanted(ops, vip) else {
        return true;
    };
    let asks = |other: &VsVip, address: &IpAddr| other.addresses().any(|it| it.is(address));
    holders(input, vip, body).into_iter().any(|other| {
        let next = wanted(ops, other).filter(|_| able.contains(other));
        let leaves = next.is_some_and(|next| body.addresses().all(|it| !asks(next, it)));
        !leaves && !is_deleted(ops, other)
    })
}

/// Deletes a VsVip and all that refers to it, and makes again what is wanted of that.
fn remake(input: &Input<'_>, holder: &Holder<'_>, vip: &AviKey, ops: &mut Ops) {
    let both = wanted(ops, vip).zip(observed(input, vip));
    let breaks = both.and_then(|(wanted, observed)| why_anew(wanted, observed));
    for object in users(input, vip) {
        let delete = stage(&object, 0);
        if let Some(op) = ops
            .get_mut(&delete)
            .filter(|it| it.method == Method::Delete)
        {
            op.breaks = breaks;
            continue;
        }
        let both = (
            input.desired.objects.get(&object),
            input.observed.objects.get(&object),
        );
        let (Some(desired), Some(observed)) = both else {
            continue;
        };
        let retained = retain(holder, desired, observed).map(Arc::new);
        let create = Op {
            key: stage(&object, 1),
            method: Method::Create,
            domain: desired.domain.clone(),
            body: Some(retained.unwrap_or_else(|| desired.body.clone())),
            after: Vec::new(),
            reason: Reason::Replace,
            breaks,
            whose: None,
            urgent: false,
            provenance: desired.provenance.clone(),
        };
        let gone = Op {
            key: delete.clone(),
            method: Method::Delete,
            body: None,
            ..create.clone()
        };
        ops.insert(delete, gone);
        ops.insert(create.key.clone(), create);
    }
}

/// VsVips, with those that must have changed before.
type Waits = BTreeMap<AviKey, BTreeSet<AviKey>>;

/// Marks addresses that change hands while the clients stay: who takes the address waits until the
/// former one is gone, which waits until its names have their new place. Where that leads in a
/// circle, all of it interrupts.
fn mark_moves(input: &Input<'_>, ops: &mut Ops) {
    let takes = takes(input, ops);
    if takes.is_empty() {
        return;
    }
    let mut waits: Waits = BTreeMap::new();
    for (to, from) in &takes {
        waits.entry(to.clone()).or_default().insert(from.clone());
    }
    for (from, to) in moves(input, ops) {
        waits.entry(from).or_default().insert(to);
    }
    for (to, from) in takes {
        let all = reach(&waits, &from);
        if all.contains(&to) {
            let circle = all
                .into_iter()
                .filter(|vip| reach(&waits, vip).contains(&to));
            mark(input, ops, &circle.collect());
        }
    }
}

/// VsVips that are made with an address, each with one that is deleted and has it.
fn takes(input: &Input<'_>, ops: &Ops) -> Vec<(AviKey, AviKey)> {
    let creates = ops.values().filter(|op| op.method == Method::Create);
    let mut takes = Vec::new();
    for op in creates {
        let key = &op.key.object;
        if let Some(vip) = vip_of(op.body.as_deref()) {
            let from = holders(input, key, vip).into_iter();
            let from = from.filter(|it| is_deleted(ops, it));
            takes.extend(from.map(|from| (key.clone(), from.clone())));
        }
    }
    takes
}

/// VsVips that are deleted, each with one that gets a name of it, or is called as it is.
fn moves(input: &Input<'_>, ops: &Ops) -> Vec<(AviKey, AviKey)> {
    let mut takers: BTreeMap<&EcoString, BTreeSet<&AviKey>> = BTreeMap::new();
    for (key, op) in ops {
        let vip = vip_of(op.body.as_deref()).filter(|_| op.method == Method::Create);
        for name in vip.into_iter().flat_map(VsVip::names) {
            takers.entry(name).or_default().insert(&key.object);
        }
    }
    let deletes = ops.values().filter(|op| op.method == Method::Delete);
    let mut moves = Vec::new();
    for from in deletes.map(|op| &op.key.object) {
        let vip = observed(input, from).into_iter();
        let names = vip.flat_map(VsVip::names);
        let to = names.filter_map(|name| takers.get(name)).flatten();
        let to = to.filter(|to| **to != from);
        moves.extend(to.map(|to| (from.clone(), (*to).clone())));
    }
    moves
}

/// A VsVip with all that it waits for.
fn reach(waits: &Waits, from: &AviKey) -> BTreeSet<AviKey> {
    let mut all = BTreeSet::new();
    let mut open = vec![from];
    while let Some(vip) = open.pop() {
        if all.insert(vip.clone()) {
            open.extend(waits.get(vip).into_iter().flatten());
        }
    }
    all
}

/// Marks the deletes and creates of these VsVips and of the virtual services that use them.
fn mark(input: &Input<'_>, ops: &mut Ops, vips: &BTreeSet<AviKey>) {
    let tenants: BTreeSet<&TenantName> = vips.iter().map(|vip| &vip.tenant).collect();
    let reason = if tenants.len() > 1 {
        BreakReason::SameAddressNewTenant
    } else {
        BreakReason::SameAddressNewService
    };
    for vip in vips {
        let service = AviKey {
            kind: AviKind::VirtualService,
            ..vip.clone()
        };
        let deletes = users(input, vip).into_iter().map(|it| stage(&it, 0));
        let creates = [vip, &service].into_iter();
        let creates = creates.flat_map(|it| [stage(it, 0), stage(it, 1)]);
        for key in deletes.chain(creates) {
            let op = ops.get_mut(&key).filter(|op| op.method != Method::Update);
            if let Some(op) = op {
                op.breaks.get_or_insert(reason);
            }
        }
    }
}

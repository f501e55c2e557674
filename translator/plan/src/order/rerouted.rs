//! Pools that are reached in another VRF, or by another tier-1 router: a Controller changes that while
//! no virtual service uses them.

use crate::diff::Input;
use crate::op::{BreakReason, Method, Op, OpKey, stage};
use aviary_avi::{AviKey, AviKind, Body};
use std::collections::{BTreeMap, BTreeSet};

/// What the writes of such pools wait for, and who waits for them.
#[derive(Default)]
pub(super) struct Rerouted(BTreeMap<OpKey, BTreeSet<OpKey>>);

impl Rerouted {
    /// Those of a plan, where virtual services are made anew for it.
    pub(super) fn of(input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> Self {
        let mut rerouted = Self::default();
        let is_marked = |op: &Op| op.breaks == Some(BreakReason::RoutingChanged);
        if !ops.values().any(is_marked) {
            return rerouted;
        }
        let routes: Vec<&OpKey> = ops
            .iter()
            .filter(|it| brings_routes(it.1))
            .map(|it| it.0)
            .collect();
        for key in ops
            .iter()
            .filter(|(_, op)| is_rerouted(input, op))
            .map(|it| it.0)
        {
            let before = rerouted.0.entry(key.clone()).or_default();
            before.extend(routes.iter().copied().cloned());
            let services = services(input, &key.object);
            let gone = services.iter().map(|service| stage(service, 0));
            let gone = gone.filter(|it| ops.get(it).is_some_and(|op| op.method == Method::Delete));
            before.extend(gone);
            for again in services.iter().map(|service| stage(service, 1)) {
                rerouted.0.entry(again).or_default().insert(key.clone());
            }
        }
        rerouted
    }

    /// What is done before an operation.
    pub(super) fn before(&self, key: &OpKey) -> impl Iterator<Item = &OpKey> {
        self.0.get(key).into_iter().flatten()
    }
}

fn brings_routes(op: &Op) -> bool {
    matches!(op.body.as_deref(), Some(Body::VrfContext(vrf)) if !vrf.static_routes.is_empty())
}

fn is_rerouted(input: &Input<'_>, op: &Op) -> bool {
    let observed = input.observed.objects.get(&op.key.object);
    match (op.body.as_deref(), observed.map(|it| &*it.body)) {
        (Some(Body::Pool(wanted)), Some(Body::Pool(pool))) => wanted.needs_new_routing(pool),
        _ => false,
    }
}

/// The virtual services that use an object, by whatever leads to it.
fn services(input: &Input<'_>, object: &AviKey) -> BTreeSet<AviKey> {
    let mut all = BTreeSet::new();
    let mut open = vec![object.clone()];
    while let Some(object) = open.pop() {
        for user in input.observed.referrers(&object) {
            if all.insert(user.clone()) {
                open.push(user.clone());
            }
        }
    }
    all.retain(|key| key.kind == AviKind::VirtualService);
    all
}

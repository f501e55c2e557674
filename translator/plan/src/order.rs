//! What must be done before what. References give most of it; the rest keeps every host served in
//! between (invariant 5):
//!
//! - a parent's redirects, and the parent itself, change once its children stand;
//! - what a shard gains is there before anything else of it is taken away;
//! - so are the paths that a namespace gains, before another namespace of the host loses them;
//! - a DNS name is taken from an address once another has it, and listens;
//! - the last routes to pods go once no pool leads there any more;
//! - a pool is reached another way while no virtual service uses it, and once there are routes;
//! - what serves a name behind an address goes once the name has left it;
//! - a child goes once the shard serves its host in another way;
//! - an object goes once nothing refers to it any more;
//! - an address is taken once another has given it up.

mod behind;
mod rerouted;

use self::rerouted::Rerouted;
use crate::breaks::adjoin;
use crate::diff::Input;
use crate::op::{Method, Op, OpKey, sibling, stage};
use crate::relocate::Moves;
use crate::sort::sorted;
use crate::stage::switches;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::{DnsInfo, VsVip, fqdns};
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::EcoString;
use std::collections::{BTreeMap, BTreeSet};

/// Fills in `after` and sorts.
pub(crate) fn order(input: &Input<'_>, mut ops: BTreeMap<OpKey, Op>, moves: &Moves) -> Vec<Op> {
    let shape = Shape::of(input, &ops);
    let rules = Rules {
        input,
        shape: &shape,
        ops: &ops,
        moves,
    };
    let after: Vec<Vec<OpKey>> = ops
        .iter()
        .map(|(key, op)| {
            let mut before = BTreeSet::new();
            match op.method {
                Method::Delete => rules.delete(key, &mut before),
                _ => rules.write(op, &mut before),
            }
            before.extend(moves.before.get(key).into_iter().flatten().cloned());
            before.remove(key);
            before.into_iter().collect()
        })
        .collect();
    for (op, before) in ops.values_mut().zip(after) {
        op.after = before;
    }
    adjoin(&mut ops);
    sorted(ops)
}

/// Who belongs to which shard or child, among the operations.
#[derive(Default)]
struct Shape {
    /// Writes of children, by parent.
    children: BTreeMap<AviKey, Vec<OpKey>>,
    /// Writes of VsVips that bring a name which stays.
    named: BTreeMap<EcoString, Vec<OpKey>>,
    /// Deletes of VsVips that an interruption takes a name from.
    interrupted: BTreeMap<EcoString, Vec<OpKey>>,
    /// The virtual services that do, or shall, evaluate a policy set that is written.
    users: BTreeMap<AviKey, BTreeSet<AviKey>>,
    /// Pools that are reached another way.
    rerouted: Rerouted,
}

impl Shape {
    fn of(input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> Self {
        let mut shape = Self {
            rerouted: Rerouted::of(input, ops),
            ..Self::default()
        };
        for (key, op) in ops {
            if op.method == Method::Delete && op.breaks.is_some() {
                shape.add_interrupted(input, key);
            }
            match op.body.as_deref() {
                Some(Body::VirtualService(service)) => shape.add_service(key, service),
                Some(Body::VsVip(vip)) => {
                    let kept = gained(input, ops, op);
                    shape.add_names(key, vip, &kept);
                }
                Some(Body::HttpPolicySet(_)) => {
                    let users = input.observed.referrers(&key.object).cloned();
                    let known = shape.users.entry(key.object.clone()).or_default();
                    known.extend(users);
                }
                _ => {}
            }
        }
        shape
    }

    fn add_service(&mut self, key: &OpKey, service: &VirtualService) {
        let parent = parent_of(&key.object, service);
        self.children
            .entry(parent.unwrap_or(key.object.clone()))
            .or_default()
            .push(key.clone());
        for set in sets_of(&key.object, service) {
            let users = self.users.entry(set).or_default();
            users.insert(key.object.clone());
        }
    }

    fn add_interrupted(&mut self, input: &Input<'_>, key: &OpKey) {
        let observed = input.observed.objects.get(&key.object);
        if let Some(Body::VsVip(vip)) = observed.map(|object| &*object.body) {
            for name in vip.names() {
                let deletes = self.interrupted.entry(name.clone()).or_default();
                deletes.push(key.clone());
            }
        }
    }

    /// The first write that carries a name counts. A name that goes again with a later write, or that
    /// was there before, is nobody's new place.
    fn add_names(&mut self, key: &OpKey, vip: &VsVip, kept: &BTreeSet<&EcoString>) {
        let names = vip.dns_info.iter();
        for dns in names.filter(|dns| kept.contains(&dns.fqdn)) {
            let writes = self.named.entry(dns.fqdn.clone()).or_default();
            if writes.last().is_none_or(|last| last.object != key.object) {
                writes.push(key.clone());
            }
        }
    }

    /// Writes of the children of a parent; a virtual service without one stands for itself.
    fn children(&self, parent: &AviKey) -> impl Iterator<Item = &OpKey> {
        let children = self.children.get(parent).into_iter().flatten();
        children.filter(|child| child.object != *parent)
    }
}

/// The names that a VsVip has in the end and did not have, or has anew.
fn gained<'a>(
    input: &'a Input<'_>,
    ops: &'a BTreeMap<OpKey, Op>,
    op: &Op,
) -> BTreeSet<&'a EcoString> {
    let object = &op.key.object;
    let stages = stage(object, u16::MIN)..=stage(object, u16::MAX);
    let last = ops.range(stages).next_back().map(|(_, op)| op);
    let last = last.filter(|op| op.method != Method::Delete);
    let mut kept = fqdns(last.and_then(|op| op.body.as_deref()));
    if op.method != Method::Create {
        let observed = input.observed.objects.get(object);
        let before = fqdns(observed.map(|object| &*object.body));
        kept.retain(|name| !before.contains(name));
    }
    kept
}

/// Whether objects of the kind stand in a VRF, whose routes they use.
fn is_routed(kind: AviKind) -> bool {
    matches!(
        kind,
        AviKind::Pool | AviKind::VirtualService | AviKind::VsVip
    )
}

fn parent_of(key: &AviKey, service: &VirtualService) -> Option<AviKey> {
    key.target(service.vh_parent_vs_ref.as_ref()?)
}

fn sets_of(key: &AviKey, service: &VirtualService) -> impl Iterator<Item = AviKey> {
    let policies = service.http_policies.iter();
    policies.filter_map(|policy| key.target(&policy.http_policy_set_ref))
}

/// What the rules look at.
struct Rules<'a> {
    input: &'a Input<'a>,
    shape: &'a Shape,
    ops: &'a BTreeMap<OpKey, Op>,
    moves: &'a Moves,
}

impl Rules<'_> {
    fn known(&self, key: OpKey) -> Option<OpKey> {
        self.ops.contains_key(&key).then_some(key)
    }

    /// All operations of an object.
    fn all(&self, object: &AviKey) -> impl Iterator<Item = OpKey> {
        let stages = stage(object, u16::MIN)..=stage(object, u16::MAX);
        self.ops.range(stages).map(|(key, _)| key.clone())
    }

    /// The last operation of an object: it waits for those before it.
    fn last(&self, object: &AviKey) -> Option<OpKey> {
        let stages = stage(object, u16::MIN)..=stage(object, u16::MAX);
        self.ops
            .range(stages)
            .next_back()
            .map(|(key, _)| key.clone())
    }

    /// The operation of the same object that comes before this one.
    fn former(&self, key: &OpKey) -> Option<(&OpKey, &Op)> {
        let stages = stage(&key.object, u16::MIN)..key.clone();
        self.ops.range(stages).next_back()
    }

    /// Writes of the children of a parent that stand below it, or are made there.
    fn settled(&self, parent: &AviKey) -> impl Iterator<Item = OpKey> {
        let children = self.shape.children(parent);
        children.filter(|key| !self.moves.is_mover(key)).cloned()
    }

    /// The creation of an object that is deleted before.
    fn remade(&self, object: &AviKey) -> Option<OpKey> {
        let key = stage(object, 1);
        let op = self.ops.get(&key)?;
        (op.method == Method::Create).then_some(key)
    }

    /// Whether an object is made, for the first time or anew.
    fn is_made(&self, object: &AviKey) -> bool {
        let first = self.ops.get(&stage(object, 0));
        first.is_some_and(|op| op.method == Method::Create) || self.remade(object).is_some()
    }

    fn write(&self, op: &Op, before: &mut BTreeSet<OpKey>) {
        let key = &op.key.object;
        let Some(body) = op.body.as_deref() else {
            return;
        };
        let parent = match body {
            Body::VirtualService(service) => parent_of(key, service),
            _ => None,
        };
        for target in body.refs().into_iter().filter_map(|r| key.target(r)) {
            before.extend(self.remade(&target));
            let target_key = stage(&target, 0);
            if let Some(known) = self.ops.get(&target_key) {
                let made = known.method == Method::Create;
                // Names are added to an address once who listens there serves them.
                let names = target.kind == AviKind::VsVip;
                let changed =
                    known.method == Method::Update && Some(&target) != parent.as_ref() && !names;
                if made || changed {
                    before.insert(target_key);
                }
            }
        }
        before.extend(self.former(&op.key).map(|(key, _)| key.clone()));
        before.extend(self.shape.rerouted.before(&op.key).cloned());
        self.keep_serving(op, body, before);
    }

    fn keep_serving(&self, op: &Op, body: &Body, before: &mut BTreeSet<OpKey>) {
        let key = &op.key.object;
        let service = sibling(key, AviKind::VirtualService);
        let children = self.shape.children(&service).cloned();
        let group = self.known(stage(&sibling(key, AviKind::PoolGroup), 0));
        let is_made = self.is_made(&service);
        match body {
            Body::VrfContext(vrf) if vrf.static_routes.is_empty() => {
                let users = self.ops.keys();
                before.extend(users.filter(|it| is_routed(it.object.kind)).cloned());
            }
            // A new parent must stand before its children can.
            Body::VirtualService(_) | Body::HttpPolicySet(_) if is_made => {}
            // One that comes from another parent finds its redirect in place.
            Body::HttpPolicySet(set) if op.key.stage > 0 && switches(set) => {
                self.after_takers(key, before);
            }
            Body::HttpPolicySet(_) if op.key.stage > 0 => {
                before.extend(children.chain(group));
                self.after_names_left(op, before);
            }
            Body::VirtualService(_) | Body::HttpPolicySet(_) => {
                before.extend(self.settled(&service).chain(group));
                self.after_names_left(op, before);
            }
            Body::VsDataScriptSet(_) => self.after_names_left(op, before),
            Body::L4PolicySet(_) if op.key.stage == 1 => {
                before.extend(self.last(&service));
                self.after_names_left(op, before);
            }
            Body::VsVip(vip) => {
                self.after_holders(op, vip, before);
                self.after_namesakes(op, vip, before);
            }
            Body::PoolGroup(_) if op.key.stage == 1 => {
                let redirects = self.known(stage(&sibling(key, AviKind::HttpPolicySet), 0));
                let parent = self.known(stage(&service, 0));
                let names = self.last(&sibling(key, AviKind::VsVip));
                let names = names.filter(|key| key.stage > 0);
                before.extend(children.chain(redirects).chain(parent).chain(names));
            }
            _ => {}
        }
    }

    /// A VsVip is made with an address once those that have it are gone.
    fn after_holders(&self, op: &Op, vip: &VsVip, before: &mut BTreeSet<OpKey>) {
        if op.method != Method::Create {
            return;
        }
        let addresses = vip.addresses();
        let holders = addresses.flat_map(|it| self.input.observed.of_address(it));
        let ends = holders.flat_map(|holder| self.all(holder));
        let deletes = |key: &OpKey| {
            self.ops
                .get(key)
                .is_some_and(|op| op.method == Method::Delete)
        };
        before.extend(ends.filter(deletes));
        // What is interrupted is one interruption until it is served again.
        let names = vip.names().filter(|_| op.breaks.is_some());
        let deletes = names.filter_map(|name| self.shape.interrupted.get(name));
        before.extend(deletes.flatten().cloned());
    }

    /// A VsVip gets names once its virtual service serves them, and loses them once another has them.
    fn after_namesakes(&self, op: &Op, vip: &VsVip, before: &mut BTreeSet<OpKey>) {
        let key = &op.key.object;
        let service = sibling(key, AviKind::VirtualService);
        if self.moves.is_early(&op.key) {
            return;
        }
        if op.method == Method::Update {
            before.extend(self.moves.child_of(&op.key).cloned());
            if !self.moves.is_step(&op.key) && !self.moves.is_opening(&op.key) {
                before.extend(self.shape.children(&service).cloned());
            } else {
                before.extend(self.settled(&service));
            }
            before.extend(self.write_of(&sibling(key, AviKind::PoolGroup)));
            let made = self.ops.get(&stage(&service, 0));
            let made = made.filter(|op| op.method == Method::Create);
            before.extend(made.map(|op| op.key.clone()));
            self.after_what_serves(key, before);
        }
        let former = self.former(&op.key).and_then(|(_, op)| op.body.as_deref());
        let observed = self.input.observed.objects.get(key);
        let former = former.or(observed.map(|object| &*object.body));
        let Some(Body::VsVip(former)) = former else {
            return;
        };
        let kept: BTreeSet<&DnsInfo> = vip.dns_info.iter().collect();
        let lost = former.dns_info.iter().filter(|dns| !kept.contains(dns));
        for dns in lost {
            let others = self.shape.named.get(&dns.fqdn).into_iter().flatten();
            before.extend(others.filter(|other| other.object != *key).cloned());
        }
    }

    /// A VsVip is deleted at once only in an interruption: after what need not be interrupted has its
    /// names.
    fn after_takers_of_names(&self, op: &Op, vip: &VsVip, before: &mut BTreeSet<OpKey>) {
        let names = vip.dns_info.iter().filter(|_| op.breaks.is_some());
        let takers = names.filter_map(|dns| self.shape.named.get(&dns.fqdn));
        let others = takers.flatten().filter(|taker| {
            let write = self.ops.get(taker);
            taker.object != op.key.object && write.is_some_and(|it| it.breaks.is_none())
        });
        before.extend(others.cloned());
    }

    /// Paths are taken from a policy set once the other sets of the virtual service have theirs,
    /// and it evaluates them.
    fn after_takers(&self, set: &AviKey, before: &mut BTreeSet<OpKey>) {
        for user in self.shape.users.get(set).into_iter().flatten() {
            let write = self.ops.get(&stage(user, 0));
            before.extend(write.map(|op| op.key.clone()));
            let observed = self.input.observed.objects.get(user);
            let bodies = [
                write.and_then(|op| op.body.as_deref()),
                observed.map(|object| &*object.body),
            ];
            for body in bodies.into_iter().flatten() {
                let Body::VirtualService(service) = body else {
                    continue;
                };
                let sets = sets_of(user, service).filter(|other| other != set);
                before.extend(sets.filter_map(|other| self.write_of(&other)));
            }
        }
    }

    /// The first write of an object, if there is one.
    fn write_of(&self, object: &AviKey) -> Option<OpKey> {
        let key = stage(object, 0);
        let op = self.ops.get(&key)?;
        (op.method != Method::Delete).then_some(key)
    }

    /// The last write of an object that is not made anew, if there is one.
    fn last_write_of(&self, object: &AviKey) -> Option<OpKey> {
        if self.remade(object).is_some() {
            return None;
        }
        let stages = stage(object, u16::MIN)..=stage(object, u16::MAX);
        let mut writes = self.ops.range(stages).rev();
        let write = writes.find(|(_, op)| op.method != Method::Delete);
        write.map(|(key, _)| key.clone())
    }

    fn delete(&self, key: &OpKey, before: &mut BTreeSet<OpKey>) {
        before.extend(self.former(key).map(|(key, _)| key.clone()));
        let remade = self.remade(&key.object).is_some();
        for referrer in self.input.observed.referrers(&key.object) {
            // What is made anew with it comes after it; what merely goes comes before.
            let first = self.all(referrer).next().filter(|_| remade);
            before.extend(first.or_else(|| self.last(referrer)));
        }
        let Some(observed) = self.input.observed.objects.get(&key.object) else {
            return;
        };
        if let (Body::VsVip(vip), Some(op)) = (&*observed.body, self.ops.get(key)) {
            self.after_takers_of_names(op, vip, before);
        }
        let Body::VirtualService(service) = &*observed.body else {
            return;
        };
        // Its address goes on answering until no name leads there.
        let vip = service.vsvip_ref.as_ref();
        let vip = vip.and_then(|vip| key.object.target(vip));
        let names = vip.and_then(|vip| self.last_write_of(&vip));
        before.extend(names);
        let Some(parent) = parent_of(&key.object, service) else {
            return;
        };
        // Clients find it by the names of its parent's address.
        let vip = sibling(&parent, AviKind::VsVip);
        before.extend(self.last_write_of(&vip));
        if self
            .ops
            .get(&stage(&parent, 0))
            .is_some_and(|op| op.method == Method::Delete)
        {
            return;
        }
        for kind in [AviKind::HttpPolicySet, AviKind::VirtualService] {
            before.extend(self.last(&sibling(&parent, kind)));
        }
        before.extend(self.known(stage(&sibling(&parent, AviKind::PoolGroup), 0)));
        before.extend(self.shape.children(&parent).cloned());
    }
}
